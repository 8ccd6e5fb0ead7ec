from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from telemetry import exact_json
from telemetry.envelope import seal
from telemetry.errors import InvalidEventError
from telemetry.event import TelemetryEvent, is_charger_id, parse_event
from tests.unit.strategies import payloads

NOW = datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)
EVENT: dict[str, object] = {"chargerId": "CP-001", "timestamp": "2026-11-23T08:15:00Z", "payload": {}}


def parse(text: str) -> TelemetryEvent:
    return parse_event(exact_json.parse(text), NOW)


def id_of(event: TelemetryEvent) -> str:
    return seal(event, NOW).event_id


def parse_with(**fields: object) -> TelemetryEvent:
    return parse_event(EVENT | fields, NOW)


def pointers_of(text: str) -> list[str]:
    with pytest.raises(InvalidEventError) as caught:
        parse(text)
    return [problem.pointer for problem in caught.value.problems]


def problem_with(**fields: object) -> tuple[str, str]:
    with pytest.raises(InvalidEventError) as caught:
        parse_with(**fields)
    (problem,) = caught.value.problems
    return problem.pointer, problem.detail


def nested(levels: int) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for _ in range(levels - 1):
        payload = {"a": payload}
    return payload


@pytest.mark.parametrize(
    "fields",
    [
        {"connectorId": 0},
        {"connectorId": 24},
        {"connectorId": None},
        {"chargerStatus": "x" * 128, "locationId": "é", "firmwareVersion": "\n"},
        {"chargerId": "C" * 64},
        {"chargerId": "1*-_=:+|@."},
        {"payload": nested(24)},
        {"payload": {"a": "x" * (65536 - 8)}},
        {"payload": {"a": "\ufffe\uffff\0"}},
        {"timestamp": "2026-11-23T08:20:30Z"},
    ],
)
def test_what_the_contract_allows_at_its_limits_is_accepted(fields: dict[str, object]) -> None:
    event = parse_with(**fields).as_json()
    kept = {name: value for name, value in fields.items() if value is not None and name != "timestamp"}
    assert event | kept == event


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"connectorId": -1}, "/connectorId"),
        ({"connectorId": 25}, "/connectorId"),
        ({"connectorId": "1"}, "/connectorId"),
        ({"connectorId": True}, "/connectorId"),
        ({"chargerStatus": ""}, "/chargerStatus"),
        ({"locationId": "x" * 129}, "/locationId"),
        ({"firmwareVersion": 2}, "/firmwareVersion"),
        ({"chargerId": ""}, "/chargerId"),
        ({"chargerId": "C" * 65}, "/chargerId"),
        ({"chargerId": "-CP"}, "/chargerId"),
        ({"chargerId": "CP 1"}, "/chargerId"),
        ({"chargerId": "CP%31"}, "/chargerId"),
        ({"chargerId": "CP\n"}, "/chargerId"),
        ({"chargerId": "CÉ"}, "/chargerId"),
        ({"chargerId": 1}, "/chargerId"),
        ({"payload": []}, "/payload"),
        ({"payload": None}, "/payload"),
        ({"payload": "{}"}, "/payload"),
        ({"payload": nested(25)}, "/payload" + "/a" * 24),
        ({"payload": {"a": "x" * (65536 - 7)}}, "/payload"),
        ({"payload": {"a": "é" * 32765}}, "/payload"),
        ({"payload": {"a": {"": 1}}}, "/payload/a/"),
        ({"payload": {"a": ["\ud800"]}}, "/payload/a/0"),
        ({"payload": {"\udfff": 1}}, "/payload/?"),
        ({"payload": {"a/b": {"~": exact_json.UNSTORABLE_NUMBER}}}, "/payload/a~1b/~0"),
        ({"payload": {"k" * 100: exact_json.UNSTORABLE_NUMBER}}, f"/payload/{'k' * 64}\N{HORIZONTAL ELLIPSIS}"),
        ({"chargerStatus": "\ud800"}, "/chargerStatus"),
        ({"timestamp": 1795421730}, "/timestamp"),
        ({"timestamp": "2026-11-23T08:15:00"}, "/timestamp"),
        ({"timestamp": "2026-11-23T08:20:31Z"}, "/timestamp"),
        ({"chargerid": "CP-001"}, "/chargerid"),
        ({"a/b": 1}, "/a~1b"),
        ({"ingestedAt": "2026-11-23T08:15:00.000000Z"}, "/ingestedAt"),
    ],
)
def test_what_breaks_the_contract_is_pointed_at(fields: dict[str, object], pointer: str) -> None:
    assert problem_with(**fields)[0] == pointer


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null", "true"])
def test_json_that_is_no_object_is_no_event(text: str) -> None:
    assert pointers_of(text) == [""]


def test_every_missing_field_is_named() -> None:
    assert pointers_of("{}") == ["/chargerId", "/timestamp", "/payload"]
    with pytest.raises(InvalidEventError, match="/payload is required"):
        parse("{}")


def test_keys_given_twice_are_pointed_at_wherever_they_are() -> None:
    text = '{"chargerId":"a","chargerId":"a","payload":{"list":[0,{"k":1,"k":1}]},"timestamp":"x"}'
    assert pointers_of(text) == ["/chargerId", "/payload/list/1/k"]


def test_an_event_with_countless_problems_is_answered_in_short() -> None:
    assert len(pointers_of("{" + ",".join(f'"f{n}":NaN' for n in range(5000)) + "}")) == 20
    assert len(pointers_of("{" + ",".join(f'"f{n}":1' for n in range(5000)) + "}")) == 20


def test_a_time_too_far_ahead_is_refused_with_the_servers_time() -> None:
    assert "2026-11-23T08:15:30.000Z" in problem_with(timestamp="2026-11-23T08:20:31Z")[1]


def test_a_time_without_an_offset_is_refused_with_what_to_add() -> None:
    assert "add Z" in problem_with(timestamp="2026-11-23T08:15:00")[1]


@pytest.mark.parametrize("name", ["chargerId", "timestamp", "connectorId", "chargerStatus", "payload"])
def test_a_problem_never_repeats_a_value(name: str) -> None:
    assert "secret" not in problem_with(**{name: "secret" * 30})[1]


def test_the_same_event_spelt_differently_has_the_same_id() -> None:
    one = '{"chargerId":"a","timestamp":"2026-11-23T08:15:00+0000","payload":{"x":7.40,"y":1e2},"connectorId":null}'
    other = '{"payload":{"y":100,"x":7.4},"timestamp":"2026-11-23T08:15:00.000Z","chargerId":"a"}'
    assert id_of(parse(one)) == id_of(parse(other))


@pytest.mark.parametrize("fields", [{"payload": {"a": None}}, {"connectorId": 0}, {"chargerId": "CP-002"}])
def test_events_that_differ_have_different_ids(fields: dict[str, object]) -> None:
    assert id_of(parse_with(**fields)) != id_of(parse_with())


@given(payloads())
def test_an_accepted_payload_is_kept_as_it_is(payload: dict[str, object]) -> None:
    assert parse_with(payload=payload).as_json()["payload"] == payload


@pytest.mark.parametrize(("text", "is_one"), [("CP-1", True), ("CP-1\n", False), ("", False), ("a" * 65, False)])
def test_an_id_is_judged_alike_in_a_path(text: str, is_one: bool) -> None:  # noqa: FBT001 - a test's parameter
    assert is_charger_id(text) is is_one
