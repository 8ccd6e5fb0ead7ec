"""The documents' commands that no test runs: marked as what they need, and of a form that their scripts take."""

import argparse
import importlib.util
import os
import re
import runpy
import subprocess
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest

from tests.documents import (
    DOCUMENTS,
    ROOT,
    RUN_ELSEWHERE,
    RUN_WHOLE,
    TOLD_OTHERWISE,
    Command,
    commands,
    commands_of,
    is_run_elsewhere,
)
from tests.repository_copy import as_run_here

# Other tests may have imported what is run here as a program.
pytestmark = pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")

COMMANDS = commands()
# What stands for something in a command, and something that it may be.
PLACEHOLDERS = {"STAGE": "dev", "[BUNDLE]": "bundle"}
# Of these the arguments are another program's: the CDK's CLI, git, pytest.
ARGUMENTS_OF_OTHERS = ("scripts/cdk.sh ", "scripts/diff.sh ", "-- python -m pytest ")


def lines_of(marked: list[Command]) -> Iterator[str]:
    """Yield each line of a command that begins with a script of ours."""
    for command in marked:
        for line in map(str.strip, command.text.splitlines()):
            if line.startswith("scripts/") and not any(each in line for each in ARGUMENTS_OF_OTHERS):
                yield line


MARKED = list(dict.fromkeys(lines_of([each for each in COMMANDS if each.needs and not is_run_elsewhere(each)])))


class Taken(Exception):  # noqa: N818 - no error
    """The parser takes the arguments: what it is for, the command, is not to be run."""


@pytest.fixture
def only_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """End each command where its arguments are parsed."""
    depth = 0

    def parse(parser: argparse.ArgumentParser, real: Any, *arguments: Any) -> Any:  # noqa: ANN401 - as argparse
        nonlocal depth
        depth += 1
        try:
            parsed = real(parser, *arguments)
        finally:
            depth -= 1
        # Within another is the parser of a subcommand.
        if depth:
            return parsed
        raise Taken

    for real in (argparse.ArgumentParser.parse_args, argparse.ArgumentParser.parse_known_args):
        monkeypatch.setattr(argparse.ArgumentParser, real.__name__, partialmethod(parse, real))


def takes(line: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Tell whether a script takes the arguments of a line."""
    for name, value in PLACEHOLDERS.items():
        line = re.sub(rf"(?<=\s){re.escape(name)}(?=\s|$)", value, line)
    _, _, _, module, *arguments = as_run_here(line)
    if not arguments:
        return importlib.util.find_spec(module) is not None
    monkeypatch.setattr("sys.argv", [module, *arguments])
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Taken:
        return True
    except SystemExit:
        return False
    raise AssertionError(f"{line} parses no arguments")


@pytest.mark.usefixtures("only_parsing")
@pytest.mark.parametrize("line", MARKED)
def test_a_command_that_no_test_runs_is_one_that_its_script_takes(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert takes(line, monkeypatch)


@pytest.mark.usefixtures("only_parsing")
@pytest.mark.parametrize(
    "line",
    [
        "scripts/dlq.sh lost --stage prod",
        "scripts/dlq.sh redrive --all --dry --stages prod",
        "scripts/follow.sh --stage prod",
        "scripts/bench.sh --shortly",
    ],
)
def test_a_mistake_in_a_command_is_found(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not takes(line, monkeypatch)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_each_script_that_a_document_names_can_be_run(path: Path) -> None:
    for script in set(re.findall(r"scripts/[\w.-]+\.sh", path.read_text())):
        assert os.access(ROOT / script, os.X_OK), script


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.block == "sh"], ids=lambda each: each.document)
def test_each_program_of_a_document_is_one_that_a_shell_can_read(command: Command) -> None:
    read = subprocess.run(["sh", "-n"], input=command.text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_what_is_said_to_be_run_elsewhere_is_told_somewhere_and_run_there() -> None:
    assert (RUN_ELSEWHERE.keys() | TOLD_OTHERWISE.keys()) - {each.text for each in COMMANDS} == set()
    assert all((ROOT / path).is_file() for path in (*RUN_ELSEWHERE.values(), *RUN_WHOLE.values()))


SAMPLE = """# Page
Run `scripts/a.sh one` and `scripts/b.sh two` (needs AWS), as `scripts/c.sh` does.

```sh
scripts/d.sh
```

It takes its time (takes minutes):

```console
$ scripts/e.sh
printed
```
"""


def test_a_mark_is_of_the_command_before_it_or_of_the_block_behind_it() -> None:
    assert [(each.text.strip(), each.needs) for each in commands_of("page.md", SAMPLE)] == [
        ("scripts/d.sh", ""),
        ("scripts/e.sh", "takes minutes"),
        ("scripts/a.sh one", ""),
        ("scripts/b.sh two", "needs AWS"),
    ]


def test_a_mark_of_a_page_is_of_all_its_commands() -> None:
    page = SAMPLE.replace("# Page\n", "# Page\nThe commands are others' (each needs AWS).\n")
    needs = [each.needs for each in commands_of("page.md", page)]
    assert needs == ["needs AWS", "takes minutes", "needs AWS", "needs AWS"]
