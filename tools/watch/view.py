"""What is known of the watched chargers, from the answers so far: which of them matter most, and how all of them do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum

from tools.watch.chargers import Charger, text_of
from tools.watch.reading import Answer

# For so long it is news that a charger is silent; later, those that are heard come first.
SILENCE_IS_NEWS = timedelta(hours=1)
# Rows would never stand still if each event brought its charger to the top.
HEARD_ALIKE = timedelta(minutes=5)
# Of each metric, what changed longest ago is forgotten first.
MOST_CHANGES = 5000


class Attention(IntEnum):
    """How much a charger matters to who watches, the most first."""

    CRITICAL = 0
    WARNING = 1
    SILENT = 2
    CHARGING = 3
    IDLE = 4
    LONG_SILENT = 5
    NEVER_SEEN = 6


@dataclass(frozen=True)
class Change:
    """A value that a metric was seen to have, from then on."""

    seen_at: datetime
    value: float
    timestamp: str


# By the connector's number, "" for the charger as a whole, and the metric's name.
Changes = Mapping[tuple[str, str], tuple[Change, ...]]


@dataclass(frozen=True)
class Summary:
    """All watched chargers in figures."""

    chargers: int
    charging: int
    power_w: float
    with_findings: int
    critical: int
    silent: int
    never_seen: int


@dataclass(frozen=True)
class View:
    """What is known of the watched chargers.

    Attributes:
        chargers: by their ids.
        read_at: when the service last answered; None before.
        trouble: why it does not answer now, "" where it does.
        is_old: whether what is known is older than it should be, for that reason.
        next_at: when it is asked again.
        changes: of each charger whose changes are kept.
    """

    chargers: Mapping[str, Charger] = field(default_factory=dict[str, Charger])
    read_at: datetime | None = None
    trouble: str = ""
    is_old: bool = False
    next_at: datetime | None = None
    changes: Mapping[str, Changes] = field(default_factory=dict[str, Changes])

    def of(self, charger_ids: Iterable[str]) -> "View":
        """Return it without the chargers that are no longer watched."""
        kept = set(charger_ids)
        return replace(self, chargers={name: each for name, each in self.chargers.items() if name in kept})

    def with_answer(self, answer: Answer, now: datetime, *, keep_changes: bool = False) -> "View":
        """Return it with what an answer tells."""
        told = [Charger(text_of(item.get("chargerId")), item) for item in answer.items]
        told += [Charger(charger_id, {}) for charger_id in answer.missing]
        changes = self.changes
        if keep_changes:
            changes = {**changes, **{each.charger_id: self._changes_with(each, now) for each in told}}
        chargers = {**self.chargers, **{each.charger_id: each for each in told}}
        return replace(self, chargers=chargers, read_at=now, changes=changes)

    def in_order(self, now: datetime) -> list[Charger]:
        """Return the chargers, those that matter most first; of these, who was heard last; else by id."""

        def rank(charger: Charger) -> tuple[Attention, int, str]:
            silence = charger.silence(now) or timedelta()
            return attention_of(charger, now), silence // HEARD_ALIKE, charger.charger_id

        return sorted(self.chargers.values(), key=rank)

    def summary(self, now: datetime) -> Summary:
        """Return all chargers in figures."""
        chargers = self.chargers.values()
        return Summary(
            chargers=len(chargers),
            charging=sum(each.is_charging(now) for each in chargers),
            power_w=sum(each.power(now) for each in chargers),
            with_findings=sum(bool(each.findings) for each in chargers),
            critical=sum(bool(each.findings) and each.findings[0].rank == 0 for each in chargers),
            silent=sum(each.is_silent(now) for each in chargers),
            never_seen=sum(each.is_missing for each in chargers),
        )

    def _changes_with(self, charger: Charger, now: datetime) -> Changes:
        changes = dict(self.changes.get(charger.charger_id, {}))
        for place in charger.places:
            for metric, known in place.metrics.items():
                before = changes.get((place.connector, metric), ())
                value = known.number
                if value is not None and (not before or before[-1].timestamp != known.timestamp):
                    changes[place.connector, metric] = (*before, Change(now, value, known.timestamp))[-MOST_CHANGES:]
        return changes


def attention_of(charger: Charger, now: datetime) -> Attention:
    """Return how much a charger matters now; what stands against one that is silent is old."""
    if charger.is_missing:
        return Attention.NEVER_SEEN
    if charger.is_silent(now):
        is_news = charger.stale_at and now - charger.stale_at < SILENCE_IS_NEWS
        return Attention.SILENT if is_news else Attention.LONG_SILENT
    worst = charger.findings[0].severity if charger.findings else ""
    if worst in {"critical", "warning"}:
        return Attention.CRITICAL if worst == "critical" else Attention.WARNING
    return Attention.CHARGING if charger.is_charging(now) else Attention.IDLE
