"""What the commands have in common: how they read their arguments, and how they end.

The system's Python reads it, too, before there is any environment: it imports the standard library alone.
"""

from __future__ import annotations

import argparse
import difflib
import io
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from functools import partialmethod
from pathlib import Path
from typing import IO, NoReturn

from telemetry_stack.stage_errors import StageError

FAILED = 1
WRONG_ARGUMENTS = 2
NOT_UP = 3
INTERRUPTED = 130
# As a shell says it of a program that SIGPIPE ended.
NO_READER = 141
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
EXIT_CODES: Mapping[int, str] = {
    0: "done",
    FAILED: "it failed, or found a difference; one line on standard error says what to do next",
    WRONG_ARGUMENTS: "wrong arguments, told in one line on standard error",
    NOT_UP: "the local cloud is not up: of `local status`",
    INTERRUPTED: "interrupted, by Ctrl-C or kill",
    NO_READER: "nobody reads any more what it prints, e.g. `| head`",
}


class CommandError(Exception):
    """What was asked for can't be done. The message says why, and what to do about it."""


class OneLineParser(argparse.ArgumentParser):
    """A parser that says what is wrong with the arguments, and nothing else."""

    def error(self, message: str) -> NoReturn:
        """End with one line and exit code 2."""
        script = self.prog.split()[0].rpartition("/")[2]
        self.exit(WRONG_ARGUMENTS, f"{script}: {' '.join(message.split())}; see {self.prog} --help\n")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads an argument that is a whole number of this range, both ends included."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number


def decimal(least: float, most: float) -> Callable[[str], float]:
    """Return what reads an argument that is a number of this range, both ends included."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:g} to {most:,.10g}")
        return value

    return number


def file_to_write(suffix: str) -> Callable[[str], Path]:
    """Return what reads an argument that is a file which can be written, and whose name ends so."""

    def file(text: str) -> Path:
        path = Path(text)
        if path.suffix != suffix:
            raise argparse.ArgumentTypeError(f"{text!r} does not end in {suffix}")
        if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
            raise argparse.ArgumentTypeError(f"{text!r} can't be written: give a file in a folder that is there")
        return path

    return file


def printable(text: str) -> str:
    """Return text to show as it is, on one line.

    A terminal obeys control characters, and bidirectional marks show what is not there, so that what is not printable
    is replaced.
    """
    return "".join(each if each.isprintable() else REPLACEMENT for each in text)


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return what is added to the refusal of a word that is like a known one; nothing where it is like none."""
    return "".join(f" (did you mean {each}?)" for each in difflib.get_close_matches(text, known, n=1))


def add_json(options: argparse.ArgumentParser) -> None:
    """Add the option by which a command answers a program."""
    options.add_argument(
        "--json",
        action="store_true",
        help="print the result as JSON on standard output, and what is for people on standard error",
    )


def printed_aside(aside: bool) -> AbstractContextManager[object]:  # noqa: FBT001 - it is all that this is told
    """Print on standard error in this context, where a program reads what is on standard output."""
    return redirect_stdout(sys.stderr) if aside else nullcontext()


def run_to_its_end(script: str, command: Callable[[], int]) -> int:
    """Return a command's exit code: its own, 1 after one line where it can't be done, 130 where it was interrupted.

    Args:
        script: how the command is called, e.g. `local.sh`: what it says on standard error begins with it.
        command: what it does.
    """
    # From here on Ctrl-C ends it as an exception, and `kill`, too: what it started, it stops. A shell lets what it
    # starts in the background ignore Ctrl-C.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no such character shows another.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        # Its reader has gone, e.g. `| head`: there is nobody to tell, also not what Python still holds back.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return NO_READER
    except (CommandError, StageError) as error:
        print(f"{script}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as interruption:
        # With what a command has to say of what it leaves, where it has.
        print(": ".join([script, "; ".join(["interrupted", *interruption.args])]), file=sys.stderr)
        return INTERRUPTED
    return code


@contextmanager
def started_apart() -> Generator[None]:
    """Let what libraries start in this context not hear the terminal's Ctrl-C.

    The CDK starts Node as it is imported, and tells at the end of this process where Node has ended before.
    """
    usual = subprocess.Popen.__init__
    # They give nobody a say in how they start it.
    subprocess.Popen.__init__ = partialmethod(usual, start_new_session=True)  # pyright: ignore[reportAttributeAccessIssue] - a method with a default more
    try:
        yield
    finally:
        subprocess.Popen.__init__ = usual


def run_whole(
    command: list[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdout: int | IO[str] | None = None,
    stderr: int | IO[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command that asks nobody anything; where that is interrupted, it ends with all that it has started.

    Raises:
        OSError: it can't be started.
    """
    # One group, since the CDK and installers start programs of their own.
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def agrees(question: str) -> bool:
    """Ask the person at the terminal; tell whether the answer is yes."""
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False
