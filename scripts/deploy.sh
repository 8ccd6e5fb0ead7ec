#!/bin/sh
# Deploys a stage to AWS: scripts/deploy.sh STAGE [cdk arguments], e.g. scripts/deploy.sh dev --profile work
set -eu
exec "$(dirname "$0")/run.sh" --cdk -- python -m tools.deploy "$@"
