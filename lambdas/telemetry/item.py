"""How latest telemetry is written as an item of the table, and read from one; an empty item stands for none."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import StoredItemUnreadableError
from telemetry.event import LARGEST_CONNECTOR
from telemetry.measured import Known, LastKnown, MeasuredEnvelope
from telemetry.merge import METRICS, Judged, LatestTelemetry, Place, known_order
from telemetry.metrics import SEPARATOR, Metrics, nest
from telemetry.rules import Memory
from telemetry.timestamps import is_service_time, to_milliseconds, to_moment

REVISION = "revision"
# What a charger's item has before it is first written.
NO_REVISION = 0
EXPIRES_AT = "expiresAt"
LAST_SEEN_AT = "lastSeenAt"
CONNECTORS = "connectors"
LAST_KNOWN = "lastKnown"
FINDINGS = "findings"
PAYLOAD_OMITTED = "payloadOmitted"
# The rules' memory, internal.
JUDGED = "judged"
# What decides between last known values of one timestamp, internal; where it is absent, that of the newest envelope.
ORDER = "order"

_ENVELOPE_FIELDS = {to_camel(name) for name in TelemetryEnvelope.model_fields}
_PLACE_FIELDS = {*_ENVELOPE_FIELDS, METRICS, FINDINGS, LAST_KNOWN, PAYLOAD_OMITTED, JUDGED}
_ITEM_FIELDS = {*_PLACE_FIELDS, CONNECTORS, LAST_SEEN_AT, REVISION, EXPIRES_AT}

_CONNECTOR_NUMBERS = {str(number): number for number in range(1, LARGEST_CONNECTOR + 1)}

JsonObject = dict[str, object]


def to_item(latest: LatestTelemetry, revision: int, retention: timedelta | None) -> JsonObject:
    """Return the item of `latest`; it expires `retention` after the newest `ingestedAt`, or never where None.

    Of envelopes that changed nothing but `lastSeenAt` only the minute is known. `expiresAt` is in seconds since 1970,
    as TTL wants it.
    """
    item = {
        **latest.charger.unknown,
        **_shown(latest.charger, latest.findings),
        LAST_KNOWN: _last_known(latest.charger, internal=True),
        # At the top are those of a connector, too.
        JUDGED: {**_judged(latest.charger.judged), FINDINGS: _as_list(latest.charger.judged.findings)},
        CONNECTORS: {
            str(number): {
                **place.unknown,
                **_shown_connector(place),
                LAST_KNOWN: _last_known(place, internal=True),
                JUDGED: _judged(place.judged),
            }
            for number, place in latest.connectors.items()
        },
        LAST_SEEN_AT: latest.last_seen_at,
        REVISION: revision,
    }
    if retention is not None:
        places = (latest.charger, *latest.connectors.values())
        newest = max(latest.last_seen_at, *(place.newest.envelope.ingested_at for place in places))
        item[EXPIRES_AT] = math.ceil((to_moment(newest) + retention).timestamp())
    return item


def public_view(latest: LatestTelemetry, stale_after: timedelta) -> JsonObject:
    """Return latest telemetry as it is read over HTTP: nothing internal, and when it counts as stale."""
    return {
        **_shown(latest.charger, latest.findings),
        LAST_KNOWN: _last_known(latest.charger, internal=False),
        CONNECTORS: {
            str(number): {**_shown_connector(place), LAST_KNOWN: _last_known(place, internal=False)}
            for number, place in latest.connectors.items()
        },
        LAST_SEEN_AT: latest.last_seen_at,
        "staleAt": to_milliseconds(to_moment(latest.last_seen_at) + stale_after),
    }


def revision_of(item: JsonObject) -> int:
    """Return the revision of an item; `NO_REVISION` of the empty one, which stands for none.

    Raises:
        StoredItemUnreadableError: it has none.
    """
    revision = item.get(REVISION) if item else NO_REVISION
    if item and (type(revision) is not int or revision <= NO_REVISION):
        raise StoredItemUnreadableError("a stored item has no revision")
    return cast("int", revision)


def from_item(item: JsonObject, now: datetime) -> LatestTelemetry | None:
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
    if not isinstance(last_seen_at, str) or not is_service_time(last_seen_at):
        raise StoredItemUnreadableError("a stored item does not say when its charger was last seen")
    connectors = _object(item.get(CONNECTORS, {}))
    return LatestTelemetry(
        charger=_place(item, _ITEM_FIELDS),
        connectors={_connector_number(number): _connector(item, value) for number, value in connectors.items()},
        last_seen_at=last_seen_at,
    )


def _shown(place: Place, findings: Sequence[Mapping[str, object]]) -> JsonObject:
    """Return what the newest envelope of a place says, and what stands against it, as it is stored and read alike."""
    return {
        **place.newest.envelope.as_json(),
        METRICS: place.newest.metrics.as_json(),
        FINDINGS: _as_list(findings),
    }


def _shown_connector(place: Place) -> JsonObject:
    shown = _shown(place, place.judged.findings)
    del shown["chargerId"]
    if place.payload_omitted:
        shown[PAYLOAD_OMITTED] = True
        del shown["payload"]
    return shown


def _last_known(place: Place, *, internal: bool) -> JsonObject:
    newest = known_order(place.newest.order)
    values: JsonObject = dict(place.unknown_last_known) if internal else {}
    for name, known in place.last_known.items():
        values[name] = {"value": known.value, "timestamp": known.timestamp}
        if internal and known.order != newest:
            values[name] = {"value": known.value, "timestamp": known.timestamp, ORDER: " ".join(known.order[1:])}
    return nest(values)


def _judged(judged: Judged) -> JsonObject:
    return {
        "timestamp": judged.timestamp,
        "eventIds": list(judged.event_ids),
        "memory": dict(judged.memory),
    }


def _as_list(findings: Sequence[Mapping[str, object]]) -> list[object]:
    return [dict(finding) for finding in findings]


def _place(item: JsonObject, known_fields: set[str]) -> Place:
    try:
        # Not `validate`: whether it can be stored, which takes five times as long to tell, is no question any more.
        envelope = TelemetryEnvelope.model_validate({name: item[name] for name in _ENVELOPE_FIELDS & item.keys()})
    except ValidationError as error:
        raise StoredItemUnreadableError("a stored item is not telemetry") from error
    newest = MeasuredEnvelope(envelope, Metrics.from_json(item.get(METRICS)))
    last_known, unknown_last_known = _read_last_known(item.get(LAST_KNOWN, {}), newest)
    # Code that is newer, or older, may remember otherwise: what is no object says nothing to the rules.
    judged = _object_or_empty(item.get(JUDGED))
    return Place(
        newest=newest,
        payload_omitted=item.get(PAYLOAD_OMITTED) is True,
        last_known=last_known,
        judged=Judged(
            timestamp=str(judged.get("timestamp", "")),
            event_ids=tuple(str(each) for each in _list(judged.get("eventIds", []))),
            findings=tuple(map(_object, _list(judged.get(FINDINGS, item.get(FINDINGS, []))))),
            memory=cast("Memory", _object_or_empty(judged.get("memory"))),
        ),
        unknown={name: item[name] for name in item.keys() - known_fields},
        unknown_last_known=unknown_last_known,
    )


def _connector(item: JsonObject, value: object) -> Place:
    connector = _object(value) | {"chargerId": item.get("chargerId")}
    connector.setdefault("payload", {})
    return _place(connector, _PLACE_FIELDS)


def _read_last_known(stored: object, newest: MeasuredEnvelope) -> tuple[LastKnown, JsonObject]:
    """Return the last known values, and what is no such value, both by their dotted names."""
    newest_order = known_order(newest.order)
    found: dict[str, Known] = {}
    unknown: JsonObject = {}
    waiting = _members("", _object(stored))
    while waiting:
        path, value = waiting.pop()
        fields = _object_or_empty(value)
        timestamp = fields.get("timestamp")
        if isinstance(timestamp, str):
            ingested_at, _, event_id = str(fields.get(ORDER, " ".join(newest_order[1:]))).partition(" ")
            found[path] = Known(fields.get("value"), (timestamp, ingested_at, event_id))
        elif fields:
            waiting += _members(f"{path}{SEPARATOR}", fields)
        else:
            unknown[path] = value
    return found, unknown


def _members(path: str, fields: JsonObject) -> list[tuple[str, object]]:
    if any(SEPARATOR in name for name in fields):
        raise StoredItemUnreadableError("a stored item has a last known value with a name that can't be one")
    return [(f"{path}{name}", value) for name, value in fields.items()]


def _connector_number(text: str) -> int:
    if text not in _CONNECTOR_NUMBERS:
        raise StoredItemUnreadableError("a stored item names a connector that there can't be")
    return _CONNECTOR_NUMBERS[text]


def _object(value: object) -> JsonObject:
    if not isinstance(value, Mapping):
        raise StoredItemUnreadableError("a stored item holds something else where an object belongs")
    return cast("JsonObject", value)


def _object_or_empty(value: object) -> JsonObject:
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise StoredItemUnreadableError("a stored item holds something else where a list belongs")
    return cast("list[object]", value)
