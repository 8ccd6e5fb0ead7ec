import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.delivery import QueuedMessage, ranges
from processor.folding import Sample, sample_of
from processor.processing import Processor
from processor.storing import Store
from telemetry.envelope import TelemetryEnvelope, short_id
from telemetry.errors import ItemRefusedError, RevisionConflictError, TableUnavailableError
from telemetry.fifo_queue import OutgoingMessage
from telemetry.item import to_item
from telemetry.latest_table import Item
from tests.unit.conftest import NOW, Printed
from tests.unit.fakes import InMemoryQueue, InMemoryTable, Kept
from tests.unit.strategies import body_of, envelopes
from tests.unit.test_merge import envelope, merge_all

RETENTION = timedelta(days=30)
PLENTY = 20.0
VISIBILITY_TIMEOUT = 120.0


def queued(
    message_id: str, *each: TelemetryEnvelope, group: str = "CP-001", body: str | None = None, receive_count: int = 1
) -> QueuedMessage:
    return QueuedMessage(
        message_id=message_id,
        receipt_handle=f"receipt of {message_id}",
        group=group,
        sequence_number=f"1{message_id}",
        first_seen_at="2026-11-23T08:15:00.000Z",
        receive_count=receive_count,
        body=body_of(f"request-{message_id}", each) if body is None else body,
    )


def in_flight(each: QueuedMessage) -> Kept:
    outgoing = OutgoingMessage(body=each.body, group=each.group, deduplication_id=each.message_id)
    return Kept(outgoing, each.message_id, 0, each.receive_count, each.receipt_handle, VISIBILITY_TIMEOUT)


def of(charger_id: str, minute: int = 1) -> TelemetryEnvelope:
    return envelope(sampled=minute, ingested=minute).model_copy(update={"charger_id": charger_id})


class Bench:
    """A processor between a queue, a table and a DLQ in memory."""

    def __init__(self) -> None:
        self.queue = InMemoryQueue()
        self.table = InMemoryTable()
        self.dead_letters = InMemoryQueue()
        self.seconds_left = PLENTY
        self.seconds_a_write = 0.0

    def process(self, *messages: QueuedMessage) -> list[str]:
        self.queue.kept = [in_flight(each) for each in messages]
        store = Store(table=self.table, stage="test", retention=RETENTION, clock=lambda: NOW)
        processor = Processor(queue=self.queue, store=store, dead_letter_queue=self.dead_letters)
        return processor.process(messages, lambda: self.seconds_left - self.seconds_a_write * len(self.table.writes))

    @property
    def seconds_in_flight(self) -> dict[str, float]:
        """How long the queue holds each message of the last batch back."""
        return {each.message_id: each.visible_at for each in self.queue.kept}

    def stored_minute(self, charger_id: str = "CP-001") -> str:
        """Return when the newest sample was taken, or nothing."""
        return str(self.table.items.get(charger_id, {}).get("timestamp", ""))[11:16]

    @property
    def dead_ids(self) -> list[str]:
        return [each.group for each in self.dead_letters.messages]


@pytest.fixture
def bench(printed: Printed) -> Bench:
    assert printed
    return Bench()


def test_events_of_a_charger_in_one_batch_make_one_read_and_one_write(bench: Bench) -> None:
    sent = [queued(str(n), envelope(sampled=n, ingested=n), envelope(sampled=n, ingested=n, value=1)) for n in range(5)]
    assert bench.process(*sent) == []
    assert bench.table.reads == [{"CP-001"}]
    assert [item["revision"] for item in bench.table.writes] == [1]
    assert bench.stored_minute() == "08:04"


def test_chargers_of_one_batch_are_read_together(bench: Bench) -> None:
    bench.process(queued("a", of("CP-001")), queued("b", of("CP-002"), group="CP-002"))
    assert bench.table.reads == [{"CP-001", "CP-002"}]
    assert (bench.stored_minute("CP-001"), bench.stored_minute("CP-002")) == ("08:01", "08:01")


def test_an_older_event_never_replaces_a_newer_one(bench: Bench, printed: Printed) -> None:
    bench.process(queued("a", envelope(sampled=5, ingested=5)))
    assert bench.process(queued("b", envelope(sampled=3, ingested=5))) == []
    assert bench.stored_minute() == "08:05"
    assert printed.metric("EventsStale") == [([1], None)]


