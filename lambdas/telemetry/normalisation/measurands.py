"""OCPP's measurands, and what their samples, of all phases or of each, say together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from telemetry.metrics import SEPARATOR
from telemetry.normalisation.arithmetic import total
from telemetry.normalisation.phases import PHASES, mean_current, mean_voltage, mean_voltage_between_lines
from telemetry.normalisation.units import (
    CURRENT,
    ENERGY,
    FACTOR,
    FREQUENCY,
    PERCENTAGE,
    POWER,
    TEMPERATURE,
    VOLTAGE,
    Quantity,
    Reading,
)

NO_PHASE = ""
# What a value is that names no measurand; in 1.6 by custom, in 2.x by its schema.
DEFAULT_MEASURAND = "Energy.Active.Import.Register"
_TO_NEUTRAL = tuple(f"{phase}-N" for phase in PHASES)
_BETWEEN_LINES = ("L1-L2", "L2-L3", "L3-L1")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sampled value of a measurand.

    Attributes:
        phase: as OCPP names it, or `NO_PHASE`.
        value: in the base unit; None where its unit is not known.
        assumed: whether its measurand or its unit was not told.
        begins: whether it was taken when a transaction began.
        signed: whether it is a signed twin of a value, or comes with a signature.
        outlet: whether it was measured where the car is connected.
        moment: when it was taken.
    """

    phase: str
    value: Decimal | None
    assumed: bool
    begins: bool
    signed: bool
    outlet: bool
    moment: datetime


Summary = Callable[[Sequence[Sample]], Reading | None]


@dataclass(frozen=True, kw_only=True)
class Measurand:
    """What becomes of a measurand.

    Attributes:
        metric: the name of the metric.
        quantity: what its units are.
        summary: gives the metric from the samples of one time.
        of_phase: the name that the metric has under `phases.L1` to `phases.L3`, where it has one.
    """

    metric: str
    quantity: Quantity
    summary: Summary
    of_phase: str | None = None

    def readings(self, samples: Sequence[Sample]) -> dict[str, Reading]:
        """Return the metrics of samples of one time; of two samples of a phase the later in the sequence counts."""
        found = {self.metric: self.summary(samples)}
        if self.of_phase is not None:
            for phase, sample in zip(PHASES, _of_each_phase(samples), strict=True):
                name = SEPARATOR.join(("phases", phase, self.of_phase))
                found[name] = _combine([sample] if sample else [], total)
        return {name: reading for name, reading in found.items() if reading is not None}


def _whole(samples: Sequence[Sample]) -> Reading | None:
    """Return the value without a phase: a register of one phase is not that of the charger."""
    return _combine(_of(samples, [NO_PHASE]), total)


def _whole_or_sum(samples: Sequence[Sample]) -> Reading | None:
    return _whole(samples) if _of(samples, [NO_PHASE]) else _combine(_of_phases(samples), total)


def _whole_or_mean_current(samples: Sequence[Sample]) -> Reading | None:
    return _whole(samples) if _of(samples, [NO_PHASE]) else _combine(_of_phases(samples), mean_current)


def _voltage(samples: Sequence[Sample]) -> Reading | None:
    to_neutral = _combine(_of_phases(samples), mean_voltage)
    return to_neutral or _whole(samples) or _combine(_of(samples, _BETWEEN_LINES), mean_voltage_between_lines)


def _highest(samples: Sequence[Sample]) -> Reading | None:
    return _combine(samples, max)


def _combine(samples: Sequence[Sample], combination: Callable[[Sequence[Decimal]], Decimal | None]) -> Reading | None:
    """Return what samples give together; None where there is none, or a unit among theirs is not known."""
    values = [sample.value for sample in samples if sample.value is not None]
    value = combination(values) if values and len(values) == len(samples) else None
    return None if value is None else Reading(value, any(sample.assumed for sample in samples))


def _of(samples: Sequence[Sample], phases: Sequence[str]) -> list[Sample]:
    """Return the last sample of each of these phases that has one."""
    by_phase = {sample.phase: sample for sample in samples}
    return [by_phase[phase] for phase in phases if phase in by_phase]


def _of_phases(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples of L1 to L3, or else those of L1-N to L3-N."""
    return _of(samples, PHASES) or _of(samples, _TO_NEUTRAL)


def _of_each_phase(samples: Sequence[Sample]) -> list[Sample | None]:
    """Return the sample of each of L1 to L3, or else of each of L1-N to L3-N; None for one that has none."""
    by_phase = {sample.phase[:2]: sample for sample in _of_phases(samples)}
    return [by_phase.get(phase) for phase in PHASES]


_POWER_W = "powerW"
_CURRENT_A = "currentA"
_VOLTAGE_V = "voltageV"

# Those that become metrics; the others stay in the payload.
MEASURANDS: Mapping[str, Measurand] = {
    "Power.Active.Import": Measurand(metric=_POWER_W, quantity=POWER, summary=_whole_or_sum, of_phase=_POWER_W),
    "Power.Active.Export": Measurand(metric="powerExportW", quantity=POWER, summary=_whole_or_sum),
    "Power.Offered": Measurand(metric="powerOfferedW", quantity=POWER, summary=_whole_or_sum),
    "Power.Factor": Measurand(metric="powerFactor", quantity=FACTOR, summary=_whole),
    DEFAULT_MEASURAND: Measurand(metric="energyImportWh", quantity=ENERGY, summary=_whole),
    "Energy.Active.Export.Register": Measurand(metric="energyExportWh", quantity=ENERGY, summary=_whole),
    "Energy.Active.Import.Interval": Measurand(metric="energyIntervalWh", quantity=ENERGY, summary=_whole),
    "Voltage": Measurand(metric=_VOLTAGE_V, quantity=VOLTAGE, summary=_voltage, of_phase=_VOLTAGE_V),
    "Current.Import": Measurand(
        metric=_CURRENT_A, quantity=CURRENT, summary=_whole_or_mean_current, of_phase=_CURRENT_A
    ),
    "Current.Offered": Measurand(metric="currentOfferedA", quantity=CURRENT, summary=_whole_or_mean_current),
    "SoC": Measurand(metric="socPercent", quantity=PERCENTAGE, summary=_whole),
    "Temperature": Measurand(metric="temperatureC", quantity=TEMPERATURE, summary=_highest),
    "Frequency": Measurand(metric="frequencyHz", quantity=FREQUENCY, summary=_whole),
}
