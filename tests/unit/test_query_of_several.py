"""`GET /telemetry?chargerId=a&chargerId=b...`."""

import json
import string
from collections.abc import Container, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from query.answer import body_of
from query.handler import get_telemetry, handler
from telemetry import exact_json
from telemetry.event import is_charger_id
from telemetry.http_api import HttpAnswer, HttpRequest
from telemetry.item import NO_REVISION
from telemetry.latest_table import DynamoTable
from telemetry.merge import LatestTelemetry
from telemetry.settings import QuerySettings
from tests.unit.conftest import Printed
from tests.unit.description import check
from tests.unit.fakes import InMemoryTable
from tests.unit.strategies import NOW
from tests.unit.test_handlers import Context
from tests.unit.test_merge import envelope, merge_all
from tests.unit.test_query import RETENTION, STORED

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ROUTE = "GET /telemetry"
# As the error says that Lambda gives when it refuses an answer.
LARGEST_ANSWER_OF_LAMBDA = 6_291_556
QUERY_SETTINGS = QuerySettings.model_validate(
    {"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "query", "TABLE_NAME": "unused", "CHARGERS_CLAIM": "chargers"}
)

CHARACTERS = string.ascii_letters + string.digits + "*-_=:+|@."
CHARGER_IDS = st.text(CHARACTERS, min_size=1, max_size=64).filter(is_charger_id)
FEW_IDS = st.sampled_from(["CP-1", "CP-2", "CP-3", "CP+4", "CP|5"])


def item_of(charger_id: str) -> dict[str, object]:
    """What is stored of a charger that was last seen at 08:02 and expires a day later."""
    expires_at = int((NOW + RETENTION).timestamp())
    seen_at = "2026-11-23T08:02:00.000Z"
    return {
        **STORED.as_json(),
        "chargerId": charger_id,
        "lastSeenAt": seen_at,
        "revision": 3,
        "expiresAt": expires_at,
    }


def query_of(*charger_ids: str) -> str:
    return "&".join(f"chargerId={quote(charger_id, safe='')}" for charger_id in charger_ids)


def request_of(raw_query: str, **changes: object) -> HttpRequest:
    claims = {"chargers": "*", "scope": "telemetry/read"}
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": claims}}}
    request: Any = {"routeKey": ROUTE, "rawQueryString": raw_query, "requestContext": context, **changes}
    return request


def table_of(*charger_ids: str) -> InMemoryTable:
    return InMemoryTable({charger_id: item_of(charger_id) for charger_id in charger_ids})


def ask(table: InMemoryTable, raw_query: str, **changes: object) -> HttpAnswer:
    return get_telemetry(request_of(raw_query, **changes), QUERY_SETTINGS, table, NOW, lambda: 10)


def ids_in(answer: HttpAnswer) -> tuple[list[str], list[str]]:
    """The chargers with items, and those that are missing."""
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert body.keys() == {"items", "missing"}
    return [item["chargerId"] for item in body["items"]], body["missing"]


def test_each_charger_is_shown_as_it_is_alone() -> None:
    table = table_of("CP-1", "CP-2")
    answer = ask(table, query_of("CP-2", "CP-1"))
    alone: list[Any] = []
    for charger_id in ("CP-2", "CP-1"):
        request = request_of("", routeKey="GET /telemetry/{chargerId}", pathParameters={"chargerId": charger_id})
        alone.append(json.loads(get_telemetry(request, QUERY_SETTINGS, table, NOW, lambda: 10)["body"]))
    assert json.loads(answer["body"]) == {"items": alone, "missing": []}
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "private, no-cache"


def test_the_function_reads_the_table_of_its_stage(
    moto_dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "latest")
    asked = [f"CP-{number}" for number in range(25)]
    table = DynamoTable(moto_dynamodb, "latest")
    for charger_id in asked[1:]:
        item = item_of(charger_id)
        del item["expiresAt"]
        table.write(item, NO_REVISION)
    answer = handler(request_of(query_of(*asked)), Context())
    check(ROUTE, answer)
    assert ids_in(answer) == (asked[1:], ["CP-0"])


@given(st.lists(FEW_IDS, min_size=1, max_size=12), st.sets(FEW_IDS))
def test_each_is_found_or_missing_once_in_the_order_asked(asked: list[str], stored: set[str]) -> None:
    table = table_of(*stored)
    answer = ask(table, query_of(*asked))
    check(ROUTE, answer)
    items, missing = ids_in(answer)
    assert items == [charger_id for charger_id in dict.fromkeys(asked) if charger_id in stored]
    assert missing == [charger_id for charger_id in dict.fromkeys(asked) if charger_id not in stored]
    assert table.reads == [set(asked)]


def test_telemetry_that_has_expired_is_missing() -> None:
    answer = get_telemetry(request_of(query_of("CP-1")), QUERY_SETTINGS, table_of("CP-1"), NOW + RETENTION, lambda: 10)
    assert ids_in(answer) == ([], ["CP-1"])


def test_many_are_read_some_at_a_time_so_that_large_items_fit_into_memory() -> None:
    asked = [f"CP-{number}" for number in range(100)]
    table = table_of(*asked)
    assert ids_in(ask(table, query_of(*asked))) == (asked, [])
    assert [len(read) for read in table.reads] == [10] * 10


def test_no_read_is_begun_that_might_not_end_in_time_and_the_rest_is_named_to_be_asked_again() -> None:
    asked = [f"CP-{number}" for number in range(30)]
    seconds_left = iter([9.0, 6.9])
    request = request_of(query_of(*asked))
    answer = get_telemetry(request, QUERY_SETTINGS, table_of(*asked[:15]), NOW, lambda: next(seconds_left))
    check(ROUTE, answer)
    body = json.loads(answer["body"])
    assert [item["chargerId"] for item in body["items"]] == asked[:15]
    assert (body["missing"], body["notReturned"]) == (asked[15:20], asked[20:])


def test_parameters_that_mean_nothing_here_change_nothing() -> None:
    assert ids_in(ask(table_of("CP-1"), "_=17&chargerId=CP-1&limit=1")) == (["CP-1"], [])


def test_100_chargers_may_be_asked_for_however_often_each() -> None:
    asked = [f"CP-{number}" for number in range(100)]
    assert ids_in(ask(table_of(), query_of(*asked, *asked))) == ([], asked)
    assert ask(table_of(), query_of(*asked, "CP-100"))["statusCode"] == 400


@given(CHARGER_IDS)
def test_an_id_may_be_percent_encoded_or_not(charger_id: str) -> None:
    for raw_query in (query_of(charger_id), f"chargerId={charger_id}", f"charger%49d={quote(charger_id, safe='')}"):
        assert ids_in(ask(table_of(charger_id), raw_query)) == ([charger_id], [])


@pytest.mark.parametrize("raw_query", ["chargerId=CP-1&", "&chargerId=CP-1", "chargerId=CP-1&&chargerId=CP-1"])
def test_an_ampersand_too_many_asks_for_nothing(raw_query: str) -> None:
    assert ids_in(ask(table_of("CP-1"), raw_query)) == (["CP-1"], [])


@pytest.mark.parametrize(
    ("raw_query", "reason"),
    [
        ("", "invalid-query"),
        ("&", "invalid-query"),
        ("chargerid=CP-1", "invalid-query"),
        ("limit=1&=", "invalid-query"),
        ("chargerId", "invalid-charger-id"),
        ("chargerId=", "invalid-charger-id"),
        ("chargerId=CP-1&chargerId=", "invalid-charger-id"),
        ("chargerId=CP-1,CP-2", "invalid-charger-id"),
        ("chargerId=CP%201", "invalid-charger-id"),
        ("chargerId=%FF", "invalid-charger-id"),
        ("chargerId=%", "invalid-charger-id"),
        (f"chargerId={'C' * 65}", "invalid-charger-id"),
    ],
)
def test_what_asks_for_nothing_that_is_known_is_400(raw_query: str, reason: str) -> None:
    table = table_of("CP-1")
    answer = ask(table, raw_query)
    check(ROUTE, answer)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["type"] == f"urn:problem-type:telemetry:{reason}"
    assert table.reads == []


def test_a_request_without_any_query_is_400(get: HttpRequest) -> None:
    request: Any = {**get, "routeKey": ROUTE}
    del request["rawQueryString"]
    assert get_telemetry(request, QUERY_SETTINGS, table_of(), NOW, lambda: 10)["statusCode"] == 400


@given(st.text() | st.text("chargerId=&%+CP-19 ").map(lambda text: f"chargerId=CP-1&{text}"))
def test_any_query_whatever_has_an_answer_that_is_described_and_repeats_no_value(raw_query: str) -> None:
    answer = ask(table_of("CP-1"), raw_query)
    check(ROUTE, answer)
    assert answer["statusCode"] in {200, 400}
    assert answer["body"].isascii()
    if answer["statusCode"] == 400:
        assert "CP-1" not in answer["body"]


def test_one_charger_that_the_token_does_not_name_refuses_all() -> None:
    table = table_of("CP-1", "CP-2")
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "[CP-1 CP-3]"}}}}
    answer = ask(table, query_of("CP-1", "CP-2"), requestContext=context)
    check(ROUTE, answer)
    assert answer["statusCode"] == 403
    assert table.reads == []
    assert ids_in(ask(table, query_of("CP-1", "CP-3"), requestContext=context)) == (["CP-1"], ["CP-3"])


