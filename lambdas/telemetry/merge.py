"""Latest telemetry, and the merge that makes it the same whatever the order, number and cut of what arrives."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from telemetry.envelope import short_id
from telemetry.event import OPTIONAL_FIELDS
from telemetry.exact_json import utf8_size
from telemetry.measured import Known, LastKnown, MeasuredEnvelope, Order
from telemetry.rules import Memory
from telemetry.timestamps import floor_to_minute

# An item holds 24 connectors and stays under DynamoDB's 400 KB: of a connector, a greater payload is left out.
LARGEST_CONNECTOR_PAYLOAD_BYTES = 3 * 1024

METRICS = "metrics"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the rules found and remember of a place, and which events they have judged.

    Attributes:
        timestamp: of the last event that they judged.
        event_ids: short ids of the last events with that timestamp that they judged.
        findings: what they found in the last one, as JSON objects.
        memory: what each rule remembers.
    """

    timestamp: str = ""
    event_ids: tuple[str, ...] = ()
    findings: tuple[Mapping[str, object], ...] = ()
    memory: Memory = field(default_factory=dict[str, Mapping[str, object]])


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is known of a charger, or of one of its connectors.

    Attributes:
        newest: its greatest envelope.
        payload_omitted: the payload of `newest` was too great for a connector, and is empty here.
        last_known: each optional field and metric of the greatest envelope that carried it.
        judged: of the envelopes of this place itself: those of a connector are not judged as the charger's again.
        unknown: attributes of the stored item that only newer code knows; the merge carries them along.
        unknown_last_known: the same under `lastKnown`, by their dotted names.
    """

    newest: MeasuredEnvelope
    payload_omitted: bool = False
    last_known: LastKnown = field(default_factory=dict[str, Known])
    judged: Judged = field(default_factory=Judged)
    unknown: Mapping[str, object] = field(default_factory=dict[str, object])
    unknown_last_known: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, kw_only=True)
class LatestTelemetry:
    """What is known of one charger.

    Attributes:
        charger: of the charger as a whole, the envelopes of all its connectors among them.
        connectors: of each connector, by its number from 1.
        last_seen_at: the greatest `ingested_at` of any of its envelopes, to the minute, so that a charger whose
            clock fell back does not look dead; fixed width, with milliseconds.
    """

    charger: Place
    connectors: Mapping[int, Place]
    last_seen_at: str

    @property
    def findings(self) -> tuple[Mapping[str, object], ...]:
        """What stands against the charger as a whole, and against the connector of its newest envelope."""
        connector = self.connectors.get(self.charger.newest.envelope.connector_id or 0)
        return self.charger.judged.findings + (connector.judged.findings if connector else ())

    def place_of(self, measured: MeasuredEnvelope) -> Place | None:
        """Return where an envelope belongs: to its connector, where it names one, else to the charger."""
        connector_id = measured.envelope.connector_id
        return self.connectors.get(connector_id) if connector_id else self.charger

    def with_judged(self, connector_id: int | None, judged: Judged) -> "LatestTelemetry":
        """Return it with what the rules found and remember of a connector, or of the charger as a whole."""
        if not connector_id:
            return replace(self, charger=replace(self.charger, judged=judged))
        connector = replace(self.connectors[connector_id], judged=judged)
        return replace(self, connectors={**self.connectors, connector_id: connector})


def merge(latest: LatestTelemetry | None, measured: MeasuredEnvelope) -> LatestTelemetry:
    """Return the latest telemetry after an envelope; `latest` is None where nothing is known of the charger.

    Folding envelopes gives the same result in any order, and merging one again changes nothing. What the rules found
    and remember stays as it is.
    """
    connector_id = measured.envelope.connector_id
    connectors = dict(latest.connectors) if latest else dict[int, Place]()
    if connector_id:
        connectors[connector_id] = _merge_connector(connectors.get(connector_id), measured)
    seen_at = floor_to_minute(measured.envelope.ingested_at)
    return LatestTelemetry(
        charger=_merge_place(latest.charger if latest else None, measured),
        connectors=connectors,
        last_seen_at=max(latest.last_seen_at, seen_at) if latest else seen_at,
    )


def _merge_connector(place: Place | None, measured: MeasuredEnvelope) -> Place:
    merged = _merge_place(place, measured)
    if merged.newest is not measured:
        return merged
    if utf8_size(measured.envelope.payload) <= LARGEST_CONNECTOR_PAYLOAD_BYTES:
        return replace(merged, payload_omitted=False)
    slim = replace(measured, envelope=measured.envelope.model_copy(update={"payload": {}}))
    return replace(merged, newest=slim, payload_omitted=True)


def _merge_place(place: Place | None, measured: MeasuredEnvelope) -> Place:
    order = known_order(measured.order)
    carried = {name: Known(value, order) for name, value in _carried(measured)}
    if place is None:
        return Place(newest=measured, last_known=carried)
    news = {
        name: known
        for name, known in carried.items()
        if name not in place.last_known or known.order > place.last_known[name].order
    }
    last_known = {**place.last_known, **news} if news else place.last_known
    if measured.order > place.newest.order:
        return replace(place, newest=measured, last_known=last_known)
    return replace(place, last_known=last_known)


def known_order(order: Order) -> Order:
    """Return the order of an envelope as a last known value keeps it, with the short id of its event."""
    timestamp, ingested_at, event_id = order
    return timestamp, ingested_at, short_id(event_id)


def _carried(measured: MeasuredEnvelope) -> Iterator[tuple[str, object]]:
    """Yield each optional field and metric of an envelope, by its name in `LastKnown`."""
    for name, alias in OPTIONAL_FIELDS.items():
        value = getattr(measured.envelope, name)
        if value is not None:
            yield alias, value
    for name, value in measured.metrics.values.items():
        yield f"{METRICS}.{name}", value
