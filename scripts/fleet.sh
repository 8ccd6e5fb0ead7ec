#!/bin/sh
# A simulated fleet that posts to the service and judges what was kept: scripts/fleet.sh --chargers 200 --flaws 0.2
set -eu
exec "$(dirname "$0")/telemetry.sh" fleet "$@"
