"""`scripts/diff.sh`: prints, as Markdown, what this checkout changes in the template of each stage on AWS.

It needs no AWS credentials: both sides are synthesized here, the other one in a work tree and by an environment of its
own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from telemetry_stack.stages import STAGE_NAMES
from tools.command_line import CommandError, OneLineParser, run_to_its_end, run_whole
from tools.progress import step

ROOT = Path(__file__).resolve().parents[1]
STAGES = [name for name in STAGE_NAMES if name != "local"]
# Of each stage: a comment on GitHub takes 65,536 characters in all.
MOST_BYTES = 20_000
# The rule packs judge what is synthesized to be deployed: a difference is told without them, in half the time.
ENVIRONMENT = {**os.environ, "CDK_VALIDATION": "false"}


def main(command_line: list[str]) -> int:
    """Print the differences, and end with one clear line where that fails."""
    options = parser()
    ref = options.parse_args(command_line).ref

    def run() -> int:
        since = merge_base(ref)
        if since is None:
            options.error(
                f"this clone knows no {ref} that HEAD comes from; give a branch or a commit, "
                "e.g. scripts/diff.sh HEAD~1"
            )
        return _run(since)

    return run_to_its_end("diff.sh", run)


def _run(since: str) -> int:
    with work_tree(since) as (base, output):
        for stage in STAGES:
            with step(f"cdk synth of stage {stage} as of {since[:8]}", stream=sys.stderr):
                # All into one place, where they share a bundle.
                _said(
                    [str(base / "scripts" / "cdk.sh"), "synth", "--quiet", "-c", f"stage={stage}", "--output", output]
                )
            (template,) = Path(output).glob("*.template.json")
            with step(f"cdk diff of stage {stage}", stream=sys.stderr):
                told = _said(
                    ["cdk", "diff", "--quiet", "-c", f"stage={stage}", "--template", str(template), "--no-color"]
                )
            print(f"### {stage}\n\n```\n{told.encode()[:MOST_BYTES].decode(errors='ignore')}\n```\n", flush=True)
    return 0


def merge_base(ref: str) -> str | None:
    """Return the commit that HEAD and the other have in common; None where there is none.

    Raises:
        CommandError: there is no git.
    """
    try:
        done = subprocess.run(
            ["git", "merge-base", "--", ref, "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise CommandError("there is no git on PATH, which knows what this checkout changes: install it") from error
    return done.stdout.strip() if done.returncode == 0 else None


@contextmanager
def work_tree(commit: str) -> Generator[tuple[Path, str]]:
    """Give a work tree of a commit, and a folder beside it to synthesize into, until the end of the `with`."""
    folder = tempfile.mkdtemp(prefix="telemetry-diff-")
    tree = Path(folder) / "tree"
    try:
        _said(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit])
        yield tree, str(Path(folder) / "cdk.out")
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _said(command: list[str]) -> str:
    """Run a command to its end; return what it said on both of its streams, on which the CDK tells the same things."""
    done = run_whole(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        print(f"\n{done.stdout}", file=sys.stderr)
        raise CommandError(f"{' '.join(command[:2])} failed; it says above why")
    return done.stdout


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/diff.sh",
        description="Print, as Markdown, what this checkout changes in the template of each stage on AWS. Both sides "
        "are synthesized here: it needs no AWS credentials.",
    )
    options.add_argument(
        "ref", nargs="?", default="origin/main", metavar="REF", help="since which branch or commit (origin/main)"
    )
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
