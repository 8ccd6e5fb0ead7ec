"""The queue and the table in memory; `test_ports.py` holds them to what SQS and DynamoDB do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from telemetry.errors import QueueUnavailableError, RevisionConflictError, TableUnavailableError, TelemetryError
from telemetry.fifo_queue import OutgoingMessage
from telemetry.item import NO_REVISION
from telemetry.latest_table import Item, Reading

DEDUPLICATION_SECONDS = 300
MOST_OF_A_BATCH = 10


@dataclass
class Kept:
    """A message on a queue, and how it was last received."""

    message: OutgoingMessage
    message_id: str
    sent_at: float
    receives: int = 0
    receipt_handle: str = ""
    visible_at: float = 0


@dataclass(frozen=True)
class Redrive:
    """Where a message goes that was received so often."""

    queue: "InMemoryQueue"
    most_receives: int


@dataclass
class InMemoryQueue:
    """A FIFO queue that drops what it was sent within the 5 minutes before.

    Attributes:
        messages: what it took, in order.
        kept: of these, what was not deleted, nor moved to the DLQ.
        available: False makes it refuse everything.
        refuses: says which messages it does not take, besides.
        unanswered: says which messages it takes without saying so.
        sends: how many messages each request brought.
        changes: how many visibility timeouts each request changed, or would have.
        clock: tells the time in seconds.
        visibility_timeout: how long a message is in flight, in seconds.
        redrive: None where messages may be received without end.
    """

    messages: list[OutgoingMessage] = field(default_factory=list[OutgoingMessage])
    kept: list[Kept] = field(default_factory=list[Kept])
    available: bool = True
    refuses: Callable[[OutgoingMessage], bool] = lambda _: False
    unanswered: Callable[[OutgoingMessage], bool] = lambda _: False
    sends: list[int] = field(default_factory=list[int])
    changes: list[int] = field(default_factory=list[int])
    clock: Callable[[], float] = lambda: 0
    visibility_timeout: float = 30
    redrive: Redrive | None = None
    _last_sent: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])

    def send(self, message: OutgoingMessage) -> None:
        for error in self.send_batch([message]).values():
            raise error

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Mapping[int, QueueUnavailableError]:
        self.sends.append(len(messages))
        refused: dict[int, QueueUnavailableError] = {}
        for index, message in enumerate(messages):
            if not self.available or self.refuses(message):
                refused[index] = QueueUnavailableError("the queue is switched off")
                continue
            deduplicated = (message.group, message.deduplication_id)
            if self.clock() - self._last_sent.get(deduplicated, -DEDUPLICATION_SECONDS) >= DEDUPLICATION_SECONDS:
                self._last_sent[deduplicated] = self.clock()
                self.keep(message)
            if self.unanswered(message):
                refused[index] = QueueUnavailableError("the queue does not say that it took the message")
        return refused

    def receive(self) -> list[Kept]:
        """Return up to 10 messages, as they are now; none of a group that has one in flight."""
        now = self.clock()
        blocked = {each.message.group for each in self.kept if each.visible_at > now}
        received: list[Kept] = []
        for each in [each for each in self.kept if each.message.group not in blocked]:
            if self.redrive and each.receives >= self.redrive.most_receives:
                self.kept.remove(each)
                self.redrive.queue.keep(each.message)
            elif len(received) < MOST_OF_A_BATCH:
                each.receives += 1
                each.receipt_handle = f"{each.message_id} for the {each.receives}. time"
                each.visible_at = now + self.visibility_timeout
                received.append(replace(each))
        return received

    def delete(self, receipt_handle: str) -> None:
        """Delete a message that is in flight, by the handle that it was last received with."""
        self.kept = [each for each in self.kept if not self._in_flight(each, receipt_handle)]

    def change_visibility(self, seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        self.changes.append(len(seconds_of))
        unknown = dict.fromkeys(seconds_of, QueueUnavailableError("the queue knows no such message in flight"))
        if not self.available or not 1 <= len(seconds_of) <= MOST_OF_A_BATCH:
            return unknown
        for receipt_handle, seconds in seconds_of.items():
            for each in self.kept:
                if self._in_flight(each, receipt_handle):
                    each.visible_at = self.clock() + seconds
                    del unknown[receipt_handle]
        return unknown

    def keep(self, message: OutgoingMessage) -> None:
        """Put a message on the queue."""
        self.messages.append(message)
        self.kept.append(Kept(message, f"message-{len(self.messages)}", self.clock()))

    def _in_flight(self, kept: Kept, receipt_handle: str) -> bool:
        return kept.receipt_handle == receipt_handle and kept.visible_at > self.clock()


@dataclass
class InMemoryTable:
    """A table whose failures a test sets.

    Attributes:
        items: what is stored.
        available: False makes it answer nothing.
        unread: chargers that it does not look up for now.
        write_errors: raised in place of a charger's next writes.
        reads: what each read asked for.
        writes: what was written, in order.
    """

    items: dict[str, Item] = field(default_factory=dict[str, Item])
    available: bool = True
    unread: frozenset[str] = frozenset()
    write_errors: dict[str, list[TelemetryError]] = field(default_factory=dict[str, list[TelemetryError]])
    reads: list[set[str]] = field(default_factory=list[set[str]])
    writes: list[Item] = field(default_factory=list[Item])

    def read(self, charger_ids: Collection[str]) -> Reading:
        if not self.available:
            raise TableUnavailableError("the table is switched off")
        self.reads.append(set(charger_ids))
        asked = set(charger_ids) - self.unread
        found = {charger_id: deepcopy(self.items[charger_id]) for charger_id in asked if charger_id in self.items}
        busy = TableUnavailableError("the table is busy")
        return Reading(found, dict.fromkeys(self.unread & set(charger_ids), busy))

    def write(self, item: Item, replaced_revision: int) -> None:
        charger_id = str(item["chargerId"])
        if self.write_errors.get(charger_id):
            raise self.write_errors[charger_id].pop(0)
        if self.items.get(charger_id, {}).get("revision", NO_REVISION) != replaced_revision:
            raise RevisionConflictError("the item changed since it was read")
        self.items[charger_id] = deepcopy(item)
        self.writes.append(item)
