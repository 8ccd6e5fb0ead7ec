"""`GET /telemetry/{chargerId}` and `GET /telemetry?chargerId=...`: what dashboards are given."""

import json
from collections.abc import Iterator
from typing import cast

import pytest

from tests.e2e.harness import Api, Cloud, event_of, eventually, problem

LARGEST_ANSWER_BYTES = 5_000_000
INTERNAL = {"revision", "expiresAt", "judged", "order"}


def keys_in(value: object) -> Iterator[str]:
    """Yield every key of every object."""
    if isinstance(value, dict):
        for key, member in cast("dict[str, object]", value).items():
            yield key
            yield from keys_in(member)


def expire(cloud: Cloud, charger_id: str) -> None:
    """Let the charger's item be one that has expired, and that DynamoDB has not deleted yet."""
    cloud.dynamodb.update_item(
        TableName=cloud.outputs["TableName"],
        Key={"chargerId": {"S": charger_id}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": "1700000000"}},
    )


def test_the_answer_has_the_fields_of_the_contract_and_nothing_internal(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    api.kept({**event_of(charger_id, seconds_ago=1, power_kw=7.4), "connectorId": 1, "locationId": "Hof 3"})
    latest = api.kept({**event_of(charger_id, note="heartbeat"), "connectorId": 1})
    stored = {*keys_in(json.loads(json.dumps(cloud.item_of(charger_id))))}
    assert stored >= INTERNAL
    assert not INTERNAL & {*keys_in(latest)}
    assert not INTERNAL & {*keys_in(api.several(charger_id).json()["items"][0])}
    assert latest.keys() == {
        *("chargerId", "timestamp", "payload", "connectorId", "ingestedAt", "eventId"),
        *("metrics", "findings", "connectors", "lastKnown", "lastSeenAt", "staleAt"),
    }


def test_one_of_several_is_answered_as_it_is_alone(api: Api, charger_id: str) -> None:
    latest = api.kept({**event_of(charger_id, power_kw=7.4), "connectorId": 1})
    assert api.several(charger_id).json() == {"items": [latest], "missing": []}


@pytest.mark.parametrize("form", ["{}", "W/{}", '"a", {}', '"a",W/"b" , W/{},"c"', "*"])
def test_who_has_the_body_gets_304(api: Api, charger_id: str, form: str) -> None:
    api.kept(event_of(charger_id))
    for read in (api.latest, api.several):
        whole = read(charger_id)
        assert whole.headers["cache-control"] == "private, no-cache"
        again = read(charger_id, **{"If-None-Match": form.format(whole.headers["etag"])})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == whole.headers["etag"]
        assert again.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("tag", ['"another"', 'W/"another"', "another", "", '"'])
def test_who_has_another_body_gets_this_one(api: Api, charger_id: str, tag: str) -> None:
    api.kept(event_of(charger_id))
    assert api.latest(charger_id, **{"If-None-Match": tag}).status_code == 200


def test_a_tag_stands_for_one_body_alone(api: Api, charger_id: str) -> None:
    api.kept(event_of(charger_id, seconds_ago=1))
    before = api.latest(charger_id)
    assert api.latest(charger_id).headers["etag"] == before.headers["etag"]
    api.kept(event_of(charger_id))
    assert api.latest(charger_id).headers["etag"] != before.headers["etag"]


def test_several_are_answered_in_the_order_asked_each_once_with_the_missing(api: Api, charger_id: str) -> None:
    first, second, never, never_2 = (f"{charger_id}-{each}" for each in "zyxw")
    for each in (second, first):
        api.kept(event_of(each))
    answer = api.several(first, never, second, first, never_2, never)
    assert answer.status_code == 200
    assert [item["chargerId"] for item in answer.json()["items"]] == [first, second]
    assert answer.json()["missing"] == [never, never_2]
    assert answer.json().keys() == {"items", "missing"}


def test_100_chargers_are_answered_and_101_are_400(api: Api, charger_id: str) -> None:
    ids = [f"{charger_id}-{number}" for number in range(101)]
    # One that is given again is no other one.
    assert api.several(*ids[:100], ids[0]).json() == {"items": [], "missing": ids[:100]}
    answer = api.several(*ids)
    assert answer.status_code == 400
    problem(answer)


@pytest.mark.parametrize(
    "query",
    ["", "?", "?chargerId=", "?chargerId=CP-7&chargerId=-CP", "?chargerId=CP%201", "?charger=CP-7", "?chargerid=CP-7"],
)
def test_asking_for_none_or_for_an_invalid_id_is_400(api: Api, query: str) -> None:
    answer = api.send("GET", f"/telemetry{query}")
    assert answer.status_code == 400
    problem(answer)


def test_what_would_make_the_answer_too_long_is_told_to_be_asked_again(api: Api, charger_id: str) -> None:
    ids = [f"{charger_id}-{number}" for number in range(96)]
    for at in range(0, len(ids), 16):
        events = [event_of(each, filler="x" * 60 * 1024) for each in ids[at : at + 16]]
        assert api.post_batch(events).status_code == 202
    asked = [*ids, f"{charger_id}-never"]

    def answered() -> dict[str, list[str]] | None:
        body = api.several(*asked).json()
        return body if len(body["missing"]) == 1 else None

    eventually(answered)
    answer = api.several(*asked)
    assert answer.status_code == 200
    assert len(answer.content) <= LARGEST_ANSWER_BYTES
    body = answer.json()
    returned = [item["chargerId"] for item in body["items"]]
    assert returned + body["notReturned"] == ids
    assert returned
    assert body["missing"] == [f"{charger_id}-never"]
    rest = api.several(*body["notReturned"]).json()
    assert [item["chargerId"] for item in rest["items"]] == body["notReturned"]
    assert "notReturned" not in rest


def test_what_has_expired_reads_as_absent(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.kept(event_of(charger_id))
    expire(cloud, charger_id)
    answer = api.latest(charger_id)
    assert answer.status_code == 404
    problem(answer)
    assert api.several(charger_id).json() == {"items": [], "missing": [charger_id]}


def test_what_has_expired_merges_as_absent(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.kept({**event_of(charger_id, power_kw=7.4), "connectorId": 1})
    expire(cloud, charger_id)
    latest = api.kept(event_of(charger_id, seconds_ago=3600, note="older than what has expired"))
    assert latest["connectors"] == {}
    assert latest["lastKnown"] == {}
