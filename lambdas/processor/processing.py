"""Messages of the queue become latest telemetry: one read for the batch, a fold and one write for each charger.

Nothing here knows that it runs in a Lambda function.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat, takewhile

from processor.delivery import Delivery, QueuedMessage, dead_letter, open_message, unforeseen
from processor.folding import Judgement
from processor.redelivery import deliver_again_soon
from processor.storing import Outcome, Store, require_time
from telemetry.envelope import short_id
from telemetry.errors import LastingFaultError, OutOfTimeError, PassingFaultError, TableUnavailableError, TelemetryError
from telemetry.fifo_queue import LARGEST_SEND_BYTES, ConsumedQueue, FifoQueue
from telemetry.latest_table import Reading
from telemetry.observability import (
    cause_of,
    count,
    count_unforeseen_error,
    logger,
    measure_milliseconds,
    measure_receives,
    measure_share,
)
from telemetry.timestamps import to_moment

# A batch is up to 6 MB, and what somebody made to be slow takes most of a CPU's second for each: at the third of a CPU
# that the function has, more than its time. So it goes through it in parts that always fit in. This is what a part may
# take: 3 s of computing, and a read and a write of which one is not answered; no other call begins too late to end.
LONGEST_PART_SECONDS = 14.0


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Keeps the latest telemetry of each charger, and moves to the DLQ what can never be processed.

    Attributes:
        queue: where messages come from.
        store: where the latest telemetry is kept.
        dead_letter_queue: where messages go that can never be processed.
    """

    queue: ConsumedQueue
    store: Store
    dead_letter_queue: FifoQueue

    def process(self, messages: Sequence[QueuedMessage], seconds_left: Callable[[], float]) -> list[str]:
        """Return the ids of the messages to be delivered again: of a charger, the first that failed and all later.

        Args:
            messages: 10 at most, those of one charger in the order sent.
            seconds_left: tells how long this may still take; what does not fit in is delivered again.
        """
        error_of: dict[str, TelemetryError] = {}
        held_back: dict[str, list[Delivery]] = {}
        for number, part in enumerate(parts_of(messages)):
            if number and seconds_left() < LONGEST_PART_SECONDS:
                late = OutOfTimeError("too little time was left for more of the batch")
                error_of = dict.fromkeys((each.group for each in part), late) | error_of
            for each in part:
                if each.group in error_of:
                    held_back.setdefault(each.group, []).append(
                        _hold_back(Delivery(each, None, error_of[each.group]), error_of[each.group])
                    )
            due = [each for each in part if each.group not in error_of]
            for charger, (error, deliveries) in self._process_part(due, seconds_left).items():
                error_of[charger] = error
                held_back[charger] = deliveries
        count("EventsFailed", sum(each.events for deliveries in held_back.values() for each in deliveries))
        failed = [[each.queued for each in deliveries] for deliveries in held_back.values()]
        deliver_again_soon(failed, self.queue, seconds_left)
        return [each.message_id for messages in failed for each in messages]

    def _process_part(
        self, messages: Sequence[QueuedMessage], seconds_left: Callable[[], float]
    ) -> dict[str, tuple[TelemetryError, list[Delivery]]]:
        """Return, of each charger of which one failed, why, and which messages are to be delivered again."""
        of_chargers: dict[str, list[Delivery]] = {}
        for each in messages:
            of_chargers.setdefault(each.group, []).append(open_message(each))
        reading = self._read({charger for charger, sent in of_chargers.items() if any(each.envelopes for each in sent)})
        failed: dict[str, tuple[TelemetryError, list[Delivery]]] = {}
        # Chargers wait for the table side by side: of ten, for as long as for two, not as for ten.
        with ThreadPoolExecutor(max_workers=max(1, len(of_chargers))) as threads:
            processable = [_processable(deliveries) for deliveries in of_chargers.values()]
            # One charger has none to wait beside: a thread would cost a tenth of what ten events of it take.
            work = self.store.store, processable, repeat(reading), repeat(seconds_left)
            stored = threads.map(*work) if len(of_chargers) > 1 else map(*work)
            for (charger, deliveries), outcome in zip(of_chargers.items(), stored, strict=True):
                settled, error = self._settle(deliveries, outcome, seconds_left)
                if error:
                    failed[charger] = error, [_hold_back(each, error) for each in deliveries[settled:]]
        return failed

    def _read(self, charger_ids: Collection[str]) -> Reading:
        try:
            return self.store.table.read(charger_ids) if charger_ids else Reading({})
        except TableUnavailableError as error:
            logger.error("table not read", reason=error.reason, cause=cause_of(error))
            return Reading({}, dict.fromkeys(charger_ids, error))
        except Exception as cause:  # noqa: BLE001 - the boundary round the read: each charger is then read by itself
            error = PassingFaultError("our code failed at reading the table")
            error.__cause__ = cause
            logger.error("table not read", reason=error.reason, cause=cause_of(error))
            count_unforeseen_error()
            return Reading({}, dict.fromkeys(charger_ids, error))

    def _settle(
        self, deliveries: Sequence[Delivery], outcome: Outcome, seconds_left: Callable[[], float]
    ) -> tuple[int, TelemetryError | None]:
        """Tell what was stored and dead-letter what is wrong.

        Returns:
            How many messages of the charger are done with, and why the next is not.
        """
        report_judgements(outcome)
        for index, delivery in enumerate(deliveries):
            error = self._try_to_finish(delivery, outcome, seconds_left)
            if error:
                return index, error
        return len(deliveries), None

    def _try_to_finish(
        self, delivery: Delivery, outcome: Outcome, seconds_left: Callable[[], float]
    ) -> TelemetryError | None:
        """Finish a message; return why it must be delivered again."""
        try:
            self._finish(delivery, outcome, seconds_left)
        except TelemetryError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the boundary round a message: a fault of ours stops no other charger
            count_unforeseen_error()
            return unforeseen(error, delivery.queued)
        return None

    def _finish(self, delivery: Delivery, outcome: Outcome, seconds_left: Callable[[], float]) -> None:
        """Move a message to the DLQ where anything is wrong with it that trying again won't help against.

        Raises:
            TelemetryError: it must be delivered again.
        """
        refused = {
            index: outcome.errors[envelope.order]
            for index, envelope in delivery.indexed_envelopes()
            if envelope.order in outcome.errors
        }
        errors = [error for error in (delivery.error, *refused.values()) if error]
        if any(isinstance(error, PassingFaultError | LastingFaultError) for error in errors):
            count_unforeseen_error()
        for error in errors:
            if error.retryable:
                raise error
        if errors:
            require_time(seconds_left)
            bad: set[int] = {*refused, *(delivery.content.bad if delivery.content else ())}
            dead_letter(delivery, errors[0], bad, self.dead_letter_queue)
            count("EventsDeadLettered", len(bad) or delivery.events, reason=errors[0].reason)
            details = {"reason": errors[0].reason, "cause": cause_of(errors[0])}
            logger.error("dead-lettered", extra=log_keys(delivery) | details)
        self._report(delivery, outcome)

    def _report(self, delivery: Delivery, outcome: Outcome) -> None:
        """Count what became of a message's envelopes, and how long it took from the charger's request."""
        stored = [envelope for envelope in delivery.envelopes if envelope.order not in outcome.errors]
        if not stored:
            return
        fresh = [envelope for envelope in stored if envelope.order not in outcome.stale]
        stale = [envelope for envelope in stored if envelope.order in outcome.stale]
        count("EventsStored", len(fresh))
        count("EventsStale", len(stale))
        if fresh:
            # One request brought all of a message's events: its microseconds between them are no matter.
            passed = self.store.clock() - to_moment(fresh[0].ingested_at)
            measure_milliseconds("IngestToStored", passed / timedelta(milliseconds=1))
        details: dict[str, object] = {
            # Of the message's events, those that were stored: others of it may be in the DLQ.
            "eventIds": [short_id(envelope.event_id) for envelope in stored],
            "stored": len(fresh),
            "stale": len(stale),
        }
        if stale:
            details["staleEventIds"] = [short_id(envelope.event_id) for envelope in stale]
        logger.info("stored", extra=log_keys(delivery) | details)


