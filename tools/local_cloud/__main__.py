"""The command behind `scripts/local.sh`."""

import argparse
import json
import sys
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError
from httpx import HTTPError

from telemetry.event import CHARGER_ID_RULE, is_charger_id

try:
    from tools.local_cloud.cloud import chosen_cloud
except SyntaxError as error:
    sys.exit(f"local.sh: {error.filename}:{error.lineno}: {error.msg}")
from tools.command_line import NOT_UP, OneLineParser, add_json, printed_aside, run_to_its_end
from tools.local_cloud.errors import LocalCloudError
from tools.local_cloud.tokens import A_DAY, EVERY_CHARGER, SCOPES


def main(command_line: list[str]) -> int:
    """Do what the arguments say, and end with one clear line where that fails."""
    arguments = parser().parse_args(command_line)
    return run_to_its_end("local.sh", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    cloud = chosen_cloud()
    try:
        match arguments.command:
            case "up":
                with printed_aside(arguments.json):
                    made = cloud.up()
                _answer(arguments, made)
            case "down":
                cloud.down()
            case "status":
                with printed_aside(arguments.json):
                    status = cloud.status()
                _answer(arguments, status)
                return 0 if status["up"] else NOT_UP
            case _:
                print(
                    cloud.token(
                        chargers=arguments.charger or EVERY_CHARGER,
                        scopes=arguments.scope or SCOPES,
                        expires_in=arguments.expires_in,
                    )
                )
    except (BotoCoreError, ClientError, HTTPError) as error:
        raise LocalCloudError(f"the emulator failed: {error}; what it says is in its emulator.log") from error
    return 0


def _answer(arguments: argparse.Namespace, answer: Mapping[str, object]) -> None:
    if arguments.json:
        print(json.dumps(answer, indent=2))


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/local.sh",
        description="The whole service on this machine, at LOCAL_PORT (default 4566), with no AWS account.",
    )
    commands = options.add_subparsers(dest="command", required=True)
    add_json(commands.add_parser("up", help="start the emulator, deploy the stack, post an event and read it back"))
    commands.add_parser("down", help="stop it; its state is kept for the next `up`")
    add_json(commands.add_parser("status", help=f"tell how it stands; exit code 0 when it is up, {NOT_UP} when not"))
    token = commands.add_parser("token", help="print a bearer token for the API")
    token.add_argument(
        "--charger",
        action="append",
        type=_charger_id,
        metavar="ID",
        help=f"a charger that it is for, repeatable (default: {EVERY_CHARGER}, all)",
    )
    token.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help=f"what it may do, repeatable (default: {' '.join(SCOPES)})",
    )
    token.add_argument(
        "--expires-in", type=int, default=A_DAY, metavar="SECONDS", help="its lifetime; negative: expired already"
    )
    return options


def _charger_id(text: str) -> str:
    if text != EVERY_CHARGER and not is_charger_id(text):
        raise argparse.ArgumentTypeError(f"{text!r} can't be the id of a charger, which is {CHARGER_ID_RULE}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
