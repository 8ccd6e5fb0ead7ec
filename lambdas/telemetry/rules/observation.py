"""What rules are shown."""

from dataclasses import dataclass
from decimal import Decimal

from telemetry.envelope import TelemetryEnvelope
from telemetry.measured import LastKnown
from telemetry.metrics import Number
from telemetry.normalisation import Normalised


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What rules are shown: an envelope that became the greatest of its place, a connector or the charger.

    Attributes:
        envelope: with the connector and the status as sent, or else as found in the payload.
        found: what its payload says.
        last_known: the last known values of the place, those of this envelope among them.
    """

    envelope: TelemetryEnvelope
    found: Normalised
    last_known: LastKnown

    @property
    def status(self) -> str | None:
        """The last known status of the place."""
        known = self.last_known.get("chargerStatus")
        return known.value if known and isinstance(known.value, str) else None

    def last_known_metric(self, name: str) -> Number | None:
        """Return the last known value of a metric of the place, which may be that of an earlier envelope."""
        known = self.last_known.get(f"metrics.{name}")
        value = known.value if known else None
        return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None

    def metric(self, name: str) -> Number | None:
        """Return a metric of this very envelope."""
        return self.found.metrics.values.get(name)
