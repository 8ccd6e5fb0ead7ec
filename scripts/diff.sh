#!/bin/sh
# What this checkout changes in the template of each stage on AWS, as Markdown: scripts/diff.sh [REF]
set -eu
exec "$(dirname "$0")/telemetry.sh" diff "$@"
