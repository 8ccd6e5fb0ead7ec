#!/bin/sh
# Lint, format, types, workflows, then every test; --all adds the slow ones, other arguments go to pytest
set -eu
exec "$(dirname "$0")/telemetry.sh" test "$@"
