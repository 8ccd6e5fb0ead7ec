"""All rules, and how an envelope is judged by them."""

from typing import Annotated, cast

from pydantic import Field

from telemetry.rules import charging, electrical, energy, sensors
from telemetry.rules.figures import seconds_between
from telemetry.rules.history import History
from telemetry.rules.observation import Observation
from telemetry.rules.profiles import Profile
from telemetry.rules.remembered import Amount, Remembered, ShortText, Timestamp
from telemetry.rules.thresholds import THRESHOLDS
from telemetry.rules.types import FINE, UNTOLD, Case, Finding, Memory, Rule, Verdict

RULES = (
    Rule(
        code="VOLTAGE_OUT_OF_RANGE",
        severity="warning",
        judge=electrical.voltage_out_of_range,
        in_a_row=THRESHOLDS.voltage_samples,
    ),
    Rule(code="CURRENT_OUT_OF_RANGE", severity="warning", judge=electrical.current_out_of_range),
    Rule(code="POWER_IMPLAUSIBLE", severity="warning", judge=electrical.power_implausible),
    Rule(code="POWER_VI_MISMATCH", severity="warning", judge=electrical.power_vi_mismatch),
    Rule(code="ENERGY_JUMP", severity="warning", judge=energy.energy_jump),
    Rule(code="METER_ROLLBACK", severity="warning", judge=energy.meter_rollback),
    Rule(code="STUCK_METER", severity="warning", judge=energy.stuck_meter),
    Rule(
        code="CHARGING_ZERO_POWER",
        severity="warning",
        judge=charging.charging_zero_power,
        in_a_row=THRESHOLDS.zero_power_samples,
    ),
    Rule(
        code="POWER_WHILE_NOT_CHARGING",
        severity="warning",
        judge=charging.power_while_not_charging,
        in_a_row=THRESHOLDS.not_charging_samples,
    ),
    Rule(code="TEMPERATURE_HIGH", severity="warning", judge=sensors.temperature_high),
    Rule(code="TEMPERATURE_CRITICAL", severity="critical", judge=sensors.temperature_critical),
    Rule(code="SOC_INVALID", severity="warning", judge=sensors.soc_invalid),
    Rule(code="CLOCK_INVALID", severity="warning", judge=sensors.clock_invalid),
    Rule(code="CLOCK_SKEW", severity="info", judge=sensors.clock_skew),
    Rule(code="CHARGER_FAULT", severity="critical", judge=charging.charger_fault),
)
_CODES = frozenset(rule.code for rule in RULES)
_HISTORY = "history"


class Row(Remembered):
    """Samples in a row that showed what a rule is about.

    Attributes:
        since: the first.
        last: the last that was counted.
        count: how many there are, as far as the rule needs to know.
        observed: by the last.
        expected: by the last.
    """

    since: Timestamp
    last: Timestamp
    count: Annotated[int, Field(ge=0)]
    observed: Amount | ShortText
    expected: Amount | ShortText


def judge(observation: Observation, memory: Memory, profile: Profile) -> tuple[tuple[Finding, ...], Memory]:
    """Return what is wrong at a place, and what to remember of it.

    A finding stands until an envelope shows the contrary: one that does not carry the metric changes nothing.

    Args:
        observation: the envelope, the greatest of its place so far.
        memory: what was returned last for the place, {} at first; what can't be used of it counts as absent.
        profile: what the charger is.
    """
    remembered = cast("dict[str, object]", memory) if isinstance(cast("object", memory), dict) else {}
    before = (History.recall(remembered.get(_HISTORY)) or History()).entering(
        observation.found.transaction_id, observation.envelope.charger_status
    )
    case = Case(observation=observation, profile=profile, before=before, after=before.followed_by(observation))
    findings: list[Finding] = []
    kept = {
        code: cast("dict[str, object]", entry)
        for code, entry in remembered.items()
        if code not in _CODES and isinstance(entry, dict)
    }
    kept[_HISTORY] = case.after.as_json()
    for rule in RULES:
        row = _row_after(
            Row.recall(remembered.get(rule.code)), rule.judge(case), rule.in_a_row, observation.envelope.timestamp
        )
        if row:
            kept[rule.code] = row.as_json()
            if row.count >= rule.in_a_row:
                findings.append(_finding(rule, row))
    return tuple(findings), kept


def _row_after(row: Row | None, verdict: Verdict, in_a_row: int, timestamp: str) -> Row | None:
    if verdict is UNTOLD:
        return row
    if verdict is FINE:
        return None
    count, since, last = 1, timestamp, timestamp
    if row:
        is_next = seconds_between(row.last, timestamp) >= THRESHOLDS.same_sample_seconds
        count, since, last = row.count + is_next, row.since, timestamp if is_next else row.last
    most = in_a_row if verdict.ripe else in_a_row - 1
    return Row(since=since, last=last, count=min(count, most), observed=verdict.observed, expected=verdict.expected)


def _finding(rule: Rule, row: Row) -> Finding:
    return Finding(
        code=rule.code, severity=rule.severity, observed=row.observed, expected=row.expected, since=row.since
    )
