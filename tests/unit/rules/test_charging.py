from decimal import Decimal
from typing import Any

import pytest

from telemetry.metrics import Number
from telemetry.rules import Finding
from tests.unit.rules.place import Place, moment

OFFERED: dict[str, Number] = {"powerW": 0, "currentOfferedA": 16}


def zero_power(place: Place, *seconds: float) -> dict[str, Finding]:
    """What is wrong after zero power at these times; it is fine until the last."""
    *before, last = seconds
    for each in before:
        assert not place.sends(each, OFFERED)
    return place.sends(last, OFFERED)


def test_four_samples_of_zero_power_while_power_is_offered_are_a_finding() -> None:
    place = Place()
    place.sends(0, status="Charging")
    finding = zero_power(place, 120, 130, 140, 150)["CHARGING_ZERO_POWER"]
    assert (finding.observed, finding.expected, finding.since) == (0, "more than 0 W", moment(120))


def test_a_vehicle_has_two_minutes_to_begin() -> None:
    place = Place()
    place.sends(0, status="Charging")
    finding = zero_power(place, *range(0, 121, 10))["CHARGING_ZERO_POWER"]
    assert finding.since == moment(0)


def test_the_two_minutes_count_from_the_first_status_that_said_charging() -> None:
    place = Place()
    for seconds in range(0, 120, 30):
        assert not place.sends(seconds, OFFERED, status="Charging")
    assert set(place.sends(120, OFFERED, status="Charging")) == {"CHARGING_ZERO_POWER"}


def test_the_two_minutes_begin_anew_after_a_pause() -> None:
    place = Place()
    place.sends(0, status="Charging")
    place.sends(100, status="SuspendedEV")
    place.sends(200, status="Charging")
    assert set(zero_power(place, *range(210, 330, 10))) == {"CHARGING_ZERO_POWER"}


@pytest.mark.parametrize(
    "metrics",
    [
        {"powerW": 1, "currentOfferedA": 16},
        {"powerW": 0, "currentOfferedA": 0},
        {"powerW": 0, "powerOfferedW": 0},
        {"powerW": 0, "powerOfferedW": 0, "currentOfferedA": 16},
    ],
)
def test_power_or_nothing_offered_breaks_the_row(metrics: dict[str, Number]) -> None:
    place = Place()
    place.sends(0, status="Charging")
    zero_power(place, 200, 210, 220)
    assert not place.sends(230, metrics)
    assert not zero_power(place, 240, 250, 260)
    assert set(place.sends(270, OFFERED)) == {"CHARGING_ZERO_POWER"}


def test_an_offer_that_came_in_another_message_counts() -> None:
    place = Place()
    place.sends(0, {"currentOfferedA": 16}, status="Charging")
    for seconds in (200, 210, 220):
        assert not place.sends(seconds, {"powerW": 0})
    assert set(place.sends(230, {"powerW": 0})) == {"CHARGING_ZERO_POWER"}


def test_zero_power_is_not_counted_where_nothing_was_ever_offered() -> None:
    place = Place()
    place.sends(0, status="Charging")
    assert not any(place.sends(seconds, {"powerW": 0}) for seconds in range(200, 300, 10))


@pytest.mark.parametrize("metrics", [{}, {"currentOfferedA": 16}])
def test_zero_power_is_not_counted_where_it_is_not_told(metrics: dict[str, Number]) -> None:
    place = Place()
    place.sends(0, status="Charging")
    zero_power(place, 200, 210, 220)
    assert not place.sends(230, metrics)
    assert set(place.sends(240, OFFERED)) == {"CHARGING_ZERO_POWER"}


@pytest.mark.parametrize("status", [None, "SuspendedEV", "Available", "Occupied", "on holiday"])
def test_zero_power_is_fine_unless_it_charges(status: str | None) -> None:
    place = Place()
    place.sends(0, status=status)
    assert not zero_power(place, 200, 210, 220, 230, 240)


def test_an_occupied_connector_charges_when_its_transaction_says_so() -> None:
    place = Place()
    place.sends(0, status="Occupied")
    place.sends(1, charging_state="Charging")
    assert set(zero_power(place, 200, 210, 220, 230)) == {"CHARGING_ZERO_POWER"}
    assert not place.sends(240, charging_state="EVConnected")
    assert not zero_power(place, 250, 260, 270, 280)


def test_an_occupied_status_does_not_contradict_an_earlier_state() -> None:
    place = Place()
    place.sends(0, charging_state="Charging")
    place.sends(10, status="Occupied")
    assert set(zero_power(place, 200, 210, 220, 230)) == {"CHARGING_ZERO_POWER"}


