"""`scripts/telemetry.sh document WHICH`: writes a document that is made from the code; tests compare them with it."""

import sys
from contextlib import nullcontext
from importlib import import_module

from tools.command_line import OneLineParser, run_to_its_end, started_apart
from tools.environment.commands import called
from tools.progress import step

NAME = "document"
# What writes each, by `main`. Imported when it is asked for: they need different parts of the environment.
WRITERS = {
    "openapi": ("tools.openapi", "docs/openapi.json, what the API says of itself"),
    "architecture": ("tools.architecture", "docs/architecture.md, its drawings and the table of the state"),
    "permissions": ("tools.permissions", "docs/permissions.md, who may do what, and why"),
    "cost": ("tools.cost.document", "docs/cost.md and its plot, after a change of stages, code or prices"),
    "faults": ("tools.faults", "docs/faults.md, by running the tests that make something fail, for some minutes"),
}


def main(command_line: list[str]) -> int:
    """Write the document that is named, and end with one clear line where that fails."""
    which = parser().parse_args(command_line).which
    return run_to_its_end(f"telemetry.sh {NAME}", lambda: _write(which))


def _write(which: str) -> int:
    module, told = WRITERS[which]
    # Of its tests pytest tells.
    with nullcontext() if which == "faults" else step(told.partition(",")[0]):
        with started_apart():
            writer = import_module(module)
        writer.main()
    return 0


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(prog=called(NAME), description="Write a document that is made from the code.")
    documents = options.add_subparsers(dest="which", required=True, metavar="WHICH")
    for which, (_, told) in WRITERS.items():
        documents.add_parser(which, help=told, description=f"Write {told}.")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
