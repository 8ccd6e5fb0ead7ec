"""What the commands in `tools` have in common: how they read their arguments, and how they end."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NoReturn

from telemetry_stack.stages import StageError

INTERRUPTED = 130


class CommandError(Exception):
    """What was asked for can't be done. The message says why, and what to do about it."""


class OneLineParser(argparse.ArgumentParser):
    """A parser that says what is wrong with the arguments, and nothing else."""

    def error(self, message: str) -> NoReturn:
        """End with one line and exit code 2."""
        script = self.prog.removeprefix("python -m ").split()[0].rpartition("/")[2]
        self.exit(2, f"{script}: {message}; see {self.prog} --help\n")


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return what reads an argument that is a whole number of this range, both ends included."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
        return int(text)

    return number


def run_to_its_end(script: str, command: Callable[[], int]) -> int:
    """Return a command's exit code: its own, 1 after one line where it can't be done, 130 where it was interrupted.

    Args:
        script: how the command is called, e.g. `local.sh`: what it says on standard error begins with it.
        command: what it does.
    """
    # So that `kill` ends it as Ctrl-C does: what it started, it stops.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # As programs do whose reader has gone, e.g. `| head`.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        return command()
    except (CommandError, StageError) as error:
        print(f"{script}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        # With what a command has to say of what it leaves, where it has.
        print(": ".join([script, "; ".join(["interrupted", *interruption.args])]), file=sys.stderr)
        return INTERRUPTED


@contextmanager
def step(what: str) -> Generator[None]:
    """Tell what is being done, and how long it took."""
    started = time.monotonic()
    print(f"  {what} ...", end="", flush=True)
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - started:.1f} s", flush=True)


def agrees(question: str) -> bool:
    """Ask the person at the terminal; tell whether the answer is yes."""
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        return False
