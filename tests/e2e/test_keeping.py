"""What is kept besides the newest: silence, versions, and what other code may have written."""

import json
from datetime import UTC, datetime, timedelta

from tests.e2e.harness import Api, Cloud, Json, event_of, eventually


def message(*envelopes: Json, version: int = 1, **more: object) -> str:
    """Return the body of a message as ingest, or newer code, sends it."""
    return json.dumps({"version": version, "correlationId": "e2e", "envelopes": envelopes, **more})


def envelope_of(event: Json, *, number: int = 0, ingested_at: datetime | None = None, **more: object) -> Json:
    moment = ingested_at or datetime.now(UTC)
    ingested = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {**event, "ingestedAt": ingested, "eventId": f"{number:064}", **more}


def test_a_charger_was_last_seen_in_the_minute_of_its_last_event_and_is_stale_20_minutes_later(
    api: Api, charger_id: str
) -> None:
    latest = api.kept(event_of(charger_id, seconds_ago=3600))
    seen_at = datetime.fromisoformat(str(latest["lastSeenAt"]))
    assert str(latest["lastSeenAt"]) == f"{str(latest['ingestedAt'])[:16]}:00.000Z"
    assert datetime.fromisoformat(str(latest["staleAt"])) == seen_at + timedelta(minutes=20)


def test_a_charger_whose_clock_fell_back_is_seen_all_the_same(cloud: Cloud, api: Api, charger_id: str) -> None:
    latest = api.kept(event_of(charger_id))
    later = datetime.now(UTC) + timedelta(minutes=7)
    fallen_back = {**event_of(charger_id), "timestamp": "1970-01-01T00:00:12.000Z"}
    cloud.put_on_the_queue(charger_id, message(envelope_of(fallen_back, ingested_at=later)))
    seen = eventually(
        lambda: (read := api.latest(charger_id).json())["lastSeenAt"] != latest["lastSeenAt"] and read,
    )
    assert seen["eventId"] == latest["eventId"]
    assert seen["lastSeenAt"] == later.strftime("%Y-%m-%dT%H:%M:00.000Z")


def test_the_item_has_the_attributes_of_the_contract(cloud: Cloud, api: Api, charger_id: str) -> None:
    event = {**event_of(charger_id, power_kw=7.4), "connectorId": 1, "chargerStatus": "Charging"}
    latest = api.kept(event)
    item = cloud.item_of(charger_id)
    internal = {"revision", "expiresAt", "judged"}
    assert item.keys() == (latest.keys() - {"staleAt"}) | internal
    known = {name: {"value": value, "timestamp": event["timestamp"]} for name, value in event.items()}
    assert latest["lastKnown"] == {
        "chargerStatus": known["chargerStatus"],
        "connectorId": known["connectorId"],
        "metrics": {"powerW": {"value": 7400, "timestamp": event["timestamp"]}},
    }
    table = cloud.dynamodb.describe_table(TableName=cloud.outputs["TableName"])["Table"]
    assert table.get("KeySchema") == [{"AttributeName": "chargerId", "KeyType": "HASH"}]


def test_fields_of_a_message_that_only_newer_code_knows_are_ignored(cloud: Cloud, api: Api, charger_id: str) -> None:
    envelope = envelope_of(event_of(charger_id, note="kept"), number=1, fieldOfTomorrow={"a": 1})
    cloud.put_on_the_queue(charger_id, message(envelope, fieldOfTomorrow=2))
    assert api.stored(charger_id, event_id=f"{1:064}")["payload"] == {"note": "kept"}


def test_a_message_of_a_newer_version_is_delivered_again_and_what_follows_waits_for_it(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    cloud.put_on_the_queue(charger_id, message(envelope_of(event_of(charger_id)), version=2))
    after = api.post(event_of(charger_id)).json()
    other = api.post(event_of(f"{charger_id}-other")).json()
    api.stored(f"{charger_id}-other", event_id=other["eventId"])
    [line, *_] = eventually(lambda: cloud.log_lines("Processor", chargerId=charger_id, message="to be delivered again"))
    assert line["reason"] == "newer_message"
    assert not cloud.stored_lines(after["eventId"])
    assert api.latest(charger_id).status_code == 404


def test_attributes_of_the_item_that_only_newer_code_knows_are_kept(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.kept({**event_of(charger_id, seconds_ago=1), "connectorId": 1})
    cloud.dynamodb.update_item(
        TableName=cloud.outputs["TableName"],
        Key={"chargerId": {"S": charger_id}},
        UpdateExpression="SET ofTomorrow = :it, connectors.#1.ofTomorrow = :it",
        ExpressionAttributeNames={"#1": "1"},
        ExpressionAttributeValues={":it": {"M": {"a": {"N": "1"}}}},
    )
    latest = api.kept({**event_of(charger_id), "connectorId": 1})
    item = cloud.item_of(charger_id)
    assert item["ofTomorrow"] == {"M": {"a": {"N": "1"}}}
    assert item["connectors"].get("M", {})["1"].get("M", {})["ofTomorrow"] == {"M": {"a": {"N": "1"}}}
    assert "ofTomorrow" not in latest
