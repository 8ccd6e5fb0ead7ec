"""The whole path in memory, a record of all that the queue took, and what must hold of both at any moment.

Ingest, the processor, the rules and the merge are the real ones. Time passes only when the schedule says so.
"""

import json
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, cast
from unittest.mock import patch

from ingest.handler import answer
from processor.delivery import QueuedMessage, ranges
from processor.folding import Sample, sample_of
from processor.processing import Processor
from processor.storing import Store
from telemetry import exact_json, message
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.errors import InvalidEventError
from telemetry.event import parse_event, validate
from telemetry.fifo_queue import OutgoingMessage
from telemetry.http_api import HttpRequest
from telemetry.item import to_item
from telemetry.measured import MeasuredEnvelope, Order
from telemetry.merge import LatestTelemetry, merge
from telemetry.settings import IngestSettings
from tests.unit.conftest import Clock
from tests.unit.fakes import InMemoryQueue, Kept, Redrive
from tests.unit.faults import (
    FAULTY,
    PLENTY,
    TOO_LITTLE,
    Faults,
    FaultySource,
    FaultyTable,
    Killed,
    OneAfterTheOther,
    Promises,
    decode_newer,
    do_nothing,
    let_fail,
    sample_unless_faulty,
)
from tests.unit.processor_bench import without_rules
from tests.unit.strategies import START

