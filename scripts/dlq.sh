#!/bin/sh
# What is in a stage's dead-letter queue, why, and back to the queue: list | show | redrive --stage STAGE.
set -eu
exec "$(dirname "$0")/run.sh" -- python -m tools.dlq "$@"
