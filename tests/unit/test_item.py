from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.folding import fold, sample_of
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import StoredItemUnreadableError
from telemetry.item import EXPIRES_AT, from_item, public_view, revision_of, to_item
from tests.unit.strategies import START, envelopes, json_values
from tests.unit.test_merge import envelope, item_of, merge_all

LISTS = st.lists(envelopes(), min_size=1, max_size=8)


@given(LISTS, LISTS)
def test_an_item_says_what_was_stored(first: list[TelemetryEnvelope], second: list[TelemetryEnvelope]) -> None:
    latest = merge_all(None, first)
    item = to_item(latest, 7, timedelta(days=30))
    assert from_item(item, START) == latest
    assert revision_of(item) == 7
    assert merge_all(from_item(item, START), second) == merge_all(None, first + second)


def test_an_item_expires_after_its_newest_ingestion_and_not_a_moment_before() -> None:
    late = envelope(sampled=0, ingested=3).model_copy(update={"ingested_at": "2026-11-23T08:03:59.000001Z"})
    item = to_item(merge_all(None, [envelope(sampled=1, ingested=2), late]), 1, timedelta(days=30))
    assert item[EXPIRES_AT] == int(datetime(2026, 12, 23, 8, 3, tzinfo=UTC).timestamp())
    own = late.model_copy(update={"connector_id": 1})
    item = to_item(merge_all(None, [envelope(sampled=1, ingested=2), own]), 1, timedelta(days=30))
    assert item[EXPIRES_AT] == int(datetime(2026, 12, 23, 8, 4, tzinfo=UTC).timestamp())


def test_an_item_without_retention_never_expires() -> None:
    assert EXPIRES_AT not in item_of(envelope(sampled=0, ingested=3))


def test_an_expired_item_reads_as_absent_from_that_second_on() -> None:
    item = to_item(merge_all(None, [envelope(sampled=0, ingested=0)]), 1, timedelta(days=1))
    assert from_item(item, START + timedelta(days=1, seconds=-1)) is not None
    assert from_item(item, START + timedelta(days=1)) is None


def test_attributes_that_only_newer_code_knows_are_carried_along_and_not_shown() -> None:
    item = item_of(envelope(sampled=1, ingested=1, connectorId=1))
    item["fromTheFuture"] = {"deep": [[[]]]}
    item["connectors"]["1"]["fromTheFuture"] = 7
    item["lastKnown"]["fromTheFuture"] = {"inAnotherForm": 8}
    item["judged"]["memory"] = {"version": 9}
    merged = merge_all(from_item(item, START), [envelope(sampled=2, ingested=2, connectorId=1)])
    written: dict[str, Any] = to_item(merged, 2, None)
    assert written["fromTheFuture"] == {"deep": [[[]]]}
    assert written["connectors"]["1"]["fromTheFuture"] == 7
    assert written["lastKnown"]["fromTheFuture"] == {"inAnotherForm": 8}
    assert written["judged"]["memory"] == {"version": 9}
    assert "fromTheFuture" not in str(public_view(merged, timedelta(minutes=20)))


def test_what_is_read_over_http_has_nothing_internal() -> None:
    meter = envelope(sampled=1, ingested=1, payload={"power_kw": 7}, connectorId=1)
    view: Any = public_view(merge_all(None, [meter, envelope(sampled=2, ingested=2)]), timedelta(minutes=20))
    known = {"value": 7000, "timestamp": "2026-11-23T08:01:00.000Z"}
    connector = {"value": 1, "timestamp": "2026-11-23T08:01:00.000Z"}
    assert view["lastKnown"] == {"connectorId": connector, "metrics": {"powerW": known}}
    assert view["connectors"] == {
        "1": {
            "timestamp": "2026-11-23T08:01:00.000Z",
            "ingestedAt": "2026-11-23T08:01:00.000000Z",
            "eventId": meter.event_id,
            "connectorId": 1,
            "payload": {"power_kw": 7},
            "metrics": {"powerW": 7000},
            "findings": [],
            "lastKnown": {"connectorId": connector, "metrics": {"powerW": known}},
        }
    }
    assert view["staleAt"] == "2026-11-23T08:22:00.000Z"


BROKEN: dict[str, dict[str, object]] = {
    "no time last seen": {"lastSeenAt": None},
    "no telemetry": {"timestamp": "yesterday"},
    "no objects of connectors": {"connectors": {"1": 7}},
    "a connector without a number": {"connectors": {"one": {}}},
    "a connector that is no telemetry": {"connectors": {"1": {"timestamp": "yesterday"}}},
    "findings that are none": {"judged": {"findings": "many"}},
    "a time that is none": {"lastSeenAt": "garbage"},
    "a time after which nothing can be calculated": {"lastSeenAt": "9999-12-31T23:59:00.000Z"},
    "a connector of thousands of digits": {"connectors": {"1" * 5000: {}}},
    "a connector that there can't be": {"connectors": {"25": {}}},
    "a name with a dot": {"lastKnown": {"a": 1, "a.b": {"value": 1, "timestamp": "2026-11-23T08:01:00.000Z"}}},
    "last known values that are none": {"lastKnown": [7]},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_not_latest_telemetry_is_not_taken_for_it(broken: dict[str, object]) -> None:
    with pytest.raises(StoredItemUnreadableError):
        from_item(item_of(envelope(sampled=1, ingested=1)) | broken, START)


@pytest.mark.parametrize("revision", [None, True, 0, -1, "1", Decimal("1.5")])
def test_an_item_without_a_revision_is_not_written_over(revision: object) -> None:
    with pytest.raises(StoredItemUnreadableError):
        revision_of({"chargerId": "CP-001", "revision": revision})


def places_in(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value in an item."""
    yield path
    if isinstance(value, dict):
        for name, inner in cast("dict[str, object]", value).items():
            yield from places_in(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(cast("list[object]", value)):
            yield from places_in(inner, (*path, index))


WHOLE = to_item(
    fold(
        None,
        [
            sample_of(envelope(sampled=1, ingested=1, payload={"temp_c": 80, "power_kw": 7}, connectorId=1)),
            sample_of(envelope(sampled=2, ingested=2, payload={"temp_c": 80}, locationId="garage")),
        ],
        "test",
    ).latest,
    1,
    timedelta(days=1),
)
PLACES = [path for path in places_in(WHOLE) if path]


@given(st.sampled_from(PLACES), json_values())
def test_an_item_with_anything_anywhere_is_read_or_refused_and_then_written_and_shown(
    path: tuple[str | int, ...], value: object
) -> None:
    item: Any = deepcopy(WHOLE)
    inner = item
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    try:
        latest = from_item(item, START)
    except StoredItemUnreadableError:
        return
    more = [sample_of(envelope(sampled=3, ingested=3, payload={"power_kw": 1}, connectorId=1))]
    folded = fold(latest, more, "test").latest
    written = to_item(folded, 2, timedelta(days=30))
    read = from_item(written, START)
    assert read
    assert to_item(read, 2, timedelta(days=30)) == written
    public_view(folded, timedelta(minutes=20))
