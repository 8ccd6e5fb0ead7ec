from decimal import Decimal

import pytest

from telemetry.metrics import Number
from telemetry.rules import Profile
from telemetry.rules.profiles import CCS, TYPE2_ONE_PHASE, TYPE2_THREE_PHASE
from tests.unit.rules.place import SPLIT_PHASE, Place, moment


def three(place: Place, metrics: dict[str, Number]) -> set[str]:
    """What is wrong after three samples that are alike."""
    return [set(place.sends(seconds, metrics)) for seconds in (0, 10, 20)][-1]


def phases(quantity: str, *values: Number | None) -> dict[str, Number]:
    named = {f"phases.L{number}.{quantity}": value for number, value in enumerate(values, start=1)}
    return {name: value for name, value in named.items() if value is not None}


@pytest.mark.parametrize("volts", [206, Decimal("206.9"), Decimal("253.1"), 300])
def test_the_third_sample_in_a_row_of_a_voltage_beyond_a_tenth_is_a_finding(volts: Number) -> None:
    place = Place()
    assert not place.sends(0, {"voltageV": volts})
    assert not place.sends(10, {"voltageV": volts})
    finding = place.sends(20, {"voltageV": volts})["VOLTAGE_OUT_OF_RANGE"]
    assert (finding.observed, finding.expected, finding.since) == (volts, "207 to 253", moment(0))
    assert finding.severity == "warning"


@pytest.mark.parametrize("volts", [207, 230, 253, 0, Decimal("9.9")])
def test_a_voltage_within_a_tenth_or_of_a_dead_phase_is_fine(volts: Number) -> None:
    assert not three(Place(), {"voltageV": volts})


def test_a_good_sample_begins_a_row_anew() -> None:
    place = Place()
    for seconds, volts in [(0, 260), (10, 260), (20, 230), (30, 260), (40, 260)]:
        assert not place.sends(seconds, {"voltageV": volts})
    assert place.sends(50, {"voltageV": 260})["VOLTAGE_OUT_OF_RANGE"].since == moment(30)


def test_an_envelope_without_a_voltage_neither_breaks_nor_extends_a_row() -> None:
    place = Place()
    place.sends(0, {"voltageV": 260})
    assert not place.sends(10, {"powerW": 0})
    assert not place.sends(20, {"voltageV": 260})
    assert not place.sends(30)
    assert place.sends(40, {"voltageV": 260})["VOLTAGE_OUT_OF_RANGE"].since == moment(0)


def test_samples_within_a_second_count_as_one() -> None:
    place = Place()
    for seconds in (0, 0.1, 0.2, 0.999, 1, 1.9):
        assert not place.sends(seconds, {"voltageV": 260})
    assert place.sends(2, {"voltageV": 260})


def test_each_phase_is_judged_and_not_their_mean() -> None:
    place = Place(TYPE2_THREE_PHASE)
    assert three(place, {"voltageV": 230, **phases("voltageV", 230, 200, 260)}) == {"VOLTAGE_OUT_OF_RANGE"}


def test_a_phase_that_is_not_connected_is_ignored() -> None:
    assert not three(Place(TYPE2_THREE_PHASE), {"voltageV": 230, **phases("voltageV", 230, Decimal("9.9"), 0)})


def test_legs_of_a_split_phase_may_be_measured_to_neutral_or_between_them() -> None:
    # As a wall connector reports it: two legs to neutral, the voltage between them, and their mean, which is neither.
    metrics: dict[str, Number] = {"voltageV": Decimal("161.2"), **phases("voltageV", 119, Decimal("246.5"), 118)}
    assert not three(Place(SPLIT_PHASE), metrics)
    assert three(Place(TYPE2_ONE_PHASE), metrics) == {"VOLTAGE_OUT_OF_RANGE"}


@pytest.mark.parametrize(
    ("volts", "fine"), [(120, True), (246, True), (142, True), (161, True), (107, False), (190, False), (270, False)]
)
def test_a_voltage_of_a_split_phase_as_a_whole_may_be_of_a_leg_between_legs_or_a_mean(
    volts: int,
    fine: bool,  # noqa: FBT001 - pytest passes parameters by name
) -> None:
    assert bool(three(Place(SPLIT_PHASE), {"voltageV": volts})) is not fine


def test_a_voltage_between_legs_of_a_split_phase_has_limits_too() -> None:
    place = Place(SPLIT_PHASE)
    assert three(place, phases("voltageV", 120, 270, 120)) == {"VOLTAGE_OUT_OF_RANGE"}
    assert place.sends(30, phases("voltageV", 170))["VOLTAGE_OUT_OF_RANGE"].expected == "108 to 132 or 216 to 264"


def test_the_voltage_of_a_battery_is_not_judged() -> None:
    assert not three(Place(CCS), {"voltageV": 400})


@pytest.mark.parametrize("name", ["currentA", "phases.L1.currentA", "phases.L3.currentA"])
def test_a_current_above_the_rated_one_and_a_tenth_is_a_finding(name: str) -> None:
    place = Place()
    assert not place.sends(0, {name: Decimal("35.2")})
    finding = place.sends(10, {name: Decimal("35.3")})["CURRENT_OUT_OF_RANGE"]
    assert (finding.observed, finding.expected) == (Decimal("35.3"), Decimal("35.2"))


