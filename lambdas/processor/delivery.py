"""A message on its way: opened, and moved to the DLQ where it can never be processed."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import (
    LastingFaultError,
    NewerMessageError,
    PassingFaultError,
    TelemetryError,
    UnreadableMessageError,
)
from telemetry.fifo_queue import LARGEST_SEND_BYTES, FifoQueue, OutgoingMessage
from telemetry.message import TelemetryMessage, decode

# What nothing foresaw may pass; on this receive, 15 s after the first, it is given up.
LAST_RECEIVE_OF_A_FAULT = 5
LONGEST_INDEXES = 256
CUT = "..."


@dataclass(frozen=True, kw_only=True)
class QueuedMessage:
    """A message as the queue delivered it, not for the first time perhaps; it was sent at `first_seen_at`, in UTC."""

    message_id: str
    receipt_handle: str
    group: str
    sequence_number: str
    first_seen_at: str
    receive_count: int
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

    def indexed_envelopes(self) -> Iterator[tuple[int, TelemetryEnvelope]]:
        """Yield each envelope that keeps the contract with its index in the message."""
        bad = self.content.bad if self.content else {}
        good = (index for index in range(self.events) if index not in bad)
        return zip(good, self.envelopes, strict=bool(self.content))

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
    except Exception as error:  # noqa: BLE001 - the boundary round a message: a fault of ours stops no other
        return Delivery(queued, None, unforeseen(error, queued))
    return Delivery(queued, content, next(iter(content.bad.values()), None))


def unforeseen(cause: Exception, queued: QueuedMessage) -> TelemetryError:
    """Return the error of a message at which our code failed: it may pass, but not for ever."""
    fault = LastingFaultError if queued.receive_count >= LAST_RECEIVE_OF_A_FAULT else PassingFaultError
    error = fault("our code failed at it")
    error.__cause__ = cause
    return error


def dead_letter(delivery: Delivery, error: TelemetryError, bad: Collection[int], queue: FifoQueue) -> None:
    """Move the message to the DLQ as it is, with why it is there and where it came from.

    Args:
        delivery: the message.
        error: why it can never be processed.
        bad: the indexes of its events that were not stored.
        queue: the DLQ.

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
    if bad:
        attributes["badEventIndexes"] = ranges(bad)
    # The source's id as group lets the DLQ be read whole; as deduplication id it never meets a redriven message's.
    queue.send(
        OutgoingMessage(
            body=queued.body,
            group=queued.message_id,
            deduplication_id=queued.message_id,
            attributes=_as_many_as_fit(attributes, queued.body),
        )
    )


def ranges(indexes: Collection[int]) -> str:
    """Return indexes as `0-2,5`; what does not fit in 256 characters is cut off, and marked by `...`."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], index]
        else:
            runs.append([index])
    text = ",".join("-".join(map(str, run)) for run in runs)
    if len(text) <= LONGEST_INDEXES:
        return text
    return text[: text.rindex(",", 0, LONGEST_INDEXES - len(CUT)) + 1] + CUT


def _as_many_as_fit(attributes: Mapping[str, str], body: str) -> dict[str, str]:
    """Return the first attributes that a message of this body has room for.

    Ingest leaves that room; somebody else's message may be as great as SQS allows, and must not stay for that.
    """
    room = LARGEST_SEND_BYTES - len(body.encode())
    kept: dict[str, str] = {}
    for name, value in attributes.items():
        room -= len(name) + len("String") + len(value.encode())
        if room < 0:
            break
        kept[name] = value
    return kept
