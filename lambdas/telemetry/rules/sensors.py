"""Rules about temperature, state of charge and the clock."""

from telemetry.metrics import Number
from telemetry.rules.figures import figure, seconds_between
from telemetry.rules.thresholds import THRESHOLDS
from telemetry.rules.types import FINE, UNTOLD, Case, Shown, Verdict
from telemetry.timestamps import to_moment


def temperature_high(case: Case) -> Verdict:
    """It is so hot that a charger should give less."""
    return _at_least(case, THRESHOLDS.high_temperature_c)


def temperature_critical(case: Case) -> Verdict:
    """It is so hot that a charger should stop."""
    return _at_least(case, THRESHOLDS.critical_temperature_c)


def soc_invalid(case: Case) -> Verdict:
    """The state of charge is one that no battery has; normalisation left it out of the metrics."""
    if case.observation.found.soc_out_of_range is not None:
        return Shown(case.observation.found.soc_out_of_range, "0 to 100")
    return UNTOLD if case.observation.metric("socPercent") is None else FINE


def clock_invalid(case: Case) -> Verdict:
    """The timestamp is that of a clock that was never set."""
    timestamp = case.observation.envelope.timestamp
    never_set = to_moment(timestamp).year < THRESHOLDS.first_year
    return Shown(timestamp, f"{THRESHOLDS.first_year} or later") if never_set else FINE


def clock_skew(case: Case) -> Verdict:
    """The timestamp is many seconds behind the server's time (what was queued offline is, too), or, below 0, ahead."""
    envelope = case.observation.envelope
    behind = seconds_between(envelope.timestamp, envelope.ingested_at)
    most = THRESHOLDS.clock_skew_seconds
    return Shown(figure(behind), f"{-most} to {most}") if abs(behind) > most else FINE


def _at_least(case: Case, threshold: Number) -> Verdict:
    temperature = case.observation.metric("temperatureC")
    if temperature is None:
        return UNTOLD
    return Shown(temperature, f"less than {threshold}") if temperature >= threshold else FINE
