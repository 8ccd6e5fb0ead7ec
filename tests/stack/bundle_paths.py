"""Runs each path of the functions from a bundle alone, against services on the loopback, and prints what came of them.

Usage: python -I -S bundle_paths.py BUNDLE EVENTS
"""

# ruff: noqa: E402 - what is imported below comes from the bundle
# pyright: reportMissingImports=false

import base64
import gzip
import hashlib
import json
import os
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

BUNDLE, EVENTS = sys.argv[1:]


class Services(BaseHTTPRequestHandler):
    """SQS and DynamoDB, which answer, or fail in the way that `failing` says."""

    protocol_version = "HTTP/1.1"
    failing: str | None = None
    failing_operation = ""
    items: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        """Answer one call."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        operation = self.headers["x-amz-target"].partition(".")[2]
        failing = self.failing if operation.startswith(self.failing_operation) else None
        if failing == "closed":
            self.close_connection = True
            return
        if failing:
            status, answer = (500, {}) if failing == "broken" else (400, {"__type": f"aws#{failing}"})
        else:
            status, answer = 200, answer_to(operation, asked)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's name for it
        """Print nothing."""


def answer_to(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the service says when all is well."""
    match operation:
        case "SendMessage":
            return {"MessageId": "1", "MD5OfMessageBody": md5(asked["MessageBody"])}
        case "SendMessageBatch":
            sent = [{"Id": each["Id"], "MD5OfMessageBody": md5(each["MessageBody"])} for each in asked["Entries"]]
            return {"Successful": sent, "Failed": []}
        case "ChangeMessageVisibilityBatch":
            return {"Successful": [{"Id": each["Id"]} for each in asked["Entries"]], "Failed": []}
        case "PutItem":
            Services.items[asked["Item"]["chargerId"]["S"]] = asked["Item"]
            return {}
        case "BatchGetItem":
            chargers = [key["chargerId"]["S"] for key in asked["RequestItems"]["latest"]["Keys"]]
            found = [Services.items[each] for each in chargers if each in Services.items]
            return {"Responses": {"latest": found}, "UnprocessedKeys": {}}
        case _:
            return {}


def md5(text: str) -> str:
    """Return what botocore compares with its own."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"
os.environ |= {
    "AWS_LAMBDA_FUNCTION_NAME": "telemetry",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_ENDPOINT_URL": endpoint,
    "STAGE": "prod",
    "POWERTOOLS_SERVICE_NAME": "telemetry",
    "POWERTOOLS_METRICS_NAMESPACE": "Telemetry",
    "QUEUE_URL": f"{endpoint}/telemetry.fifo",
    "DEAD_LETTER_QUEUE_URL": f"{endpoint}/dead.fifo",
    "TABLE_NAME": "latest",
    "CHARGERS_CLAIM": "chargers",
}
sys.path.insert(0, BUNDLE)

import ingest.handler
import processor.handler
import query.handler
from telemetry import aws_clients


class Context:
    """Lambda's."""

    def get_remaining_time_in_millis(self) -> int:
        """Return that there is time."""
        return 20_000


def event(name: str, **changed: object) -> dict[str, Any]:
    """Return a recorded event of Lambda's, with other members in place of some."""
    return json.loads((Path(EVENTS) / f"{name}.json").read_text()) | changed


def outcome(handler: Callable[..., Any], what: dict[str, Any], failing: str | None = None, at: str = "") -> object:
    """Return the status of an answer, or how many messages shall come again."""
    Services.failing, Services.failing_operation = failing, at
    answer = handler(what, Context())
    return answer["statusCode"] if "statusCode" in answer else len(answer["batchItemFailures"])


def is_made(module: ModuleType, part: str) -> bool:
    """Tell whether a function has made a part of itself, before anything called it."""
    return vars(module)[part].cache_info().currsize == 1


made = [is_made(ingest.handler, "_queue"), is_made(processor.handler, "_processor"), is_made(query.handler, "_table")]


def etag_of(request: dict[str, Any]) -> str:
    """Return the `ETag` of an answer."""
    Services.failing = None
    return query.handler.handler(request, Context())["headers"]["etag"]  # pyright: ignore[reportArgumentType] - a recorded request


SEVERAL = "chargerId=CP-001&chargerId=CP-2"
post, batch, get = event("post_telemetry"), event("sqs_batch"), event("get_telemetry")
one = json.loads(post["body"])
packed = {
    "headers": {"content-type": "application/gzip"},
    "body": base64.b64encode(gzip.compress(post["body"].encode())).decode(),
    "isBase64Encoded": True,
}
several = json.dumps([one, one | {"chargerId": "CP-2"}, {"chargerId": "CP-3"}])
attribute = aws_clients.dynamodb().meta.service_model.shape_for("AttributeValue")
outcomes: dict[str, object] = {
    "made while Lambda initialises": made,
    "items are documents": aws_clients.dynamodb()
    .meta.service_model.shape_for("AttributeValue")
    .metadata.get("document"),
    "accepted": outcome(ingest.handler.handler, post),
    "accepted in part": outcome(ingest.handler.handler, post | {"routeKey": "POST /telemetry/batch", "body": several}),
    "gzip": outcome(ingest.handler.handler, post | packed),
    "not JSON": outcome(ingest.handler.handler, post | {"body": "{"}),
    "invalid": outcome(ingest.handler.handler, post | {"body": "{}"}),
    "queue throttled": outcome(ingest.handler.handler, post, "RequestThrottled"),
    "queue broken": outcome(ingest.handler.handler, post, "broken"),
    "queue gone": outcome(ingest.handler.handler, post, "closed"),
    "absent": outcome(query.handler.handler, get),
    "table throttled": outcome(processor.handler.handler, batch, "ProvisionedThroughputExceededException"),
    "conflict": outcome(processor.handler.handler, batch, "ConditionalCheckFailedException", "PutItem"),
    "table broken": outcome(processor.handler.handler, batch, "broken"),
    "processed": outcome(processor.handler.handler, batch),
    "stored": outcome(query.handler.handler, get),
    "processed again": outcome(processor.handler.handler, batch),
    "unchanged": outcome(query.handler.handler, get | {"headers": {"if-none-match": etag_of(get)}}),
    "several": outcome(query.handler.handler, get | {"routeKey": "GET /telemetry", "rawQueryString": SEVERAL}),
    "not readable": outcome(query.handler.handler, get, "closed"),
    "description": outcome(query.handler.handler, get | {"routeKey": "GET /openapi.json"}),
}
sys.stderr.write(json.dumps(outcomes))
