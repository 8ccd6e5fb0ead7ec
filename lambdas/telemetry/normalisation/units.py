"""Units: how a reading gets to the base unit of its quantity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from telemetry.normalisation.arithmetic import add, divide, multiply, times_power_of_ten

Conversion = Callable[[Decimal], Decimal]

NO_UNIT = ""
_KELVIN = "K"
_CELSIUS_OF_0_KELVIN = Decimal("-273.15")
_FAHRENHEIT_OF_0_CELSIUS = 32
_SECONDS_OF_AN_HOUR = 3600


@dataclass(frozen=True)
class Reading:
    """A value in its base unit.

    Attributes:
        value: finite, but not always in DynamoDB's range.
        assumed: whether its unit or its meaning was not told.
    """

    value: Decimal
    assumed: bool = False


def as_it_is(number: Decimal) -> Decimal:
    """Return what is in the base unit already."""
    return number


def from_kilo(number: Decimal) -> Decimal:
    """Return W of kW, Wh of kWh."""
    return times_power_of_ten(number, 3)


def from_watt_seconds(number: Decimal) -> Decimal:
    """Return Wh of watt-seconds."""
    return divide(number, _SECONDS_OF_AN_HOUR)


def _from_kelvin(number: Decimal) -> Decimal:
    return add(number, _CELSIUS_OF_0_KELVIN)


def _from_fahrenheit(number: Decimal) -> Decimal:
    return divide(multiply(add(number, Decimal(-_FAHRENHEIT_OF_0_CELSIUS)), 5), 9)


@dataclass(frozen=True)
class Quantity:
    """What can be measured.

    Attributes:
        units: how to get to the base unit from each, by its name in lower case (but `K`); the base unit where none
            is named.
    """

    units: Mapping[str, Conversion]

    def conversion(self, unit: str) -> Conversion | None:
        """Return how to get from a unit to the base unit; None where the unit is not one of this quantity.

        Args:
            unit: as OCPP spells it, in any case, but `K` for Kelvin; `NO_UNIT` where none is named.
        """
        if unit == NO_UNIT:
            return as_it_is
        return self.units.get(unit if unit == _KELVIN else unit.lower())

    @property
    def needs_unit(self) -> bool:
        """Whether a value without its unit could mean more than one thing."""
        return any(conversion is not as_it_is for conversion in self.units.values())


# The units of OCPP 1.6 and 2.x, `Celcius` as 1.6 also spells it among them.
ENERGY = Quantity({"wh": as_it_is, "kwh": from_kilo})
POWER = Quantity({"w": as_it_is, "kw": from_kilo})
VOLTAGE = Quantity({"v": as_it_is})
CURRENT = Quantity({"a": as_it_is})
PERCENTAGE = Quantity({"percent": as_it_is})
FREQUENCY = Quantity({"hertz": as_it_is, "hz": as_it_is})
FACTOR = Quantity({})
TEMPERATURE = Quantity(
    {"celsius": as_it_is, "celcius": as_it_is, _KELVIN: _from_kelvin, "fahrenheit": _from_fahrenheit}
)