def test_an_event_that_is_delivered_again_is_not_stale(bench: Bench, printed: Printed) -> None:
    first = queued("a", envelope(sampled=5, ingested=5))
    bench.process(first)
    bench.process(first)
    assert printed.metric("EventsStale") == []


def test_what_changes_nothing_is_not_written(bench: Bench) -> None:
    first = queued("a", envelope(sampled=5, ingested=5))
    bench.process(first)
    bench.process(first)
    bench.process(queued("b", envelope(sampled=3, ingested=5)))
    assert len(bench.table.writes) == 1


def test_the_item_expires_when_the_stage_says(bench: Bench) -> None:
    bench.process(queued("a", envelope(sampled=5, ingested=5)))
    assert bench.table.items["CP-001"]["expiresAt"] == 1795421100 + 30 * 86400


def test_an_expired_item_is_replaced_even_by_an_older_sample(bench: Bench) -> None:
    forgotten = to_item(merge_all(None, [envelope(sampled=9, ingested=0)]), 7, timedelta(minutes=1))
    bench.table.items["CP-001"] = forgotten
    assert bench.process(queued("a", envelope(sampled=1, ingested=14))) == []
    assert bench.stored_minute() == "08:01"
    assert bench.table.items["CP-001"]["revision"] == 8


def test_another_writer_in_between_is_merged_with(bench: Bench) -> None:
    bench.table.write_errors["CP-001"] = [RevisionConflictError()]
    assert bench.process(queued("a", envelope(sampled=5, ingested=5))) == []
    assert bench.table.reads == [{"CP-001"}, {"CP-001"}]
    assert bench.stored_minute() == "08:05"


def test_conflicts_without_end_are_given_up_for_now(bench: Bench) -> None:
    bench.table.write_errors["CP-001"] = [RevisionConflictError() for _ in range(50)]
    assert bench.process(queued("a", envelope(sampled=5, ingested=5))) == ["a"]
    assert len(bench.table.write_errors["CP-001"]) == 45


@pytest.mark.parametrize("error", [TableUnavailableError(), KeyError("a fault of ours")])
def test_a_charger_whose_writes_fail_holds_back_no_other(bench: Bench, error: Any) -> None:  # noqa: ANN401 - any error
    bench.table.write_errors["CP-001"] = [error] * 9
    failed = bench.process(
        queued("a1", of("CP-001", 1)), queued("b1", of("CP-002"), group="CP-002"), queued("a2", of("CP-001", 2))
    )
    assert failed == ["a1", "a2"]
    assert bench.stored_minute("CP-002") == "08:01"
    assert bench.dead_ids == []


def test_a_table_that_does_not_answer_loses_nothing(bench: Bench, printed: Printed) -> None:
    bench.table.available = False
    assert bench.process(queued("a", of("CP-001"), of("CP-001", 2)), queued("b", of("B"), group="B")) == ["a", "b"]
    assert printed.metric("EventsFailed") == [([3], None)]
    assert bench.dead_ids == []


def test_a_charger_that_could_not_be_looked_up_is_not_written_over(bench: Bench) -> None:
    bench.table.unread = frozenset(["CP-001"])
    assert bench.process(queued("a", of("CP-001")), queued("b", of("CP-002"), group="CP-002")) == ["a"]
    assert bench.stored_minute("CP-001") == ""
    assert bench.stored_minute("CP-002") == "08:01"


def test_a_stored_item_that_cannot_be_read_holds_back_its_charger_alone(bench: Bench) -> None:
    bench.table.items["CP-001"] = {"chargerId": "CP-001", "revision": 1}
    assert bench.process(queued("a", of("CP-001")), queued("b", of("CP-002"), group="CP-002")) == ["a"]
    assert bench.table.items["CP-001"] == {"chargerId": "CP-001", "revision": 1}


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


