import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import packing
from telemetry.envelope import short_id
from telemetry.fifo_queue import OutgoingMessage
from telemetry.http_api import HttpAnswer, HttpRequest
from telemetry.message import decode
from telemetry.settings import IngestSettings
from telemetry.timestamps import to_microseconds
from tests.unit.conftest import Printed
from tests.unit.fakes import InMemoryQueue
from tests.unit.strategies import NOW, json_values
from tests.unit.test_ingest import EVENT, Ingest, problem

ROUTE = "POST /telemetry/batch"
INVALID: dict[str, object] = {"chargerId": "CP-001", "timestamp": "2026-11-23T08:15:00Z", "payload": []}


def event(charger_id: str = "CP-001", **payload: object) -> dict[str, object]:
    return EVENT | {"chargerId": charger_id, "payload": payload}


SENT = [event(a=1), event("CP-002", a=2)]


class Batch(Ingest):
    """Posts batches."""

    def send(self, body: object, **changes: object) -> HttpAnswer:
        text = body if isinstance(body, str) else json.dumps(body)
        return self.post(**{"routeKey": ROUTE, "body": text, **changes})

    def queued(self) -> dict[str, list[str]]:
        """Return the ids of the events on the queue, in order, for each charger."""
        found: dict[str, list[str]] = {}
        for message in self.queue.messages:
            envelopes = decode(message.body, message.group).envelopes
            found.setdefault(message.group, []).extend(each.event_id for each in envelopes)
        return found


@pytest.fixture
def batch(post: HttpRequest, ingest_settings: IngestSettings, queue: InMemoryQueue) -> Batch:
    return Batch(post, ingest_settings, queue)


def told(answer: HttpAnswer) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/json"
    return json.loads(answer["body"])


def statuses(answer: HttpAnswer) -> list[int]:
    results = told(answer)["results"]
    assert [each["index"] for each in results] == list(range(len(results)))
    return [each["status"] for each in results]


@pytest.mark.parametrize("body", [SENT, {"events": SENT}], ids=["array", "object"])
def test_a_batch_in_either_form_is_acknowledged_event_by_event(batch: Batch, body: object) -> None:
    answer = batch.send(body)
    assert answer["statusCode"] == 202
    ids = [json.loads(batch.post(body=json.dumps(each))["body"])["eventId"] for each in SENT]
    assert told(answer) == {
        "accepted": 2,
        "rejected": 0,
        "results": [{"index": index, "status": 202, "eventId": ids[index]} for index in range(2)],
    }


def test_one_bad_event_never_costs_a_good_one(batch: Batch) -> None:
    answer = batch.send([event(a=1), INVALID, "no event", event(a=2)])
    assert answer["statusCode"] == 207
    body = told(answer)
    assert (body["accepted"], body["rejected"]) == (2, 2)
    assert body["results"][1:3] == [
        {
            "index": 1,
            "status": 422,
            "retryable": False,
            "errors": [{"pointer": "/payload", "detail": "must be a JSON object"}],
        },
        {
            "index": 2,
            "status": 422,
            "retryable": False,
            "errors": [{"pointer": "", "detail": "must be a JSON object"}],
        },
    ]
    assert batch.queued() == {"CP-001": [body["results"][index]["eventId"] for index in (0, 3)]}


@pytest.mark.parametrize(
    "bad",
    [
        '{"chargerId":"CP-001","timestamp":"2026-11-23T08:15:00Z","payload":{"deep":'
        + "[" * 50_000
        + "]" * 50_000
        + "}}",
        '{"chargerId":"CP-001","timestamp":"2026-11-23T08:15:00Z","payload":{"a":NaN}}',
        '{"chargerId":"CP-001","timestamp":"2026-11-23T08:15:00Z","payload":{"a":1,"a":1}}',
        '{"chargerId":"CP-001","timestamp":"2026-11-23T08:15:00Z","payload":{"a":"\\ud800"}}',
        '{"chargerId":"CP-001","timestamp":"2026-11-23T08:15:00Z","payload":{"a":"' + "x" * 65_536 + '"}}',
        "[[]]",
        "null",
        "1e999",
    ],
    ids=["deep", "NaN", "repeated key", "half a character", "large payload", "array", "null", "number"],
)
def test_what_a_queue_or_a_table_could_not_hold_costs_its_own_event_alone(batch: Batch, bad: str) -> None:
    assert statuses(batch.send(f"[{json.dumps(event())},{bad},{json.dumps(event(b=1))}]")) == [202, 422, 202]


