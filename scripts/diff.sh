#!/usr/bin/env bash
# Prints, as Markdown, what this checkout changes in the template of each stage on AWS since REF (default origin/main).
# Needs no AWS credentials: both sides are synthesized here.
set -euo pipefail
cd "$(dirname "$0")/.."
ref=${1:-origin/main}

if ! since=$(git merge-base "$ref" HEAD 2>/dev/null); then
  echo "diff.sh: this clone knows no $ref that HEAD comes from; give a branch or a commit, e.g. scripts/diff.sh HEAD~1" >&2
  exit 2
fi

base=$(mktemp -d)
trap 'git worktree remove --force "$base/tree" 2>/dev/null || true; rm -rf "$base"' EXIT
git worktree add --quiet --detach "$base/tree" "$since"

# The rule packs judge what is synthesized to be deployed: a difference is told without them, in half the time.
export CDK_VALIDATION=false

for stage in dev staging prod; do
  # All into one place, where they share a bundle.
  "$base/tree/scripts/cdk.sh" synth --quiet -c "stage=$stage" --output "$base/cdk.out" >&2
  template=$(ls "$base"/cdk.out/*.template.json)
  printf '### %s\n\n```\n' "$stage"
  # The difference itself is on standard error, like all else that the CLI says; a comment on GitHub takes 65,536
  # characters in all.
  scripts/cdk.sh diff --quiet -c "stage=$stage" --template "$template" --no-color 2>&1 | head -c 20000
  printf '\n```\n\n'
done
