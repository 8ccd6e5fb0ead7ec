"""What the unit tests share: no sockets, the environment that the stack gives, and events from files."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws
from pytest_socket import disable_socket, enable_socket

import ingest.handler
import processor.handler
import query.handler
from telemetry import aws_clients
from telemetry.http_api import HttpRequest
from telemetry.observability import logger, observed
from telemetry.settings import IngestSettings, QuerySettings
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.processor_bench import Bench

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

EVENTS = Path(__file__).parents[1] / "events"


@pytest.fixture(autouse=True)
def no_sockets() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


@pytest.fixture(autouse=True)
def stack_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "STAGE": "test",
        "POWERTOOLS_SERVICE_NAME": "unit",
        "POWERTOOLS_METRICS_NAMESPACE": "Telemetry",
        "CHARGERS_CLAIM": "chargers",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)


@dataclass
class Printed:
    """What one invocation prints for CloudWatch."""

    capture: pytest.CaptureFixture[str]
    log: StringIO
    metrics: str = ""

    @property
    def text(self) -> str:
        self.metrics += self.capture.readouterr().out
        return self.log.getvalue() + self.metrics

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "_aws" not in line]

    def metric(self, name: str) -> list[tuple[list[float], str | None]]:
        """Return the values of a metric with their reason, once the invocation has ended."""
        observed(lambda: None)()
        return [(line[name], line.get("reason")) for line in self.lines if name in line]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Printed:
    """Begin an invocation: what an earlier test measured is gone."""
    observed(lambda: None)()
    capsys.readouterr()
    log = StringIO()
    for handler in logger.handlers:
        monkeypatch.setattr(handler, "stream", log)
    return Printed(capsys, log)


@pytest.fixture(autouse=True)
def fresh_wiring() -> Iterator[None]:
    """Let each test make the settings and clients that its environment and its AWS are for."""
    yield
    for module in (ingest.handler, processor.handler, query.handler, aws_clients):
        for made in vars(module).values():
            if hasattr(made, "cache_clear"):
                made.cache_clear()


@pytest.fixture
def post() -> HttpRequest:
    """A valid event, posted with a token for every charger."""
    return cast("HttpRequest", json.loads((EVENTS / "post_telemetry.json").read_text()))


@pytest.fixture
def get() -> HttpRequest:
    """A question for the latest telemetry, with a token for every charger."""
    return cast("HttpRequest", json.loads((EVENTS / "get_telemetry.json").read_text()))


@pytest.fixture
def queue() -> InMemoryQueue:
    return InMemoryQueue()


@pytest.fixture
def table() -> InMemoryTable:
    return InMemoryTable()


@pytest.fixture
def ingest_settings() -> IngestSettings:
    return IngestSettings.model_validate(
        {"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "ingest", "QUEUE_URL": "unused", "CHARGERS_CLAIM": "chargers"}
    )


@pytest.fixture
def query_settings() -> QuerySettings:
    return QuerySettings.model_validate(
        {"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "query", "TABLE_NAME": "unused", "CHARGERS_CLAIM": "chargers"}
    )


@dataclass
class Clock:
    """Time that passes only when a test says so, in seconds."""

    now: float = 0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of moto's SQS, which goes on from now."""
    start, clock = time.time(), Clock()
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda: 1000 * (start + clock.now))
    return clock


@pytest.fixture
def moto_sqs() -> "Iterator[SQSClient]":
    with mock_aws():
        yield boto3.client("sqs")


@pytest.fixture
def queue_url(moto_sqs: "SQSClient") -> str:
    created = moto_sqs.create_queue(QueueName="telemetry.fifo", Attributes={"FifoQueue": "true"})
    return created["QueueUrl"]


@pytest.fixture
def moto_dynamodb() -> "Iterator[DynamoDBClient]":
    with mock_aws():
        yield client_with_table()


def client_with_table() -> "DynamoDBClient":
    """Return a client of an empty table `latest`."""
    client = boto3.client("dynamodb", region_name="eu-central-1")
    client.create_table(
        TableName="latest",
        KeySchema=[{"AttributeName": "chargerId", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "chargerId", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture
def bench(printed: Printed) -> Bench:
    assert printed
    return Bench()
