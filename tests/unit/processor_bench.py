"""A processor to try things on."""

from datetime import timedelta
from typing import Any

from processor.delivery import QueuedMessage
from processor.processing import Processor
from processor.storing import Store
from telemetry.envelope import TelemetryEnvelope
from telemetry.fifo_queue import OutgoingMessage
from tests.unit.fakes import InMemoryQueue, InMemoryTable, Kept
from tests.unit.strategies import NOW, body_of
from tests.unit.test_merge import envelope

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


def without_rules(item: dict[str, Any]) -> dict[str, Any]:
    """Return what the promise of newest wins is about: no findings, no memory of the rules, no revision."""
    outside = {"findings", "judged", "revision"}
    connectors = {number: without_rules(place) for number, place in item.get("connectors", {}).items()}
    return {name: value for name, value in item.items() if name not in outside} | {"connectors": connectors}