def test_reading_several_leaves_a_trace_of_those_that_the_token_does_not_name(printed: Printed) -> None:
    context = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "[CP-1 CP-3]"}}}}
    ask(table_of(), query_of("CP-2", "CP-1", "CP-4"), requestContext=context)
    (line,) = [each for each in printed.logs if each["message"] == "access refused"]
    assert line["chargerIds"] == ["CP-2", "CP-4"]
    assert [value for value, _ in printed.metric("AccessRefused")] == [[1]]


def test_a_request_that_no_authorizer_looked_at_is_403() -> None:
    assert ask(table_of("CP-1"), query_of("CP-1"), requestContext={"requestId": "r"})["statusCode"] == 403


def test_one_charger_that_could_not_be_looked_up_is_named_to_be_asked_again_and_never_missing() -> None:
    table = table_of("CP-1", "CP-2")
    table.unread = frozenset(["CP-2"])
    answer = ask(table, query_of("CP-2", "CP-1"))
    check(ROUTE, answer)
    body = json.loads(answer["body"])
    assert [item["chargerId"] for item in body["items"]] == ["CP-1"]
    assert (body["missing"], body["notReturned"]) == ([], ["CP-2"])


def test_where_no_charger_could_be_looked_up_it_is_503() -> None:
    table = table_of("CP-1", "CP-2")
    table.unread = frozenset(["CP-1", "CP-2"])
    answer = ask(table, query_of("CP-1", "CP-2"))
    check(ROUTE, answer)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["retry-after"]) > 0


