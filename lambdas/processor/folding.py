"""Envelopes of one charger folded into its latest telemetry, each judged where it becomes the greatest of its place."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from telemetry.envelope import TelemetryEnvelope
from telemetry.measured import MeasuredEnvelope, Order, short_id
from telemetry.merge import Judged, LatestTelemetry, Place, merge
from telemetry.normalisation import Normalised, normalise
from telemetry.rules import Finding, Observation, judge, profile_of

# Of events with one timestamp, of which each may come again and again as the greatest, no more are judged.
MOST_JUDGED_OF_ONE_TIMESTAMP = 8
LOCATION_ID = "locationId"


@dataclass(frozen=True)
class Sample:
    """An envelope, and what normalisation found in it."""

    measured: MeasuredEnvelope
    found: Normalised


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the rules said of an envelope.

    Attributes:
        envelope: what they judged.
        findings: what they found.
        appeared: the codes of findings that the envelope before it in its place did not have.
        cleared: the codes that it had, and that are gone.
    """

    envelope: TelemetryEnvelope
    findings: tuple[Finding, ...]
    appeared: tuple[str, ...]
    cleared: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Folded:
    """What is known after some envelopes.

    Attributes:
        latest: the latest telemetry.
        stale: the envelopes that were older than what was known of their place before.
        judgements: of those that became the greatest of their place.
    """

    latest: LatestTelemetry
    stale: frozenset[Order]
    judgements: tuple[Judgement, ...]


def sample_of(envelope: TelemetryEnvelope) -> Sample:
    """Return the envelope with its metrics; connector and status are those of the payload where it has none."""
    found = normalise(envelope.payload)
    of_payload: dict[str, object] = {}
    if envelope.connector_id is None and found.connector_id is not None:
        of_payload["connector_id"] = found.connector_id
    if envelope.charger_status is None and found.charger_status is not None:
        of_payload["charger_status"] = found.charger_status
    known = envelope.model_copy(update=of_payload) if of_payload else envelope
    return Sample(MeasuredEnvelope(known, found.metrics), found)


def fold(latest: LatestTelemetry | None, samples: Sequence[Sample], stage: str) -> Folded:
    """Return what is known after samples of one charger, at least one, in whatever order they came.

    Args:
        latest: what was known before.
        samples: judged in the order of their time, so that late ones of this batch are judged, too.
        stage: whose profiles tell what is normal for the charger.
    """
    stale: set[Order] = set()
    judgements: list[Judgement] = []
    for sample in sorted(samples, key=lambda each: each.measured.order):
        before = latest.place_of(sample.measured) if latest else None
        latest = merge(latest, sample.measured)
        if before and sample.measured.order < before.newest.order:
            stale.add(sample.measured.order)
        elif before is None or sample.measured.order > before.newest.order:
            latest, judgement = _judge(latest, sample, before, stage)
            judgements += [judgement] if judgement else []
    if latest is None:
        raise ValueError("there are no samples to fold")
    return Folded(latest=latest, stale=frozenset(stale), judgements=tuple(judgements))


def _judge(
    latest: LatestTelemetry, sample: Sample, before: Place | None, stage: str
) -> tuple[LatestTelemetry, Judgement | None]:
    """Show the newest envelope of a place to the rules, unless it is an event that they have judged."""
    envelope = sample.measured.envelope
    place = latest.place_of(sample.measured)
    if place is None:
        raise ValueError("the envelope was not merged")
    same_time = before is not None and before.newest.envelope.timestamp == envelope.timestamp
    judged_before = place.judged.event_ids if same_time else ()
    if short_id(envelope.event_id) in judged_before or len(judged_before) >= MOST_JUDGED_OF_ONE_TIMESTAMP:
        return _with_findings(latest, sample, before.findings if before else (), place.judged), None
    location = place.last_known.get(LOCATION_ID) or latest.charger.last_known.get(LOCATION_ID)
    profile = profile_of(stage, envelope.charger_id, str(location.value) if location else None)
    observation = Observation(envelope=envelope, found=sample.found, last_known=place.last_known)
    findings, memory = judge(observation, place.judged.memory, profile)
    codes = tuple(finding.code for finding in findings)
    judgement = Judgement(
        envelope=envelope,
        findings=findings,
        appeared=tuple(code for code in codes if code not in place.judged.codes),
        cleared=tuple(code for code in place.judged.codes if code not in codes),
    )
    judged = Judged(event_ids=(*judged_before, short_id(envelope.event_id)), codes=codes, memory=memory)
    return _with_findings(latest, sample, tuple(asdict(finding) for finding in findings), judged), judgement


def _with_findings(
    latest: LatestTelemetry, sample: Sample, findings: tuple[Mapping[str, object], ...], judged: Judged
) -> LatestTelemetry:
    """Return `latest` with the findings of an envelope wherever it is the newest, and what its place remembers."""
    connector_id = sample.measured.envelope.connector_id
    charger, connectors = latest.charger, latest.connectors
    if charger.newest.order == sample.measured.order:
        charger = replace(charger, findings=findings)
    if connector_id:
        connector = replace(connectors[connector_id], findings=findings, judged=judged)
        return replace(latest, charger=charger, connectors={**connectors, connector_id: connector})
    return replace(latest, charger=replace(charger, judged=judged))
