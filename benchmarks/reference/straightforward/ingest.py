"""`POST /telemetry` and `POST /telemetry/batch`: each event becomes a message of the queue."""

import hashlib
import os
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from straightforward.models import Receipt, TelemetryEnvelope, TelemetryEvent

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
sqs = boto3.client("sqs")
QUEUE_URL = os.environ["QUEUE_URL"]

Events = Annotated[list[TelemetryEvent], Body(min_length=1, max_length=100)]


@app.post("/telemetry")
def post_telemetry(event: TelemetryEvent) -> Response[Receipt]:
    """Accept one event."""
    return Response(status_code=202, content_type="application/json", body=enqueue(event))


@app.post("/telemetry/batch")
def post_batch(events: Events) -> Response[list[Receipt]]:
    """Accept several events, all or none."""
    return Response(status_code=202, content_type="application/json", body=[enqueue(event) for event in events])


def enqueue(event: TelemetryEvent) -> Receipt:
    """Put an event on the queue."""
    envelope = TelemetryEnvelope(
        **event.model_dump(),
        event_id=hashlib.sha256(event.model_dump_json().encode()).hexdigest(),
        ingested_at=datetime.now(UTC),
    )
    sqs.send_message(
        QueueUrl=QUEUE_URL,
        MessageBody=envelope.model_dump_json(by_alias=True, exclude_none=True),
        MessageGroupId=envelope.charger_id,
        MessageDeduplicationId=envelope.event_id,
    )
    logger.info("event accepted", charger_id=envelope.charger_id, event_id=envelope.event_id)
    metrics.add_metric("EventsAccepted", MetricUnit.Count, 1)
    return Receipt(
        event_id=envelope.event_id,
        charger_id=envelope.charger_id,
        timestamp=envelope.timestamp,
        ingested_at=envelope.ingested_at,
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)
