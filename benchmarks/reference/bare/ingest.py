"""`POST /telemetry` and `POST /telemetry/batch`: each event becomes a message, unread."""

import hashlib
import json
import os
from typing import Any

from botocore.session import get_session

sqs = get_session().create_client("sqs")


def handler(request: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer a request of the HTTP API."""
    body = json.loads(request["body"])
    for event in body if isinstance(body, list) else [body]:
        text = json.dumps(event)
        sqs.send_message(
            QueueUrl=os.environ["QUEUE_URL"],
            MessageBody=text,
            MessageGroupId=event["chargerId"],
            MessageDeduplicationId=hashlib.sha256(text.encode()).hexdigest(),
        )
    return {"statusCode": 202}
