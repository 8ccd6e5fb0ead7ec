"""Back to the queue: each message is sent, and deleted from the DLQ once SQS has said that it is on the queue.

However this ends, by Ctrl-C, `kill -9` or an error, a message is in the DLQ, on the queue, or in both. One that is in
both is sent again by the next run, with the same deduplication id: within 5 minutes SQS drops it; later it is delivered
twice, and the merge makes nothing of the second. Of a charger no more than one is in both, and nothing that comes after
it was sent: the order of a charger is kept.
"""

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from tools.command_line import CommandError
from tools.dlq.queues import LARGEST_SEND_BYTES, MOST_IN_A_CALL, DeadLetter, DeadLetterQueue, Queue, Sent
from tools.dlq.reading import Held
from tools.dlq.report import Summary, summary_of
from tools.dlq.triage import Judge, Verdict
from tools.progress import Progress

# Of the bodies in memory. With the 10 of a receive, and some kilobytes for each of the `MOST_HELD` that may be held, it
# is all that this takes: what there is beyond it is sent in rounds to come.
LARGEST_HELD_BYTES = 256 * 1024 * 1024

CAME_BACK = Verdict(passes=False, summary="came back: it was redriven, and moved to the DLQ again")

Waiting = dict[str | None, deque[DeadLetter]]


@dataclass(frozen=True)
class Selection:
    """Which messages are meant: those whose ids begin with one of `ids`, those of a charger, or all."""

    ids: tuple[str, ...] = ()
    charger: str | None = None

    def takes(self, message: DeadLetter) -> bool:
        """Tell whether a message is meant."""
        if self.ids:
            return message.message_id.startswith(self.ids)
        return self.charger in {None, message.charger}

    def missing(self, found: Collection[str]) -> list[str]:
        """Return those of `ids` that no message was found for.

        Raises:
            CommandError: one of them may mean several.
        """
        matches = {each: [id_ for id_ in found if id_.startswith(each)] for each in self.ids}
        for each, several in matches.items():
            if len(several) > 1:
                raise CommandError(f"{each} may be any of {', '.join(sorted(several))}: give more of the id")
        return [each for each, one in matches.items() if not one]


@dataclass
class Outcome:
    """What became of messages so far.

    Attributes:
        redriven: the charger of each that is on the queue, and no longer in the DLQ, by its id in the DLQ.
        left: those that were meant and stay in the DLQ, each with why, by id.
        missing: ids that no message was found for.
        hiding: groups that may have more messages than could be seen.
        is_cut: whether there may be more messages than can be looked at.
    """

    redriven: dict[str, str | None] = field(default_factory=dict[str, str | None])
    left: dict[str, tuple[Summary, Verdict]] = field(default_factory=dict[str, tuple[Summary, Verdict]])
    missing: list[str] = field(default_factory=list[str])
    hiding: frozenset[str] = frozenset()
    is_cut: bool = False


