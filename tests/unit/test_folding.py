from datetime import timedelta
from typing import Any

import pytest

from processor.folding import Folded, fold, sample_of
from telemetry.envelope import TelemetryEnvelope
from telemetry.item import from_item, to_item
from telemetry.merge import LatestTelemetry
from telemetry.rules import Profile, profile_of
from telemetry.timestamps import to_microseconds
from tests.unit.strategies import START
from tests.unit.test_merge import envelope

HOT: dict[str, object] = {"temp_c": 80}
COOL: dict[str, object] = {"temp_c": 20}


def folded(latest: LatestTelemetry | None, *each: TelemetryEnvelope) -> Folded:
    return fold(latest, [sample_of(one) for one in each], "test")


def stored(latest: LatestTelemetry) -> LatestTelemetry:
    """What is read again after it was written."""
    read = from_item(to_item(latest, 1, None), START)
    assert read
    return read


def codes(findings: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [finding["code"] for finding in findings]


def test_the_newest_envelope_is_stored_with_its_findings() -> None:
    item: Any = to_item(folded(None, envelope(sampled=1, ingested=1, payload=HOT)).latest, 1, None)
    assert codes(item["findings"]) == ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]
    assert item["findings"][1] == {
        "code": "TEMPERATURE_CRITICAL",
        "severity": "critical",
        "observed": 80,
        "expected": "less than 71",
        "since": "2026-11-23T08:01:00.000Z",
    }


def test_a_finding_goes_with_the_envelope_that_no_longer_shows_it() -> None:
    hot = folded(None, envelope(sampled=1, ingested=1, payload=HOT))
    cool = folded(stored(hot.latest), envelope(sampled=2, ingested=2, payload=COOL))
    assert cool.latest.findings == ()
    (judgement,) = cool.judgements
    assert judgement.cleared == ("TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL")
    assert judgement.appeared == ()


def test_a_finding_that_stays_has_neither_appeared_nor_cleared() -> None:
    hot = folded(None, envelope(sampled=1, ingested=1, payload=HOT))
    again = folded(stored(hot.latest), envelope(sampled=2, ingested=2, payload=HOT))
    (judgement,) = again.judgements
    assert (judgement.appeared, judgement.cleared) == ((), ())
    assert [finding.since for finding in judgement.findings] == ["2026-11-23T08:01:00.000Z"] * 2


def test_envelopes_of_a_batch_are_judged_in_the_order_of_their_time() -> None:
    late_hot, cool = envelope(sampled=1, ingested=5, payload=HOT), envelope(sampled=2, ingested=2, payload=COOL)
    result = folded(None, cool, late_hot)
    assert [judgement.envelope.event_id for judgement in result.judgements] == [late_hot.event_id, cool.event_id]
    assert result.latest.findings == ()


def test_an_envelope_that_is_not_the_newest_of_its_place_is_not_judged() -> None:
    cool = folded(None, envelope(sampled=2, ingested=2, payload=COOL))
    late = envelope(sampled=1, ingested=5, payload=HOT)
    result = folded(stored(cool.latest), late)
    assert result.judgements == ()
    assert result.stale == {late.order}
    assert result.latest.findings == ()


def test_an_event_that_was_sent_again_is_judged_once_and_keeps_its_findings() -> None:
    first = envelope(sampled=1, ingested=1, payload=HOT)
    resent = seal_again(first, minutes=9)
    result = folded(stored(folded(None, first).latest), resent)
    assert result.judgements == ()
    item: Any = to_item(result.latest, 2, None)
    assert item["ingestedAt"] == "2026-11-23T08:09:00.000000Z"
    assert codes(item["findings"]) == ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]


def test_events_of_one_time_that_come_again_in_turns_are_each_judged_once() -> None:
    one = envelope(sampled=1, ingested=1, payload=HOT, locationId="a")
    two = envelope(sampled=1, ingested=2, payload=HOT, locationId="b")
    latest, judged = None, 0
    for minutes, each in enumerate([one, two] * 4):
        result = folded(stored(latest) if latest else None, seal_again(each, minutes=minutes))
        latest, judged = result.latest, judged + len(result.judgements)
    assert judged == 2


def test_each_event_of_a_clock_that_is_stuck_is_judged_and_what_is_remembered_stays_small() -> None:
    many = [envelope(sampled=1, ingested=n, value=n) for n in range(20)]
    result = folded(None, *many)
    assert len(result.judgements) == 20
    assert len(result.latest.charger.judged.event_ids) == 8


