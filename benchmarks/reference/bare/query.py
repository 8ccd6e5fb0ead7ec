"""`GET /telemetry/{chargerId}`: what was sent, as it was sent."""

import os
from typing import Any

from botocore.session import get_session

dynamodb = get_session().create_client("dynamodb")


def handler(request: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    key = {"chargerId": {"S": request["pathParameters"]["chargerId"]}}
    answer = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=key, ConsistentRead=True)
    return {"statusCode": 200, "body": answer["Item"]["event"]["S"]}
