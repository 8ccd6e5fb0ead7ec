"""What became of an event, by what the functions really log: run with the fakes in place of AWS."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from telemetry.envelope import short_id
from telemetry.errors import ItemRefusedError
from tests.unit.fakes import InMemoryTable
from tools.follow.__main__ import as_json
from tools.follow.lines import Log
from tools.follow.timeline import instant
from tools.follow.verdicts import summary

if TYPE_CHECKING:
    pass

from tests.unit.tools.follow.service import Service, event


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
        f"{short_id(str(one))}  stored and newest of CP-001",
        f"{short_id(str(other))}  stored and newest of CP-002",
        f"{'no id':<16}  refused (invalid)",
        f"{'no id':<16}  refused (invalid)",
        f"{'no id':<16}  refused (forbidden)",
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
    assert str(verdicts[short_id(str(one))]).startswith("on the queue: message message-1 of CP-001")
    assert verdicts[short_id(str(other))] == "on the queue: the processor has not told of it so far"


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
    assert [each.event.event_id for each in told.verdicts if each.event] == [short_id(str(event_id))]
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
        "eventId": short_id(str(one)),
        "chargerId": "CP-001",
        "outcome": "newest",
        "reason": None,
        "verdict": "stored and newest of CP-001",
    }
    assert (told["events"][1]["eventId"], told["events"][1]["reason"]) == (None, "invalid")
    assert told["verdict"] == summary(trail.verdicts) == trail.verdict


def test_lines_of_before_named_events_by_their_whole_ids_and_are_followed_all_the_same(service: Service) -> None:
    [event_id] = service.post(event())
    service.process()
    whole = (json.dumps(line.fields).replace(short_id(str(event_id)), str(event_id)) for line in service.logs.lines)
    service.logs.lines = [
        replace(line, fields=json.loads(text)) for line, text in zip(service.logs.lines, whole, strict=True)
    ]
    assert service.told(event_id).verdict == "stored and newest of CP-001"
    assert service.told("request-1").verdict == "stored and newest of CP-001"
