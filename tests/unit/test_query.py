import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from query.handler import get_telemetry
from telemetry.http_api import HttpAnswer, HttpRequest
from telemetry.item import to_item
from telemetry.settings import QuerySettings
from tests.unit.conftest import Printed
from tests.unit.fakes import InMemoryTable
from tests.unit.strategies import NOW
from tests.unit.test_merge import envelope, merge_all

STORED = envelope(sampled=1, ingested=2, value=7)
# What `STORED` was ingested at, to the minute, is 08:02.
RETENTION = timedelta(days=1)
PLENTY = 10.0


class Query:
    """Asks the same again with some of the request changed."""

    def __init__(self, request: HttpRequest, settings: QuerySettings, table: InMemoryTable) -> None:
        self.request = request
        self.settings = settings
        self.table = table
        table.items["CP-001"] = to_item(merge_all(None, [STORED]), 3, RETENTION)

    def get(self, now: datetime = NOW, **changes: object) -> HttpAnswer:
        request: Any = {**self.request, **changes}
        return get_telemetry(request, self.settings, self.table, now, lambda: PLENTY)

    def get_charger(self, charger_id: str) -> HttpAnswer:
        return self.get(pathParameters={"chargerId": charger_id})

    def get_as(self, claims: dict[str, object]) -> HttpAnswer:
        return self.get(requestContext={"requestId": "r", "authorizer": {"jwt": {"claims": claims}}})

    def get_unless(self, if_none_match: str) -> HttpAnswer:
        return self.get(headers={"if-none-match": if_none_match})


@pytest.fixture
def query(get: HttpRequest, query_settings: QuerySettings, table: InMemoryTable) -> Query:
    return Query(get, query_settings, table)


def test_the_latest_telemetry_is_returned_without_what_is_internal(query: Query) -> None:
    answer = query.get()
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "private, no-cache"
    assert json.loads(answer["body"]) == {
        "chargerId": "CP-001",
        "timestamp": "2026-11-23T08:01:00.000Z",
        "ingestedAt": "2026-11-23T08:02:00.000000Z",
        "eventId": STORED.event_id,
        "payload": {"value": 7},
        "metrics": {},
        "findings": [],
        "connectors": {},
        "lastKnown": {},
        "lastSeenAt": "2026-11-23T08:02:00.000Z",
        "staleAt": "2026-11-23T08:22:00.000Z",
    }


def test_the_time_at_which_telemetry_is_stale_is_a_setting(query: Query) -> None:
    query.settings = query.settings.model_copy(update={"stale_after_minutes": 5})
    assert json.loads(query.get()["body"])["staleAt"] == "2026-11-23T08:07:00.000Z"


def test_the_entity_tag_changes_with_what_is_returned_and_not_with_time(query: Query) -> None:
    first = query.get()["headers"]["etag"]
    assert query.get(now=NOW + timedelta(hours=1))["headers"]["etag"] == first
    query.table.items["CP-001"]["payload"] = {"value": 8}
    assert query.get()["headers"]["etag"] != first


@pytest.mark.parametrize("header", ["{tag}", "W/{tag}", '"other", {tag}', '"other",W/{tag}', "*", " * "])
def test_what_the_client_has_is_not_sent_again(query: Query, header: str) -> None:
    tag = query.get()["headers"]["etag"]
    answer = query.get_unless(header.format(tag=tag))
    assert (answer["statusCode"], answer["body"]) == (304, "")
    assert answer["headers"] == {"etag": tag, "cache-control": "private, no-cache"}


@pytest.mark.parametrize("header", ['"other"', "", "W/", '"*"', "other"])
def test_what_the_client_does_not_have_is_sent(query: Query, header: str) -> None:
    assert query.get_unless(header)["statusCode"] == 200


@pytest.mark.parametrize("header", ["x{tag}", "{tag}{tag}", "{tag} {tag}", "{tag};", '"a" "b", {tag}'])
def test_what_is_no_list_of_entity_tags_names_none(query: Query, header: str) -> None:
    tag = query.get()["headers"]["etag"]
    assert query.get_unless(header.format(tag=tag))["statusCode"] == 200


def test_a_charger_that_never_sent_is_404(query: Query) -> None:
    answer = query.get_charger("CP-002")
    assert answer["statusCode"] == 404
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_telemetry_that_has_expired_is_404(query: Query) -> None:
    assert query.get(now=NOW + RETENTION)["statusCode"] == 404


def test_a_charger_that_never_sent_is_404_whatever_the_client_has(query: Query) -> None:
    query.table.items.clear()
    assert query.get_unless("*")["statusCode"] == 404


@pytest.mark.parametrize("charger_id", ["", " ", "CP%2F1", "a" * 65, "%FF", "-CP", "CP\n", "%"])
def test_what_cannot_be_an_id_is_400_whoever_asks(query: Query, charger_id: str) -> None:
    assert query.get_charger(charger_id)["statusCode"] == 400
    answer = query.get(pathParameters={"chargerId": charger_id}, requestContext={"requestId": "r"})
    assert answer["statusCode"] == 400


@pytest.mark.parametrize("charger_id", ["CP+|@:=1", "CP%2B%7C%40%3A%3D1", "CP+%7C@:%3d1"])
def test_an_id_is_understood_encoded_or_not(query: Query, charger_id: str) -> None:
    query.table.items["CP+|@:=1"] = query.table.items["CP-001"]
    assert query.get_charger(charger_id)["statusCode"] == 200


def test_a_token_reads_only_the_chargers_that_it_names(query: Query) -> None:
    assert query.get_as({"chargers": "[CP-000 CP-001]"})["statusCode"] == 200
    assert query.get_as({"chargers": "CP-002"})["statusCode"] == 403
    assert query.get_as({"sub": "a"})["statusCode"] == 403


def test_reading_another_charger_leaves_a_trace(query: Query, printed: Printed) -> None:
    query.get_as({"chargers": "CP-002", "client_id": "a-dashboard"})
    (line,) = [each for each in printed.logs if each["message"] == "access refused"]
    assert (line["chargerIds"], line["clientId"]) == (["CP-001"], "a-dashboard")
    assert [value for value, _ in printed.metric("AccessRefused")] == [[1]]


def test_a_token_learns_nothing_of_other_chargers(query: Query) -> None:
    query.table.items.clear()
    assert query.get_as({"chargers": "CP-002"})["statusCode"] == 403
    assert query.table.reads == []


def test_a_table_that_does_not_answer_is_503(query: Query) -> None:
    query.table.available = False
    answer = query.get()
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["retry-after"]) > 0


def test_a_charger_that_could_not_be_looked_up_is_503_and_not_404(query: Query) -> None:
    query.table.unread = frozenset(["CP-001"])
    assert query.get()["statusCode"] == 503


def test_an_item_that_cannot_be_read_is_503(query: Query) -> None:
    del query.table.items["CP-001"]["payload"]
    assert query.get()["statusCode"] == 503


def test_a_refused_query_is_counted_and_logged_by_reason(query: Query, printed: Printed) -> None:
    query.get_charger("no id at all")
    assert printed.metric("QueriesRefused") == [([1], "invalid_charger_id")]
    (line,) = printed.logs
    assert (line["reason"], line["correlationId"]) == ("invalid_charger_id", "UYrkPgWDDoEEMJQ=")
    assert "no id" not in printed.text
