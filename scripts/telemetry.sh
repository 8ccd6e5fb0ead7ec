#!/bin/sh
# The one door to everything: scripts/telemetry.sh --help tells what there is. It finds a Python, which makes the
# environment and becomes the command in it (tools/environment).
set -eu
CDPATH='' cd -- "$(dirname "$0")/.."
# Images of containers often set the first, and each start would compile again what it imports; with the second Python
# would not look for our modules where it stands.
unset PYTHONDONTWRITEBYTECODE PYTHONSAFEPATH

for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
  # -S: the standard library is enough, and half the time.
  if "$python" -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" -S -m tools.environment "$@"
  fi
done
echo "telemetry.sh: no Python 3.11 or newer on PATH; install one from your system's packages or python.org" >&2
exit 1
