"""`scripts/telemetry.sh COMMAND ...`: makes the parts of the environment that the command needs, and becomes it."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from tools.command_line import EXIT_CODES, INTERRUPTED, WRONG_ARGUMENTS, OneLineParser, did_you_mean
from tools.environment import installation
from tools.environment.commands import COMMANDS, GROUPS, PARTS, PROGRAM, RUN, called, doors


def main(arguments: list[str]) -> None:
    """Do what the arguments say.

    Raises:
        SystemExit: there is no such command, or the environment can't be made; with one line.
    """
    name, *rest = arguments or [""]
    if name in {"-h", "--help"}:
        print(overview())
    elif name == RUN:
        own, command = split_at_dashes(rest)
        options = vars(parser().parse_args(own))
        become({part for part in PARTS if options[part]}, command)
    elif name in COMMANDS:
        become(COMMANDS[name].needs(rest), ["python", "-m", COMMANDS[name].module, *rest], is_ours=True)
    else:
        refuse(name)


def become(parts: set[str], command: list[str], *, is_ours: bool = False) -> None:
    """Make parts of the environment, and become the command in it, where there is one.

    Args:
        parts: see `PARTS`.
        command: with its arguments.
        is_ours: whether it is a module that takes Ctrl-C over, see `tools/__init__.py`: until then it is held back.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        installation.make(parts)
        if is_ours:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if command:
            installation.become(command)
    except KeyboardInterrupt:
        print("environment: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def split_at_dashes(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split at the first `--`: ours before it, the command after it."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def parser() -> OneLineParser:
    """Return what reads the options of `run`."""
    options = OneLineParser(
        prog=called(RUN),
        usage="%(prog)s [options] [-- COMMAND [ARGUMENT...]]",
        description="Makes the project's environment, and runs a command in it.",
    )
    for part, what in PARTS.items():
        options.add_argument(f"--{part}", action="store_true", help=f"with {what}")
    return options


def overview() -> str:
    """Return what there is, by what people want."""
    width = max(map(len, COMMANDS))
    lines = [f"usage: {PROGRAM} COMMAND [ARGUMENT...]", "", "Each COMMAND has --help of its own."]
    for group, commands in GROUPS.items():
        lines += ["", group, *(f"  {name:<{width}}  {command.does}" for name, command in commands.items())]
    lines += ["", "exit codes", *(f"  {code:<{width}}  {meaning}" for code, meaning in EXIT_CODES.items())]
    own = ", ".join(f"{name}.sh" for name in doors())
    return "\n".join([*lines, "", f"Some are in scripts/ by their own names, with the same arguments: {own}."])


def refuse(name: str) -> NoReturn:
    """End with one line that names what may have been meant."""
    wrong = f"there is no command {name!r}{did_you_mean(name, COMMANDS)}" if name else "give a command"
    print(f"telemetry.sh: {wrong}; see {PROGRAM} --help", file=sys.stderr)
    sys.exit(WRONG_ARGUMENTS)


if __name__ == "__main__":
    main(sys.argv[1:])
