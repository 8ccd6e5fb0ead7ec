from decimal import Decimal

import pytest

from telemetry.metrics import Number
from telemetry.normalisation import Normalised, normalise
from tests.unit.telemetry_events import normalised

SAMPLED_AT = "2026-11-23T08:15:00Z"
REGISTER = "Energy.Active.Import.Register"


def meter_value(*sampled: dict[str, object], timestamp: object = SAMPLED_AT) -> dict[str, object]:
    return {"timestamp": timestamp, "sampledValue": list(sampled)}


def message(*meter_values: dict[str, object]) -> Normalised:
    return normalise({"connectorId": 1, "meterValue": list(meter_values)})


def of(*sampled: dict[str, object]) -> Normalised:
    """What one meter value says."""
    return message(meter_value(*sampled))


def sample(value: object, measurand: str = REGISTER, phase: str | None = None, **more: object) -> dict[str, object]:
    return {"value": value, "measurand": measurand, "phase": phase} | more


def by_phase(measurand: str, **values: object) -> list[dict[str, object]]:
    """Samples by phase, a dash of OCPP's names written as an underscore."""
    return [sample(value, measurand, phase.replace("_", "-")) for phase, value in values.items()]


def test_meter_values_of_1_6_are_read_as_text_with_blanks() -> None:
    found = normalised("ocpp16_meter_values")
    assert found.metrics.values == {
        "energyImportWh": 48391,
        "powerW": 10790,
        "phases.L1.powerW": 3610,
        "phases.L2.powerW": 3580,
        "phases.L3.powerW": 3600,
        "currentA": Decimal("15.8"),
        "phases.L1.currentA": Decimal("15.9"),
        "phases.L2.currentA": Decimal("15.7"),
        "phases.L3.currentA": Decimal("15.8"),
        "voltageV": Decimal("229.9333333"),
        "phases.L1.voltageV": Decimal("229.5"),
        "phases.L2.voltageV": Decimal("230.1"),
        "phases.L3.voltageV": Decimal("230.2"),
        "currentOfferedA": 16,
        "temperatureC": 38,
    }
    assert found.metrics.assumed == ()
    assert (found.connector_id, found.transaction_id, found.unknown_units) == (2, "4711", 0)


def test_meter_values_of_2_0_1_have_a_multiplier() -> None:
    found = normalised("ocpp201_multiplier")
    assert found.metrics.values == {
        "powerW": 11040,
        "energyImportWh": 1250417,
        "frequencyHz": Decimal("49.98"),
        "powerFactor": Decimal("0.98"),
        "socPercent": 71,
    }
    assert found.metrics.assumed == ()
    assert found.connector_id == 1


@pytest.mark.parametrize(
    ("event", "register"),
    [
        ("ocpp201_signed_twin", Decimal("60512.5")),
        ("ocpp16_signed_twin", Decimal("734512.6")),
        ("ocpp201_transaction_event", Decimal("753720.2")),
    ],
)
def test_a_signed_twin_never_wins_over_the_unsigned_reading(event: str, register: Decimal) -> None:
    found = normalised(event)
    assert found.metrics.values == {"energyImportWh": register}
    assert found.unknown_units == 0


@pytest.mark.parametrize("twin", [{"format": "SignedData"}, {"signedMeterValue": {}}, {"signed_meter_value": {}}])
def test_a_signed_reading_is_skipped_wherever_it_stands(twin: dict[str, object]) -> None:
    raw, signed = sample("5000", unit="Wh"), sample("5.1", unit="kWh") | twin
    later = "2026-11-23T08:20:00Z"
    for found in (of(raw, signed), of(signed, raw), message(meter_value(raw), meter_value(signed, timestamp=later))):
        assert found.metrics.values == {"energyImportWh": 5000}


def test_a_signed_reading_alone_counts_with_its_unit_and_not_without() -> None:
    signed: dict[str, object] = {"signedMeterValue": {"signedMeterData": ""}}
    assert of(sample(5, unitOfMeasure={"unit": "kWh"}) | signed).metrics.values == {"energyImportWh": 5000}
    without = of(sample(5) | signed)
    assert without.metrics.values == {}
    assert without.unknown_units == 1


@pytest.mark.parametrize(
    ("measurand", "metric"),
    [
        ("Power.Active.Import", "powerW"),
        ("Power.Active.Export", "powerExportW"),
        (REGISTER, "energyImportWh"),
        ("Energy.Active.Export.Register", "energyExportWh"),
        ("Energy.Active.Import.Interval", "energyIntervalWh"),
        ("Voltage", "voltageV"),
        ("Current.Import", "currentA"),
        ("Current.Offered", "currentOfferedA"),
        ("Power.Offered", "powerOfferedW"),
        ("SoC", "socPercent"),
        ("Temperature", "temperatureC"),
        ("Frequency", "frequencyHz"),
        ("Power.Factor", "powerFactor"),
    ],
)
def test_a_measurand_without_a_phase_is_its_metric(measurand: str, metric: str) -> None:
    assert of(sample("12.50", measurand)).metrics.values == {metric: Decimal("12.5")}


