"""The command behind `scripts/fleet.sh`."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime

from tools.command_line import (
    FAILED,
    INTERRUPTED,
    OneLineParser,
    add_json,
    decimal,
    printed_aside,
    run_to_its_end,
    whole_number,
)
from tools.fleet.plan import Plan
from tools.fleet.run import Run
from tools.local_cloud.tokens import SCOPES
from tools.service import add_service, check_service, client_of, service_of

MOST_CHARGERS = 9999
LEAST, LONGEST_SECONDS = 0.001, 604_800.0
INTERVAL_SECONDS = 10.0


def main(command_line: list[str]) -> int:
    """Let a fleet send and judge what was kept of it, and end with one clear line where that fails."""
    options = parser()
    arguments = options.parse_args(command_line)
    check_service(options, arguments)
    return run_to_its_end("fleet.sh", lambda: _run(arguments))


def plan_of(arguments: argparse.Namespace, begun: datetime) -> Plan:
    """Return what the arguments ask for; each run has chargers of its own, so that it begins with nothing."""
    interval = arguments.chargers / arguments.rate if arguments.rate else arguments.interval
    return Plan(
        prefix=f"FLEET-{begun:%Y%m%d%H%M%S%f}",
        chargers=arguments.chargers,
        interval=interval,
        duration=arguments.duration,
        flaws=arguments.flaws,
        seed=arguments.seed,
        begun=begun,
    )


def _run(arguments: argparse.Namespace) -> int:
    url, token = service_of(arguments, SCOPES)
    run = Run(plan_of(arguments, datetime.now(UTC)), client_of(url, token))
    interrupted = False
    try:
        asyncio.run(run.to_its_end())
    except KeyboardInterrupt:
        interrupted = True
    report = run.report()
    with printed_aside(arguments.json):
        print(report.as_text())
    if arguments.json:
        print(report.as_json())
    if interrupted:
        return INTERRUPTED
    return 0 if report.is_good else FAILED


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/fleet.sh",
        description="Lets a fleet of simulated chargers post to the service, reads back what was kept of it, and says "
        "where that differs from what must be kept. Each run has chargers of its own.",
        epilog="Exit code 0 when events were accepted and there is no difference, 130 when interrupted, else 1.",
    )
    options.add_argument(
        "--chargers", type=whole_number(1, MOST_CHARGERS), default=20, metavar="N", help="how many (default: 20)"
    )
    pace = options.add_mutually_exclusive_group()
    pace.add_argument(
        "--interval",
        type=decimal(LEAST, LONGEST_SECONDS),
        default=INTERVAL_SECONDS,
        metavar="SECONDS",
        help="between two events of a charger (default: 10)",
    )
    pace.add_argument(
        "--rate", type=decimal(LEAST, MOST_CHARGERS), metavar="N", help="events a second of the whole fleet, instead"
    )
    options.add_argument(
        "--duration",
        type=decimal(LEAST, LONGEST_SECONDS),
        default=60.0,
        metavar="SECONDS",
        help="how long they send (default: 60)",
    )
    options.add_argument(
        "--flaws",
        type=decimal(0, 1),
        default=0.0,
        metavar="SHARE",
        help="the share of events that are late, duplicated, out of order, malformed, of a wrong clock or replayed, "
        "and of chargers behind a gateway, from 0 to 1 (default: 0)",
    )
    options.add_argument("--seed", type=int, default=1, metavar="N", help="what chance depends on (default: 1)")
    add_service(options, may="post and read")
    add_json(options)
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