def test_a_write_that_was_made_but_not_answered_makes_nothing_stale(bench: Bench, printed: Printed) -> None:
    write = bench.table.write

    def write_without_answer(item: Item, replaced_revision: int) -> None:
        write(item, replaced_revision)
        bench.table.write = write
        raise RevisionConflictError

    bench.table.write = write_without_answer
    assert bench.process(queued("a", of("CP-001", 1), of("CP-001", 2))) == []
    assert printed.metric("EventsStored") == [([2], None)]
    assert printed.metric("EventsStale") == []


def test_no_read_is_begun_again_that_might_not_end_in_time(bench: Bench) -> None:
    bench.table.write_errors["CP-001"] = [RevisionConflictError()]
    times = iter([PLENTY, 6.9, 6.9])
    store = Store(table=bench.table, stage="test", retention=RETENTION, clock=lambda: NOW)
    processor = Processor(queue=bench.queue, store=store, dead_letter_queue=bench.dead_letters)
    assert processor.process([queued("a", of("CP-001"))], lambda: next(times)) == ["a"]
    assert len(bench.table.reads) == 1


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


def test_no_call_is_begun_that_might_not_end_in_time(bench: Bench) -> None:
    bench.seconds_left = 6.9
    assert bench.process(queued("a", of("CP-001")), queued("b", body="not a message", group="B")) == ["a", "b"]
    assert bench.table.writes == []
    assert bench.dead_ids == []
    assert bench.queue.changes == []


def test_every_log_line_about_a_message_names_the_request_that_sent_it(bench: Bench, printed: Printed) -> None:
    bench.table.write_errors["CP-002"] = [TableUnavailableError()]
    bench.process(
        queued("a", of("CP-001", 1), of("CP-666")), queued("b", of("CP-002"), group="CP-002"), queued("c", of("CP-001"))
    )
    told = {(line["correlationId"], line["message"]) for line in printed.logs}
    assert told == {
        ("request-a", "dead-lettered"),
        ("request-a", "stored"),
        ("request-b", "to be delivered again"),
        ("request-c", "stored"),
    }


def test_of_a_message_what_was_stored_is_named_and_what_of_it_was_stale(bench: Bench, printed: Printed) -> None:
    bench.process(queued("a", envelope(sampled=3, ingested=3)))
    stale, refused, fresh = (envelope(sampled=minute, ingested=minute) for minute in (2, 4, 5))
    # The write of all together, then that of the first alone; the stale one changes nothing.
    bench.table.write_errors["CP-001"] = [ItemRefusedError(), ItemRefusedError()]
    bench.process(queued("b", fresh, refused, stale))
    dead, line = [each for each in printed.logs if each["correlationId"] == "request-b"]
    assert (dead["message"], line["message"]) == ("dead-lettered", "stored")
    assert dead["eventIds"] == [short_id(each.event_id) for each in (fresh, refused, stale)]
    assert line["eventIds"] == [short_id(each.event_id) for each in (fresh, stale)]
    assert line["staleEventIds"] == [short_id(stale.event_id)]


def test_an_event_that_breaks_the_contract_is_named_with_its_message(bench: Bench, printed: Printed) -> None:
    foreign, good = of("CP-666"), of("CP-001")
    bench.process(queued("a", foreign, good))
    told = {line["message"]: line["eventIds"] for line in printed.logs}
    of_foreign, of_good = short_id(foreign.event_id), short_id(good.event_id)
    assert told == {"dead-lettered": [of_foreign, of_good], "stored": [of_good]}


PRIVATE = "52.5163N-13.3777E"


def test_no_log_line_repeats_what_was_sent(bench: Bench, printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: TelemetryEnvelope) -> Sample:
        raise ValueError(PRIVATE)

    good = of("CP-001").as_json()
    bad = {
        "version": 1,
        "correlationId": "request-a",
        "envelopes": [{**good, "payload": PRIVATE}, {**good, "a": PRIVATE}],
    }
    bench.process(queued("a", body=json.dumps(bad)), queued("b", body=PRIVATE))
    monkeypatch.setattr("processor.storing.sample_of", failing)
    bench.process(queued("c", of("CP-001")))
    assert {line["message"] for line in printed.logs} >= {"dead-lettered", "to be delivered again"}
    assert PRIVATE not in printed.text
    (fault,) = [line for line in printed.logs if line["message"] == "to be delivered again"]
    assert "ValueError at " in fault["cause"]
    assert "test_processor.py" in fault["cause"]


