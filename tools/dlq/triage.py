"""What today's code would do with a message of the DLQ: the processor's own, on a table that is only read."""

import math
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from processor.delivery import LAST_RECEIVE_OF_A_FAULT, Delivery, QueuedMessage, open_message
from processor.storing import Outcome, Store
from telemetry.attribute_values import to_attributes
from telemetry.errors import InvalidEventError, TableUnavailableError, TelemetryError
from telemetry.latest_table import Item, LatestTelemetryTable, Reading
from tools.dlq.queues import DeadLetter

UNKNOWN_CHARGER = "its charger is not known: beside this body its attributes had no room"
# Of an error that is not of an event.
WHOLE_MESSAGE = -1


@dataclass(frozen=True)
class Verdict:
    """What would become of a message.

    Attributes:
        passes: whether it would be processed.
        summary: what would become of it, on one line.
        details: all that stands against it, a line each.
        holds_up: whether the later messages of its charger have to wait for it, since it may pass another time.
    """

    passes: bool
    summary: str
    details: tuple[str, ...] = ()
    holds_up: bool = False


Judge = Callable[[DeadLetter], Verdict]


@dataclass(frozen=True)
class ReadOnlyTable:
    """A table that takes every item and stores none.

    So it does not tell what DynamoDB alone would refuse; the largest item that the contract allows is none of that.
    """

    table: LatestTelemetryTable

    def read(self, charger_ids: Collection[str]) -> Reading:
        """Read what is stored."""
        return self.table.read(charger_ids)

    def write(self, item: Item, replaced_revision: int) -> None:
        """Write the item as DynamoDB would be sent it, to nowhere."""
        del replaced_revision
        to_attributes(item)


@dataclass(frozen=True)
class Triage:
    """Judges messages by the code of this checkout.

    Attributes:
        store: what the processor keeps telemetry with, on a `ReadOnlyTable`.
    """

    store: Store

    def judge(self, message: DeadLetter) -> Verdict:
        """Return what would become of the message, were it on the queue now."""
        if message.charger is None:
            return Verdict(passes=False, summary=UNKNOWN_CHARGER)
        delivery = open_message(_queued(message, message.charger))
        errors = dict(self._errors(delivery))
        if not errors:
            return Verdict(passes=True, summary="would pass now")
        # What may pass is tried again, whatever else there is.
        first = max(errors.values(), key=lambda error: error.retryable)
        would = "would be tried again and again" if first.retryable else "would be dead-lettered again"
        details = tuple(line for index, error in errors.items() for line in _told(index, error))
        return Verdict(passes=False, summary=f"{would}: {first.reason}", details=details, holds_up=first.retryable)

    def _errors(self, delivery: Delivery) -> Iterator[tuple[int, TelemetryError]]:
        """Yield what is wrong with each event, or with the message, as the processor would find it."""
        if delivery.error and (delivery.content is None or delivery.error.retryable):
            yield WHOLE_MESSAGE, delivery.error
            return
        if delivery.content:
            yield from delivery.content.bad.items()
        if delivery.envelopes:
            outcome = self._stored(delivery)
            for index, envelope in delivery.indexed_envelopes():
                if envelope.order in outcome.errors:
                    yield index, outcome.errors[envelope.order]

    def _stored(self, delivery: Delivery) -> Outcome:
        charger = delivery.queued.group
        try:
            reading = self.store.table.read([charger])
        except TableUnavailableError as error:
            reading = Reading({}, {charger: error})
        return self.store.store([delivery], reading, lambda: math.inf)


def take_as_given(message: DeadLetter) -> Verdict:
    """Return that the message would pass, for who knows better; but without its charger it can't be sent."""
    known = message.charger is not None
    return Verdict(passes=known, summary="would be redriven" if known else UNKNOWN_CHARGER)


def _queued(message: DeadLetter, charger: str) -> QueuedMessage:
    """Return the message as the queue would deliver it for the last time before a fault is for good."""
    return QueuedMessage(
        message_id=message.message_id,
        receipt_handle=message.receipt_handle,
        group=charger,
        sequence_number=message.sequence_number,
        first_seen_at=message.sent_at.isoformat(),
        receive_count=LAST_RECEIVE_OF_A_FAULT,
        body=message.body,
    )


def _told(index: int, error: TelemetryError) -> Iterator[str]:
    """Yield what an error says, and of which event."""
    of = "" if index == WHOLE_MESSAGE else f"event {index}: "
    if isinstance(error, InvalidEventError):
        yield from (f"{of}{problem.pointer or 'the event'} {problem.detail}" for problem in error.problems)
        return
    cause = error.__cause__
    yield f"{of}{error}" + (f" ({_cause(cause)})" if cause else "")


def _cause(cause: BaseException) -> str:
    """Return what an error came from; of what nothing of ours raises, also where."""
    if isinstance(cause, TelemetryError | BotoCoreError | ClientError):
        return str(cause)
    frame = traceback.extract_tb(cause.__traceback__)[-1]
    return f"{type(cause).__name__}: {cause}, at {frame.filename}:{frame.lineno}"
