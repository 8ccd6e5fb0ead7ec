"""A queue that takes some of a request's messages and not others."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from tests.e2e.harness import Api, Cloud, event_of

REFUSED = b"not to be queued"
REFUSAL = 403, json.dumps({"__type": "AccessDeniedException"}).encode()
# Two bytes each in UTF-8 and six on the queue, so that a body of 1 MiB is several messages of 1 MiB.
FILLER = "é" * 30 * 1024


@contextmanager
def queue_that_refuses(endpoint: str) -> Generator[tuple[str, list[bytes]]]:
    """Run a proxy of SQS that refuses what has `REFUSED` in it; yield its URL and the bodies that it was sent."""
    sent: list[bytes] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append(body)
            status, answer = REFUSAL if REFUSED in body else self._pass_on(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _pass_on(self, body: bytes) -> tuple[int, bytes]:
            # With the host that the function signed for.
            headers = dict(self.headers)
            answer = httpx.post(f"{endpoint}{self.path}", content=body, headers=headers, trust_env=False)
            return answer.status_code, answer.content

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sent_to_the_queue(cloud: Cloud) -> Generator[list[bytes]]:
    """Let ingest send to a queue that refuses what has `REFUSED` in it; return the bodies of its calls."""
    name = cloud.outputs["IngestFunctionName"]
    usual = cloud.lambda_.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
    with queue_that_refuses(cloud.variables["AWS_ENDPOINT_URL"]) as (url, sent):
        cloud.lambda_.update_function_configuration(
            FunctionName=name, Environment={"Variables": {**usual, "AWS_ENDPOINT_URL_SQS": url}}
        )
        try:
            yield sent
        finally:
            cloud.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": usual})


def test_what_could_not_be_queued_and_the_later_events_of_its_charger_are_503_and_the_rest_is_accepted(
    sent_to_the_queue: list[bytes], api: Api, charger_id: str
) -> None:
    fillers = [f"event {number}: {FILLER}" for number in range(12)]
    # Messages of five events each, the second of which is refused.
    fillers[5] += REFUSED.decode()
    events = [event_of(charger_id, seconds_ago=20 - at, filler=filler) for at, filler in enumerate(fillers)]
    answer = api.post_batch([*events, event_of(f"{charger_id}-other")])
    assert answer.status_code == 207
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [202] * 5 + [503] * 7 + [202]
    assert [each.get("retryable") for each in results] == [None] * 5 + [True] * 7 + [None]
    assert any(b"event 4:" in body for body in sent_to_the_queue)
    assert not any(b"event 10:" in body for body in sent_to_the_queue)
    api.stored(charger_id, event_id=results[4]["eventId"])
    api.stored(f"{charger_id}-other", event_id=results[12]["eventId"])