def test_findings_are_counted_by_code_and_told_when_they_come_and_go(bench: Bench, printed: Printed) -> None:
    hot, cool = {"temp_c": 80}, {"temp_c": 20}
    bench.process(
        queued("a", envelope(sampled=1, ingested=1, payload=hot), envelope(sampled=2, ingested=2, payload=hot)),
        queued("b", envelope(sampled=3, ingested=3, payload=cool)),
    )
    counted = {line["code"]: line["Findings"] for line in printed.lines if "Findings" in line}
    assert counted == {"TEMPERATURE_HIGH": [2], "TEMPERATURE_CRITICAL": [2]}
    both = ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]
    told = [(line["appeared"], line["cleared"]) for line in printed.logs if line["message"] == "findings changed"]
    assert told == [(both, []), ([], both)]


def test_the_average_of_one_metric_is_the_share_of_judged_events_with_findings(bench: Bench, printed: Printed) -> None:
    newest = [envelope(sampled=n, ingested=n, payload={"temp_c": 80 if n > 2 else 20}) for n in range(1, 5)]
    bench.process(queued("a", *newest))
    stale, again = envelope(sampled=0, ingested=5, payload={"temp_c": 80}), newest[-1]
    bench.process(queued("b", stale, again))
    assert printed.metric("EventsWithFindings") == [([0, 0, 1, 1], None)]


def test_each_line_of_metrics_has_no_more_values_than_cloudwatch_takes(bench: Bench, printed: Printed) -> None:
    """It takes 100 of a metric in a line, and a batch of the queue can hold a thousand events."""
    many = [envelope(sampled=n, ingested=n) for n in range(250)]
    bench.process(queued("a", *many))
    values = [values for values, _ in printed.metric("EventsWithFindings")]
    assert sum(map(len, values)) == 250
    assert max(map(len, values)) <= 100
    assert sum(sum(values) for values, _ in printed.metric("EventsStored")) == 250