def test_a_mean_current_hides_no_overloaded_phase() -> None:
    metrics: dict[str, Number] = {"currentA": 20, **phases("currentA", 40, 10, 10)}
    assert Place().sends(0, metrics)["CURRENT_OUT_OF_RANGE"].observed == 40


def test_a_power_above_the_rated_one_and_a_tenth_is_a_finding() -> None:
    place = Place()
    assert not place.sends(0, {"powerW": 8096})
    finding = place.sends(10, {"powerW": Decimal("8096.1")})["POWER_IMPLAUSIBLE"]
    assert (finding.observed, finding.expected, finding.since) == (Decimal("8096.1"), 8096, moment(10))


@pytest.mark.parametrize(
    ("profile", "watts", "fine"),
    [
        (TYPE2_ONE_PHASE, 7400, True),
        (TYPE2_ONE_PHASE, 5888, True),
        (TYPE2_ONE_PHASE, 5880, False),
        (TYPE2_ONE_PHASE, 740, False),
        (TYPE2_THREE_PHASE, 740, False),
        (TYPE2_THREE_PHASE, 7400, True),
        (TYPE2_THREE_PHASE, 14700, True),
        (TYPE2_THREE_PHASE, 10000, False),
        (TYPE2_THREE_PHASE, 22000, True),
    ],
)
def test_power_has_to_be_what_voltage_and_current_make_on_some_of_the_phases(
    profile: Profile,
    watts: int,
    fine: bool,  # noqa: FBT001 - pytest passes parameters by name
) -> None:
    found = Place(profile).sends(0, {"powerW": watts, "voltageV": 230, "currentA": 32})
    assert set(found) == (set() if fine else {"POWER_VI_MISMATCH"})


def test_a_mismatch_tells_the_ratio_that_is_nearest_to_one() -> None:
    found = Place(TYPE2_THREE_PHASE).sends(0, {"powerW": 738, "voltageV": 230, "currentA": 32})
    assert (found["POWER_VI_MISMATCH"].observed, found["POWER_VI_MISMATCH"].expected) == (
        Decimal("0.100271"),
        "0.8 to 1.2",
    )


def test_a_power_of_500_watts_is_too_little_to_compare() -> None:
    metrics: dict[str, Number] = {"voltageV": 230, "currentA": 32}
    assert not Place().sends(0, {"powerW": 500, **metrics})
    assert Place().sends(0, {"powerW": 501, **metrics})


def test_the_phases_in_use_are_added_up() -> None:
    place = Place(TYPE2_THREE_PHASE)
    metrics = {**phases("voltageV", 230, 230, 230), **phases("currentA", 16, 16, 0), "voltageV": 230, "currentA": 16}
    assert not place.sends(0, {"powerW": 7200, **metrics})
    # One or three phases could give this, but two are in use.
    assert set(place.sends(10, {"powerW": 3600, **metrics})) == {"POWER_VI_MISMATCH"}
    assert set(place.sends(20, {"powerW": 11000, **metrics})) == {"POWER_VI_MISMATCH"}


def test_a_phase_that_is_not_in_use_needs_no_voltage() -> None:
    metrics = {**phases("voltageV", 230), **phases("currentA", 16, 0)}
    assert set(Place(TYPE2_THREE_PHASE).sends(0, {"powerW": 1000, **metrics})) == {"POWER_VI_MISMATCH"}


@pytest.mark.parametrize(
    "incomplete",
    [
        {**phases("voltageV", 230, 230, 230), **phases("currentA", 16)},
        {**phases("voltageV", 230), **phases("currentA", 16, 16, 16)},
        phases("currentA", 16, 16, 16),
        {"voltageV": 230},
        {"currentA": 16},
        {"voltageV": 230, "currentA": 0},
        {"voltageV": 5, "currentA": 16},
    ],
)
def test_power_is_not_compared_where_a_phase_in_use_may_lack_a_voltage_or_a_current(
    incomplete: dict[str, Number],
) -> None:
    assert not Place(TYPE2_THREE_PHASE).sends(0, {"powerW": 1000, **incomplete})


def test_on_a_split_phase_one_current_may_be_told_for_both_legs() -> None:
    place = Place(SPLIT_PHASE)
    assert not place.sends(0, {"powerW": 9700, **phases("voltageV", 245, 245), **phases("currentA", 40, 40)})
    assert not place.sends(10, {"powerW": 9700, **phases("voltageV", 122, 122), **phases("currentA", 40, 40)})
    assert not place.sends(20, {"powerW": 9700, **phases("voltageV", 119, 246, 118), **phases("currentA", 0, 40, 0)})
    assert place.sends(30, {"powerW": 970, **phases("voltageV", 245, 245), **phases("currentA", 40, 40)})


def test_a_finding_stands_until_an_envelope_shows_the_contrary() -> None:
    place = Place()
    first = place.sends(0, {"currentA": 40})["CURRENT_OUT_OF_RANGE"]
    assert place.sends(10, {"temperatureC": 20})["CURRENT_OUT_OF_RANGE"] == first
    assert place.sends(20, {"currentA": 41})["CURRENT_OUT_OF_RANGE"].observed == 41
    assert place.sends(30)["CURRENT_OUT_OF_RANGE"].since == moment(0)
    assert not place.sends(40, {"currentA": 30})
    assert not place.sends(50)