@pytest.mark.parametrize("measurand", ["Energy.Reactive.Import.Register", "Energy.Active.Net", "RPM", "soc", "", 5])
def test_other_measurands_stay_in_the_payload(measurand: object) -> None:
    found = of({"value": "5", "measurand": measurand, "unit": "var"})
    assert found.metrics.values == {}


@pytest.mark.parametrize(
    ("measurand", "unit", "value", "expected"),
    [
        (REGISTER, "KWH", "1.5", 1500),
        (REGISTER, " wh ", "1.5", Decimal("1.5")),
        ("Power.Active.Import", "kw", "1.5", 1500),
        ("Temperature", "Celsius", "21.5", Decimal("21.5")),
        ("Temperature", "Celcius", "21.5", Decimal("21.5")),
        ("Temperature", "K", "294.65", Decimal("21.5")),
        ("Temperature", "fahrenheit", "98.6", 37),
        ("Temperature", "Fahrenheit", "100", Decimal("37.77777778")),
        ("Frequency", "HZ", "50", 50),
        ("SoC", "percent", "50", 50),
    ],
)
def test_units_are_compared_without_case(measurand: str, unit: str, value: str, expected: Number) -> None:
    found = of(sample(value, measurand, unit=unit))
    assert list(found.metrics.values.values()) == [expected]
    assert (found.metrics.assumed, found.unknown_units) == ((), 0)


@pytest.mark.parametrize(
    "unknown",
    [
        sample("5", "Power.Active.Import", unit="MW"),
        sample("5", "Power.Active.Import", unit="kVA"),
        sample("5", "Temperature", unit="k"),
        sample("5", "Voltage", unit="A"),
        sample("5", "Power.Factor", unit="W"),
        sample("5", unit=7),
        sample(5, unitOfMeasure={"unit": "MWh"}),
        sample(5, unitOfMeasure="Wh"),
        sample(5, unitOfMeasure={"unit": "Wh", "multiplier": Decimal("0.5")}),
        sample(5, unitOfMeasure={"unit": "Wh", "multiplier": "kilo"}),
        {"value": "5", "unit": "A"},
    ],
)
def test_a_value_of_an_unknown_unit_is_left_out_and_counted(unknown: dict[str, object]) -> None:
    found = of(unknown, sample("50", "Frequency"))
    assert found.metrics.values == {"frequencyHz": 50}
    assert found.unknown_units == 1


def test_no_sum_is_made_of_phases_of_which_one_has_an_unknown_unit() -> None:
    known, unknown = by_phase("Power.Active.Import", L1="100", L2="200")
    found = of(known, unknown | {"unit": "hp"})
    assert found.metrics.values == {"phases.L1.powerW": 100}
    assert found.unknown_units == 1


def test_phases_do_not_stand_in_for_a_total_of_an_unknown_unit() -> None:
    found = of(sample("5", "Power.Active.Import", unit="hp"), *by_phase("Power.Active.Import", L1="100"))
    assert found.metrics.values == {"phases.L1.powerW": 100}
    assert found.unknown_units == 1


def test_a_phase_that_is_no_text_leaves_its_value_out() -> None:
    assert of({"value": "90", "measurand": "Temperature", "phase": 1}).metrics.values == {}


def test_a_sum_is_assumed_where_one_of_its_phases_is() -> None:
    told, untold = by_phase("Power.Active.Import", L1=1, L2=2)
    assert of(told | {"unit": "W"}, untold).metrics.assumed == ("phases.L2.powerW", "powerW")


@pytest.mark.parametrize(
    ("sampled", "assumed"),
    [
        ({"value": "5"}, ("energyImportWh",)),
        ({"value": "5", "unit": "Wh"}, ("energyImportWh",)),
        ({"value": 5, "unitOfMeasure": {"multiplier": 0}, "measurand": REGISTER}, ("energyImportWh",)),
        ({"value": "5", "unit": " ", "measurand": "Temperature"}, ("temperatureC",)),
        (sample("5", "Power.Active.Import", "L1"), ("phases.L1.powerW", "powerW")),
        ({"value": "5", "unit": "Wh", "measurand": REGISTER}, ()),
        ({"value": "5", "measurand": "Voltage"}, ()),
    ],
)
def test_a_metric_whose_measurand_or_unit_was_not_told_is_named_as_assumed(
    sampled: dict[str, object], assumed: tuple[str, ...]
) -> None:
    found = of(sampled)
    assert set(found.metrics.values.values()) == {5}
    assert found.metrics.assumed == assumed


