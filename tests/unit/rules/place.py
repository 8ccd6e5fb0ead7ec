"""A place whose envelopes are judged one after the other, as the processor has them judged."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypedDict, Unpack, cast

from telemetry import exact_json
from telemetry.envelope import seal
from telemetry.event import TelemetryEvent
from telemetry.measured import Known
from telemetry.metrics import Metrics, Number
from telemetry.normalisation import Normalised
from telemetry.rules import Finding, Memory, Observation, Profile, judge
from telemetry.rules.profiles import TYPE2_ONE_PHASE
from telemetry.timestamps import to_milliseconds

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
# A site in North America: 120 V from each leg to neutral, 240 V between them.
SPLIT_PHASE = Profile(connector_type="nacs", nominal_voltage_v=120, phases=2, rated_current_a=48, rated_power_w=11_520)


def moment(seconds: float) -> str:
    """The timestamp so long after the start."""
    return to_milliseconds(START + timedelta(seconds=seconds))


class Said(TypedDict, total=False):
    """What a payload says beside metrics."""

    charging_state: str
    transaction_id: str
    error_code: str
    vendor_error_code: str
    soc_out_of_range: Number


class Place:
    """A connector, or a charger."""

    def __init__(self, profile: Profile = TYPE2_ONE_PHASE) -> None:
        self.profile = profile
        self.memory: Memory = {}
        self.last_known: dict[str, Known] = {}

    def sends(
        self,
        seconds: float,
        metrics: Mapping[str, Number] | None = None,
        *,
        status: str | None = None,
        ingested_after: float = 0,
        **found: Unpack[Said],
    ) -> dict[str, Finding]:
        """Send an envelope, sampled so long after the start; return what is wrong, by its code."""
        sampled = START + timedelta(seconds=seconds)
        fields: dict[str, object] = {
            "chargerId": "CP-001",
            "timestamp": sampled.isoformat(),
            "payload": {},
            "chargerStatus": status,
        }
        envelope = seal(TelemetryEvent.model_validate(fields), sampled + timedelta(seconds=ingested_after)).open()
        if status:
            self.last_known["chargerStatus"] = Known(status, envelope.order)
        normalised = Normalised(metrics=Metrics(metrics or {}), **found)
        for name, value in normalised.metrics.values.items():
            self.last_known[f"metrics.{name}"] = Known(value, envelope.order)
        observation = Observation(envelope=envelope, found=normalised, last_known=self.last_known)
        findings, memory = judge(observation, self.memory, self.profile)
        self.memory = cast("Memory", exact_json.parse(exact_json.dump(memory)))
        assert self.memory == memory
        return {finding.code: finding for finding in findings}
