"""Metrics: what normalisation finds in a payload, in base units, under standard names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self, cast

Number = int | Decimal

# Every metric and what it is; what a flat key or a measurand gives is one of these.
METRICS: Mapping[str, str] = {
    "powerW": "power drawn, in W",
    "powerExportW": "power given back, in W",
    "powerOfferedW": "power offered, in W",
    "energyImportWh": "the register of energy drawn, in Wh",
    "energyExportWh": "the register of energy given back, in Wh",
    "energyIntervalWh": "energy drawn in an interval, in Wh",
    "energySessionWh": "energy of the session, in Wh",
    "voltageV": "voltage, in V",
    "currentA": "current, in A",
    "currentOfferedA": "current offered, in A",
    "socPercent": "the battery's state of charge, from 0 to 100",
    "temperatureC": "the highest temperature, in degrees Celsius",
    "frequencyHz": "the grid's frequency, in Hz",
    "powerFactor": "the power factor",
}

ASSUMED = "assumed"
SEPARATOR = "."


@dataclass(frozen=True)
class Metrics:
    """What one payload says, in W, Wh, V, A, degrees Celsius, Hz and percent.

    Attributes:
        values: by name, such as `powerW`; one of a phase has its path, such as `phases.L1.voltageV`.
        assumed: the names of those whose unit or meaning the payload did not tell.
    """

    values: Mapping[str, Number] = field(default_factory=dict[str, Number])
    assumed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return them as the item and the API have them, those of a phase nested: `{"phases": {"L1": {...}}}`."""
        nested = nest(self.values)
        return {**nested, ASSUMED: list(self.assumed)} if self.assumed else nested

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Return what `as_json` gave; what is no number is left out."""
        fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        assumed = fields.get(ASSUMED)
        names = [str(name) for name in cast("list[object]", assumed)] if isinstance(assumed, list) else []
        return cls(dict(_numbers(fields, "")), tuple(names))


def nest(values: Mapping[str, object]) -> dict[str, object]:
    """Return an object whose members stand where the dotted names of `values` say; a later one wins."""
    nested: dict[str, object] = {}
    for name, value in values.items():
        *path, last = name.split(SEPARATOR)
        inner = nested
        for step in path:
            if not isinstance(inner.get(step), dict):
                inner[step] = {}
            inner = cast("dict[str, object]", inner[step])
        inner[last] = value
    return nested


def _numbers(fields: Mapping[str, object], path: str) -> list[tuple[str, Number]]:
    found: list[tuple[str, Number]] = []
    for name, value in fields.items():
        if SEPARATOR in name:
            continue
        if isinstance(value, dict):
            found += _numbers(cast("dict[str, object]", value), f"{path}{name}{SEPARATOR}")
        elif isinstance(value, int | Decimal) and not isinstance(value, bool):
            found.append((f"{path}{name}", value))
    return found
