#!/bin/sh
# What became of an event: scripts/follow.sh ID --stage STAGE, e.g. scripts/follow.sh EVENT_ID --stage dev --profile work
set -eu
exec "$(dirname "$0")/telemetry.sh" follow "$@"
