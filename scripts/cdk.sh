#!/bin/sh
# The pinned CDK CLI in the project's environment, e.g. scripts/cdk.sh synth -c stage=prod --output DIR
set -eu
exec "$(dirname "$0")/telemetry.sh" cdk "$@"
