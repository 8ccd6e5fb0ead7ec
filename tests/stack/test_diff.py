"""`scripts/diff.sh`, in a repository that is this checkout with a change."""

import os
import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from telemetry_stack.stages import LogRetentionDays
from telemetry_stack.stages import dev as dev_stage
from tests.stack.synthesis import ROOT


def git(directory: Path, *arguments: str) -> str:
    # Whose hooks and settings a commit would have is of no matter here.
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ["-c", "user.name=test", "-c", "user.email=test@charging.example"]
    return subprocess.run(
        ["git", *names, *arguments],
        cwd=directory,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.slow
def test_a_pull_request_is_told_what_it_changes_in_each_stage(tmp_path: Path) -> None:
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            copy = tmp_path / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
            copy.chmod((ROOT / name).stat().st_mode)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "base")
    stages = tmp_path / "telemetry_stack" / "stages.py"
    before = dev_stage().log_retention_days
    after = next(days for days in get_args(LogRetentionDays) if days != before)
    head, of_dev = stages.read_text().split("def dev()", maxsplit=1)
    setting = "log_retention_days="
    stages.write_text(f"{head}def dev(){of_dev.replace(f'{setting}{before}', f'{setting}{after}', 1)}")

    printed = subprocess.run(
        [tmp_path / "scripts" / "diff.sh", "main"], capture_output=True, text=True, check=True, timeout=600
    ).stdout

    assert re.findall("^### (.*)", printed, flags=re.MULTILINE) == ["dev", "staging", "prod"]
    _, dev, staging, prod = printed.split("### ")
    assert re.search(rf"RetentionInDays\s+\[-\] {before}\s+\[\+\] {after}", re.sub(r"[│├└─ ]+", " ", dev))
    for same in (staging, prod):
        assert "Number of stacks with differences: 0" in same
    assert git(tmp_path, "worktree", "list").count("\n") == 1
