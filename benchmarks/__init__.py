"""What the functions cost, as ratios to a reference that runs beside them: `scripts/bench.sh`."""
