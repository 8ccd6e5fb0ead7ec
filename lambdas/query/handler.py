"""`GET /telemetry/{chargerId}`: the latest telemetry of a charger."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import cache

from telemetry import aws_clients, exact_json
from telemetry.access import access_of
from telemetry.errors import InvalidChargerIdError, NoTelemetryError, TelemetryError
from telemetry.event import CHARGER_ID_RULE, is_charger_id
from telemetry.http_api import JSON, HttpAnswer, HttpRequest, claims_of, header_of, path_parameter_of
from telemetry.item import from_item, public_view
from telemetry.latest_table import DynamoTable, LatestTelemetryTable
from telemetry.merge import LatestTelemetry
from telemetry.observability import count, logger, observed
from telemetry.problem import problem_answer
from telemetry.settings import QuerySettings

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@observed
def handler(request: HttpRequest, _context: object) -> HttpAnswer:
    """Answer a request of the HTTP API."""
    return get_telemetry(request, _settings(), _table(), datetime.now(UTC))


def get_telemetry(
    request: HttpRequest, settings: QuerySettings, table: LatestTelemetryTable, now: datetime
) -> HttpAnswer:
    """Answer with 200 and the latest telemetry, with 304 where the client has it, else with problem details."""
    logger.append_keys(correlationId=request["requestContext"]["requestId"])
    try:
        latest = find_latest(request, settings, table, now)
    except TelemetryError as error:
        logger.info("query refused", reason=error.reason, cause=repr(error.__cause__))
        count("QueriesRefused", 1, reason=error.reason)
        return problem_answer(error)
    body = exact_json.dump(public_view(latest, timedelta(minutes=settings.stale_after_minutes)))
    entity_tag = f'"{hashlib.sha256(body.encode()).hexdigest()}"'
    headers = {"etag": entity_tag, "cache-control": "private, no-cache"}
    if matches(header_of(request, "if-none-match"), entity_tag):
        return {"statusCode": 304, "headers": headers, "body": ""}
    return {"statusCode": 200, "headers": {**headers, "content-type": JSON}, "body": body}


def find_latest(
    request: HttpRequest, settings: QuerySettings, table: LatestTelemetryTable, now: datetime
) -> LatestTelemetry:
    """Return the latest telemetry of the charger that the path names.

    Raises:
        TelemetryError: the request is refused; which of its kinds says why.
    """
    charger_id = path_parameter_of(request, "chargerId")
    if not is_charger_id(charger_id):
        raise InvalidChargerIdError(f"the id of a charger is {CHARGER_ID_RULE}")
    access_of(claims_of(request), settings.chargers_claim, settings.tokens_without_claim).require(charger_id)
    latest = from_item(table.read([charger_id]).item_of(charger_id), now)
    if latest is None:
        raise NoTelemetryError("nothing was received from this charger, or it has expired")
    return latest


def matches(if_none_match: str, entity_tag: str) -> bool:
    """Tell whether a header lists the tag; weak tags are compared as strong ones (RFC 9110, section 13.1.2)."""
    return if_none_match.strip() == "*" or entity_tag in _ENTITY_TAG.findall(if_none_match)


@cache
def _settings() -> QuerySettings:
    return QuerySettings.from_environment()


@cache
def _table() -> LatestTelemetryTable:
    return DynamoTable(aws_clients.dynamodb(), _settings().table_name)