def test_a_table_that_does_not_answer_is_503() -> None:
    table = table_of("CP-1")
    table.available = False
    assert ask(table, query_of("CP-1"))["statusCode"] == 503


def test_an_item_that_cannot_be_read_is_logged_and_costs_no_other_charger(printed: Printed) -> None:
    table = table_of("CP-1", "CP-2")
    del table.items["CP-2"]["payload"]
    body = json.loads(ask(table, query_of("CP-1", "CP-2", "CP-3"))["body"])
    assert [item["chargerId"] for item in body["items"]] == ["CP-1"]
    assert (body["missing"], body["notReturned"]) == (["CP-3"], ["CP-2"])
    assert [line["chargerId"] for line in printed.logs if line["level"] == "ERROR"] == ["CP-2"]
    alone = ask(table, query_of("CP-2"))
    check(ROUTE, alone)
    assert alone["statusCode"] == 503
    assert printed.metric("QueriesRefused") == [([1], "stored_item_unreadable")]


def test_what_the_client_has_is_not_sent_again() -> None:
    table = table_of("CP-1")
    tag = ask(table, query_of("CP-1"))["headers"]["etag"]
    answer = ask(table, query_of("CP-1"), headers={"if-none-match": f'"other", W/{tag}'})
    check(ROUTE, answer)
    assert (answer["statusCode"], answer["body"], answer["headers"]["etag"]) == (304, "", tag)
    table.items["CP-1"]["payload"] = {"value": 8}
    assert ask(table, query_of("CP-1"), headers={"if-none-match": tag})["statusCode"] == 200


