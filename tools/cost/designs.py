"""The designs that are costed: a stage of ours as its settings and its code have it, and others to compare it with."""

from dataclasses import dataclass, replace

from telemetry_stack.stages import Autoscaling, OnDemandCapacity, ProvisionedCapacity, StageSettings
from tools.cost.footprint import Log, measure
from tools.cost.model import GIB, Design, Fixed, Fleet, Invocation
from tools.cost.prices import PriceBook

MOST_MESSAGES = 10


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What the stack makes of a stage, where its settings do not say so; `tests/stack/test_cost.py` compares it.

    Attributes:
        alarms: of the stage.
        dashboards: of the stage.
        keys: of the stage.
    """

    alarms: int
    dashboards: int
    keys: int


def deployed(settings: StageSettings) -> Deployed:
    """Return what the stack makes of a stage. This is the one place that knows."""
    return Deployed(
        alarms=19 + (settings.silence_alarm_minutes is not None) + 4 * settings.gradual_deployment,
        dashboards=1,
        keys=3,
    )


def of_stage(  # noqa: PLR0913 - keyword-only beyond what it is about
    settings: StageSettings,
    fleet: Fleet,
    batch: int,
    book: PriceBook,
    *,
    sample: str = "flat",
    messages_per_batch: float | None = None,
) -> Design:
    """Return the design of a stage of ours, for requests with `batch` events of one charger each.

    Args:
        settings: the stage's.
        fleet: whose rate tells how many messages a batch has, and whose interval how late the events of a post are.
        batch: 1 to 100 events.
        book: whose assumptions tell what has not been measured.
        sample: which event, of `footprint.SAMPLES`.
        messages_per_batch: 1 to 10; absent: what is assumed for that rate.
    """
    made = deployed(settings)
    footprint = measure(settings.name, sample, batch, max(1, round(fleet.interval_seconds)))
    messages = len(footprint.messages)
    batched = messages_per_batch or assumed_messages(fleet.events_per_second / batch * messages, book)
    chargers = max(1.0, batched / messages)
    events = batched * batch / messages

    def logged(*logs: tuple[float, Log]) -> float:
        overhead = book.assumed("log_line_overhead_bytes")
        return sum(number * (log.size + log.lines * overhead) for number, log in logs)

    return Design(
        name=f"{settings.name}, " + ("single posts" if batch == 1 else f"posts of {batch}"),
        events=batch,
        body_bytes=footprint.body,
        answer_bytes=footprint.answer + book.assumed("answer_headers_bytes"),
        access_log_bytes=footprint.access_log + book.assumed("log_line_overhead_bytes"),
        ingest=Invocation(
            memory_mb=settings.memory.ingest_mb,
            billed_ms=billed_ms(
                book.assumed("ingest_cpu_ms_per_request") + batch * book.assumed("ingest_cpu_ms_per_event"),
                calls=len(footprint.sends),
                memory_mb=settings.memory.ingest_mb,
                book=book,
            ),
            log_bytes=logged((1, footprint.ingest)),
        ),
        sends=tuple(float(sum(send)) for send in footprint.sends),
        messages=messages,
        messages_per_batch=batched,
        message_bytes=sum(footprint.messages) / messages,
        processor=Invocation(
            memory_mb=settings.memory.processor_mb,
            billed_ms=billed_ms(
                book.assumed("processor_cpu_ms_per_invocation")
                + chargers * book.assumed("processor_cpu_ms_per_charger")
                + events * book.assumed("processor_cpu_ms_per_event"),
                # A read, and the writes side by side.
                calls=2,
                memory_mb=settings.memory.processor_mb,
                book=book,
            ),
            log_bytes=logged((1, footprint.invocation), (batched, footprint.message)),
        ),
        items=chargers,
        item_bytes=footprint.item,
        reads=True,
        capacity=settings.table_capacity,
        recovery=settings.point_in_time_recovery,
        log_days=settings.log_retention_days,
        traced=settings.tracing,
        fixed=Fixed(
            alarms=made.alarms,
            dashboards=made.dashboards,
            metrics=len(footprint.metrics),
            keys=made.keys,
            pollers=book.assumed("pollers"),
            # SQS asks twice for who sends and once for who receives, DynamoDB for who writes:
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
            key_users=4,
            snapshot_mb=sum(settings.memory.model_dump().values()) if settings.snap_start else 0,
        ),
    )


def assumed_messages(messages_per_second: float, book: PriceBook) -> float:
    """Return how many messages Lambda finds for an invocation: one, until its pollers are busy all the time."""
    arriving = messages_per_second * book.assumed("poll_cycle_seconds") / book.assumed("pollers")
    return min(book.assumed("most_messages_per_invocation"), max(1, arriving))


def billed_ms(cpu_ms: float, *, calls: int, memory_mb: int, book: PriceBook) -> float:
    """Return how long an invocation takes that computes, with the share of a CPU that it has, and waits for AWS."""
    cpu = min(1, memory_mb / book.assumed("whole_cpu_memory_mb"))
    return cpu_ms / cpu + calls * book.assumed("round_trip_ms")


# --- What most would write, and what each improvement is worth -------------------------------------------------------

# The load and the region of the figures below.
REFERENCE_FLEET = Fleet(10_000, 30)
REFERENCE_REGION = "us-east-1"
_MEMORY_MB = 256
_EVENT_BYTES = 500.0


def _bytes(usd_per_million: float) -> float:
    """Return the bytes whose ingestion costs so much for a million lines, at 0.50 USD for a GB."""
    return usd_per_million / 0.5 * GIB / 1e6


_LINE, _METRICS, _PLATFORM, _ACCESS = _bytes(0.225), _bytes(0.275), _bytes(0.18), _bytes(0.175)


@dataclass(frozen=True)
class Reference:
    """A design with the figure that was given for it, in USD for a million events of `REFERENCE_FLEET`."""

    design: Design
    per_million: float


_STRAIGHTFORWARD = Design(
    name="straightforward",
    events=1,
    body_bytes=_EVENT_BYTES,
    answer_bytes=0,
    access_log_bytes=_ACCESS,
    # A line and metrics of each request, and Lambda's own START, END and REPORT.
    ingest=Invocation(memory_mb=_MEMORY_MB, billed_ms=20, log_bytes=_LINE + _METRICS + _PLATFORM),
    sends=(_EVENT_BYTES,),
    messages=1,
    messages_per_batch=2,
    message_bytes=_EVENT_BYTES,
    # A line and metrics of each record, one `update_item` after the other.
    processor=Invocation(memory_mb=_MEMORY_MB, billed_ms=40, log_bytes=2 * (_LINE + _METRICS) + _PLATFORM),
    items=2,
    item_bytes=1000,
    reads=False,
    capacity=OnDemandCapacity(),
    recovery=False,
    log_days=0,
    traced=False,
    fixed=Fixed(),
)
# What `1.04`, `0.43` and `0.39` agree on: one line that is the metrics, too, of each invocation.
_QUIET = replace(
    _STRAIGHTFORWARD,
    name="+ logs and EMF once per batch, no START/END, no access log",
    access_log_bytes=0,
    ingest=Invocation(memory_mb=_MEMORY_MB, billed_ms=20, log_bytes=_METRICS),
    messages_per_batch=MOST_MESSAGES,
    processor=Invocation(memory_mb=_MEMORY_MB, billed_ms=100, log_bytes=_METRICS),
    items=MOST_MESSAGES,
)
_TENS = replace(
    _QUIET,
    name="+ POST of 10, SendMessageBatch",
    events=10,
    body_bytes=10 * _EVENT_BYTES,
    ingest=replace(_QUIET.ingest, billed_ms=30),
    sends=(10 * _EVENT_BYTES,),
    messages=10,
)
_COALESCED = replace(_TENS, name="+ coalesced writes", items=1, processor=replace(_TENS.processor, billed_ms=30))
_PACKED = replace(
    _COALESCED,
    name="POST of 10 in one message, provisioned table",
    messages=1,
    messages_per_batch=1,
    message_bytes=10 * _EVENT_BYTES,
    capacity=ProvisionedCapacity(
        read=Autoscaling(minimum=1, maximum=40_000), write=Autoscaling(minimum=1, maximum=40_000)
    ),
)
_HUNDREDS = replace(
    _PACKED,
    name="POST of 100 in one message",
    events=100,
    body_bytes=100 * _EVENT_BYTES,
    ingest=replace(_PACKED.ingest, billed_ms=60),
    sends=(100 * _EVENT_BYTES,),
    message_bytes=100 * _EVENT_BYTES,
    processor=replace(_PACKED.processor, billed_ms=90),
)
REFERENCES = (
    Reference(_STRAIGHTFORWARD, 4.48),
    Reference(_QUIET, 2.8),
    Reference(_TENS, 1.04),
    Reference(_COALESCED, 0.43),
    Reference(_PACKED, 0.39),
    Reference(_HUNDREDS, 0.044),
)
STRAIGHTFORWARD = _STRAIGHTFORWARD
