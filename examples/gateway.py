"""A minimal gateway: collects telemetry events of several chargers and posts them together, losing none.

    producer | TELEMETRY_API_URL=... TELEMETRY_TOKEN=... scripts/run.sh -- python examples/gateway.py > refused.jsonl

It reads events from a pipe on standard input, one JSON object a line, and posts them as gzip every few seconds, or at
once where a status changed or a post is full; one request at a time, in order. What the API did not accept this time
is posted again as it is; what it refuses for good goes to standard output, with why. It ends when the input does and
all is posted; at SIGTERM and SIGINT after `FLUSH_SECONDS` at most. What is left, also where it ends by a fault, goes to
standard output, and the exit code is 1.
"""

import asyncio
import gzip
import json
import os
import random
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import httpx

COLLECT_SECONDS, FLUSH_SECONDS, LONGEST_PAUSE_SECONDS = 5, 20, 60
TIMEOUT_SECONDS = 35  # API Gateway answers within 30.
MOST_EVENTS, MOST_BYTES = 100, 1024 * 1024
MOST_WAITING = 10_000  # While the API is away; further ones wait in the pipe.
TRY_AGAIN = {401, 403, 429, *range(500, 600)}  # 401, 403: the token is read each time, for yours to renew.


class Gateway:
    """Takes in events as text, and delivers them: `sending`, then `waiting` are not delivered yet."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.sending: Sequence[bytes] = ()
        self.waiting: deque[bytes] = deque()
        self._client = client
        self._statuses: dict[tuple[str, str], object] = {}
        self._due = asyncio.Event()
        self._ended = False

    async def collect(self, lines: asyncio.StreamReader) -> None:
        """Take in events until the input ends."""
        while not lines.at_eof():
            line = b""
            try:
                line = await lines.readline()
                event: dict[str, object] = dict(json.loads(line.decode()))
            except (TypeError, ValueError, RecursionError):
                if line or not lines.at_eof():
                    refuse(line, {"detail": "is not a JSON object, or is too long"})
                continue
            self.waiting.append(line.strip())
            place = str(event.get("chargerId")), str(event.get("connectorId"))
            before = self._statuses.get(place)
            self._statuses[place] = event.get("chargerStatus", before)
            if self._statuses[place] != before or len(self.waiting) >= MOST_EVENTS:
                self._due.set()
            while len(self.waiting) >= MOST_WAITING:  # noqa: ASYNC110 - seldom, and then for long
                await asyncio.sleep(1)
        self._ended = True
        self._due.set()

    async def deliver(self) -> None:
        """Post what is taken in, until the input has ended and all is posted."""
        while self.waiting or not self._ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), COLLECT_SECONDS)
            self._due.clear()
            while self.waiting:
                self.sending = self._next_batch()
                await self._deliver_batch()

    def _next_batch(self) -> list[bytes]:
        batch = [self.waiting.popleft()]
        size = len(batch[0]) + MOST_EVENTS  # With commas.
        while self.waiting and len(batch) < MOST_EVENTS and (size := size + len(self.waiting[0])) < MOST_BYTES:
            batch.append(self.waiting.popleft())
        return batch

    async def _deliver_batch(self) -> None:
        attempt = 0
        while self.sending:
            answer = None
            headers = {"Authorization": f"Bearer {os.environ['TELEMETRY_TOKEN']}", "Content-Type": "application/gzip"}
            body = gzip.compress(b"[" + b",".join(self.sending) + b"]")
            with suppress(httpx.HTTPError):
                answer = await self._client.post("/telemetry/batch", content=body, headers=headers)
                # No others are added to them: the queue drops a message whose very events it has taken already.
                self.sending = remaining(self.sending, answer)
            if self.sending:
                seconds, attempt = pause_seconds(answer, attempt), attempt + 1
                print(
                    f"gateway: {answer or 'no answer'}: {len(self.sending)} events again in {seconds:.1f} s",
                    file=sys.stderr,
                )
                await asyncio.sleep(seconds)


def remaining(events: Sequence[bytes], answer: httpx.Response) -> Sequence[bytes]:
    """Return the events that are to be posted again, in order, after telling of those that are refused."""
    results = results_of(answer, len(events))
    if results is None:
        return events
    left: list[bytes] = []
    for event, result in zip(events, results, strict=True):
        if result["status"] != HTTPStatus.ACCEPTED:
            left.append(event) if result["retryable"] else refuse(event, result)
    return left


def results_of(answer: httpx.Response, events: int) -> list[dict[str, Any]] | None:
    """Return the result of each event, or None for an answer that tells none: the page of a proxy, half of a body."""
    try:
        body: dict[str, Any] = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        of_each = {**body, "status": answer.status_code, "retryable": answer.status_code in TRY_AGAIN}
        results = body["results"] if "results" in body or not answer.is_error else [of_each] * events
        told = [each["status"] == HTTPStatus.ACCEPTED or isinstance(each["retryable"], bool) for each in results]
    except (LookupError, TypeError, ValueError, RecursionError):
        return None
    return results if len(told) == events and all(told) else None


def pause_seconds(answer: httpx.Response | None, attempt: int) -> float:
    """Return how long the API asks to wait, and up to 1, 2, 4... seconds more by chance, so that senders part."""
    asked = answer.headers.get("retry-after", "") if answer else ""
    seconds = min(LONGEST_PAUSE_SECONDS, float(asked)) if asked.isdecimal() else 0  # The API sends no dates.
    return seconds + random.uniform(0, min(LONGEST_PAUSE_SECONDS, 2**attempt))  # noqa: S311 # nosec B311


def refuse(event: bytes, why: Mapping[str, object]) -> None:
    """Write an event that is not delivered, as a line of JSON."""
    print(json.dumps({"event": event.decode(errors="replace").strip(), "why": why}), flush=True)


async def main() -> int:
    """Run to the end; return the exit code."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2 * MOST_BYTES)
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with httpx.AsyncClient(base_url=os.environ["TELEMETRY_API_URL"], timeout=TIMEOUT_SECONDS) as client:
        gateway = Gateway(client)
        collecting = asyncio.create_task(gateway.collect(lines))
        delivering = asyncio.create_task(gateway.deliver())

        def close() -> None:
            with suppress(BlockingIOError, ValueError):  # All is read, or the input has ended.
                while data := os.read(sys.stdin.fileno(), MOST_BYTES):
                    lines.feed_data(data)
            pipe.close()

        def terminate() -> None:
            close()
            loop.call_later(FLUSH_SECONDS, delivering.cancel)

        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, terminate)
        left: list[bytes] = []
        try:
            with suppress(asyncio.CancelledError):
                await delivering
        finally:
            collecting.cancel()
            await asyncio.wait([collecting])
            close()
            left = [*gateway.sending, *gateway.waiting, *(await lines.read()).splitlines()]
            for event in left:
                refuse(event, {"detail": "was not posted: the gateway had to end"})
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
