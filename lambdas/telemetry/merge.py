"""Latest telemetry, and the merge that makes it the same whatever the order, number and cut of what arrives."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from telemetry.envelope import TelemetryEnvelope
from telemetry.timestamps import floor_to_minute


@dataclass(frozen=True)
class LatestTelemetry:
    """What is known of one charger.

    Attributes:
        newest: its greatest envelope.
        last_seen_at: the greatest `ingested_at` of any of its envelopes, to the minute, so that a charger whose
            clock fell back does not look dead; fixed width, with milliseconds.
        unknown: attributes of the stored item that only newer code knows; the merge carries them along.
    """

    newest: TelemetryEnvelope
    last_seen_at: str
    unknown: Mapping[str, object] = field(default_factory=dict[str, object])


def merge(latest: LatestTelemetry | None, envelope: TelemetryEnvelope) -> LatestTelemetry:
    """Return the latest telemetry after `envelope`; `latest` is None where nothing is known of the charger.

    Folding envelopes gives the same result in any order, and merging one again changes nothing.
    """
    seen_at = floor_to_minute(envelope.ingested_at)
    if latest is None:
        return LatestTelemetry(envelope, seen_at)
    return replace(
        latest,
        newest=max(latest.newest, envelope, key=lambda each: each.order),
        last_seen_at=max(latest.last_seen_at, seen_at),
    )
