"""The verdict: what must be kept, whatever the order in which it was accepted, and where it is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tools.fleet.plans import sent
from tools.fleet.flaws import Flaw
from tools.fleet.ledger import Accepted, Ledger

OLD, NEW, NEWEST = (f"2026-11-23T08:15:0{second}.000Z" for second in range(3))

ACCEPTED = st.lists(
    st.tuples(st.sampled_from([OLD, NEW, NEWEST]), st.sampled_from("abc"), st.integers(0, 2)),
    min_size=1,
    unique=True,
)


def ledger_of(*accepted: tuple[str, str, str, int | None]) -> Ledger:
    ledger = Ledger()
    for timestamp, ingested_at, event_id, connector in accepted:
        ledger.accept(sent(timestamp, connector_id=connector), event_id=event_id, ingested_at=ingested_at)
    return ledger


def item(timestamp: str, event_id: str, **connectors: tuple[str, str]) -> dict[str, Any]:
    return {
        "timestamp": timestamp,
        "eventId": event_id,
        "connectors": {
            number.removeprefix("c"): {"timestamp": time, "eventId": other}
            for number, (time, other) in connectors.items()
        },
    }


def differences(ledger: Ledger, *kept: dict[str, Any]) -> list[str]:
    return [each.what for each in ledger.differences(dict(zip(["F-1"], kept, strict=False)))]


@given(ACCEPTED, st.randoms())
def test_whatever_the_order_of_acceptance_the_greatest_is_expected(accepted: list[Any], chance: Any) -> None:  # noqa: ANN401
    numbered = [(time, ingested, f"id{at}", connector) for at, (time, ingested, connector) in enumerate(accepted)]
    chance.shuffle(numbered)
    ledger = ledger_of(*numbered)
    assert ledger.expected(("F-1", 0)) == [Accepted(*max(numbered)[:3])]
    for connector in {each[3] for each in numbered} - {0}:
        of_it = [each for each in numbered if each[3] == connector]
        assert ledger.expected(("F-1", connector)) == [Accepted(*max(of_it)[:3])]


def test_what_is_kept_as_it_must_be_is_no_difference() -> None:
    ledger = ledger_of((OLD, "1", "a", 1), (NEW, "2", "b", 2))
    assert differences(ledger, item(NEW, "b", c1=(OLD, "a"), c2=(NEW, "b"))) == []


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ([], ["charger: missing", "connector 1: missing"]),
        ([item(NEW, "b")], ["connector 1: missing"]),
        ([item(OLD, "a", c1=(NEW, "b"))], ["charger: stale"]),
        ([item(NEW, "b", c1=(OLD, "a"))], ["connector 1: stale"]),
        ([item(NEW, "x", c1=(NEW, "b"))], ["charger: wrong"]),
        ([item(NEWEST, "b", c1=(NEW, "b"))], ["charger: wrong"]),
        ([item(NEW, "b", c1=(NEW, "b"), c2=(NEW, "b"))], ["connector 2: wrong"]),
    ],
)
def test_what_is_missing_stale_or_wrong_is_found(kept: list[dict[str, Any]], found: list[str]) -> None:
    ledger = ledger_of((OLD, "1", "a", 1), (NEW, "2", "b", 1))
    told = differences(ledger, *kept)
    assert [each.partition(":")[0] + ":" + each.split(":")[1][:8].rstrip(",") for each in told] == found


def test_of_what_nobody_knows_whether_it_was_accepted_either_outcome_is_right() -> None:
    ledger = ledger_of((NEW, "1", "b", None))
    ledger.lose_sight_of(sent(NEWEST))
    ledger.lose_sight_of(sent(OLD))
    assert differences(ledger, item(NEW, "b")) == []
    assert differences(ledger, item(NEWEST, "c")) == []
    # An older one must not have replaced what was accepted.
    assert len(differences(ledger, item(OLD, "a"))) == 1
    ledger = Ledger()
    ledger.lose_sight_of(sent(NEW))
    assert differences(ledger) == differences(ledger, item(NEW, "b")) == []


def test_where_answers_do_not_tell_the_order_of_one_time_either_may_be_kept() -> None:
    ledger = ledger_of((NEW, "", "a", None), (NEW, "", "b", None), (OLD, "", "c", None))
    assert differences(ledger, item(NEW, "a")) == differences(ledger, item(NEW, "b")) == []
    assert len(differences(ledger, item(OLD, "c"))) == 1


def test_an_answer_that_the_contract_does_not_give_is_a_surprise() -> None:
    ledger = Ledger()
    ledger.accept(sent(NEW, flaw=Flaw.MALFORMED), event_id="a", ingested_at="1")
    ledger.reject(sent(NEW), "422 no")
    ledger.reject(sent(NEW, flaw=Flaw.FAR_CLOCK), "422 yes")
    assert [each.what for each in ledger.surprises] == [
        "a is not valid (malformed), but was accepted",
        "a valid event was rejected: 422 no",
    ]


def test_a_charger_of_which_nothing_was_accepted_must_have_nothing() -> None:
    assert differences(Ledger(), item(NEW, "b")) == [f"charger: wrong: has b of {NEW}, must be nothing"]
