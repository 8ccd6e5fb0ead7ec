"""The checker of the fault tests finds what is lost, and only that."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.ledger import Json, Ledger, SentEvent

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def acknowledged(ledger: Ledger, *, seconds: int = 0, connector_id: int = 0) -> SentEvent:
    event = ledger.event("CP-1", NOON + timedelta(seconds=seconds), connector_id=connector_id)
    ledger.acknowledge(event)
    return event


def kept(newest: SentEvent, *carried: SentEvent) -> Json:
    """Return a place whose values last known are those of events, later ones over earlier ones."""
    last_known: Json = {"metrics": {}}
    for event in carried or (newest,):
        if "session_energy_wh" in event.body["payload"]:
            last_known["metrics"]["energySessionWh"] = {"value": event.number}
        if "firmwareVersion" in event.body:
            last_known["firmwareVersion"] = {"value": event.body["firmwareVersion"]}
    return {"payload": newest.body["payload"], "lastKnown": last_known, "connectors": {}}


def lost(ledger: Ledger, charger: Json | None, *dead_lettered: SentEvent) -> list[SentEvent]:
    latest = {"CP-1": charger} if charger else dict[str, Json]()
    return ledger.lost(latest, {each.number for each in dead_lettered})


def test_an_event_of_which_nothing_is_kept_is_lost(ledger: Ledger) -> None:
    event = acknowledged(ledger)
    assert lost(ledger, None) == [event]


def test_an_event_that_is_kept_is_not(ledger: Ledger) -> None:
    assert lost(ledger, kept(acknowledged(ledger))) == []


def test_an_event_in_the_dead_letter_queue_is_not(ledger: Ledger) -> None:
    event = acknowledged(ledger)
    assert lost(ledger, None, event) == []


def test_an_event_that_was_not_acknowledged_is_not(ledger: Ledger) -> None:
    ledger.event("CP-1", NOON)
    assert lost(ledger, None) == []


def test_an_older_event_is_replaced_and_not_lost(ledger: Ledger) -> None:
    newer, older = acknowledged(ledger, seconds=1), acknowledged(ledger)
    assert lost(ledger, kept(newer)) == []
    assert lost(ledger, kept(older, newer)) == [newer]


def test_of_one_time_the_event_that_was_acknowledged_later_is_the_newer(ledger: Ledger) -> None:
    first, second = acknowledged(ledger), acknowledged(ledger)
    assert lost(ledger, kept(second, first)) == []
    assert lost(ledger, kept(first)) == [second]


def test_an_event_is_lost_of_which_a_value_is_not_kept(ledger: Ledger) -> None:
    _, _, old_firmware, _, _, firmware = (acknowledged(ledger, seconds=at) for at in range(6))
    newest = acknowledged(ledger, seconds=6)
    assert {"metrics.energySessionWh"} == set(newest.carries)
    assert {"firmwareVersion"} == set(firmware.carries)
    assert lost(ledger, kept(newest, firmware, newest)) == []
    assert lost(ledger, kept(newest, old_firmware, newest)) == [firmware]
    assert lost(ledger, kept(newest)) == [old_firmware, firmware]


def test_an_event_is_lost_that_is_not_kept_of_its_connector(ledger: Ledger) -> None:
    of_connector, newer = acknowledged(ledger, connector_id=1), acknowledged(ledger, seconds=1)
    charger = kept(newer, of_connector, newer)
    assert lost(ledger, charger) == [of_connector]
    assert lost(ledger, {**charger, "connectors": {"2": kept(of_connector)}}) == [of_connector]
    assert lost(ledger, {**charger, "connectors": {"1": kept(of_connector)}}) == []


def test_what_is_kept_and_was_never_acknowledged_is_told(ledger: Ledger) -> None:
    event = acknowledged(ledger)
    unheard = ledger.event("CP-1", NOON)
    with pytest.raises(KeyError):
        lost(ledger, kept(unheard, event))
