"""What failed comes back soon: 1 s after its first failure, then later and later, and its charger with it."""

from collections.abc import Mapping, Sequence

import pytest

from processor.redelivery import back_off_seconds
from telemetry.errors import QueueUnavailableError, TableUnavailableError
from tests.unit.conftest import Printed
from tests.unit.processor_bench import VISIBILITY_TIMEOUT, Bench, of, queued


@pytest.fixture
def bench(printed: Printed) -> Bench:
    """A bench at which no charger can be stored but charger `GOOD`."""
    assert printed
    bench = Bench()
    bench.table.write_errors = {charger: [TableUnavailableError()] * 9 for charger in ("A", "B")}
    return bench


def test_the_back_off_begins_with_a_second_and_doubles_to_a_minute() -> None:
    waits = [back_off_seconds(receive_count) for receive_count in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert back_off_seconds(1000) == 60


@pytest.mark.parametrize(("receive_count", "seconds"), [(1, 1), (4, 8), (90, 60)])
def test_a_message_that_failed_waits_by_how_often_it_was_received(
    bench: Bench, printed: Printed, receive_count: int, seconds: int
) -> None:
    assert bench.process(queued("a", of("A"), group="A", receive_count=receive_count)) == ["a"]
    assert bench.seconds_in_flight == {"a": seconds}
    assert [line["receives"] for line in printed.logs if "receives" in line] == [receive_count]


def test_all_messages_of_a_charger_wait_as_long_as_the_first_of_them(bench: Bench) -> None:
    messages = [
        queued("a1", of("A", 1), group="A", receive_count=3),
        queued("b1", of("B", 1), group="B", receive_count=2),
        queued("a2", of("A", 2), group="A", receive_count=7),
        queued("a3", of("A", 3), group="A", receive_count=1),
    ]
    assert bench.process(*messages) == ["a1", "a2", "a3", "b1"]
    assert bench.seconds_in_flight == {"a1": 4, "a2": 4, "a3": 4, "b1": 2}


def test_of_a_charger_the_first_that_failed_counts_and_not_those_before_it(bench: Bench) -> None:
    newer = queued("g2", group="GOOD", body='{"version": 2}', receive_count=3)
    assert bench.process(queued("g1", of("GOOD"), group="GOOD", receive_count=6), newer) == ["g2"]
    assert bench.seconds_in_flight == {"g1": VISIBILITY_TIMEOUT, "g2": 4}


def test_all_that_failed_is_told_to_the_queue_in_one_request(bench: Bench) -> None:
    bench.process(
        queued("a", of("A"), group="A"), queued("g", of("GOOD"), group="GOOD"), queued("b", of("B"), group="B")
    )
    assert bench.queue.changes == [2]


def test_where_nothing_failed_the_queue_is_told_nothing(bench: Bench) -> None:
    bench.process(queued("g", of("GOOD"), group="GOOD"), queued("poison", body="not a message", group="A"))
    assert bench.dead_ids == ["poison"]
    assert bench.queue.changes == []


TOLD = "delivered again only after the queue's visibility timeout"


def told(printed: Printed) -> list[tuple[list[str], list[str]]]:
    return [(line["messageIds"], line["reasons"]) for line in printed.logs if line["message"] == TOLD]


def test_a_queue_that_does_not_answer_is_told_of_and_costs_nothing_else(bench: Bench, printed: Printed) -> None:
    bench.queue.available = False
    batch = [queued("a", of("A"), group="A"), queued("g", of("GOOD"), group="GOOD"), queued("b", of("B"), group="B")]
    assert bench.process(*batch) == ["a", "b"]
    assert set(bench.seconds_in_flight.values()) == {VISIBILITY_TIMEOUT}
    assert bench.stored_minute("GOOD") == "08:01"
    assert told(printed) == [(["a", "b"], ["queue_unavailable"])]


def test_a_message_that_is_in_flight_no_more_is_told_of_and_the_others_come_back_soon(
    bench: Bench, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = bench.queue.change_visibility

    def change_late(seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        bench.queue.delete("receipt of a")
        return change(seconds_of)

    monkeypatch.setattr(bench.queue, "change_visibility", change_late)
    assert bench.process(queued("a", of("A"), group="A"), queued("b", of("B"), group="B")) == ["a", "b"]
    assert bench.seconds_in_flight == {"b": 1}
    assert told(printed) == [(["a"], ["queue_unavailable"])]


def test_with_too_little_time_left_for_it_the_queue_is_not_called(bench: Bench, printed: Printed) -> None:
    bench.seconds_left = 6.9
    assert bench.process(queued("a", of("A"), group="A")) == ["a"]
    assert bench.queue.changes == []
    assert told(printed) == [(["a"], ["out_of_time"])]


def test_the_queue_is_told_when_all_else_is_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """From then on another invocation may get the messages, which must not find this one still at work."""
    change, seen = bench.queue.change_visibility, list[tuple[Sequence[str], str]]()

    def change_and_look(seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        seen.append((bench.dead_ids, bench.stored_minute("GOOD")))
        return change(seconds_of)

    monkeypatch.setattr(bench.queue, "change_visibility", change_and_look)
    bench.process(
        queued("a", of("A"), group="A"),
        queued("g", of("GOOD"), group="GOOD"),
        queued("poison", body="not a message", group="LAST"),
    )
    assert seen == [(["poison"], "08:01")]


@pytest.mark.parametrize("receive_count", [1, 4])
def test_a_fault_of_ours_at_reading_the_batch_holds_back_only_the_charger_at_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, receive_count: int
) -> None:
    fail_at(bench, monkeypatch, "A")
    batch = [queued("a", of("A"), group="A", receive_count=receive_count), queued("g", of("GOOD"), group="GOOD")]
    assert bench.process(*batch) == ["a"]
    assert bench.stored_minute("GOOD") == "08:01"
    assert bench.dead_ids == []


def test_a_fault_of_ours_at_reading_a_charger_that_comes_back_a_fifth_time_goes_to_the_dlq(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(bench, monkeypatch, "A")
    assert bench.process(queued("a", of("A"), group="A", receive_count=5)) == []
    (dead,) = bench.dead_letters.messages
    assert (dead.attributes["reason"], dead.attributes["badEventIndexes"]) == ("unexpected_fault", "0")


def fail_at(bench: Bench, monkeypatch: pytest.MonkeyPatch, charger_id: str) -> None:
    """Let our code fail at each reading that this charger is part of, in a way that nobody foresaw."""
    read = bench.table.read

    def failing(charger_ids: set[str]) -> object:
        if charger_id in charger_ids:
            raise ZeroDivisionError
        return read(charger_ids)

    monkeypatch.setattr(bench.table, "read", failing)
