"""`scripts/test.sh`: its arguments and its end, and that neither it nor a bare pytest sees the shell's clouds."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools import checks

ROOT = Path(__file__).resolve().parents[3]
SOURCED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "us-east-1", "TELEMETRY_TOKEN": "a.b.c"}


# Stands in for pytest: writes the summary that it was told to, and says so.
TESTS = """
import sys
arguments = sys.argv[1:]
with open(arguments[arguments.index("--summary-to") + 1], "a") as summary:
    for folder in [each for each in arguments if each.startswith("tests/")]:
        summary.write(f"{folder} passed\\n")
print("ran", *arguments)
"""


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a program that stands in for pytest when all is run, and one check that passes."""

    def stand_in(program: str) -> None:
        monkeypatch.setattr(checks, "PYTEST", [sys.executable, "-c", program])

    monkeypatch.setattr(checks, "CHECKS", {"lint": [sys.executable, "-c", ""]})
    stand_in(TESTS)
    return stand_in


@pytest.fixture(autouse=True)
def usual_end() -> Iterator[None]:
    """Leave SIGTERM as it was."""
    usual = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, usual)


def test_neither_the_checks_nor_the_tests_see_the_clouds_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, everything: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in SOURCED.items():
        monkeypatch.setenv(name, value)
    look = "import os, sys\nseen = [name for name in os.environ if name in sys.argv[1:]]\nprint('sees', seen)"
    monkeypatch.setattr(checks, "CHECKS", {"lint": [sys.executable, "-c", f"{look}\nsys.exit(1)", *SOURCED]})
    everything(f"import sys\nsys.argv += {sorted(SOURCED)}\n{look}")

    assert checks.main([]) == 1
    told = capfd.readouterr().out.splitlines()
    assert [line for line in told if line.startswith("sees")] == ["sees []"] * 3


@pytest.mark.usefixtures("everything")
def test_the_checks_are_told_then_the_tests_then_one_summary(capfd: pytest.CaptureFixture[str]) -> None:
    assert checks.main([]) == 0
    told = capfd.readouterr().out.splitlines()
    check, computing, waiting, *summary = [line for line in told if line and not line.startswith("the end-to-end")]
    assert check.split()[:2] == ["lint", "passed"]
    assert computing.startswith("ran -m not slow ")
    assert computing.endswith(" tests/unit tests/stack")
    assert waiting.startswith("ran -m not slow ")
    assert waiting.endswith(" tests/e2e")
    assert " summary " in summary[0]
    assert summary[1:] == ["tests/e2e passed", "tests/stack passed", "tests/unit passed"]


def test_all_adds_the_slow_tests_to_both(everything: Callable[[str], None], capfd: pytest.CaptureFixture[str]) -> None:
    everything(TESTS)
    assert checks.main(["--all"]) == 0
    told = capfd.readouterr().out
    assert told.count("ran --summary-to") == 2


@pytest.mark.parametrize("failing", ["tests/unit", "tests/e2e"])
def test_it_fails_where_either_part_of_the_tests_does(everything: Callable[[str], None], failing: str) -> None:
    everything(f"import sys; sys.exit({failing!r} in sys.argv)")
    assert checks.main([]) == 1


def test_every_test_is_in_a_part() -> None:
    folders = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders == {*checks.COMPUTING, *checks.WAITING}


# Stands in for pytest: takes its time, and some to end.
PATIENT = """
import pathlib, signal, sys, time
part = pathlib.Path({directory!r}) / sys.argv[-1].replace("/", "-")
part.with_suffix(".begun").touch()
try:
    time.sleep(600)
except KeyboardInterrupt:
    part.with_suffix(".ending").touch()
    time.sleep(0.5)
    part.with_suffix(".cleaned-up").touch()
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_whatever_runs_is_given_the_time_to_stop_what_it_started(tmp_path: Path, sent: signal.Signals) -> None:
    program = (
        "import sys\nfrom tools import checks\nchecks.CHECKS = {}\n"
        f"checks.PYTEST = [sys.executable, '-c', {PATIENT.format(directory=str(tmp_path))!r}]\n"
        "sys.exit(checks.main([]))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True) as started:
        for sign, parts in (("begun", 2), ("ending", 1)):
            while len(list(tmp_path.glob(f"*.{sign}"))) < parts:
                assert started.poll() is None
                time.sleep(0.02)
            # The second time by one who does not like to wait.
            started.send_signal(sent)
        _, errors = started.communicate(timeout=30)
    how = "; by kill" if sent == signal.SIGTERM else ""
    assert (started.returncode, errors) == (130, f"test.sh: interrupted{how}\n")
    assert {path.name for path in tmp_path.glob("*.cleaned-up")} == {"tests-e2e.cleaned-up", "tests-stack.cleaned-up"}


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
    """What pytest was given, instead of running it; any check would fail the test."""
    given: list[list[str]] = []

    def never(*_arguments: object) -> bool:
        raise AssertionError

    def run_tests(command: list[str]) -> int:
        given.append(command[len(checks.PYTEST) :])
        return 0

    monkeypatch.setattr(checks, "passes", never)
    monkeypatch.setattr(checks, "run_tests", run_tests)
    return given


@pytest.mark.parametrize(
    ("arguments", "of_pytest"),
    [
        (["tests/unit/rules"], ["-m", "not slow", "tests/unit/rules"]),
        (["tests/unit/rules", "--all"], ["tests/unit/rules"]),
        (["-k", "judged"], ["-m", "not slow", "-k", "judged"]),
    ],
)
def test_who_names_tests_gets_those_without_the_checks_and_is_told_so(
    capsys: pytest.CaptureFixture[str], tests_run: list[list[str]], arguments: list[str], of_pytest: list[str]
) -> None:
    assert checks.main(arguments) == 0
    assert tests_run == [of_pytest]
    [told] = capsys.readouterr().out.splitlines()
    assert "without the checks" in told


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
def test_what_pytest_refuses_is_told_in_one_line(capfd: pytest.CaptureFixture[str], argument: str, told: str) -> None:
    assert checks.main([argument]) == 2
    assert capfd.readouterr().err == f"test.sh: {told}; see scripts/test.sh --help\n"


def test_tests_that_are_killed_are_interrupted_once_and_end_in_their_time(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom tools import checks\n"
        f"checks.PYTEST = [sys.executable, '-c', {PATIENT.format(directory=str(tmp_path))!r}]\n"
        "sys.exit(checks.main(['-x']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True) as started:
        for sign in ("begun", "ending"):
            while not list(tmp_path.glob(f"*.{sign}")):
                assert started.poll() is None
                time.sleep(0.02)
            started.send_signal(signal.SIGTERM)
        started.communicate(timeout=30)
    assert started.returncode == 130
    assert list(tmp_path.glob("*.cleaned-up"))


@pytest.mark.usefixtures("everything")
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
    assert checks.run_tests(["pytest"]) == 130
    assert ends == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("of_pytest", "code"), [(0, 0), (1, 1), (2, 1), (5, 1)])
def test_the_exit_code_tells_whether_the_tests_passed(of_pytest: int, code: int) -> None:
    assert checks.run_tests([sys.executable, "-c", f"raise SystemExit({of_pytest})"]) == code


@pytest.mark.usefixtures("everything")
def test_a_check_that_failed_is_told_again_below_the_tests(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "CHECKS", {"types": [sys.executable, "-c", "raise SystemExit(1)"]})
    assert checks.main([]) == 1
    assert "checks that failed, above the tests: types" in capfd.readouterr().err
