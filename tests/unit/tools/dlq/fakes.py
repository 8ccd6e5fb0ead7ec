"""The DLQ and the queue in memory, with a clock of their own; `test_queues.py` holds them to what SQS does."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tools.dlq.queues import HOLD_SECONDS, LONG_POLL_SECONDS, MOST_IN_A_CALL, Counts, DeadLetter, Refused, Sent

DEDUPLICATION_SECONDS = 300
EXPIRED = "InvalidParameterValue: The receipt handle has expired"


class KilledError(BaseException):
    """The process was killed: nothing runs after that."""


@dataclass
class World:
    """Time, and what happens to the process.

    Attributes:
        now: in seconds.
        calls: how many calls were made.
        dies_at: the call in which the process is killed.
        dies_after: whether that call has still done what it was for.
        interrupt: raised in place of being killed: the process goes on.
        check: called after each call.
    """

    now: float = 0
    calls: int = 0
    dies_at: int | None = None
    dies_after: bool = False
    interrupt: BaseException | None = None
    check: Callable[[], None] = lambda: None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def before(self) -> None:
        self.now += 0.05
        self.calls += 1
        self._die(after=False)

    def after(self) -> None:
        self.check()
        self._die(after=True)

    def _die(self, *, after: bool) -> None:
        if self.dies_at is None:
            return
        if self.interrupt and self.calls == self.dies_at and after == self.dies_after:
            raise self.interrupt
        if not self.interrupt and (self.calls, after) >= (self.dies_at, self.dies_after):
            raise KilledError


@dataclass
class InMemoryDeadLetters:
    """A FIFO DLQ.

    Attributes:
        world: it is in.
        messages: what it holds, in the order in which it came.
        most_in_a_receive: SQS may give fewer than it is asked for.
    """

    world: World
    messages: list[DeadLetter] = field(default_factory=list[DeadLetter])
    refuses_to_delete: Callable[[DeadLetter], bool] = lambda _: False
    most_in_a_receive: int = MOST_IN_A_CALL
    _handle_of: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    _receives: int = 0

    def receive(self) -> Sequence[DeadLetter]:
        self.world.before()
        busy = {each.group for each in self.messages if self._is_held(each)}
        free = [each for each in self.messages if each.group not in busy][: self.most_in_a_receive]
        received: list[DeadLetter] = []
        for each in free:
            self._receives += 1
            handle = f"{each.message_id}#{self._receives}"
            self._handle_of[each.message_id] = handle, self.world.now + HOLD_SECONDS
            received.append(replace(each, receipt_handle=handle))
        self.world.now += 0 if received else LONG_POLL_SECONDS
        self.world.after()
        return received

    def hide(self, receipt_handles: Collection[str], seconds: int) -> Refused:
        if not receipt_handles:
            return {}
        self.world.before()
        late = {each: EXPIRED for each in receipt_handles if self._message_of(each) is None}
        for each in receipt_handles:
            if (message := self._message_of(each)) is not None:
                self._handle_of[message.message_id] = each, self.world.now + seconds
        self.world.after()
        return late

    def delete(self, receipt_handles: Collection[str]) -> Refused:
        assert 0 < len(receipt_handles) <= MOST_IN_A_CALL
        self.world.before()
        refused: dict[str, str] = {}
        for each in receipt_handles:
            message = self._message_of(each)
            if message is None or self.refuses_to_delete(message):
                refused[each] = EXPIRED
            else:
                self.messages = [other for other in self.messages if other.message_id != message.message_id]
        self.world.after()
        return refused

    def counts(self) -> Counts:
        self.world.before()
        held = sum(map(self._is_held, self.messages))
        self.world.after()
        return Counts(waiting=len(self.messages) - held, held=held)

    def _message_of(self, handle: str) -> DeadLetter | None:
        """Return the message that this is the newest handle of, while it is held."""
        held = (each for each in self.messages if self._is_held(each))
        return next((each for each in held if self._handle_of[each.message_id][0] == handle), None)

    def _is_held(self, message: DeadLetter) -> bool:
        return self._handle_of.get(message.message_id, ("", 0))[1] > self.world.now


@dataclass(frozen=True)
class QueuedAgain:
    """What the queue was sent."""

    group: str | None
    body: str
    message_id: str


@dataclass
class InMemoryQueue:
    """A FIFO queue.

    Attributes:
        world: it is in.
        messages: what it took, in order.
        refuses: says which messages it does not take.
    """

    world: World
    messages: list[QueuedAgain] = field(default_factory=list[QueuedAgain])
    refuses: Callable[[DeadLetter], bool] = lambda _: False
    _sent_at: dict[tuple[str | None, str], tuple[float, str]] = field(
        default_factory=dict[tuple[str | None, str], tuple[float, str]]
    )

    def send(self, messages: Sequence[DeadLetter]) -> Sent:
        assert 0 < len(messages) <= MOST_IN_A_CALL
        assert len({each.charger for each in messages}) == len(messages)
        self.world.before()
        queued: dict[str, str] = {}
        refused: dict[str, str] = {}
        for each in messages:
            if self.refuses(each):
                refused[each.message_id] = "InternalError: "
            else:
                queued[each.message_id] = self._take(each)
        self.world.after()
        return Sent(queued, refused)

    def _take(self, message: DeadLetter) -> str:
        key = message.charger, message.message_id
        sent_at, before = self._sent_at.get(key, (-DEDUPLICATION_SECONDS, ""))
        if sent_at + DEDUPLICATION_SECONDS > self.world.now:
            return before
        message_id = f"queued-{len(self.messages)}"
        self._sent_at[key] = self.world.now, message_id
        self.messages.append(QueuedAgain(message.charger, message.body, message_id))
        return message_id


def moved_by_the_processor(order: int, charger: str = "CP-1", **changes: object) -> DeadLetter:
    """Return a message as the processor moves it; its body is its order."""
    return replace(
        DeadLetter(
            message_id=f"{order:08x}-p",
            receipt_handle="",
            body=str(order),
            group=f"source-{order}",
            deduplication_id=f"source-{order}",
            sequence_number=str(10**20 - order),
            sent_at=datetime(2026, 11, 23, tzinfo=UTC),
            attributes={"sourceMessageGroupId": charger, "sourceSequenceNumber": str(order), "reason": "invalid"},
        ),
        **changes,
    )


def moved_by_sqs(order: int, charger: str = "CP-1") -> DeadLetter:
    """Return a message as SQS's own redrive policy moves it; its body is its order."""
    return replace(
        moved_by_the_processor(order),
        message_id=f"{order:08x}-s",
        group=charger,
        deduplication_id=f"{order:08x}-s",
        sequence_number=str(order),
        attributes={},
    )
