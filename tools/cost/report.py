"""A stage's costs for people, on a terminal, and for machines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tools.cost.alternatives import ALTERNATIVES
from tools.cost.model import MILLION, Bill, Design, Fleet, bill, cost, shares
from tools.cost.prices import PriceBook
from tools.cost.quotas import Limit, first


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is told of a stage.

    Attributes:
        stage: its name.
        region: of the prices.
        sample: which event the chargers send.
        fleet: that posts.
        design: of the stage.
        limits: in the order in which they are met.
        book: of the prices.
    """

    stage: str
    region: str
    sample: str
    fleet: Fleet
    design: Design
    limits: Sequence[Limit]
    book: PriceBook

    @property
    def bill(self) -> Bill:
        """What the stage costs."""
        return cost(self.design, self.fleet, self.book, self.region)

    def alternatives(self) -> dict[str, Bill]:
        """Return what other designs cost, by name."""
        return {
            each.name: bill(each.uses(self.fleet, self.book), self.fleet.events, self.book, self.region)
            for each in ALTERNATIVES
        }

    def as_text(self) -> str:
        """Return it for people."""
        whole, fleet = self.bill, self.fleet
        posts = "single posts" if self.design.events == 1 else f"posts of {self.design.events} events of one charger"
        by_component = whole.by_component()
        part = shares(by_component)
        rows = [
            (component, dollars(usd), per_million(usd, whole), f"{part[component]:.0%}")
            for component, usd in by_component.items()
        ]
        rows.append(("total", dollars(whole.usd), per_million(whole.usd, whole), ""))
        rows.append(("of it whatever the fleet", dollars(whole.fixed_usd), per_million(whole.fixed_usd, whole), ""))
        others = [
            (name, dollars(other.usd), per_million(other.usd, other), "") for name, other in self.alternatives().items()
        ]
        met = first(list(self.limits))
        load = (
            f"{self.stage} in {self.region}: {fleet.chargers:,} chargers, an event ({self.sample}) each "
            f"{fleet.interval_seconds:g} s, {posts}: {fleet.events / MILLION:,.1f} million events a month"
        )
        return "\n".join(
            (
                load,
                "",
                *aligned(("component", "$ a month", "$ a million", "share"), rows),
                "",
                *aligned(("the same events in another design", "$ a month", "$ a million", ""), others),
                "",
                f"met first: {met.value:,.0f} {met.what}, with {rounded(met.chargers)} chargers ({met.source})",
            )
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        whole, met = self.bill, first(list(self.limits))
        return {
            "stage": self.stage,
            "region": self.region,
            "event": self.sample,
            "chargers": self.fleet.chargers,
            "intervalSeconds": self.fleet.interval_seconds,
            "batch": self.design.events,
            "eventsPerMonth": whole.events,
            "usdPerMonth": whole.usd,
            "usdPerMonthFixed": whole.fixed_usd,
            "usdPerMillionEvents": whole.per_million,
            "charges": [
                {
                    "component": charge.use.component,
                    "what": charge.use.what,
                    "price": charge.use.price,
                    "quantity": charge.use.quantity,
                    "usd": charge.usd,
                    "fixed": charge.use.fixed,
                }
                for charge in whole.charges
            ],
            "alternatives": [
                {"name": name, "usdPerMonth": other.usd, "usdPerMillionEvents": other.per_million}
                for name, other in self.alternatives().items()
            ],
            "quotas": [
                {
                    "what": limit.what,
                    "value": limit.value,
                    "chargers": limit.chargers,
                    "source": limit.source,
                    "ofThisStage": limit.ours,
                    "first": limit is met,
                }
                for limit in self.limits
            ],
        }


def dollars(usd: float) -> str:
    """Return an amount of a month: cents below 100."""
    return f"{usd:,.2f}" if usd < 100 else f"{usd:,.0f}"  # noqa: PLR2004 - as described


def rounded(chargers: float) -> str:
    """Return a number of chargers, of which two digits are as much as is known."""
    return f"{float(f'{chargers:.2g}'):,.0f}"


def per_million(usd: float, whole: Bill) -> str:
    """Return an amount of a month for a million events."""
    return f"{usd / whole.events * MILLION:.3f}"


def aligned(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, the first column to the left and the others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
