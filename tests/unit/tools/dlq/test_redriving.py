"""Back to the queue: all of it, in order, once in effect, whatever happens to the one who does it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tools.dlq.fakes import (
    InMemoryDeadLetters,
    InMemoryQueue,
    KilledError,
    World,
    moved_by_sqs,
    moved_by_the_processor,
)
from tools.command_line import CommandError
from tools.dlq import reading, redriving
from tools.dlq.queues import HOLD_SECONDS, DeadLetter
from tools.dlq.reading import LONGEST_WAIT_SECONDS, wait_for_others
from tools.dlq.redriving import Outcome, Redrive, Selection
from tools.dlq.triage import Judge, Verdict
from tools.progress import Progress

ALL = Selection()
MEBIBYTE = 1024 * 1024


def passes(_: DeadLetter) -> Verdict:
    return Verdict(passes=True, summary="would pass now")


def refusing(*bodies: str) -> Judge:
    """Return a judge to whom these bodies are poison."""
    return lambda message: Verdict(passes=message.body not in bodies, summary="poison")


class Bench:
    """A DLQ with these messages, and an empty queue."""

    def __init__(self, *messages: DeadLetter) -> None:
        self.world = World()
        self.dead_letters = InMemoryDeadLetters(self.world, list(messages))
        self.queue = InMemoryQueue(self.world)

    def run(self, selection: Selection = ALL, judge: Judge = passes) -> Outcome:
        progress = Progress(clock=self.world.clock)
        assert wait_for_others(self.dead_letters, progress, self.world.clock, self.world.sleep) == 0
        return Redrive(self.dead_letters, self.queue, selection, judge, progress, self.world.clock).run()

    def queued(self, charger: str = "CP-1") -> list[int]:
        """Return the orders of the charger's messages, as they stand on the queue."""
        return [int(each.body) for each in self.queue.messages if each.group == charger]

    @property
    def dead(self) -> list[int]:
        return sorted(int(each.body) for each in self.dead_letters.messages)


def test_the_messages_of_a_charger_go_in_the_order_in_which_they_were_first_sent() -> None:
    bench = Bench(*(moved_by_the_processor(order) for order in (3, 10, 9, 100, 1)))
    outcome = bench.run()
    assert bench.queued() == [1, 3, 9, 10, 100]
    assert (len(outcome.redriven), outcome.left, bench.dead) == (5, {}, [])


def test_messages_behind_the_first_ten_of_a_group_are_redriven_in_order_too() -> None:
    bench = Bench(*map(moved_by_sqs, range(25)))
    assert len(bench.run().redriven) == 25
    assert bench.queued() == list(range(25))


def test_what_the_processor_moved_waits_for_what_is_hidden_before_it() -> None:
    bench = Bench(moved_by_the_processor(12), *(moved_by_sqs(order) for order in range(25) if order != 12))
    bench.run()
    assert bench.queued() == list(range(25))


def test_a_charger_that_fails_stops_there_and_no_other_does() -> None:
    others = [moved_by_the_processor(order, "CP-2") for order in range(4, 8)]
    bench = Bench(*map(moved_by_the_processor, range(4)), *others)
    bench.queue.refuses = lambda message: message.body == "1"
    outcome = bench.run()
    assert (bench.queued(), bench.queued("CP-2")) == ([0], [4, 5, 6, 7])
    assert bench.dead == [1, 2, 3]
    assert len(outcome.left) == 3
    assert all("InternalError" in verdict.summary for _, verdict in outcome.left.values())


def test_a_message_that_can_not_be_deleted_is_the_last_of_its_charger() -> None:
    bench = Bench(*map(moved_by_the_processor, range(4)))
    bench.dead_letters.refuses_to_delete = lambda message: message.body == "1"
    outcome = bench.run()
    assert (bench.queued(), bench.dead) == ([0, 1], [1, 2, 3])
    assert all("still in the DLQ" in verdict.summary for _, verdict in outcome.left.values())
    bench.dead_letters.refuses_to_delete = lambda _: False
    bench.run()
    assert (bench.queued(), bench.dead) == ([0, 1, 2, 3], [])


