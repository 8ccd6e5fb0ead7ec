"""Rules about what a charger says it does, and what it reports."""

from collections.abc import Callable

from telemetry.metrics import Number
from telemetry.rules.figures import seconds_between
from telemetry.rules.history import is_faulted
from telemetry.rules.thresholds import THRESHOLDS
from telemetry.rules.types import FINE, UNTOLD, Case, Shown, Verdict

_OFFERS = ("powerOfferedW", "currentOfferedA")


def charging_zero_power(case: Case) -> Verdict:
    """It charges and offers power or current, and nothing flows."""
    power = case.observation.metric("powerW")
    if not case.after.charging or case.after.charging_since is None:
        return FINE
    if power is None:
        return UNTOLD
    if power != 0:
        return FINE
    # An offer often comes in another message than the power.
    offers = _told(case.observation.metric) or _told(case.observation.last_known_metric)
    if not offers:
        return UNTOLD
    if min(offers) <= 0:
        return FINE
    seconds = seconds_between(case.after.charging_since, case.observation.envelope.timestamp)
    return Shown(power, "more than 0 W", ripe=seconds >= THRESHOLDS.zero_power_seconds)


def _told(metric: Callable[[str], Number | None]) -> list[Number]:
    return [offer for name in _OFFERS if (offer := metric(name)) is not None]


def power_while_not_charging(case: Case) -> Verdict:
    """It says that it does not charge, and more than an idle draw flows."""
    if case.after.charging is not False:
        return FINE
    power, current = case.observation.metric("powerW"), case.observation.metric("currentA")
    if power is None and current is None:
        return UNTOLD
    if power is not None and power > THRESHOLDS.idle_power_w:
        return Shown(power, f"{THRESHOLDS.idle_power_w} W at most")
    if current is not None and current > THRESHOLDS.idle_current_a:
        return Shown(current, f"{THRESHOLDS.idle_current_a} A at most")
    return FINE


def charger_fault(case: Case) -> Verdict:
    """It says that it has a fault."""
    status = case.observation.status
    fault = case.after.fault or (status if is_faulted(status) else None)
    return Shown(fault, "no fault") if fault else FINE
