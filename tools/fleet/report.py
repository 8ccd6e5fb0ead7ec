"""What a run is told as: a line while it goes on, and a report as text and as JSON at its end."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from tools.command_line import printable
from tools.fleet.figures import Figures, rate_of
from tools.fleet.ledger import Difference
from tools.fleet.plan import Plan

MOST_DIFFERENCES_SHOWN = 20
INTERRUPTED = "interrupted before what was kept was read back"


@dataclass(frozen=True)
class Report:
    """A run at its end.

    Attributes:
        seconds: how long it sent.
        differences: what is not as it must be; None where nothing was read back.
        not_read: why it was not, where it was not.
    """

    plan: Plan
    figures: Figures
    seconds: float
    differences: Sequence[Difference] | None
    not_read: str = INTERRUPTED

    @property
    def is_good(self) -> bool:
        """Whether something was accepted, and all that was is kept as it must be."""
        return self.differences is not None and not self.differences and self.figures.accepted > 0

    @property
    def verdict(self) -> str:
        """The verdict in a few words."""
        if self.differences is None:
            return f"none: {self.not_read}"
        unknown = self.figures.unknown
        of_unknown = f", {'but' if self.is_good else 'and'} {counted(unknown, 'event')} of which nobody knows"
        return self._judgement() + (of_unknown if unknown else "")

    def _judgement(self) -> str:
        if self.differences:
            return counted(len(self.differences), "difference")
        if self.figures.accepted:
            return "no difference"
        return "nothing was accepted" if self.figures.sent else "nothing was sent: give a longer --duration"

    def as_text(self) -> str:
        """Return it for a person."""
        return "\n".join(map(printable, self._lines()))

    def as_json(self) -> str:
        """Return it for a program: seconds, events a second, and milliseconds by percentile."""
        plan, figures = self.plan, self.figures
        told = {
            "plan": asdict(plan) | {"begun": plan.begun.isoformat()},
            "seconds": round(self.seconds, 3),
            "requests": figures.requests,
            "sent": figures.sent,
            "accepted": figures.accepted,
            "rejected": dict(figures.rejected.most_common()),
            "unknown": figures.unknown,
            "retries": dict(figures.retries.most_common()),
            "flaws": dict(figures.flaws.most_common()),
            "eventsPerSecond": round(rate_of(figures.sent, self.seconds), 1),
            "latencyMilliseconds": figures.milliseconds(),
            "verdict": self.verdict,
            "differences": None
            if self.differences is None
            else [{"chargerId": each.charger_id, "what": each.what} for each in self.differences],
        }
        return json.dumps(told, indent=2)

    def _lines(self) -> Iterator[str]:
        plan, figures = self.plan, self.figures
        latency = ", ".join(f"{name} {value} ms" for name, value in figures.milliseconds().items()) or "no answer"
        yield f"{plan.chargers} chargers, {plan.prefix}-*, an event every {plan.interval:g} s, seed {plan.seed}"
        yield f"  sent      {figures.sent} events in {figures.requests} requests and {self.seconds:.1f} s"
        yield f"  rate      {rate_of(figures.sent, self.seconds):.1f} events/s"
        yield f"  latency   {latency}"
        yield f"  accepted  {figures.accepted}"
        yield f"  rejected  {figures.rejected.total()}"
        yield from _counted(figures.rejected)
        yield f"  unknown   {figures.unknown}"
        yield f"  retries   {figures.retries.total()}"
        yield from _counted(figures.retries)
        yield f"  flaws     {figures.flaws.total()} events"
        yield from _counted(figures.flaws)
        yield f"  verdict   {self.verdict}"
        differences = self.differences or ()
        yield from (f"    {each.charger_id}  {each.what}" for each in differences[:MOST_DIFFERENCES_SHOWN])
        if len(differences) > MOST_DIFFERENCES_SHOWN:
            yield f"    ... {len(differences) - MOST_DIFFERENCES_SHOWN} more: --json tells all"


def counted(number: int, what: str) -> str:
    """Return so many of something, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def progress_line(figures: Figures, seconds: float, due: int) -> str:
    """Return how a run stands, on one line.

    Args:
        figures: what was counted.
        seconds: since the beginning.
        due: how many events there are in all.
    """
    latency = " ".join(f"{name} {value}" for name, value in figures.milliseconds().items())
    statuses = Counter[str]()
    for reason, events in figures.rejected.items():
        statuses[reason.partition(" ")[0]] += events
    rejected = " ".join(f"{status}: {events}" for status, events in sorted(statuses.items()))
    return (
        f"{seconds:2.0f} s  {figures.sent}/{due} events  {rate_of(figures.sent, seconds):.1f}/s  "
        f"accepted {figures.accepted}  rejected {rejected or 0}  retries {figures.retries.total()}  {latency} ms"
    )


def _counted(counter: Counter[str]) -> Iterator[str]:
    return (f"    {events:6}  {what}" for what, events in counter.most_common())
