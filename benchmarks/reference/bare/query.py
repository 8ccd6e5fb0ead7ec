"""`GET /telemetry/{chargerId}`: what was sent, as it was sent."""

import os
from typing import TYPE_CHECKING, Any, cast

from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

dynamodb = cast("DynamoDBClient", get_session().create_client("dynamodb"))


def handler(request: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    key = {"chargerId": {"S": request["pathParameters"]["chargerId"]}}
    answer = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=key, ConsistentRead=True)
    return {"statusCode": 200, "body": answer.get("Item", {})["event"].get("S", "")}
