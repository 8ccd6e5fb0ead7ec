"""OCPP's meter values, of 1.6 and 2.x, as metrics."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from telemetry.normalisation.arithmetic import one_form, read_number, times_power_of_ten
from telemetry.normalisation.measurands import DEFAULT_MEASURAND, MEASURANDS, Sample
from telemetry.normalisation.members import as_object, member, objects_of, text_of
from telemetry.normalisation.units import NO_UNIT, Quantity, Reading
from telemetry.timestamps import canonical_timestamp, to_moment

# Chargers give each phase a meter value of its own, milliseconds apart: what is so near was read together.
_TOGETHER = timedelta(seconds=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def read_meter_values(meter_values: object) -> tuple[dict[str, Reading], int]:
    """Return the metrics of a message's meter values, and how many of the values that count have no known unit.

    Of a measurand the newest values of the message count, together with those of less than a second before, since
    phases may come one by one. `Transaction.Begin` counts only where nothing else is there; a signed value only
    where no unsigned one is, and only with its unit: a KEBA P30 signs kWh without saying so, beside Wh.
    """
    samples: dict[str, list[Sample]] = {}
    for meter_value in objects_of(meter_values):
        sampled_values = list(objects_of(member(meter_value, "sampledValue")))
        if not sampled_values:
            continue
        moment = _moment(member(meter_value, "timestamp"))
        for sampled in sampled_values:
            told = text_of(sampled, "measurand")
            name = DEFAULT_MEASURAND if told == "" else told
            measurand = None if name is None else MEASURANDS.get(name)
            sample = None if measurand is None else _sample(sampled, measurand.quantity, moment, assumed=not told)
            if name is not None and sample is not None:
                samples.setdefault(name, []).append(sample)
    found: dict[str, Reading] = {}
    unknown_units = 0
    for name, of_measurand in samples.items():
        counting = _counting(of_measurand)
        found |= MEASURANDS[name].readings(counting)
        unknown_units += sum(sample.value is None for sample in counting)
    return found, unknown_units


def _sample(sampled: Mapping[str, object], quantity: Quantity, moment: datetime, *, assumed: bool) -> Sample | None:
    """Return what a sampled value says; None where it is no number in DynamoDB's range, or not the charger's."""
    number = read_number(member(sampled, "value"))
    phase = text_of(sampled, "phase")
    location = text_of(sampled, "location")
    # Upstream (2.1) is the grid's meter, in front of more than the charger.
    if number is None or phase is None or location == "Upstream":
        return None
    unit, multiplier = _unit(sampled)
    signed = text_of(sampled, "format") == "SignedData" or member(sampled, "signedMeterValue") is not None
    convert = None if unit is None or (signed and unit == NO_UNIT) else quantity.conversion(unit)
    value = None if convert is None or multiplier is None else convert(times_power_of_ten(number, multiplier))
    if value is not None and one_form(value) is None:
        return None
    return Sample(
        phase=phase,
        value=value,
        assumed=assumed or (unit == NO_UNIT and quantity.needs_unit),
        begins=text_of(sampled, "context") == "Transaction.Begin",
        signed=signed,
        outlet=location in {"", "Outlet"},
        moment=moment,
    )


def _unit(sampled: Mapping[str, object]) -> tuple[str | None, int | None]:
    """Return a value's unit, `NO_UNIT` where it names none, and its multiplier; None of what cannot be understood."""
    of_measure = member(sampled, "unitOfMeasure")
    if of_measure is None:
        return text_of(sampled, "unit"), 0
    fields = as_object(of_measure)
    if fields is None:
        return None, None
    told = member(fields, "multiplier")
    power = read_number(0 if told is None else told)
    multiplier = None if power is None else one_form(power)
    return text_of(fields, "unit"), multiplier if isinstance(multiplier, int) else None


def _moment(timestamp: object) -> datetime:
    """Return the time of a meter value: in UTC where it has no offset, long ago where it is no time."""
    told = timestamp.strip() if isinstance(timestamp, str) else ""
    for text in (told, f"{told}Z") if told else ():
        try:
            return to_moment(canonical_timestamp(text))
        except ValueError:
            continue
    return _LONG_AGO


def _counting(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return those of a measurand's samples, at least one, that count, what counts most at the end."""
    rest = [sample for sample in samples if not sample.begins] or samples
    rest = [sample for sample in rest if not sample.signed] or rest
    newest = max(sample.moment for sample in rest)
    together = [sample for sample in rest if newest - sample.moment < _TOGETHER]
    return sorted(together, key=lambda sample: (sample.outlet, sample.moment))
