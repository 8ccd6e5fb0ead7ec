#!/bin/sh
# Lint, format, types, workflows, then every test; --all adds the slow ones, other arguments go to pytest.
set -eu
exec "$(dirname "$0")/run.sh" --dev --cdk --emulator --scan -- python -m tools.checks "$@"
