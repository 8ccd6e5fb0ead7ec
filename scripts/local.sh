#!/bin/sh
# The whole service on this machine: up | down | status | token. LOCAL_PORT chooses its port (default 4566)
set -eu
exec "$(dirname "$0")/telemetry.sh" local "$@"
