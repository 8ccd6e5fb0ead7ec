"""The queue and the table in memory; `test_ports.py` holds them to what SQS and DynamoDB do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from telemetry.errors import QueueUnavailableError, RevisionConflictError, TableUnavailableError, TelemetryError
from telemetry.fifo_queue import OutgoingMessage
from telemetry.item import NO_REVISION
from telemetry.latest_table import Item, Reading


@dataclass
class InMemoryQueue:
    """A FIFO queue that drops what it was sent before.

    Attributes:
        messages: what it holds.
        available: False makes it refuse everything.
        refuses: says which messages it does not take, besides.
        sends: how many messages each request brought.
    """

    messages: list[OutgoingMessage] = field(default_factory=list[OutgoingMessage])
    available: bool = True
    refuses: Callable[[OutgoingMessage], bool] = lambda _: False
    sends: list[int] = field(default_factory=list[int])

    def send(self, message: OutgoingMessage) -> None:
        for error in self.send_batch([message]).values():
            raise error

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Mapping[int, QueueUnavailableError]:
        self.sends.append(len(messages))
        refused: dict[int, QueueUnavailableError] = {}
        for index, message in enumerate(messages):
            if not self.available or self.refuses(message):
                refused[index] = QueueUnavailableError("the queue is switched off")
            elif (message.group, message.deduplication_id) not in {
                (each.group, each.deduplication_id) for each in self.messages
            }:
                self.messages.append(message)
        return refused


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
