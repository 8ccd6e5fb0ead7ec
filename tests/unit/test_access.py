import json

import pytest

from telemetry.access import access_of, tell_refused
from telemetry.errors import ForbiddenChargerError, NoTelemetryError
from telemetry.http_api import HttpRequest
from telemetry.settings import AccessSettings
from tests.unit.conftest import Printed

CLAIM = {"CHARGERS_CLAIM": "chargers"}
CLIENTS = {"CHARGERS_OF_CLIENTS": json.dumps({"4gateway": ["CP-0", "CP-1"], "4dashboard": ["*"]})}


def may(claims: dict[str, object], *charger_ids: str, **told: str) -> bool:
    settings = AccessSettings.model_validate({"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "unit", **(told or CLAIM)})
    try:
        access_of(claims, settings).require(charger_ids)
    except ForbiddenChargerError:
        return False
    return True


@pytest.mark.parametrize("claim", ["CP-1", "[CP-1]", "[CP-0 CP-1]", "*", "[*]"])
def test_a_token_is_for_the_chargers_that_it_names(claim: str) -> None:
    assert may({"chargers": claim}, "CP-1")


@pytest.mark.parametrize(
    "claim",
    [
        *["CP-10", "cp-1", "[CP-0 CP-10]", "[]", "", "CP-0 CP-1", "CP*", "[CP-1", "[CP-0 *]", "[* CP-0]", 7, None],
        *["[ *]", "[* ]", "[* *]", "[CP-0\u2003CP-1]", "[CP-0\tCP-1]", "[CP-0\x1cCP-1]", "[\x1c*\x1c]"],
    ],
)
def test_a_token_is_for_no_other_charger(claim: object) -> None:
    assert not may({"chargers": claim}, "CP-1")


def test_a_token_without_the_claim_is_refused_unless_the_stage_allows_it() -> None:
    assert not may({"sub": "a"}, "CP-1")
    assert may({"sub": "a"}, "CP-1", **CLAIM, TOKENS_WITHOUT_CLAIM="all")


def test_a_request_that_no_authorizer_saw_is_refused_where_the_stage_has_one() -> None:
    assert not may({}, "CP-1")
    assert not may({}, "CP-1", **CLAIM, TOKENS_WITHOUT_CLAIM="all")
    assert not may({}, "CP-1", **CLIENTS)


def test_a_token_of_the_stages_own_user_pool_is_for_the_chargers_of_its_client() -> None:
    assert may({"client_id": "4gateway"}, "CP-0", "CP-1", **CLIENTS)
    assert not may({"client_id": "4gateway"}, "CP-2", **CLIENTS)
    assert may({"client_id": "4dashboard"}, "CP-2", **CLIENTS)


@pytest.mark.parametrize("client", ["4GATEWAY", "another", "", "*", None, ["4gateway"]])
def test_a_client_that_the_stage_does_not_name_has_no_charger(client: object) -> None:
    assert not may({"client_id": client}, "CP-1", **CLIENTS)


def test_what_a_token_of_the_stages_own_user_pool_says_of_chargers_counts_for_nothing() -> None:
    assert not may({"client_id": "4gateway", "chargers": "*"}, "CP-2", **CLAIM, **CLIENTS)


def test_a_stage_that_is_open_to_anybody_allows_everything() -> None:
    assert may({}, "CP-1", OPEN_TO_ANYBODY="true")


@pytest.mark.parametrize("told", [{"TOKENS_WITHOUT_CLAIM": "all"}, {"CHARGERS_OF_CLIENTS": "{}"}])
def test_where_a_stage_does_not_tell_how_its_tokens_name_chargers_nobody_has_access(told: dict[str, str]) -> None:
    assert not may({"chargers": "*", "client_id": "4gateway"}, "CP-1", **told)


def test_all_chargers_that_are_refused_are_named_and_no_other() -> None:
    settings = AccessSettings.model_validate({"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "unit", **CLAIM})
    with pytest.raises(ForbiddenChargerError) as refused:
        access_of({"chargers": "CP-1"}, settings).require(["CP-0", "CP-1", "CP-2"])
    assert refused.value.charger_ids == ("CP-0", "CP-2")
    assert "CP-" not in str(refused.value)


def request(**claims: object) -> HttpRequest:
    return {
        "routeKey": "POST /telemetry/batch",
        "requestContext": {"requestId": "r", "authorizer": {"jwt": {"claims": claims}}},
        "headers": {"authorization": "Bearer eyJ.the.token"},
    }


def test_a_refused_attempt_leaves_a_line_with_its_chargers_and_who_it_was_and_not_the_token(printed: Printed) -> None:
    errors = [ForbiddenChargerError(["CP-1"]), NoTelemetryError("none"), ForbiddenChargerError(["CP-2", "CP-1"])]
    tell_refused(request(sub="a-person", client_id="4gateway", email="a-private-value"), errors)
    (line,) = printed.logs
    told = {name: line[name] for name in ("message", "route", "chargerIds", "chargers", "subject", "clientId")}
    assert told == {
        "message": "access refused",
        "route": "POST /telemetry/batch",
        "chargerIds": ["CP-1", "CP-2"],
        "chargers": 2,
        "subject": "a-person",
        "clientId": "4gateway",
    }
    assert "eyJ" not in printed.text
    assert "a-private-value" not in printed.text


def test_refused_attempts_are_counted_by_route(printed: Printed) -> None:
    tell_refused(request(sub="a"), [ForbiddenChargerError(["CP-1"]), ForbiddenChargerError(["CP-2"])])
    (metric,) = [line for line in printed.lines if "AccessRefused" in line]
    assert metric["AccessRefused"] == [1]
    assert metric["route"] == "POST /telemetry/batch"
    assert {"service", "stage", "route"} == set(metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0])


def test_a_refused_attempt_can_not_make_a_line_longer_than_it_is_useful(printed: Printed) -> None:
    chargers = [f"CP-{number}" for number in range(100)]
    tell_refused(request(sub="s" * 10_000, client_id="c" * 10_000), [ForbiddenChargerError(chargers)])
    (line,) = printed.logs
    assert line["chargerIds"] == chargers[:10]
    assert line["chargers"] == 100
    assert len(json.dumps(line)) < 1_000


@pytest.mark.parametrize("claims", [{}, {"sub": None}, {"sub": ["a"], "client_id": 7}])
def test_a_refused_attempt_of_whom_the_token_does_not_name_is_told_too(
    printed: Printed, claims: dict[str, object]
) -> None:
    tell_refused(request(**claims), [ForbiddenChargerError(["CP-1"])])
    (line,) = printed.logs
    assert (line["chargerIds"], line.get("subject"), line.get("clientId")) == (["CP-1"], None, None)


def test_what_was_not_refused_leaves_nothing(printed: Printed) -> None:
    tell_refused(request(sub="a"), [NoTelemetryError("none")])
    tell_refused(request(sub="a"), [])
    assert printed.lines == []


@pytest.mark.parametrize("claim", ["sub", "client_id"])
def test_who_it_was_is_logged_in_printable_ascii_alone(printed: Printed, claim: str) -> None:
    hostile = 'a\n{"level": "INFO"}\r\x1b[2J\x7f\x9b\u2028\u202e\ud800'
    tell_refused(request(**{claim: hostile}), [ForbiddenChargerError(["CP-1"])])
    (text,) = [line for line in printed.text.splitlines() if "access refused" in line]
    assert text.isascii()
    told = json.loads(text)["subject" if claim == "sub" else "clientId"]
    assert told == r'a\n{"level": "INFO"}\r\x1b[2J\x7f\x9b\u2028\u202e\ud800'
