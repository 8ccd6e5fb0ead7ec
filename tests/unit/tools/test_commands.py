"""`scripts/telemetry.sh`: what it tells before there is any environment, and that every command ends as it says."""

import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.tools.test_environment import NEEDS_NOTHING, until
from tools.command_line import EXIT_CODES
from tools.environment import __main__ as door
from tools.environment import installation
from tools.environment.commands import COMMANDS, PARTS, RUN, called, doors

ROOT = Path(__file__).resolve().parents[3]
OURS = sorted(name for name, command in COMMANDS.items() if not command.is_another_program)


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    usual = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    for each, handler in usual.items():
        signal.signal(each, handler)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout that has nothing but what the system's Python runs, and the scripts."""
    for name in [*NEEDS_NOTHING, *(str(path.relative_to(ROOT)) for path in (ROOT / "scripts").glob("*.sh"))]:
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
        copy.chmod((ROOT / name).stat().st_mode)
    return tmp_path


def ran(checkout: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the interpreter of the tests, but without a package of theirs."""
    path = os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ["PATH"]])
    return subprocess.run(
        [checkout / "scripts" / script, *arguments],
        env={"PATH": path, "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_needs_no_installation_and_names_each_command_and_each_exit_code(fresh: Path) -> None:
    told = ran(fresh, "telemetry.sh", "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert not (fresh / ".venv").exists()
    for name, command in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(command.does)}$", told.stdout, re.MULTILINE)
    for code in EXIT_CODES:
        assert re.search(rf"^  {code} ", told.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["depoly"], "there is no command 'depoly' (did you mean deploy?)"),
        (["xyzzy"], "there is no command 'xyzzy'"),
        (["--nosuch"], "there is no command '--nosuch'"),
        ([], "give a command"),
    ],
)
def test_what_is_no_command_is_one_line_and_needs_no_installation(fresh: Path, arguments: list[str], told: str) -> None:
    refused = ran(fresh, "telemetry.sh", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"telemetry.sh: {told}; see scripts/telemetry.sh --help\n"
    assert not (fresh / ".venv").exists()


def test_neither_directories_nor_modules_from_elsewhere_get_in_the_way(fresh: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "scripts").mkdir(parents=True)
    (elsewhere / "argparse.py").write_text("raise SystemExit('not ours')")
    variables = {"CDPATH": str(elsewhere), "PYTHONPATH": str(elsewhere), "PYTHONSAFEPATH": "1", "PYTHONHOME": "/"}
    told = subprocess.run(
        ["scripts/telemetry.sh", "--help"],
        cwd=fresh,
        env={"PATH": os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ["PATH"]]), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("usage: scripts/telemetry.sh")


def test_a_checkout_that_can_not_be_written_to_is_told_in_one_line(fresh: Path) -> None:
    (fresh / ".local").touch()
    refused = ran(fresh, "local.sh", "status")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"environment: {fresh.resolve()} can't be written to")
    assert refused.stderr.count("\n") == 1


def test_without_a_new_enough_python_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = subprocess.run(
        ["/bin/sh", ROOT / "scripts" / "telemetry.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr == (
        "telemetry.sh: no Python 3.11 or newer on PATH; install one from your system's packages or python.org\n"
    )


def test_python_keeps_its_byte_code_where_a_container_says_otherwise(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\n[ "$2" = -c ] || env\n')
    python.chmod(0o755)
    told = subprocess.run(
        [ROOT / "scripts" / "run.sh"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "KEPT": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "KEPT=1" in told
    assert "PYTHONDONTWRITEBYTECODE" not in told


@pytest.mark.parametrize("name", doors())
def test_a_script_is_the_command_of_its_name_with_the_same_arguments_and_exit_code(fresh: Path, name: str) -> None:
    (fresh / "scripts" / "telemetry.sh").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    through = ran(fresh, f"{name}.sh", "a b", "--c", "")
    assert (through.returncode, through.stdout) == (7, f"{name}\na b\n--c\n\n")


def test_each_script_is_a_command_or_the_door_to_all() -> None:
    assert {path.name for path in (ROOT / "scripts").iterdir()} == {f"{name}.sh" for name in doors()} | {"telemetry.sh"}


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[str], list[str]]]:
    """The parts of the environment that were made, and what it then became, instead of doing either."""
    done: list[tuple[set[str], list[str]]] = []
    parts: list[set[str]] = []

    def become(command: list[str]) -> None:
        done.append((parts[-1], command))

    monkeypatch.setattr(installation, "make", parts.append)
    monkeypatch.setattr(installation, "become", become)
    return done


@pytest.mark.parametrize(
    ("arguments", "parts", "command"),
    [
        (["local", "up"], {"cdk", "emulator"}, ["python", "-m", "tools.local_cloud.__main__", "up"]),
        (["local", "down"], set[str](), ["python", "-m", "tools.local_cloud.__main__", "down"]),
        (["local"], set[str](), ["python", "-m", "tools.local_cloud.__main__"]),
        (["document", "cost"], {"dev"}, ["python", "-m", "tools.document", "cost"]),
        (["cdk", "ls", "--", "-x"], {"cdk"}, ["python", "-m", "tools.cdk", "ls", "--", "-x"]),
        (["local", "up", "--help"], set[str](), ["python", "-m", "tools.local_cloud.__main__", "up", "--help"]),
        (["cdk", "ls", "--help"], {"cdk"}, ["python", "-m", "tools.cdk", "ls", "--help"]),
        (["run", "--dev", "--", "cdk", "--", "x"], {"dev"}, ["cdk", "--", "x"]),
        (["run", "--scan", "--emulator", "--", "true"], {"scan", "emulator"}, ["true"]),
    ],
)
def test_a_command_has_the_parts_of_the_environment_that_it_needs(
    became: list[tuple[set[str], list[str]]], arguments: list[str], parts: set[str], command: list[str]
) -> None:
    door.main(arguments)
    assert became == [(parts, command)]


def test_only_parts_that_there_are_are_needed() -> None:
    needed = {
        part for each in COMMANDS.values() for parts in (each.parts, *each.of_argument.values()) for part in parts
    }
    assert needed == PARTS.keys()


def the_end_of(name: str, *arguments: str) -> object:
    """Run a command as its script would, in this process; return its exit code."""
    try:
        if name == RUN:
            door.main([RUN, *arguments])
            return 0
        return importlib.import_module(COMMANDS[name].module).main(list(arguments))
    except SystemExit as ended:
        return ended.code


@pytest.mark.parametrize("name", OURS)
def test_an_unknown_option_is_one_line_and_exit_code_2(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert the_end_of(name, "--nosuch") == 2
    told = capsys.readouterr()
    assert told.out == ""
    script, _, option = called(name).rpartition("/")[2].partition(" ")
    assert re.fullmatch(rf"{re.escape(script)}: .+; see {re.escape(called(name))} --help\n", told.err), option


@pytest.mark.parametrize("name", OURS)
def test_help_ends_with_0_and_names_each_option_of_each_subcommand(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    parser = importlib.import_module(COMMANDS[name].module).parser()
    subcommands = [each for action in parser._actions for each in (action.choices or ()) if action.dest == "command"]  # noqa: SLF001 - argparse tells it nowhere else
    for subcommand in [[], *([each] for each in subcommands)]:
        assert the_end_of(name, *subcommand, "--help") == 0
        told = capsys.readouterr()
        assert told.err == ""
        assert told.out.startswith(f"usage: {called(name)}")
    assert the_end_of(name, "--help") == 0
    options = [option for action in parser._actions for option in action.option_strings]  # noqa: SLF001
    told = capsys.readouterr().out
    assert [option for option in options if option not in told] == []


@pytest.fixture
def importing(fresh: Path) -> Path:
    """A checkout whose environment is made, and whose `fleet` never comes to the end of its imports."""
    with (fresh / "tools" / "environment" / "installation.py").open("a") as module:
        module.write("\n\ndef make(parts):\n    pass\n")
    command = fresh / "tools" / "fleet" / "__main__.py"
    command.parent.mkdir()
    command.write_text("import pathlib, signal\npathlib.Path('importing').touch()\nsignal.pause()\n")
    (fresh / ".venv" / "bin").mkdir(parents=True)
    (fresh / ".venv" / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return fresh


@contextmanager
def started(checkout: Path) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [checkout / "scripts" / "fleet.sh"],
        env={"PATH": os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ["PATH"]])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that runs the tests in the background lets them ignore Ctrl-C, and so what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as process:
        yield process


def test_ctrl_c_while_a_command_still_imports_ends_it_without_a_traceback(importing: Path) -> None:
    with started(importing) as process:
        until((importing / "importing").exists)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")


def test_ctrl_c_while_a_command_s_python_starts_is_heard_as_soon_as_it_can_be(importing: Path) -> None:
    real = Path(sys.executable).resolve()
    python = importing / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text(
        f"#!{real}\nimport os, pathlib, sys, time\npathlib.Path('starting').touch()\n"
        f"while not os.path.exists('go'):\n    time.sleep(0.02)\nos.execv('{real}', ['{real}', *sys.argv[1:]])\n"
    )
    python.chmod(0o755)
    with started(importing) as process:
        until((importing / "starting").exists)
        process.send_signal(signal.SIGINT)
        (importing / "go").touch()
        said, _ = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert not (importing / "importing").exists()
