"""What docs/architecture.md says of the code: who may import whom, and each test that it names."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "architecture.md").read_text()
# Where modules are, each with what their names begin with.
PLACES = {"lambdas": "", **{each: f"{each}." for each in ("telemetry_stack", "tools", "benchmarks", "examples")}}
# What functions are compared with is a program of its own, written as others would.
OTHERS = ("benchmarks.reference",)
ANY = "any"


@dataclass(frozen=True)
class Room:
    """A row of the table."""

    modules: frozenset[str]
    rooms: frozenset[str]
    packages: frozenset[str]

    def has(self, module: str) -> bool:
        return module in self.modules or any(
            f"{module}.".startswith(each.removesuffix("*")) for each in self.modules if each.endswith("*")
        )


def words(cell: str) -> frozenset[str]:
    return frozenset(cell.replace("`", " ").split())


def rooms_in(document: str) -> Mapping[str, Room]:
    rows = (line.strip("|").split("|") for line in document.split("## Rooms")[1].splitlines() if line.startswith("| `"))
    return {
        name.strip(" `"): Room(words(modules), words(rooms), words(packages)) for name, modules, rooms, packages in rows
    }


@cache
def sources() -> Mapping[str, Path]:
    """Every module by its name."""
    found = {"app": ROOT / "app.py"}
    for place, prefix in PLACES.items():
        for path in (ROOT / place).rglob("*.py"):
            parts = path.relative_to(ROOT / place).with_suffix("").parts
            name = (prefix + ".".join(parts)).removesuffix(".__init__").removesuffix("__init__").rstrip(".")
            if not name.startswith(OTHERS):
                found[name] = path
    return found


def imported_by(module: str) -> Iterator[str]:
    """What a module imports when it runs: a module of ours by its whole name, a package by its first."""
    tree = ast.parse(sources()[module].read_text())
    typing = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in set(ast.walk(tree)) - typing:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (whole & sources().keys()) or {node.module}
    for name in names:
        if name in sources():
            yield name
        elif (package := name.partition(".")[0]) not in sys.stdlib_module_names:
            yield package


def room_of(module: str, rooms: Mapping[str, Room]) -> str:
    (found,) = (name for name, room in rooms.items() if room.has(module))
    return found


def used(rooms: Mapping[str, Room]) -> Mapping[str, tuple[set[str], set[str]]]:
    """The rooms and the packages that the modules of each room import."""
    found: dict[str, tuple[set[str], set[str]]] = {name: (set(), set()) for name in rooms}
    for module in sources():
        # The first word of a package says what it is, and imports nothing.
        if any(each.startswith(f"{module}.") for each in sources()) and not list(imported_by(module)):
            continue
        own = room_of(module, rooms)
        for name in imported_by(module):
            if name not in sources():
                found[own][1].add(name)
            elif (other := room_of(name, rooms)) != own:
                found[own][0].add(other)
    return found


ROOMS = rooms_in(DOCUMENT)
USED = used(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_what_the_document_says_and_nothing_else(name: str) -> None:
    rooms, packages = USED[name]
    assert ROOMS[name].rooms in ({ANY}, rooms)
    assert ROOMS[name].packages in ({ANY}, packages)


def test_every_module_that_the_document_names_is_there() -> None:
    named = {each for room in ROOMS.values() for each in room.modules if not each.endswith("*")}
    assert named - sources().keys() == set()


def test_each_promise_names_a_test_that_exists() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    assert len(named) > 10
    assert {each for each in named if f"def {each}(" not in tests} == set()
