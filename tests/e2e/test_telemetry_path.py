"""What chargers post comes out as dashboards read it."""

import gzip
import json
import time

from telemetry.envelope import short_id
from tests.e2e.harness import Api, Cloud, event_of, eventually


def test_a_posted_event_is_read_back_within_3_seconds(api: Api, charger_id: str) -> None:
    started = time.monotonic()
    receipt = api.post(event_of(charger_id, power_kw=7.4)).json()
    latest = api.stored(charger_id, event_id=receipt["eventId"])
    assert time.monotonic() - started < 3
    assert latest["payload"] == {"power_kw": 7.4}


def test_the_receipt_names_the_event_as_it_is_stored(api: Api, charger_id: str) -> None:
    answer = api.post(event_of(charger_id))
    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/json"
    receipt = answer.json()
    latest = api.stored(charger_id, event_id=receipt["eventId"])
    assert receipt == {name: latest[name] for name in ("eventId", "chargerId", "timestamp", "ingestedAt")}


def test_everything_that_was_sent_comes_back_and_nothing_internal(api: Api, charger_id: str) -> None:
    optional = {"connectorId": 1, "chargerStatus": "Charging", "locationId": "Hof 3 — Süd", "firmwareVersion": "1.2.3"}
    event = {**event_of(charger_id, nested={"a": [1, None, True, "ü"]}), **optional}
    latest = api.stored(charger_id, event_id=api.post(event).json()["eventId"])
    assert {name: latest[name] for name in event} == event
    assert not {"revision", "expiresAt"} & latest.keys()


def test_numbers_come_back_as_they_were_sent(api: Api, charger_id: str) -> None:
    numbers = '{"a":7.40,"b":12345678901234567,"c":0.1,"d":-0.0000001,"e":99999999999999999999999999999999999999}'
    body = event_of(charger_id)
    text = f'{{"chargerId":"{charger_id}","timestamp":"{body["timestamp"]}","payload":{numbers}}}'
    answer = api.send("POST", "/telemetry", content=text.encode(), headers={"Content-Type": "application/json"})
    api.stored(charger_id, event_id=answer.json()["eventId"])
    read = api.latest(charger_id).text
    for exact in ('"a":7.4,', '"b":12345678901234567,', '"c":0.1,', '"e":99999999999999999999999999999999999999}'):
        assert exact in read


def test_an_older_event_that_comes_later_never_replaces_the_newer_one(cloud: Cloud, api: Api, charger_id: str) -> None:
    newer = api.post(event_of(charger_id, reading="newer")).json()
    older = api.post(event_of(charger_id, seconds_ago=3600, reading="older")).json()
    eventually(lambda: cloud.stored_lines(older["eventId"]))
    assert api.latest(charger_id).json()["eventId"] == newer["eventId"]


def test_an_older_event_counts_as_stale_and_not_as_failed(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.post(event_of(charger_id))
    older = api.post(event_of(charger_id, seconds_ago=3600)).json()
    [line] = eventually(lambda: cloud.stored_lines(older["eventId"]))
    assert (line["stored"], line["stale"]) == (0, 1)


def test_the_same_event_sent_twice_is_one_event(cloud: Cloud, api: Api, charger_id: str) -> None:
    event = event_of(charger_id)
    first, second = api.post(event).json(), api.post(event).json()
    assert first["eventId"] == second["eventId"]
    after = api.post(event_of(charger_id, reading="after")).json()
    api.stored(charger_id, event_id=after["eventId"])
    # The queue dropped the second: what came after it was processed, and it was not.
    assert len(cloud.stored_lines(first["eventId"])) == 1


def test_a_batch_of_several_chargers_is_stored_event_by_event_and_the_bad_one_told(api: Api, charger_id: str) -> None:
    events = [
        event_of(charger_id, seconds_ago=1, reading="older"),
        {**event_of(charger_id), "timestamp": "yesterday"},
        event_of(f"{charger_id}-other"),
        event_of(charger_id, reading="newer"),
    ]
    answer = api.send("POST", "/telemetry/batch", json=events)
    assert (answer.status_code, answer.headers["content-type"]) == (207, "application/json")
    results = answer.json()["results"]
    assert [each["status"] for each in results] == [202, 422, 202, 202]
    assert api.stored(charger_id, event_id=results[3]["eventId"])["payload"] == {"reading": "newer"}
    api.stored(f"{charger_id}-other", event_id=results[2]["eventId"])


def test_an_event_sent_as_gzip_is_stored(api: Api, charger_id: str) -> None:
    packed = gzip.compress(json.dumps(event_of(charger_id, power_kw=7.4)).encode())
    answer = api.send("POST", "/telemetry", content=packed, headers={"Content-Type": "application/gzip"})
    assert answer.status_code == 202
    api.stored(charger_id, event_id=answer.json()["eventId"])


def test_an_unchanged_answer_is_304_to_who_has_it(api: Api, charger_id: str) -> None:
    api.stored(charger_id, event_id=api.post(event_of(charger_id)).json()["eventId"])
    first = api.latest(charger_id)
    assert first.headers["cache-control"] == "private, no-cache"
    again = api.latest(charger_id, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    newer = api.post(event_of(charger_id, reading="newer")).json()
    api.stored(charger_id, event_id=newer["eventId"])
    assert api.latest(charger_id, **{"If-None-Match": first.headers["etag"]}).status_code == 200


def test_the_correlation_id_follows_an_event_from_the_request_to_the_stored_item(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    event_id = api.post(event_of(charger_id)).json()["eventId"]
    [accepted] = eventually(lambda: cloud.log_lines("Ingest", eventId=short_id(event_id)))
    [stored] = eventually(lambda: cloud.stored_lines(event_id))
    assert accepted["correlationId"] == stored["correlationId"]
    assert stored["chargerId"] == charger_id


def test_accepted_and_stored_events_are_counted_by_stage(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.stored(charger_id, event_id=api.post(event_of(charger_id)).json()["eventId"])
    assert eventually(lambda: cloud.log_lines("Ingest", service="ingest", stage="local", EventsAccepted=[1.0]))
    assert eventually(lambda: [line for line in cloud.log_lines("Processor", stage="local") if "EventsStored" in line])


def test_the_item_is_the_contracts(cloud: Cloud, api: Api, charger_id: str) -> None:
    event_id = api.post(event_of(charger_id, power_kw=7.4)).json()["eventId"]
    api.stored(charger_id, event_id=event_id)
    item = cloud.item_of(charger_id)
    assert item["payload"] == {"M": {"power_kw": {"N": "7.4"}}}
    assert item["revision"] == {"N": "1"}
    assert item["eventId"] == {"S": event_id}
    assert int(item["expiresAt"].get("N", 0)) > time.time()
