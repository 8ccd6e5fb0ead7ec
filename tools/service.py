"""The service that a command calls: of a stage or at a URL, by whose token, and how; and what its answers say.

What is at a URL may be anything: no answer is taken to be of the form that it should have.
"""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

import httpx

from telemetry_stack.stages import STAGE_NAMES
from tools.command_line import CommandError
from tools.deployed_stage import deployed_stage
from tools.local_cloud.cloud import chosen_cloud
from tools.local_cloud.tokens import A_DAY, EVERY_CHARGER

LOCAL = "local"
TOKEN_VARIABLE = "TELEMETRY_TOKEN"  # noqa: S105 - a name  # nosec B105
# API Gateway answers within 30 s: docs/timeouts.md.
TIMEOUT_SECONDS = 35.0
LONGEST_PAUSE_SECONDS = 30.0
# The most that the service reads at once: docs/openapi.json.
MOST_CHARGERS = 100
# The request line and the headers have room for 10,240 bytes in all (docs/openapi.json), and tokens are long.
LARGEST_QUERY_BYTES = 6000

JsonObject = Mapping[str, object]


class NotTelemetryError(Exception):
    """An answer is not latest telemetry. The message says so."""


@dataclass(frozen=True)
class LatestAnswer:
    """What the service answers to who asks for the latest telemetry of chargers.

    Attributes:
        items: that of those that it returns, each with a `chargerId`.
        missing: those that have none.
        not_returned: of those asked for, in their order, those to ask for again.
    """

    items: tuple[JsonObject, ...]
    missing: tuple[str, ...]
    not_returned: tuple[str, ...]


def add_service(options: argparse.ArgumentParser, *, may: str) -> None:
    """Add the options that say which service is called; `check_service` reads them together.

    Args:
        options: a command's.
        may: what a token has to be for, e.g. `read`.
    """
    options.add_argument(
        "--stage", choices=STAGE_NAMES, metavar="STAGE", help=f"one of {', '.join(STAGE_NAMES)} (default: {LOCAL})"
    )
    options.add_argument("--profile", help=f"the AWS profile to use; stage {LOCAL} needs none")
    options.add_argument("--url", type=_url, help="the API's URL, instead of a stage")
    options.add_argument(
        "--token",
        type=_token,
        help=f"a bearer token that may {may} (default: {TOKEN_VARIABLE} of the environment); stage {LOCAL} needs none",
    )


def check_service(options: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """End with one line where the options of `add_service` do not go together."""
    if arguments.url and arguments.stage:
        options.error("give --stage or --url, not both")
    if not arguments.token and not is_local(arguments):
        # Where no list of processes and no history of a shell has it.
        given = os.environ.get(TOKEN_VARIABLE, "")
        if not given:
            options.error(f"give a --token, or {TOKEN_VARIABLE}: only stage {LOCAL} makes one of its own")
        try:
            arguments.token = _token(given)
        except argparse.ArgumentTypeError as error:
            options.error(f"{TOKEN_VARIABLE}: {error}")


def is_local(arguments: argparse.Namespace) -> bool:
    """Tell whether the local cloud's service is called."""
    return not arguments.url and arguments.stage in {None, LOCAL}


def service_of(arguments: argparse.Namespace, scopes: Sequence[str]) -> tuple[str, str]:
    """Return the service's URL and a token for it.

    Args:
        arguments: those of `add_service`.
        scopes: of the token, where stage `local` makes one.

    Raises:
        CommandError: the stage is not deployed, or not to be seen.
    """
    if arguments.url:
        return arguments.url, arguments.token
    if not is_local(arguments):
        return deployed_stage(arguments.stage, profile=arguments.profile).outputs["ApiUrl"], arguments.token
    cloud = chosen_cloud()
    token = arguments.token or cloud.token(chargers=EVERY_CHARGER, scopes=scopes, expires_in=A_DAY)
    return cloud.api_url(), token


def client_of(url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client of the service; proxies of the environment are not for it.

    Raises:
        CommandError: there can't be such a URL.
    """
    try:
        return httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            transport=transport,
            trust_env=False,
        )
    except httpx.InvalidURL as error:
        raise CommandError(f"{url!r} is no URL: {error}") from error


async def answer_to(request: Awaitable[httpx.Response]) -> httpx.Response:
    """Return the answer to a request, all of which must have come within `TIMEOUT_SECONDS`.

    Raises:
        httpx.HTTPError: there is none, or none that can be read.
    """
    try:
        # The client's own limit is for each octet.
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await request
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"not all of it came within {TIMEOUT_SECONDS:g} s") from error


def pages_of(charger_ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the chargers in their order, as many at once as a request takes."""
    page: list[str] = []
    size = 0
    for charger_id in charger_ids:
        more = len(f"chargerId={quote(charger_id, safe='')}&")
        if page and (len(page) == MOST_CHARGERS or size + more > LARGEST_QUERY_BYTES):
            yield tuple(page)
            page, size = [], 0
        page.append(charger_id)
        size += more
    if page:
        yield tuple(page)


def latest_of(answer: httpx.Response, asked: Sequence[str]) -> LatestAnswer:
    """Return the latest telemetry that an answer tells.

    Args:
        answer: to `GET /telemetry`.
        asked: the chargers that were asked for.

    Raises:
        NotTelemetryError: it is something else.
    """
    told = object_in(answer)
    items = told.get("items")
    if answer.status_code != HTTPStatus.OK or not isinstance(items, list):
        raise NotTelemetryError("the answer is not latest telemetry")
    found = [object_of(each) for each in cast("list[object]", items)]
    if not all(isinstance(each.get("chargerId"), str) for each in found):
        raise NotTelemetryError("the answer is not latest telemetry: an item has no chargerId")
    left = set(_texts(told.get("notReturned")))
    return LatestAnswer(
        tuple(found), tuple(_texts(told.get("missing"))), tuple(each for each in dict.fromkeys(asked) if each in left)
    )


def object_in(answer: httpx.Response) -> JsonObject:
    """Return the object of JSON that an answer holds; an empty one where it holds something else."""
    try:
        return object_of(answer.json())
    except (ValueError, RecursionError):
        return {}


def object_of(value: object) -> JsonObject:
    """Return an object of JSON; an empty one for any other value."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """Return a list of JSON; an empty one for any other value."""
    return cast("list[object]", value) if isinstance(value, list) else []


def retry_after_of(answer: httpx.Response) -> float | None:
    """Return the seconds that an answer asks to wait; None where it asks for none, or for a date."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE_SECONDS) if text.isdecimal() else None


def _texts(value: object) -> list[str]:
    return [each for each in list_of(value) if isinstance(each, str)]


def _token(text: str) -> str:
    """Return a token as a header takes it; what is wrong with one is told without it."""
    token = text.strip()
    if not token or not all("!" <= each <= "~" for each in token):
        raise argparse.ArgumentTypeError("that is no bearer token, which has letters, digits and signs alone")
    return token


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no URL that begins with http:// or https://")
    try:
        # Names in punycode are read only where one asks for the host.
        host = httpx.URL(text).host
    except (httpx.InvalidURL, UnicodeError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL: {error}") from error
    if not host:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL: it names no host")
    return text
