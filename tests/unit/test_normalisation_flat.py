from decimal import Decimal

import pytest

from telemetry.normalisation import normalise
from telemetry.normalisation.flat import FLAT_KEYS
from tests.unit.telemetry_events import normalised, of_text, values_of


def test_numbers_are_read_by_the_units_in_their_names() -> None:
    assert normalised("flat_kilowatts").metrics.values == {
        "powerW": 7400,
        "energyImportWh": 1523070,
        "voltageV": Decimal("229.8"),
        "currentA": Decimal("32.2"),
        "socPercent": 64,
    }


def test_a_wall_connector_tells_mains_current_session_and_its_highest_temperature() -> None:
    assert normalised("flat_wall_connector").metrics.values == {
        "voltageV": Decimal("245.2"),
        "currentA": Decimal("30.5"),
        "energySessionWh": Decimal("641.25"),
        "temperatureC": Decimal("38.2"),
        "frequencyHz": Decimal("59.94"),
    }


@pytest.mark.parametrize("key", FLAT_KEYS)
def test_every_key_is_known_in_snake_case_and_in_camel_case(key: str) -> None:
    first, *rest = key.split("_")
    camel_case = first + "".join(word.capitalize() for word in rest)
    in_snake_case = values_of({key: 36})
    assert list(in_snake_case) == [FLAT_KEYS[key].metric]
    assert values_of({camel_case: 36}) == in_snake_case


@pytest.mark.parametrize(
    ("payload", "metric", "value"),
    [
        ('{"power_w": 7400.50}', "powerW", Decimal("7400.5")),
        ('{"powerKW": 0.0074}', "powerW", Decimal("7.4")),
        ('{"power_kw": " 7.4 "}', "powerW", 7400),
        ('{"power_export_kw": 3}', "powerExportW", 3000),
        ('{"energy_kwh": 12345678.901}', "energyImportWh", 12345678901),
        ('{"energy_export_kwh": 1.5}', "energyExportWh", 1500),
        ('{"energy_interval_wh": 250}', "energyIntervalWh", 250),
        ('{"session_energy_kwh": 1.25}', "energySessionWh", 1250),
        ('{"wattsec": 5400}', "energySessionWh", Decimal("1.5")),
        ('{"wattsec": 1000}', "energySessionWh", Decimal("0.2777777778")),
        ('{"temp_c": -3, "ambientTempC": -7.5}', "temperatureC", -3),
        ('{"frequency_hz": 50.02, "grid_hz": 1}', "frequencyHz", Decimal("50.02")),
        ('{"power_factor": 0.97}', "powerFactor", Decimal("0.97")),
        ('{"voltage_v": 0}', "voltageV", 0),
        ('{"voltageA_v": 229, "voltageB_v": 230, "voltageC_v": 230}', "voltageV", Decimal("229.6666667")),
        ('{"voltageA_v": 230.4, "voltageB_v": 9.99, "voltageC_v": 0.2}', "voltageV", Decimal("230.4")),
        ('{"voltageA_v": 230.12345678901}', "voltageV", Decimal("230.12345678901")),
        ('{"voltageA_v": 10, "voltageB_v": 20}', "voltageV", 15),
        ('{"voltage_v": 231, "voltageA_v": 10}', "voltageV", 231),
        ('{"currentA_a": 10, "currentB_a": 0, "currentC_a": 13}', "currentA", Decimal("11.5")),
        ('{"current_a": 9, "currentA_a": 10}', "currentA", 9),
        ('{"currentA_a": 0, "currentB_a": 0, "currentC_a": 0.0}', "currentA", 0),
        ('{"energy_wh": 12345678901234567}', "energyImportWh", 12345678901234567),
    ],
)
def test_a_metric_is_in_its_base_unit(payload: str, metric: str, value: int | Decimal) -> None:
    values = of_text(payload).metrics.values
    assert values == {metric: value}
    assert type(values[metric]) is type(value)


@pytest.mark.parametrize(
    "payload",
    [
        '{"power_kw": null}',
        '{"power_kw": true}',
        '{"power_kw": [7]}',
        '{"power_kw": "about 7"}',
        '{"power_kw": "--7"}',
        '{"power_kw": "1_000"}',
        '{"power_kw": "NaN"}',
        '{"power_kw": "-Infinity"}',
        '{"power_kw": 1e124}',
        '{"energy": 12}',
        '{"temperature_c": ""}',
        '{"voltageA_v": 9.99, "voltageB_v": 0.2}',
        '{"currentA_a": -16}',
        '{"inner": {"power_kw": 7}}',
        "{}",
    ],
)
def test_what_cannot_be_told_is_absent(payload: str) -> None:
    assert of_text(payload).metrics.values == {}


@pytest.mark.parametrize("register", ["energy_wh", "energy_kwh", "energyImportWh"])
def test_a_register_is_never_the_energy_of_a_session(register: str) -> None:
    assert list(values_of({register: 5000})) == ["energyImportWh"]


def test_the_first_usable_key_of_a_metric_counts() -> None:
    assert values_of({"power": 1, "power_kw": 2, "power_w": 3}) == {"powerW": 3}
    assert values_of({"power": 1, "power_kw": "", "power_w": None}) == {"powerW": 1}


def test_of_two_spellings_of_a_key_the_same_counts_in_whatever_order_they_come() -> None:
    assert values_of({"power_w": 1, "powerW": 2}) == values_of({"powerW": 2, "power_w": 1})


@pytest.mark.parametrize(
    ("key", "metric"), [("power", "powerW"), ("power_export", "powerExportW"), ("amp", "currentA")]
)
def test_a_metric_whose_key_leaves_the_unit_open_is_named_as_assumed(key: str, metric: str) -> None:
    metrics = normalise({key: 7, "voltage": 230}).metrics
    assert metrics.values[metric] == 7
    assert metrics.assumed == (metric,)


def test_a_key_with_a_unit_leaves_nothing_to_assume() -> None:
    assert normalise({"power": 1, "power_w": 2}).metrics.assumed == ()


@pytest.mark.parametrize("soc", [0, 100, Decimal("99.5")])
def test_a_state_of_charge_of_0_to_100_is_a_metric(soc: int | Decimal) -> None:
    found = normalise({"soc": soc})
    assert found.metrics.values == {"socPercent": soc}
    assert found.soc_out_of_range is None


@pytest.mark.parametrize("soc", [65535, 5838, -1, Decimal("100.1")])
def test_a_state_of_charge_that_no_battery_has_is_told_apart(soc: int | Decimal) -> None:
    found = normalise({"soc_percent": soc})
    assert found.metrics.values == {}
    assert found.soc_out_of_range == soc


def test_a_flat_payload_names_no_connector_and_no_status() -> None:
    payload = {"connectorId": 2, "status": "online", "errorCode": "E5", "evseId": 1, "power_w": 5}
    assert normalise(payload) == normalise({"power_w": 5})
