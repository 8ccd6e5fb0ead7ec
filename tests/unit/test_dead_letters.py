"""What can never be processed goes to the DLQ, and what may yet be does not."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from processor.delivery import ranges
from processor.folding import Sample, sample_of
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import ItemRefusedError, TableUnavailableError
from telemetry.fifo_queue import OutgoingMessage
from tests.unit.conftest import Printed
from tests.unit.processor_bench import Bench, of, queued


def test_a_message_that_cannot_be_read_stops_neither_its_charger_nor_others(bench: Bench) -> None:
    failed = bench.process(
        queued("a1", of("CP-001", 1)),
        queued("a2", body="not a message"),
        queued("a3", of("CP-001", 3)),
        queued("b1", of("CP-002"), group="CP-002"),
    )
    assert failed == []
    assert bench.dead_ids == ["a2"]
    assert (bench.stored_minute("CP-001"), bench.stored_minute("CP-002")) == ("08:03", "08:01")


def test_a_dead_letter_is_the_message_with_its_reason_and_where_it_came_from(bench: Bench) -> None:
    bench.process(queued("a", body="not a message"))
    (dead,) = bench.dead_letters.messages
    assert (dead.body, dead.group, dead.deduplication_id) == ("not a message", "a", "a")
    assert dead.attributes == {
        "reason": "unreadable_message",
        "errorClass": "UnreadableMessageError",
        "sourceMessageGroupId": "CP-001",
        "sourceSequenceNumber": "1a",
        "sourceMessageId": "a",
        "firstSeenAt": "2026-11-23T08:15:00.000Z",
    }


def test_good_events_of_a_partly_bad_message_are_merged(bench: Bench, printed: Printed) -> None:
    sent = queued("a", of("CP-001", 1), of("CP-666", 2), of("CP-001", 3), of("CP-666", 4))
    assert bench.process(sent) == []
    assert bench.stored_minute() == "08:03"
    (dead,) = bench.dead_letters.messages
    assert dead.body == sent.body
    assert dead.attributes["badEventIndexes"] == "1,3"
    assert dead.attributes["correlationId"] == "request-a"
    assert printed.metric("EventsDeadLettered") == [([2], "invalid")]
    assert printed.metric("EventsStored") == [([2], None)]


def test_a_dlq_that_refuses_keeps_the_message_and_what_follows_it(bench: Bench) -> None:
    bench.dead_letters.available = False
    failed = bench.process(
        queued("a1", of("CP-001", 1)),
        queued("a2", body="not a message"),
        queued("a3", of("CP-001", 3)),
        queued("b1", of("CP-002"), group="CP-002"),
    )
    assert failed == ["a2", "a3"]


def test_a_fault_of_ours_at_a_dead_letter_stops_no_other_charger(bench: Bench) -> None:
    def failing(_: OutgoingMessage) -> bool:
        raise KeyError

    bench.dead_letters.refuses = failing
    failed = bench.process(queued("a", body="not a message"), queued("b", of("B"), group="B"))
    assert failed == ["a"]
    assert bench.stored_minute("B") == "08:01"


def test_a_bad_message_before_a_write_that_fails_is_moved_at_once(bench: Bench) -> None:
    bench.table.write_errors["CP-001"] = [TableUnavailableError()]
    assert bench.process(queued("a1", body="not a message"), queued("a2", of("CP-001"))) == ["a2"]
    assert bench.dead_ids == ["a1"]


def test_a_partly_bad_message_is_moved_only_once_its_good_events_are_stored(bench: Bench) -> None:
    bench.table.write_errors["CP-001"] = [TableUnavailableError()]
    sent = queued("a", of("CP-001"), of("CP-666"))
    assert bench.process(sent) == ["a"]
    assert bench.dead_ids == []
    assert bench.process(sent) == []
    assert bench.dead_ids == ["a"]


def test_what_the_table_can_never_store_goes_to_the_dlq(bench: Bench) -> None:
    bench.table.write_errors["CP-001"] = [ItemRefusedError()] * 2
    assert bench.process(queued("a", of("CP-001"))) == []
    (dead,) = bench.dead_letters.messages
    assert dead.attributes["reason"] == "item_refused"


def test_only_the_event_that_the_table_refuses_is_not_stored(bench: Bench, printed: Printed) -> None:
    # The first write is that of all together, the second that of the first event alone.
    bench.table.write_errors["CP-001"] = [ItemRefusedError(), ItemRefusedError()]
    assert bench.process(queued("a", of("CP-001", 1), of("CP-001", 2)), queued("b", of("CP-001", 3))) == []
    assert bench.stored_minute() == "08:03"
    (dead,) = bench.dead_letters.messages
    assert (dead.group, dead.attributes["badEventIndexes"]) == ("a", "0")
    assert printed.metric("EventsStored") == [([1, 1], None)]
    assert printed.metric("EventsDeadLettered") == [([1], "item_refused")]


@pytest.fixture
def fault_at_minute_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our code fail at each envelope of that minute, in a way that nobody foresaw."""

    def failing(envelope: TelemetryEnvelope) -> Sample:
        if envelope.timestamp[11:16] == "08:02":
            raise ZeroDivisionError
        return sample_of(envelope)

    monkeypatch.setattr("processor.storing.sample_of", failing)


