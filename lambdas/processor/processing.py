"""Messages of the queue become latest telemetry: one read for the batch, a fold and one write for each charger.

Nothing here knows that it runs in a Lambda function.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import repeat, takewhile

from processor.delivery import Delivery, QueuedMessage, dead_letter, open_message, unforeseen
from processor.folding import Judgement
from processor.storing import Outcome, Store, require_time
from telemetry.errors import TableUnavailableError, TelemetryError
from telemetry.fifo_queue import FifoQueue
from telemetry.latest_table import Reading
from telemetry.observability import cause_of, count, logger, measure_milliseconds, measure_share
from telemetry.timestamps import to_moment


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Keeps the latest telemetry of each charger, and moves to the DLQ what can never be processed.

    Attributes:
        store: where the latest telemetry is kept.
        dead_letter_queue: where messages go that can never be processed.
    """

    store: Store
    dead_letter_queue: FifoQueue

    def process(self, messages: Sequence[QueuedMessage], seconds_left: Callable[[], float]) -> list[str]:
        """Return the ids of the messages to be delivered again: of a charger, the first that failed and all later.

        Args:
            messages: those of one charger in the order sent.
            seconds_left: tells how long this may still take; what does not fit in is delivered again.
        """
        of_chargers: dict[str, list[Delivery]] = {}
        for each in messages:
            of_chargers.setdefault(each.group, []).append(open_message(each))
        reading = self._read({charger for charger, sent in of_chargers.items() if any(each.envelopes for each in sent)})
        to_retry: list[Delivery] = []
        # Chargers wait for the table side by side: of ten, for as long as for two, not as for ten.
        with ThreadPoolExecutor(max_workers=max(1, len(of_chargers))) as threads:
            processable = [_processable(deliveries) for deliveries in of_chargers.values()]
            stored = threads.map(self.store.store, processable, repeat(reading), repeat(seconds_left))
            for deliveries, outcome in zip(of_chargers.values(), stored, strict=True):
                settled = self._settle(deliveries, outcome, seconds_left)
                to_retry += deliveries[settled:]
        count("EventsFailed", sum(delivery.events for delivery in to_retry))
        return [delivery.queued.message_id for delivery in to_retry]

    def _read(self, charger_ids: Collection[str]) -> Reading:
        try:
            return self.store.table.read(charger_ids) if charger_ids else Reading({})
        except TableUnavailableError as error:
            logger.error("table not read", reason=error.reason, cause=cause_of(error))
            return Reading({}, dict.fromkeys(charger_ids, error))

    def _settle(self, deliveries: Sequence[Delivery], outcome: Outcome, seconds_left: Callable[[], float]) -> int:
        """Tell what was stored and dead-letter what is wrong; return how many messages of a charger are done with."""
        report_judgements(outcome)
        for index, delivery in enumerate(deliveries):
            error = self._try_to_finish(delivery, outcome, seconds_left)
            if error:
                for held_back in deliveries[index:]:
                    details = {"reason": error.reason, "cause": cause_of(error)}
                    logger.warning("to be delivered again", extra=log_keys(held_back) | details)
                return index
        return len(deliveries)

    def _try_to_finish(
        self, delivery: Delivery, outcome: Outcome, seconds_left: Callable[[], float]
    ) -> TelemetryError | None:
        """Finish a message; return why it must be delivered again."""
        try:
            self._finish(delivery, outcome, seconds_left)
        except TelemetryError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the boundary round a message: a fault of ours stops no other charger
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
        stale_count = len(stored) - len(fresh)
        count("EventsStored", len(fresh))
        count("EventsStale", stale_count)
        for envelope in fresh:
            milliseconds = (self.store.clock() - to_moment(envelope.ingested_at)) / timedelta(milliseconds=1)
            measure_milliseconds("IngestToStored", milliseconds)
        logger.info("stored", extra=log_keys(delivery) | {"stored": len(fresh), "stale": stale_count})


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
        "eventId": judgement.envelope.event_id,
        "appeared": judgement.appeared,
        "cleared": judgement.cleared,
    }


def log_keys(delivery: Delivery) -> dict[str, object]:
    """Return what every log line about a message says: the id that its events had in ingest's log, above all."""
    return {
        "correlationId": delivery.correlation_id,
        "chargerId": delivery.queued.group,
        "messageId": delivery.queued.message_id,
        "eventIds": [envelope.event_id for envelope in delivery.envelopes],
    }


def _processable(deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return the messages before the first that only later code can read: what follows it must wait for it."""
    return list(takewhile(lambda delivery: not (delivery.error and delivery.error.retryable), deliveries))
