"""The examples of `docs/extending.md`: applied to a copy of the repository, each does what the page says."""

import re
import shutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.documents import blocks_of, need_of
from tests.repository_copy import ROOT, as_run_here, copy_repository, run_in

DOCUMENT = ROOT / "docs" / "extending.md"
NEW_FILE = re.compile(r"New file\s+`([^`]+)`:\s*$")
CHANGED_FILE = re.compile(r"^\+\+\+ b/(\S+)$", re.MULTILINE)
CDK = "scripts/cdk.sh "
WRITTEN_BY_COMMANDS = ("docs/openapi.json",)
FORGOTTEN = re.compile(r"^\| `(?P<file>[^`]+)` \| `(?P<test>[^`]+)` \|$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A section of the page.

    Attributes:
        diffs: what it changes, by the file.
        new_files: what it adds, by the file.
        commands: what it says to run, in this order.
        forgotten: which test tells that a file was left out.
    """

    diffs: dict[str, str]
    new_files: dict[str, str]
    commands: list[str]
    forgotten: list[tuple[str, str]]

    def apply(self, to: Path, *, without: Collection[str] = ()) -> None:
        """Make the changes in a copy of the repository, but for those of some files."""
        for name, diff in self.diffs.items():
            if name not in without:
                applied = run_in(to, "git", "apply", "-", text=diff)
                assert applied.returncode == 0, f"{name}: {applied.stderr}"
        for name, code in self.new_files.items():
            assert not (to / name).exists()
            if name not in without:
                (to / name).write_text(code)


def example(section: str) -> Example:
    blocks = list(blocks_of(section))
    diffs = {
        name: block.code for block in blocks if block.language == "diff" for name in CHANGED_FILE.findall(block.code)
    }
    new_files = {found[1]: block.code for block in blocks if (found := NEW_FILE.search(block.before))}
    programs = [block.code for block in blocks if block.language == "sh" and not need_of(block)]
    lines = [line for code in programs for line in code.splitlines()]
    assert len(diffs) + len(new_files) == sum(block.language in {"diff", "python"} for block in blocks)
    return Example(diffs, new_files, lines, FORGOTTEN.findall(section))


EXAMPLES = {section.partition("\n")[0]: example(section) for section in DOCUMENT.read_text().split("\n## ")[1:]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy for all, which keeps Python's byte code."""
    return copy_repository(tmp_path_factory.mktemp("copy"))


@pytest.fixture
def copied(copy: Path) -> Iterator[Path]:
    """The copy, which is as the repository again when the test ends."""
    yield copy
    for each in EXAMPLES.values():
        for name in (*each.diffs, *WRITTEN_BY_COMMANDS):
            shutil.copy(ROOT / name, copy / name)
        for name in each.new_files:
            (copy / name).unlink(missing_ok=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_the_page_says(name: str, copied: Path) -> None:
    each = EXAMPLES[name]
    each.apply(copied)
    for command in each.commands:
        if not command.startswith(CDK):
            ran = run_in(copied, *as_run_here(command))
            assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_the_new_stage_is_synthesized_by_the_cli(copied: Path) -> None:
    each = EXAMPLES["A stage"]
    each.apply(copied)
    [synthesis] = [command for command in each.commands if command.startswith(CDK)]
    ran = run_in(copied, *as_run_here(synthesis))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (copied / "cdk.out" / "demo" / "Telemetry.template.json").exists()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_tests_of_an_example_fail_without_its_code(name: str, copied: Path) -> None:
    each = EXAMPLES[name]
    each.apply(copied, without=each.diffs.keys())
    ran = run_in(copied, sys.executable, "-m", "pytest", "-q", *each.new_files)
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("name", "forgotten", "test"), [(name, *row) for name, each in EXAMPLES.items() for row in each.forgotten]
)
def test_a_forgotten_step_is_told_by_the_test_that_the_page_names(
    name: str, forgotten: str, test: str, copied: Path
) -> None:
    each = EXAMPLES[name]
    assert forgotten in {*each.diffs, *WRITTEN_BY_COMMANDS}
    each.apply(copied, without=[forgotten])
    ran = run_in(copied, sys.executable, "-m", "pytest", "-q", test)
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout + ran.stderr
