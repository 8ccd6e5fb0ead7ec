"""How many chargers a stage takes before it meets a quota of AWS, or a limit that its own settings have."""

from dataclasses import dataclass

from telemetry_stack.stages import OnDemandCapacity, StageSettings
from tools.cost.designs import MOST_MESSAGES, of_stage
from tools.cost.model import Fleet
from tools.cost.prices import PriceBook


@dataclass(frozen=True)
class Limit:
    """So much of something there may be in a second.

    Attributes:
        what: is limited.
        value: how much of it there may be.
        chargers: with how many it is met.
        source: a setting of the stage, or where AWS says so.
        ours: whether it holds for this stage, or only shows what was avoided.
    """

    what: str
    value: float
    chargers: float
    source: str
    ours: bool = True

    @property
    def by_aws(self) -> bool:
        """Whether AWS sets it, and not a setting of the stage."""
        return self.source.startswith("https://")


def limits(  # noqa: PLR0913 - a fleet without its size, a way to post, and where
    settings: StageSettings, interval_seconds: float, batch: int, book: PriceBook, region: str, *, sample: str = "flat"
) -> list[Limit]:
    """Return the limits in the order in which a growing fleet meets them.

    Before one is met batches are full, since the queue has waited: 10 messages for each invocation.
    """
    one = Fleet(1, interval_seconds)
    design = of_stage(settings, one, batch, book, sample=sample, messages_per_batch=MOST_MESSAGES)
    requests = design.requests_per_second(one)
    processors = design.batches_per_second(one) * design.processor.billed_ms / 1000
    functions = requests * design.ingest.billed_ms / 1000 + processors
    writes = design.writes_per_second(one) * design.write_units
    sends = requests * len(design.sends)

    def of_stage_file(what: str, value: float, used: float, setting: str) -> Limit:
        return Limit(what, value, value / used, f"`{setting}` of the stage")

    def of_aws(quota: str, used: float, *, ours: bool = True) -> Limit:
        said = book.quotas[quota]
        return Limit(said.unit, said.regions[region], said.regions[region] / used, said.source, ours)

    found = [
        of_stage_file("posts/s", settings.ingest_throttle.requests_per_second, requests, "ingest_throttle"),
        of_stage_file("processors at once", settings.processor_concurrency, processors, "processor_concurrency"),
        of_aws("api_requests", requests),
        of_aws("lambda_concurrency", functions),
        of_aws("sqs_fifo_calls", sends),
        of_aws("sqs_plain_fifo_calls", sends, ours=False),
        of_aws("dynamodb_table_writes", writes),
    ]
    if isinstance(settings.table_capacity, OnDemandCapacity):
        found.append(of_aws("dynamodb_new_table_writes", writes))
    else:
        most = settings.table_capacity.write.maximum
        found.append(of_stage_file("write units/s", most, writes, "table_capacity.write.maximum"))
    return sorted(found, key=lambda limit: limit.chargers)


def first(found: list[Limit]) -> Limit:
    """Return the one that is met first."""
    return next(limit for limit in found if limit.ours)
