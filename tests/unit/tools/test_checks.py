"""`scripts/test.sh`: its arguments and its end, and that neither it nor a bare pytest sees the shell's clouds."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import checks

ROOT = Path(__file__).resolve().parents[3]
SOURCED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "us-east-1", "TELEMETRY_TOKEN": "a.b.c"}


def test_neither_the_checks_nor_the_tests_see_the_clouds_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, **SOURCED})
    seen: list[set[str]] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        seen.append(SOURCED.keys() & os.environ.keys())
        return subprocess.CompletedProcess(command, 0, "", "")

    def run_tests(command: list[str]) -> int:
        run(command)
        return 0

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(checks, "run_to_its_end", run_tests)

    assert checks.main([]) == 0
    assert seen == [set()] * (len(checks.CHECKS) + 1)


def test_neither_does_a_bare_pytest() -> None:
    probe = "import os, tests.conftest; print(sorted(os.environ))"
    printed = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env={**os.environ, **SOURCED},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "PATH" in printed
    assert not any(name in printed for name in SOURCED)


@pytest.fixture
def tests_run(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What pytest was given, instead of running it or any check."""
    given: list[list[str]] = []

    def passing(_name: str, _command: list[str]) -> bool:
        return True

    def run_tests(command: list[str]) -> int:
        given.append(command[len(checks.PYTEST) :])
        return 0

    monkeypatch.setattr(checks, "passes", passing)
    monkeypatch.setattr(checks, "run_to_its_end", run_tests)
    return given


@pytest.mark.parametrize(
    ("arguments", "of_pytest"),
    [
        ([], ["-m", "not slow"]),
        (["--all"], []),
        (["tests/unit/rules", "--all"], ["tests/unit/rules"]),
        (["-k", "judged"], ["-m", "not slow", "-k", "judged"]),
    ],
)
def test_all_adds_the_slow_tests_and_other_arguments_go_to_pytest(
    monkeypatch: pytest.MonkeyPatch, tests_run: list[list[str]], arguments: list[str], of_pytest: list[str]
) -> None:
    def nothing(_arguments: list[str]) -> None: ...

    monkeypatch.setattr(checks, "what_pytest_refuses", nothing)
    assert checks.main(arguments) == 0
    assert tests_run == [of_pytest]


def test_help_says_what_becomes_of_other_arguments(
    capsys: pytest.CaptureFixture[str], tests_run: list[list[str]]
) -> None:
    with pytest.raises(SystemExit) as ended:
        checks.main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "scripts/test.sh [--all] [pytest arguments]" in told
    assert "Other arguments go to pytest" in told
    assert tests_run == []


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("--nosuch", "unrecognized arguments: --nosuch"),
        ("tests/nosuch", "file or directory not found: tests/nosuch"),
        ("--al", "unrecognized arguments: --al"),
    ],
)
def test_what_pytest_would_refuse_is_told_in_one_line_before_any_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argument: str, told: str
) -> None:
    def never(*_arguments: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(checks, "passes", never)
    assert checks.main([argument]) == 4
    assert capsys.readouterr().err == f"test.sh: {told}; see scripts/test.sh --help\n"


def test_a_part_of_the_tests_is_not_refused() -> None:
    assert checks.what_pytest_refuses(["tests/unit/tools/test_checks.py", "-k", "nosuch"]) is None


def test_an_interrupted_check_ends_it_with_130_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "passes", interrupted)
    assert checks.main([]) == 130
    assert capsys.readouterr().err == "test.sh: interrupted\n"


def interrupted(*_arguments: object) -> bool:
    raise KeyboardInterrupt


def test_interrupted_tests_are_given_the_time_to_stop_what_they_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ends: list[Callable[[], int]] = [interrupted, interrupted, lambda: 2]

    class Tests:
        def __init__(self, command: list[str], **_options: object) -> None:
            assert command == ["pytest"]

        def wait(self) -> int:
            return ends.pop(0)()

    monkeypatch.setattr(subprocess, "Popen", Tests)
    assert checks.run_to_its_end(["pytest"]) == 130
    assert ends == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("code", [0, 1, 5])
def test_the_exit_code_is_that_of_the_tests(code: int) -> None:
    assert checks.run_to_its_end([sys.executable, "-c", f"raise SystemExit({code})"]) == code


@pytest.mark.usefixtures("tests_run")
def test_a_check_that_failed_is_told_again_below_the_tests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(name: str, _command: list[str]) -> bool:
        return name != "types"

    monkeypatch.setattr(checks, "passes", failing)
    assert checks.main([]) == 1
    assert "checks that failed, above the tests: types" in capsys.readouterr().err
