"""`GET /telemetry/{chargerId}`, `GET /telemetry?chargerId=...` and `GET /openapi.json`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from query.answer import body_of, tagged
from query.question import charger_id_of, charger_ids_of
from telemetry import aws_clients, exact_json
from telemetry.access import access_of
from telemetry.errors import NoTelemetryError, StoredItemUnreadableError, TelemetryError
from telemetry.http_api import HttpAnswer, HttpRequest, claims_of
from telemetry.item import from_item, public_view
from telemetry.latest_table import DynamoTable, LatestTelemetryTable
from telemetry.observability import count, logger, observed
from telemetry.problem import problem_answer
from telemetry.settings import QuerySettings

SEVERAL_ROUTE = "GET /telemetry"
OPENAPI_ROUTE = "GET /openapi.json"
# What boto3 makes of an item takes some 50 times the item's size: of 20 that are as large as can be, 400 MB.
CHARGERS_A_READ = 20


@observed
def handler(request: HttpRequest, _context: object) -> HttpAnswer:
    """Answer a request of the HTTP API."""
    if request["routeKey"] == OPENAPI_ROUTE:
        # It changes with a deployment alone.
        return tagged(request, _openapi(), caching="public, max-age=300")
    return get_telemetry(request, _settings(), _table(), datetime.now(UTC))


def get_telemetry(
    request: HttpRequest, settings: QuerySettings, table: LatestTelemetryTable, now: datetime
) -> HttpAnswer:
    """Answer with 200 and the latest telemetry, with 304 where the client has it, else with problem details."""
    logger.append_keys(correlationId=request["requestContext"]["requestId"])
    try:
        if request["routeKey"] == SEVERAL_ROUTE:
            asked = charger_ids_of(request)
            body = body_of(asked, find(asked, request, settings, table, now))
        else:
            charger_id = charger_id_of(request)
            found = find([charger_id], request, settings, table, now)
            if not found:
                raise NoTelemetryError("nothing was received from this charger, or it has expired")
            body = found[charger_id]
    except TelemetryError as error:
        logger.info("query refused", reason=error.reason, cause=repr(error.__cause__))
        count("QueriesRefused", 1, reason=error.reason)
        return problem_answer(error)
    return tagged(request, body, caching="private, no-cache")


def find(
    charger_ids: Sequence[str],
    request: HttpRequest,
    settings: QuerySettings,
    table: LatestTelemetryTable,
    now: datetime,
) -> dict[str, str]:
    """Return, as JSON, what is shown of each of the chargers that there is latest telemetry of.

    One that could not be looked up, or whose item can't be read, fails the whole: it is never told to be missing.

    Raises:
        TelemetryError: the request is refused; which of its kinds says why.
    """
    access = access_of(claims_of(request), settings.chargers_claim, settings.tokens_without_claim)
    for charger_id in charger_ids:
        access.require(charger_id)
    stale_after = timedelta(minutes=settings.stale_after_minutes)
    found: dict[str, str] = {}
    for start in range(0, len(charger_ids), CHARGERS_A_READ):
        asked = charger_ids[start : start + CHARGERS_A_READ]
        reading = table.read(asked)
        for charger_id in asked:
            try:
                latest = from_item(reading.item_of(charger_id), now)
            except StoredItemUnreadableError:
                logger.error("stored item unreadable", chargerId=charger_id)
                raise
            if latest is not None:
                found[charger_id] = exact_json.dump(public_view(latest, stale_after))
    return found


@cache
def _settings() -> QuerySettings:
    return QuerySettings.from_environment()


@cache
def _table() -> LatestTelemetryTable:
    return DynamoTable(aws_clients.dynamodb(), _settings().table_name)


@cache
def _openapi() -> str:
    from query import openapi  # noqa: PLC0415 - slow to build, and no other request needs it

    return exact_json.dump(openapi.document())
