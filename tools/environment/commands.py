"""The commands of `scripts/telemetry.sh`: what each does, what runs it, and which parts of the environment it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PROGRAM = "scripts/telemetry.sh"
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

# Beside the Python packages that every command has, by the options of `run`.
PARTS = {
    "dev": "the tests and the linters",
    "cdk": "Node and the CDK CLI",
    "emulator": "the local cloud",
    "scan": "the scanner of templates",
}
# Of any command: it makes the parts that it is told to, and becomes what is given.
RUN = "run"


class Command(NamedTuple):
    """A command.

    Attributes:
        does: what, on one line.
        module: runs it, by `main`, and reads its arguments, by `parser`.
        parts: of the environment that it needs.
        of_argument: which further parts it needs, by its first argument.
        is_another_program: whether its arguments, `--help` among them, are for a program that is no Python of ours.
    """

    does: str
    module: str
    parts: tuple[str, ...] = ()
    of_argument: Mapping[str, tuple[str, ...]] = {}
    is_another_program: bool = False

    def needs(self, arguments: Sequence[str]) -> set[str]:
        """Return the parts of the environment that it needs with these arguments."""
        if not self.is_another_program and not {"-h", "--help"}.isdisjoint(arguments):
            return set()
        return {*self.parts, *(part for first in arguments[:1] for part in self.of_argument.get(first, ()))}


GROUPS: Mapping[str, Mapping[str, Command]] = {
    "the local cloud": {
        "local": Command(
            "the whole service on this machine: up, down, status, and tokens for it",
            "tools.local_cloud.__main__",
            of_argument={"up": ("cdk", "emulator")},
        ),
    },
    "deploy": {
        "deploy": Command(
            "deploy a stage, after checks and a look at the difference; or delete it", "tools.deploy", ("cdk",)
        ),
        "diff": Command("what this checkout changes in the template of each stage", "tools.diff", ("cdk",)),
        "cdk": Command(
            "the pinned CDK CLI, e.g. cdk synth -c stage=prod", "tools.cdk", ("cdk",), is_another_program=True
        ),
    },
    "look into a stage": {
        "watch": Command(
            "a fleet in the terminal, live; or one charger and its recent changes", "tools.watch.__main__"
        ),
        "follow": Command("what became of an event, hop by hop", "tools.follow.__main__"),
        "dlq": Command("what is in the dead-letter queue, why, and back to the queue", "tools.dlq.__main__"),
    },
    "simulate and measure": {
        "fleet": Command("simulated chargers that post, and a verdict on what was kept", "tools.fleet.__main__"),
        "cost": Command("what a fleet costs a month, by component", "tools.cost.__main__", ("dev",)),
        "prices": Command("take the unit prices from AWS's public price list", "tools.cost.refresh"),
        "bench": Command(
            "how much CPU the functions take, as ratios to a reference", "benchmarks.__main__", ("dev", "cdk")
        ),
    },
    "work on it": {
        "test": Command(
            "lint, types and all tests, or the tests that are named", "tools.checks", ("dev", "cdk", "emulator", "scan")
        ),
        "document": Command(
            "write the documents that are made from the code: openapi, architecture, permissions, cost, faults",
            "tools.document",
            of_argument={
                "architecture": ("cdk",),
                "permissions": ("cdk",),
                "cost": ("dev",),
                "faults": ("dev", "cdk", "emulator"),
            },
        ),
        "pictures": Command(
            "draw what commands show on a terminal, for the documents",
            "tools.pictures.__main__",
            ("dev", "cdk", "emulator"),
        ),
        "lock": Command("lock every dependency group of pyproject.toml, with hashes", "tools.lock"),
        "bill-of-materials": Command(
            "what the Lambda bundle is made of, as CycloneDX JSON", "tools.bill_of_materials", ("dev",)
        ),
        RUN: Command(
            "any other command, in the environment: run --dev -- pytest -k merge", "tools.environment.__main__"
        ),
        "completion": Command("a script by which bash, zsh or fish completes all this", "tools.completion"),
    },
}
COMMANDS: Mapping[str, Command] = {name: command for group in GROUPS.values() for name, command in group.items()}


def doors() -> list[str]:
    """Return the commands that have a script of their own, such as `scripts/local.sh`."""
    return [name for name in COMMANDS if (SCRIPTS / f"{name}.sh").exists()]


def called(name: str) -> str:
    """Return how a command is called in what is told to people: by its own script, where it has one."""
    return f"scripts/{name}.sh" if (SCRIPTS / f"{name}.sh").exists() else f"{PROGRAM} {name}"
