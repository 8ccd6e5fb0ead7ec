"""The description of the API: well formed, true of what is validated and answered, and served to anybody."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.openapi.models import OpenAPI
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ingest import handler as ingest
from ingest.batch import MOST_EVENTS
from processor.folding import fold, sample_of
from query import handler as query
from query import openapi_schemas
from query.openapi import PROBLEM
from query.openapi_schemas import SENT_TIMESTAMP
from telemetry import exact_json
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.errors import InvalidEventError
from telemetry.event import TelemetryEvent, parse_event
from telemetry.http_api import HttpRequest
from telemetry.item import public_view
from telemetry.settings import QuerySettings
from telemetry.timestamps import canonical_timestamp
from tests.unit.conftest import EVENTS
from tests.unit.description import DOCUMENT, check, validator
from tests.unit.fakes import InMemoryTable
from tests.unit.strategies import NOW, envelopes, payloads
from tests.unit.test_handlers import Context
from tests.unit.test_merge import envelope, item_of, merge_all
from tools import openapi as tool

ROUTE = "GET /openapi.json"
EVENT: dict[str, Any] = {"chargerId": "CP-1", "timestamp": "2026-11-23T08:15:30Z", "payload": {}}
OFFSETS = ["Z", "z", "+00:00", "-23:59", "+0000", "+0530", "+02", "-11"]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def medias(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - the description is JSON
    """Each place of the description that has a schema with examples of it."""
    if isinstance(node, dict):
        if {"schema", "examples"} <= node.keys():
            yield node  # pyright: ignore[reportUnknownArgumentType]
        for member in node.values():  # pyright: ignore[reportUnknownVariableType]
            yield from medias(member)
    elif isinstance(node, list):
        for element in node:  # pyright: ignore[reportUnknownVariableType]
            yield from medias(element)


def event_validator() -> Draft202012Validator:
    return validator({"$ref": "#/components/schemas/TelemetryEvent"})


def is_accepted(event: object) -> bool:
    try:
        parse_event(event, datetime(9999, 12, 31, tzinfo=UTC))
    except InvalidEventError:
        return False
    return True


def read_description(**changes: object) -> Any:  # noqa: ANN401 - an answer
    request: Any = {"routeKey": ROUTE, "requestContext": {"requestId": "r"}, **changes}
    return query.handler(request, Context())


def test_the_description_is_open_api() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    OpenAPI.model_validate(DOCUMENT)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_schema_is_json_schema_and_its_references_lead_somewhere(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    used = set(json.dumps(schema).split('"#/components/schemas/')[1:])
    assert {each.partition('"')[0] for each in used} <= DOCUMENT["components"]["schemas"].keys()


def test_every_schema_is_used() -> None:
    text = json.dumps(DOCUMENT)
    unused = [name for name in DOCUMENT["components"]["schemas"] if f'"#/components/schemas/{name}"' not in text]
    assert unused == []


def test_every_example_is_one_of_its_schema() -> None:
    found = list(medias(DOCUMENT["paths"]))
    assert len(found) > 20
    for media in found:
        for example in media["examples"].values():
            validator(media["schema"]).validate(example["value"])
    for schema in DOCUMENT["components"]["schemas"].values():
        for example in schema.get("examples", []):
            validator(schema).validate(example)


def test_each_route_has_the_statuses_of_the_contract() -> None:
    gateway = {"429", "500", "503", "504"}
    token = gateway | {"401", "403"}
    assert {route: set(operation["responses"]) for route, operation in operations()} == {
        "POST /telemetry": token | {"202", "400", "413", "415", "422"},
        "POST /telemetry/batch": token | {"202", "207", "400", "413", "415", "422"},
        "GET /telemetry/{chargerId}": token | {"200", "304", "400", "404"},
        "GET /telemetry": token | {"200", "304", "400", "414", "431"},
        "GET /openapi.json": gateway | {"200", "304"},
    }


def test_each_route_has_the_answers_of_the_gateway_in_their_own_form() -> None:
    always = {"429", "500", "503", "504"}
    token = always | {"401", "403"}
    form = "#/components/schemas/GatewayMessage"
    assert {
        route: {
            status
            for status, response in operation["responses"].items()
            if form in json.dumps(response.get("content", {}).get("application/json"))
        }
        for route, operation in operations()
    } == {
        "POST /telemetry": token | {"413"},
        "POST /telemetry/batch": token | {"413"},
        "GET /telemetry/{chargerId}": token | {"404"},
        "GET /telemetry": token,
        "GET /openapi.json": always,
    }


def test_what_may_be_sent_again_says_when() -> None:
    for route, operation in operations():
        expected = route != ROUTE
        assert ("Retry-After" in operation["responses"]["503"].get("headers", {})) == expected, route


def test_only_the_description_is_public() -> None:
    scopes = {route: [each["token"] for each in operation["security"]] for route, operation in operations()}
    assert scopes == {
        "POST /telemetry": [["telemetry/ingest"]],
        "POST /telemetry/batch": [["telemetry/ingest"]],
        "GET /telemetry/{chargerId}": [["telemetry/read"]],
        "GET /telemetry": [["telemetry/read"]],
        ROUTE: [],
    }


def test_a_batch_is_as_long_as_it_may_be() -> None:
    assert openapi_schemas.MOST_EVENTS == MOST_EVENTS


def test_a_post_may_be_json_or_gzip() -> None:
    for route, operation in operations():
        if route.startswith("POST"):
            assert operation["requestBody"]["content"].keys() == {"application/json", "application/gzip"}


def test_the_schema_of_an_event_has_the_fields_of_the_model() -> None:
    schema = DOCUMENT["components"]["schemas"]["TelemetryEvent"]
    assert schema["properties"].keys() == {field.alias for field in TelemetryEvent.model_fields.values()}
    assert set(schema["required"]) == {"chargerId", "timestamp", "payload"}
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"chargerId": "*CP"},
        {"chargerId": "C" * 64},
        {"chargerId": "C" * 65},
        {"chargerId": "CP 1"},
        {"chargerId": None},
        {"connectorId": 0},
        {"connectorId": 24},
        {"connectorId": 25},
        {"connectorId": -1},
        {"connectorId": "1"},
        {"connectorId": True},
        {"connectorId": None},
        {"chargerStatus": ""},
        {"chargerStatus": "a" * 128, "locationId": "b", "firmwareVersion": None},
        {"locationId": "\N{SNOWMAN}" * 129},
        {"firmwareVersion": 1},
        {"payload": []},
        {"payload": None},
        {"payload": {"": 1}},
        {"payload": {"a": {"b": [1, None]}}},
        {"payloads": {}},
        {"timestamp": None},
        {"timestamp": 1795421730},
        {"timestamp": ""},
        {"timestamp": "2026-11-23"},
        {"timestamp": "2026-11-23T08:15:30"},
        {"timestamp": "2026-11-23 08:15:30Z"},
        {"timestamp": "2026-11-23T08:15:30.Z"},
        {"timestamp": "2026-13-23T08:15:30Z"},
        {"timestamp": "2026-11-23T24:15:30Z"},
        {"timestamp": "2026-11-23T08:60:30Z"},
        {"timestamp": "2026-11-23T08:15:61Z"},
        {"timestamp": "2026-11-23T08:15:60Z"},
        {"timestamp": "2026-11-23T08:15:30+24:00"},
        {"timestamp": "2026-11-23T08:15:30+02:60"},
        {"timestamp": "2026-11-23T08:15:30+2"},
    ],
    ids=str,
)
def test_the_schema_and_the_service_agree_on_an_event(change: dict[str, object]) -> None:
    event: Any = exact_json.parse(json.dumps({**EVENT, **change}))
    assert event_validator().is_valid(event) == is_accepted(event)


@given(payloads())
def test_the_schema_lets_every_payload_pass_that_is_accepted(payload: dict[str, object]) -> None:
    event_validator().validate({**EVENT, "payload": payload})


@given(
    st.datetimes(datetime(1001, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001 - the offset is drawn
    st.sampled_from(OFFSETS),
    st.sampled_from(["", ".5", ".123456789"]),
    st.sampled_from(["T", "t"]),
)
def test_the_schema_lets_every_timestamp_pass_that_is_accepted(
    moment: datetime, offset: str, fraction: str, separator: str
) -> None:
    timestamp = moment.replace(microsecond=0).isoformat(sep=separator) + fraction + offset
    canonical_timestamp(timestamp)
    event_validator().validate({**EVENT, "timestamp": timestamp})


@given(st.from_regex(SENT_TIMESTAMP, fullmatch=True))
def test_every_timestamp_of_the_schema_is_accepted_on_a_day_that_exists(timestamp: str) -> None:
    canonical_timestamp("2026" + timestamp[4:8] + "28" + timestamp[10:])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 202),
        ({"body": "{"}, 400),
        ({"requestContext": {"requestId": "r"}}, 403),
        ({"body": " " * 1024 * 1024 + "{}"}, 413),
        ({"headers": {"content-type": "text/plain"}}, 415),
        ({"body": "{}"}, 422),
    ],
    ids=str,
)
@pytest.mark.usefixtures("moto_sqs")
def test_answers_to_a_post_are_described(
    changes: dict[str, object], status: int, queue_url: str, post: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_URL", queue_url)
    monkeypatch.setenv("CHARGERS_CLAIM", "chargers")
    request: Any = {**post, **changes}
    answer = ingest.handler(request, Context())
    check("POST /telemetry", answer)
    assert answer["statusCode"] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([EVENT], 202),
        ([EVENT, {}], 207),
        ({"events": [EVENT, {**EVENT, "timestamp": 0}]}, 207),
        ([{}, {**EVENT, "chargerId": "CP 1"}], 422),
        ([], 422),
        ({"events": [EVENT], "event": EVENT}, 422),
        ("events", 422),
        ([EVENT] * (MOST_EVENTS + 1), 413),
    ],
)
@pytest.mark.usefixtures("moto_sqs")
def test_answers_to_a_batch_are_described(
    body: object, status: int, queue_url: str, post: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUE_URL", queue_url)
    answer = ingest.handler({**post, "routeKey": "POST /telemetry/batch", "body": json.dumps(body)}, Context())
    check("POST /telemetry/batch", answer)
    assert answer["statusCode"] == status
    if status == 202 or answer["headers"]["content-type"] == PROBLEM:
        batch: Any = body
        schema = validator({"$ref": "#/components/schemas/TelemetryBatch"})
        assert schema.is_valid(batch) == (status == 202)


@pytest.mark.parametrize("route", ["POST /telemetry", "POST /telemetry/batch"])
def test_a_queue_that_does_not_answer_is_described(
    route: str, moto_sqs: object, post: HttpRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert moto_sqs
    monkeypatch.setenv("QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/gone.fifo")
    body = EVENT if route == "POST /telemetry" else [EVENT]
    answer = ingest.handler({**post, "routeKey": route, "body": json.dumps(body)}, Context())
    check(route, answer)
    assert answer["statusCode"] == 503


def test_gzip_that_is_broken_is_described(post: HttpRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_URL", "unused")
    answer = ingest.handler({**post, "headers": {"content-type": "application/gzip"}, "body": "{}"}, Context())
    check("POST /telemetry", answer)
    assert answer["statusCode"] == 400


def check_latest(view: dict[str, Any]) -> None:
    validator({"$ref": "#/components/schemas/LatestTelemetry"}).validate(json.loads(exact_json.dump(view)))
    assert view.keys() <= DOCUMENT["components"]["schemas"]["LatestTelemetry"]["properties"].keys()


@given(st.lists(envelopes(), min_size=1, max_size=4))
def test_latest_telemetry_of_any_envelopes_is_described(sent: list[TelemetryEnvelope]) -> None:
    view: dict[str, Any] = public_view(merge_all(None, sent), timedelta(minutes=20))
    check_latest(view)


@pytest.mark.parametrize("name", sorted(path.stem for path in EVENTS.glob("[fo]*.json")))
def test_latest_telemetry_of_what_chargers_send_is_described_to_the_last_metric(name: str) -> None:
    later = NOW + timedelta(days=1)
    envelope_of_it = seal(parse_event(exact_json.parse((EVENTS / f"{name}.json").read_text()), later), later).open()
    view: dict[str, Any] = public_view(fold(None, [sample_of(envelope_of_it)], "dev").latest, timedelta(minutes=20))
    check_latest(view)
    metrics = DOCUMENT["components"]["schemas"]["Metrics"]["properties"]
    assert view["metrics"].keys() <= metrics.keys()
    for phase, of_a_phase in view["metrics"].get("phases", {}).items():
        assert of_a_phase.keys() <= metrics["phases"]["properties"][phase]["properties"].keys()
    if name == "ocpp16_status_notification":
        assert "CHARGER_FAULT" in {finding["code"] for finding in view["connectors"]["1"]["findings"]}


@pytest.mark.parametrize(
    ("charger_id", "available", "status"),
    [("CP-001", True, 200), ("CP-002", True, 404), ("CP 1", True, 400), ("CP-001", False, 503)],
)
def test_answers_for_one_charger_are_described(
    charger_id: str, status: int, get: HttpRequest, query_settings: QuerySettings, *, available: bool
) -> None:
    table = InMemoryTable({"CP-001": item_of(envelope(sampled=1, ingested=2))}, available=available)
    answer = query.get_telemetry(
        {**get, "pathParameters": {"chargerId": charger_id}}, query_settings, table, NOW, lambda: 10
    )
    check("GET /telemetry/{chargerId}", answer)
    assert answer["statusCode"] == status


def test_the_description_is_served_to_anybody_and_may_be_kept() -> None:
    answer = read_description()
    check(ROUTE, answer)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "application/json")
    assert answer["headers"]["cache-control"] == "public, max-age=300"
    assert json.loads(answer["body"]) == DOCUMENT


def test_the_description_is_not_sent_again_to_who_has_it() -> None:
    tag = read_description()["headers"]["etag"]
    answer = read_description(headers={"if-none-match": tag})
    check(ROUTE, answer)
    assert (answer["statusCode"], answer["body"]) == (304, "")


def test_the_description_is_built_once_and_only_when_it_is_asked_for(
    get: HttpRequest, moto_dynamodb: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert moto_dynamodb
    monkeypatch.setenv("TABLE_NAME", "latest")
    modules = ("query.openapi", "query.openapi_schemas")
    for module in modules:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("query.openapi")
    assert query.handler(get, Context())["statusCode"] == 404
    assert not set(modules) & sys.modules.keys()
    first = read_description()["body"]
    assert set(modules) <= sys.modules.keys()
    assert read_description()["body"] is first


def test_the_copy_in_the_documents_is_what_is_served() -> None:
    assert tool.COPY.read_text() == tool.text()
    assert json.loads(tool.COPY.read_text()) == DOCUMENT


def test_the_tool_writes_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "COPY", tmp_path / "openapi.json")
    tool.main()
    assert (tmp_path / "openapi.json").read_text() == tool.text()
