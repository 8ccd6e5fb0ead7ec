"""Runs one of the functions on sample telemetry, with queue and table in memory: what it sends, stores and logs.

A program of its own, for `footprint.py`: a function reads its environment once, and logs to the standard output that it
was imported with. Standard input says what is to be done and standard output what came of it, both as JSON.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from telemetry.errors import QueueUnavailableError
from telemetry.fifo_queue import OutgoingMessage
from telemetry.latest_table import Item, Reading

# The same at each run, so that what is written is as long each time.
NOW = datetime(2026, 11, 23, 8, 20, 0, 123456, tzinfo=UTC)
STORED_AFTER = timedelta(milliseconds=231.417)
# As long as AWS's are.
REQUEST_ID = "UYrjTjs5DoEEM9A="
MESSAGE_ID = "059f36b4-87a3-44ab-83d2-661975830a7d"
SEQUENCE_NUMBER = "18849496460467696128"
PLENTY_SECONDS = 20.0
ENVIRONMENT = {
    "POWERTOOLS_METRICS_NAMESPACE": "Telemetry",
    "CHARGERS_CLAIM": "chargers",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/queue.fifo",
}


@dataclass
class Queue:
    """Takes every message, and remembers each request's."""

    sends: list[list[str]] = field(default_factory=list[list[str]])

    def send(self, message: OutgoingMessage) -> None:
        """Take a message."""
        self.sends.append([message.body])

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Mapping[int, QueueUnavailableError]:
        """Take messages."""
        self.sends.append([message.body for message in messages])
        return {}

    def change_visibility(self, seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        """Refuse: nothing fails here.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(seconds_of)


@dataclass
class Table:
    """Holds items, and remembers the size of each that was read or written."""

    items: dict[str, Item] = field(default_factory=dict[str, dict[str, object]])
    read_bytes: list[int] = field(default_factory=list[int])
    written_bytes: list[int] = field(default_factory=list[int])

    def read(self, charger_ids: Collection[str]) -> Reading:
        """Return the items."""
        found = {charger_id: self.items[charger_id] for charger_id in charger_ids if charger_id in self.items}
        self.read_bytes += map(size_of_item, found.values())
        return Reading(found)

    def write(self, item: Item, replaced_revision: int) -> None:
        """Store an item."""
        del replaced_revision
        self.items[str(item["chargerId"])] = item
        self.written_bytes.append(size_of_item(item))


def size_of_item(item: Mapping[str, object]) -> int:
    """Return what an item takes in DynamoDB, in bytes, as AWS counts it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _size_of(value) for name, value in item.items())


def _size_of(value: object) -> int:
    match value:
        case str():
            return len(value.encode())
        case bool() | None:
            return 1
        case int() | Decimal():
            return (len(Decimal(value).normalize().as_tuple().digits) + 1) // 2 + 1 + (value < 0)
        case dict():
            members = cast("dict[str, object]", value).items()
            return 3 + sum(1 + len(name.encode()) + _size_of(each) for name, each in members)
        case _:
            return 3 + sum(1 + _size_of(each) for each in cast("Sequence[object]", value))


def main() -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    os.environ.update(ENVIRONMENT, STAGE=asked["stage"], POWERTOOLS_SERVICE_NAME=asked["function"])
    # Before the functions are imported, whose logger keeps what it finds here.
    sys.stdout = written = io.StringIO()
    exercise = {"ingest": ingest, "processor": processor}[asked["function"]]
    results: list[dict[str, object]] = []
    for case in asked["cases"]:
        result = exercise(case, lambda: _taken(written))
        results.append(result)
    json.dump(results, sys.__stdout__ or sys.stdout)


def ingest(post: dict[str, Any], written: Callable[[], list[str]]) -> dict[str, object]:
    """Post events in one request; return what was sent to the queue, the sizes of body and answer, and the log.

    Args:
        post: `events`, and `secondsAgo`, when they came.
        written: tells what was logged since it was asked before.
    """
    from ingest import handler  # noqa: PLC0415 - it keeps the output that it is imported with
    from telemetry import exact_json  # noqa: PLC0415 - as above
    from telemetry.observability import observed  # noqa: PLC0415 - as above
    from telemetry.settings import IngestSettings  # noqa: PLC0415 - as above

    events, received = post["events"], NOW - timedelta(seconds=post["secondsAgo"])
    several = len(events) > 1
    request: Any = {
        "routeKey": handler.BATCH_ROUTE if several else "POST /telemetry",
        "requestContext": {"requestId": REQUEST_ID, "authorizer": {"jwt": {"claims": {"chargers": "*"}}}},
        "headers": {"content-type": "application/json"},
        "body": exact_json.dump(events if several else events[0]),
    }
    queue = Queue()
    respond = observed(
        lambda: handler.answer(request, IngestSettings.from_environment(), queue, received, lambda: PLENTY_SECONDS)
    )
    answer = respond()
    return {
        "status": answer["statusCode"],
        "bodyBytes": len(request["body"].encode()),
        "answerBytes": len(answer["body"].encode()),
        "sends": queue.sends,
        "log": written(),
    }


def processor(case: dict[str, Any], written: Callable[[], list[str]]) -> dict[str, object]:
    """Process messages of chargers that have posted before; return the sizes of items read and written, and the log.

    Args:
        case: `earlier` and `now`, each with bodies of messages, one or several of each charger.
        written: tells what was logged since it was asked before.
    """
    from processor.delivery import QueuedMessage  # noqa: PLC0415 - it keeps the output that it is imported with
    from processor.processing import Processor  # noqa: PLC0415 - as above
    from processor.storing import Store  # noqa: PLC0415 - as above
    from telemetry.observability import observed  # noqa: PLC0415 - as above

    table = Table()
    store = Store(table=table, stage=os.environ["STAGE"], retention=None, clock=lambda: NOW + STORED_AFTER)
    process = observed(Processor(queue=Queue(), store=store, dead_letter_queue=Queue()).process)

    def deliver(bodies: Sequence[str]) -> list[str]:
        return process(
            [
                QueuedMessage(
                    message_id=MESSAGE_ID,
                    receipt_handle="",
                    group=json.loads(body)["envelopes"][0]["chargerId"],
                    sequence_number=SEQUENCE_NUMBER,
                    first_seen_at="2026-11-23T08:20:00.123Z",
                    receive_count=1,
                    body=body,
                )
                for body in bodies
            ],
            lambda: PLENTY_SECONDS,
        )

    deliver(case["earlier"])
    table.read_bytes.clear()
    table.written_bytes.clear()
    written()
    failed = deliver(case["now"])
    return {"failed": failed, "readBytes": table.read_bytes, "writtenBytes": table.written_bytes, "log": written()}


def _taken(written: io.StringIO) -> list[str]:
    lines = written.getvalue().splitlines()
    written.seek(0)
    written.truncate()
    return lines


if __name__ == "__main__":
    main()
