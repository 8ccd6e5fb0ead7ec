"""From a design and a fleet to what it uses in a month, and from that to what it costs, by component."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from telemetry_stack.stages import Autoscaling, OnDemandCapacity, ProvisionedCapacity
from tools.cost.prices import PriceBook

# A month of 30 days.
MONTH_SECONDS = 30 * 24 * 3600
MONTH_HOURS = MONTH_SECONDS / 3600
MONTH_DAYS = 30
GIB = 1024**3
MILLION = 1_000_000
# What API Gateway counts as one request, SQS as one, and DynamoDB as one unit of writing and of reading.
# https://aws.amazon.com/api-gateway/pricing/ https://aws.amazon.com/sqs/pricing/
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
REQUEST_BYTES = 512 * 1024
SQS_REQUEST_BYTES = 64 * 1024
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4 * 1024
# How long SQS and DynamoDB use a data key before they ask KMS for another.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
KEY_REUSE_SECONDS = 300

API, INGEST, SQS, PROCESSOR, TABLE = "API Gateway", "Lambda ingest", "SQS", "Lambda processor", "DynamoDB"
SNAPSHOTS = "Lambda snapshots"
CLOUDWATCH, XRAY, KMS, DATA_OUT = "CloudWatch", "X-Ray", "KMS", "Data transfer out"
COMPONENTS = (API, INGEST, SQS, PROCESSOR, SNAPSHOTS, TABLE, CLOUDWATCH, XRAY, KMS, DATA_OUT)


@dataclass(frozen=True)
class Fleet:
    """Chargers of which each has an event every `interval_seconds`."""

    chargers: int
    interval_seconds: float

    @property
    def events_per_second(self) -> float:
        """Events of all of them."""
        return self.chargers / self.interval_seconds

    @property
    def events(self) -> float:
        """Events of a month."""
        return self.events_per_second * MONTH_SECONDS


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One invocation of a function.

    Attributes:
        memory_mb: what it is billed for, with the time.
        billed_ms: warm; cold starts are too few to count.
        log_bytes: what CloudWatch takes in.
    """

    memory_mb: int
    billed_ms: float
    log_bytes: float

    @property
    def gb_seconds(self) -> float:
        """What Lambda bills."""
        return self.memory_mb / 1024 * self.billed_ms / 1000


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What a stage has, whatever comes: each of them is billed by the month."""

    alarms: int = 0
    dashboards: int = 0
    metrics: int = 0
    keys: int = 0
    pollers: float = 0
    # Of functions that use the queue's key and the table's: those that send, that receive, that read or write.
    key_users: int = 0
    # Memory of all functions of which Lambda keeps a snapshot, of one version each.
    snapshot_mb: int = 0


@dataclass(frozen=True, kw_only=True)
class Design:
    """How events travel: a request with some of one charger, messages on the queue, batches of them, items.

    Attributes:
        name: what people call it.
        events: in a request, all of one charger.
        body_bytes: of a request.
        answer_bytes: of its answer, headers included.
        access_log_bytes: of the line that API Gateway writes about it.
        ingest: the invocation that it causes.
        sends: of the requests to SQS that it causes, the bytes of each.
        messages: that it puts on the queue.
        messages_per_batch: 1 to 10.
        message_bytes: of each.
        processor: the invocation for a batch.
        items: that it writes for a batch.
        item_bytes: of each, as DynamoDB counts.
        reads: whether it reads them, consistently, before.
        capacity: how the table is paid for.
        recovery: whether the table can be restored to any second.
        log_days: how long logs are kept.
        traced: whether the functions are traced.
        fixed: what is billed by the month.
    """

    name: str
    events: int
    body_bytes: float
    answer_bytes: float
    access_log_bytes: float
    ingest: Invocation
    sends: tuple[float, ...]
    messages: int
    messages_per_batch: float
    message_bytes: float
    processor: Invocation
    items: float
    item_bytes: float
    reads: bool
    capacity: OnDemandCapacity | ProvisionedCapacity
    recovery: bool
    log_days: float
    traced: bool
    fixed: Fixed

    @property
    def write_units(self) -> int:
        """What the write of an item takes."""
        return ceil(self.item_bytes / WRITE_UNIT_BYTES)

    @property
    def read_units(self) -> int:
        """What the read of an item takes."""
        return ceil(self.item_bytes / READ_UNIT_BYTES) if self.reads else 0

    def requests_per_second(self, fleet: Fleet) -> float:
        """Requests of a fleet."""
        return fleet.events_per_second / self.events

    def batches_per_second(self, fleet: Fleet) -> float:
        """Invocations of the processor."""
        return self.requests_per_second(fleet) * self.messages / self.messages_per_batch

    def writes_per_second(self, fleet: Fleet) -> float:
        """Items written."""
        return self.batches_per_second(fleet) * self.items


@dataclass(frozen=True)
class Use:
    """So much of something in a month.

    Attributes:
        component: of the service.
        what: it is.
        price: its name in `prices.json`.
        quantity: in the unit of that price.
        fixed: whether it is the same for every fleet.
    """

    component: str
    what: str
    price: str
    quantity: float
    fixed: bool = False


@dataclass(frozen=True)
class Charge:
    """What a use costs in a month, in USD."""

    use: Use
    usd: float


@dataclass(frozen=True)
class Bill:
    """What a month costs.

    Attributes:
        charges: each of them.
        events: in that month.
    """

    charges: tuple[Charge, ...]
    events: float

    @property
    def usd(self) -> float:
        """All of it."""
        return sum(charge.usd for charge in self.charges)

    @property
    def fixed_usd(self) -> float:
        """What would be paid without any charger."""
        return sum(charge.usd for charge in self.charges if charge.use.fixed)

    @property
    def per_million(self) -> float:
        """All of it for a million events, in USD."""
        return self.usd / self.events * MILLION

    def by_component(self) -> dict[str, float]:
        """Return USD by component, those that cost nothing left out."""
        found = {charge.use.component: 0.0 for charge in self.charges}
        for charge in self.charges:
            found[charge.use.component] += charge.usd
        return {component: usd for component, usd in found.items() if usd}


def bill(uses: Sequence[Use], events: float, book: PriceBook, region: str) -> Bill:
    """Return what uses cost; of what has tiers, all uses of one price count together."""
    total: dict[str, float] = {}
    for use in uses:
        total[use.price] = total.get(use.price, 0) + use.quantity
    average = {
        name: book.prices[name].regions[region].cost(quantity) / quantity
        for name, quantity in total.items()
        if quantity
    }
    return Bill(tuple(Charge(use, use.quantity * average.get(use.price, 0)) for use in uses), events)


def cost(design: Design, fleet: Fleet, book: PriceBook, region: str) -> Bill:
    """Return what a design costs for a fleet."""
    return bill(list(uses_of(design, fleet, book)), fleet.events, book, region)


def uses_of(design: Design, fleet: Fleet, book: PriceBook) -> Iterator[Use]:
    """Yield what a design uses in a month."""
    requests = design.requests_per_second(fleet) * MONTH_SECONDS
    batches = design.batches_per_second(fleet) * MONTH_SECONDS
    yield Use(API, "requests", "http_api_request", requests * ceil(design.body_bytes / REQUEST_BYTES))
    yield from _function(INGEST, design.ingest, requests)
    yield Use(SQS, "sends", "sqs_fifo_request", requests * sum(map(_sqs_requests, design.sends)))
    received = design.messages_per_batch * design.message_bytes
    yield Use(SQS, "receives", "sqs_fifo_request", batches * _sqs_requests(received))
    yield Use(SQS, "deletes", "sqs_fifo_request", batches)
    waits = design.fixed.pollers * MONTH_SECONDS / book.assumed("long_poll_seconds")
    yield Use(SQS, "receives of nothing", "sqs_fifo_request", waits, fixed=True)
    yield from _function(PROCESSOR, design.processor, batches)
    kept = design.fixed.snapshot_mb / 1024 * MONTH_SECONDS
    yield Use(SNAPSHOTS, "snapshots kept", "snapstart_cache_gb_second", kept, fixed=True)
    yield from _table(design, fleet, book)
    yield from _cloudwatch(design, requests, batches, book)
    if design.traced:
        for what, rate in (
            ("traces of ingest", design.requests_per_second(fleet)),
            ("traces of the processor", design.batches_per_second(fleet)),
        ):
            yield Use(XRAY, what, "trace", traces_per_second(rate, book) * MONTH_SECONDS)
    yield Use(KMS, "keys", "kms_key", design.fixed.keys, fixed=True)
    asked = design.fixed.key_users * MONTH_SECONDS / KEY_REUSE_SECONDS
    yield Use(KMS, "requests", "kms_request", asked, fixed=True)
    yield Use(DATA_OUT, "answers", "data_out", requests * design.answer_bytes / GIB)


def traces_per_second(rate: float, book: PriceBook) -> float:
    """Return how many of so many invocations a second Lambda traces."""
    always = min(rate, book.assumed("traces_per_second"))
    return always + (rate - always) * book.assumed("trace_rate")


def _sqs_requests(size: float) -> int:
    return max(1, ceil(size / SQS_REQUEST_BYTES))


def _function(component: str, invocation: Invocation, number: float) -> Iterator[Use]:
    yield Use(component, "invocations", "lambda_request", number)
    yield Use(component, "time", "lambda_gb_second", number * invocation.gb_seconds)


def _table(design: Design, fleet: Fleet, book: PriceBook) -> Iterator[Use]:
    rate = design.writes_per_second(fleet)
    match design.capacity:
        case OnDemandCapacity():
            yield Use(TABLE, "writes", "dynamodb_write_request", rate * design.write_units * MONTH_SECONDS)
            yield Use(TABLE, "reads", "dynamodb_read_request", rate * design.read_units * MONTH_SECONDS)
        case ProvisionedCapacity(read=read, write=write):
            for what, price, scaled, units in (
                ("write capacity", "dynamodb_write_capacity", write, rate * design.write_units),
                ("read capacity", "dynamodb_read_capacity", read, rate * design.read_units),
            ):
                yield Use(TABLE, what, price, _provisioned(scaled, units) * MONTH_HOURS)
    stored = fleet.chargers * (design.item_bytes + book.assumed("item_overhead_bytes")) / GIB
    yield Use(TABLE, "storage", "dynamodb_storage", stored)
    if design.recovery:
        yield Use(TABLE, "point-in-time recovery", "dynamodb_recovery", stored)


def _provisioned(scaled: Autoscaling, units: float) -> float:
    """Return the capacity that is there on average for so many units a second, steady."""
    return min(scaled.maximum, max(scaled.minimum, units * 100 / scaled.target_percent))


def _cloudwatch(design: Design, requests: float, batches: float, book: PriceBook) -> Iterator[Use]:
    logged = {
        "log of ingest": requests * design.ingest.log_bytes / GIB,
        "log of the processor": batches * design.processor.log_bytes / GIB,
        "access log": requests * design.access_log_bytes / GIB,
    }
    for what, gigabytes in logged.items():
        yield Use(CLOUDWATCH, what, "log_ingestion", gigabytes)
    kept = sum(logged.values()) * design.log_days / MONTH_DAYS * book.assumed("log_compression")
    yield Use(CLOUDWATCH, "logs kept", "log_storage", kept)
    for what, price, number in (
        ("custom metrics", "metric", design.fixed.metrics),
        ("alarms", "alarm", design.fixed.alarms),
        ("dashboards", "dashboard", design.fixed.dashboards),
    ):
        yield Use(CLOUDWATCH, what, price, number, fixed=True)


def shares(costs: Mapping[str, float]) -> dict[str, float]:
    """Return the share of each, 0 to 1."""
    whole = sum(costs.values())
    return {name: usd / whole for name, usd in costs.items()}
