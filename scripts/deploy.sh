#!/bin/sh
# Deploys a stage to AWS, after checks and a look at the difference, e.g. scripts/deploy.sh dev --profile work
set -eu
exec "$(dirname "$0")/telemetry.sh" deploy "$@"
