"""Reading back what the service has kept, until it is what it must be or nothing changes any more."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

import httpx

from tools.command_line import CommandError, printable
from tools.fleet.ledger import Difference, Ledger
from tools.fleet.sending import FIRST_PAUSE_SECONDS
from tools.service import (
    JsonObject,
    LatestAnswer,
    NotTelemetryError,
    answer_to,
    latest_of,
    object_of,
    pages_of,
    retry_after_of,
)

MOST_ATTEMPTS = 10
EVERY_SECONDS = 2.0
CONNECTOR_NUMBER = re.compile("[0-9]{1,4}")
# Longer than what a processor had in hand stays out of sight when it dies, and is then read and merged:
# docs/timeouts.md.
PATIENCE_SECONDS = 180.0


async def read_back(
    client: httpx.AsyncClient, charger_ids: Sequence[str], *, attempts: int = MOST_ATTEMPTS
) -> dict[str, JsonObject]:
    """Return the latest telemetry of those chargers that have some.

    Args:
        client: with the service's URL and the token.
        charger_ids: whom to ask for.
        attempts: how often each request is made at most.

    Raises:
        CommandError: the service does not let them be read.
    """
    items: dict[str, JsonObject] = {}
    for page in pages_of(charger_ids):
        asked = page
        while asked:
            told = await _get(client, asked, attempts)
            items |= {str(item["chargerId"]): item for item in told.items}
            if len(told.not_returned) == len(asked):
                raise _not_read("the service returns none of the chargers that it was asked for")
            asked = told.not_returned
    return items


async def settled(
    read: Callable[[], Awaitable[Mapping[str, JsonObject]]],
    ledger: Ledger,
    tell: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[Difference]:
    """Return the differences that are left once there are none, or no fewer for three minutes."""
    fewest, since = None, clock()
    while True:
        differences = ledger.differences(await read())
        if fewest is None or len(differences) < fewest:
            fewest, since = len(differences), clock()
        left = PATIENCE_SECONDS - (clock() - since)
        if not differences or left <= 0:
            return differences
        told = f"{len(differences)} {'difference' if len(differences) == 1 else 'differences'}"
        tell(f"not yet as it must be: {told}; waits for the service to catch up, for {left:.0f} s more at most")
        await sleep(EVERY_SECONDS)


async def _get(client: httpx.AsyncClient, charger_ids: Sequence[str], attempts: int) -> LatestAnswer:
    why = ""
    for attempt in range(attempts):
        pause = None
        try:
            answer = await answer_to(client.get("/telemetry", params=[("chargerId", each) for each in charger_ids]))
            if answer.status_code == HTTPStatus.OK:
                return _well_formed(latest_of(answer, charger_ids))
        except (httpx.HTTPError, NotTelemetryError) as error:
            why = str(error) or type(error).__name__
        else:
            why, pause = f"{answer.status_code} {answer.text[:200]}", retry_after_of(answer)
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and (
                answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
            ):
                break
        if attempt < attempts - 1:
            await asyncio.sleep(pause if pause is not None else FIRST_PAUSE_SECONDS * (attempt + 1))
    raise _not_read(why)


def _well_formed(told: LatestAnswer) -> LatestAnswer:
    """Return an answer whose items have connectors that there can be, so that they can be judged."""
    for item in told.items:
        connectors = object_of(item.get("connectors"))
        if not all(CONNECTOR_NUMBER.fullmatch(name) and isinstance(each, dict) for name, each in connectors.items()):
            raise NotTelemetryError(f"the answer is not latest telemetry: the connectors of {item['chargerId']}")
    return told


def _not_read(why: str) -> CommandError:
    return CommandError(
        f"what is kept can't be read back: {printable(why)}; check the URL, and that the token may read"
    )
