"""Answers the functions' calls of SQS and DynamoDB on the loopback, over HTTP and over TLS, in a process of its own.

It keeps messages and items and takes every call for valid: no condition is looked at, no signature checked. One
thread, no library: the less it costs, the less it takes from what is measured beside it.

    python -m benchmarks.loopback CERTIFICATE_WITH_KEY

It prints its two ports as JSON, and ends with its standard input.
"""

import asyncio
import hashlib
import json
import re
import ssl
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from itertools import count
from typing import Any

Json = dict[str, Any]

# More than any benchmark reads back.
KEPT_MESSAGES = 10_000
OPERATION = re.compile(rb"\r\nx-amz-target: *[^\r]*\.(\w+)", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD_END = b"\r\n\r\n"
PARTITION_KEY = "chargerId"


class Aws:
    """The messages of each queue and the items of each table."""

    def __init__(self) -> None:
        self._messages: dict[str, deque[Json]] = defaultdict(lambda: deque(maxlen=KEPT_MESSAGES))
        self._items: dict[tuple[str, str], Json] = {}
        self._numbers = count(1)

    def answer(self, operation: str, call: Json) -> Json | None:
        """Return the answer to a call; None where it is of an operation that is not known here."""
        operations: dict[str, Callable[[Json], Json]] = {
            "SendMessage": lambda call: self._send(call["QueueUrl"], call),
            "SendMessageBatch": self._send_batch,
            "ReceiveMessage": self._receive,
            "PutItem": self._put,
            "UpdateItem": self._update,
            "GetItem": self._get,
            "BatchGetItem": self._batch_get,
        }
        return operations[operation](call) if operation in operations else None

    def _send(self, queue: str, message: Json) -> Json:
        number = next(self._numbers)
        sent = {
            "MessageId": f"00000000-0000-4000-8000-{number:012d}",
            "MD5OfMessageBody": hashlib.md5(message["MessageBody"].encode(), usedforsecurity=False).hexdigest(),
            "SequenceNumber": f"{number:020d}",
        }
        kept = {"Body": message["MessageBody"], "MessageGroupId": message["MessageGroupId"]}
        self._messages[queue].append(sent | kept)
        return sent

    def _send_batch(self, call: Json) -> Json:
        sent = [{"Id": entry["Id"], **self._send(call["QueueUrl"], entry)} for entry in call["Entries"]]
        return {"Successful": sent, "Failed": []}

    def _receive(self, call: Json) -> Json:
        """Give all messages at once, and never again."""
        return {"Messages": list(self._messages.pop(call["QueueUrl"], ()))}

    def _put(self, call: Json) -> Json:
        self._items[call["TableName"], call["Item"][PARTITION_KEY]["S"]] = call["Item"]
        return {}

    def _update(self, call: Json) -> Json:
        """Do a `SET #name = :value, ...`, the only update that is understood."""
        names, values = call["ExpressionAttributeNames"], call["ExpressionAttributeValues"]
        pairs = re.findall(r"(#\w+) = (:\w+)", call["UpdateExpression"])
        kept = self._items.setdefault((call["TableName"], call["Key"][PARTITION_KEY]["S"]), dict(call["Key"]))
        kept.update({names[name]: values[value] for name, value in pairs})
        return {}

    def _get(self, call: Json) -> Json:
        item = self._items.get((call["TableName"], call["Key"][PARTITION_KEY]["S"]))
        return {"Item": item} if item else {}

    def _batch_get(self, call: Json) -> Json:
        found: dict[str, list[Json]] = {}
        for table, asked in call["RequestItems"].items():
            items = (self._items.get((table, key[PARTITION_KEY]["S"])) for key in asked["Keys"])
            found[table] = [item for item in items if item]
        return {"Responses": found, "UnprocessedKeys": {}}


class Connection(asyncio.Protocol):
    """One client's connection, which stays open."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what a server of streams gives
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the call, once all of it has come: a client waits for the answer before its next."""
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        length = LENGTH.search(head)
        if end and self._transport and len(body) >= (int(length[1]) if length else 0):
            self._received = b""
            self._transport.write(self._answer(head, body))

    def _answer(self, head: bytes, body: bytes) -> bytes:
        operation = OPERATION.search(head)
        answer = self._aws.answer(operation[1].decode(), json.loads(body)) if operation else None
        status = b"200 OK" if answer is not None else b"400 Bad Request"
        text = json.dumps({"__type": "UnknownOperationException"} if answer is None else answer).encode()
        fields = b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d" % len(text)
        return b"HTTP/1.1 %b\r\n%b\r\n\r\n%b" % (status, fields, text)


async def serve(certificate: str) -> None:
    """Listen on two ports of the system's choice until standard input ends."""
    aws = Aws()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Connection(aws), "127.0.0.1", 0, ssl=each) for each in (None, tls)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