def test_a_status_that_came_late_and_was_not_judged_tells_when_charging_began() -> None:
    place = Place()
    place.sends(0, status="Charging")
    place.memory = {}
    assert set(zero_power(place, 100, 110, 120, 130)) == {"CHARGING_ZERO_POWER"}


def test_a_transaction_state_that_is_newer_than_the_status_counts() -> None:
    place = Place()
    place.sends(0, status="Available")
    place.sends(1, charging_state="Charging")
    assert set(zero_power(place, 200, 210, 220, 230)) == {"CHARGING_ZERO_POWER"}


def test_a_connector_that_became_free_forgets_how_its_transaction_stood() -> None:
    place = Place()
    place.sends(0, status="Occupied", charging_state="Charging")
    place.sends(10, status="Available")
    place.sends(20, status="Occupied")
    assert not zero_power(place, 200, 210, 220, 230, 240)


@pytest.mark.parametrize(
    ("metrics", "observed"), [({"currentA": Decimal("1.1")}, Decimal("1.1")), ({"powerW": 231, "currentA": 1}, 231)]
)
@pytest.mark.parametrize(
    "said",
    [
        {"status": "Available"},
        {"status": "SuspendedEVSE"},
        {"status": "finishing"},
        {"status": "Occupied", "charging_state": "Idle"},
        {"charging_state": "SuspendedEV"},
    ],
)
def test_four_samples_of_power_while_it_does_not_charge_are_a_finding(
    said: dict[str, Any], metrics: dict[str, Number], observed: Number
) -> None:
    place = Place()
    place.sends(0, **said)
    for seconds in (10, 20, 30):
        assert not place.sends(seconds, metrics)
    finding = place.sends(40, metrics)["POWER_WHILE_NOT_CHARGING"]
    assert (finding.observed, finding.since) == (observed, moment(10))


@pytest.mark.parametrize("metrics", [{"currentA": 1}, {"powerW": 230}, {"powerW": 0, "currentA": Decimal("0.4")}])
def test_an_idle_draw_is_fine(metrics: dict[str, Number]) -> None:
    place = Place()
    place.sends(0, status="Available")
    for seconds in (10, 20, 30, 40, 50):
        assert not place.sends(seconds, metrics)


@pytest.mark.parametrize("status", [None, "Charging", "Occupied", "on holiday"])
def test_power_is_fine_where_it_may_charge(status: str | None) -> None:
    place = Place()
    place.sends(0, status=status)
    for seconds in (10, 20, 30, 40, 50):
        assert not place.sends(seconds, {"powerW": 7000})


def test_a_fault_is_passed_on_with_the_code_of_the_vendor() -> None:
    finding = Place().sends(0, status="Faulted", error_code="GroundFailure", vendor_error_code="E23")["CHARGER_FAULT"]
    assert (finding.severity, finding.observed, finding.expected) == ("critical", "GroundFailure (E23)", "no fault")


@pytest.mark.parametrize(
    ("said", "observed"),
    [
        ({"status": "Faulted"}, "Faulted"),
        ({"status": "faulted", "error_code": "NoError", "vendor_error_code": "E5"}, "faulted (E5)"),
        ({"status": "Charging", "error_code": "HighTemperature"}, "HighTemperature"),
        ({"error_code": "OtherError", "vendor_error_code": "x" * 500}, f"OtherError ({'x' * 116}"),
    ],
)
def test_a_status_or_an_error_code_makes_a_fault(said: dict[str, Any], observed: str) -> None:
    assert Place().sends(0, **said)["CHARGER_FAULT"].observed == observed


@pytest.mark.parametrize(
    "said",
    [
        {"status": "Available", "error_code": "NoError", "vendor_error_code": "0"},
        {"error_code": " noerror "},
        {"status": "Unavailable"},
        {"vendor_error_code": "E23"},
    ],
)
def test_no_error_is_no_fault_whatever_the_vendor_adds(said: dict[str, Any]) -> None:
    assert not Place().sends(0, **said)


def test_a_fault_lasts_until_the_next_status() -> None:
    place = Place()
    first = place.sends(0, status="Charging", error_code="HighTemperature")["CHARGER_FAULT"]
    assert place.sends(10, {"powerW": 100})["CHARGER_FAULT"] == first
    assert not place.sends(20, status="Charging")


def test_a_charger_that_is_last_known_to_be_faulted_is_a_finding_though_nothing_is_remembered() -> None:
    place = Place()
    place.sends(0, status="Faulted")
    place.memory = {}
    assert place.sends(10, {"powerW": 0})["CHARGER_FAULT"].since == moment(10)
