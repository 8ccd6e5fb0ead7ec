"""`POST /telemetry` and `POST /telemetry/batch`: each event becomes a message, unread."""

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, cast

from botocore.session import get_session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

sqs = cast("SQSClient", get_session().create_client("sqs"))


def handler(request: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    body = json.loads(request["body"])
    events = cast("list[dict[str, Any]]", body if isinstance(body, list) else [body])
    for event in events:
        text = json.dumps(event)
        sqs.send_message(
            QueueUrl=os.environ["QUEUE_URL"],
            MessageBody=text,
            MessageGroupId=event["chargerId"],
            MessageDeduplicationId=hashlib.sha256(text.encode()).hexdigest(),
        )
    return {"statusCode": 202}
