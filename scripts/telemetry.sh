#!/bin/sh
# The one door to everything: scripts/telemetry.sh --help tells what there is. It finds a Python, which makes the
# environment and becomes the command in it (tools/environment).
set -eu
CDPATH='' cd -- "$(dirname "$0")/.."
# Images of containers often set the first, and each start would compile again what it imports; by the others Python would
# find other modules than ours and those that are locked.
unset PYTHONDONTWRITEBYTECODE PYTHONSAFEPATH PYTHONPATH PYTHONHOME PYTHONPLATLIBDIR PYTHONINSPECT PYTHONSTARTUP

for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
  # -S: the standard library is enough, and half the time.
  if "$python" -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" -S -m tools.environment "$@"
  fi
done
echo "telemetry.sh: no Python 3.11 or newer on PATH; install one from your system's packages or python.org" >&2
exit 1