def test_values_of_unknown_units_are_counted(bench: Bench, printed: Printed) -> None:
    sampled = {"value": "1", "measurand": "Voltage", "unit": "furlong"}
    payload = {"meterValue": [{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": [sampled]}]}
    bench.process(queued("a", envelope(sampled=1, ingested=1, payload=payload)))
    assert printed.metric("UnknownUnits") == [([1], None)]


def test_chargers_wait_for_the_table_side_by_side(bench: Bench) -> None:
    """Each write waits until all three have begun: one after the other, none would ever end."""
    write, together = bench.table.write, Barrier(3)

    def write_together(item: Item, replaced_revision: int) -> None:
        together.wait(timeout=10)
        write(item, replaced_revision)

    bench.table.write = write_together
    assert bench.process(*(queued(charger, of(charger), group=charger) for charger in ("A", "B", "C"))) == []


def test_after_a_refusal_envelopes_are_still_judged_in_the_order_of_their_time(bench: Bench, printed: Printed) -> None:
    bench.table.write_errors["CP-001"] = [ItemRefusedError()]
    late_hot = envelope(sampled=1, ingested=2, payload={"temp_c": 80})
    bench.process(queued("a", envelope(sampled=2, ingested=1, payload={"temp_c": 20}), late_hot))
    assert printed.metric("EventsStale") == []
    assert {line["code"] for line in printed.lines if "Findings" in line} == {
        "TEMPERATURE_HIGH",
        "TEMPERATURE_CRITICAL",
    }


def test_the_time_from_ingest_to_stored_is_measured_for_each_message(bench: Bench, printed: Printed) -> None:
    bench.process(
        queued("a", envelope(sampled=1, ingested=15), envelope(sampled=2, ingested=15)),
        queued("b", envelope(sampled=3, ingested=14)),
    )
    assert printed.metric("IngestToStored") == [([30123.456, 90123.456], None)]


# How many messages are polled, for which chargers the table fails, and whether the function dies before it answers.
ROUNDS = st.lists(st.tuples(st.integers(1, 4), st.sets(st.sampled_from(["A", "B"])), st.booleans()), max_size=8)


@given(st.lists(envelopes("A") | envelopes("B"), min_size=1, max_size=8), ROUNDS)
def test_any_order_batching_failure_and_redelivery_ends_as_sorting_would(
    sent: list[TelemetryEnvelope], rounds: list[tuple[int, set[str], bool]]
) -> None:
    bench = Bench()
    waiting = [queued(str(n), each, group=each.charger_id) for n, each in enumerate(sent)]
    for size, failing, dies in [*rounds, (len(sent), set[str](), False)]:
        batch, rest = waiting[:size], waiting[size:]
        bench.table.write_errors = {charger: [TableUnavailableError()] for charger in failing}
        failed = set(bench.process(*batch))
        assert in_order_per_charger(batch, failed)
        waiting = [each for each in batch if dies or each.message_id in failed] + rest
    assert waiting == []
    for charger in {each.charger_id for each in sent}:
        sorted_item = to_item(merge_all(None, [each for each in sent if each.charger_id == charger]), 0, RETENTION)
        assert without_rules(bench.table.items[charger]) == without_rules(sorted_item)


def without_rules(item: dict[str, Any]) -> dict[str, Any]:
    """Return what the promise of newest wins is about: no findings, no memory of the rules, no revision."""
    outside = {"findings", "judged", "revision"}
    connectors = {number: without_rules(place) for number, place in item.get("connectors", {}).items()}
    return {name: value for name, value in item.items() if name not in outside} | {"connectors": connectors}


def in_order_per_charger(batch: Sequence[QueuedMessage], failed: set[str]) -> bool:
    """Tell whether all that follows a failed message of a charger has failed, too."""
    of_charger: dict[str, list[bool]] = {}
    for each in batch:
        of_charger.setdefault(each.group, []).append(each.message_id in failed)
    return all(outcomes == sorted(outcomes) for outcomes in of_charger.values())


def test_a_redelivered_dead_letter_is_not_moved_twice(bench: Bench) -> None:
    bad = queued("a", body=json.dumps({"version": 1}))
    bench.process(bad)
    bench.process(replace(bad, first_seen_at="2026-11-23T08:15:00.000Z"))
    assert bench.dead_ids == ["a"]


def long_message(message_id: str, charger_id: str, minute: int) -> QueuedMessage:
    """A message of which two are longer than one may be."""
    text = "x" * 60_000
    long = [
        of(charger_id, minute).model_copy(update={"payload": {"text": text}, "event_id": f"{number:064}"})
        for number in range(10)
    ]
    return queued(message_id, *long, group=charger_id)


def test_a_long_batch_is_processed_in_parts_and_what_does_not_fit_in_is_delivered_again(printed: Printed) -> None:
    bench = Bench()
    bench.seconds_a_write = 3.05
    batch = [long_message(f"{charger_id}1", charger_id, 1) for charger_id in "ABCD"]
    assert bench.process(*batch, queued("B2", of("B", 2), group="B")) == ["C1", "D1", "B2"]
    assert [bench.stored_minute(charger_id) for charger_id in "ABCD"] == ["08:01", "08:01", "", ""]
    (late,) = {line["reason"] for line in printed.logs if line["message"] == "to be delivered again"}
    assert late == "out_of_time"


def test_however_little_time_is_left_the_first_part_of_a_long_batch_is_processed() -> None:
    bench = Bench()
    bench.seconds_left = 7.5
    assert bench.process(long_message("A1", "A", 1), long_message("B1", "B", 1)) == ["B1"]
    assert bench.stored_minute("A") == "08:01"


def test_once_a_charger_failed_none_of_its_messages_in_later_parts_is_processed() -> None:
    bench = Bench()
    bench.table.write_errors = {"A": [TableUnavailableError("once")]}
    batch = [long_message("A1", "A", 1), long_message("B1", "B", 1), queued("A2", of("A", 2), group="A")]
    assert bench.process(*batch) == ["A1", "A2"]
    assert (bench.stored_minute("A"), bench.stored_minute("B")) == ("", "08:01")


def test_a_batch_that_is_short_enough_is_one_part() -> None:
    bench = Bench()
    bench.process(*(queued(charger_id, of(charger_id), group=charger_id) for charger_id in "ABCDEFGHIJ"))
    assert bench.table.reads == [set("ABCDEFGHIJ")]