def test_when_it_counts_as_stale_is_a_setting_here_too() -> None:
    table = table_of("CP-1")
    setting = QUERY_SETTINGS.model_copy(update={"stale_after_minutes": 5})
    answer = get_telemetry(request_of(query_of("CP-1")), setting, table, NOW, lambda: 10)
    (item,) = json.loads(answer["body"])["items"]
    assert item["staleAt"] == "2026-11-23T08:07:00.000Z"


def test_chargers_that_there_is_no_room_for_are_named_to_be_asked_again() -> None:
    asked = [f"CP-{number:03}" for number in range(100)]
    table = table_of(*asked[:99])
    for item in table.items.values():
        item["payload"] = {"text": "x" * 65_000}
    answer = ask(table, query_of(*asked))
    check(ROUTE, answer)
    body = json.loads(answer["body"])
    returned = [item["chargerId"] for item in body["items"]]
    assert 4_900_000 < len(answer["body"]) <= 5_000_000
    assert (returned + body["notReturned"], body["missing"]) == (asked[:99], ["CP-099"])
    again = json.loads(ask(table, query_of(*body["notReturned"]))["body"])
    assert [item["chargerId"] for item in again["items"]] == body["notReturned"]
    assert "notReturned" not in again


def found_of(asked: Sequence[str], views: Container[str]) -> Iterator[LatestTelemetry | None]:
    """Yield what is found of chargers, where they are among those that there is something to show of."""
    for charger_id in asked:
        own = envelope(sampled=1, ingested=2).model_copy(update={"charger_id": charger_id})
        yield merge_all(None, [own]) if charger_id in views else None


def sent(text: str) -> int:
    """How many bytes Lambda sends of a body, which is a string in the JSON of its answer."""
    return len(json.dumps(text))


@settings(max_examples=30)
@given(
    st.lists(st.sampled_from([100, 65_000, 180_000, 390_000]), min_size=30, max_size=100),
    st.sampled_from(["x", '"', "\\", "\N{SNOWMAN}"]),
    st.sets(st.integers(0, 99)),
)
def test_an_answer_of_items_of_any_size_can_be_sent_and_is_as_long_as_it_may_be(
    sizes: list[int], filler: str, gone: set[int]
) -> None:
    asked = [f"{number:064}" for number in range(len(sizes))]
    missing = [charger_id for number, charger_id in enumerate(asked) if number in gone]
    views = {
        charger_id: {"chargerId": charger_id, "text": filler * (size // (len(json.dumps(filler)) - 2))}
        for charger_id, size in zip(asked, sizes, strict=True)
        if charger_id not in missing
    }

    text = body_of(
        asked, found_of(asked, views), lambda latest: exact_json.dump(views[latest.charger.newest.envelope.charger_id])
    )

    assert len(text) <= 5_000_000
    assert len(json.dumps({"statusCode": 200, "body": text})) <= LARGEST_ANSWER_OF_LAMBDA
    body = json.loads(text)
    returned = [item["chargerId"] for item in body["items"]]
    not_returned = body.get("notReturned", [])
    assert body["items"] == [views[charger_id] for charger_id in returned]
    assert body["missing"] == missing
    assert sorted(returned + not_returned + missing) == asked
    assert (returned, not_returned) == (sorted(returned), sorted(not_returned))
    assert ("notReturned" in body) == bool(not_returned)
    for charger_id in not_returned[:1]:
        item = exact_json.dump(views[charger_id])
        assert len(text) + len(item) > 4_980_000 or sent(text) + sent(item) > 5_980_000


def test_ids_that_are_missing_need_room_too() -> None:
    asked = [f"{number:064}" for number in range(100)]
    length = 5_000_000 // 20 - len('{"text":""},')
    views = {charger_id: {"text": "x" * length} for charger_id in asked[:20]}
    text = body_of(
        asked, found_of(asked, views), lambda latest: exact_json.dump(views[latest.charger.newest.envelope.charger_id])
    )
    assert len(text) <= 5_000_000
    assert json.loads(text)["notReturned"] == asked[19:20]


def test_time_that_passes_changes_nothing_in_the_answer() -> None:
    table = table_of("CP-1")
    later = get_telemetry(request_of(query_of("CP-1")), QUERY_SETTINGS, table, NOW + timedelta(hours=1), lambda: 10)
    assert later == ask(table, query_of("CP-1"))
