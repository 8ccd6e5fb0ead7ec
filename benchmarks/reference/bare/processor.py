"""The queue's event source: each message becomes a write of its charger's item, as text, where it is newer."""

import json
import os
from typing import TYPE_CHECKING, Any, cast

from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

dynamodb = cast("DynamoDBClient", get_session().create_client("dynamodb"))


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Process a batch of messages."""
    for record in event["Records"]:
        sent = json.loads(record["body"])
        dynamodb.put_item(
            TableName=os.environ["TABLE_NAME"],
            Item={
                "chargerId": {"S": sent["chargerId"]},
                "timestamp": {"S": sent["timestamp"]},
                "event": {"S": record["body"]},
            },
            ConditionExpression="attribute_not_exists(#timestamp) OR #timestamp < :timestamp",
            ExpressionAttributeNames={"#timestamp": "timestamp"},
            ExpressionAttributeValues={":timestamp": {"S": sent["timestamp"]}},
        )
    return {"batchItemFailures": []}
