"""What the functions cost, as ratios to a reference that runs beside them: `scripts/bench.sh`."""

# What it does as a command begins, it does for these, too.
import tools as tools
