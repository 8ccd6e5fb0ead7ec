"""`GET /telemetry/{chargerId}`, `GET /telemetry?chargerId=...` and `GET /openapi.json`."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from query.answer import Found, body_of, only, tagged
from query.question import charger_id_of, charger_ids_of
from telemetry import aws_clients, exact_json
from telemetry.access import access_of, tell_refused
from telemetry.aws_clients import LONGEST_CALL_SECONDS
from telemetry.errors import StoredItemUnreadableError, TableUnavailableError, TelemetryError
from telemetry.http_api import HttpAnswer, HttpRequest, claims_of
from telemetry.item import from_item, public_view
from telemetry.lambda_context import LambdaContext, SecondsLeft, initialise, seconds_left_of
from telemetry.latest_table import DynamoTable, LatestTelemetryTable
from telemetry.merge import LatestTelemetry
from telemetry.observability import cause_of, count, logger, observed
from telemetry.problem import problem_answer
from telemetry.settings import QuerySettings

SEVERAL_ROUTE = "GET /telemetry"
OPENAPI_ROUTE = "GET /openapi.json"
# What botocore makes of an item takes some 50 times the item's size, and 0.2 s of a CPU where it is as large as can be.
CHARGERS_A_READ = 10


@observed
def handler(request: HttpRequest, context: LambdaContext) -> HttpAnswer:
    """Answer a request of the HTTP API."""
    if request["routeKey"] == OPENAPI_ROUTE:
        # It changes with a deployment alone.
        return tagged(request, _openapi(), caching="public, max-age=300")
    return get_telemetry(request, _settings(), _table(), datetime.now(UTC), seconds_left_of(context))


def get_telemetry(
    request: HttpRequest,
    settings: QuerySettings,
    table: LatestTelemetryTable,
    now: datetime,
    seconds_left: SecondsLeft,
) -> HttpAnswer:
    """Answer with 200 and the latest telemetry, with 304 where the client has it, else with problem details."""
    logger.append_keys(correlationId=request["requestContext"]["requestId"])

    def shown(latest: LatestTelemetry) -> str:
        return exact_json.dump(public_view(latest, timedelta(minutes=settings.stale_after_minutes)))

    try:
        several = request["routeKey"] == SEVERAL_ROUTE
        asked = charger_ids_of(request) if several else [charger_id_of(request)]
        access_of(claims_of(request), settings).require(asked)
        found = find(asked, table, now, seconds_left)
        body = body_of(asked, found, shown) if several else shown(only(found))
    except TelemetryError as error:
        logger.info("query refused", reason=error.reason, cause=cause_of(error))
        count("QueriesRefused", 1, reason=error.reason)
        tell_refused(request, [error])
        return problem_answer(error)
    return tagged(request, body, caching="private, no-cache")


def find(
    charger_ids: Sequence[str], table: LatestTelemetryTable, now: datetime, seconds_left: SecondsLeft
) -> Iterator[Found]:
    """Yield the latest telemetry of each of the chargers, or why it could not be read; None where there is nothing.

    It ends early where another read might not end in time.

    Raises:
        TableUnavailableError: the table did not answer.
    """
    for start in range(0, len(charger_ids), CHARGERS_A_READ):
        if start and seconds_left() < LONGEST_CALL_SECONDS:
            return
        asked = charger_ids[start : start + CHARGERS_A_READ]
        reading = table.read(asked)
        for charger_id in asked:
            try:
                latest = from_item(reading.item_of(charger_id), now)
            except StoredItemUnreadableError as error:
                logger.error("stored item unreadable", chargerId=charger_id)
                yield error
            except TableUnavailableError as error:
                yield error
            else:
                yield latest


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


initialise(_table)
