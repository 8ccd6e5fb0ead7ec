#!/bin/sh
# Locks every dependency group of pyproject.toml, with hashes. Arguments go to uv, e.g. --upgrade
set -eu
exec "$(dirname "$0")/telemetry.sh" lock "$@"
