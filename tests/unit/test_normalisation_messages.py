import pytest

from telemetry.normalisation import normalise
from telemetry.normalisation.ocpp import STATUSES
from tests.unit.telemetry_events import normalised

METER_VALUES: dict[str, object] = {"meterValue": []}


def test_a_status_notification_of_1_6_tells_status_error_and_connector() -> None:
    found = normalised("ocpp16_status_notification")
    assert (found.charger_status, found.connector_id) == ("Faulted", 1)
    assert (found.error_code, found.vendor_error_code) == ("GroundFailure", "E-RCD-6mA")
    assert found.metrics.values == {}


def test_a_status_notification_of_2_0_1_tells_the_status_of_its_evse() -> None:
    found = normalised("ocpp201_status_notification")
    assert (found.charger_status, found.connector_id, found.error_code) == ("Occupied", 2, None)


def test_a_transaction_event_tells_transaction_state_and_evse() -> None:
    found = normalised("ocpp201_transaction_event")
    assert (found.transaction_id, found.charging_state) == ("20261123-0099", "Idle")
    assert (found.connector_id, found.charger_status) == (2, None)


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_each_status_of_ocpp_is_known(status: str) -> None:
    told: list[dict[str, object]] = [
        {"connectorId": 0, "errorCode": "NoError", "status": status},
        {"connector_id": 1, "status": f" {status} "},
        {"errorCode": "NoError", "status": status},
        {"connectorStatus": status},
        {"connector_status": status, "evse_id": 1, "connector_id": 1},
    ]
    assert [normalise(each).charger_status for each in told] == [status] * len(told)


@pytest.mark.parametrize(
    "payload",
    [
        {"status": "Available"},
        {"status": "online", "connectorId": 1},
        {"status": "ok", "errorCode": "0"},
        {"status": "available", "connectorId": 1},
        {"status": "Available", "connectorId": "1"},
        {"status": 1, "connectorId": 1, "errorCode": "NoError"},
        {"connectorStatus": "A" * 129},
        {"connectorStatus": ["Available"]},
        {"connectorStatus": "\ud800"},
        {"errorCode": "GroundFailure", "connectorId": 1},
    ],
)
def test_a_status_that_is_not_ocpps_is_none(payload: dict[str, object]) -> None:
    found = normalise(payload)
    assert (found.charger_status, found.error_code, found.connector_id) == (None, None, None)


def test_an_error_code_counts_only_with_a_status() -> None:
    found = normalise(METER_VALUES | {"errorCode": "E5", "vendorErrorCode": "5"})
    assert (found.error_code, found.vendor_error_code) == (None, None)


@pytest.mark.parametrize(
    ("message", "connector_id"),
    [
        ({"connectorId": 0}, 0),
        ({"connectorId": 24}, 24),
        ({"connector_id": 3}, 3),
        ({"evseId": 2, "connectorId": 1}, 2),
        ({"evse_id": 2}, 2),
        ({"evse": {"id": 4, "connectorId": 1}, "connectorId": 9}, 4),
        ({"evse": {"id": 25}}, None),
        ({"evseId": 25, "connectorId": 1}, None),
        ({"connectorId": 25}, None),
        ({"connectorId": -1}, None),
        ({"connectorId": True}, None),
        ({"connectorId": "1"}, None),
        ({"connectorId": None}, None),
        ({}, None),
    ],
)
def test_the_connector_is_that_of_1_6_or_the_evse_of_2(message: dict[str, object], connector_id: int | None) -> None:
    assert normalise(METER_VALUES | message).connector_id == connector_id


@pytest.mark.parametrize(
    "sign",
    [
        {"meterValue": []},
        {"meter_value": []},
        {"transactionInfo": {}},
        {"transaction_info": {}},
        {"connectorStatus": "Available"},
        {"idTag": "A1", "meterStart": 5},
        {"idToken": {"idToken": "A1"}},
        {"transaction_id": 7},
    ],
)
def test_an_ocpp_message_is_known_by_what_is_in_it(sign: dict[str, object]) -> None:
    assert normalise(sign | {"evseId": 3}).connector_id == 3


@pytest.mark.parametrize("no_sign", [{"meterValue": 5}, {"transactionInfo": 5}, {"meter_start_wh": 5}])
def test_another_payload_names_no_connector(no_sign: dict[str, object]) -> None:
    assert normalise(no_sign | {"connectorId": 3}).connector_id is None


@pytest.mark.parametrize(
    ("message", "transaction_id"),
    [
        ({"transactionId": 0}, "0"),
        ({"transactionId": "abc"}, "abc"),
        ({"transaction_id": 7}, "7"),
        ({"transactionInfo": {"transactionId": "t-1"}}, "t-1"),
        ({"transactionId": ""}, None),
        ({"transactionId": "x" * 129}, None),
        ({"transactionId": False}, None),
        ({"transactionId": [7]}, None),
    ],
)
def test_a_transaction_is_named_by_text(message: dict[str, object], transaction_id: str | None) -> None:
    assert normalise(METER_VALUES | message).transaction_id == transaction_id


def test_flat_numbers_beside_a_message_count_where_it_tells_no_better() -> None:
    sampled = {"value": 9, "measurand": "Power.Active.Import", "unit": "W"}
    payload = {"meterValue": [{"sampledValue": [sampled]}], "power": 5, "soc": 50}
    found = normalise(payload)
    assert found.metrics.values == {"powerW": 9, "socPercent": 50}
    assert found.metrics.assumed == ()
