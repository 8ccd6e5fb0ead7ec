"""The verdict: what must be kept, in whatever order it was sent, and where it is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tools.fleet.plans import sent
from tools.fleet.flaws import Flaw
from tools.fleet.ledger import Ledger

OLD, NEW, NEWEST = (f"2026-11-23T08:15:0{second}.000Z" for second in range(3))
Json = dict[str, Any]

CHANGES = st.lists(st.tuples(st.sampled_from([OLD, NEW, NEWEST]), st.integers(0, 2), st.booleans()), min_size=1)


def ledger_of(*accepted: tuple[str, str, int | None]) -> Ledger:
    ledger = Ledger()
    for timestamp, event_id, connector in accepted:
        ledger.accept(sent(timestamp, connector_id=connector), event_id=event_id)
    return ledger


def item(timestamp: str, event_id: str, connector: int | None = None, **connectors: tuple[str, str]) -> Json:
    return {
        "timestamp": timestamp,
        "eventId": event_id,
        "payload": {},
        "connectorId": connector,
        "connectors": {
            (number := name.removeprefix("c")): {
                "timestamp": time,
                "eventId": other,
                "payload": {},
                "connectorId": int(number),
            }
            for name, (time, other) in connectors.items()
        },
    }


def differences(ledger: Ledger, *kept: Json) -> list[str]:
    return [each.what for each in ledger.differences(dict(zip(["F-1"], kept, strict=False)))]


@given(CHANGES)
def test_the_greatest_of_each_place_and_the_greatest_that_carried_each_value_is_expected(
    changes: list[tuple[str, int, bool]],
) -> None:
    ledger = Ledger()
    place: dict[int, Json] = {0: {}, 1: {}, 2: {}}
    # The plainest way to say it: of each place, all that it had, in order of time, and then of acknowledgement.
    for at, (time, connector, carries) in sorted(enumerate(changes), key=lambda each: (each[1][0], each[0])):
        for number in {0, connector}:
            place[number] |= {"timestamp": time, "eventId": f"id{at}", "payload": {}, "metrics": {}}
            place[number]["connectorId"] = connector
            if carries:
                place[number]["metrics"] = {"powerW": at}
                place[number]["lastKnown"] = {"metrics": {"powerW": {"value": at, "timestamp": time}}}
    for at, (time, connector, carries) in enumerate(changes):
        values = {"metrics.powerW": at} if carries else {}
        ledger.accept(sent(time, connector_id=connector, values=values), event_id=f"id{at}")
    kept = place[0] | {"connectors": {str(number): place[number] for number in (1, 2) if place[number]}}
    assert differences(ledger, kept) == []


def test_what_is_kept_as_it_must_be_is_no_difference() -> None:
    ledger = ledger_of((OLD, "a", 1), (NEW, "b", 2))
    assert differences(ledger, item(NEW, "b", 2, c1=(OLD, "a"), c2=(NEW, "b"))) == []


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ([], ["charger: missing", "connector 1: missing"]),
        ([item(NEW, "b", 1)], ["connector 1: missing"]),
        ([item(OLD, "a", 1, c1=(NEW, "b"))], ["charger: stale"]),
        ([item(NEW, "b", 1, c1=(OLD, "a"))], ["connector 1: stale"]),
        ([item(NEW, "x", c1=(NEW, "b"))], ["charger: wrong"]),
        ([item(NEWEST, "b", 1, c1=(NEW, "b"))], ["charger: wrong"]),
        ([item(NEW, "b", 1, c1=(NEW, "b"), c2=(NEW, "b"))], ["connector 2: wrong"]),
    ],
)
def test_what_is_missing_stale_or_wrong_is_found(kept: list[Json], found: list[str]) -> None:
    ledger = ledger_of((OLD, "a", 1), (NEW, "b", 1))
    told = differences(ledger, *kept)
    assert [each.partition(":")[0] + ":" + each.split(":")[1][:8].rstrip(",") for each in told] == found


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ({"value": 7200, "timestamp": OLD}, []),
        # A charger's own unit is not the service's: 7.2 kW * 1000.
        ({"value": 7.2 * 1000 + 1e-9, "timestamp": OLD}, []),
        ({"value": 7300, "timestamp": OLD}, [f"wrong: has 7300 of {OLD}, must be 7200 of {OLD}"]),
        ({"value": 7200, "timestamp": NEW}, [f"wrong: has 7200 of {NEW}, must be 7200 of {OLD}"]),
        (None, [f"missing, must be 7200 of {OLD}"]),
    ],
)
def test_a_value_that_is_not_the_one_last_known_is_found(known: Json | None, found: list[str]) -> None:
    ledger = Ledger()
    ledger.accept(sent(OLD, values={"metrics.powerW": 7200}), event_id="a")
    # A heartbeat wipes nothing.
    ledger.accept(sent(NEW), event_id="b")
    kept = item(NEW, "b") | {"lastKnown": {"metrics": {"powerW": known} if known else {}}}
    assert differences(ledger, kept) == [f"charger, metrics.powerW: {what}" for what in found]


SAID = {"metrics.powerW": 0, "metrics.phases.L1.voltageV": 230.5, "locationId": "here"}
AS_SAID: Json = {
    "timestamp": NEW,
    "eventId": "a",
    "payload": {"kw": [1, 2.5], "on": True},
    "connectorId": 1,
    "locationId": "here",
    "metrics": {"powerW": 0.0, "phases": {"L1": {"voltageV": 230.5}}, "assumed": ["powerW"]},
    "lastKnown": {
        "locationId": {"value": "here", "timestamp": NEW},
        "metrics": {
            "powerW": {"value": 0, "timestamp": NEW},
            "phases": {"L1": {"voltageV": {"value": 230.5, "timestamp": NEW}}},
        },
    },
}


def wrong_in(*, charger: Json | None = None, connector: Json | None = None) -> list[str]:
    """Return what is found where a charger and its connector say otherwise than their one event."""
    event = sent(NEW, connector_id=1, values=SAID)
    event.event.body["payload"] |= AS_SAID["payload"]
    ledger = Ledger()
    ledger.accept(event, event_id="a")
    return differences(ledger, AS_SAID | {"connectors": {"1": AS_SAID | (connector or {})}} | (charger or {}))


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ({"payload": {}}, "payload"),
        ({"payload": {"kw": [1, 2.5], "on": 1}}, "payload"),
        ({"payload": {"kw": [1], "on": True}}, "payload"),
        ({"payload": None}, "payload"),
        ({"chargerStatus": "Faulted"}, "chargerStatus"),
        ({"locationId": "elsewhere"}, "locationId"),
        ({"connectorId": True}, "connectorId"),
        ({"metrics": {"powerW": 10**400, "x": 1}}, "metrics.phases.L1.voltageV, metrics.powerW, metrics.x"),
    ],
)
def test_a_place_that_says_something_else_than_its_newest_event_is_found(told: Json, names: str) -> None:
    found = f"wrong: has another {names} than its event a"
    assert wrong_in() == []
    assert wrong_in(charger=told) == [f"charger: {found}"]
    assert wrong_in(connector=told) == [f"connector 1: {found}"]


def test_only_a_connector_may_leave_its_payload_out() -> None:
    left_out = {"payload": None, "payloadOmitted": True}
    assert wrong_in(connector=left_out) == []
    assert wrong_in(charger=left_out) == ["charger: wrong: has another payload than its event a"]


def test_a_last_known_value_that_no_event_carried_is_found() -> None:
    forged = {"lastKnown": AS_SAID["lastKnown"] | {"firmwareVersion": {"value": "evil", "timestamp": NEW}}}
    must_be = f"firmwareVersion: wrong: has evil of {NEW}, must be nothing"
    assert wrong_in(charger=forged) == [f"charger, {must_be}"]
    assert wrong_in(connector=forged) == [f"connector 1, {must_be}"]


def test_a_truth_is_no_number() -> None:
    metrics = AS_SAID["lastKnown"]["metrics"] | {"powerW": {"value": False, "timestamp": NEW}}
    told = wrong_in(charger={"lastKnown": AS_SAID["lastKnown"] | {"metrics": metrics}})
    assert told == [f"charger, metrics.powerW: wrong: has False of {NEW}, must be 0 of {NEW}"]


@pytest.mark.parametrize("other", [{"chargerId": "F-2"}, {"timestamp": OLD}, {"timestamp": None}])
def test_a_receipt_for_another_event_is_a_surprise(other: Json) -> None:
    ledger = Ledger()
    receipt: Json = {"eventId": "a", "chargerId": "F-1", "timestamp": NEW}
    ledger.accept(sent(NEW), event_id="a", receipt=receipt)
    assert ledger.surprises == []
    ledger.accept(sent(NEW), event_id="a", receipt=receipt | other)
    assert len(ledger.surprises) == 1


def test_of_what_nobody_knows_whether_it_was_accepted_either_outcome_is_right() -> None:
    ledger = ledger_of((NEW, "b", None))
    ledger.lose_sight_of(sent(NEWEST))
    ledger.lose_sight_of(sent(OLD))
    assert differences(ledger, item(NEW, "b")) == []
    assert differences(ledger, item(NEWEST, "c")) == []
    # An older one must not have replaced what was accepted.
    assert len(differences(ledger, item(OLD, "a"))) == 1
    ledger = Ledger()
    ledger.lose_sight_of(sent(NEW))
    assert differences(ledger) == differences(ledger, item(NEW, "b")) == []


def test_of_one_time_the_event_that_was_acknowledged_later_is_the_newer() -> None:
    ledger = ledger_of((NEW, "a", None), (NEW, "b", None), (OLD, "c", None))
    assert differences(ledger, item(NEW, "b")) == []
    assert len(differences(ledger, item(NEW, "a"))) == 1


def test_where_an_event_was_sent_twice_any_of_its_time_may_be_kept() -> None:
    ledger = ledger_of((NEW, "a", None), (NEW, "b", None), (NEW, "a", None))
    assert differences(ledger, item(NEW, "a")) == differences(ledger, item(NEW, "b")) == []
    assert len(differences(ledger, item(NEW, "c"))) == 1


def test_an_answer_that_the_contract_does_not_give_is_a_surprise() -> None:
    ledger = Ledger()
    ledger.accept(sent(NEW, flaw=Flaw.MALFORMED), event_id="a")
    ledger.reject(sent(NEW), "422 no")
    ledger.reject(sent(NEW, flaw=Flaw.FAR_CLOCK), "422 yes")
    assert [each.what for each in ledger.surprises] == [
        "a is not valid (malformed), but was accepted",
        "a valid event was rejected: 422 no",
    ]


def test_a_charger_of_which_nothing_was_accepted_must_have_nothing() -> None:
    assert differences(Ledger(), item(NEW, "b")) == [f"charger: wrong: has b of {NEW}, must be nothing"]
