"""The three handlers as Lambda calls them, with AWS by moto: what one writes, the next reads."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
from botocore.config import Config

from ingest import handler as ingest
from processor import handler as processor
from query import handler as query
from telemetry import aws_clients
from telemetry.http_api import HttpRequest
from telemetry.observability import logger, observed
from tests.unit.conftest import EVENTS, Clock, Printed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


@dataclass
class Context:
    """Lambda's context, with time enough where nothing else is said."""

    milliseconds: int = 20_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture
def dead_letter_queue_url(
    moto_sqs: "SQSClient", moto_dynamodb: "DynamoDBClient", queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Set up everything that the functions are told of; return the URL of the DLQ."""
    assert moto_dynamodb
    url = moto_sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for name, value in {
        "QUEUE_URL": queue_url,
        "DEAD_LETTER_QUEUE_URL": url,
        "TABLE_NAME": "latest",
        "CHARGERS_CLAIM": "chargers",
        "RETENTION_DAYS": "",
    }.items():
        monkeypatch.setenv(name, value)
    return url


def received(client: "SQSClient", url: str) -> Any:  # noqa: ANN401 - the event source's event
    """Return what is on a queue as the event source gives it."""
    got = client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )
    records = [
        {
            "messageId": each.get("MessageId"),
            "receiptHandle": each.get("ReceiptHandle"),
            "body": each.get("Body"),
            "attributes": each.get("Attributes"),
        }
        for each in got.get("Messages", [])
    ]
    return {"Records": records}


def test_an_event_that_is_posted_is_read_back_with_every_digit(
    moto_sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str, post: HttpRequest, get: HttpRequest
) -> None:
    assert dead_letter_queue_url
    accepted = ingest.handler(post, Context())
    assert accepted["statusCode"] == 202
    assert processor.handler(received(moto_sqs, queue_url), Context()) == {"batchItemFailures": []}
    answer = query.handler(get, Context())
    assert '"payload":{"power_kw":7.4,"session_energy_wh":12345678901234567}' in answer["body"]
    assert json.loads(answer["body"]) | json.loads(accepted["body"]) == json.loads(answer["body"])


def test_events_that_are_posted_as_a_batch_are_queued_by_charger(
    moto_sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str, post: HttpRequest
) -> None:
    assert dead_letter_queue_url
    event = json.loads(post.get("body", ""))
    events = [event, event | {"chargerId": "CP-002"}, event | {"connectorId": 2}]
    request: HttpRequest = {**post, "routeKey": ingest.BATCH_ROUTE, "body": json.dumps(events)}
    assert ingest.handler(request, Context())["statusCode"] == 202
    bodies = {
        each["attributes"]["MessageGroupId"]: json.loads(each["body"])
        for each in received(moto_sqs, queue_url)["Records"]
    }
    assert {group: len(body["envelopes"]) for group, body in bodies.items()} == {"CP-001": 2, "CP-002": 1}


def test_a_post_that_has_too_little_time_is_not_queued(
    moto_sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str, post: HttpRequest
) -> None:
    assert dead_letter_queue_url
    longest = int(aws_clients.LONGEST_CALL_SECONDS * 1000)
    answer = ingest.handler(post, Context(longest - 1))
    assert (answer["statusCode"], "retry-after" in answer["headers"]) == (503, True)
    assert received(moto_sqs, queue_url)["Records"] == []
    assert ingest.handler(post, Context(longest))["statusCode"] == 202


def test_a_batch_of_the_event_source_is_stored_and_its_bad_message_moved(
    moto_sqs: "SQSClient",
    moto_dynamodb: "DynamoDBClient",
    dead_letter_queue_url: str,
    printed: Printed,
) -> None:
    batch = json.loads((EVENTS / "sqs_batch.json").read_text())
    assert processor.handler(batch, Context()) == {"batchItemFailures": []}
    item = moto_dynamodb.get_item(TableName="latest", Key={"chargerId": {"S": "CP-001"}}).get("Item", {})
    assert (item["payload"], item["revision"]) == ({"M": {"power_kw": {"N": "7.4"}}}, {"N": "1"})
    assert "expiresAt" not in item
    (dead,) = received(moto_sqs, dead_letter_queue_url)["Records"]
    assert dead["body"] == "this is not a message"
    assert dead["attributes"]["MessageGroupId"] == "2e1424d4-f796-459a-8184-9c92662be6da"
    assert printed.metric("EventsStored") == [([1], None)]


def test_messages_to_be_delivered_again_are_named(dead_letter_queue_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dead_letter_queue_url
    monkeypatch.setenv("TABLE_NAME", "gone")
    batch = json.loads((EVENTS / "sqs_batch.json").read_text())
    failed = processor.handler(batch, Context())
    assert failed == {"batchItemFailures": [{"itemIdentifier": batch["Records"][0]["messageId"]}]}


@pytest.mark.usefixtures("dead_letter_queue_url")
def test_what_failed_is_given_again_a_second_later(
    moto_sqs: "SQSClient", queue_url: str, clock: Clock, post: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "gone")
    ingest.handler(post, Context())
    batch = received(moto_sqs, queue_url)
    assert len(processor.handler(batch, Context())["batchItemFailures"]) == 1
    clock.now = 0.9
    assert received(moto_sqs, queue_url)["Records"] == []
    clock.now = 1.1
    (again,) = received(moto_sqs, queue_url)["Records"]
    assert again["messageId"] == batch["Records"][0]["messageId"]


def test_metrics_are_printed_when_the_invocation_ends(
    dead_letter_queue_url: str, post: HttpRequest, printed: Printed
) -> None:
    assert dead_letter_queue_url
    ingest.handler(post, Context())
    (metric,) = [line for line in printed.lines if "_aws" in line]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "stage"]]
    assert (metric["EventsAccepted"], metric["service"], metric["stage"]) == ([1], "unit", "test")


def test_what_one_invocation_logs_of_itself_is_gone_in_the_next(printed: Printed) -> None:
    def invocation(**keys: str) -> None:
        logger.append_keys(**keys)
        logger.info("said")

    observed(invocation)(correlationId="first")
    observed(invocation)()
    assert [line.get("correlationId") for line in printed.logs] == ["first", None]


@pytest.mark.parametrize("service", ["sqs", "dynamodb"])
@pytest.mark.usefixtures("moto_sqs")
def test_a_client_gives_up_before_ingest_or_query_must_answer(service: Literal["sqs", "dynamodb"]) -> None:
    config: Config = getattr(aws_clients, service)().meta.config
    attempt: float = config.connect_timeout + config.read_timeout  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - botocore sets them from its options
    assert 2 * attempt + 1 <= aws_clients.LONGEST_CALL_SECONDS < 10
    assert config.retries == {"total_max_attempts": 2, "mode": "standard"}  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - botocore sets it from its options
