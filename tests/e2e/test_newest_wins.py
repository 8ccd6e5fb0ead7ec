"""In whatever order events come, the newest of the charger and of each connector is what is kept."""

import random
from collections.abc import Mapping
from typing import cast

import pytest

from tests.e2e.harness import Api, Cloud, Json, event_of, eventually


def at(second: int, **fields: object) -> Json:
    """Return an event of a second of one minute, whose payload has what is no field of an event."""
    return {"timestamp": f"2024-11-23T08:15:{second:02}.000Z", "payload": {}, **fields}


def known(second: int, value: object) -> Json:
    return {"value": value, "timestamp": f"2024-11-23T08:15:{second:02}.000Z"}


# Two connectors in turns, heartbeats, and statuses, in the order of their time.
HISTORY = [
    at(0, firmwareVersion="1.0", locationId="Hof 3", payload={"note": "boot"}),
    at(1, connectorId=1, chargerStatus="Charging", payload={"power_kw": 7.4, "voltage_v": 230}),
    at(2, connectorId=2, payload={"connectorId": 2, "status": "Preparing", "errorCode": "NoError"}),
    at(3, connectorId=2, payload={"power_kw": 11, "soc": 40}),
    at(4, connectorId=0, payload={"note": "heartbeat"}),
    at(5, connectorId=1, payload={"power_kw": 3.7}),
    # OCPP names the connector itself.
    at(6, payload={"connectorId": 2, "status": "Charging", "errorCode": "NoError"}),
    at(7, connectorId=1, payload={"note": "heartbeat"}),
    at(8, firmwareVersion="1.1", payload={"temp_c": 30}),
    at(9, payload={"note": "heartbeat"}),
]


@pytest.mark.parametrize("seed", range(4))
def test_two_connectors_in_turns_with_heartbeats_and_statuses_end_the_same_in_any_order(
    cloud: Cloud, api: Api, charger_id: str, seed: int
) -> None:
    arriving = [{**event, "chargerId": charger_id} for event in HISTORY]
    order = random.Random(seed)  # noqa: S311 - the same orders in each run
    # The first order is the right one, the second its reverse.
    if seed == 1:
        arriving.reverse()
    elif seed:
        arriving = order.sample(arriving, len(arriving))
    event_ids = send_in_parts(api, arriving, order)
    eventually(lambda: all(cloud.stored_lines(each) for each in event_ids))
    latest = api.latest(charger_id).json()

    assert (latest["timestamp"], latest["payload"]) == ("2024-11-23T08:15:09.000Z", {"note": "heartbeat"})
    assert "connectorId" not in latest
    assert latest["metrics"] == {}
    assert latest["lastKnown"] == {
        "chargerStatus": known(6, "Charging"),
        "connectorId": known(7, 1),
        "firmwareVersion": known(8, "1.1"),
        "locationId": known(0, "Hof 3"),
        "metrics": {
            "powerW": known(5, 3700),
            "voltageV": known(1, 230),
            "socPercent": known(3, 40),
            "temperatureC": known(8, 30),
        },
    }
    assert latest["connectors"].keys() == {"1", "2"}
    first, second = latest["connectors"]["1"], latest["connectors"]["2"]
    assert (first["timestamp"], first["payload"]) == ("2024-11-23T08:15:07.000Z", {"note": "heartbeat"})
    assert first["lastKnown"] == {
        "chargerStatus": known(1, "Charging"),
        "connectorId": known(7, 1),
        "metrics": {"powerW": known(5, 3700), "voltageV": known(1, 230)},
    }
    assert (second["timestamp"], second["chargerStatus"]) == ("2024-11-23T08:15:06.000Z", "Charging")
    assert second["lastKnown"] == {
        "chargerStatus": known(6, "Charging"),
        "connectorId": known(6, 2),
        "metrics": {"powerW": known(3, 11000), "socPercent": known(3, 40)},
    }


def send_in_parts(api: Api, events: list[Json], order: random.Random) -> list[str]:
    """Post events in this order, some alone and some in batches; return their ids."""
    event_ids: list[str] = []
    while events:
        part = order.randint(1, 4)
        now, events = events[:part], events[part:]
        if part == 1:
            event_ids.append(api.post(now[0]).json()["eventId"])
        else:
            event_ids += [each["eventId"] for each in api.post_batch(now).json()["results"]]
    return event_ids


def test_a_late_event_brings_what_was_not_known_and_changes_nothing_newer(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    latest = api.kept({**event_of(charger_id, power_kw=7.4), "chargerStatus": "Charging"})
    late = {**event_of(charger_id, seconds_ago=60, power_kw=1, soc=40), "chargerStatus": "Preparing"}
    event_id = api.post(late).json()["eventId"]
    eventually(lambda: cloud.stored_lines(event_id))
    after = api.latest(charger_id).json()
    brought = {"value": 40, "timestamp": late["timestamp"]}
    before = last_known_of(latest)
    assert last_known_of(after) == {**before, "metrics": {**metrics_of(before), "socPercent": brought}}
    assert {**after, "lastKnown": None} == {**latest, "lastKnown": None}


def test_what_changes_nothing_is_not_written(cloud: Cloud, api: Api, charger_id: str) -> None:
    latest = api.kept(event_of(charger_id, power_kw=7.4))
    late = api.post(event_of(charger_id, seconds_ago=60, power_kw=1)).json()
    eventually(lambda: cloud.stored_lines(late["eventId"]))
    # In another minute the charger was seen later, which is written.
    minutes = {str(each["ingestedAt"])[:16] for each in (latest, late)}
    assert cloud.item_of(charger_id)["revision"] == {"N": str(len(minutes))}


def test_a_resend_that_the_queue_did_not_drop_refreshes_and_changes_nothing_else(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    event = event_of(charger_id, power_kw=7.4)
    before = api.kept(event)
    # Beside another event the deduplication id of the message is another one.
    older = event_of(charger_id, seconds_ago=60, note="older")
    results = api.post_batch([older, event]).json()["results"]
    assert results[1]["eventId"] == before["eventId"]
    eventually(lambda: cloud.stored_lines(results[0]["eventId"]))
    after = api.latest(charger_id).json()
    assert str(after["ingestedAt"]) > str(before["ingestedAt"])
    refreshed = {"ingestedAt", "lastSeenAt", "staleAt"}
    assert {name: after[name] for name in after.keys() - refreshed} == {
        name: before[name] for name in before.keys() - refreshed
    }


def last_known_of(latest: Mapping[str, object]) -> Json:
    return cast("Json", latest["lastKnown"])


def metrics_of(last_known: Json) -> Json:
    return cast("Json", last_known["metrics"])
