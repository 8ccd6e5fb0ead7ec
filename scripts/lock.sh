#!/usr/bin/env bash
# Locks every dependency group of pyproject.toml, with hashes. Arguments go to uv, e.g. --upgrade.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/run.sh  # a fresh clone has no uv yet

lock() {
  local output=$1
  shift
  UV_CUSTOM_COMPILE_COMMAND=scripts/lock.sh .venv/bin/uv pip compile --quiet --universal --generate-hashes \
    --no-emit-index-url --no-emit-find-links --output-file "$output" "$@" ${arguments[@]+"${arguments[@]}"}
  echo "locked $output"
}

# macOS has a bash that takes an empty array for an unset variable, hence the `+` above.
arguments=("$@")
mkdir -p tools/environment
# The functions first: the tests import them, so the development lock takes their versions.
lock lambdas/requirements.txt --python-version 3.11 --group lambda
lock requirements.txt --python-version 3.11 --constraints lambdas/requirements.txt pyproject.toml
lock requirements-dev.txt --python-version 3.11 --constraints lambdas/requirements.txt \
  --constraints requirements.txt pyproject.toml --group dev --group lambda
# With the functions' versions, so that nothing but the code differs.
lock benchmarks/reference/requirements.txt --python-version 3.11 --constraints lambdas/requirements.txt --group reference
lock tools/environment/emulator.txt --python-version 3.11 --group emulator
lock tools/environment/scan.txt --python-version 3.11 --group scan
lock tools/environment/node.txt --python-version 3.11 --group node
lock tools/environment/uv.txt --python-version 3.11 --group uv
