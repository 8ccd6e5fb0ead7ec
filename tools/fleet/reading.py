"""Reading back what the service has kept, until it is what it must be or nothing changes any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx

from tools.command_line import CommandError
from tools.fleet.ledger import Difference, Ledger
from tools.fleet.sending import FIRST_PAUSE_SECONDS
from tools.service import retry_after_of

# The most that the service reads at once: docs/openapi.json.
MOST_CHARGERS = 100
MOST_ATTEMPTS = 10
EVERY_SECONDS = 2.0
# Longer than a message waits after a processor failed once: docs/timeouts.md.
PATIENCE_SECONDS = 60.0

Json = dict[str, Any]


async def read_back(
    client: httpx.AsyncClient, charger_ids: Sequence[str], *, attempts: int = MOST_ATTEMPTS
) -> dict[str, Json]:
    """Return the latest telemetry of those chargers that have some.

    Args:
        client: with the service's URL and the token.
        charger_ids: whom to ask for.
        attempts: how often each request is made at most.

    Raises:
        CommandError: the service does not let them be read.
    """
    items: dict[str, Json] = {}
    for at in range(0, len(charger_ids), MOST_CHARGERS):
        asked = list(charger_ids[at : at + MOST_CHARGERS])
        while asked:
            told = await _get(client, asked, attempts)
            items |= {item["chargerId"]: item for item in told["items"]}
            asked = told.get("notReturned", [])
    return items


async def settled(
    read: Callable[[], Awaitable[Mapping[str, Json]]],
    ledger: Ledger,
    tell: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[Difference]:
    """Return the differences that are left once there are none, or no fewer for a minute."""
    fewest, since = None, clock()
    while True:
        differences = ledger.differences(await read())
        if fewest is None or len(differences) < fewest:
            fewest, since = len(differences), clock()
        left = PATIENCE_SECONDS - (clock() - since)
        if not differences or left <= 0:
            return differences
        tell(f"waiting for the service to catch up: {len(differences)} differences, for {left:.0f} s more at most")
        await sleep(EVERY_SECONDS)


async def _get(client: httpx.AsyncClient, charger_ids: Sequence[str], attempts: int) -> Json:
    why = ""
    for attempt in range(attempts):
        pause = None
        try:
            answer = await client.get("/telemetry", params=[("chargerId", each) for each in charger_ids])
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
        else:
            if answer.status_code == HTTPStatus.OK:
                return answer.json()
            why, pause = f"{answer.status_code} {answer.text[:200]}", retry_after_of(answer)
            if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and (
                answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
            ):
                break
        if attempt < attempts - 1:
            await asyncio.sleep(pause if pause is not None else FIRST_PAUSE_SECONDS * (attempt + 1))
    raise CommandError(f"what is kept can't be read back: {why}; check the URL, and that the token may read")
