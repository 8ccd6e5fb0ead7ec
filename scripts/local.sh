#!/bin/sh
# The whole service on this machine: up | down | status | token. LOCAL_PORT chooses its port (default 4566).
set -eu
run="$(dirname "$0")/run.sh"
if [ "${1:-}" = up ]; then
  exec "$run" --cdk --emulator -- python -m tools.local_cloud "$@"
fi
exec "$run" -- python -m tools.local_cloud "$@"
