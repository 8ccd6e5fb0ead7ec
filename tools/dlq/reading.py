"""The DLQ read whole, with nothing taken away: what was received is held back from others, and then given back.

SQS has no other way to look into a queue. A run that is killed gives nothing back; its messages are to be seen again
`HOLD_SECONDS` later.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError

from tools.dlq.queues import HOLD_SECONDS, DeadLetter, DeadLetterQueue, Refused
from tools.progress import Progress

# SQS lets more be held of a FIFO queue, but so many can be held anew in a fraction of the time that they are held for.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_HELD = 5000
RENEW_SECONDS = HOLD_SECONDS / 2
# What a killed run held is given up before that; beyond it SQS's estimates, too, have settled.
LONGEST_WAIT_SECONDS = 2 * HOLD_SECONDS
RELEASE = 0


class Held:
    """Messages of the DLQ that are held back from other readers, until the end of the `with` that this is for.

    Args:
        queue: the DLQ.
        progress: told how many were read.
        clock: gives the time in seconds.
    """

    def __init__(self, queue: DeadLetterQueue, progress: Progress, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._progress = progress
        self._clock = clock
        self._handles: dict[str, str] = {}
        self._held_since = clock()
        self._seen: set[str] = set()
        self._hiding: set[str] = set()

    def __enter__(self) -> Self:
        """Hold nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is still held; where SQS does not answer, it is given back when its time is over."""
        self._progress.end()
        with suppress(BotoCoreError, ClientError):
            self._queue.hide(self._handles.values(), RELEASE)

    def __len__(self) -> int:
        """Return how many messages are held."""
        return len(self._handles)

    def __contains__(self, message_id: str) -> bool:
        """Tell whether a message is held."""
        return message_id in self._handles

    @property
    def is_full(self) -> bool:
        """Whether no more are read, though there may be more."""
        return len(self) >= MOST_HELD

    @property
    def hiding(self) -> frozenset[str]:
        """The groups of which there may be more messages than are to be seen.

        A receive gives the first of a group, 10 at most and at times fewer than there are, and none after them until
        they are gone.
        """
        return frozenset(self._hiding)

    def read(self) -> Iterator[DeadLetter]:
        """Hold and yield each message that is to be seen, once; `MOST_HELD` at most."""
        while not self.is_full:
            self.keep()
            received = self._queue.receive()
            if not received:
                return
            new = [message for message in received if message.message_id not in self._seen]
            # All of them, before anything can end this: they are held, and have to be given back.
            self._handles |= {message.message_id: message.receipt_handle for message in received}
            self._seen |= self._handles.keys()
            self._hiding |= {each.group for each in received if not each.is_in_its_own_group}
            self._progress.tell(f"{len(self)} messages of the DLQ read")
            yield from new

    def keep(self) -> None:
        """Go on holding what is held, where its time is about to be over."""
        now = self._clock()
        if not self._handles:
            self._held_since = now
        elif now >= self._held_since + RENEW_SECONDS:
            lost = self._queue.hide(self._handles.values(), HOLD_SECONDS)
            self._handles = {id_: handle for id_, handle in self._handles.items() if handle not in lost}
            self._held_since = now

    def delete(self, message_ids: Collection[str]) -> Refused:
        """Delete up to 10 messages that are held, or none; return those that are still there, by id, each with why."""
        if not message_ids:
            return {}
        ids = {self._handles[each]: each for each in message_ids}
        refused = {ids[handle]: why for handle, why in self._queue.delete(ids).items()}
        for message_id in message_ids:
            if message_id not in refused:
                del self._handles[message_id]
        return refused


def wait_for_others(
    queue: DeadLetterQueue, progress: Progress, clock: Callable[[], float], pause: Callable[[float], None]
) -> int:
    """Wait until no other reader holds messages of the DLQ; return how many are held after `LONGEST_WAIT_SECONDS`.

    Args:
        queue: the DLQ.
        progress: told what is waited for.
        clock: gives the time in seconds.
        pause: lets some seconds pass.
    """
    end = clock() + LONGEST_WAIT_SECONDS
    while (held := queue.counts().held) and clock() < end:
        progress.tell(
            f"waiting for {held} messages that another reader, or a run that was killed, holds "
            f"({LONGEST_WAIT_SECONDS} s at most)"
        )
        pause(1)
    progress.end()
    return held
