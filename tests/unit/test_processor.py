"""What the processor keeps, and what it leaves to be delivered again."""

from collections.abc import Sequence
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.delivery import QueuedMessage
from processor.processing import Processor
from processor.storing import Store
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import ItemRefusedError, RevisionConflictError, TableUnavailableError
from telemetry.item import to_item
from telemetry.latest_table import Item
from tests.unit.conftest import Printed
from tests.unit.processor_bench import PLENTY, RETENTION, Bench, of, queued, without_rules
from tests.unit.strategies import NOW, envelopes
from tests.unit.test_merge import envelope, merge_all


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


def test_no_call_is_begun_that_might_not_end_in_time(bench: Bench) -> None:
    bench.seconds_left = 6.9
    assert bench.process(queued("a", of("CP-001")), queued("b", body="not a message", group="B")) == ["a", "b"]
    assert bench.table.writes == []
    assert bench.dead_ids == []
    assert bench.queue.changes == []


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


def in_order_per_charger(batch: Sequence[QueuedMessage], failed: set[str]) -> bool:
    """Tell whether all that follows a failed message of a charger has failed, too."""
    of_charger: dict[str, list[bool]] = {}
    for each in batch:
        of_charger.setdefault(each.group, []).append(each.message_id in failed)
    return all(outcomes == sorted(outcomes) for outcomes in of_charger.values())


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
