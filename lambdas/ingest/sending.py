"""Envelopes go to the queue, in order for each charger and within the time that the function has."""

from collections.abc import Callable, Mapping, Sequence

from ingest.packing import PackedMessage, pack, plan_sends
from telemetry.aws_clients import LONGEST_CALL_SECONDS
from telemetry.envelope import SealedEvent, ids_of
from telemetry.errors import OutOfTimeError, TelemetryError
from telemetry.fifo_queue import FifoQueue
from telemetry.observability import cause_of, count, logger


def enqueue(
    envelopes: Mapping[int, SealedEvent],
    correlation_id: str,
    queue: FifoQueue,
    seconds_left: Callable[[], float],
) -> Mapping[int, TelemetryError]:
    """Put envelopes on the queue; return those that are not known to be there, by index, each with why.

    When a message fails, later ones of its charger are not sent, so that sending their events again keeps the order.

    Args:
        envelopes: by their index in the request, in the order sent.
        correlation_id: of the request.
        queue: where they go.
        seconds_left: tells how long this may still take; what does not fit in is not sent.
    """
    error_of: dict[str, TelemetryError] = {}
    refused: dict[int, TelemetryError] = {}
    for send in plan_sends(pack(envelopes, correlation_id)):
        due = [each for each in send if each.outgoing.group not in error_of]
        if due:
            error_of |= _send(due, queue, seconds_left)
        for each in send:
            if each.outgoing.group in error_of:
                refused |= dict.fromkeys(each.indexes, error_of[each.outgoing.group])
    if refused:
        reasons = sorted({error.reason for error in refused.values()})
        causes = sorted({cause for error in refused.values() if (cause := cause_of(error))})
        not_queued = [envelopes[index] for index in sorted(refused)]
        logger.error("events not queued", reasons=reasons, causes=causes, extra=ids_of(not_queued))
    return refused


def _send(
    messages: Sequence[PackedMessage], queue: FifoQueue, seconds_left: Callable[[], float]
) -> dict[str, TelemetryError]:
    """Send messages, each of another charger; return the chargers whose message failed, each with why."""
    errors: Mapping[int, TelemetryError]
    if seconds_left() < LONGEST_CALL_SECONDS:
        errors = dict.fromkeys(range(len(messages)), OutOfTimeError("too little time was left: send it again"))
    else:
        errors = queue.send_batch([each.outgoing for each in messages])
    if errors:
        count("SendsRefused", 1)
    return {messages[index].outgoing.group: error for index, error in errors.items()}