def test_what_would_not_pass_stays_and_holds_nothing_up() -> None:
    bench = Bench(*map(moved_by_the_processor, range(4)))
    outcome = bench.run(judge=refusing("1"))
    assert (bench.queued(), bench.dead) == ([0, 2, 3], [1])
    assert [verdict.summary for _, verdict in outcome.left.values()] == ["poison"]


def test_what_is_hidden_behind_messages_that_stay_is_told() -> None:
    bench = Bench(*map(moved_by_sqs, range(12)))
    outcome = bench.run(judge=refusing(*map(str, range(10))))
    assert bench.queued() == []
    assert outcome.hiding == {"CP-1"}
    assert bench.run(judge=refusing("0")).hiding == {"CP-1"}
    assert bench.queued() == list(range(1, 12))


def test_where_sqs_gives_fewer_of_a_group_than_it_has_all_are_redriven() -> None:
    bench = Bench(*map(moved_by_sqs, range(15)))
    bench.dead_letters.most_in_a_receive = 7
    outcome = bench.run()
    assert (bench.queued(), bench.dead, len(outcome.redriven)) == (list(range(15)), [], 15)


def test_what_may_pass_another_time_holds_up_the_later_messages_of_its_charger_and_no_other() -> None:
    messages = [*map(moved_by_the_processor, range(4)), moved_by_the_processor(9, "CP-2")]
    for order in (messages, messages[::-1]):
        bench = Bench(*order)
        outcome = bench.run(
            judge=lambda message: Verdict(passes=message.body != "1", summary="busy", holds_up=message.body == "1")
        )
        assert (bench.queued(), bench.queued("CP-2")) == ([], [9])
        assert len(outcome.left) == 4
        bench.run()
        assert bench.queued() == [0, 1, 2, 3]


def test_after_the_machine_slept_what_is_no_longer_held_is_not_sent() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)), *(moved_by_the_processor(each, "CP-2") for each in (8, 9)))

    def sleep_in_the_first_send(message: DeadLetter) -> bool:
        bench.world.sleep(HOLD_SECONDS if message.body == "0" else 0)
        return False

    bench.queue.refuses = sleep_in_the_first_send
    outcome = bench.run()
    assert (bench.queued(), bench.queued("CP-2"), outcome.redriven) == ([0], [8], {})
    assert (bench.dead, len(outcome.left)) == ([0, 1, 2, 8, 9], 5)
    bench.queue.refuses = lambda _: False
    bench.run()
    assert (bench.queued(), bench.queued("CP-2"), bench.dead) == ([0, 1, 2], [8, 9], [])


def test_messages_that_were_lost_while_others_were_sent_are_not_sent() -> None:
    bench = Bench(*(moved_by_the_processor(order, f"CP-{order}") for order in range(12)))

    def sleep_in_the_first_send(_: DeadLetter) -> bool:
        bench.world.sleep(HOLD_SECONDS if not bench.queue.messages else 0)
        return False

    bench.queue.refuses = sleep_in_the_first_send
    outcome = bench.run()
    assert (len(bench.queue.messages), len(bench.dead), len(outcome.left)) == (10, 12, 12)
    bench.run()
    assert (len(bench.queue.messages), bench.dead) == (12, [])


def test_sending_that_takes_minutes_goes_on_holding_what_is_still_to_be_sent() -> None:
    bench = Bench(*map(moved_by_the_processor, range(60)))

    def slow(_: DeadLetter) -> bool:
        bench.world.sleep(2)
        return False

    bench.queue.refuses = slow
    assert bench.run().left == {}
    assert (bench.queued(), bench.dead) == (list(range(60)), [])


def test_a_message_that_is_to_be_seen_twice_is_sent_once() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)))

    def sleep_while_reading(message: DeadLetter) -> Verdict:
        bench.world.sleep(HOLD_SECONDS if message.body == "2" else 0)
        return passes(message)

    assert len(bench.run(judge=sleep_while_reading).redriven) == 3
    assert (bench.queued(), bench.dead) == ([0, 1, 2], [])