@pytest.mark.parametrize(
    ("measurand", "phases", "metric", "value"),
    [
        ("Power.Active.Import", {"L1": 1, "L2": 2, "L3": 4}, "powerW", 7),
        ("Power.Active.Import", {"L1_N": 1, "L2_N": 2}, "powerW", 3),
        ("Power.Active.Import", {"L1": 1, "L2": 2, "L1_N": 50, "N": 9}, "powerW", 3),
        ("Power.Active.Export", {"L1": 1, "L2": 2}, "powerExportW", 3),
        ("Power.Offered", {"L1": 1, "L2": 2}, "powerOfferedW", 3),
        ("Current.Import", {"L1": 10, "L2": 0, "L3": 13}, "currentA", Decimal("11.5")),
        ("Current.Import", {"L1": 0, "L2": 0, "L3": 0}, "currentA", 0),
        ("Current.Import", {"N": 3}, "currentA", None),
        ("Current.Import", {"L1": 0, "L2": -2}, "currentA", None),
        ("Current.Offered", {"L1": 16, "L2": 16}, "currentOfferedA", 16),
        ("Voltage", {"L1_N": 230, "L2_N": 231, "L3_N": 3}, "voltageV", Decimal("230.5")),
        ("Voltage", {"L1": 230, "L2": 10}, "voltageV", 120),
        ("Voltage", {"L1_N": 230, "L1_L2": 400}, "voltageV", 230),
        ("Voltage", {"L1_L2": 400, "L2_L3": 400, "L3_L1": 2}, "voltageV", Decimal("230.9401077")),
        ("Voltage", {"L1_N": 3, "L1_L2": 400}, "voltageV", Decimal("230.9401077")),
        ("Voltage", {"L1_N": 3, "L1_L2": 5}, "voltageV", None),
        (REGISTER, {"L1": 1, "L2": 2, "L3": 3}, "energyImportWh", None),
        ("Frequency", {"L1": 50}, "frequencyHz", None),
    ],
)
def test_phases_together_give_what_the_charger_has(
    measurand: str, phases: dict[str, object], metric: str, value: Number | None
) -> None:
    assert of(*by_phase(measurand, **phases)).metrics.values.get(metric) == value


def test_a_voltage_to_neutral_comes_before_one_without_a_phase_and_that_before_one_between_lines() -> None:
    without = sample("232", "Voltage")
    assert of(without, *by_phase("Voltage", L1_N=230)).metrics.values["voltageV"] == 230
    assert of(*by_phase("Voltage", L1_L2=400), without).metrics.values["voltageV"] == 232


@pytest.mark.parametrize("measurand", ["Power.Active.Import", "Current.Import"])
def test_the_value_without_a_phase_comes_before_those_of_phases(measurand: str) -> None:
    values = of(*by_phase(measurand, L1=9, L2=9), sample("12", measurand)).metrics.values
    assert [value for name, value in values.items() if not name.startswith("phases")] == [12]


def test_each_phase_is_told_as_it_is() -> None:
    found = of(*by_phase("Voltage", L1_N="230.0", L3_N="0.2"), *by_phase("Current.Import", L1=16, L4=2))
    phases = {name: value for name, value in found.metrics.values.items() if name.startswith("phases")}
    assert phases == {"phases.L1.voltageV": 230, "phases.L3.voltageV": Decimal("0.2"), "phases.L1.currentA": 16}


def test_the_highest_of_several_temperatures_counts() -> None:
    places = [sample("30", "Temperature", location="Outlet"), sample("41", "Temperature", location="Cable")]
    assert of(*places, sample("35", "Temperature", location="Body")).metrics.values == {"temperatureC": 41}


