"""What the service is to cost and to carry, beside what the model computes, and what stands between the two."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from telemetry_stack.stages import Autoscaling, ProvisionedCapacity, StageSettings
from tools.cost.designs import MOST_MESSAGES, REFERENCE_FLEET, REFERENCE_REGION, of_stage
from tools.cost.model import DATA_OUT, MILLION, Bill, Charge, cost
from tools.cost.prices import PriceBook
from tools.cost.quotas import Limit, limits

# Used to 70 %, `Autoscaling`'s default; a fleet of the documents meets neither bound.
PROVISIONED = ProvisionedCapacity(
    read=Autoscaling(minimum=1, maximum=40_000), write=Autoscaling(minimum=1, maximum=40_000)
)
LOGS = ("log_ingestion", "log_storage")


@dataclass(frozen=True)
class Target:
    """What is aimed at for posts of so many events of one charger.

    Attributes:
        batch: events in a post.
        per_million: USD for a million events of `REFERENCE_FLEET`, in `REFERENCE_REGION`.
        chargers: within AWS's default quotas, with an event each in that fleet's interval.
    """

    batch: int
    per_million: float
    chargers: int


TARGETS = (Target(1, 2.9, 300_000), Target(10, 0.45, 3_000_000), Target(100, 0.06, 3_000_000))


def costs(settings: StageSettings, target: Target, book: PriceBook) -> Mapping[str, float]:
    """Return USD for a million events, by what it is: the target, the stage as it is, what stands in the way, the rest.

    What stands in the way is part of what the stage costs as it is; the parts overlap.
    """
    provisioned = settings.model_copy(update={"table_capacity": PROVISIONED})
    shipped = _bill(settings, target, book)
    reached = _bill(provisioned, target, book, MOST_MESSAGES)
    usd = shipped.per_million
    return {
        "target": target.per_million,
        f"`{settings.name}` as shipped": usd,
        "in the way: writes on demand and consistent reads, over a provisioned table at 70 %": usd
        - _bill(provisioned, target, book).per_million,
        f"in the way: messages for each invocation, which nobody knows, over {MOST_MESSAGES}": usd
        - _bill(settings, target, book, MOST_MESSAGES).per_million,
        "in the way: log lines with ids, metrics in them, and the access log": _part(
            shipped, lambda charge: charge.use.price in LOGS
        ),
        "in the way: fixed costs and data transfer out, which the target may not count": _part(shipped, _uncounted),
        f"with a provisioned table at 70 % and {MOST_MESSAGES} messages for each invocation": reached.per_million,
        "the same without fixed costs and data transfer out": reached.per_million - _part(reached, _uncounted),
    }


def fleets(settings: StageSettings, target: Target, book: PriceBook) -> Mapping[str, float]:
    """Return how many chargers there may be, by what limits them: the target, AWS's default quotas, the stage's own."""
    found = [
        limit
        for limit in limits(settings, REFERENCE_FLEET.interval_seconds, target.batch, book, REFERENCE_REGION)
        if limit.ours
    ]
    new = [limit for limit in found if "new on-demand table" in limit.what]
    of_aws = [limit for limit in found if limit.by_aws and limit not in new]
    return {
        "target": target.chargers,
        "AWS's default quotas": _first(of_aws),
        **({"a new table on demand, until it has grown or was warmed": _first(new)} if new else {}),
        **{
            f"`{setting}` of `{settings.name}`": _first([limit for limit in found if f"`{setting}`" in limit.source])
            for setting in ("ingest_throttle", "processor_concurrency")
        },
    }


def _bill(settings: StageSettings, target: Target, book: PriceBook, messages: float | None = None) -> Bill:
    design = of_stage(settings, REFERENCE_FLEET, target.batch, book, messages_per_batch=messages)
    return cost(design, REFERENCE_FLEET, book, REFERENCE_REGION)


def _part(whole: Bill, counts: Callable[[Charge], bool]) -> float:
    return sum(charge.usd for charge in whole.charges if counts(charge)) / whole.events * MILLION


def _uncounted(charge: Charge) -> bool:
    return charge.use.fixed or charge.use.component == DATA_OUT


def _first(found: Sequence[Limit]) -> float:
    return min(limit.chargers for limit in found)
