"""What chargers of each kind send, as comparable metrics read over HTTP; the values were calculated by hand."""

import json
from decimal import Decimal

import pytest

from tests.e2e.harness import PROJECT, Api, Cloud, Json, event_of, event_with, eventually

NOT_UNDERSTOOD: list[Json] = [
    {"meterValue": [None, 7, {"sampledValue": {}}, {"sampledValue": [None, {"value": None}, {"value": "7e"}]}]},
    {"meterValue": {}, "transactionInfo": [], "evse": 7},
    {"power_kw": "7,4", "voltage": None, "temp_c": [], "soc": True},
    {"power_kw": 1e125, "energy_kwh": -1e125},
    {"unheard": {"of": ["by", "anybody"]}},
]


def metrics_over_http(api: Api, charger_id: str, file: str) -> Json:
    """Post the payload of an event's file, digit for digit, and return the metrics that are read."""
    payload = json.loads((PROJECT / "tests" / "events" / f"{file}.json").read_text())["payload"]
    latest = api.kept(event_with(payload, charger_id))
    assert latest["payload"] == payload
    return json.loads(api.latest(charger_id).text, parse_float=Decimal)["metrics"]


def test_ocpp_16_meter_values_of_three_phases_in_text_with_blanks(api: Api, charger_id: str) -> None:
    metrics = metrics_over_http(api, charger_id, "ocpp16_meter_values")
    assert metrics == {
        # " 48.391" kWh of the newer meter value, and not "  48211.0 " Wh of a minute before.
        "energyImportWh": 48391,
        # 3.61 + 3.58 + 3.6 kW.
        "powerW": 10790,
        # (15.9 + 15.7 + 15.8) / 3 = 47.4 / 3.
        "currentA": Decimal("15.8"),
        # (229.5 + 230.1 + 230.2) / 3 = 689.8 / 3, of 10 digits.
        "voltageV": Decimal("229.9333333"),
        "currentOfferedA": 16,
        # 311.15 K is 38 degrees, 77 degrees Fahrenheit are 25: the highest.
        "temperatureC": 38,
        "phases": {
            "L1": {"powerW": 3610, "currentA": Decimal("15.9"), "voltageV": Decimal("229.5")},
            "L2": {"powerW": 3580, "currentA": Decimal("15.7"), "voltageV": Decimal("230.1")},
            "L3": {"powerW": 3600, "currentA": Decimal("15.8"), "voltageV": Decimal("230.2")},
        },
    }
    assert api.latest(charger_id).json()["connectors"]["2"]["metrics"]["powerW"] == 10790


def test_ocpp_201_meter_values_with_multipliers(api: Api, charger_id: str) -> None:
    assert metrics_over_http(api, charger_id, "ocpp201_multiplier") == {
        # 11.04 x 10^3 W.
        "powerW": 11040,
        # 1250417 x 10^-3 kWh = 1250.417 kWh.
        "energyImportWh": 1250417,
        "frequencyHz": Decimal("49.98"),
        "powerFactor": Decimal("0.98"),
        "socPercent": 71,
    }


@pytest.mark.parametrize(
    ("file", "register"), [("ocpp16_signed_twin", Decimal("734512.6")), ("ocpp201_signed_twin", Decimal("60512.5"))]
)
def test_a_signed_twin_does_not_count_beside_the_plain_reading(
    api: Api, charger_id: str, file: str, register: Decimal
) -> None:
    assert metrics_over_http(api, charger_id, file)["energyImportWh"] == register


def test_flat_json_in_kilowatts(api: Api, charger_id: str) -> None:
    assert metrics_over_http(api, charger_id, "flat_kilowatts") == {
        "powerW": 7400,
        "energyImportWh": 1523070,
        "voltageV": Decimal("229.8"),
        "currentA": Decimal("32.2"),
        "socPercent": 64,
    }


def test_what_was_assumed_is_named(api: Api, charger_id: str) -> None:
    latest = api.kept(event_of(charger_id, power=7400, voltage_v=230))
    assert latest["metrics"] == {"powerW": 7400, "voltageV": 230, "assumed": ["powerW"]}


def test_a_value_of_an_unknown_unit_is_left_out_and_counted(cloud: Cloud, api: Api, charger_id: str) -> None:
    def counted() -> int:
        return len(cloud.log_lines("Processor", UnknownUnits=[1.0]))

    before = counted()
    values = [
        {"value": "7", "measurand": "Power.Active.Import", "unit": "horsepower"},
        {"value": "230", "measurand": "Voltage", "unit": "V"},
    ]
    latest = api.kept(event_of(charger_id, connectorId=1, meterValue=[{"sampledValue": values}]))
    assert latest["metrics"] == {"voltageV": 230}
    eventually(lambda: counted() > before)
    assert counted() == before + 1


@pytest.mark.parametrize("payload", NOT_UNDERSTOOD)
def test_what_can_not_be_understood_is_kept_as_it_is_without_metrics(api: Api, charger_id: str, payload: Json) -> None:
    latest = api.kept(event_with(payload, charger_id))
    assert (latest["payload"], latest["metrics"]) == (payload, {})
