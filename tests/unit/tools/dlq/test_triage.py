"""What today's code says of a message is what the processor would do with it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from processor.storing import Store
from telemetry.envelope import TelemetryEnvelope
from telemetry.latest_table import LatestTelemetryTable
from tests.unit.conftest import Printed
from tests.unit.fakes import InMemoryTable
from tests.unit.processor_bench import Bench, queued
from tests.unit.strategies import NOW
from tests.unit.test_merge import envelope
from tests.unit.tools.dlq.fakes import moved_by_the_processor
from tools.dlq.queues import DeadLetter
from tools.dlq.triage import UNKNOWN_CHARGER, ReadOnlyTable, Triage, Verdict, take_as_given

GOOD = envelope(sampled=1, ingested=1)


def body_of(*envelopes: object, **fields: object) -> str:
    stamped = [each.as_json() if isinstance(each, TelemetryEnvelope) else each for each in envelopes]
    return json.dumps({"version": 1, "correlationId": "request-1", "envelopes": stamped} | fields)


def dead(body: str) -> DeadLetter:
    return moved_by_the_processor(1, "CP-001", body=body)


def store(table: LatestTelemetryTable) -> Store:
    return Store(table=table, stage="test", retention=timedelta(days=30), clock=lambda: NOW)


def verdict_on(body: str, table: InMemoryTable | None = None) -> Verdict:
    return Triage(store(ReadOnlyTable(table or InMemoryTable()))).judge(dead(body))


BAD = GOOD.as_json() | {"timestamp": "yesterday"}
BODIES = {
    "good": body_of(GOOD, envelope(sampled=2, ingested=2)),
    "one of two is bad": body_of(BAD, GOOD),
    "of another charger": body_of(GOOD.model_copy(update={"charger_id": "CP-002"})),
    "not JSON": "this is not a message",
    "another shape": '{"hello": "world"}',
    "newer": body_of(GOOD, version=2),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("available", [True, False])
def test_the_verdict_is_what_the_processor_does(body: str, available: bool, printed: Printed) -> None:  # noqa: FBT001 - parametrized
    assert printed
    bench = Bench()
    bench.table.available = available
    again = bench.process(queued("a", body=body, receive_count=5))
    dead_letters = bench.dead_letters.messages
    verdict = verdict_on(body, InMemoryTable(available=available))
    assert verdict.passes == (not again and not dead_letters)
    assert ("would be dead-lettered again" in verdict.summary) == bool(dead_letters)
    assert ("would be tried again" in verdict.summary) == bool(again)
    for each in dead_letters:
        assert verdict.summary.endswith(each.attributes["reason"])


def test_the_verdict_says_what_is_wrong_and_where() -> None:
    verdict = verdict_on(body_of(GOOD, BAD, GOOD.as_json() | {"payload": 7}))
    assert verdict.summary == "would be dead-lettered again: invalid"
    assert [each.split(" must")[0] for each in verdict.details] == ["event 1: /timestamp", "event 2: /payload"]
    assert verdict_on("nonsense").details[0].startswith("the message is not JSON")


def test_a_fault_of_our_code_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:  # noqa: ANN401 - stands for a rule
        raise ZeroDivisionError("of no use")

    monkeypatch.setattr("processor.folding.judge", fail)
    verdict = verdict_on(BODIES["good"])
    assert verdict.summary == "would be dead-lettered again: unexpected_fault"
    assert "ZeroDivisionError: of no use, at " in verdict.details[0]
    assert "test_triage.py:" in verdict.details[0]


def test_what_is_stored_is_taken_into_account_and_stays_as_it_is() -> None:
    table = InMemoryTable(items={"CP-001": {"chargerId": "CP-001", "revision": 1, "lastSeenAt": "garbage"}})
    assert verdict_on(BODIES["good"], table).summary == "would be tried again and again: stored_item_unreadable"
    empty = InMemoryTable()
    assert verdict_on(BODIES["good"], empty).passes
    assert (empty.items, empty.reads) == ({}, [{"CP-001"}])


def test_a_message_whose_charger_is_not_known_can_not_go_anywhere() -> None:
    unknown = moved_by_the_processor(1, attributes={}, body=body_of(GOOD))
    triage = Triage(store(ReadOnlyTable(InMemoryTable())))
    for judge in (triage.judge, take_as_given):
        assert judge(unknown) == Verdict(passes=False, summary=UNKNOWN_CHARGER)


def test_who_knows_better_may_send_anything_of_a_known_charger() -> None:
    assert take_as_given(dead("nonsense")).passes
