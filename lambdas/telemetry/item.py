"""How latest telemetry is written as an item of the table, and read from one; an empty item stands for none."""

from datetime import datetime, timedelta

from pydantic.alias_generators import to_camel

from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import InvalidEventError, StoredItemUnreadableError
from telemetry.event import validate
from telemetry.merge import LatestTelemetry
from telemetry.timestamps import to_milliseconds, to_moment

REVISION = "revision"
# What a charger's item has before it is first written.
NO_REVISION = 0
EXPIRES_AT = "expiresAt"
LAST_SEEN_AT = "lastSeenAt"
_ENVELOPE_FIELDS = {to_camel(name) for name in TelemetryEnvelope.model_fields}
_OUR_FIELDS = {LAST_SEEN_AT, REVISION, EXPIRES_AT}


def to_item(latest: LatestTelemetry, revision: int, retention: timedelta | None) -> dict[str, object]:
    """Return the item of `latest`; it expires `retention` after the charger was last seen, or never where None.

    `expiresAt` (seconds since 1970, as TTL wants it) thus changes once a minute at most.
    """
    item = {**latest.unknown, **latest.newest.as_json(), LAST_SEEN_AT: latest.last_seen_at, REVISION: revision}
    if retention is not None:
        item[EXPIRES_AT] = int((to_moment(latest.last_seen_at) + retention).timestamp())
    return item


def revision_of(item: dict[str, object]) -> int:
    """Return the revision of an item; `NO_REVISION` of the empty one, which stands for none.

    Raises:
        StoredItemUnreadableError: it has none.
    """
    revision = item.get(REVISION) if item else NO_REVISION
    if not isinstance(revision, int):
        raise StoredItemUnreadableError("a stored item has no revision")
    return revision


def from_item(item: dict[str, object], now: datetime) -> LatestTelemetry | None:
    """Return what an item says; None where it is empty, or has expired, which TTL may take days to delete.

    Raises:
        StoredItemUnreadableError: it is not latest telemetry.
    """
    if not item:
        return None
    expires_at = item.get(EXPIRES_AT)
    if isinstance(expires_at, int) and expires_at <= now.timestamp():
        return None
    last_seen_at = item.get(LAST_SEEN_AT)
    if not isinstance(last_seen_at, str):
        raise StoredItemUnreadableError("a stored item does not say when its charger was last seen")
    try:
        newest = validate(TelemetryEnvelope, {name: item[name] for name in _ENVELOPE_FIELDS & item.keys()})
    except InvalidEventError as error:
        raise StoredItemUnreadableError("a stored item is not telemetry") from error
    unknown = {name: item[name] for name in item.keys() - _ENVELOPE_FIELDS - _OUR_FIELDS}
    return LatestTelemetry(newest, last_seen_at, unknown)


def public_view(latest: LatestTelemetry, stale_after: timedelta) -> dict[str, object]:
    """Return latest telemetry as it is read over HTTP: nothing internal, and when it counts as stale."""
    stale_at = to_milliseconds(to_moment(latest.last_seen_at) + stale_after)
    return {**latest.unknown, **latest.newest.as_json(), LAST_SEEN_AT: latest.last_seen_at, "staleAt": stale_at}