def test_what_is_measured_at_the_outlet_comes_first_and_the_grids_meter_never() -> None:
    inlet, outlet = (sample(value, "Voltage", location=place) for value, place in ((240, "Inlet"), (230, "Outlet")))
    upstream, at_no_place = sample(5, "Voltage", location="Upstream"), sample(230, "Voltage")
    assert of(outlet, inlet, upstream).metrics.values == {"voltageV": 230}
    assert of(at_no_place, inlet).metrics.values == {"voltageV": 230}
    assert of(upstream).metrics.values == {}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-11-23T08:14:00Z", "2026-11-23T08:15:00Z"),
        ("2026-11-23T08:15:00+0200", "2026-11-23T07:15:00Z"),
        ("2026-11-23T08:15:00", "2026-11-23T08:15:00.500"),
        ("0000-00-00T00:00:00Z", "1970-01-01T00:00:00Z"),
        (None, "1970-01-01T00:00:00Z"),
        ("2026-11-23T08:14:00Z", " 2026-11-23T08:15:00Z "),
    ],
)
def test_the_newest_meter_value_of_a_message_wins(older: object, newer: object) -> None:
    first, second = meter_value(sample(1), timestamp=older), meter_value(sample(2), timestamp=newer)
    assert message(first, second).metrics.values == {"energyImportWh": 2}
    assert message(second, first).metrics.values == {"energyImportWh": 2}


def test_phases_of_an_older_meter_value_are_not_mixed_into_a_newer_one() -> None:
    older = meter_value(*by_phase("Power.Active.Import", L1=1, L2=1), timestamp="2026-11-23T08:14:59Z")
    newer = meter_value(*by_phase("Power.Active.Import", L1=5))
    assert message(older, newer).metrics.values == {"powerW": 5, "phases.L1.powerW": 5}


def test_phases_that_come_milliseconds_apart_belong_together() -> None:
    phases = by_phase("Power.Active.Import", L1=1, L2=2, L3=4)
    apart = [meter_value(each, timestamp=f"2026-11-23T08:15:00.{n}26Z") for n, each in enumerate(phases)]
    assert message(*apart).metrics.values["powerW"] == 7


def test_a_measurand_that_only_an_older_meter_value_has_still_counts() -> None:
    older = meter_value(sample(50, "Frequency"), timestamp="2026-11-23T08:14:00Z")
    assert message(older, meter_value(sample(7))).metrics.values == {"frequencyHz": 50, "energyImportWh": 7}


def test_transaction_begin_never_beats_another_value() -> None:
    begin = meter_value(sample(0, context="Transaction.Begin"), timestamp="2026-11-23T09:00:00Z")
    assert message(meter_value(sample(734001)), begin).metrics.values == {"energyImportWh": 734001}
    assert message(begin).metrics.values == {"energyImportWh": 0}


def test_transaction_begin_without_a_phase_does_not_beat_later_phases() -> None:
    begin = sample(0, "Power.Active.Import", context="Transaction.Begin")
    assert of(begin, *by_phase("Power.Active.Import", L1=5)).metrics.values["powerW"] == 5


def test_transaction_begin_does_not_beat_a_signed_end() -> None:
    begin = sample(1, context="Transaction.Begin", unit="Wh")
    end = sample(9, context="Transaction.End", unit="Wh", format="SignedData")
    assert of(begin, end).metrics.values == {"energyImportWh": 9}


@pytest.mark.parametrize("value", [None, True, "", "  ", "full", "0x10", "5 Wh", "1e400", "Infinity", "sNaN", [5], {}])
def test_a_value_that_is_no_number_counts_as_not_sent(value: object) -> None:
    found = of(sample(7, "Frequency"), sample(value, "Frequency"))
    assert found.metrics.values == {"frequencyHz": 7}
    assert found.unknown_units == 0


@pytest.mark.parametrize("multiplier", [125, -140, 15_000, -15_000, 10**30, -(10**30)])
def test_a_value_that_its_multiplier_takes_out_of_range_counts_as_not_sent(multiplier: int) -> None:
    found = of(sample(7), sample(100, unitOfMeasure={"unit": "Wh", "multiplier": multiplier}))
    assert found.metrics.values == {"energyImportWh": 7}


def test_a_sum_out_of_range_is_left_out() -> None:
    found = of(*by_phase("Power.Active.Import", L1="9e125", L2="9e125"))
    assert list(found.metrics.values) == ["phases.L1.powerW", "phases.L2.powerW"]
    assert found.metrics.assumed == ("phases.L1.powerW", "phases.L2.powerW")


@pytest.mark.parametrize(
    "meter_values",
    [{}, 5, "x", [None, 5, []], [{"timestamp": 5}], [{"sampledValue": {}}], [{"sampledValue": [5, None]}]],
)
def test_meter_values_of_another_form_say_nothing(meter_values: object) -> None:
    assert normalise({"meterValue": meter_values}).metrics.values == {}


def test_a_register_of_ocpp_is_never_the_energy_of_a_session() -> None:
    assert "energySessionWh" not in of(sample(5, context="Transaction.End")).metrics.values


def test_a_state_of_charge_out_of_range_is_told_apart() -> None:
    found = of(sample("5838", "SoC", unit="Percent", location="EV"))
    assert (found.metrics.values, found.soc_out_of_range) == ({}, 5838)
