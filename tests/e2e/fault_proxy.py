"""A proxy on the loopback between a function and the emulator, which has no faults of its own.

A function's environment leads its calls of AWS here (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS`). Each is
passed on as it is, but for those that a fault is injected into:

    with FaultProxy(emulator) as proxy, proxy.injecting(throttled, into=WRITE, about=["CP-7"]) as fault:
        ...
        assert fault.met

What a fault answers is what AWS answers.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

import hashlib
import json
import time
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from uuid import uuid4

import httpx

# The operations that the functions use.
READ, WRITE = {"BatchGetItem"}, {"PutItem"}
SEND_ONE, SEND_BATCH = {"SendMessage"}, {"SendMessageBatch"}
SEND = SEND_ONE | SEND_BATCH

# An HTTP status and a body of JSON.
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class Call:
    """A call of AWS: the name of its operation, such as `PutItem`, its body, and what passes a body on as its own."""

    operation: str
    body: bytes
    pass_on: Callable[[bytes], Answer]


# Returns the answer, None for none at all: the connection is cut.
Fault = Callable[[Call], Answer | None]


def throttled(_call: Call) -> Answer:
    """Refuse as DynamoDB does where a partition, or the table, is asked for more than it gives."""
    return _error(400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")


def table_fails(_call: Call) -> Answer:
    """Fail as DynamoDB does."""
    return _error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError")


def queue_fails(_call: Call) -> Answer:
    """Fail as SQS does."""
    return _error(500, "com.amazon.coral.service#InternalFailure")


def cut(_call: Call) -> None:
    """Cut the connection, with nothing done."""


def answer_lost(call: Call) -> None:
    """Do what is asked, and cut the connection in place of an answer."""
    call.pass_on(call.body)


def no_fault(call: Call) -> Answer:
    """Do what is asked, so that calls can be counted."""
    return call.pass_on(call.body)


def slow(seconds: float) -> Fault:
    """Return the fault of doing what is asked so much later."""

    def fault(call: Call) -> Answer:
        time.sleep(seconds)
        return call.pass_on(call.body)

    return fault


def unprocessed(charger_ids: Collection[str]) -> Fault:
    """Return the fault of leaving these chargers' keys in a BatchGetItem unprocessed, as a throttled partition's are.

    Where no other key is asked for, DynamoDB refuses the whole.
    """

    def fault(call: Call) -> Answer:
        asked = json.loads(call.body)
        [(table, request)] = asked["RequestItems"].items()
        left_out = [key for key in request["Keys"] if key["chargerId"]["S"] in charger_ids]
        looked_up = [key for key in request["Keys"] if key not in left_out]
        if not looked_up:
            return throttled(call)
        status, answer = call.pass_on(_json({**asked, "RequestItems": {table: {**request, "Keys": looked_up}}}))
        return status, _json({**json.loads(answer), "UnprocessedKeys": {table: {**request, "Keys": left_out}}})

    return fault


def refused_entries(charger_ids: Collection[str]) -> Fault:
    """Return the fault of failing at these chargers' entries of a SendMessageBatch."""

    def fault(call: Call) -> Answer:
        asked = json.loads(call.body)
        refused = [entry for entry in asked["Entries"] if entry["MessageGroupId"] in charger_ids]
        taken = [entry for entry in asked["Entries"] if entry not in refused]
        status, answer = call.pass_on(_json({**asked, "Entries": taken})) if taken else (200, b'{"Successful": []}')
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "Message": "Internal Error", "SenderFault": False}
            for entry in refused
        ]
        return status, _json({**json.loads(answer), "Failed": failed})

    return fault


class Repeated:
    """The fault of delivering messages more than once: each is sent again, after later ones.

    It is then another message to the queue, with the same body. `repeated` tells how many calls were.
    """

    def __init__(self) -> None:
        self.repeated = 0
        self._to_repeat: list[Call] = []

    def __call__(self, call: Call) -> Answer:
        answer = call.pass_on(call.body)
        self._to_repeat.append(call)
        if len(self._to_repeat) > 2:
            earlier = self._to_repeat.pop(0)
            asked = json.loads(earlier.body)
            for message in asked.get("Entries", [asked]):
                message["MessageDeduplicationId"] = uuid4().hex
            status, _ = earlier.pass_on(_json(asked))
            self.repeated += status == 200
        return answer


class InMidBatch:
    """A fault that each batch of the processor meets after its first write.

    Args:
        fault: the fault.
        sparing: a charger whose batches do not meet it.
    """

    def __init__(self, fault: Fault, *, sparing: str) -> None:
        self.met = 0
        self._fault = fault
        self._sparing = sparing.encode()
        self._spared = False
        self._written = False

    def __call__(self, call: Call) -> Answer | None:
        if call.operation == "BatchGetItem":
            self._written, self._spared = False, self._sparing in call.body
        elif self._written and not self._spared:
            self.met += 1
            return self._fault(call)
        else:
            self._written = True
        return call.pass_on(call.body)


@dataclass
class Injected:
    """A fault, the calls that meet it, and how many have.

    Attributes:
        fault: the fault.
        into: the names of operations.
        about: texts, such as ids of chargers, of which one must be in the call's body; none where any body will do.
        met: how many calls have met it.
    """

    fault: Fault
    into: Collection[str]
    about: Collection[str]
    met: int = 0

    def takes(self, call: Call) -> bool:
        """Tell whether the fault is for this call."""
        return call.operation in self.into and (
            not self.about or any(each.encode() in call.body for each in self.about)
        )


class FaultProxy:
    """Listens on a port of its own while it is entered.

    Args:
        endpoint: the emulator's URL.
    """

    def __init__(self, endpoint: str) -> None:
        self._client = httpx.Client(base_url=endpoint, trust_env=False, timeout=30)
        self._injected: list[Injected] = []
        self._counting = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """Where a function is to send its calls."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

    @contextmanager
    def injecting(self, fault: Fault, *, into: Collection[str], about: Collection[str] = ()) -> Generator[Injected]:
        """Inject a fault into calls of these operations, or into those about one of these texts; see `Injected`.

        Of several faults for one call, the first that was injected counts.
        """
        injected = Injected(fault, into, about)
        self._injected.append(injected)
        try:
            yield injected
        finally:
            self._injected.remove(injected)

    def _answer(self, call: Call) -> Answer | None:
        for injected in self._injected:
            if injected.takes(call):
                with self._counting:
                    injected.met += 1
                return injected.fault(call)
        return call.pass_on(call.body)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                self._signed_body = body = self.rfile.read(int(self.headers["Content-Length"]))
                # An emulator that is down, and a function that has given up waiting, are cut connections.
                with suppress(httpx.TransportError, ConnectionError):
                    answer = proxy._answer(Call(operation, body, self._pass_on))
                    if answer:
                        self._send(*answer)

            def _pass_on(self, body: bytes) -> Answer:
                # With the host that the function signed for, and not with the length of another body.
                headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
                # What the emulator takes the signature to be of, in place of the body that it gets.
                headers["X-Amz-Content-Sha256"] = hashlib.sha256(self._signed_body).hexdigest()
                answer = proxy._client.post(self.path, content=body, headers=headers)
                return answer.status_code, answer.content

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                """Keep quiet."""

        return Handler


def _error(status: int, name: str) -> Answer:
    return status, _json({"__type": name, "message": "a fault was injected here"})


def _json(value: Any) -> bytes:  # noqa: ANN401 - AWS's JSON
    return json.dumps(value).encode()
