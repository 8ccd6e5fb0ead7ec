"""Messages of the queue become latest telemetry: one read for the batch, a fold and one write for each charger.

Nothing here knows that it runs in a Lambda function.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from processor.delivery import Delivery, QueuedMessage, dead_letter, open_message
from telemetry.aws_clients import LONGEST_CALL_SECONDS
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import OutOfTimeError, RevisionConflictError, TableUnavailableError, TelemetryError
from telemetry.fifo_queue import FifoQueue
from telemetry.item import from_item, revision_of, to_item
from telemetry.latest_table import LatestTelemetryTable, Reading
from telemetry.merge import LatestTelemetry, merge
from telemetry.observability import count, logger, measure_milliseconds
from telemetry.timestamps import to_moment

# A FIFO group is processed by one function at a time: a conflict is rare, and a second in a row rarer.
WRITE_ATTEMPTS = 5

Order = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Keeps the latest telemetry of each charger, and moves to the DLQ what can never be processed.

    Attributes:
        table: where the latest telemetry is kept.
        dead_letter_queue: where messages go that can never be processed.
        retention: how long telemetry is kept after its charger was last seen; None for ever.
        clock: tells the time.
    """

    table: LatestTelemetryTable
    dead_letter_queue: FifoQueue
    retention: timedelta | None
    clock: Callable[[], datetime]

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
        for charger_id, deliveries in of_chargers.items():
            try:
                settled = self._settle(charger_id, deliveries, reading, seconds_left)
            except Exception:  # noqa: BLE001 - the boundary between chargers: a fault of ours met by one stops no other
                logger.exception("charger not processed", chargerId=charger_id)
                settled = 0
            to_retry += deliveries[settled:]
        count("EventsFailed", sum(delivery.events for delivery in to_retry))
        return [delivery.queued.message_id for delivery in to_retry]

    def _read(self, charger_ids: Collection[str]) -> Reading:
        try:
            return self.table.read(charger_ids) if charger_ids else Reading({})
        except TableUnavailableError as error:
            logger.error("table not read", reason=error.reason, cause=repr(error.__cause__))
            return Reading({}, frozenset(charger_ids))

    def _settle(
        self, charger_id: str, deliveries: Sequence[Delivery], reading: Reading, seconds_left: Callable[[], float]
    ) -> int:
        """Store what a charger sent and dead-letter what is wrong; return how many messages are done with."""
        stale: frozenset[Order] = frozenset()
        store_error: TelemetryError | None = None
        try:
            stale = self._store(charger_id, _processable(deliveries), reading, seconds_left)
        except TelemetryError as error:
            store_error = error
        for index, delivery in enumerate(deliveries):
            errors = [error for error in (delivery.error, store_error if delivery.envelopes else None) if error]
            try:
                if errors:
                    self._reject(delivery, errors, seconds_left)
            except TelemetryError as error:
                for held_back in deliveries[index:]:
                    details = {"reason": error.reason, "cause": repr(error.__cause__)}
                    logger.warning("to be delivered again", extra=_log_keys(held_back) | details)
                return index
            if not store_error and delivery.envelopes:
                self._report(delivery, stale)
        return len(deliveries)

    def _store(
        self, charger_id: str, deliveries: Sequence[Delivery], reading: Reading, seconds_left: Callable[[], float]
    ) -> frozenset[Order]:
        """Merge the envelopes into what is stored; return those that were older than it.

        Raises:
            TelemetryError: nothing was stored.
        """
        envelopes = [envelope for delivery in deliveries for envelope in delivery.envelopes]
        if not envelopes:
            return frozenset()
        for _ in range(WRITE_ATTEMPTS):
            if charger_id in reading.unread:
                raise TableUnavailableError("the table did not say what is stored")
            item = reading.items.get(charger_id, {})
            latest = from_item(item, self.clock())
            merged, stale = fold(latest, envelopes)
            if merged == latest:
                return stale
            revision = revision_of(item)
            _require_time(seconds_left)
            try:
                self.table.write(to_item(merged, revision + 1, self.retention), revision)
            except RevisionConflictError:
                _require_time(seconds_left)
                reading = self.table.read([charger_id])
            else:
                return stale
        raise RevisionConflictError(f"the item changed {WRITE_ATTEMPTS} times while it was being merged")

    def _reject(self, delivery: Delivery, errors: Sequence[TelemetryError], seconds_left: Callable[[], float]) -> None:
        """Move a message to the DLQ where trying again helps against none of its errors.

        Raises:
            TelemetryError: it must be delivered again.
        """
        for error in errors:
            if error.retryable:
                raise error
        _require_time(seconds_left)
        dead_letter(delivery, errors[0], self.dead_letter_queue)
        bad = len(delivery.content.bad) if delivery.content and errors[0] is delivery.error else delivery.events
        count("EventsDeadLettered", bad, reason=errors[0].reason)
        logger.error("dead-lettered", extra=_log_keys(delivery) | {"reason": errors[0].reason})

    def _report(self, delivery: Delivery, stale: frozenset[Order]) -> None:
        """Count what became of a message's envelopes, and how long it took from the charger's request."""
        fresh = [envelope for envelope in delivery.envelopes if envelope.order not in stale]
        stale_count = len(delivery.envelopes) - len(fresh)
        count("EventsStored", len(fresh))
        count("EventsStale", stale_count)
        for envelope in fresh:
            milliseconds = (self.clock() - to_moment(envelope.ingested_at)) / timedelta(milliseconds=1)
            measure_milliseconds("IngestToStored", milliseconds)
        logger.info("stored", extra=_log_keys(delivery) | {"stored": len(fresh), "stale": stale_count})


def fold(
    latest: LatestTelemetry | None, envelopes: Sequence[TelemetryEnvelope]
) -> tuple[LatestTelemetry, frozenset[Order]]:
    """Return what is known after envelopes, at least one, and those that were older than what was known before."""
    stale: set[Order] = set()
    for envelope in envelopes:
        if latest and envelope.order < latest.newest.order:
            stale.add(envelope.order)
        latest = merge(latest, envelope)
    if latest is None:
        raise ValueError("there are no envelopes to fold")
    return latest, frozenset(stale)


def _processable(deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return the messages before the first that only later code can read: what follows it must wait for it."""
    return list(takewhile(lambda delivery: not (delivery.error and delivery.error.retryable), deliveries))


def _require_time(seconds_left: Callable[[], float]) -> None:
    if seconds_left() < LONGEST_CALL_SECONDS:
        raise OutOfTimeError("too little time is left for a call that may not be answered")


def _log_keys(delivery: Delivery) -> dict[str, object]:
    """Return what every log line about a message says: the id that its events had in ingest's log, above all."""
    return {
        "correlationId": delivery.correlation_id,
        "chargerId": delivery.queued.group,
        "messageId": delivery.queued.message_id,
        "eventIds": [envelope.event_id for envelope in delivery.envelopes],
    }
