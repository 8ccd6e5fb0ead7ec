"""`examples/gateway.py`, as a process that a producer writes to, against the stack with faults."""

import gzip
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.e2e.fault_proxy import SEND, SEND_BATCH, SEND_ONE, FaultProxy, queue_fails, refused_entries
from tests.e2e.harness import PROJECT, Api, event_of, eventually

Json = dict[str, object]


@dataclass(frozen=True)
class Gateway:
    """A running gateway."""

    process: subprocess.Popen[bytes]

    def write(self, *events: Json | bytes) -> None:
        assert self.process.stdin
        for each in events:
            self.process.stdin.write((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n")
        self.process.stdin.flush()

    def ends(self) -> tuple[int, list[Json]]:
        """Return the exit code and what was refused, once it has ended by itself."""
        refused, _ = self.process.communicate(timeout=60)
        return self.process.returncode, [json.loads(line) for line in refused.splitlines()]

    def ends_while_written_to(self) -> tuple[int, list[Json]]:
        """Return the same with the input still open."""
        assert self.process.stdin
        stdin, self.process.stdin = self.process.stdin, None
        try:
            return self.ends()
        finally:
            stdin.close()

    def told_to_end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, list[Json]]:
        """Return the same after a signal."""
        self.process.send_signal(how)
        return self.ends_while_written_to()


@contextmanager
def running(api: Api, **settings: float) -> Generator[Gateway]:
    """Run the gateway with these of its settings otherwise than they stand in it."""
    program = f"import asyncio, sys, gateway; vars(gateway).update({settings}); sys.exit(asyncio.run(gateway.main()))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT / "examples",
        env={"TELEMETRY_API_URL": api.url, "TELEMETRY_TOKEN": api.token or "", "NO_PROXY": "*"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield Gateway(process)
        finally:
            process.kill()


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Generator[tuple[str, list[bytes]]]:
    """Serve these answers, one after the other, with status, headers and body; yield the URL and what is posted."""
    posted: list[bytes] = []
    coming = iter(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))
            status, headers, body = next(coming)
            self.send_response_only(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", posted
        finally:
            server.shutdown()


@pytest.fixture
def gateway(api: Api) -> Generator[Gateway]:
    with running(api) as started:
        yield started


@pytest.fixture
def patient_gateway(api: Api) -> Generator[Gateway]:
    """Return one that posts nothing merely because it was collected for long."""
    with running(api, COLLECT_SECONDS=3600) as started:
        yield started


def events_of(charger_id: str, count: int) -> list[Json]:
    return [event_of(charger_id, seconds_ago=count - at, reading=at) for at in range(count)]


def stored_reading(api: Api, charger_id: str) -> object:
    answer = api.latest(charger_id)
    return answer.json()["payload"].get("reading") if answer.is_success else None


def test_what_several_chargers_send_is_stored_when_the_input_ends(api: Api, gateway: Gateway, charger_id: str) -> None:
    chargers = [f"{charger_id}-{each}" for each in "abc"]
    gateway.write(*(event for sent in zip(*(events_of(each, 70) for each in chargers), strict=True) for event in sent))
    assert gateway.ends() == (0, [])
    for each in chargers:
        assert eventually(lambda each=each: stored_reading(api, each) == 69)


def test_a_change_of_status_is_posted_with_what_was_collected_before_the_input_ends(
    api: Api, patient_gateway: Gateway, charger_id: str
) -> None:
    measured, changed = events_of(charger_id, 2)
    patient_gateway.write(measured, {**changed, "chargerStatus": "Charging"})
    assert eventually(lambda: stored_reading(api, charger_id) == 1)
    assert patient_gateway.process.poll() is None


def test_sigterm_flushes_what_was_written(api: Api, patient_gateway: Gateway, charger_id: str) -> None:
    patient_gateway.write({**event_of(charger_id, seconds_ago=2), "chargerStatus": "Available"})
    assert eventually(lambda: api.latest(charger_id).is_success)
    patient_gateway.write(event_of(charger_id, reading="last"))
    assert patient_gateway.told_to_end() == (0, [])
    assert eventually(lambda: stored_reading(api, charger_id) == "last")


def test_a_503_is_posted_again_until_it_is_accepted(
    api: Api, gateway: Gateway, charger_id: str, calls_of_ingest: FaultProxy
) -> None:
    with calls_of_ingest.injecting(queue_fails, into=SEND, about=[charger_id]) as sends:
        gateway.write(*events_of(charger_id, 3))
        eventually(lambda: sends.met >= 2)
    assert gateway.ends() == (0, [])
    assert eventually(lambda: stored_reading(api, charger_id) == 2)


def test_of_a_207_only_what_was_not_accepted_is_posted_again_and_what_is_invalid_is_told(
    api: Api, gateway: Gateway, charger_id: str, calls_of_ingest: FaultProxy
) -> None:
    accepted_at_once, later, invalid = (f"{charger_id}-{each}" for each in ("once", "later", "invalid"))
    wrong = {**event_of(invalid), "timestamp": "yesterday"}
    with (
        calls_of_ingest.injecting(refused_entries([later]), into=SEND_BATCH, about=[later]) as batches,
        # What is left of a batch is sent alone.
        calls_of_ingest.injecting(queue_fails, into=SEND_ONE, about=[later]),
    ):
        gateway.write(*events_of(later, 2), wrong, *events_of(accepted_at_once, 2), b"not JSON")
        eventually(lambda: batches.met)
        assert eventually(lambda: stored_reading(api, accepted_at_once) == 1)
        assert stored_reading(api, later) is None
    code, refused = gateway.ends()
    assert code == 0
    assert [each["event"] for each in refused] == ["not JSON", json.dumps(wrong)]
    assert "/timestamp" in str(refused[1]["why"])
    assert eventually(lambda: stored_reading(api, later) == 1)


def test_what_the_api_never_accepted_is_told_when_the_gateway_has_to_end(charger_id: str) -> None:
    events = [{**each, "chargerStatus": "Charging"} for each in events_of(charger_id, 2)]
    with running(Api("http://127.0.0.1:1", "none"), FLUSH_SECONDS=1) as gateway:
        gateway.write(*events)
        assert gateway.process.stderr
        assert b"events again in" in gateway.process.stderr.readline()
        code, left = gateway.told_to_end()
    assert code == 1
    assert [json.loads(str(each["event"])) for each in left] == events


def test_it_goes_on_after_answers_that_are_none_of_the_apis(charger_id: str) -> None:
    with (
        answering(
            (503, {"Retry-After": "Fri, 01 Jan 2027 00:00:00 GMT"}, b""),
            (202, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"no gzip"),
            (202, {"Content-Type": "application/json"}, b'{"results": [{"sta'),
            (202, {"Content-Type": "application/json"}, b'{"results": [{"status": 202}]}'),
        ) as (url, posted),
        running(Api(url, "none"), LONGEST_PAUSE_SECONDS=0) as gateway,
    ):
        gateway.write(event_of(charger_id))
        assert gateway.ends() == (0, [])
    assert len(posted) == 4
    assert len(set(posted)) == 1


def test_what_was_not_posted_is_told_too_where_the_gateway_ends_by_a_fault(charger_id: str) -> None:
    events = [{**each, "chargerStatus": "Charging"} for each in events_of(charger_id, 2)]
    with running(Api("http://127.0.0.1:1", "a token that no header takes: \u2603")) as gateway:
        gateway.write(*events)
        code, left = gateway.ends_while_written_to()
    assert code == 1
    assert [json.loads(str(each["event"])) for each in left] == events


def test_an_interrupt_ends_it_as_sigterm_does(charger_id: str) -> None:
    with running(Api("http://127.0.0.1:1", "none"), COLLECT_SECONDS=3600, FLUSH_SECONDS=0) as gateway:
        gateway.write({**event_of(charger_id), "chargerStatus": "Charging"})
        assert gateway.process.stderr
        assert b"events again in" in gateway.process.stderr.readline()
        gateway.write(event_of(charger_id, reading="last"))
        code, left = gateway.told_to_end(signal.SIGINT)
    assert code == 1
    assert len(left) == 2
