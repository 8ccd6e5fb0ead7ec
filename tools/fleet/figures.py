"""Figures of a run while it goes on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.fleet.flaws import Sent

PERCENTILES = (50, 95, 99)


@dataclass
class Figures:
    """What was counted.

    Attributes:
        requests: answered or not.
        sent: events whose first request has left.
        accepted: acknowledged events.
        rejected: events by why, which begins with the status.
        unknown: events that were given up without an answer that says what became of them.
        retries: requests that were made again, by why.
        flaws: events by what was done to them.
        latencies: seconds until an answer.
    """

    requests: int = 0
    sent: int = 0
    accepted: int = 0
    unknown: int = 0
    rejected: Counter[str] = field(default_factory=Counter[str])
    retries: Counter[str] = field(default_factory=Counter[str])
    flaws: Counter[str] = field(default_factory=Counter[str])
    latencies: list[float] = field(default_factory=list[float])

    def begin(self, events: Sequence[Sent]) -> None:
        """Count events that are sent for the first time."""
        self.sent += len(events)
        self.flaws.update(each.event.flaw for each in events if each.event.flaw)

    def milliseconds(self) -> dict[str, int]:
        """Return the percentiles of the latency, by their names; none before the first answer."""
        ordered = sorted(self.latencies)
        return {f"p{each}": round(percentile(ordered, each) * 1000) for each in PERCENTILES} if ordered else {}


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest of the values that so many percent are not greater than (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def rate_of(events: int, seconds: float) -> float:
    """Return events a second."""
    return events / seconds if seconds > 0 else 0.0
