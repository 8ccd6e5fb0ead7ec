"""`scripts/telemetry.sh completion SHELL`: prints what lets a shell complete the commands and their options."""

import argparse
import sys
from importlib import import_module

import shtab

from tools.command_line import OneLineParser, run_to_its_end
from tools.environment.commands import COMMANDS, PROGRAM, called, doors

NAME = "completion"
SHELLS = ("bash", "zsh", "fish")
# What they do not know themselves is for another program, and mostly names files.
PASSED_ON = {"cdk", "lock", "run", "test"}


def main(command_line: list[str]) -> int:
    """Print the script for the shell that is named."""
    shell = parser().parse_args(command_line).shell
    return run_to_its_end(f"telemetry.sh {NAME}", lambda: _print(shell))


def _print(shell: str) -> int:
    for each in (whole(), *(completed(name, f"{name}.sh") for name in doors())):
        # Where there is nothing of ours to offer, bash is to offer the names of files.
        print(shtab.complete(each, shell).replace("complete -o bashdefault ", "complete -o bashdefault -o default "))
    return 0


def whole() -> argparse.ArgumentParser:
    """Return what stands for `scripts/telemetry.sh`: each command with its arguments."""
    options = argparse.ArgumentParser(prog=PROGRAM.rpartition("/")[2])
    commands = options.add_subparsers(dest="command")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.does, parents=[completed(name, name)], add_help=False)
    return options


def completed(name: str, program: str) -> argparse.ArgumentParser:
    """Return what reads the arguments of a command, under the name of a program."""
    command = COMMANDS[name]
    parents: list[argparse.ArgumentParser] = []
    if not command.is_another_program:
        parents.append(import_module(command.module).parser())
    options = argparse.ArgumentParser(prog=program, parents=parents, add_help=False)
    if name in PASSED_ON:
        files = options.add_argument("argument", nargs="*", help="of another program")
        files.complete = shtab.FILE  # pyright: ignore[reportAttributeAccessIssue] - how shtab is told
    return options


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog=called(NAME),
        description="Print a script by which a shell completes the commands, their options and the stages.",
        epilog=f'In bash and zsh: eval "$({called(NAME)} bash)", or zsh, after compinit; in fish: '
        f"{called(NAME)} fish | source. For each shell to come, that line in what it reads at its start.",
    )
    options.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
