"""Envelopes of one charger folded into its latest telemetry, each judged where it becomes the greatest of its place."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from telemetry.envelope import TelemetryEnvelope, short_id
from telemetry.measured import MeasuredEnvelope, Order
from telemetry.merge import Judged, LatestTelemetry, merge
from telemetry.normalisation import Normalised, normalise
from telemetry.rules import Finding, Observation, judge, profile_of

# Events of one timestamp may each come again as the greatest; so many are known to have been judged. A clock that is
# stuck gives more of them, which must be judged, too.
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
            latest, judgement = _judge(latest, sample, stage)
            judgements += [judgement] if judgement else []
    if latest is None:
        raise ValueError("there are no samples to fold")
    return Folded(latest=latest, stale=frozenset(stale), judgements=tuple(judgements))


def _judge(latest: LatestTelemetry, sample: Sample, stage: str) -> tuple[LatestTelemetry, Judgement | None]:
    """Show the newest envelope of a place to the rules, unless it is an event that they have judged."""
    envelope = sample.measured.envelope
    place = latest.place_of(sample.measured)
    if place is None:
        raise ValueError("the envelope was not merged")
    before = place.judged
    judged_before = before.event_ids if before.timestamp == envelope.timestamp else ()
    if short_id(envelope.event_id) in judged_before:
        return latest, None
    location = place.last_known.get(LOCATION_ID) or latest.charger.last_known.get(LOCATION_ID)
    profile = profile_of(stage, envelope.charger_id, str(location.value) if location else None)
    observation = Observation(envelope=envelope, found=sample.found, last_known=place.last_known)
    findings, memory = judge(observation, before.memory, profile)
    codes, codes_before = [finding.code for finding in findings], [finding.get("code") for finding in before.findings]
    judgement = Judgement(
        envelope=envelope,
        findings=findings,
        appeared=tuple(code for code in codes if code not in codes_before),
        cleared=tuple(str(code) for code in codes_before if code not in codes),
    )
    judged = Judged(
        timestamp=envelope.timestamp,
        event_ids=(*judged_before, short_id(envelope.event_id))[-MOST_JUDGED_OF_ONE_TIMESTAMP:],
        findings=tuple(asdict(finding) for finding in findings),
        memory=memory,
    )
    return latest.with_judged(envelope.connector_id, judged), judgement