def test_an_event_for_a_charger_that_is_not_the_tokens_is_rejected_alone(batch: Batch) -> None:
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "CP-001"}, "scopes": None}}}
    answer = batch.send([event("CP-002"), event()], requestContext=context)
    assert answer["statusCode"] == 207
    assert told(answer)["results"][0] == {"index": 0, "status": 403, "retryable": False}
    assert list(batch.queued()) == ["CP-001"]


def test_a_batch_with_foreign_chargers_leaves_one_trace_of_all_of_them(batch: Batch, printed: Printed) -> None:
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "CP-001"}, "scopes": None}}}
    batch.send([event("CP-002"), event(), INVALID, event("CP-003"), event("CP-002", b=1)], requestContext=context)
    (line,) = [each for each in printed.logs if each["message"] == "access refused"]
    assert line["chargerIds"] == ["CP-002", "CP-003"]
    assert [value for value, _ in printed.metric("AccessRefused")] == [[1]]


@pytest.mark.parametrize("claims", [{"chargers": "CP-003"}, {"sub": "a"}])
def test_a_batch_that_must_be_mended_as_a_whole_is_422_with_its_results(batch: Batch, claims: object) -> None:
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": claims, "scopes": None}}}
    answer = batch.send([INVALID, event()], requestContext=context)
    assert answer["statusCode"] == 422
    assert "retry-after" not in answer["headers"]
    assert statuses(answer) == [422, 403]


def test_when_nothing_was_queued_and_something_may_be_sent_again_it_is_503(batch: Batch) -> None:
    batch.queue.available = False
    answer = batch.send([INVALID, event(), event("CP-002")])
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["retry-after"]) > 0
    assert told(answer)["results"][1:] == [{"index": index, "status": 503, "retryable": True} for index in (1, 2)]


def test_when_something_was_queued_what_was_not_may_be_sent_again(batch: Batch) -> None:
    batch.queue.refuses = lambda message: message.group == "CP-002"
    answer = batch.send([event(a=1), event("CP-002"), event(a=2)])
    assert answer["statusCode"] == 207
    assert statuses(answer) == [202, 503, 202]
    assert told(answer)["rejected"] == 1


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ("[]", [""]),
        ('{"events": []}', ["/events"]),
        ('{"events": {}}', ["/events"]),
        ('{"events": null}', ["/events"]),
        ("{}", ["/events"]),
        ("null", [""]),
        ('"text"', [""]),
        ("7", [""]),
        (json.dumps(EVENT), ["/chargerId", "/timestamp", "/payload", "/events"]),
        ('{"events": [1], "a/b": 1}', ["/a~1b"]),
        ('{"events": [1], "events": [1]}', ["/events"]),
        ('{"events": [1], "\\ud800": 1}', ["/?"]),
    ],
)
def test_what_is_no_batch_is_422_and_says_where(batch: Batch, body: str, pointers: list[str]) -> None:
    details = problem(batch.send(body))
    assert details["status"] == 422
    assert details["title"] == "Not a batch of telemetry events"
    assert [each["pointer"] for each in details["errors"]] == pointers
    assert all(each["detail"] for each in details["errors"])


def test_the_answer_to_a_wrapper_full_of_fields_stays_short(batch: Batch) -> None:
    assert len(problem(batch.send({f"field{index}": 1 for index in range(10_000)}))["errors"]) == 20


def test_a_batch_takes_100_events_and_no_more(batch: Batch) -> None:
    assert batch.send([event(a=index) for index in range(100)])["statusCode"] == 202
    assert problem(batch.send([event(a=index) for index in range(101)]))["status"] == 413


def test_a_batch_takes_one_mebibyte_and_no_more(batch: Batch) -> None:
    def status(size: int) -> int:
        return batch.send(json.dumps([event()]).ljust(size))["statusCode"]

    assert (status(1024 * 1024), status(1024 * 1024 + 1)) == (202, 413)


@pytest.mark.parametrize("body", ["", "[", json.dumps([EVENT]) + "]", "chargerId=CP-001"])
def test_what_is_not_json_is_400(batch: Batch, body: str) -> None:
    assert problem(batch.send(body))["status"] == 400


def test_a_batch_of_another_type_is_415(batch: Batch) -> None:
    assert problem(batch.send([event()], headers={"content-type": "text/plain"}))["status"] == 415


def test_100_events_of_one_charger_are_one_message_in_one_request(batch: Batch) -> None:
    answer = batch.send([event(a=index) for index in range(100)])
    assert batch.queue.sends == [1]
    (message,) = batch.queue.messages
    envelopes = decode(message.body, "CP-001").envelopes
    assert [each.event_id for each in envelopes] == [each["eventId"] for each in told(answer)["results"]]


