"""The documents' commands that no test runs: marked as what they need, and of a form that their scripts take."""

import os
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

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
from tests.repository_copy import parts_of
from tools.environment.commands import COMMANDS

DOCUMENTED = commands()
# What stands for something in a command, and something that it may be.
PLACEHOLDERS = {"STAGE": "dev", "[BUNDLE]": "bundle"}
# Of these the arguments are another program's.
ARGUMENTS_OF_OTHERS = ("scripts/cdk.sh ", "scripts/run.sh ")
# These keep some, and give the others to pytest.
PASS_ARGUMENTS_ON = {"test"}


def lines_of(marked: list[Command]) -> Iterator[str]:
    """Yield each line of a command that begins with a script of ours."""
    for command in marked:
        for line in map(str.strip, command.text.splitlines()):
            if line.startswith("scripts/") and not any(each in line for each in ARGUMENTS_OF_OTHERS):
                yield line


MARKED = list(dict.fromkeys(lines_of([each for each in DOCUMENTED if each.needs and not is_run_elsewhere(each)])))


def takes(line: str) -> bool:
    """Tell whether a command takes the arguments of a line."""
    for name, value in PLACEHOLDERS.items():
        line = re.sub(rf"(?<=\s){re.escape(name)}(?=\s|$)", value, line)
    _, name, arguments = parts_of(line)
    parser = import_module(COMMANDS[name].module).parser()
    try:
        if name in PASS_ARGUMENTS_ON:
            parser.parse_known_args(arguments)
        else:
            parser.parse_args(arguments)
    except SystemExit as ended:
        return ended.code == 0
    return True


@pytest.mark.parametrize("line", MARKED)
def test_a_command_that_no_test_runs_is_one_that_its_script_takes(line: str) -> None:
    assert takes(line)


@pytest.mark.parametrize(
    "line",
    [
        "scripts/dlq.sh lost --stage prod",
        "scripts/dlq.sh redrive --all --dry --stages prod",
        "scripts/follow.sh --stage prod",
        "scripts/telemetry.sh follow --stage prod",
        "scripts/bench.sh --shortly",
    ],
)
def test_a_mistake_in_a_command_is_found(line: str) -> None:
    assert not takes(line)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_each_script_that_a_document_names_can_be_run(path: Path) -> None:
    for script in set(re.findall(r"scripts/[\w.-]+\.sh", path.read_text())):
        assert os.access(ROOT / script, os.X_OK), script


@pytest.mark.parametrize("command", [each for each in DOCUMENTED if each.block == "sh"], ids=lambda each: each.document)
def test_each_program_of_a_document_is_one_that_a_shell_can_read(command: Command) -> None:
    read = subprocess.run(["sh", "-n"], input=command.text, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, "")


def test_what_is_said_to_be_run_elsewhere_is_told_somewhere_and_run_there() -> None:
    assert (RUN_ELSEWHERE.keys() | TOLD_OTHERWISE.keys()) - {each.text for each in DOCUMENTED} == set()
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