def test_work_that_takes_minutes_goes_on_holding_its_messages() -> None:
    bench = Bench(*map(moved_by_the_processor, range(200)))

    def slow(message: DeadLetter) -> Verdict:
        bench.world.sleep(1)
        return passes(message)

    assert bench.run(judge=slow).left == {}
    assert bench.queued() == list(range(200))


def test_a_charger_is_redriven_alone() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)), moved_by_the_processor(4, "CP-2"), moved_by_sqs(5, "CP-2"))
    bench.run(Selection(charger="CP-2"))
    assert (bench.queued(), bench.queued("CP-2"), bench.dead) == ([], [4, 5], [0, 1, 2])


def test_messages_are_redriven_by_the_beginnings_of_their_ids() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)))
    outcome = bench.run(Selection(ids=("00000001", "00000002-p", "00000009")))
    assert (bench.queued(), bench.dead, outcome.missing) == ([1, 2], [0], ["00000009"])


def test_an_id_that_may_mean_several_messages_moves_none() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)))
    with pytest.raises(CommandError, match="00000001-p"):
        bench.run(Selection(ids=("00000002", "0000")))
    assert (bench.queued(), bench.dead) == ([], [0, 1, 2])
    assert bench.dead_letters.counts().held == 0


def test_what_comes_back_while_the_rest_is_redriven_is_not_sent_again() -> None:
    bench = Bench(*map(moved_by_sqs, range(12)))

    def dead_letter_again() -> None:
        sent = next((each for each in bench.queue.messages if each.body == "0"), None)
        back = moved_by_the_processor(99, body="0", message_id="back", group="queued-0", deduplication_id="queued-0")
        if sent and all(each.message_id != "back" for each in bench.dead_letters.messages):
            bench.dead_letters.messages.append(back)

    bench.world.check = dead_letter_again
    outcome = bench.run()
    assert bench.queued() == list(range(12))
    assert [verdict for _, verdict in outcome.left.values()] == [redriving.CAME_BACK]


