"""Runs benchmarks, and tells what they found."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.catalogue import catalogue
from benchmarks.report import Row
from tools.command_line import printed_aside
from tools.progress import step


def run(names: Sequence[str] | None, *, short: bool, as_json: bool, plot: Path | None) -> None:
    """Run the benchmarks of these names, or all, and print what they found.

    Args:
        names: of the catalogue, each one that it has.
        short: whether to take few samples, and of all only those that are short enough.
        as_json: whether to print the rows for a program.
        plot: where to draw the ratios.

    Raises:
        CommandError: one could not run.
    """
    benchmarks = {each.name: each for each in catalogue()}
    chosen = [benchmarks[name] for name in names or benchmarks]
    if short and not names:
        chosen = [each for each in chosen if each.in_short]
    with printed_aside(as_json), Bench(short=short) as bench:
        rows: list[Row] = []
        for each in chosen:
            with step(each.name, stream=sys.stderr):
                rows.append(Row(each, each.measure(bench)))
        print(f"\n{report.machine()}\n\n{report.table(rows)}")
    if as_json:
        print(json.dumps([row.as_json() for row in rows], indent=2))
    if plot:
        plot.write_text(report.plot(rows))