@dataclass
class Redrive:
    """A run of `redrive`.

    Attributes:
        dead_letters: the DLQ.
        queue: where its messages go.
        selection: which of them.
        judge: tells what would become of a message; those that would pass are sent.
        progress: told how far this is.
        clock: gives the time in seconds.
        outcome: what became of messages so far.
    """

    dead_letters: DeadLetterQueue
    queue: Queue
    selection: Selection
    judge: Judge
    progress: Progress
    clock: Callable[[], float]
    outcome: Outcome = field(default_factory=Outcome)
    _queued: set[str] = field(default_factory=set[str])
    _stopped: dict[str | None, Verdict] = field(default_factory=dict[str | None, Verdict])

    def plan(self) -> list[Summary]:
        """Return what `run` would send, as far as it is to be seen before; nothing is sent."""
        with Held(self.dead_letters, self.progress, self.clock) as held:
            return [summary_of(message) for message in self._choose(held)]

    def run(self) -> Outcome:
        """Send what is meant and would pass; return what became of it.

        Raises:
            CommandError: an id may mean several messages; nothing was sent.
        """
        may_be_more = True
        while may_be_more:
            may_be_more = self._round()
        return self.outcome

    def _round(self) -> bool:
        """Send what is to be seen; tell whether there may be more to send."""
        with Held(self.dead_letters, self.progress, self.clock) as held:
            chosen = self._choose(held)
            before = len(self.outcome.redriven)
            waiting = in_order(chosen, held.hiding)
            while batch := next_batch(waiting):
                self._send(batch, held)
                for charger in self._stopped.keys() & waiting.keys():
                    del waiting[charger]
                self.progress.tell(f"{len(self.outcome.redriven)} of {before + len(chosen)} messages redriven")
            for message in chosen:
                if message.charger in self._stopped and message.message_id not in self.outcome.redriven:
                    self._leave(message, self._stopped[message.charger])
            may_be_more = self.outcome.is_cut or any(message.group in held.hiding for message in chosen)
            return may_be_more and len(self.outcome.redriven) > before

    def _choose(self, held: Held) -> list[DeadLetter]:
        """Return what is to be sent, and remember what is left and why."""
        chosen: list[DeadLetter] = []
        size = 0
        for message in held.read():
            if not self.selection.takes(message) or message.message_id in self.outcome.left:
                continue
            verdict = self._verdict_on(message)
            if not verdict.passes:
                self._leave(message, verdict)
                if verdict.holds_up:
                    why = f"waits for {message.message_id} of its charger, which {verdict.summary}"
                    self._stopped[message.charger] = Verdict(passes=False, summary=why)
                continue
            chosen.append(message)
            size += len(message.body)
            if size >= LARGEST_HELD_BYTES:
                break
        for message in chosen:
            if message.charger in self._stopped:
                self._leave(message, self._stopped[message.charger])
        chosen = [message for message in chosen if message.charger not in self._stopped]
        self.outcome.is_cut = held.is_full or size >= LARGEST_HELD_BYTES
        self.outcome.hiding = held.hiding
        found = (*self.outcome.left, *self.outcome.redriven, *(message.message_id for message in chosen))
        self.outcome.missing = self.selection.missing(found)
        return chosen

    def _verdict_on(self, message: DeadLetter) -> Verdict:
        if message.source_message_id in self._queued:
            return CAME_BACK
        return self._stopped.get(message.charger) or self.judge(message)

    def _send(self, batch: list[DeadLetter], held: Held) -> None:
        """Send messages of several chargers and delete them; a charger whose message fails is stopped there."""
        held.keep()
        lost = {each.message_id: "it was held for too long" for each in batch if each.message_id not in held}
        due = [each for each in batch if each.message_id not in lost]
        sent = self.queue.send(due) if due else Sent({}, {})
        self._queued |= set(sent.queued.values())
        undeleted = held.delete(sent.queued.keys())
        in_both = {id_: f"it is on the queue, and still in the DLQ ({why})" for id_, why in undeleted.items()}
        failed = {**lost, **sent.refused, **in_both}
        for message in batch:
            if message.message_id in failed:
                why = f"the messages of its charger stay from {message.message_id} on: {failed[message.message_id]}"
                self._stopped[message.charger] = Verdict(passes=False, summary=why)
            else:
                self.outcome.redriven[message.message_id] = message.charger

    def _leave(self, message: DeadLetter, verdict: Verdict) -> None:
        self.outcome.left[message.message_id] = (summary_of(message), verdict)


def in_order(messages: Iterable[DeadLetter], hiding: Collection[str]) -> Waiting:
    """Return the messages of each charger in the order in which they were first sent to the queue.

    Those that come after the last that is to be seen of a group that may hide more are not among them.
    """
    waiting: Waiting = {}
    last_seen: dict[str | None, int] = {}
    for message in sorted(messages, key=lambda each: each.order):
        waiting.setdefault(message.charger, deque()).append(message)
        if message.group in hiding:
            last_seen[message.charger] = message.order
    for charger, last in last_seen.items():
        while waiting[charger][-1].order > last:
            waiting[charger].pop()
    return waiting


def next_batch(waiting: Waiting) -> list[DeadLetter]:
    """Take what one send takes: the first of 10 chargers at most, of those that have the most messages left."""
    batch: list[DeadLetter] = []
    room = LARGEST_SEND_BYTES
    for charger in heapq.nlargest(MOST_IN_A_CALL, waiting, key=lambda each: len(waiting[each])):
        room -= len(waiting[charger][0].body.encode())
        if room < 0:
            break
        batch.append(waiting[charger].popleft())
        if not waiting[charger]:
            del waiting[charger]
    return batch
