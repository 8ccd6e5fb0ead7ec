"""The command behind `scripts/watch.sh`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime

import httpx
from botocore.config import Config
from rich.console import Console, RenderableType
from rich.live import Live

from telemetry.event import CHARGER_ID_RULE, is_charger_id
from tools.command_line import CommandError, OneLineParser, add_json, decimal, run_to_its_end
from tools.deployed_stage import DeployedStage, deployed_stage
from tools.service import LOCAL, add_service, check_service, client_of, is_local, service_of
from tools.watch import detail, table
from tools.watch.listing import listed
from tools.watch.reading import Reader
from tools.watch.report import as_json
from tools.watch.view import View
from tools.watch.watching import Watch

READ_SCOPE = "telemetry/read"
STANDARD_INPUT = "-"
INTERVAL_SECONDS = 5.0
SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS = 0.5, 3_600.0
# It lists in a thread, which Ctrl-C does not end: where the emulator hangs, it ends of its own, and is tried again.
ENDS_SOON = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
# Where nobody looks, so that nothing is cut.
WIDE = 1000

CHARGER_IDS = "name the chargers as arguments, or give - to read them from standard input"
ABOUT = """
Shows the latest telemetry of chargers as a table that stays up to date, or of one charger all that is known, and how it
changes.
"""
LEGEND = """
Of each charger, and of each connector where there are several: its last known status as it was sent, or `charging`
where it never sent one and power flows; its power, in brackets where it is not that of now; the energy of its
session, or else its meter's; how long nothing was heard of it, marked once it counts as silent; and the worst of its
findings with the number of others. Those that need attention come first: critical findings, warnings, the silent,
then those that charge.

Of one charger all findings, its newest payload, and how its metrics changed: the service keeps the newest sample
alone, so that changes are those seen while watching.

Ctrl-C ends it, with exit code 130. Else it is 0, or 1 where not all could be read.
"""


def main(command_line: list[str]) -> int:
    """Show what is known of chargers, and end with one clear line where that fails."""
    options = parser()
    arguments = options.parse_args(command_line)
    check_service(options, arguments)
    if not arguments.id and not is_local(arguments):
        options.error(f"only of stage local all chargers are listed: {CHARGER_IDS}")
    return run_to_its_end("watch.sh", lambda: _run(arguments, _charger_ids(options, arguments.id)))


def _charger_ids(options: argparse.ArgumentParser, given: Sequence[str]) -> list[str]:
    """Return the chargers that are named, each once, those on standard input among them where it is asked for."""
    charger_ids = [each for each in given if each != STANDARD_INPUT]
    if STANDARD_INPUT in given:
        try:
            charger_ids += [_charger_id(line.strip()) for line in sys.stdin if line.strip()]
        except argparse.ArgumentTypeError as error:
            options.error(f"standard input: {error}")
        if not charger_ids:
            options.error("standard input names no charger")
    return list(dict.fromkeys(charger_ids))


def _run(arguments: argparse.Namespace, charger_ids: Sequence[str]) -> int:
    client = client_of(*service_of(arguments, [READ_SCOPE]))
    named = charger_ids[0] if len(charger_ids) == 1 else None
    chosen = _given(charger_ids) if charger_ids else _all_of(deployed_stage(LOCAL, profile=None))
    watch = Watch(chosen, Reader(client), keep_changes=named is not None)

    def drawn(view: View, now: datetime, width: int, height: int | None) -> RenderableType:
        if named:
            return detail.screen(view, named, now, width=width, height=height)
        return table.screen(view, now, width=width, height=height)

    is_terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if is_terminal else WIDE)
    if arguments.once or arguments.json or not is_terminal or console.is_dumb_terminal:
        asyncio.run(_once(watch, client))
        now = datetime.now(UTC)
        if arguments.json:
            print(as_json(watch.view, now))
        else:
            with console.capture() as captured:
                console.print(drawn(watch.view, now, console.width, None))
            print("\n".join(line.rstrip() for line in captured.get().splitlines()))
        return 1 if watch.view.trouble else 0
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def draw(view: View, now: datetime) -> None:
            live.update(drawn(view, now, console.width, console.height), refresh=True)

        asyncio.run(_live(watch, client, arguments.interval, draw))
    return 0


async def _once(watch: Watch, client: httpx.AsyncClient) -> None:
    async with client:
        error = await watch.read()
    if error and not error.partly:
        raise CommandError(f"{error}; try again") from error


async def _live(
    watch: Watch, client: httpx.AsyncClient, interval: float, draw: Callable[[View, datetime], None]
) -> None:
    async with client:
        await watch.show(interval, draw)


def _all_of(stage: DeployedStage) -> Callable[[], Coroutine[None, None, Sequence[str]]]:
    return listed(stage.session.client("dynamodb", config=ENDS_SOON), stage.outputs["TableName"])


def _given(charger_ids: Sequence[str]) -> Callable[[], Coroutine[None, None, Sequence[str]]]:
    async def tell() -> Sequence[str]:
        return charger_ids

    return tell


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/watch.sh",
        description=ABOUT,
        epilog=LEGEND,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "id",
        nargs="*",
        type=_charger_id_or_standard_input,
        metavar="ID",
        help="chargers to watch, - for those on standard input, one a line; one alone is shown in full "
        "(default, in stage local only: all that the table has, new ones as they come)",
    )
    options.add_argument(
        "--interval",
        type=decimal(SHORTEST_INTERVAL_SECONDS, LONGEST_INTERVAL_SECONDS),
        default=INTERVAL_SECONDS,
        metavar="SECONDS",
        help="between two readings (default: 5); each asks for 100 chargers at a time, and is told what is new",
    )
    options.add_argument(
        "--once", action="store_true", help="print it once and end, as where standard output is no terminal"
    )
    add_json(options)
    add_service(options, may="read")
    return options


def _charger_id_or_standard_input(text: str) -> str:
    return text if text == STANDARD_INPUT else _charger_id(text)


def _charger_id(text: str) -> str:
    if not is_charger_id(text):
        raise argparse.ArgumentTypeError(f"{text!r} can't be the id of a charger, which is {CHARGER_ID_RULE}")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
