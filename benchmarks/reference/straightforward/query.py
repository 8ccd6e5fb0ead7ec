"""`GET /telemetry/{chargerId}`: the latest telemetry of a charger."""

import os
from typing import Annotated, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer

from straightforward.models import CHARGER_ID, TelemetryEnvelope

logger = Logger()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.client("dynamodb")
deserializer = TypeDeserializer()
TABLE_NAME = os.environ["TABLE_NAME"]


@app.get("/telemetry/<charger_id>")
def get_telemetry(charger_id: Annotated[str, Path(pattern=f"^{CHARGER_ID.pattern}$")]) -> TelemetryEnvelope:
    """Return what is kept of a charger."""
    answer = dynamodb.get_item(TableName=TABLE_NAME, Key={"chargerId": {"S": charger_id}}, ConsistentRead=True)
    if "Item" not in answer:
        raise NotFoundError("there is no telemetry of this charger")
    metrics.add_metric("QueriesAnswered", MetricUnit.Count, 1)
    item = {name: deserializer.deserialize(value) for name, value in answer["Item"].items()}
    return TelemetryEnvelope.model_validate(item)


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    return app.resolve(event, context)
