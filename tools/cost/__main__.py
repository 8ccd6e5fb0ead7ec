"""`scripts/telemetry.sh cost`: what a stage costs a month for a fleet, by component."""

import argparse
import json
import sys

from telemetry_stack.stages import STAGE_NAMES, StageSettings, stage_settings
from tools.command_line import (
    CommandError,
    OneLineParser,
    add_json,
    decimal,
    file_to_write,
    printed_aside,
    run_to_its_end,
    whole_number,
)
from tools.cost.designs import of_stage
from tools.cost.document import plot
from tools.cost.footprint import SAMPLES
from tools.cost.model import Fleet
from tools.cost.prices import load
from tools.cost.quotas import limits
from tools.cost.report import Report
from tools.environment.commands import called

# Those on AWS.
STAGES = tuple(name for name in STAGE_NAMES if name != "local")
MOST_CHARGERS = 10_000_000
MOST_EVENTS = 100
LONGEST_INTERVAL_SECONDS = 86_400


def main(arguments: list[str]) -> int:
    """Print the costs, and write what is asked for; return the exit code: 0, 1 where it can't be done, 2 for usage."""
    parsed = parser().parse_args(arguments)
    return run_to_its_end("telemetry.sh cost", lambda: _run(parsed))


def _run(arguments: argparse.Namespace) -> int:
    book = load()
    settings: StageSettings = stage_settings(arguments.stage, local_port=0)
    region: str = arguments.region or settings.region
    if region not in book.regions:
        raise CommandError(
            f"tools/cost/prices.json has no prices of {region}; say --region with one of: {', '.join(book.regions)}"
        )
    fleet = Fleet(arguments.chargers, arguments.interval)
    report = Report(
        stage=settings.name,
        region=region,
        sample=arguments.event,
        fleet=fleet,
        design=of_stage(settings, fleet, arguments.batch, book, sample=arguments.event),
        limits=limits(settings, fleet.interval_seconds, arguments.batch, book, region, sample=arguments.event),
        book=book,
    )
    with printed_aside(arguments.json):
        print(report.as_text())
    if arguments.json:
        print(json.dumps(report.as_json(), indent=2))
    if arguments.plot:
        arguments.plot.write_text(plot(settings, fleet, region, book, sample=arguments.event))
    return 0


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog=called("cost"),
        description="What a stage costs a month for a fleet, by component, from the stage's own settings.",
        epilog="docs/cost.md says where prices and volumes are from, how sure they are, and what is not counted.",
    )
    options.add_argument(
        "--chargers", required=True, metavar="N", type=whole_number(1, MOST_CHARGERS), help="how many post"
    )
    options.add_argument(
        "--interval",
        required=True,
        metavar="SECONDS",
        type=decimal(1, LONGEST_INTERVAL_SECONDS),
        help="from one event of a charger to its next",
    )
    options.add_argument(
        "--batch", default=1, metavar="B", type=whole_number(1, MOST_EVENTS), help="events of one charger in a post; 1"
    )
    options.add_argument("--stage", required=True, choices=STAGES, metavar="STAGE", help=", ".join(STAGES))
    options.add_argument("--region", metavar="REGION", help="of the prices; the stage's own")
    options.add_argument("--event", choices=tuple(SAMPLES), default="flat", help="which sample the chargers send; flat")
    options.add_argument(
        "--plot",
        type=file_to_write(".svg"),
        metavar="FILE.svg",
        help="draw single posts and batches side by side, too",
    )
    add_json(options)
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
