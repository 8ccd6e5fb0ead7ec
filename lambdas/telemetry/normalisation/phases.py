"""What the phases of a charger say together."""

from collections.abc import Sequence
from decimal import Decimal

from telemetry.normalisation.arithmetic import divide, mean, square_root

PHASES = ("L1", "L2", "L3")

# Below, a phase is not connected, or the contactor is open.
_LOWEST_VOLTAGE = 10
_SQUARE_ROOT_OF_3 = square_root(3)


def mean_voltage(voltages: Sequence[Decimal]) -> Decimal | None:
    """Return the mean of the phases that are connected, those of at least 10 V; None where none is."""
    connected = [voltage for voltage in voltages if voltage >= _LOWEST_VOLTAGE]
    return mean(connected) if connected else None


def mean_voltage_between_lines(voltages: Sequence[Decimal]) -> Decimal | None:
    """Return the voltage to neutral of lines that have these voltages between them; None where none is connected."""
    between = mean_voltage(voltages)
    return None if between is None else divide(between, _SQUARE_ROOT_OF_3)


def mean_current(currents: Sequence[Decimal]) -> Decimal | None:
    """Return the mean of the phases above zero, 0 where none carries any; None where that cannot be told."""
    used = [current for current in currents if current > 0]
    if used:
        return mean(used)
    idle = bool(currents) and all(current == 0 for current in currents)
    return Decimal(0) if idle else None
