"""The command behind `scripts/local.sh`."""

import argparse
import re
import sys

from botocore.exceptions import BotoCoreError, ClientError
from httpx import HTTPError

try:
    from tools.local_cloud.cloud import chosen_cloud
except SyntaxError as error:
    sys.exit(f"local.sh: {error.filename}:{error.lineno}: {error.msg}")
from tools.command_line import NOT_UP, OneLineParser, run_to_its_end
from tools.local_cloud.errors import LocalCloudError
from tools.local_cloud.tokens import A_DAY, EVERY_CHARGER, SCOPES

# The contract's; the functions' own pattern is in code that this environment can't import.
CHARGER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9*\-_=:+|@.]{0,63}")


def main(command_line: list[str]) -> int:
    """Do what the arguments say, and end with one clear line where that fails."""
    arguments = parser().parse_args(command_line)
    return run_to_its_end("local.sh", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    cloud = chosen_cloud()
    try:
        match arguments.command:
            case "up":
                cloud.up()
            case "down":
                cloud.down()
            case "status":
                return 0 if cloud.is_up() else NOT_UP
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


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/local.sh",
        description="The whole service on this machine, at LOCAL_PORT (default 4566), with no AWS account.",
    )
    commands = options.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the emulator, deploy the stack, post an event and read it back")
    commands.add_parser("down", help="stop it; its state is kept for the next `up`")
    commands.add_parser("status", help=f"tell how it stands; exit code 0 when it is up, {NOT_UP} when not")
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
    if text != EVERY_CHARGER and not CHARGER_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} can't be the id of a charger")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
