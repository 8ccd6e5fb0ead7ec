from decimal import Decimal

import pytest

from telemetry.metrics import Number
from tests.unit.rules.place import START, Place, moment

HIGH, CRITICAL = "TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"


@pytest.mark.parametrize(
    ("celsius", "codes"),
    [
        (Decimal("64.9"), set[str]()),
        (65, {HIGH}),
        (Decimal("70.9"), {HIGH}),
        (71, {HIGH, CRITICAL}),
    ],
)
def test_heat_is_a_finding_by_degrees(celsius: Number, codes: set[str]) -> None:
    found = Place().sends(0, {"temperatureC": celsius})
    assert set(found) == codes
    assert all(finding.observed == celsius for finding in found.values())


def test_high_temperature_lasts_on_while_it_is_critical() -> None:
    place = Place()
    for seconds, celsius in enumerate([66, 72, 66]):
        assert place.sends(seconds, {"temperatureC": celsius})[HIGH].since == moment(0)
    assert not place.sends(9, {"temperatureC": 60})


def test_a_state_of_charge_that_no_battery_has_is_a_finding_until_a_valid_one_comes() -> None:
    place = Place()
    finding = place.sends(0, soc_out_of_range=65_535)["SOC_INVALID"]
    assert (finding.observed, finding.expected) == (65_535, "0 to 100")
    assert set(place.sends(10, {"powerW": 10})) == {"SOC_INVALID"}
    assert not place.sends(20, {"socPercent": 80})


@pytest.mark.parametrize(("date", "found"), [("1970-01-01", True), ("1999-12-31", True), ("2000-01-01", False)])
def test_a_timestamp_before_2000_is_that_of_a_clock_that_was_never_set(
    date: str,
    found: bool,  # noqa: FBT001 - pytest passes parameters by name
) -> None:
    seconds = (START.fromisoformat(f"{date}T00:00:00Z") - START).total_seconds()
    findings = Place().sends(seconds)
    assert ("CLOCK_INVALID" in findings) is found
    assert not found or findings["CLOCK_INVALID"].observed == f"{date}T00:00:00.000Z"


@pytest.mark.parametrize("late", [121, 120.001, -120.001, 86_400 * 365])
def test_a_timestamp_more_than_two_minutes_from_the_servers_time_is_told_as_information(late: float) -> None:
    finding = Place().sends(0, ingested_after=late)["CLOCK_SKEW"]
    assert (finding.severity, finding.expected) == ("info", "-120 to 120")
    assert finding.observed == pytest.approx(Decimal(str(late)), abs=Decimal("0.001"))


@pytest.mark.parametrize("late", [0, 120, -120])
def test_a_timestamp_within_two_minutes_of_the_servers_time_is_fine(late: float) -> None:
    assert not Place().sends(0, ingested_after=late)