def parts_of(messages: Sequence[QueuedMessage]) -> Iterator[Sequence[QueuedMessage]]:
    """Yield the messages in order, as many at once as are together no longer than one may be alone."""
    part: list[QueuedMessage] = []
    for each in messages:
        if part and sum(len(other.body) for other in (*part, each)) > LARGEST_SEND_BYTES:
            yield part
            part = []
        part.append(each)
    if part:
        yield part


def report_judgements(outcome: Outcome) -> None:
    """Count the findings by their code, and of the judged events those that have any; log what came or went."""
    for code, number in Counter(finding.code for each in outcome.judgements for finding in each.findings).items():
        count("Findings", number, code=code)
    count("UnknownUnits", outcome.unknown_units)
    for judgement in outcome.judgements:
        # One metric, since an alarm on the quotient of two would be metric math.
        measure_share("EventsWithFindings", belongs=bool(judgement.findings))
        if judgement.appeared or judgement.cleared:
            logger.info("findings changed", extra=finding_keys(judgement))


def finding_keys(judgement: Judgement) -> dict[str, object]:
    """Return what a log line about findings says."""
    return {
        "chargerId": judgement.envelope.charger_id,
        "connectorId": judgement.envelope.connector_id,
        "eventId": short_id(judgement.envelope.event_id),
        "appeared": judgement.appeared,
        "cleared": judgement.cleared,
    }


def log_keys(delivery: Delivery) -> dict[str, object]:
    """Return what every log line about a message says: the id that its events had in ingest's log, above all."""
    return {
        "correlationId": delivery.correlation_id,
        "chargerId": delivery.queued.group,
        "messageId": delivery.queued.message_id,
        "eventIds": [short_id(each) for each in delivery.content.event_ids] if delivery.content else [],
    }


def _hold_back(delivery: Delivery, error: TelemetryError) -> Delivery:
    """Tell why a message is to be delivered again, and how often it was tried; return it."""
    measure_receives("ReceivesOfFailed", delivery.queued.receive_count)
    details = {"reason": error.reason, "cause": cause_of(error), "receives": delivery.queued.receive_count}
    logger.warning("to be delivered again", extra=log_keys(delivery) | details)
    return delivery


def _processable(deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return the messages before the first that only later code can read: what follows it must wait for it."""
    return list(takewhile(lambda delivery: not (delivery.error and delivery.error.retryable), deliveries))
