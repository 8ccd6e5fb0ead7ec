"""An envelope with its metrics: what rules judge and the merge keeps."""

from collections.abc import Mapping
from dataclasses import dataclass

from telemetry.envelope import TelemetryEnvelope
from telemetry.metrics import Metrics

Order = tuple[str, str, str]


@dataclass(frozen=True)
class MeasuredEnvelope:
    """An envelope and what its payload says.

    Attributes:
        envelope: its `connector_id` and `charger_status` are as sent, or else as found in the payload.
        metrics: what normalisation found.
    """

    envelope: TelemetryEnvelope
    metrics: Metrics

    @property
    def order(self) -> Order:
        """What decides which of two is newer; equal only for the same envelope."""
        return self.envelope.order


@dataclass(frozen=True)
class Known:
    """The last known value of a field or a metric, and the order of the envelope that carried it."""

    value: object
    order: Order

    @property
    def timestamp(self) -> str:
        """When the value was sampled."""
        return self.order[0]


# By name: `chargerStatus`, `locationId`, ..., and `metrics.powerW`, `metrics.phases.L1.voltageV`, ...
LastKnown = Mapping[str, Known]
