"""Rules about voltage, current and power."""

from decimal import Decimal

from telemetry.metrics import Number
from telemetry.rules.figures import figure
from telemetry.rules.observation import Observation
from telemetry.rules.profiles import Profile
from telemetry.rules.thresholds import THRESHOLDS
from telemetry.rules.types import FINE, UNTOLD, Case, Shown, Verdict

_PHASES = ("L1", "L2", "L3")
_SPLIT_PHASE = 2


def voltage_out_of_range(case: Case) -> Verdict:
    """A phase that is connected, or the voltage as a whole where phases are not told, is far from nominal."""
    by_phase = _by_phase(case.observation, "voltageV")
    overall = case.observation.metric("voltageV")
    if case.profile.gives_dc:
        return FINE
    if not by_phase and overall is None:
        return UNTOLD
    # A mean of legs to neutral and between them would be neither.
    reported = list(by_phase.values()) or [0 if overall is None else overall]
    allowed = _allowed_voltages(case.profile, of_phases=bool(by_phase))
    wrong = [
        volts
        for volts in reported
        if volts >= THRESHOLDS.dead_phase_v and not any(low <= volts <= high for low, high in allowed)
    ]
    if not wrong:
        return FINE
    furthest = max(wrong, key=lambda volts: abs(volts - case.profile.nominal_voltage_v))
    return Shown(furthest, " or ".join(f"{low} to {high}" for low, high in allowed))


def current_out_of_range(case: Case) -> Verdict:
    """A current is above the rated one of a phase."""
    overall = case.observation.metric("currentA")
    # The current as a whole is a mean, which hides an overloaded phase.
    currents = [*_by_phase(case.observation, "currentA").values(), *([] if overall is None else [overall])]
    if not currents:
        return UNTOLD
    most = case.profile.rated_current_a * (1 + THRESHOLDS.current_margin)
    highest = max(currents)
    return Shown(highest, figure(most)) if highest > most else FINE


def power_implausible(case: Case) -> Verdict:
    """The power is above the rated one."""
    power = case.observation.metric("powerW")
    if power is None:
        return UNTOLD
    most = case.profile.rated_power_w * (1 + THRESHOLDS.power_margin)
    return Shown(power, figure(most)) if power > most else FINE


def power_vi_mismatch(case: Case) -> Verdict:
    """The power is not what voltage and current make, for any number of phases that the charger may use."""
    power = case.observation.metric("powerW")
    if power is None:
        return UNTOLD
    if power <= THRESHOLDS.power_to_compare_w:
        return FINE
    ratios = [power / possible for possible in _possible_volt_amperes(case.observation, case.profile)]
    if not ratios:
        return UNTOLD
    least, most = THRESHOLDS.least_power_to_volt_amperes, THRESHOLDS.most_power_to_volt_amperes
    if any(least <= ratio <= most for ratio in ratios):
        return FINE
    return Shown(figure(min(ratios, key=lambda ratio: abs(ratio - 1))), f"{least} to {most}")


def _by_phase(observation: Observation, quantity: str) -> dict[str, Number]:
    found = ((phase, observation.metric(f"phases.{phase}.{quantity}")) for phase in _PHASES)
    return {phase: value for phase, value in found if value is not None}


def _allowed_voltages(profile: Profile, *, of_phases: bool) -> list[tuple[Number, Number]]:
    """Return the ranges of what a meter may say: on a split phase, of a leg to neutral or between the legs."""
    nominal, tolerance = Decimal(profile.nominal_voltage_v), THRESHOLDS.voltage_tolerance
    if profile.phases != _SPLIT_PHASE:
        spans = [(nominal, nominal)]
    elif of_phases:
        spans = [(nominal, nominal), (2 * nominal, 2 * nominal)]
    else:
        # Normalisation divides what OCPP calls L1-L2 by the root of 3, and takes the mean of what three conductors
        # of a wall connector read: both legs and between them.
        spans = [(nominal, 4 * nominal / 3), (2 * nominal, 2 * nominal)]
    return [(figure(low * (1 - tolerance)), figure(high * (1 + tolerance))) for low, high in spans]


def _possible_volt_amperes(observation: Observation, profile: Profile) -> tuple[Decimal, ...]:
    """Return what voltage and current may make together; nothing where one of them is missing."""
    currents, voltages = _by_phase(observation, "currentA"), _by_phase(observation, "voltageV")
    if currents:
        used = [phase for phase, amperes in currents.items() if amperes > 0]
        # A phase that is live and whose current is not told may be used, too.
        untold = any(volts >= THRESHOLDS.dead_phase_v for phase, volts in voltages.items() if phase not in currents)
        if untold or not used or any(voltages.get(phase, 0) < THRESHOLDS.dead_phase_v for phase in used):
            return ()
        total = sum((Decimal(currents[phase]) * voltages[phase] for phase in used), Decimal())
        # One current may be told for both legs, with the voltage between them.
        return (total, total / 2) if profile.phases == _SPLIT_PHASE else (total,)
    volts, amperes = observation.metric("voltageV"), observation.metric("currentA")
    if volts is None or amperes is None or volts < THRESHOLDS.dead_phase_v or amperes <= 0:
        return ()
    return tuple(Decimal(volts) * amperes * used for used in range(1, profile.phases + 1))
