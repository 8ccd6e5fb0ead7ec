from decimal import Decimal

import pytest

from telemetry.metrics import Number
from telemetry.rules.profiles import TYPE2_THREE_PHASE
from tests.unit.rules.place import Place, moment


def register(watt_hours: Number) -> dict[str, Number]:
    return {"energyImportWh": watt_hours}


def test_a_register_may_rise_by_what_the_rated_power_gives_in_the_time_and_a_tenth() -> None:
    place = Place(TYPE2_THREE_PHASE)
    assert not place.sends(0, register(100_001))
    assert not place.sends(900, register(106_073))
    finding = place.sends(1800, register(112_146))["ENERGY_JUMP"]
    assert (finding.observed, finding.expected, finding.since) == (6073, 6072, moment(1800))


def test_a_jump_is_over_with_the_next_reading_that_is_fine() -> None:
    place = Place(TYPE2_THREE_PHASE)
    place.sends(0, register(100_001))
    assert set(place.sends(60, register(200_002))) == {"ENERGY_JUMP"}
    assert set(place.sends(70)) == {"ENERGY_JUMP"}
    assert not place.sends(120, register(200_102))


def test_a_register_may_be_a_minute_older_than_its_report() -> None:
    place = Place(TYPE2_THREE_PHASE)
    place.sends(0, register(100_001))
    assert not place.sends(1, register(100_401))
    assert set(place.sends(2, register(100_807))) == {"ENERGY_JUMP"}


@pytest.mark.parametrize("step", [100, 1000])
def test_one_step_of_a_coarse_register_is_no_jump(step: int) -> None:
    place = Place()
    place.sends(0, register(7 * step))
    assert not place.sends(5, register(8 * step))
    assert set(place.sends(10, register(10 * step))) == {"ENERGY_JUMP"}


def test_readings_are_compared_over_envelopes_that_carry_none() -> None:
    place = Place()
    place.sends(0, register(100_001))
    place.sends(1800, status="Available")
    assert not place.sends(3600, register(107_001))


def test_a_register_that_falls_within_a_transaction_is_a_finding() -> None:
    place = Place()
    place.sends(0, register(5000), transaction_id="7")
    place.sends(10, status="Charging")
    finding = place.sends(20, register(Decimal("4999.9")))["METER_ROLLBACK"]
    assert (finding.observed, finding.expected) == (Decimal("4999.9"), 5000)
    assert not place.sends(30, register(Decimal("4999.9")), transaction_id="7")


def test_a_register_that_falls_while_no_transaction_is_told_is_a_finding() -> None:
    place = Place()
    place.sends(0, register(5000))
    assert set(place.sends(20, register(10))) == {"METER_ROLLBACK"}


def test_a_fall_with_a_new_transaction_is_a_reset() -> None:
    place = Place()
    place.sends(0, register(5000), transaction_id="7")
    assert not place.sends(20, register(0), transaction_id="8")
    assert set(place.sends(40, register(-1), transaction_id="8")) == {"METER_ROLLBACK"}


def test_a_fall_after_a_new_transaction_was_told_without_a_reading_is_a_reset() -> None:
    place = Place()
    place.sends(0, register(5000), transaction_id="7")
    place.sends(10, transaction_id="8")
    assert not place.sends(20, register(0))


def test_a_rollback_of_an_earlier_transaction_is_over_with_the_next() -> None:
    place = Place()
    place.sends(0, register(5000), transaction_id="7")
    assert set(place.sends(10, register(4000))) == {"METER_ROLLBACK"}
    assert not place.sends(20, register(0), transaction_id="8")


@pytest.mark.parametrize("status", ["Charging", None])
def test_a_register_that_stays_while_200_watt_hours_pass_is_a_finding(status: str | None) -> None:
    place = Place()
    place.sends(0, {"powerW": 7200, **register(100)}, status=status)
    assert not place.sends(50, {"powerW": 7200, **register(100)})
    assert not place.sends(100, {"powerW": 7200, **register(100)})
    finding = place.sends(101, {"powerW": 7200, **register(100)})["STUCK_METER"]
    assert (finding.observed, finding.expected) == (202, 200)
    assert set(place.sends(110)) == {"STUCK_METER"}
    assert not place.sends(120, {"powerW": 7200, **register(110)})


