from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import reduce
from operator import attrgetter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processor.folding import sample_of
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.event import OPTIONAL_FIELDS, TelemetryEvent
from telemetry.item import to_item
from telemetry.merge import LatestTelemetry, merge
from tests.unit.strategies import OPTIONAL, START, envelopes

LISTS = st.lists(envelopes(), min_size=1, max_size=8)


def merge_all(latest: LatestTelemetry | None, each: Sequence[TelemetryEnvelope]) -> LatestTelemetry:
    merged = reduce(lambda known, one: merge(known, sample_of(one).measured), each, latest)
    assert merged
    return merged


def envelope(*, sampled: int, ingested: int, value: int = 0, **fields: object) -> TelemetryEnvelope:
    """An envelope with its times in minutes after the start."""
    timestamp = (START + timedelta(minutes=sampled)).isoformat()
    sent = {"chargerId": "CP-001", "timestamp": timestamp, "payload": {"value": value}, **fields}
    return seal(TelemetryEvent.model_validate(sent), START + timedelta(minutes=ingested)).open()


def item_of(*each: TelemetryEnvelope) -> dict[str, Any]:
    return to_item(merge_all(None, each), 1, None)


def order(one: TelemetryEnvelope) -> tuple[str, str, str]:
    return (one.timestamp, one.ingested_at, one.event_id)


@given(st.data(), LISTS)
def test_any_order_and_repetition_gives_the_same(data: st.DataObject, each: list[TelemetryEnvelope]) -> None:
    repeated = data.draw(st.permutations(each + data.draw(st.lists(st.sampled_from(each)))))
    assert merge_all(None, repeated) == merge_all(None, each)


@given(LISTS)
def test_merging_again_changes_nothing(each: list[TelemetryEnvelope]) -> None:
    once = merge_all(None, each)
    assert merge_all(once, each) == once
    assert all(merge_all(once, [again]) == once for again in each)


@given(LISTS)
def test_the_top_level_is_the_greatest_envelope_and_each_connector_its_own(each: list[TelemetryEnvelope]) -> None:
    item = item_of(*each)
    assert item["eventId"] == max(each, key=order).event_id
    of_connector: dict[str, list[TelemetryEnvelope]] = {}
    for one in each:
        if one.connector_id:
            of_connector.setdefault(str(one.connector_id), []).append(one)
    assert {number: place["eventId"] for number, place in item["connectors"].items()} == {
        number: max(own, key=order).event_id for number, own in of_connector.items()
    }


def watts(kilowatts: object) -> int | None:
    return kilowatts * 1000 if isinstance(kilowatts, int) else None


CARRIED: dict[str, Callable[[TelemetryEnvelope], object]] = {
    **{alias: attrgetter(name) for name, alias in OPTIONAL_FIELDS.items()},
    "powerW": lambda one: watts(one.payload.get("power_kw")),
    "voltageV": lambda one: one.payload.get("voltage_v"),
}


def test_each_optional_field_is_among_those_that_are_merged_here() -> None:
    assert list(OPTIONAL) == list(OPTIONAL_FIELDS.values())


def told_by_the_greatest_carrier(each: Sequence[TelemetryEnvelope]) -> dict[str, object]:
    """Return what `lastKnown` must be, found by sorting."""
    told: dict[str, object] = {}
    for name, carried in CARRIED.items():
        carriers = [one for one in each if carried(one) is not None]
        if carriers:
            greatest = max(carriers, key=order)
            told[name] = (carried(greatest), greatest.timestamp)
    return told


def values_of(last_known: dict[str, Any]) -> dict[str, object]:
    flat = {**last_known, **last_known.get("metrics", {})}
    return {name: (known["value"], known["timestamp"]) for name, known in flat.items() if name != "metrics"}


@given(LISTS)
def test_each_last_known_value_is_that_of_the_greatest_envelope_that_carried_it(each: list[TelemetryEnvelope]) -> None:
    item = item_of(*each)
    assert values_of(item["lastKnown"]) == told_by_the_greatest_carrier(each)
    for number, place in item["connectors"].items():
        own = [one for one in each if one.connector_id == int(number)]
        assert values_of(place["lastKnown"]) == told_by_the_greatest_carrier(own)


def test_the_later_sample_wins_whichever_arrived_first() -> None:
    older, newer = envelope(sampled=1, ingested=5), envelope(sampled=2, ingested=3)
    for each in ([older, newer], [newer, older]):
        assert item_of(*each)["eventId"] == newer.event_id


def test_of_samples_of_one_time_the_last_accepted_wins() -> None:
    first, second = envelope(sampled=1, ingested=2, value=1), envelope(sampled=1, ingested=3, value=2)
    assert item_of(second, first)["eventId"] == second.event_id


def test_an_old_sample_still_tells_that_the_charger_is_alive() -> None:
    item = item_of(envelope(sampled=9, ingested=1), envelope(sampled=0, ingested=7))
    assert item["lastSeenAt"] == "2026-11-23T08:07:00.000Z"
    assert item["timestamp"] == "2026-11-23T08:09:00.000Z"


def test_a_heartbeat_wipes_no_reading() -> None:
    reading = envelope(sampled=1, ingested=1, payload={"power_kw": 7}, chargerStatus="Charging")
    item = item_of(reading, envelope(sampled=2, ingested=2, payload={}))
    assert item["metrics"] == {}
    assert item["lastKnown"]["metrics"]["powerW"]["value"] == 7000
    assert item["lastKnown"]["chargerStatus"]["value"] == "Charging"
    assert item["lastKnown"]["chargerStatus"]["timestamp"] == "2026-11-23T08:01:00.000Z"


def test_connectors_that_report_in_turns_do_not_replace_each_other() -> None:
    one = envelope(sampled=1, ingested=1, payload={"power_kw": 1}, connectorId=1)
    two = envelope(sampled=2, ingested=2, payload={"power_kw": 2}, connectorId=2)
    late = envelope(sampled=0, ingested=3, payload={"power_kw": 9}, connectorId=1)
    item = item_of(two, one, late)
    assert item["eventId"] == two.event_id
    assert {number: place["metrics"]["powerW"] for number, place in item["connectors"].items()} == {
        "1": 1000,
        "2": 2000,
    }


def test_the_charger_as_a_whole_is_no_connector() -> None:
    assert item_of(envelope(sampled=1, ingested=1, connectorId=0))["connectors"] == {}


def test_a_payload_above_3_kib_is_left_out_of_its_connector_and_stays_at_the_top() -> None:
    just_fits, too_great = {"a": "x" * (3072 - 8)}, {"a": "x" * (3072 - 7)}
    fits = item_of(envelope(sampled=1, ingested=1, payload=just_fits, connectorId=1))["connectors"]["1"]
    assert fits["payload"] == just_fits
    assert "payloadOmitted" not in fits
    item = item_of(envelope(sampled=1, ingested=1, payload=too_great, connectorId=1))
    assert item["connectors"]["1"]["payloadOmitted"] is True
    assert "payload" not in item["connectors"]["1"]
    assert item["payload"] == too_great


def test_a_small_payload_after_one_that_was_left_out_is_kept() -> None:
    too_great = envelope(sampled=1, ingested=1, payload={"a": "x" * 4000}, connectorId=1)
    small = envelope(sampled=2, ingested=2, payload={"a": 1}, connectorId=1)
    for each in ([too_great, small], [small, too_great]):
        assert item_of(*each)["connectors"]["1"]["payload"] == {"a": 1}
        assert "payloadOmitted" not in item_of(*each)["connectors"]["1"]
