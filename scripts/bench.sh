#!/bin/sh
# What the functions cost, as ratios to a reference: scripts/bench.sh [--short] [--only NAME] [--json FILE] [--plot FILE]
set -eu
exec "$(dirname "$0")/run.sh" --dev --cdk -- python -m benchmarks "$@"
