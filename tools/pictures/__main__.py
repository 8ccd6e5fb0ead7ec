"""The command `scripts/telemetry.sh pictures`."""

import sys

from tools.command_line import OneLineParser, run_to_its_end
from tools.environment.commands import called
from tools.pictures.catalogue import PICTURES

NAME = "pictures"


def main(arguments: list[str]) -> int:
    """Draw the pictures that are named, or all; return the exit code: 0, 1 where a command failed, 2 for usage."""
    options = parser()
    names: list[str] = options.parse_args(arguments).name
    if unknown := sorted(set(names) - PICTURES.keys()):
        options.error(f"no picture {', '.join(unknown)}")
    # With a terminal in Python, which only what draws needs.
    from tools.pictures import drawing  # noqa: PLC0415

    return run_to_its_end(f"telemetry.sh {NAME}", lambda: drawing.draw(names or list(PICTURES)))


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(prog=called(NAME), description="Draw what commands show on a terminal.")
    options.add_argument("name", nargs="*", help=f"which of {', '.join(PICTURES)}; all where none is named")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
