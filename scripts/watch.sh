#!/bin/sh
# A fleet in the terminal, live: scripts/watch.sh, or scripts/watch.sh CP-7 for one charger and its recent changes
set -eu
exec "$(dirname "$0")/telemetry.sh" watch "$@"
