"""The command behind `scripts/follow.sh`."""

import argparse
import json
import re
import sys
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from telemetry_stack.stages import STAGE_NAMES
from tools.command_line import CommandError, OneLineParser, add_json, printed_aside, run_to_its_end
from tools.deployed_stage import deployed_stage
from tools.follow.items import DynamoItems
from tools.follow.lines import CloudWatchLogs
from tools.follow.timeline import instant, shown, timeline_of
from tools.follow.trail import Trail, follow, is_event_id
from tools.follow.verdicts import Verdict, summary, verdicts_of
from tools.progress import Progress

# An event's id, API Gateway's id of a request in base64, and the emulator's.
ID = re.compile(r"[A-Za-z0-9+/=_-]{1,128}")
SINCE = re.compile(r"[1-9][0-9]{0,3}[mhd]")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def main(command_line: list[str]) -> int:
    """Say what became of an event, and end with one clear line where that fails."""
    arguments = parser().parse_args(command_line)
    return run_to_its_end("follow.sh", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    stage = deployed_stage(arguments.stage, profile=arguments.profile)
    now = datetime.now(UTC)
    items = DynamoItems(stage.dynamodb, stage.outputs["TableName"], now)
    try:
        with Progress() as progress:
            logs = CloudWatchLogs(stage.logs, stage.outputs, progress)
            trail = follow(arguments.id, logs, items, now - _duration(arguments.since))
    except (BotoCoreError, ClientError) as error:
        needs = "docs/runbook.md says which permissions this needs"
        raise CommandError(f"{stage.settings.stack_name} can't be looked into: {error}; {needs}") from error
    if not trail.lines:
        raise CommandError(
            f"{arguments.id} was not found in the logs of the last {arguments.since}; "
            f"stage {stage.settings.name} keeps its logs for {stage.settings.log_retention_days} d"
        )
    verdicts = verdicts_of(trail, now)
    with printed_aside(arguments.json):
        print(as_text(trail, verdicts))
    if arguments.json:
        print(as_json(trail, verdicts))
    return 0


def as_text(trail: Trail, verdicts: list[Verdict]) -> str:
    """Return what happened, what became of each event where there are several, and a line that says it of all."""
    lines = [*shown(timeline_of(trail)), ""]
    if len(verdicts) > 1:
        known = ((verdict.event.event_id if verdict.event else "no id", verdict.text) for verdict in verdicts)
        lines += [*(f"{event_id:<16}  {text}" for event_id, text in known), ""]
    # A terminal obeys what is not printable, and what AWS or an issuer says is not ours.
    return "\n".join(re.sub(r"[^ -~]", "?", line) for line in [*lines, summary(verdicts)])


def as_json(trail: Trail, verdicts: list[Verdict]) -> str:
    """Return the same for a program."""
    told = {
        "id": trail.asked,
        "timeline": [
            {
                "time": instant(entry.time),
                "until": instant(entry.until),
                "times": entry.times,
                "hop": entry.hop.value,
                "what": entry.what,
            }
            for entry in timeline_of(trail)
        ],
        "events": [
            {
                "eventId": verdict.event.event_id if verdict.event else None,
                "chargerId": verdict.event.charger_id if verdict.event else None,
                "outcome": verdict.outcome.name.lower(),
                "reason": verdict.reason or None,
                "verdict": verdict.text,
            }
            for verdict in verdicts
        ],
        "verdict": summary(verdicts),
    }
    return json.dumps(told, indent=2)


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/follow.sh",
        description="Says what became of an event, from the HTTP request to its charger's item, by the stage's logs. "
        "It reads, and changes nothing; of what chargers send it shows their ids alone.",
        epilog="Exit code 0 when it was found, 1 when not.",
    )
    options.add_argument(
        "id",
        type=_id,
        metavar="ID",
        help="the eventId of an answer (64 hex digits, or the 16 that logs have), or the apigw-requestid in its header "
        "for all that it brought",
    )
    options.add_argument(
        "--stage", required=True, choices=STAGE_NAMES, metavar="STAGE", help=f"one of {', '.join(STAGE_NAMES)}"
    )
    options.add_argument("--profile", help="the AWS profile to use; stage local needs none")
    options.add_argument(
        "--since",
        type=_since,
        default="24h",
        metavar="TIME",
        help="how far to look back, e.g. 30m, 24h, 7d (default: 24h); the less, the faster",
    )
    add_json(options)
    return options


def _id(text: str) -> str:
    if not ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} can't be the id of an event or of a request")
    return text.lower() if is_event_id(text.lower()) else text


def _since(text: str) -> str:
    if not SINCE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give e.g. 30m, 24h or 7d")
    return text


def _duration(since: str) -> timedelta:
    return timedelta(**{UNITS[since[-1]]: int(since[:-1])})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
