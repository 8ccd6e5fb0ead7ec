"""What `scripts/follow.sh` says, of the lines that the functions really print."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from ingest.handler import BATCH_ROUTE, answer
from processor.delivery import QueuedMessage
from processor.processing import Processor
from processor.storing import Store
from telemetry.attribute_values import to_attributes
from telemetry.errors import ItemRefusedError
from telemetry.http_api import HttpRequest
from telemetry.item import NO_REVISION, to_item
from telemetry.latest_table import DynamoTable
from telemetry.observability import observed
from telemetry.settings import IngestSettings
from tests.stage_settings import BARE
from tests.unit.conftest import EVENTS, NOW, Printed, client_with_table
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.strategies import START
from tests.unit.test_merge import envelope, merge_all
from tools import command_line
from tools.command_line import CommandError
from tools.deployed_stage import DeployedStage
from tools.follow import __main__ as follow_command
from tools.follow import lines
from tools.follow.__main__ import as_json, as_text, main
from tools.follow.items import DynamoItems, Item, Newest, parse_item
from tools.follow.lines import GROUPS, CloudWatchLogs, Line, Log, parse_line
from tools.follow.timeline import Entry, duration, instant, shown
from tools.follow.trail import Trail, follow
from tools.follow.verdicts import Verdict, summary, verdicts_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

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


@pytest.fixture
def service(printed: Printed, post: HttpRequest, ingest_settings: IngestSettings) -> Service:
    return Service(printed, post, ingest_settings)


def test_an_event_is_followed_from_its_request_to_the_item(service: Service) -> None:
    service.answered()
    [event_id] = service.post(event())
    service.process()
    told = service.told(event_id)
    assert told.hops == [
        "API Gateway POST /telemetry answered with 202 after 35 ms; request request-1",
        "ingest accepted for CP-001; request request-1",
        "processor stored; request request-1",
    ]
    assert told.verdict == "stored and newest of CP-001"


def test_a_request_of_one_event_is_followed_as_its_event_is(service: Service) -> None:
    service.answered()
    service.post(event())
    service.process()
    told = service.told("request-1")
    assert told.hops == [
        "API Gateway POST /telemetry answered with 202 after 35 ms",
        "ingest accepted for CP-001",
        "processor stored",
    ]
    assert told.verdict == "stored and newest of CP-001"


def test_an_event_may_still_be_the_newest_of_its_connector(service: Service) -> None:
    [event_id] = service.post(event(connectorId=1))
    service.process()
    assert service.told(event_id).verdict == "stored and newest of CP-001 and of connector 1 of CP-001"
    service.post(event(second=1, connectorId=2), request="request-2")
    service.process()
    assert service.told(event_id).verdict == "stored and newest of connector 1 of CP-001"


def test_the_event_that_superseded_it_is_named(service: Service) -> None:
    [event_id] = service.post(event())
    [newer] = service.post(event(second=1), request="request-2")
    service.process()
    assert service.told(event_id).verdict == f"stored, superseded by {newer} of 2026-11-23T08:15:01.000Z"


def test_an_event_is_superseded_at_its_connector_where_a_line_tells_which_that_is(service: Service) -> None:
    [event_id] = service.post(event(connectorId=1, payload={"temp_c": 80}))
    [newer] = service.post(event(second=1, connectorId=1), request="request-2")
    service.post(event(second=2, connectorId=2), request="request-3")
    service.process()
    told = service.told(event_id)
    assert told.verdict == f"stored, superseded by {newer} of 2026-11-23T08:15:01.000Z"
    assert "processor findings: TEMPERATURE_HIGH, TEMPERATURE_CRITICAL appeared" in told.hops


def test_a_late_event_is_stale(service: Service) -> None:
    [newer] = service.post(event(second=1))
    service.process()
    [event_id] = service.post(event(), request="request-2")
    service.process()
    told = service.told(event_id)
    assert told.hops[-1] == "processor stale: changed nothing that is newer; request request-2"
    stale = "stale: a newer event was stored before it"
    assert told.verdict == f"{stale}; the newest is {newer} of 2026-11-23T08:15:01.000Z"


def test_what_was_stored_once_is_not_stale_when_it_is_delivered_again(service: Service) -> None:
    [event_id] = service.post(event())
    [newer] = service.post(event(second=1), request="request-2")
    service.process(tells_the_queue=False)
    service.process()
    assert service.told(event_id).verdict == f"stored, superseded by {newer} of 2026-11-23T08:15:01.000Z"


def test_an_event_of_a_charger_that_has_no_item_any_more(service: Service) -> None:
    [event_id] = service.post(event())
    service.process()
    service.table.items.clear()
    told = service.told(event_id)
    assert told.verdict == "stored, and gone since: CP-001 has no item any more, it has expired or was deleted"


def test_an_event_that_waits_is_told_with_the_reason_and_how_often(service: Service) -> None:
    [event_id] = service.post(event())
    for _ in range(3):
        service.process(InMemoryTable(available=False))
    accepted, *waiting = (line for line in service.logs.lines if line.event_ids)
    later = [replace(line, time=line.time + timedelta(seconds=seconds)) for seconds, line in enumerate(waiting)]
    service.logs.lines = [accepted, *later]
    told = service.told(event_id)
    _, hop = told.hops
    assert hop.startswith("processor message message-1 of CP-001 to be delivered again: table_unavailable")
    assert hop.endswith(f", 3 times until {instant(later[-1].time)}")
    assert told.verdict == "waiting to be delivered again (table_unavailable), received 3 times so far"


def test_an_event_that_waited_is_stored_in_the_end(service: Service) -> None:
    [event_id] = service.post(event())
    service.process(InMemoryTable(available=False))
    service.process()
    told = service.told(event_id)
    assert told.hops[-1] == "processor stored; request request-1"
    assert told.verdict == "stored and newest of CP-001"


def test_after_a_silence_the_queue_itself_may_have_given_it_up(service: Service) -> None:
    [event_id] = service.post(event())
    service.process(InMemoryTable(available=False))
    told = service.told(event_id, now=datetime.now(UTC) + timedelta(minutes=11))
    assert "if the queue itself moved it to the DLQ, scripts/dlq.sh list and show tell more" in told.verdict


def test_an_event_that_the_table_refuses_is_in_the_dlq(service: Service) -> None:
    [event_id] = service.post(event())
    service.process(InMemoryTable(write_errors={"CP-001": [ItemRefusedError(), ItemRefusedError()]}))
    told = service.told(event_id)
    assert told.hops[-1].startswith("processor message message-1 of CP-001 moved to the DLQ: item_refused")
    assert told.verdict == "in the DLQ (item_refused): scripts/dlq.sh list and show tell more"


def test_what_was_redriven_from_the_dlq_and_stored_is_stored(service: Service) -> None:
    [event_id] = service.post(event())
    service.process(InMemoryTable(write_errors={"CP-001": [ItemRefusedError(), ItemRefusedError()]}))
    service.queue.keep(service.queue.messages[0])
    service.process()
    assert service.told(event_id).verdict == "stored and newest of CP-001"


def test_of_a_message_with_poison_each_event_is_told_by_itself(service: Service) -> None:
    good, bad = service.post(event(second=1), event())
    service.change("2026-11-23T08:15:00.000Z", "yesterday")
    service.process()
    assert service.told(good).verdict == "stored and newest of CP-001"
    assert service.told(bad).verdict == "in the DLQ (invalid): scripts/dlq.sh list and show tell more"
    told = service.told("request-1")
    assert told.hops[-1] == "processor 1 event of CP-001: 1 stored, 0 stale"
    assert told.verdict == "of 2 events: 1 stored and newest, 1 in the DLQ (invalid)"


def test_of_a_message_whose_events_can_not_be_told_apart_its_request_tells(service: Service) -> None:
    service.post(event())
    service.change("request-1", "request-2")
    service.change('"eventId"', '"id"')
    service.process(dead_letters=False)
    assert "waiting to be delivered again (queue_unavailable)" in service.told("request-2").verdict
    service.process()
    assert service.told("request-2").verdict == "in the DLQ (invalid): scripts/dlq.sh list and show tell more"


@pytest.mark.parametrize(("sent", "reason"), [({}, "invalid"), ({"chargerId": "CP-002"}, "forbidden")], ids=str)
def test_an_event_that_was_refused_is_told_with_its_reason(
    service: Service, sent: dict[str, object], reason: str
) -> None:
    service.post({**event(), **sent} if sent else {}, chargers="CP-001")
    told = service.told("request-1")
    assert f"ingest rejected: 1 {reason}" in told.hops
    assert told.verdict == f"refused ({reason})"


def test_of_a_batch_each_event_is_told(service: Service) -> None:
    one, other, *_ = service.post(event("CP-001"), event("CP-002"), event("CP-003"), {}, {}, chargers="[CP-001 CP-002]")
    service.process()
    told = service.told("request-1")
    assert told.hops == [
        "ingest rejected: 2 invalid",
        "ingest rejected: 1 forbidden",
        "ingest no access to CP-003",
        "ingest accepted 2 events of CP-001, CP-002",
        "processor 1 event of CP-001: 1 stored, 0 stale",
        "processor 1 event of CP-002: 1 stored, 0 stale",
    ]
    assert told.text.splitlines()[-7:-2] == [
        f"{one}  stored and newest of CP-001",
        f"{other}  stored and newest of CP-002",
        f"{'no id':<64}  refused (invalid)",
        f"{'no id':<64}  refused (invalid)",
        f"{'no id':<64}  refused (forbidden)",
    ]
    assert told.verdict == "of 5 events: 2 stored and newest, 2 refused (invalid), 1 refused (forbidden)"


def test_who_followed_an_event_of_a_batch_is_told_nothing_of_the_others(service: Service) -> None:
    one, *_ = service.post(event("CP-001"), event("CP-002"), {})
    service.process()
    told = service.told(one)
    assert told.hops == [
        "ingest accepted 2 events of CP-001, CP-002; request request-1",
        "processor stored; request request-1",
    ]
    assert told.verdict == "stored and newest of CP-001"


def test_many_chargers_are_named_in_part(service: Service) -> None:
    service.post(*(event(f"CP-{number}") for number in range(5)))
    assert service.told("request-1").hops == ["ingest accepted 5 events of CP-0, CP-1, CP-2 and 2 more"]


def test_what_could_not_be_queued_was_refused_for_now(service: Service) -> None:
    service.queue.available = False
    service.post(event())
    told = service.told("request-1")
    assert told.hops == ["ingest could not queue 1 event of CP-001: queue_unavailable"]
    assert told.verdict == "refused (queue_unavailable): its sender was told to send it again"


def test_what_was_accepted_in_any_request_is_on_the_queue(service: Service) -> None:
    [event_id] = service.post(event(), request="request-1")
    for is_available in (False, True):
        service.queue.available = is_available
        service.post(event(), request="request-2")
        assert service.told(event_id).verdict == "on the queue: the processor has not told of it so far"


def test_what_was_queued_at_the_second_attempt_is_followed_from_the_first(service: Service) -> None:
    service.queue.available = False
    service.post(event())
    service.queue.available = True
    [event_id] = service.post(event(), request="request-2")
    service.process()
    told = service.told(event_id)
    assert [hop.partition(" ")[2][:14] for hop in told.hops] == ["could not queu", "accepted for C", "stored; reques"]
    assert told.verdict == "stored and newest of CP-001"


def test_an_event_of_which_the_processor_says_nothing_is_on_the_queue(service: Service) -> None:
    [event_id] = service.post(event())
    assert service.told(event_id).verdict == "on the queue: the processor has not told of it so far"


def test_an_event_of_which_the_processor_should_have_said_something_leads_to_the_runbook(service: Service) -> None:
    [event_id] = service.post(event())
    told = service.told(event_id, now=datetime.now(UTC) + timedelta(minutes=11))
    assert told.verdict.endswith(": see queue-behind in docs/runbook.md")


def test_a_processor_that_died_before_it_told_of_an_event_leaves_it_on_the_queue(service: Service) -> None:
    [event_id] = service.post(event(payload={"temp_c": 80}))
    service.process()
    service.table.items.clear()
    service.logs.lines = [line for line in service.logs.lines if line.message == "findings changed"]
    told = service.told(event_id)
    assert told.hops == ["processor findings: TEMPERATURE_HIGH, TEMPERATURE_CRITICAL appeared"]
    assert told.verdict == "on the queue: the processor has not told of it so far"


def test_an_event_may_wait_behind_another_of_its_charger(service: Service) -> None:
    service.post(event())
    service.process(InMemoryTable(available=False))
    # While the first waits, a FIFO queue gives nothing of its charger.
    [event_id] = service.post(event(second=1), request="request-2")
    told = service.told(event_id)
    [waiting] = [hop for hop in told.hops if hop.startswith("processor")]
    assert waiting.startswith("processor message message-1 of CP-001 to be delivered again: table_unavailable")
    behind = "message message-1 of CP-001 is to be delivered again (table_unavailable), and what follows waits for it"
    assert told.verdict == f"on the queue: {behind}"


def test_of_a_batch_each_event_waits_behind_its_own_charger_alone(service: Service) -> None:
    service.post(event())
    service.process(InMemoryTable(available=False))
    one, other = service.post(event(second=1), event("CP-002"), request="request-2")
    verdicts = {each.event.event_id: each.text for each in service.told("request-2").verdicts if each.event}
    assert str(verdicts[str(one)]).startswith("on the queue: message message-1 of CP-001")
    assert verdicts[str(other)] == "on the queue: the processor has not told of it so far"


def test_an_event_does_not_wait_behind_what_was_stored_or_is_of_another_charger(service: Service) -> None:
    service.post(event())
    service.process(InMemoryTable(available=False))
    service.process()
    service.post(event("CP-0011"), request="request-2")
    service.process(InMemoryTable(available=False))
    [event_id] = service.post(event(second=1), request="request-3")
    told = service.told(event_id)
    assert told.verdict == "on the queue: the processor has not told of it so far"
    assert len(told.hops) == 1


def test_a_message_of_newer_code_is_told_by_its_charger(service: Service) -> None:
    [event_id] = service.post(event())
    service.change('"version":1', '"version":2')
    service.process()
    assert "is to be delivered again (newer_message)" in service.told(event_id).verdict


def test_a_resend_that_the_queue_dropped_is_told_by_what_became_of_the_first(service: Service) -> None:
    service.post(event(), event("CP-002"))
    service.process()
    service.post(event(), event("CP-002"), request="request-2")
    told = service.told("request-2")
    assert "processor 1 event of CP-002: 1 stored, 0 stale; request request-1" in told.hops
    assert told.verdict == "of 2 events: 2 stored and newest"


def test_a_resend_of_what_waits_is_told_once(service: Service) -> None:
    service.post(event(), event("CP-002"))
    service.process(InMemoryTable(available=False))
    service.post(event(), event("CP-002"), request="request-2")
    told = service.told("request-2")
    waiting = [line for line in told.trail.lines if line.message == "to be delivered again"]
    assert [line.text("chargerId") for line in waiting] == ["CP-001", "CP-002"]
    assert told.verdict == "of 2 events: 2 waiting to be delivered again (table_unavailable)"


def test_a_request_is_told_of_its_own_events_alone(service: Service) -> None:
    service.post(event(payload={"temp_c": 80}), event(second=1))
    [event_id] = service.post(event(payload={"temp_c": 80}), request="request-2")
    service.process()
    told = service.told("request-2")
    assert [each.event.event_id for each in told.verdicts if each.event] == [event_id]
    assert "processor stored; request request-1" in told.hops
    assert "processor findings: TEMPERATURE_HIGH, TEMPERATURE_CRITICAL appeared" in told.hops
    assert told.verdict.startswith("stored, superseded by ")


def test_of_a_great_batch_all_is_found_at_once(service: Service) -> None:
    service.post(*(event(f"CP-{number}") for number in range(20)))
    service.process()
    service.process()
    told = service.told("request-1")
    assert told.verdict == "of 20 events: 20 stored and newest"
    assert sum(hop.startswith("processor") for hop in told.hops) == 20
    assert len([1 for log, *_ in service.logs.looked_for if log is Log.PROCESSOR]) == 1


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"status": "401", "authorizerError": "it has expired"}, "refused (401 by API Gateway): it has expired"),
        ({"status": "429"}, "refused (429 by API Gateway)"),
        ({"status": "200", "routeKey": "GET /telemetry"}, "no event: it asked for telemetry, and brought none"),
        ({"status": "202"}, "not told of yet: the lines of ingest are not there yet, look again in a moment"),
    ],
)
def test_a_request_of_which_api_gateway_alone_tells(service: Service, fields: dict[str, str], verdict: str) -> None:
    service.answered(**fields)
    assert service.told("request-1").verdict == verdict


def test_what_a_terminal_would_obey_is_not_printed(service: Service) -> None:
    service.answered(status="401", authorizerError="\x1b[31mred\u2028")
    assert service.told("request-1").verdict == "refused (401 by API Gateway): ?[31mred?"


def test_a_line_that_is_not_known_here_is_told_as_it_is(service: Service) -> None:
    fields = {"message": "something new", "correlationId": "request-1", "timestamp": datetime.now(UTC).isoformat()}
    service.logs.write(Log.INGEST, fields)
    assert service.told("request-1").hops == ["ingest something new"]


def test_what_is_in_no_log_has_no_lines(service: Service) -> None:
    service.answered()
    service.post(event())
    for asked in ("request-2", "request", "0" * 64):
        assert service.told(asked).trail.lines == []


def test_no_value_that_was_sent_is_shown(service: Service) -> None:
    secret = "52.5163N-13.3777E"  # noqa: S105 - made up, to be searched for
    sent = event(payload={"place": secret, "temp_c": 80}, locationId=secret, firmwareVersion=secret)
    service.post(sent, {**sent, "connectorId": secret})
    service.process()
    told = service.told("request-1")
    assert secret not in told.text + as_json(told.trail, told.verdicts)


def test_a_program_is_told_the_same(service: Service) -> None:
    one, _ = service.post(event(), {})
    service.process()
    trail = service.told("request-1")
    told = json.loads(as_json(trail.trail, trail.verdicts))
    assert told["id"] == "request-1"
    assert [entry["hop"] for entry in told["timeline"]] == ["ingest", "ingest", "processor"]
    assert told["events"][0] == {
        "eventId": one,
        "chargerId": "CP-001",
        "outcome": "newest",
        "reason": None,
        "verdict": "stored and newest of CP-001",
    }
    assert (told["events"][1]["eventId"], told["events"][1]["reason"]) == (None, "invalid")
    assert told["verdict"] == summary(trail.verdicts) == trail.verdict


def test_a_log_is_looked_through_from_where_an_earlier_hop_tells_that_there_can_be_anything(service: Service) -> None:
    begun = datetime.now(UTC)
    service.post(event())
    service.process()
    service.told("request-1")
    (ingest, *_), (access, request, since, until), (processor, _, processed_since, _) = service.logs.looked_for
    assert (ingest, access, processor) == (Log.INGEST, Log.ACCESS, Log.PROCESSOR)
    assert request == "request-1"
    assert until is not None
    assert until - since == timedelta(minutes=2)
    assert since < begun < until
    # The queue drops what it was sent within 5 minutes.
    assert timedelta(minutes=5) < begun - processed_since < timedelta(minutes=7)


def test_of_an_event_that_is_sent_again_and_again_the_last_requests_are_looked_for(service: Service) -> None:
    event_ids = [service.post(event(), request=f"request-{number}")[0] for number in range(12)]
    service.told(event_ids[0])
    asked = [text for log, text, _, _ in service.logs.looked_for if log is Log.ACCESS]
    assert asked == [f"request-{number}" for number in range(2, 12)]


def test_of_a_batch_that_waits_some_chargers_are_looked_for(service: Service) -> None:
    service.post(*(event(f"CP-{number}") for number in range(20)))
    assert len(service.told("request-1").verdicts) == 20
    assert len([1 for log, *_ in service.logs.looked_for if log is Log.PROCESSOR]) == 11


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (timedelta(), "0 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=1), "1.0 s"),
        (timedelta(seconds=119), "119.0 s"),
        (timedelta(minutes=2), "2 min"),
    ],
)
def test_a_duration_is_told_as_a_person_would(passed: timedelta, told: str) -> None:
    assert duration(passed) == told


def test_each_entry_tells_how_long_it_came_after_the_last_of_the_one_before() -> None:
    at = datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)

    def entry(hop: Log, seconds: float, until: float) -> Entry:
        first, last = at + timedelta(seconds=seconds), at + timedelta(seconds=until)
        return Entry(time=first, until=last, times=1 if first == last else 2, hop=hop, what="it")

    entries = [
        entry(Log.ACCESS, 0, 0),
        entry(Log.INGEST, 0.5, 0.5),
        entry(Log.PROCESSOR, 1, 3),
        entry(Log.PROCESSOR, 4, 4),
    ]
    assert list(shown(entries)) == [
        "2026-11-23T08:15:30.000Z            API Gateway  it",
        # API Gateway's time is that of a second.
        "2026-11-23T08:15:30.500Z     < 1 s  ingest       it",
        "2026-11-23T08:15:31.000Z   +500 ms  processor    it, 2 times until 2026-11-23T08:15:33.000Z",
        "2026-11-23T08:15:34.000Z    +1.0 s  processor    it",
    ]


def test_the_time_of_a_request_is_told_by_its_line() -> None:
    line = parse_line(Log.ACCESS, {"message": json.dumps(ACCESS_LINE), "timestamp": 0})
    assert line
    assert line.time == datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("message", ["START RequestId: 1", "7", "[]", "{", ""])
def test_what_is_no_line_of_ours_is_left_out(message: str) -> None:
    assert parse_line(Log.INGEST, {"message": message, "timestamp": 0}) is None


def test_a_line_that_tells_no_time_has_that_of_cloudwatch() -> None:
    line = parse_line(Log.INGEST, {"message": "{}", "timestamp": 1500})
    assert line
    assert line.time == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)


@pytest.fixture
def cloudwatch() -> "Iterator[CloudWatchLogsClient]":
    """CloudWatch, with a log of ingest in which three lines stand, a minute apart."""
    with mock_aws():
        client = boto3.client("logs")
        client.create_log_group(logGroupName="ingest-log")
        client.create_log_stream(logGroupName="ingest-log", logStreamName="s")
        for minute, fields in enumerate(
            ({"correlationId": "request-1"}, {"correlationId": "request-12"}, {"eventIds": ["e", "request-1"]})
        ):
            timestamp = int((MOMENT + timedelta(minutes=minute)).timestamp() * 1000)
            entry: InputLogEventTypeDef = {"timestamp": timestamp, "message": json.dumps(fields)}
            client.put_log_events(logGroupName="ingest-log", logStreamName="s", logEvents=[entry])
        yield client


def test_cloudwatch_is_asked_for_the_lines_that_name_an_id_in_a_span_of_time(
    cloudwatch: "CloudWatchLogsClient",
) -> None:
    logs = CloudWatchLogs(cloudwatch, {"IngestLogName": "ingest-log"})
    both = logs.naming(Log.INGEST, "request-1", MOMENT)
    assert [line.time - MOMENT for line in both] == [timedelta(), timedelta(minutes=2)]
    assert logs.naming(Log.INGEST, "request-1", MOMENT, MOMENT + timedelta(minutes=1)) == both[:1]
    assert logs.naming(Log.INGEST, "request-1", MOMENT + timedelta(minutes=1)) == both[1:]


class Pages:
    """A log of CloudWatch that has empty pages alone, as many as are asked for."""

    def get_paginator(self, name: str) -> "Pages":
        assert name == "filter_log_events"
        return self

    def paginate(self, **_: object) -> Iterator[dict[str, list[object]]]:
        while True:
            yield {"events": []}


def test_logs_that_are_too_long_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_PAGES", 3)
    logs = CloudWatchLogs(cast("CloudWatchLogsClient", Pages()), {"IngestLogName": "ingest-log"})
    with pytest.raises(CommandError, match=r"after 3 pages the log of ingest is not looked through; .* --since 1h"):
        logs.naming(Log.INGEST, "request-1", MOMENT)


@pytest.mark.parametrize(("seconds", "told"), [(-1, [1, 2, 3]), (60, [])])
def test_what_takes_long_tells_that_it_is_at_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float, told: list[int]
) -> None:
    monkeypatch.setattr(lines, "TELL_AFTER_SECONDS", seconds)
    monkeypatch.setattr(lines, "MOST_PAGES", 3)
    logs = CloudWatchLogs(cast("CloudWatchLogsClient", Pages()), {"IngestLogName": "ingest-log"})
    with pytest.raises(CommandError):
        logs.naming(Log.INGEST, "request-1", MOMENT)
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [f"  looking through the log of ingest: page {page} ..." for page in told]
    assert printed.out == ""


def test_the_table_tells_which_events_are_the_newest(moto_dynamodb: "DynamoDBClient") -> None:
    newest = [envelope(sampled=1, ingested=1, connectorId=2), envelope(sampled=2, ingested=2)]
    item = to_item(merge_all(None, newest), 1, RETENTION)
    DynamoTable(moto_dynamodb, "latest").write(item, NO_REVISION)
    seen = START + timedelta(minutes=2)
    stored = DynamoItems(moto_dynamodb, "latest", seen + RETENTION - timedelta(seconds=1)).item_of("CP-001")
    of_connector, of_charger = (Newest(each.event_id, each.timestamp) for each in newest)
    assert stored == Item(of_charger, {"2": of_connector})
    assert DynamoItems(moto_dynamodb, "latest", seen + RETENTION).item_of("CP-001") is None
    assert DynamoItems(moto_dynamodb, "latest", seen).item_of("CP-002") is None


def test_an_item_that_is_broken_is_the_newest_of_nothing() -> None:
    assert parse_item({"chargerId": {"S": "CP-001"}, "connectors": {"M": {"1": {"S": "x"}}}}, NOW) == Item(
        Newest("", ""), {"1": Newest("", "")}
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: ID, --stage"),
        (["a b", "--stage", "dev"], "argument ID: 'a b' can't be the id of an event or of a request"),
        (['"', "--stage", "dev"], "argument ID: '\"' can't be the id of an event or of a request"),
        (["a", "--stage", "nosuch"], "argument --stage: invalid choice: 'nosuch'"),
        (["a", "--stage", "dev", "--since", "0h"], "argument --since: '0h' is no time; give e.g. 30m, 24h or 7d"),
        (["a", "--stage", "dev", "--since", "1w"], "argument --since: '1w' is no time; give e.g. 30m, 24h or 7d"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"follow.sh: {told}")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeployedStage]:
    """A stage whose logs and table are there, and empty."""
    outputs = {output: output for output in (*GROUPS.values(), "TableName")} | {"TableName": "latest"}

    def leaves_signals_alone(*_: object) -> None:
        """Do nothing: pytest needs its own."""

    def here(_name: str, *, profile: str | None) -> DeployedStage:
        assert profile is None
        return DeployedStage(BARE, outputs, boto3.Session())

    monkeypatch.setattr(command_line.signal, "signal", leaves_signals_alone)
    monkeypatch.setattr(follow_command, "deployed_stage", here)
    # However busy the machine is.
    monkeypatch.setattr(lines, "TELL_AFTER_SECONDS", 600)
    with mock_aws():
        client_with_table()
        for output in GROUPS.values():
            boto3.client("logs").create_log_group(logGroupName=output)
        yield here("dev", profile=None)


def test_what_was_not_found_is_told_with_how_long_logs_are_kept(
    stage: DeployedStage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["A" * 64, "--stage", "dev", "--since", "7d"]) == 1
    told = capsys.readouterr()
    kept = f"stage {stage.settings.name} keeps its logs for {stage.settings.log_retention_days} d"
    # The id of an event, as somebody may have written it down.
    assert told.err == f"follow.sh: {'a' * 64} was not found in the logs of the last 7d; {kept}\n"
    assert told.out == ""


def test_what_aws_refuses_is_told_in_one_line(stage: DeployedStage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.logs.delete_log_group(logGroupName="IngestLogName")
    assert main(["a", "--stage", "dev"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"follow.sh: {stage.settings.stack_name} can't be looked into: ")
    assert "FilterLogEvents" in line