def test_a_send_is_no_longer_than_sqs_takes() -> None:
    sizes: list[int] = []
    bench = Bench(*(moved_by_the_processor(order, f"CP-{order}") for order in range(12)))
    bench.dead_letters.messages = [
        replace(each, body="é" * (MEBIBYTE // 6)) if int(each.body) % 2 else each
        for each in bench.dead_letters.messages
    ]

    def record(message: DeadLetter) -> bool:
        sizes.append(len(message.body.encode()))
        return False

    bench.queue.refuses = record
    before = bench.world.check
    sends: list[int] = []

    def total() -> None:
        before()
        if sizes:
            sends.append(sum(sizes))
            sizes.clear()

    bench.world.check = total
    assert len(bench.run().redriven) == 12
    assert max(sends) <= MEBIBYTE
    assert len(sends) < 6


def test_more_bodies_than_fit_in_memory_go_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redriving, "LARGEST_HELD_BYTES", 20)
    bench = Bench(*map(moved_by_the_processor, range(100)))
    in_memory: list[int] = []

    def judge(message: DeadLetter) -> Verdict:
        in_memory.append(message.order - len(bench.queue.messages))
        return passes(message)

    assert len(bench.run(judge=judge).redriven) == 100
    assert bench.queued() == list(range(100))
    assert max(in_memory) < 20


def test_more_messages_than_are_held_at_once_go_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_HELD", 30)
    bench = Bench(*map(moved_by_the_processor, range(100)))
    outcome = bench.run(judge=refusing("3", "4"))
    assert (len(outcome.redriven), bench.dead, outcome.is_cut) == (98, [3, 4], False)


def test_messages_that_stay_and_fill_what_is_held_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_HELD", 30)
    bench = Bench(*map(moved_by_the_processor, range(100)))
    outcome = bench.run(Selection(charger="CP-2"))
    assert (outcome.redriven, outcome.is_cut, len(bench.dead)) == ({}, True, 100)


def test_a_plan_tells_what_would_go_and_sends_nothing() -> None:
    bench = Bench(*map(moved_by_the_processor, range(4)))
    run = Redrive(
        bench.dead_letters, bench.queue, ALL, refusing("1"), Progress(clock=bench.world.clock), bench.world.clock
    )
    assert [each.message.order for each in run.plan()] == [0, 2, 3]
    assert (bench.queued(), bench.dead, bench.dead_letters.counts().held) == ([], [0, 1, 2, 3], 0)


@st.composite
def dead_letters(draw: st.DrawFn) -> list[DeadLetter]:
    """Messages of some chargers, by both ways into the DLQ, those of SQS in order and the others in any."""
    kinds = draw(st.lists(st.tuples(st.sampled_from(["CP-1", "CP-2", "CP-3"]), st.booleans()), max_size=30))
    messages = [
        moved_by_sqs(order, charger) if by_sqs else moved_by_the_processor(order, charger)
        for order, (charger, by_sqs) in enumerate(kinds)
    ]
    of_the_processor = [each for each in messages if each.is_in_its_own_group]
    shuffled: Iterator[DeadLetter] = iter(draw(st.permutations(of_the_processor)))
    return [next(shuffled) if each.is_in_its_own_group else each for each in messages]


def in_neither(bench: Bench, all_of_them: list[DeadLetter]) -> set[str]:
    kept = {each.body for each in bench.dead_letters.messages} | {each.body for each in bench.queue.messages}
    return {each.body for each in all_of_them} - kept


@given(
    messages=dead_letters(),
    deaths=st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=3),
    seconds_between=st.sampled_from([0, 10, 400]),
)
def test_whenever_it_is_killed_nothing_is_lost_and_the_next_run_finishes_in_order(
    messages: list[DeadLetter], deaths: list[tuple[int, bool]], seconds_between: int
) -> None:
    bench = Bench(*messages)

    def nothing_is_lost() -> None:
        assert not in_neither(bench, messages)

    bench.world.check = nothing_is_lost
    for calls, after in deaths:
        bench.world.dies_at, bench.world.dies_after = bench.world.calls + calls, after
        try:
            bench.run()
        except KilledError:
            bench.world.sleep(seconds_between)
        bench.world.dies_at = None
    outcome = bench.run()
    assert (outcome.left, bench.dead) == ({}, [])
    for charger in ("CP-1", "CP-2", "CP-3"):
        sent = [int(each.body) for each in messages if each.charger == charger]
        assert sorted(set(bench.queued(charger))) == sorted(sent)
        # One that was sent twice stands next to itself.
        assert bench.queued(charger) == sorted(bench.queued(charger))
    if seconds_between < 300:
        assert len(bench.queue.messages) == len(messages)


@given(messages=dead_letters(), calls=st.integers(1, 60))
def test_whenever_it_is_interrupted_all_messages_are_to_be_seen_again_at_once(
    messages: list[DeadLetter], calls: int
) -> None:
    bench = Bench(*messages)
    bench.world.dies_at, bench.world.interrupt = calls, KeyboardInterrupt()
    try:
        bench.run()
    except KeyboardInterrupt:
        assert not in_neither(bench, messages)
    bench.world.dies_at = None
    releasing = bench.world.calls == calls
    assert releasing or bench.dead_letters.counts().held == 0


def test_what_a_killed_run_held_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(*map(moved_by_the_processor, range(30)))
    bench.world.dies_at = 8
    with pytest.raises(KilledError):
        bench.run()
    bench.world.dies_at = None
    assert 0 < len(bench.dead) < 30
    began = bench.world.now
    bench.run()
    assert bench.queued() == list(range(30))
    assert HOLD_SECONDS / 2 < bench.world.now - began < LONGEST_WAIT_SECONDS
    assert "waiting for" in capsys.readouterr().err


def test_a_reader_that_never_ends_is_waited_for_only_so_long() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)))
    bench.dead_letters.receive()

    def pause_while_the_other_goes_on(seconds: float) -> None:
        bench.world.sleep(seconds)
        bench.dead_letters.hide(handles, HOLD_SECONDS)

    handles = [f"{each.message_id}#{at}" for at, each in enumerate(bench.dead_letters.messages, start=1)]
    progress = Progress(clock=bench.world.clock)
    clock: Callable[[], float] = bench.world.clock
    assert wait_for_others(bench.dead_letters, progress, clock, pause_while_the_other_goes_on) == 3
    assert bench.world.now < 2 * LONGEST_WAIT_SECONDS
