"""Which connector an event is of, and what is kept of each."""

import json
from typing import cast

import pytest

from tests.e2e.harness import PROJECT, Api, Json, event_of, event_with, pointers

OCPP16: Json = {"meterValue": []}
LARGEST_CONNECTOR_PAYLOAD_BYTES = 3 * 1024


@pytest.mark.parametrize(
    ("payload", "connector"),
    [
        ({"connectorId": 3, **OCPP16}, 3),
        ({"connectorId": 24, "status": "Available", "errorCode": "NoError"}, 24),
        ({"connector_id": 3, "meter_value": []}, 3),
        ({"evseId": 2, "connectorId": 1, "connectorStatus": "Occupied"}, 2),
        ({"evseId": 4, **OCPP16}, 4),
        ({"evse": {"id": 5, "connectorId": 1}, "transactionInfo": {"transactionId": "t"}}, 5),
    ],
)
def test_the_connector_of_an_ocpp_message_counts_where_the_event_has_none(
    api: Api, charger_id: str, payload: Json, connector: int
) -> None:
    latest = api.kept(event_with(payload, charger_id))
    assert latest["connectorId"] == connector
    kept = cast("dict[str, Json]", latest["connectors"])
    assert kept.keys() == {str(connector)}
    assert kept[str(connector)]["payload"] == payload


def test_the_connector_of_the_event_counts_before_that_of_its_payload(api: Api, charger_id: str) -> None:
    latest = api.kept({**event_with({"connectorId": 2, **OCPP16}, charger_id), "connectorId": 1})
    assert latest["connectorId"] == 1
    assert [*api.latest(charger_id).json()["connectors"]] == ["1"]


@pytest.mark.parametrize(
    "event",
    [
        {"connectorId": 0},
        {"connectorId": None},
        {"payload": {"connectorId": 0, **OCPP16}},
        {"payload": {"connectorId": 25, **OCPP16}},
        {"payload": {"connectorId": -1, **OCPP16}},
        {"payload": {"connectorId": "1", **OCPP16}},
        {"payload": {"evseId": 25, "connectorId": 1, **OCPP16}},
        # No OCPP message: whatever the vendor means by it.
        {"payload": {"connectorId": 1, "power_kw": 7.4}},
        # The event says that it is of the charger as a whole.
        {"connectorId": 0, "payload": {"connectorId": 1, **OCPP16}},
    ],
)
def test_without_a_connector_or_with_0_or_one_out_of_range_in_the_payload_it_is_the_charger_as_a_whole(
    api: Api, charger_id: str, event: Json
) -> None:
    latest = api.kept({**event_of(charger_id), **event})
    assert latest["connectors"] == {}
    assert latest.get("connectorId", 0) == 0


@pytest.mark.parametrize("wrong", [-1, 25, "1", True, 1.5, [1]])
def test_a_connector_out_of_range_in_the_event_is_422(api: Api, charger_id: str, wrong: object) -> None:
    assert pointers(api.post({**event_of(charger_id), "connectorId": wrong})) == ["/connectorId"]


@pytest.mark.parametrize(
    ("file", "status", "connector"),
    [("ocpp16_status_notification", "Faulted", "1"), ("ocpp201_status_notification", "Occupied", "2")],
)
def test_the_status_of_a_status_notification_is_the_chargers_status(
    api: Api, charger_id: str, file: str, status: str, connector: str
) -> None:
    notification: Json = json.loads((PROJECT / "tests" / "events" / f"{file}.json").read_text())["payload"]
    latest = api.kept(event_with(notification, charger_id))
    assert latest["chargerStatus"] == status
    assert api.latest(charger_id).json()["connectors"][connector]["chargerStatus"] == status


def test_the_status_of_the_event_counts_before_that_of_its_payload(api: Api, charger_id: str) -> None:
    notification: Json = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    latest = api.kept({**event_with(notification, charger_id), "chargerStatus": "Finishing"})
    assert latest["chargerStatus"] == "Finishing"


def test_a_connector_has_the_fields_of_its_newest_event(api: Api, charger_id: str) -> None:
    optional = {"connectorId": 1, "chargerStatus": "Charging", "locationId": "Hof 3", "firmwareVersion": "1.2.3"}
    latest = api.kept({**event_of(charger_id, power_kw=7.4), **optional})
    connector = api.latest(charger_id).json()["connectors"]["1"]
    fields = connector.keys() - {"lastKnown"}
    assert fields == {"timestamp", "ingestedAt", "eventId", "payload", "metrics", "findings", *optional}
    assert {name: connector[name] for name in fields} == {name: latest[name] for name in fields}


def test_a_payload_above_3_kib_is_left_out_of_its_connector_and_kept_of_the_charger(api: Api, charger_id: str) -> None:
    filler = "x" * (LARGEST_CONNECTOR_PAYLOAD_BYTES - len('{"power_kw":7.4,"filler":""}'))
    api.kept({**event_of(charger_id, seconds_ago=2, power_kw=7.4, filler=filler), "connectorId": 1})
    connector = api.latest(charger_id).json()["connectors"]["1"]
    assert connector["payload"] == {"power_kw": 7.4, "filler": filler}
    assert "payloadOmitted" not in connector

    larger: Json = {"power_kw": 7.5, "filler": f"{filler}x"}
    assert api.kept({**event_with(larger, charger_id, seconds_ago=1), "connectorId": 1})["payload"] == larger
    connector = api.latest(charger_id).json()["connectors"]["1"]
    assert connector["payloadOmitted"] is True
    assert "payload" not in connector
    assert connector["metrics"] == {"powerW": 7500}

    api.kept({**event_of(charger_id, power_kw=7.6), "connectorId": 1})
    assert api.latest(charger_id).json()["connectors"]["1"]["payload"] == {"power_kw": 7.6}


def test_a_charger_with_24_connectors_whose_payloads_are_as_long_as_can_be_is_stored(api: Api, charger_id: str) -> None:
    status = dict.fromkeys(("chargerStatus", "locationId", "firmwareVersion"), "x" * 128)
    payload: Json = {"power_kw": 7.4, "filler": "x" * (LARGEST_CONNECTOR_PAYLOAD_BYTES - 30)}
    connectors = [
        {**event_with(payload, charger_id, seconds_ago=1), "connectorId": number, **status} for number in range(1, 25)
    ]
    whole = {**event_of(charger_id, filler="x" * (64 * 1024 - 20)), **status}
    answer = api.post_batch([*connectors, whole])
    assert answer.status_code == 202
    latest = api.stored(charger_id, event_id=answer.json()["results"][-1]["eventId"])
    kept = cast("dict[str, Json]", latest["connectors"])
    assert [each["payload"] for each in kept.values()] == [payload] * 24