def test_events_of_100_chargers_are_ten_requests(batch: Batch) -> None:
    assert batch.send([event(f"CP-{index}") for index in range(100)])["statusCode"] == 202
    assert batch.queue.sends == [10] * 10
    assert len(batch.queue.messages) == 100


def test_the_time_of_ingestion_increases_by_microseconds_in_the_order_sent(batch: Batch) -> None:
    batch.send([event("CP-002"), INVALID, event(), event("CP-002", a=1)])
    stamps = {
        each.ingested_at for message in batch.queue.messages for each in decode(message.body, message.group).envelopes
    }
    assert stamps == {to_microseconds(NOW + timedelta(microseconds=index)) for index in (0, 2, 3)}


def large_events(count: int) -> list[dict[str, object]]:
    """Return events of one charger that fill 300 KB each on the queue, where DEL has six characters."""
    return [event(a="\x7f" * 50_000, n=index) for index in range(count)]


def raw(events: Sequence[object]) -> str:
    return json.dumps(events).replace("\\u007f", "\x7f")


def test_after_a_message_that_failed_nothing_of_its_charger_is_sent(batch: Batch) -> None:
    """Seven events of a charger make three messages, in three sends; the second of them fails."""
    taken: list[OutgoingMessage] = []

    def refuses(message: OutgoingMessage) -> bool:
        taken.append(message)
        return len(taken) == 3

    batch.queue.refuses = refuses
    answer = batch.send(raw([*large_events(7), event("CP-002"), INVALID]))
    assert [message.group for message in taken] == ["CP-001", "CP-002", "CP-001"]
    assert statuses(answer) == [202] * 3 + [503] * 4 + [202, 422]


def test_messages_of_other_chargers_go_on_after_a_failure(batch: Batch) -> None:
    batch.queue.refuses = lambda message: message.group == "CP-001"
    answer = batch.send(raw([*large_events(7), *(event(f"CP-1{index}") for index in range(10))]))
    assert statuses(answer) == [503] * 7 + [202] * 10
    assert batch.queue.sends == [10, 1]


def test_what_does_not_fit_in_the_time_is_not_sent_and_may_be_sent_again(batch: Batch, printed: Printed) -> None:
    def refuses(_: OutgoingMessage) -> bool:
        batch.seconds_left -= 0.1
        return False

    batch.queue.refuses = refuses
    batch.seconds_left = 8.95
    answer = batch.send([event(f"CP-{index}") for index in range(100)])
    assert batch.queue.sends == [10, 10]
    assert statuses(answer) == [202] * 20 + [503] * 80
    assert printed.metric("SendsRefused") == [([1] * 8, None)]
    assert {tuple(line["reasons"]) for line in printed.logs if line["level"] == "ERROR"} == {("out_of_time",)}


def test_a_batch_is_told_of_once_in_the_log_and_in_the_metrics(batch: Batch, printed: Printed) -> None:
    batch.queue.refuses = lambda message: message.group == "CP-003"
    answer = batch.send(
        [event(power="secret"), event("CP-002"), event(a=1), INVALID, {}, event("CP-003"), event("CP-004\nsecret")]
    )
    ids = [each["eventId"] for each in told(answer)["results"] if each["status"] == 202]
    not_queued, *rejected, accepted = printed.logs
    assert (not_queued["message"], not_queued["chargerId"]) == ("events not queued", "CP-003")
    assert not_queued["reasons"] == ["queue_unavailable"]
    assert (accepted["message"], accepted["chargerIds"]) == ("events accepted", ["CP-001", "CP-002", "CP-001"])
    assert accepted["eventIds"] == [short_id(each) for each in ids]
    assert {line["message"] for line in rejected} == {"events rejected"}
    assert sum(line["events"] for line in rejected) == 3
    assert {line["correlationId"] for line in printed.logs} == {"UYrjTjs5DoEEM9A="}
    assert printed.metric("EventsAccepted") == [([3], None)]
    assert printed.metric("EventsRejected") == [([3], "invalid")]
    assert printed.metric("SendsRefused") == [([1], None)]
    assert "secret" not in printed.text


def test_every_event_that_was_not_queued_is_named_with_its_charger(batch: Batch, printed: Printed) -> None:
    events = [event("CP-002"), *large_events(7), event("CP-003")]
    event_ids = [each["eventId"] for each in told(batch.send(raw(events)))["results"]]
    batch.queue.refuses = lambda message: message.group != "CP-002"
    batch.queue.messages.clear()
    batch.send(raw(events))
    (line,) = [each for each in printed.logs if each["message"] == "events not queued"]
    # The second message of CP-001 is not even sent.
    assert line["eventIds"] == [short_id(each) for each in event_ids[1:]]
    assert line["chargerIds"] == ["CP-001"] * 7 + ["CP-003"]


