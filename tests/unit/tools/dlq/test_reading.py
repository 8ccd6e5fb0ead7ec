"""The DLQ is read whole, and given back."""

import pytest
from botocore.exceptions import ConnectTimeoutError

from tests.unit.tools.dlq.fakes import InMemoryDeadLetters, World, moved_by_sqs, moved_by_the_processor
from tools.dlq import reading
from tools.dlq.queues import HOLD_SECONDS, DeadLetter
from tools.dlq.reading import Held
from tools.progress import Progress


class Bench:
    """A DLQ with these messages."""

    def __init__(self, *messages: DeadLetter) -> None:
        self.world = World()
        self.dead_letters = InMemoryDeadLetters(self.world, list(messages))

    def held(self) -> Held:
        return Held(self.dead_letters, Progress(clock=self.world.clock), self.world.clock)

    def read(self) -> list[str]:
        with self.held() as held:
            return [each.body for each in held.read()]


def test_every_message_is_read_once_and_is_to_be_seen_afterwards() -> None:
    bench = Bench(*map(moved_by_the_processor, range(35)))
    assert bench.read() == list(map(str, range(35)))
    assert bench.dead_letters.counts().waiting == 35
    assert len(bench.read()) == 35


def read_until(body: str, held: Held) -> None:
    with held:
        for message in held.read():
            if message.body == body:
                raise KeyboardInterrupt


def test_messages_are_given_back_when_reading_is_interrupted_between_two_of_a_receive() -> None:
    bench = Bench(*map(moved_by_the_processor, range(35)))
    with pytest.raises(KeyboardInterrupt):
        read_until("12", bench.held())
    assert bench.dead_letters.counts().waiting == 35


def test_what_can_not_be_given_back_for_want_of_an_answer_does_not_hide_what_was_read() -> None:
    bench = Bench(*map(moved_by_the_processor, range(3)))
    with bench.held() as held:
        assert len(list(held.read())) == 3
        bench.world.dies_at = bench.world.calls + 1
        bench.world.interrupt = ConnectTimeoutError(endpoint_url="https://sqs.example")
    bench.world.dies_at = None
    assert bench.dead_letters.counts().held == 3
    bench.world.sleep(HOLD_SECONDS)
    assert bench.dead_letters.counts().held == 0


def test_a_group_that_a_full_receive_brought_may_hide_more() -> None:
    bench = Bench(*map(moved_by_sqs, range(7)), *(moved_by_sqs(each, "CP-2") for each in range(7, 12)))
    with bench.held() as held:
        assert len(list(held.read())) == 10
        assert held.hiding == {"CP-1", "CP-2"}
        assert bench.dead_letters.counts().waiting == 2


def test_only_a_message_in_a_group_of_its_own_hides_nothing_for_certain() -> None:
    bench = Bench(*map(moved_by_the_processor, range(20, 22)))
    with bench.held() as held:
        assert (len(list(held.read())), held.hiding) == (2, frozenset())
    bench = Bench(*map(moved_by_sqs, range(7)), *map(moved_by_the_processor, range(20, 22)))
    with bench.held() as held:
        assert (len(list(held.read())), held.hiding) == (9, frozenset({"CP-1"}))


def test_no_more_are_read_than_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_HELD", 20)
    bench = Bench(*map(moved_by_the_processor, range(35)))
    with bench.held() as held:
        assert (len(list(held.read())), held.is_full) == (20, True)


def test_reading_that_takes_minutes_tells_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench(*map(moved_by_the_processor, range(100)))
    with bench.held() as held:
        for _ in held.read():
            bench.world.sleep(1)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "  20 messages of the DLQ read"
    assert 5 < len(told) < 20
