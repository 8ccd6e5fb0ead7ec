#!/bin/sh
# What is in a stage's dead-letter queue, why, and back to the queue: list | show | redrive --stage STAGE
set -eu
exec "$(dirname "$0")/telemetry.sh" dlq "$@"
