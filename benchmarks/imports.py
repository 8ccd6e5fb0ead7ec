"""Tells which packages a function's start spends its time on: the ten that take longest to import, in milliseconds.

    scripts/run.sh --dev --cdk -- python -m benchmarks.imports [BUNDLE]

With no bundle it builds ours. Times are medians of several starts, of what each module takes itself, by package, our
clients that are made while Lambda initialises with it; Python's own modules are told together.
"""

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from benchmarks.variants import FUNCTIONS, Function, Variant, build_ours
from telemetry_stack.stages import BundleTarget
from tools.command_line import OneLineParser, run_to_its_end

STARTS = 7
MOST = 10
STANDARD_LIBRARY = "Python's own"
# `import time: self [us] | cumulative | imported package`
COLUMNS = 3


def main() -> int:
    """Print a table."""
    parser = OneLineParser(
        prog="scripts/run.sh --dev --cdk -- python -m benchmarks.imports",
        description="What a function's start imports, by package.",
    )
    parser.add_argument(
        "bundle", nargs="?", type=Path, help="the folder of a bundle; ours, built anew, where not given"
    )
    options = parser.parse_args()
    if options.bundle and not (options.bundle / "ingest").is_dir():
        parser.error(f"{options.bundle} is no folder of a bundle, such as cdk.out/asset.HASH")
    with tempfile.TemporaryDirectory() as folder:
        bundle: Path = options.bundle or Path(folder) / "bundle"
        if not options.bundle:
            build_ours(BundleTarget.of_this_machine(), bundle)
        taken = {function: import_times(bundle, function) for function in FUNCTIONS}
    print(f"| package | {' | '.join(FUNCTIONS)} |\n| --- |{' ---: |' * len(FUNCTIONS)}")
    longest = sorted({name for each in taken.values() for name in each}, key=lambda name: -taken["ingest"].get(name, 0))
    for name in longest[:MOST]:
        print(f"| {name} | {' | '.join(f'{taken[each].get(name, 0):.1f}' for each in FUNCTIONS)} |")
    print(f"| all | {' | '.join(f'{sum(taken[each].values()):.1f}' for each in FUNCTIONS)} |")
    return 0


def import_times(bundle: Path, function: Function) -> dict[str, float]:
    """Return the milliseconds that the modules of each package take to import, in a fresh interpreter."""
    starts = [dict(_by_package(bundle, function)) for _ in range(STARTS)]
    return {name: median(start.get(name, 0) for start in starts) for name in starts[0]}


def _by_package(bundle: Path, function: Function) -> Mapping[str, float]:
    ours = Variant("ours", bundle, "{}.handler")
    program = f"import sys; sys.path.insert(0, {str(bundle)!r}); import {function}.handler"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-X", "importtime", "-c", program],
        env=ours.variables(function, "https://127.0.0.1"),
        capture_output=True,
        text=True,
        check=True,
    )
    there = {path.stem for path in bundle.iterdir()}
    taken: dict[str, float] = defaultdict(float)
    for module, milliseconds in _told(done.stderr):
        package = module.partition(".")[0]
        taken[package if package in there else STANDARD_LIBRARY] += milliseconds
    return taken


def _told(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        columns = line.removeprefix("import time:").split("|")
        if len(columns) == COLUMNS and columns[0].strip().isdecimal():
            yield columns[2].strip(), int(columns[0]) / 1000


if __name__ == "__main__":
    sys.exit(run_to_its_end("benchmarks.imports", main))
