"""When the queue delivers again what failed: soon at first, then less often."""

from collections.abc import Callable, Mapping, Sequence

from processor.delivery import QueuedMessage
from telemetry.aws_clients import LONGEST_CALL_SECONDS
from telemetry.errors import OutOfTimeError, TelemetryError
from telemetry.fifo_queue import ConsumedQueue
from telemetry.observability import cause_of, logger

FIRST_BACK_OFF_SECONDS = 1
LONGEST_BACK_OFF_SECONDS = 60


def back_off_seconds(receive_count: int) -> int:
    """Return how long a message waits that failed at so many receives, 1 or more: 1 s, doubling to 60 s."""
    return min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2 ** (receive_count - 1))


def deliver_again_soon(
    failed: Sequence[Sequence[QueuedMessage]], queue: ConsumedQueue, seconds_left: Callable[[], float]
) -> None:
    """Let the queue deliver messages again before their visibility timeout ends; what it refuses waits for that.

    It is the last thing to do for a batch: from then on, the queue may give its messages to another.

    Args:
        failed: of each charger, the messages to be delivered again, in the order sent; 10 in all at most. All of one
            wait as long as its first, since a FIFO queue holds back a group as long as any of its messages is in
            flight: one that waited longer would hold back the charger longer than it must.
            https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/interleaving-multiple-ordered-message-groups.html
        queue: where they came from.
        seconds_left: tells how long this may still take.
    """
    seconds_of = {
        each.receipt_handle: back_off_seconds(messages[0].receive_count) for messages in failed for each in messages
    }
    if not seconds_of:
        return
    errors: Mapping[str, TelemetryError]
    if seconds_left() < LONGEST_CALL_SECONDS:
        errors = dict.fromkeys(seconds_of, OutOfTimeError("too little time was left to change the visibility"))
    else:
        errors = queue.change_visibility(seconds_of)
    if errors:
        logger.warning(
            "delivered again only after the queue's visibility timeout",
            reasons=sorted({error.reason for error in errors.values()}),
            causes=sorted({str(cause_of(error)) for error in errors.values()}),
            messageIds=[each.message_id for messages in failed for each in messages if each.receipt_handle in errors],
        )