def test_the_charger_as_a_whole_is_judged_however_often_a_connector_reports_at_the_same_time() -> None:
    latest = None
    for minute in range(20):
        of_connector = envelope(sampled=minute, ingested=minute, payload=COOL, connectorId=1)
        whole = seal_again(envelope(sampled=minute, ingested=minute, payload=HOT, value=minute), minutes=minute + 1)
        for each in (of_connector, whole):
            latest = folded(stored(latest) if latest else None, each).latest
        assert latest
        assert codes(latest.findings) == ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]
        assert len(latest.charger.judged.event_ids) == 1


def test_what_stands_against_the_charger_as_a_whole_stays_while_its_connectors_report() -> None:
    fault = envelope(
        sampled=1, ingested=1, payload={"connectorId": 0, "status": "Faulted", "errorCode": "InternalError"}
    )
    healthy = envelope(sampled=2, ingested=2, payload=COOL, connectorId=1)
    hot = envelope(sampled=3, ingested=3, payload=HOT, connectorId=2)
    item: Any = to_item(folded(stored(folded(None, fault).latest), healthy).latest, 1, None)
    assert codes(item["findings"]) == ["CHARGER_FAULT"]
    assert item["connectors"]["1"]["findings"] == []
    both = folded(stored(folded(None, fault, healthy).latest), hot).latest
    assert codes(both.findings) == ["CHARGER_FAULT", "TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]
    mended = envelope(sampled=4, ingested=4, payload={"connectorId": 0, "status": "Available", "errorCode": "NoError"})
    result = folded(stored(both), mended)
    assert result.latest.findings == ()
    assert result.judgements[0].cleared == ("CHARGER_FAULT",)


def test_a_connectors_older_envelope_leaves_the_findings_at_the_top_alone() -> None:
    hot = folded(None, envelope(sampled=5, ingested=5, payload=HOT, connectorId=2)).latest
    result = folded(stored(hot), envelope(sampled=3, ingested=6, payload=COOL, connectorId=1)).latest
    assert codes(result.findings) == ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]


def test_a_connector_has_the_profile_of_its_chargers_location(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def asking(stage: str, charger_id: str, location_id: str | None) -> Profile:
        asked.append(location_id)
        return profile_of(stage, charger_id, location_id)

    monkeypatch.setattr("processor.folding.profile_of", asking)
    latest = folded(None, envelope(sampled=1, ingested=1, locationId="garage")).latest
    folded(stored(latest), envelope(sampled=2, ingested=2, connectorId=1))
    folded(stored(latest), envelope(sampled=2, ingested=2, connectorId=1, locationId="yard"))
    assert asked == ["garage", "garage", "yard"]


def test_each_connector_is_judged_by_its_own_past() -> None:
    """The registers of two connectors have nothing to do with each other."""
    high, low = {"energy_wh": 5_000_000}, {"energy_wh": 100}
    latest = None
    for minute in range(1, 7):
        payload, connector = (high, 1) if minute % 2 else (low, 2)
        sent = envelope(sampled=minute, ingested=minute, payload=payload, connectorId=connector)
        result = folded(stored(latest) if latest else None, sent)
        latest = result.latest
        assert [finding for judgement in result.judgements for finding in judgement.findings] == []


def test_the_findings_of_a_connector_are_at_the_top_only_while_its_envelope_is_the_newest() -> None:
    hot = envelope(sampled=1, ingested=1, payload=HOT, connectorId=1)
    at_first: Any = to_item(folded(None, hot).latest, 1, None)
    assert codes(at_first["findings"]) == codes(at_first["connectors"]["1"]["findings"]) != []
    result = folded(folded(None, hot).latest, envelope(sampled=2, ingested=2, payload=COOL, connectorId=2))
    item: Any = to_item(result.latest, 2, None)
    assert item["findings"] == []
    assert codes(item["connectors"]["1"]["findings"]) == ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]


def test_what_the_payload_says_of_connector_and_status_counts_where_the_event_says_nothing() -> None:
    payload = {"connectorId": 2, "status": "Charging", "errorCode": "NoError"}
    measured = sample_of(envelope(sampled=1, ingested=1, payload=payload)).measured.envelope
    assert (measured.connector_id, measured.charger_status) == (2, "Charging")
    own = sample_of(
        envelope(sampled=1, ingested=1, payload=payload, connectorId=1, chargerStatus="Faulted")
    ).measured.envelope
    assert (own.connector_id, own.charger_status) == (1, "Faulted")


def seal_again(sent: TelemetryEnvelope, *, minutes: int) -> TelemetryEnvelope:
    """Return the envelope of the same event, accepted at another time."""
    return sent.model_copy(update={"ingested_at": to_microseconds(START + timedelta(minutes=minutes))})