VISIBILITY_TIMEOUT = 120
PROCESSOR_TIMEOUT = 20
LAST_RECEIVE_OF_A_FAULT = 5
# Fewer than the stack's, so that a schedule gets there.
MOST_RECEIVES = 6
BACK_OFF_SECONDS = (1, 2, 4, 8, 16, 32)
# So short that a post makes several of a charger, and that a batch is processed in parts.
LARGEST_MESSAGE_BYTES = 5 * 1024
LARGEST_PART_BYTES = 8 * 1024
SETTINGS = IngestSettings.model_validate(
    {"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "ingest", "QUEUE_URL": "unused", "OPEN_TO_ANYBODY": True}
)

Event = dict[str, Any]


@dataclass
class Sent:
    """A message that the queue took.

    Attributes:
        message_id: its id there.
        outgoing: the message.
        good: its envelopes that keep the contract, by their index.
        wrong: the reason for which it must go to the DLQ.
        receives: how often it was received.
    """

    message_id: str
    outgoing: OutgoingMessage
    good: Mapping[int, Sample]
    wrong: str | None
    receives: int = 0

    @property
    def charger(self) -> str:
        return self.outgoing.group

    @property
    def is_newer(self) -> bool:
        """Whether only newer code can read it."""
        return '"version":2' in self.outgoing.body

    @property
    def faulty(self) -> set[Order]:
        """The envelopes at which our code fails."""
        return {each.measured.order for each in self.good.values() if FAULTY in each.measured.envelope.payload}


@dataclass(frozen=True)
class Invocation:
    """A batch that the processor was invoked with."""

    messages: Sequence[QueuedMessage]
    started_at: float

    @property
    def chargers(self) -> set[str]:
        return {each.group for each in self.messages}


class World:
    """Ingest, queue, processor, DLQ and table, what the queue took, and what ingest acknowledged."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.promises = Promises()
        self.dead_letters = InMemoryQueue(clock=self.clock)
        redrive = Redrive(self.dead_letters, MOST_RECEIVES)
        self.queue = InMemoryQueue(clock=self.clock, visibility_timeout=VISIBILITY_TIMEOUT, redrive=redrive)
        self.table = FaultyTable(self.promises, lambda: self.now, self._of_another_delivery)
        self.sent: dict[str, Sent] = {}
        self.acknowledged: set[str] = set()
        self.running: list[Invocation] = []
        self.past: list[Invocation] = []
        self.newer_code_is_deployed = False
        self._checked: object = None

    # What is done to the service.

    def post(self, events: Sequence[Event], *, refused: Collection[str], unanswered: Collection[str]) -> None:
        """Post a batch to ingest, whose queue refuses some chargers' messages, and takes others' without saying so."""
        self.queue.refuses = lambda message: message.group in refused
        self.queue.unanswered = lambda message: message.group in unanswered
        request: Any = {
            "routeKey": "POST /telemetry/batch",
            "requestContext": {"requestId": f"request-{len(self.sent)}"},
            "headers": {"content-type": "application/json"},
            "body": exact_json.dump(list(events)),
        }
        with patch("ingest.packing.LARGEST_MESSAGE_BYTES", LARGEST_MESSAGE_BYTES):
            answered = answer(cast("HttpRequest", request), SETTINGS, self.queue, self.now, lambda: PLENTY)
        results = json.loads(answered["body"])["results"]
        self.acknowledged |= {each["eventId"] for each in results if each["status"] == 202}
        self._note()

    def put(self, charger: str, body: str) -> None:
        """Put a message on the queue, past ingest."""
        self.queue.refuses = self.queue.unanswered = lambda _: False
        self.queue.send(OutgoingMessage(body=body, group=charger, deduplication_id=f"put-{len(self.sent)}"))
        self._note()

    def put_envelopes(self, charger: str, events: Sequence[Event], version: int) -> None:
        """Put a message of a version with the envelopes of events, which need not be the charger's."""
        envelopes = [seal(parse_event(each, self.now), self.now).text for each in events]
        body = message.encode("put", envelopes)
        self.put(charger, body.replace(f'"version":{message.VERSION}', f'"version":{version}'))

    def wait(self, seconds: float) -> None:
        """Let time pass; an invocation that has not ended by its timeout is killed."""
        self.clock.now += seconds
        self.running = [each for each in self.running if self.clock.now - each.started_at < PROCESSOR_TIMEOUT]

    def receive(self) -> None:
        """Invoke the processor with what the queue gives, if it gives anything."""
        received = self.queue.receive()
        if not received:
            return
        invocation = Invocation([queued(each) for each in received], self.clock.now)
        if any(other.chargers & invocation.chargers for other in self.running):
            raise self.promises.broken("two batches of one charger are in flight")
        for each in received:
            self.sent[each.message_id].receives = each.receives
        self.running.append(invocation)

    def deliver(self, faults: Faults) -> None:
        """Let a batch be processed as soon as the queue gives one."""
        self.receive()
        in_flight = [each.visible_at for each in self.queue.kept if each.visible_at > self.clock.now]
        if not self.running and in_flight:
            self.wait(min(in_flight) - self.clock.now)
            self.receive()
        for invocation in list(self.running):
            self.run(invocation, faults)

    def run(self, invocation: Invocation, faults: Faults) -> None:
        """Let an invocation end; what it does not return is deleted, where its answer arrives."""
        self.running.remove(invocation)
        self.past.append(invocation)
        source = FaultySource(self.queue, faults.visibility)
        try:
            failed = self._process(invocation, source, faults, lambda: self._check_held(invocation))
        except Killed:
            return
        if faults == Faults():
            self._check_failures(invocation, failed)
        if faults.seconds_left > TOO_LITTLE:
            self._check_back_off(invocation, failed, source.told)
        if not faults.answer_lost:
            for each in invocation.messages:
                if each.message_id not in failed:
                    self.queue.delete(each.receipt_handle)

    def repeat(self, invocation: Invocation) -> None:
        """Deliver a batch once more, which Lambda may do; what it answers comes too late for the queue."""
        self._process(invocation, FaultySource(InMemoryQueue(), "fails"), Faults(), do_nothing)

    def drain(self) -> None:
        """End all faults, and let the service come to rest.

        Raises:
            PromiseBrokenError: it does not.
        """
        self.newer_code_is_deployed = True
        for _ in range(500):
            if not self.running and not self.queue.kept:
                return
            self.deliver(Faults())
        raise self.promises.broken("the queue does not become empty")

    # What must hold.

    def check(self) -> None:
        """Look for a broken promise.

        Raises:
            PromiseBrokenError: there is one.
        """
        state = (len(self.sent), len(self.queue.kept), len(self.dead_letters.messages), len(self.table.writes))
        if state == self._checked:
            return
        self._checked = state
        taken = {each.measured.envelope.event_id for sent in self.sent.values() for each in sent.good.values()}
        if not self.acknowledged <= taken:
            raise self.promises.broken("an event was acknowledged that the queue did not take")
        on_queue = {each.message_id for each in self.queue.kept}
        latest = {charger: self.table.latest(charger) for charger in self.table.items}
        reflected: dict[str, list[MeasuredEnvelope]] = {charger: [] for charger in latest}
        for sent in self.sent.values():
            found = {at: each for at, each in sent.good.items() if reflects(latest.get(sent.charger), each)}
            reflected.get(sent.charger, []).extend(each.measured for each in found.values())
            missing = sent.good.keys() - found.keys()
            dead = self._dead_letters_of(sent)
            if (missing or sent.wrong) and not dead and sent.message_id not in on_queue:
                raise self.promises.broken(f"{sent} is lost")
            for each in dead:
                self._check_dead_letter(each, sent, missing)
        for charger, envelopes in reflected.items():
            self._check_item(charger, envelopes)

    def check_the_end(self) -> None:
        """Look for a broken promise when all faults are over and the queue is empty.

        Raises:
            PromiseBrokenError: there is one.
        """
        self.check()
        for charger in self.table.items:
            latest = self.table.latest(charger)
            samples = [each for sent in self.sent.values() if sent.charger == charger for each in sent.good.values()]
            if latest and all(reflects(latest, each) for each in samples) and newest_of(latest) != sorted_out(samples):
                raise self.promises.broken(f"{charger} has not the newest of {samples}")

    def _check_held(self, invocation: Invocation) -> None:
        """While messages are worked on, the queue gives them to nobody else."""
        in_flight = {each.receipt_handle: each.visible_at for each in self.queue.kept}
        for each in invocation.messages:
            if in_flight.get(each.receipt_handle) != invocation.started_at + VISIBILITY_TIMEOUT:
                raise self.promises.broken(f"the queue may give {each} to another while it is worked on")

    def _check_failures(self, invocation: Invocation, failed: Collection[str]) -> None:
        """Where nothing else fails, only what our code fails at, or can't read yet, comes back, and what follows it."""
        for charger in invocation.chargers:
            of_charger = (self.sent[each.message_id] for each in invocation.messages if each.group == charger)
            first = next((each for each in of_charger if each.message_id in failed), None)
            if first is None or (first.is_newer and not self.newer_code_is_deployed):
                continue
            if not first.faulty or first.receives >= LAST_RECEIVE_OF_A_FAULT:
                raise self.promises.broken(f"{first} is delivered again for no reason")

    def _check_back_off(self, invocation: Invocation, failed: Collection[str], told: Mapping[str, int]) -> None:
        """All that a charger gets back waits by how often the first of it was received."""
        expected: dict[str, int] = {}
        for charger in invocation.chargers:
            back = [each for each in invocation.messages if each.group == charger and each.message_id in failed]
            expected |= {each.receipt_handle: BACK_OFF_SECONDS[back[0].receive_count - 1] for each in back}
        if told != expected:
            raise self.promises.broken(f"the queue was told {told} and not {expected}")

    def _check_item(self, charger: str, reflected: Sequence[MeasuredEnvelope]) -> None:
        """An item is the merge of the envelopes that it reflects, in whatever order, and of nothing else."""
        merged = reduce(merge, reversed(reflected), None)
        if not merged or without_rules(self.table.items[charger]) != without_rules(to_item(merged, 0, None)):
            raise self.promises.broken(f"{charger} has {self.table.items[charger]} and not the merge of {reflected}")

    def _check_dead_letter(self, dead: OutgoingMessage, sent: Sent, missing: set[int]) -> None:
        """A dead letter says why it is there, and what of it is not stored; nothing is there that may pass."""
        if dead is sent.outgoing:
            return
        reason, told = dead.attributes["reason"], dead.attributes.get("badEventIndexes", "")
        receives = max((each.receives for each in self.sent.values() if each.faulty & sent.faulty), default=0)
        allowed = {
            sent.wrong: True,
            "unexpected_fault": receives >= LAST_RECEIVE_OF_A_FAULT,
            "item_refused": sent.charger in self.table.refused,
        }
        if not allowed.get(reason) or len(dead.attributes) > 10:
            raise self.promises.broken(f"{sent} is in the DLQ with {dead.attributes}")
        # What is told as bad may be stored all the same, by another delivery of the message.
        if not missing <= indexes_of(told):
            raise self.promises.broken(f"of {sent} {missing} is not stored, and {told} is told")

    # How it is done.

    @property
    def now(self) -> datetime:
        """The time of day."""
        return START + timedelta(days=1, seconds=self.clock.now)

    def _note(self) -> None:
        """Write down what the queue took since the last time."""
        for number in range(len(self.sent), len(self.queue.messages)):
            sent = sent_of(f"message-{number + 1}", self.queue.messages[number])
            self.sent[sent.message_id] = sent

    def _process(
        self, invocation: Invocation, source: FaultySource, faults: Faults, before_each: Callable[[], None]
    ) -> list[str]:
        self.table.begin(faults, before_each)
        let_fail(self.dead_letters, faults.dead_letters, before_each)
        store = Store(table=self.table, stage="test", retention=None, clock=lambda: self.now)
        processor = Processor(queue=source, store=store, dead_letter_queue=self.dead_letters)
        with self._deployed_code():
            return processor.process(invocation.messages, lambda: faults.seconds_left)

    @contextmanager
    def _deployed_code(self) -> Generator[None]:
        """Let our code fail at what is faulty, and read messages of version 2 once it is new enough."""
        decode = decode_newer if self.newer_code_is_deployed else message.decode
        with (
            patch("processor.storing.sample_of", sample_unless_faulty),
            patch("processor.delivery.decode", decode),
            patch("processor.processing.ThreadPoolExecutor", OneAfterTheOther),
            patch("processor.processing.LARGEST_SEND_BYTES", LARGEST_PART_BYTES),
        ):
            yield

    def _of_another_delivery(self, charger: str) -> list[Sample]:
        """Return what is in all messages of a charger but those that are worked on; or else the first of these."""
        worked_on = {each.message_id for each in self.past[-1].messages}
        own, others = list[Sample](), list[Sample]()
        for sent in self.sent.values():
            if sent.charger == charger and not sent.faulty:
                (own if sent.message_id in worked_on else others).extend(sent.good.values())
        return others or own[:1]

    def _dead_letters_of(self, sent: Sent) -> list[OutgoingMessage]:
        """Return the message in the DLQ, as the processor moved it there, or the queue's redrive policy."""
        moved = (sent.message_id, sent.outgoing.body)
        return [
            each for each in self.dead_letters.messages if each is sent.outgoing or (each.group, each.body) == moved
        ]


def sent_of(message_id: str, outgoing: OutgoingMessage) -> Sent:
    """Return what a message holds, by another way than the processor's."""
    try:
        envelopes = cast("list[object]", json.loads(outgoing.body)["envelopes"])
    except (ValueError, LookupError, TypeError, RecursionError):
        envelopes = []
    if not envelopes:
        return Sent(message_id, outgoing, {}, "unreadable_message")
    good: dict[int, Sample] = {}
    for index, fields in enumerate(envelopes):
        try:
            envelope = validate(TelemetryEnvelope, fields)
        except InvalidEventError:
            continue
        if envelope.charger_id == outgoing.group:
            good[index] = sample_of(envelope)
    return Sent(message_id, outgoing, good, "invalid" if len(good) < len(envelopes) else None)


def queued(kept: Kept) -> QueuedMessage:
    """Return a message as the event source gives it."""
    return QueuedMessage(
        message_id=kept.message_id,
        receipt_handle=kept.receipt_handle,
        group=kept.message.group,
        sequence_number=kept.message_id,
        first_seen_at="2026-11-23T08:15:00.000Z",
        receive_count=kept.receives,
        body=kept.message.body,
    )


def reflects(latest: LatestTelemetry | None, sample: Sample) -> bool:
    """Tell whether an envelope would change nothing any more."""
    return latest is not None and merge(latest, sample.measured) == latest


def newest_of(latest: LatestTelemetry) -> dict[int, Order]:
    """Return the order of the newest envelope of a charger (0), and of each of its connectors."""
    return {0: latest.charger.newest.order, **{n: each.newest.order for n, each in latest.connectors.items()}}


def sorted_out(samples: Iterable[Sample]) -> dict[int, Order]:
    """Return the same, of envelopes as they were sent."""
    envelopes = [each.measured.envelope for each in samples]
    newest: dict[int, Order] = {}
    for each in sorted(envelopes, key=lambda each: (each.timestamp, each.ingested_at, each.event_id)):
        newest[0] = newest[each.connector_id or 0] = each.order
    return newest


def indexes_of(told: str) -> set[int]:
    """Return the indexes that `ranges` told."""
    runs = [run.split("-") for run in told.split(",") if run]
    indexes = {index for run in runs for index in range(int(run[0]), int(run[-1]) + 1)}
    assert ranges(indexes) == told
    return indexes
