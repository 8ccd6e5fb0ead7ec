"""A service whose functions log to a list, and what is told of it: as `scripts/follow.sh` would, without AWS."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.handler import BATCH_ROUTE, answer
from processor.delivery import QueuedMessage
from processor.processing import Processor
from processor.storing import Store
from telemetry.attribute_values import to_attributes
from telemetry.http_api import HttpRequest
from telemetry.observability import observed
from telemetry.settings import IngestSettings
from tests.unit.conftest import EVENTS, Printed
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.strategies import NOW
from tools.follow.__main__ import as_text
from tools.follow.items import Item, parse_item
from tools.follow.lines import Line, Log, parse_line
from tools.follow.trail import Trail, follow
from tools.follow.verdicts import Verdict, verdicts_of

if TYPE_CHECKING:
    pass

RETENTION = timedelta(days=30)
A_DAY = timedelta(days=1)
# CloudWatch takes what is 14 days old at most.
MOMENT = (datetime.now(UTC) - A_DAY).replace(microsecond=0)
ACCESS_LINE: dict[str, str] = json.loads((EVENTS / "access_log_line.json").read_text())


def event(charger_id: str = "CP-001", *, second: int = 0, **fields: object) -> dict[str, object]:
    """An event that is the newer the greater the second."""
    return {"chargerId": charger_id, "timestamp": f"2026-11-23T08:15:{second:02}Z", "payload": {}, **fields}


@dataclass
class RecordedLogs:
    """What was printed, and what was looked for."""

    lines: list[Line] = field(default_factory=list[Line])
    looked_for: list[tuple[Log, str, datetime, datetime | None]] = field(
        default_factory=list[tuple[Log, str, datetime, datetime | None]]
    )

    def naming(self, log: Log, text: str, since: datetime, until: datetime | None = None) -> list[Line]:
        self.looked_for.append((log, text, since, until))
        last = until or datetime.max.replace(tzinfo=UTC)
        found = [line for line in self.lines if line.log is log and line.names(text) and since <= line.time <= last]
        return sorted(found, key=lambda line: line.time)

    def write(self, log: Log, fields: Mapping[str, object]) -> None:
        line = parse_line(log, {"message": json.dumps(fields)})
        assert line
        # Here things happen again within a millisecond, and without traces.
        self.lines.append(replace(line, key=str(len(self.lines))))


@dataclass
class Service:
    """Ingest, queue, processor and table, and the logs of what they printed."""

    printed: Printed
    request: HttpRequest
    settings: IngestSettings
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    table: InMemoryTable = field(default_factory=InMemoryTable)
    logs: RecordedLogs = field(default_factory=RecordedLogs)
    seconds: float = 0
    printed_before: int = 0

    def __post_init__(self) -> None:
        self.queue.clock = lambda: self.seconds

    def post(self, first: object, *others: object, request: str = "request-1", chargers: str = "*") -> list[str | None]:
        """Post events, several as a batch; return the id that each was given."""
        posted: Any = deepcopy(self.request)
        posted["requestContext"]["requestId"] = request
        posted["requestContext"]["authorizer"]["jwt"]["claims"]["chargers"] = chargers
        posted["body"] = json.dumps([first, *others] if others else first)
        if others:
            posted["routeKey"] = BATCH_ROUTE
        answered = json.loads(answer(posted, self.settings, self.queue, NOW, lambda: 10.0)["body"])
        self.keep(Log.INGEST)
        return [each.get("eventId") for each in answered.get("results", [answered])]

    def process(
        self, table: InMemoryTable | None = None, *, dead_letters: bool = True, tells_the_queue: bool = True
    ) -> None:
        """Let the processor have what the queue gives, a minute later than the last time."""
        # Ingest's keys are not the processor's.
        observed(lambda: None)()
        self.seconds += 60
        received = [
            QueuedMessage(
                message_id=each.message_id,
                receipt_handle=each.receipt_handle,
                group=each.message.group,
                sequence_number=each.message_id,
                first_seen_at="2026-11-23T08:15:30.000Z",
                receive_count=each.receives,
                body=each.message.body,
            )
            for each in self.queue.receive()
        ]
        store = Store(table=table or self.table, stage="test", retention=RETENTION, clock=lambda: NOW)
        dead_letter_queue = InMemoryQueue(available=dead_letters)
        processor = Processor(queue=self.queue, store=store, dead_letter_queue=dead_letter_queue)
        failed = processor.process(received, lambda: 20.0)
        for each in received:
            if tells_the_queue and each.message_id not in failed:
                self.queue.delete(each.receipt_handle)
        self.keep(Log.PROCESSOR)

    def change(self, old: str, new: str) -> None:
        """Let the last message be as other code would have sent it."""
        kept = self.queue.kept[-1]
        assert old in kept.message.body
        kept.message = replace(kept.message, body=kept.message.body.replace(old, new))

    def keep(self, log: Log) -> None:
        """Bring what was printed to the log."""
        printed = self.printed.logs
        for fields in printed[self.printed_before :]:
            self.logs.write(log, fields)
        self.printed_before = len(printed)

    def answered(self, **fields: str) -> None:
        """Let API Gateway log a request of this moment."""
        came = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        self.logs.write(Log.ACCESS, ACCESS_LINE | {"requestId": "request-1", "requestTime": came} | fields)

    def item_of(self, charger_id: str) -> Item | None:
        return parse_item(to_attributes(self.table.items.get(charger_id, {})), NOW)

    def told(self, asked: str | None, *, now: datetime | None = None) -> "Told":
        trail = follow(str(asked), self.logs, self, datetime.now(UTC) - A_DAY)
        return Told(trail, verdicts_of(trail, now or datetime.now(UTC)) if trail.lines else [])


@dataclass(frozen=True)
class Told:
    trail: Trail
    verdicts: list[Verdict]

    @property
    def text(self) -> str:
        return as_text(self.trail, self.verdicts)

    @property
    def verdict(self) -> str:
        """The last line."""
        return self.text.splitlines()[-1]

    @property
    def hops(self) -> list[str]:
        """The timeline, less the times."""
        timeline, _, _ = self.text.partition("\n\n")
        return [" ".join(line[35:].split()) for line in timeline.splitlines()]
