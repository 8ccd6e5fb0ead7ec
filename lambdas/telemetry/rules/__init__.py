"""The business rules: what can be seen to be wrong with a charger's telemetry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from telemetry.envelope import TelemetryEnvelope
from telemetry.measured import LastKnown
from telemetry.normalisation import Normalised

Severity = Literal["info", "warning", "critical"]

# What each rule remembers of its place from one envelope to the next, by the rule's code: JSON, kept in the item.
Memory = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a rule saw to be wrong; it marks telemetry and never rejects it.

    Attributes:
        code: what is wrong, from the closed set of the rules.
        severity: how much it matters.
        observed: what was seen, a number or short text.
        expected: what should have been seen, for the person who reads it.
        since: the timestamp of the first envelope in a row that showed it.
    """

    code: str
    severity: Severity
    observed: object
    expected: object
    since: str


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
