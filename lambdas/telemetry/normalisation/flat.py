"""Flat vendor JSON: numbers at the top of the payload, with their units in their names."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from telemetry.normalisation.arithmetic import read_number
from telemetry.normalisation.phases import mean_current, mean_voltage
from telemetry.normalisation.units import Conversion, Reading, as_it_is, from_kilo, from_watt_seconds


@dataclass(frozen=True)
class FlatKey:
    """What the number under a key means.

    Attributes:
        metric: the name of the metric.
        convert: how to get to the metric's unit.
        assumed: whether the key leaves the unit open.
    """

    metric: str
    convert: Conversion = as_it_is
    assumed: bool = False


# By key; of several keys of a metric the first counts. A session's energy is no register, and the other way round.
FLAT_KEYS: Mapping[str, FlatKey] = {
    "power_w": FlatKey("powerW"),
    "power_kw": FlatKey("powerW", from_kilo),
    "power": FlatKey("powerW", assumed=True),
    "power_export_w": FlatKey("powerExportW"),
    "power_export_kw": FlatKey("powerExportW", from_kilo),
    "power_export": FlatKey("powerExportW", assumed=True),
    "energy_wh": FlatKey("energyImportWh"),
    "energy_kwh": FlatKey("energyImportWh", from_kilo),
    "energy_import_wh": FlatKey("energyImportWh"),
    "energy_import_kwh": FlatKey("energyImportWh", from_kilo),
    "energy_export_wh": FlatKey("energyExportWh"),
    "energy_export_kwh": FlatKey("energyExportWh", from_kilo),
    "energy_interval_wh": FlatKey("energyIntervalWh"),
    "energy_interval_kwh": FlatKey("energyIntervalWh", from_kilo),
    "session_energy_wh": FlatKey("energySessionWh"),
    "session_energy_kwh": FlatKey("energySessionWh", from_kilo),
    "energy_session_wh": FlatKey("energySessionWh"),
    "energy_session_kwh": FlatKey("energySessionWh", from_kilo),
    "wattsec": FlatKey("energySessionWh", from_watt_seconds),
    "voltage_v": FlatKey("voltageV"),
    "voltage": FlatKey("voltageV"),
    "grid_v": FlatKey("voltageV"),
    "current_a": FlatKey("currentA"),
    "current": FlatKey("currentA"),
    "vehicle_current_a": FlatKey("currentA"),
    # OpenEVSE's Wi-Fi module sends mA under this name unless it was built otherwise.
    "amp": FlatKey("currentA", assumed=True),
    "soc_percent": FlatKey("socPercent"),
    "soc": FlatKey("socPercent"),
    "frequency_hz": FlatKey("frequencyHz"),
    "grid_hz": FlatKey("frequencyHz"),
    "power_factor": FlatKey("powerFactor"),
}
# Used where the voltage or the current is not given as one.
VOLTAGES_OF_PHASES = ("voltageA_v", "voltageB_v", "voltageC_v")
CURRENTS_OF_PHASES = ("currentA_a", "currentB_a", "currentC_a")
# A key that is or ends in one of these is a temperature, of which the highest counts.
TEMPERATURES = ("temp_c", "temperature_c")


def read_flat(payload: Mapping[str, object]) -> dict[str, Reading]:
    """Return the metrics that the numbers at the top of a payload are; a string that spells a number is one.

    Conductors A to C are not taken for the phases L1 to L3: which they are is the installer's choice, and in a
    split-phase installation one of them reads the voltage between two others.
    """
    numbers = _numbers(payload)
    found: dict[str, Reading] = {}
    for key, meaning in FLAT_KEYS.items():
        number = numbers.get(_fold(key))
        if number is not None and meaning.metric not in found:
            found[meaning.metric] = Reading(meaning.convert(number), meaning.assumed)
    temperatures = [number for key, number in numbers.items() if key.endswith(_TEMPERATURE_ENDINGS)]
    derived = {
        "voltageV": mean_voltage(_of_phases(numbers, VOLTAGES_OF_PHASES)),
        "currentA": mean_current(_of_phases(numbers, CURRENTS_OF_PHASES)),
        "temperatureC": max(temperatures, default=None),
    }
    return {name: Reading(value) for name, value in derived.items() if value is not None} | found


def _fold(key: str) -> str:
    """Return what snake_case and camelCase names have in common: `power_kw`, `powerKw` and `powerKW` are one."""
    return key.replace("_", "").lower()


_TEMPERATURE_ENDINGS = tuple(_fold(key) for key in TEMPERATURES)
_KNOWN = frozenset(map(_fold, (*FLAT_KEYS, *VOLTAGES_OF_PHASES, *CURRENTS_OF_PHASES)))


def _numbers(payload: Mapping[str, object]) -> dict[str, Decimal]:
    """Return the numbers of a payload by folded key; of two spellings of a key the last in the alphabet counts."""
    numbers: dict[str, Decimal] = {}
    # Sorted, since the order of an object's keys means nothing in JSON and is lost on the way.
    for key in sorted(payload):
        folded = _fold(key)
        if folded in _KNOWN or folded.endswith(_TEMPERATURE_ENDINGS):
            number = read_number(payload[key])
            if number is not None:
                numbers[folded] = number
    return numbers


def _of_phases(numbers: Mapping[str, Decimal], keys: tuple[str, ...]) -> list[Decimal]:
    return [numbers[folded] for folded in map(_fold, keys) if folded in numbers]
