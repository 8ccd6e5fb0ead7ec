#!/bin/sh
# How much CPU the functions take, as ratios to a reference: scripts/bench.sh [--short] [--only NAME]
set -eu
exec "$(dirname "$0")/telemetry.sh" bench "$@"
