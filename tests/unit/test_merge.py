from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.errors import StoredItemUnreadableError
from telemetry.event import TelemetryEvent
from telemetry.item import EXPIRES_AT, from_item, revision_of, to_item
from telemetry.merge import LatestTelemetry, merge
from tests.unit.strategies import START, envelopes

LISTS = st.lists(envelopes(), min_size=1, max_size=6)


def fold(latest: LatestTelemetry | None, each: Sequence[TelemetryEnvelope]) -> LatestTelemetry | None:
    return reduce(merge, each, latest)


def envelope(*, sampled: int, ingested: int, value: int = 0) -> TelemetryEnvelope:
    """An envelope with its times in minutes after the start."""
    timestamp = (START + timedelta(minutes=sampled)).isoformat()
    event = TelemetryEvent.model_validate({"chargerId": "CP-001", "timestamp": timestamp, "payload": {"value": value}})
    return seal(event, START + timedelta(minutes=ingested))


@given(st.data(), LISTS)
def test_any_order_and_repetition_gives_what_sorting_gives(data: st.DataObject, each: list[TelemetryEnvelope]) -> None:
    repeated = data.draw(st.permutations(each + data.draw(st.lists(st.sampled_from(each)))))
    latest = fold(None, repeated)
    assert latest
    assert latest.newest == max(each, key=lambda one: (one.timestamp, one.ingested_at, one.event_id))
    assert latest == fold(None, each)


@given(LISTS)
def test_merging_again_changes_nothing(each: list[TelemetryEnvelope]) -> None:
    once = fold(None, each)
    assert fold(once, each) == once
    assert all(merge(once, again) == once for again in each)


def test_the_later_sample_wins_whichever_arrived_first() -> None:
    older, newer = envelope(sampled=1, ingested=5), envelope(sampled=2, ingested=3)
    for order in ([older, newer], [newer, older]):
        latest = fold(None, order)
        assert latest
        assert latest.newest == newer


def test_of_samples_of_one_time_the_last_accepted_wins() -> None:
    first, second = envelope(sampled=1, ingested=2, value=1), envelope(sampled=1, ingested=3, value=2)
    assert merge(merge(None, second), first).newest == second


def test_an_old_sample_still_tells_that_the_charger_is_alive() -> None:
    latest = merge(merge(None, envelope(sampled=9, ingested=1)), envelope(sampled=0, ingested=7))
    assert latest.last_seen_at == "2026-11-23T08:07:00.000Z"
    assert latest.newest.timestamp == "2026-11-23T08:09:00.000Z"


def test_attributes_that_only_newer_code_knows_are_carried_along() -> None:
    item = to_item(merge(None, envelope(sampled=1, ingested=1)), 4, None)
    item["connectors"] = {"1": {"deep": [[[]]]}}
    latest = from_item(item, START)
    merged = merge(latest, envelope(sampled=2, ingested=2))
    assert to_item(merged, 5, None)["connectors"] == item["connectors"]


@given(envelopes())
def test_an_item_says_what_was_stored(each: TelemetryEnvelope) -> None:
    latest = merge(None, each)
    item = to_item(latest, 7, timedelta(days=30))
    assert from_item(item, START) == latest
    assert revision_of(item) == 7


def test_an_item_expires_after_the_minute_in_which_its_charger_was_last_seen() -> None:
    item = to_item(merge(None, envelope(sampled=0, ingested=3)), 1, timedelta(days=30))
    assert item[EXPIRES_AT] == int(datetime(2026, 12, 23, 8, 3, tzinfo=UTC).timestamp())


def test_an_item_without_retention_never_expires() -> None:
    assert EXPIRES_AT not in to_item(merge(None, envelope(sampled=0, ingested=3)), 1, None)


def test_an_expired_item_reads_as_absent_from_that_second_on() -> None:
    item = to_item(merge(None, envelope(sampled=0, ingested=0)), 1, timedelta(days=1))
    assert from_item(item, START + timedelta(days=1, seconds=-1)) is not None
    assert from_item(item, START + timedelta(days=1)) is None


def test_nothing_stored_reads_as_absent() -> None:
    assert from_item({}, START) is None
    assert revision_of({}) == 0


@pytest.mark.parametrize("missing", ["timestamp", "lastSeenAt", "payload"])
def test_an_item_that_is_no_telemetry_is_an_error_that_waits_for_an_operator(missing: str) -> None:
    item = to_item(merge(None, envelope(sampled=0, ingested=0)), 1, None)
    del item[missing]
    with pytest.raises(StoredItemUnreadableError):
        from_item(item, START)


def test_an_item_without_a_revision_is_an_error_that_waits_for_an_operator() -> None:
    with pytest.raises(StoredItemUnreadableError):
        revision_of({"chargerId": "CP-001"})
