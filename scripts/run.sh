#!/bin/sh
# The door to everything: finds a Python, makes the environment (tools/environment) and runs a command in it.
# Usage: scripts/run.sh [--dev] [--cdk] [--emulator] [--scan] [-- COMMAND [ARGUMENT...]]
set -eu
cd "$(dirname "$0")/.."

for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" tools/environment "$@"
  fi
done
echo "run.sh: no Python 3.11 or newer on PATH; install one from your system's packages or python.org" >&2
exit 1
