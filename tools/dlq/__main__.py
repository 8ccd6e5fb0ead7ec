"""The command behind `scripts/dlq.sh`."""

import argparse
import json
import re
import sys

from botocore.exceptions import BotoCoreError, ClientError

from telemetry_stack.stages import STAGE_NAMES
from tools.command_line import CommandError, OneLineParser, add_json, agrees, printed_aside, run_to_its_end
from tools.deployed_stage import deployed_stage
from tools.dlq.commands import Desk, Json
from tools.dlq.redriving import Selection
from tools.dlq.report import counted
from tools.dlq.triage import take_as_given
from tools.progress import Progress

MESSAGE_ID = re.compile(r"[0-9a-fA-F-]{4,36}")
SAFETY = """
A message goes to the group that it came from, those of a charger in the order in which they were first sent, and is
deleted from the DLQ only when SQS has said that it is on the queue. Whatever ends this (Ctrl-C, kill -9, no network),
nothing is lost: run it again. What a run that was killed was about is hidden for 30 s; the next waits for it, and gives
up where it is another run that is still at work. Newest wins, so that old events harm nothing, nor does one that is
delivered twice.

Redriven is what the code of this checkout would process now: check out what is deployed. What it would not stays in the
DLQ, and the exit code is 1. --force sends it all the same.
"""


def main(command_line: list[str]) -> int:
    """Do what the arguments say, and end with one clear line where that fails."""
    arguments = parser().parse_args(command_line)
    if arguments.command == "redrive" and sum(map(bool, (arguments.id, arguments.charger, arguments.all))) != 1:
        arguments.parser.error("say which: ID..., --charger ID or --all")
    return run_to_its_end("dlq.sh", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        with printed_aside(arguments.json), Progress() as progress:
            answer, failures = _answered(arguments, progress)
    except (BotoCoreError, ClientError) as error:
        needs = "docs/runbook.md#dead-letters lists the permissions that this needs"
        raise CommandError(f"AWS did not do it: {error}; {needs}") from error
    if arguments.json:
        print(json.dumps(answer, indent=2))
    if failures:
        raise CommandError("; ".join(failures))
    return 0


def _answered(arguments: argparse.Namespace, progress: Progress) -> tuple[Json, list[str]]:
    """Do it and tell people; return the same for a program, and why not all that was meant was done."""
    desk = Desk(deployed_stage(arguments.stage, profile=arguments.profile), progress)
    match arguments.command:
        case "list":
            return desk.list_messages(), []
        case "show":
            return desk.show(arguments.id), []
        case _:
            return _redrive(desk, arguments)


def _redrive(desk: Desk, arguments: argparse.Namespace) -> tuple[Json, list[str]]:
    if arguments.all and not (arguments.yes or arguments.dry_run) and sys.stdin.isatty():
        counts = desk.dead_letters.counts()
        number = counted(counts.waiting + counts.held, "message")
        what = "whatever becomes of it" if arguments.force else "that would pass"
        if not agrees(f"Redrive all {what}, of about {number} in the DLQ of {desk.name}? [y/N] "):
            raise CommandError("nothing was redriven")
    judge = take_as_given if arguments.force else desk.triage.judge
    selection = Selection(ids=tuple(arguments.id), charger=arguments.charger)
    return desk.redrive(selection, dry_run=arguments.dry_run, judge=judge)


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/dlq.sh", description="What is in a stage's dead-letter queue, why, and back to the queue."
    )
    commands = options.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="a table of its messages; nothing is taken away")
    show = commands.add_parser("show", help="one message in full, and what the code of this checkout says of it")
    show.add_argument("id", metavar="ID", type=_message_id, help="a message's id, or its beginning, as `list` shows it")
    redrive = commands.add_parser(
        "redrive",
        help="put messages on the queue again that would be processed now",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=SAFETY,
    )
    redrive.add_argument("id", metavar="ID", nargs="*", type=_message_id, help="messages' ids, or their beginnings")
    redrive.add_argument("--charger", metavar="ID", help="all of a charger")
    redrive.add_argument("--all", action="store_true", help="all; on a terminal it asks first")
    redrive.add_argument("--dry-run", action="store_true", help="tell what would be redriven, and what would stay")
    redrive.add_argument("--force", action="store_true", help="also what the code of this checkout would not process")
    redrive.add_argument("--yes", action="store_true", help="do not ask")
    redrive.set_defaults(parser=redrive)
    for command in (listing, show, redrive):
        command.add_argument(
            "--stage", required=True, choices=STAGE_NAMES, metavar="STAGE", help=", ".join(STAGE_NAMES)
        )
        command.add_argument("--profile", help="the AWS profile to use; stage local needs none")
        add_json(command)
    return options


def _message_id(text: str) -> str:
    if not MESSAGE_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} can't be the beginning of a message's id, of which it takes 4")
    return text.lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
