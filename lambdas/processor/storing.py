"""Envelopes of one charger into the table: read, fold, one write on condition; on a conflict, once more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from processor.delivery import Delivery, unforeseen
from processor.folding import Folded, Judgement, Sample, fold, sample_of
from telemetry.aws_clients import LONGEST_CALL_SECONDS
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import (
    OutOfTimeError,
    PassingFaultError,
    RevisionConflictError,
    TelemetryError,
)
from telemetry.item import from_item, revision_of, to_item
from telemetry.latest_table import LatestTelemetryTable, Reading
from telemetry.measured import Order

# A FIFO group is processed by one function at a time: a conflict is rare, and a second in a row rarer.
WRITE_ATTEMPTS = 5


@dataclass
class Outcome:
    """What became of the envelopes of one charger.

    Attributes:
        errors: of the envelopes that were not stored.
        stale: those that were older than what was stored.
        judgements: what the rules said.
        unknown_units: how many values were left out of the metrics because their unit is not known.
    """

    errors: dict[Order, TelemetryError] = field(default_factory=dict[Order, TelemetryError])
    stale: set[Order] = field(default_factory=set[Order])
    judgements: list[Judgement] = field(default_factory=list[Judgement])
    unknown_units: int = 0


@dataclass(frozen=True, kw_only=True)
class Store:
    """Keeps the latest telemetry in the table.

    Attributes:
        table: where it is kept.
        stage: whose profiles the rules judge by.
        retention: how long it is kept after its charger was last seen; None for ever.
        clock: tells the time.
    """

    table: LatestTelemetryTable
    stage: str
    retention: timedelta | None
    clock: Callable[[], datetime]

    def store(self, deliveries: Sequence[Delivery], reading: Reading, seconds_left: Callable[[], float]) -> Outcome:
        """Merge the envelopes of a charger's messages, all at once where nothing stands against it.

        Where the table refuses the whole, or our code fails at it, each envelope is tried by itself, so that only
        the one at fault is not stored.
        """
        envelopes = [envelope for delivery in deliveries for envelope in delivery.envelopes]
        outcome = Outcome()
        if not envelopes:
            return outcome
        error = self._try(envelopes, deliveries[0], reading, seconds_left, outcome)
        if error is None:
            return outcome
        if error.retryable and not isinstance(error, PassingFaultError):
            outcome.errors = {envelope.order: error for envelope in envelopes}
            return outcome
        one_by_one = ((delivery, envelope) for delivery in deliveries for envelope in delivery.envelopes)
        for delivery, envelope in sorted(one_by_one, key=lambda each: each[1].order):
            # Once one has to be delivered again, what follows it waits for it.
            if error is None or not error.retryable or isinstance(error, PassingFaultError):
                error = self._try([envelope], delivery, None, seconds_left, outcome)
            if error:
                # Two messages may have the same envelope: what is said of the first, received more often, counts.
                outcome.errors.setdefault(envelope.order, error)
        return outcome

    def _try(
        self,
        envelopes: Sequence[TelemetryEnvelope],
        delivery: Delivery,
        reading: Reading | None,
        seconds_left: Callable[[], float],
        outcome: Outcome,
    ) -> TelemetryError | None:
        """Store envelopes and add to the outcome; return why nothing was stored."""
        try:
            samples = [sample_of(envelope) for envelope in envelopes]
            folded = self._write(samples[0].measured.envelope.charger_id, samples, reading, seconds_left)
        except TelemetryError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the boundary round an envelope: a fault of ours stops no other
            return unforeseen(error, delivery.queued)
        outcome.stale |= folded.stale
        outcome.judgements += folded.judgements
        outcome.unknown_units += sum(sample.found.unknown_units for sample in samples)
        return None

    def _write(
        self, charger_id: str, samples: Sequence[Sample], reading: Reading | None, seconds_left: Callable[[], float]
    ) -> Folded:
        """Merge samples into what is stored; return what the first fold gave.

        A write that was made, but not answered, meets its own item as a conflict: what was stale is known before.

        Raises:
            TelemetryError: nothing was stored.
        """
        first: Folded | None = None
        for _ in range(WRITE_ATTEMPTS):
            if reading is None:
                require_time(seconds_left)
                reading = self.table.read([charger_id])
            item = reading.item_of(charger_id)
            latest = from_item(item, self.clock())
            folded = fold(latest, samples, self.stage)
            first = first or folded
            if folded.latest == latest:
                return first
            revision = revision_of(item)
            require_time(seconds_left)
            try:
                self.table.write(to_item(folded.latest, revision + 1, self.retention), revision)
            except RevisionConflictError:
                reading = None
            else:
                return first
        raise RevisionConflictError(f"the item changed {WRITE_ATTEMPTS} times while it was being merged")


def require_time(seconds_left: Callable[[], float]) -> None:
    """Do nothing where a call that is not answered would still end in time.

    Raises:
        OutOfTimeError: it might not.
    """
    if seconds_left() < LONGEST_CALL_SECONDS:
        raise OutOfTimeError("too little time is left for a call that may not be answered")