def test_rejected_events_are_counted_by_reason(batch: Batch, printed: Printed) -> None:
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "CP-001"}, "scopes": None}}}
    batch.send([event("CP-002"), INVALID, event("CP-003")], requestContext=context)
    batch.send("[]")
    batch.send("[")
    counted = sorted(printed.metric("EventsRejected"), key=str)
    assert counted == [([1], "invalid"), ([1], "invalid"), ([1], "not_json"), ([2], "forbidden")]


def test_the_answer_fits_in_what_lambda_may_answer_whatever_was_sent(batch: Batch) -> None:
    """As many problems as a batch can have, each at the end of the longest pointer; Lambda escapes it once more."""
    path = "".join(f'{{"{chr(0x1F50C) * 64}":' for _ in range(23))
    payload = path + "{" + ",".join(f'"{index}":NaN' for index in range(30)) + "}" + "}" * 23
    event_text = f'{{"chargerId":"CP-001","timestamp":"2026-11-23T08:15:00Z","payload":{payload}}}'
    answer = batch.send("[" + ",".join([event_text] * 100) + "]")
    assert statuses(answer) == [422] * 100
    assert all(each["errors"] for each in told(answer)["results"])
    assert len(json.dumps(answer)) < 6_000_000
    alone = told(batch.send(f"[{event_text}]"))["results"][0]["errors"]
    assert len(alone) == 20
    assert len(alone[0]["pointer"]) > 23 * 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.text()
    | json_values().map(lambda value: json.dumps(value, default=str))
    | st.dictionaries(st.sampled_from(["events", "x"]), st.lists(json_values(), max_size=3) | json_values()).map(
        lambda fields: json.dumps(fields, default=str)
    )
    | st.lists(
        st.dictionaries(st.sampled_from([*EVENT, "x"]), json_values()).map(lambda fields: {**EVENT, **fields})
        | json_values(),
        max_size=4,
    ).map(lambda events: json.dumps(events, default=str))
)
def test_any_body_whatever_gets_an_answer_of_the_contract(batch: Batch, body: str) -> None:
    answer = batch.send(body)
    assert answer["statusCode"] in {202, 207, 400, 422}
    json.dumps(json.loads(answer["body"]), ensure_ascii=False).encode()
    if answer["headers"]["content-type"] == "application/json":
        results = told(answer)
        assert results["accepted"] + results["rejected"] == len(statuses(answer)) > 0
    else:
        problem(answer)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(["CP-1", "CP-2", "CP-3", "invalid", "FOREIGN"]), min_size=1, max_size=30),
    failing=st.sets(st.integers(0, 20)),
    room=st.integers(300, 2_000),
)
def test_whatever_fails_what_is_accepted_is_queued_in_order_and_nothing_overtakes(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, kinds: list[str], failing: set[int], room: int
) -> None:
    # Messages of so few bytes that a charger has several, and time for 20 of them.
    monkeypatch.setattr(packing, "LARGEST_MESSAGE_BYTES", room)
    batch.seconds_left = 17
    batch.queue = InMemoryQueue()
    offered: list[OutgoingMessage] = []

    def refuses(message: OutgoingMessage) -> bool:
        offered.append(message)
        batch.seconds_left -= 0.5
        return len(offered) in failing

    batch.queue.refuses = refuses
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "[CP-1 CP-2 CP-3]"}, "scopes": None}}}
    events = [INVALID if kind == "invalid" else event(kind, n=index) for index, kind in enumerate(kinds)]
    answer = batch.send(events, requestContext=context)

    body = told(answer)
    got = statuses(answer)
    assert len(got) == len(kinds)
    assert (body["accepted"], body["rejected"]) == (got.count(202), len(got) - got.count(202))
    for kind, status in zip(kinds, got, strict=True):
        assert status in {"invalid": {422}, "FOREIGN": {403}}.get(kind, {202, 503})
    for charger_id in ("CP-1", "CP-2", "CP-3"):
        of_charger = [each for kind, each in zip(kinds, body["results"], strict=True) if kind == charger_id]
        accepted = [each["eventId"] for each in of_charger if each["status"] == 202]
        assert accepted == batch.queued().get(charger_id, [])
        assert [each["status"] for each in of_charger] == sorted(each["status"] for each in of_charger)
    assert answer["statusCode"] == expected_status(got)
    assert ("retry-after" in answer["headers"]) == (answer["statusCode"] == 503)


def expected_status(results: Sequence[int]) -> int:
    if 202 in results:
        return 202 if set(results) == {202} else 207
    return 503 if 503 in results else 422
