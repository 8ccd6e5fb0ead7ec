"""`scripts/bench.sh`: measures, and tells it as a table, as JSON and as a plot."""

import argparse
import sys

from tools.command_line import (
    OneLineParser,
    add_json,
    did_you_mean,
    file_to_write,
    run_to_its_end,
    started_apart,
)


def main(command_line: list[str]) -> int:
    """Run what the arguments name, and end with one clear line where that fails."""
    arguments = parser().parse_args(command_line)
    return run_to_its_end("bench.sh", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    # It imports the CDK: who asks for --help, or completes a line, need not wait for that.
    with started_apart():
        from benchmarks.running import run  # noqa: PLC0415

    run(arguments.only, short=arguments.short, as_json=arguments.json, plot=arguments.plot)
    return 0


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/bench.sh", description="What the functions cost, as ratios to a reference; lower is better."
    )
    options.add_argument("--short", action="store_true", help="fewer samples, in under 3 minutes")
    options.add_argument(
        "--only",
        action="append",
        type=_benchmark,
        metavar="NAME",
        help="one benchmark, of those that docs/performance.md lists; may be given again",
    )
    options.add_argument(
        "--plot", type=file_to_write(".svg"), metavar="FILE.svg", help="write a plot of the ratios, too"
    )
    add_json(options)
    return options


def _benchmark(text: str) -> str:
    with started_apart():
        from benchmarks.catalogue import catalogue  # noqa: PLC0415 - as above

    names = [each.name for each in catalogue()]
    if text not in names:
        raise argparse.ArgumentTypeError(f"there is no benchmark {text!r}{did_you_mean(text, names)}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
