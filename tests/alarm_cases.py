"""What each alarm's metric is given by the fault that it is there for, and in health. An alarm without a case fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.alarm_evaluation import Minutes

DAY = 24 * 60 * 60
NOTHING: Sequence[float] = ()

# How the emulator's alarm is made to ring: by a fault of the function that it is on, or by the data that a fault makes.
OnTheEmulator = Literal[
    "an invocation that fails", "no concurrency left", "a queue that does not answer", "data points"
]


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alarm's fault and its health.

    Attributes:
        fault: what goes wrong, for the table in `docs/alarms.md`.
        faulty: what the metric is given in each minute, from the fault on.
        health: what is well, though it may look like the fault; for the table.
        healthy: what the metric is given in each minute, over and over; the first of them is the usual one.
        on_the_emulator: how it is made to ring there; None where stage `local` has no such alarm.
    """

    fault: str
    faulty: Minutes
    health: str
    healthy: Minutes
    on_the_emulator: OnTheEmulator | None = "data points"


def mostly(usual: float, *, of: int, but: Sequence[float]) -> list[float]:
    """Return so many values, the usual one but for some others."""
    return [usual] * (of - len(but)) + list(but)


def age(*, after: float, minutes: int) -> Minutes:
    """Return the age of the oldest message, in seconds, that is never taken off its queue."""
    return [[after + 60.0 * minute] for minute in range(1, minutes + 1)]


def errors(function: str) -> Case:
    return Case(
        fault=f"one invocation of {function} fails",
        faulty=[[1, 0, 0, 0]],
        health="invocations that succeed: Lambda reports each as 0 errors",
        healthy=[[0] * 50],
        on_the_emulator="an invocation that fails",
    )


def throttles(function: str) -> Case:
    return Case(
        fault=f"Lambda refuses one invocation of {function}",
        faulty=[[0, 1]],
        health="invocations that run: Lambda reports each as 0 throttles",
        healthy=[[0] * 50],
        on_the_emulator="no concurrency left",
    )


def of_version(fault: str) -> Case:
    return Case(
        fault=fault,
        faulty=[[1]],
        health="a new version that does not: no data, or 0",
        healthy=[NOTHING, [0] * 5],
        on_the_emulator=None,
    )


def of_table(fault: str) -> Case:
    return Case(fault=fault, faulty=[[1]], health="no data: DynamoDB reports what goes wrong alone", healthy=[NOTHING])


# Three periods of five minutes, wherever they begin.
LASTING = 20
CASES = {
    "DeadLetters": Case(
        fault="a message is moved to the DLQ, and stays there",
        faulty=age(after=0, minutes=3),
        health="0, when the DLQ has just been emptied, and then no data",
        healthy=[[0.0], NOTHING],
    ),
    "DeadLettersExpiring": Case(
        fault="a message in the DLQ becomes 10 days old",
        faulty=age(after=10 * DAY - 60, minutes=3),
        health="a DLQ that was emptied, and a message that has been there for 9 days",
        healthy=[[0.0], [9.0 * DAY]],
    ),
    "QueueBehind": Case(
        fault="nothing is taken off the queue",
        faulty=age(after=0, minutes=10),
        health="messages of some seconds, and for two minutes one of more than five",
        healthy=[*[[2.0]] * 20, [320.0], [380.0]],
    ),
    "IngestErrors": errors("ingest"),
    "IngestThrottles": throttles("ingest"),
    "IngestLatency": Case(
        fault="one post in fifty needs a second call of SQS",
        faulty=[mostly(40, of=200, but=[2_300] * 4)] * LASTING,
        health="tens of milliseconds, with one slow post in 200, and five minutes of cold starts",
        healthy=[[40.0] * 40, *[mostly(40, of=200, but=[2_300])] * 30, *[mostly(40, of=200, but=[2_300] * 40)] * 5],
        on_the_emulator="a queue that does not answer",
    ),
    "ProcessorErrors": errors("the processor"),
    "ProcessorThrottles": throttles("the processor"),
    "QueryErrors": errors("query"),
    "QueryThrottles": throttles("query"),
    "SendsRefused": Case(
        fault="SQS refuses one send",
        faulty=[[1]],
        health="no data: ingest counts refused sends alone",
        healthy=[NOTHING],
    ),
    "ApiThrottles": Case(
        fault="API Gateway answers one request with 429",
        faulty=[[1]],
        health="no data: the metric filter counts 429s alone",
        healthy=[NOTHING],
    ),
    "Freshness": Case(
        fault="one event in fifty is delivered again, and stored 90 seconds after it was sent",
        faulty=[mostly(400, of=200, but=[90_000] * 4)] * LASTING,
        health="parts of a second, with one late event in 200, and five minutes in which all are late",
        healthy=[*[mostly(400, of=200, but=[90_000])] * 30, *[[90_000.0] * 200] * 5],
    ),
    "NotStored": Case(
        fault="the item of one charger can't be written, and what fails is delivered again each minute",
        faulty=[[1, 2, 3, 4, 5], [6], *[[receives] for receives in range(7, 20)]],
        health="each minute some messages fail once, and for three minutes the table throttles",
        healthy=[*[[1, 1, 2]] * 30, [1, 2, 3, 4, 5], [6, 7], [8]],
    ),
    "FindingsRate": Case(
        fault="half of the events have findings, after new firmware",
        faulty=[[0, 1] * 100] * LASTING,
        health="3 % of the events have findings, and for five minutes half of them",
        healthy=[*[mostly(0, of=100, but=[1] * 3)] * 30, *[[0, 1] * 50] * 5],
    ),
    "NoTelemetry": Case(
        fault="a charger posts for the last time, and no other does",
        faulty=[[1], *[NOTHING] * 30],
        health="a charger that posts every five minutes",
        healthy=[[1], *[NOTHING] * 4],
        on_the_emulator=None,
    ),
    "TableReadThrottles": of_table("DynamoDB throttles one read"),
    "TableWriteThrottles": of_table("DynamoDB throttles one write"),
    "TableBatchGetItemErrors": of_table("DynamoDB answers one BatchGetItem with 500"),
    "TablePutItemErrors": of_table("DynamoDB answers one PutItem with 500"),
    "IngestVersionErrors": of_version("one invocation of a new version of ingest fails"),
    "ProcessorVersionErrors": of_version("one invocation of a new version of the processor fails"),
    "ProcessorVersionFaults": of_version("the code of a new version of the processor fails at one message"),
    "QueryVersionErrors": of_version("one invocation of a new version of query fails"),
}
