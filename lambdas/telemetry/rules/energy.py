"""Rules about the register of imported energy, which compare it with what was seen before."""

from decimal import Decimal

from telemetry.rules.figures import figure, seconds_between, watt_hours
from telemetry.rules.history import step_of
from telemetry.rules.thresholds import THRESHOLDS
from telemetry.rules.types import FINE, UNTOLD, Case, Shown, Verdict

_REGISTER = "energyImportWh"


def energy_jump(case: Case) -> Verdict:
    """The register rose by more than the rated power can give in the time; one step of the register is no jump."""
    register, before = case.observation.metric(_REGISTER), case.before.register_wh
    if register is None:
        return UNTOLD
    if before is None:
        return FINE
    rise = register - before.value
    seconds = max(Decimal(THRESHOLDS.jump_seconds), seconds_between(before.at, case.observation.envelope.timestamp))
    most = watt_hours(case.profile.rated_power_w, seconds) * (1 + THRESHOLDS.power_margin)
    if rise <= most or rise <= step_of(before.value, register):
        return FINE
    return Shown(figure(rise), figure(most))


def meter_rollback(case: Case) -> Verdict:
    """The register fell within one transaction, or while none was told."""
    register, before = case.observation.metric(_REGISTER), case.before.register_wh
    if register is None:
        return UNTOLD
    return Shown(register, before.value) if before and register < before.value else FINE


def stuck_meter(case: Case) -> Verdict:
    """The register stayed while power and time say that energy passed; two coarse steps of it are no sign yet."""
    if case.after.charging is False:
        return FINE
    if case.observation.metric(_REGISTER) is None:
        return UNTOLD
    most = max(THRESHOLDS.stuck_wh, 2 * case.after.register_step_wh)
    return Shown(case.after.passed_wh, most) if case.after.passed_wh > most else FINE
