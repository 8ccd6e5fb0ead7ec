import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.handler import answer
from telemetry.http_api import HttpAnswer, HttpRequest
from telemetry.message import decode
from telemetry.settings import IngestSettings
from tests.unit.conftest import Printed
from tests.unit.fakes import InMemoryQueue
from tests.unit.strategies import NOW, json_values

EVENT: dict[str, object] = {"chargerId": "CP-001", "timestamp": "2026-11-23T08:15:00Z", "payload": {"power_kw": 7.4}}


class Ingest:
    """Posts the same request again with some of it changed."""

    def __init__(self, request: HttpRequest, settings: IngestSettings, queue: InMemoryQueue) -> None:
        self.request = request
        self.settings = settings
        self.queue = queue
        self.seconds_left = 10.0

    def post(self, **changes: object) -> HttpAnswer:
        request: Any = {**self.request, **changes}
        return answer(request, self.settings, self.queue, NOW, lambda: self.seconds_left)

    def post_typed(self, headers: dict[str, str]) -> HttpAnswer:
        return self.post(headers=headers)

    def post_as(self, claims: dict[str, object] | None) -> HttpAnswer:
        context: dict[str, object] = {"requestId": "r"}
        if claims is not None:
            context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
        return self.post(requestContext=context)


@pytest.fixture
def ingest(post: HttpRequest, ingest_settings: IngestSettings, queue: InMemoryQueue) -> Ingest:
    return Ingest(post, ingest_settings, queue)


def problem(answer: HttpAnswer) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/problem+json"
    body = json.loads(answer["body"])
    assert {"type", "title", "status", "detail"} <= body.keys()
    assert body["status"] == answer["statusCode"]
    return body


def test_an_event_is_acknowledged_with_its_id_and_times(ingest: Ingest) -> None:
    answer = ingest.post()
    assert answer["statusCode"] == 202
    body = json.loads(answer["body"])
    assert len(body.pop("eventId")) == 64
    assert body == {
        "chargerId": "CP-001",
        "timestamp": "2026-11-23T08:15:00.250Z",
        "ingestedAt": "2026-11-23T08:15:30.123456Z",
    }


def test_an_event_is_queued_for_its_charger_as_it_was_acknowledged(ingest: Ingest) -> None:
    acknowledged = json.loads(ingest.post()["body"])
    (message,) = ingest.queue.messages
    assert message.group == "CP-001"
    content = decode(message.body, "CP-001")
    assert content.correlation_id == "UYrjTjs5DoEEM9A="
    (envelope,) = content.envelopes
    assert (envelope.event_id, envelope.ingested_at) == (acknowledged["eventId"], acknowledged["ingestedAt"])
    assert '"power_kw":7.4,' in message.body
    assert '"session_energy_wh":12345678901234567' in message.body


def test_the_same_event_posted_twice_has_one_id_and_is_queued_once(ingest: Ingest) -> None:
    ids = [json.loads(ingest.post()["body"])["eventId"] for _ in range(2)]
    assert ids[0] == ids[1]
    assert len(ingest.queue.messages) == 1


def test_a_body_in_base64_is_decoded(ingest: Ingest) -> None:
    sent = base64.b64encode(json.dumps(EVENT).encode()).decode()
    assert ingest.post(body=sent, isBase64Encoded=True)["statusCode"] == 202


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/json ;a=b"]
)
def test_json_is_known_by_its_content_type(ingest: Ingest, content_type: str) -> None:
    assert ingest.post_typed({"content-type": content_type})["statusCode"] == 202


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/json+x"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_another_type_or_encoding_is_415(ingest: Ingest, headers: dict[str, str]) -> None:
    answer = ingest.post_typed(headers)
    assert problem(answer)["status"] == 415
    assert ("with no Content-Encoding" in answer["body"]) == ("content-encoding" in headers)


def test_a_body_that_says_it_is_not_encoded_is_read(ingest: Ingest) -> None:
    headers = {"content-type": "application/json", "content-encoding": "identity"}
    assert ingest.post_typed(headers)["statusCode"] == 202


@pytest.mark.parametrize("encoded", [True, False])
def test_one_mebibyte_of_body_is_read_and_one_byte_more_is_413(ingest: Ingest, encoded: bool) -> None:  # noqa: FBT001 - a test's parameter
    def status(size: int) -> int:
        text = json.dumps(EVENT).ljust(size)
        body = base64.b64encode(text.encode()).decode() if encoded else text
        return ingest.post(body=body, isBase64Encoded=encoded)["statusCode"]

    assert (status(1024 * 1024), status(1024 * 1024 + 1)) == (202, 413)


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        ("", False),
        ("{", False),
        ("chargerId=CP-001", False),
        ("\ud800", False),
        ("not base64!", True),
        (base64.b64encode(b"\xff{}").decode(), True),
    ],
)
def test_what_is_not_json_in_utf8_is_400(ingest: Ingest, body: str, encoded: bool) -> None:  # noqa: FBT001 - a test's parameter
    assert problem(ingest.post(body=body, isBase64Encoded=encoded))["status"] == 400


def test_a_request_without_a_body_is_400(ingest: Ingest) -> None:
    ingest.request.pop("body", None)
    assert problem(ingest.post())["status"] == 400


def test_an_invalid_event_is_422_and_says_where(ingest: Ingest) -> None:
    told = problem(ingest.post(body=json.dumps(EVENT | {"payload": [], "chargerID": 1})))
    assert told["status"] == 422
    assert [each["pointer"] for each in told["errors"]] == ["/payload", "/chargerID"]
    assert ingest.queue.messages == []


