"""`scripts/bench.sh`: measures, and tells it as a table, as JSON and as a plot."""

import json
import sys
import time
from pathlib import Path

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.catalogue import Benchmark, catalogue
from benchmarks.report import Row
from tools.command_line import OneLineParser, run_to_its_end


def main() -> int:
    """Run what the arguments name."""
    benchmarks = {each.name: each for each in catalogue()}
    parser = OneLineParser(
        prog="scripts/bench.sh", description="What the functions cost, as ratios to a reference; lower is better."
    )
    parser.add_argument("--short", action="store_true", help="fewer samples, in under 3 minutes")
    parser.add_argument(
        "--only", action="append", choices=benchmarks, metavar="NAME", help="one benchmark; may be given again"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows, as a list of objects")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="write a plot of the ratios")
    options = parser.parse_args()
    for file in (options.json, options.plot):
        if file and not file.parent.is_dir():
            parser.error(f"there is no folder {file.parent}")
    chosen = [benchmarks[name] for name in options.only or benchmarks]
    if options.short and not options.only:
        chosen = [each for each in chosen if each.in_short]
    with Bench(short=options.short) as bench:
        rows = [measured(bench, each) for each in chosen]
    print(f"\n{report.machine()}\n\n{report.table(rows)}")
    if options.json:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")
    if options.plot:
        options.plot.write_text(report.plot(rows))
    return 0


def measured(bench: Bench, benchmark: Benchmark) -> Row:
    """Run a benchmark, and tell so on standard error."""
    started = time.monotonic()
    print(f"  {benchmark.name} ...", end="", file=sys.stderr, flush=True)
    try:
        row = Row(benchmark, benchmark.measure(bench))
    except BaseException:
        print(" failed", file=sys.stderr)
        raise
    print(f" {time.monotonic() - started:.1f} s", file=sys.stderr)
    return row


if __name__ == "__main__":
    sys.exit(run_to_its_end("bench.sh", main))