def test_power_and_register_may_come_in_envelopes_of_their_own() -> None:
    place = Place()
    place.sends(0, {**register(100)}, status="Charging")
    assert not place.sends(1, {"powerW": 7200})
    assert not place.sends(60, {"powerW": 7200})
    assert not place.sends(120, {"powerW": 7200})
    assert set(place.sends(121, register(100))) == {"STUCK_METER"}


def test_a_step_of_100_watt_hours_is_waited_for() -> None:
    place = Place()
    for seconds in range(0, 600, 10):
        # 7,200 W are 2 Wh a second, which this register tells 100 Wh at a time.
        reading = 100 * (2 * seconds // 100)
        assert not place.sends(seconds, {"powerW": 7200, **register(reading)}, status="Charging")


def test_a_register_that_was_seen_to_step_by_kilowatt_hours_is_given_two_of_them() -> None:
    place = Place()
    place.sends(0, {"powerW": 7200, **register(1000)}, status="Charging")
    place.sends(10, {"powerW": 7200, **register(2000)})
    assert not place.sends(1010, {"powerW": 7200, **register(2000)})
    assert set(place.sends(1020, {"powerW": 7200, **register(2000)})) == {"STUCK_METER"}


def test_a_register_stays_while_it_does_not_charge() -> None:
    place = Place()
    place.sends(0, {"powerW": 200, **register(100)}, status="SuspendedEV")
    assert not place.sends(36_000, {"powerW": 200, **register(100)})
    place.sends(36_010, status="Charging")
    assert not place.sends(36_020, {"powerW": 7200, **register(100)})
    assert not place.sends(36_030, {"powerW": 7200, **register(100)})


def test_power_that_just_came_back_says_nothing_about_the_time_before() -> None:
    place = Place()
    place.sends(0, {"powerW": 0, **register(100)}, status="Charging")
    assert not place.sends(3600, {"powerW": 7200, **register(100)})
    assert not place.sends(7200, {"powerW": 0, **register(100)})


def test_a_pause_passes_no_energy() -> None:
    place = Place()
    place.sends(0, {"powerW": 7200, **register(100)}, status="Charging")
    place.sends(10, status="SuspendedEV")
    place.sends(3600, status="Charging")
    assert not place.sends(3610, {"powerW": 7200, **register(100)})


def test_power_that_is_given_back_passes_no_energy() -> None:
    place = Place()
    for seconds in (0, 100, 200):
        place.sends(seconds, {"powerW": -7200, **register(100)})
    place.sends(201, {"powerW": 7200, **register(100)})
    assert set(place.sends(302, {"powerW": 7200, **register(100)})) == {"STUCK_METER"}


def test_energy_that_passed_before_the_first_reading_of_a_register_does_not_count() -> None:
    place = Place()
    place.sends(0, {"powerW": 7200})
    place.sends(3600, {"powerW": 7200})
    assert not place.sends(3601, register(100))
    assert not place.sends(3602, register(100))


def test_power_beyond_all_measure_is_remembered_in_a_size_that_can_be_stored() -> None:
    place = Place()
    place.sends(0, {"powerW": Decimal("9E+125")})
    place.sends(36_000, {"powerW": Decimal("9E+125")})
    assert place.memory["history"]["passedWh"] == Decimal("9.99999E+125")


def test_a_transaction_id_of_any_length_tells_transactions_apart_by_its_beginning() -> None:
    place = Place()
    place.sends(0, register(5000), transaction_id="7" * 70)
    assert set(place.sends(10, register(4000), transaction_id="7" * 70)) == {"METER_ROLLBACK"}


def test_a_register_that_begins_anew_after_the_connector_was_free_is_no_rollback() -> None:
    place = Place()
    place.sends(0, {"energyImportWh": 5000}, transaction_id="7", status="Charging")
    place.sends(60, status="Available")
    assert not place.sends(120, {"energyImportWh": 0})


def test_a_register_that_falls_while_a_car_stays_connected_is_a_rollback() -> None:
    place = Place()
    place.sends(0, {"energyImportWh": 5000}, transaction_id="7", status="Charging")
    place.sends(60, status="SuspendedEV")
    assert set(place.sends(120, {"energyImportWh": 0})) == {"METER_ROLLBACK"}
