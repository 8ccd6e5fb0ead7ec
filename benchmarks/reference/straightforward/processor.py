"""The queue's event source: each message becomes an update of its charger's item, where it is newer."""

import json
import os
from decimal import Decimal
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    SqsFifoPartialProcessor,
    process_partial_response,  # pyright: ignore[reportUnknownVariableType] - it says not what its handlers return
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeSerializer

from straightforward.models import TelemetryEnvelope

logger = Logger()
metrics = Metrics()
processor = SqsFifoPartialProcessor(skip_group_on_error=True)
dynamodb = boto3.client("dynamodb")
serializer = TypeSerializer()
TABLE_NAME = os.environ["TABLE_NAME"]


def store(record: SQSRecord) -> None:
    """Keep an event where it is newer than what is stored."""
    envelope = TelemetryEnvelope.model_validate(json.loads(record.body, parse_float=Decimal))
    values = envelope.model_dump(by_alias=True, exclude_none=True, exclude={"charger_id"})
    for name in ("timestamp", "ingestedAt"):
        values[name] = values[name].isoformat(timespec="microseconds")
    keys = {"charger_id": envelope.charger_id, "event_id": envelope.event_id}
    try:
        dynamodb.update_item(
            TableName=TABLE_NAME,
            Key={"chargerId": {"S": envelope.charger_id}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ConditionExpression="attribute_not_exists(#timestamp) OR #timestamp < :timestamp",
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": serializer.serialize(value) for name, value in values.items()},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        logger.info("event is stale", extra=keys)
        metrics.add_metric("EventsStale", MetricUnit.Count, 1)
    else:
        logger.info("event stored", extra=keys)
        metrics.add_metric("EventsStored", MetricUnit.Count, 1)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process a batch of messages."""
    return process_partial_response(event=event, record_handler=store, processor=processor, context=context)
