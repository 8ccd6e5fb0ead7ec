"""The queue's event source: a batch of messages in, those to be delivered again out."""

from datetime import UTC, datetime
from functools import cache
from typing import TypedDict

from processor.delivery import QueuedMessage
from processor.processing import Processor
from processor.storing import Store
from telemetry import aws_clients
from telemetry.fifo_queue import SqsFifoQueue
from telemetry.lambda_context import LambdaContext, initialise, seconds_left_of
from telemetry.latest_table import DynamoTable
from telemetry.observability import observed
from telemetry.settings import ProcessorSettings
from telemetry.timestamps import to_milliseconds


class SqsAttributes(TypedDict):
    """What SQS says of a message of a FIFO queue."""

    MessageGroupId: str
    SequenceNumber: str
    SentTimestamp: str
    ApproximateReceiveCount: str


class SqsRecord(TypedDict):
    """A message, as the event source gives it."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: SqsAttributes


class SqsEvent(TypedDict):
    """A batch of messages; those of one group stand in the order sent."""

    Records: list[SqsRecord]


class BatchItemFailure(TypedDict):
    """A message that the queue shall deliver again."""

    itemIdentifier: str


class SqsAnswer(TypedDict):
    """What the event source is told; messages that it does not name are deleted."""

    batchItemFailures: list[BatchItemFailure]


@observed
def handler(event: SqsEvent, context: LambdaContext) -> SqsAnswer:
    """Process a batch; see `Processor`."""
    failed = _processor().process(
        [_message(record) for record in event["Records"]],
        seconds_left=seconds_left_of(context),
    )
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _message(record: SqsRecord) -> QueuedMessage:
    attributes = record["attributes"]
    return QueuedMessage(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        group=attributes["MessageGroupId"],
        sequence_number=attributes["SequenceNumber"],
        first_seen_at=to_milliseconds(datetime.fromtimestamp(int(attributes["SentTimestamp"]) / 1000, UTC)),
        receive_count=int(attributes["ApproximateReceiveCount"]),
        body=record["body"],
    )


@cache
def _processor() -> Processor:
    settings = ProcessorSettings.from_environment()
    return Processor(
        queue=SqsFifoQueue(aws_clients.sqs(), settings.queue_url),
        store=Store(
            table=DynamoTable(aws_clients.dynamodb(), settings.table_name),
            stage=settings.stage,
            retention=settings.retention,
            clock=lambda: datetime.now(UTC),
        ),
        dead_letter_queue=SqsFifoQueue(aws_clients.sqs(), settings.dead_letter_queue_url),
    )


initialise(_processor)
