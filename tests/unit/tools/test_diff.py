"""`scripts/diff.sh`: what it says of a commit that nobody knows, and that it leaves no work tree behind."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tools import command_line, diff


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, in place of this one, and a folder for what is temporary."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = ["-c", "user.name=test", "-c", "user.email=test@charging.example"]
    for command in (["init", "--quiet", "repository"], ["-C", "repository", "commit", "--allow-empty", "-qm", "one"]):
        subprocess.run(["git", *names, *command], cwd=tmp_path, env={**os.environ, **own}, check=True)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(diff, "ROOT", tmp_path / "repository")
    return tmp_path / "repository"


@pytest.mark.usefixtures("repository")
def test_a_commit_that_nobody_knows_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        diff.main(["nosuch"])
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("diff.sh: this clone knows no nosuch that HEAD comes from; give a branch or a commit, ")


def test_without_git_one_line_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "")
    assert diff.main([]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("diff.sh: there is no git on PATH")


@pytest.mark.parametrize(("how", "code"), [("interrupted", 130), ("failed", 1)])
def test_however_it_ends_no_work_tree_is_left(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], how: str, code: int
) -> None:
    trees: list[Path] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if command[0] == "git":
            return command_line.run_whole(command, **options)  # pyright: ignore[reportArgumentType] - handed on
        trees.append(Path(command[0]).parents[1])
        assert (trees[-1] / ".git").exists()
        if how == "interrupted":
            raise KeyboardInterrupt
        return subprocess.CompletedProcess(command, 1, "what the CLI said\n", "")

    monkeypatch.setattr(diff, "run_whole", run)
    assert diff.main(["HEAD"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines()[-1].startswith(f"diff.sh: {'interrupted' if code == 130 else trees[0]}")
    assert not list(Path(tempfile.gettempdir()).iterdir())
    worktrees = subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True, text=True, check=True)
    assert worktrees.stdout.count("\n") == 1