@pytest.mark.usefixtures("fault_at_minute_2")
def test_a_fault_of_ours_is_tried_again_and_holds_back_only_what_follows_it(bench: Bench) -> None:
    messages = [queued(str(minute), of("CP-001", minute), receive_count=4) for minute in (1, 2, 3)]
    assert bench.process(*messages, queued("b", of("B"), group="B")) == ["2", "3"]
    assert bench.stored_minute("B") == "08:01"
    assert bench.dead_ids == []


@pytest.mark.usefixtures("fault_at_minute_2")
def test_a_fault_of_ours_is_counted_for_the_version_that_made_it(
    bench: Bench, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As Lambda tells it.
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_VERSION", "12")
    bench.process(queued("1", of("CP-001", 1)), queued("newer", group="B", body='{"version": 2}'))
    assert printed.metric("UnforeseenErrors") == []
    bench.process(queued("2", of("CP-001", 2)))
    counted = [line for line in printed.lines if "UnforeseenErrors" in line]
    (dimensions,) = {
        tuple(sorted(names))
        for line in counted
        for each in line["_aws"]["CloudWatchMetrics"]
        for names in each["Dimensions"]
    }
    assert dimensions == ("service", "stage", "version")
    assert {line["version"] for line in counted} == {"12"}


@pytest.mark.usefixtures("fault_at_minute_2")
def test_a_fault_of_ours_that_comes_back_a_fifth_time_goes_to_the_dlq(bench: Bench) -> None:
    assert bench.process(queued("a", of("CP-001", 1), of("CP-001", 2), of("CP-001", 3), receive_count=5)) == []
    assert bench.stored_minute() == "08:03"
    (dead,) = bench.dead_letters.messages
    assert dead.attributes["reason"] == "unexpected_fault"
    assert dead.attributes["badEventIndexes"] == "1"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (range(100), "0-99"),
        ([3], "3"),
        ([5, 0, 2, 1], "0-2,5"),
    ],
)
def test_bad_events_are_told_as_ranges(bad: Sequence[int], told: str) -> None:
    assert ranges(bad) == told


def test_more_bad_events_than_an_attribute_holds_are_cut_off_between_two_and_marked() -> None:
    told = ranges(range(0, 300, 2))
    assert len(told) <= 256
    assert told.endswith(",...")
    assert [int(each) for each in told.removesuffix(",...").split(",")] == list(range(0, 2 * told.count(","), 2))


@pytest.mark.parametrize(("spare", "kept"), [(0, 0), (30, 1), (400, 6)])
def test_a_dead_letter_is_never_greater_than_a_message_may_be(bench: Bench, spare: int, kept: int) -> None:
    bench.process(queued("a", body="ü" * ((1024 * 1024 - spare) // 2)))
    (dead,) = bench.dead_letters.messages
    assert len(dead.attributes) == kept


def test_a_message_of_newer_code_waits_with_all_that_follow_it(bench: Bench) -> None:
    newer = queued("a2", body='{"version": 2}')
    failed = bench.process(queued("a1", of("CP-001", 1)), newer, queued("a3", of("CP-001", 3)))
    assert failed == ["a2", "a3"]
    assert bench.stored_minute() == "08:01"
    assert bench.dead_ids == []


def test_a_redelivered_dead_letter_is_not_moved_twice(bench: Bench) -> None:
    bad = queued("a", body=json.dumps({"version": 1}))
    bench.process(bad)
    bench.process(replace(bad, first_seen_at="2026-11-23T08:15:00.000Z"))
    assert bench.dead_ids == ["a"]
