#!/bin/sh
# Any command in the environment: scripts/run.sh [--dev] [--cdk] [--emulator] [--scan] [-- COMMAND [ARGUMENT...]]
set -eu
exec "$(dirname "$0")/telemetry.sh" run "$@"
