"""What cars take at a connector."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tools.fleet.charging import CHARGING, FAULTED, Connector, Plug

DC = Plug(50_000, is_dc=True)
AC = Plug(11_000, is_dc=False)
SOCS = st.floats(0, 100)


@given(SOCS, SOCS, st.sampled_from([DC, AC]))
def test_the_fuller_a_battery_is_the_less_power_it_takes(one: float, other: float, plug: Plug) -> None:
    assert plug.power(min(one, other)) >= plug.power(max(one, other))


def test_power_is_full_until_a_battery_is_half_full_falls_to_a_tenth_and_ends() -> None:
    assert DC.power(55) == 50_000
    assert 5_000 < DC.power(99.9) < 5_200
    assert DC.power(100) == 0
    # A car's own charger is the limit for longer.
    assert AC.power(90) == 11_000


@given(st.integers(), st.sampled_from([DC, AC]))
def test_what_a_register_gains_is_what_the_car_takes(seed: int, plug: Plug) -> None:
    connector = Connector(1, plug, random.Random(seed))  # noqa: S311 - the same for the same seed
    for _ in range(200):
        register, soc, power, session = connector.register_wh, connector.soc, connector.power, connector.session
        connector.step(60)
        gained = connector.register_wh - register
        assert 0 <= gained <= power / 60 + 1e-6
        assert 0 <= connector.soc <= 100
        if connector.session == session:
            assert abs((connector.soc - soc) / 100 * connector.battery_wh - gained) < 1e-3


def test_a_connector_has_sessions_one_after_the_other_and_a_fault_now_and_then() -> None:
    connector = Connector(1, DC, random.Random(1))  # noqa: S311 - the same in each run
    statuses: list[str] = []
    for _ in range(2000):
        connector.step(10)
        statuses.append(connector.status)
    changes = {(one, other) for one, other in pairwise(statuses) if one != other and FAULTED not in {one, other}}
    assert changes == {
        ("Available", "Preparing"),
        ("Preparing", "Charging"),
        ("Charging", "Finishing"),
        ("Finishing", "Available"),
    }
    assert CHARGING in statuses
    assert 0 < statuses.count(FAULTED) < 100
