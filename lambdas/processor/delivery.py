"""A message on its way: opened, and moved to the DLQ where it can never be processed."""

from dataclasses import dataclass

from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import NewerMessageError, TelemetryError, UnreadableMessageError
from telemetry.fifo_queue import FifoQueue, OutgoingMessage
from telemetry.message import TelemetryMessage, decode

# Attributes count towards the size of a message.
LONGEST_INDEXES = 256


@dataclass(frozen=True, kw_only=True)
class QueuedMessage:
    """A message as the queue delivered it; `first_seen_at` is when it was sent, in UTC."""

    message_id: str
    group: str
    sequence_number: str
    first_seen_at: str
    body: str


@dataclass(frozen=True)
class Delivery:
    """A message with what could be read of it, and the first thing that is wrong with it."""

    queued: QueuedMessage
    content: TelemetryMessage | None
    error: TelemetryError | None

    @property
    def correlation_id(self) -> str | None:
        """The id of the request that sent it, where it can be read."""
        return self.content.correlation_id if self.content else None

    @property
    def envelopes(self) -> tuple[TelemetryEnvelope, ...]:
        """Its envelopes that keep the contract."""
        return tuple(self.content.envelopes) if self.content else ()

    @property
    def events(self) -> int:
        """How many events it is counted as."""
        return len(self.content.envelopes) + len(self.content.bad) if self.content else 1


def open_message(queued: QueuedMessage) -> Delivery:
    """Return the message with what its body holds."""
    try:
        content = decode(queued.body, queued.group)
    except (NewerMessageError, UnreadableMessageError) as error:
        return Delivery(queued, None, error)
    return Delivery(queued, content, next(iter(content.bad.values()), None))


def dead_letter(delivery: Delivery, error: TelemetryError, queue: FifoQueue) -> None:
    """Move the message to the DLQ as it is, with why it is there and where it came from.

    Raises:
        QueueUnavailableError: the DLQ did not take it.
    """
    queued = delivery.queued
    attributes = {
        "reason": error.reason,
        "errorClass": type(error).__name__,
        "sourceMessageGroupId": queued.group,
        "sourceSequenceNumber": queued.sequence_number,
        "sourceMessageId": queued.message_id,
        "firstSeenAt": queued.first_seen_at,
    }
    if delivery.correlation_id:
        attributes["correlationId"] = delivery.correlation_id
    if delivery.content and delivery.content.bad:
        attributes["badEventIndexes"] = ",".join(str(index) for index in delivery.content.bad)[:LONGEST_INDEXES]
    # The source's id as group lets the DLQ be read whole; as deduplication id it never meets a redriven message's.
    queue.send(
        OutgoingMessage(
            body=queued.body, group=queued.message_id, deduplication_id=queued.message_id, attributes=attributes
        )
    )