@pytest.mark.parametrize("brackets", [5_000, 200_000])
def test_thousands_of_brackets_are_422(ingest: Ingest, brackets: int) -> None:
    assert problem(ingest.post(body="[" * brackets + "]" * brackets))["status"] == 422


def test_an_answer_about_half_a_character_can_be_read_by_any_parser(ingest: Ingest) -> None:
    answer = ingest.post(body='{"\\ud800": {"\\udfff": 1}}')
    assert problem(answer)["status"] == 422
    json.dumps(json.loads(answer["body"]), ensure_ascii=False).encode()


def test_an_answer_stays_short_whatever_was_sent(ingest: Ingest) -> None:
    deep = '{"' + "k" * 20_000 + '":'
    assert len(ingest.post(body=deep * 30 + "1" + "}" * 30)["body"]) < 100_000


def test_a_token_posts_only_for_the_chargers_that_it_names(ingest: Ingest) -> None:
    assert ingest.post_as({"chargers": "[CP-000 CP-001]"})["statusCode"] == 202
    assert problem(ingest.post_as({"chargers": "CP-002"}))["status"] == 403
    assert problem(ingest.post_as({"sub": "a"}))["status"] == 403
    assert problem(ingest.post_as(None))["status"] == 403
    assert len(ingest.queue.messages) == 1


def test_a_post_for_another_charger_leaves_a_trace(ingest: Ingest, printed: Printed) -> None:
    ingest.post_as({"chargers": "CP-002", "sub": "a-thief"})
    (line,) = [each for each in printed.logs if each["message"] == "access refused"]
    assert (line["chargerIds"], line["subject"], line["correlationId"]) == (["CP-001"], "a-thief", "r")
    assert [value for value, _ in printed.metric("AccessRefused")] == [[1]]


def test_a_post_that_its_token_allows_leaves_no_such_trace(ingest: Ingest, printed: Printed) -> None:
    ingest.post()
    ingest.post(body="not json")
    assert printed.metric("AccessRefused") == []


def test_a_stage_without_an_authorizer_takes_every_event(ingest: Ingest) -> None:
    ingest.settings = ingest.settings.model_copy(update={"open_to_anybody": True})
    assert ingest.post_as(None)["statusCode"] == 202


def test_an_event_that_could_not_be_queued_is_not_acknowledged(ingest: Ingest) -> None:
    ingest.queue.available = False
    answer = ingest.post()
    assert problem(answer)["status"] == 503
    assert int(answer["headers"]["retry-after"]) > 0


def test_a_time_ahead_of_the_server_is_judged_by_the_servers_clock(ingest: Ingest) -> None:
    ahead = (NOW + timedelta(minutes=6)).isoformat()
    assert "2026-11-23T08:15:30.123Z" in ingest.post(body=json.dumps(EVENT | {"timestamp": ahead}))["body"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": "{"}, "not_json"),
        ({"body": "{}"}, "invalid"),
        ({"body": "[" * 200_000 + "]" * 200_000}, "invalid"),
        ({"headers": {"content-type": "application/gzip"}}, "broken_gzip"),
        ({"headers": {}}, "media_type"),
        ({"body": " " * 1024 * 1024 + "1"}, "too_large"),
        ({"requestContext": {"requestId": "r"}}, "forbidden"),
    ],
)
def test_a_rejected_event_is_counted_by_reason(
    ingest: Ingest, printed: Printed, changes: dict[str, object], reason: str
) -> None:
    ingest.post(**changes)
    (metric,) = [line for line in printed.lines if "EventsRejected" in line]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Telemetry"
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "stage", "reason"]]
    assert (metric["EventsRejected"], metric["reason"], metric["stage"]) == ([1], reason, "test")


def test_accepted_events_and_refused_sends_are_counted(ingest: Ingest, printed: Printed) -> None:
    ingest.post()
    ingest.queue.available = False
    ingest.post()
    assert printed.metric("EventsAccepted") == [([1], None)]
    assert printed.metric("SendsRefused") == [([1], None)]
    assert printed.metric("EventsRejected") == []


def test_every_log_line_names_the_request_and_holds_nothing_of_what_was_sent(ingest: Ingest, printed: Printed) -> None:
    ingest.post()
    ingest.post(body='{"chargerId": "secret\\n", "secret": "secret"}')
    ingest.queue.available = False
    ingest.post()
    assert [line["message"] for line in printed.logs] == ["event accepted", "events rejected", "events not queued"]
    assert {line["correlationId"] for line in printed.logs} == {"UYrjTjs5DoEEM9A="}
    for sent in ("secret", "power_kw", "Bearer"):
        assert sent not in printed.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | json_values().map(lambda value: json.dumps(value, default=str).encode())
    | st.dictionaries(st.sampled_from([*EVENT, "connectorId", "x"]), json_values()).map(
        lambda fields: json.dumps({**EVENT, **fields}, default=str).encode()
    )
)
def test_any_body_whatever_gets_an_answer_of_the_contract(ingest: Ingest, body: bytes) -> None:
    answer = ingest.post(body=base64.b64encode(body).decode(), isBase64Encoded=True)
    assert answer["statusCode"] in {202, 400, 422}
    json.dumps(json.loads(answer["body"]), ensure_ascii=False).encode()
    if answer["statusCode"] != 202:
        problem(answer)
