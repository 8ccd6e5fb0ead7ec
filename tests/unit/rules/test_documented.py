import re
from pathlib import Path

import pytest

from telemetry.metrics import Number
from telemetry.rules import RULES
from telemetry.rules.thresholds import THRESHOLDS, Thresholds

DOCUMENT = Path(__file__).parents[3] / "docs" / "rules.md"
ROW = re.compile(r"^\| `(?P<code>[A-Z_]+)` \| (?P<severity>\w+) \| (?P<holds>.+) \| (?P<source>.+) \|$", re.MULTILINE)
ROWS = list(ROW.finditer(DOCUMENT.read_text()))
HOLDS = {row["code"]: row["holds"] for row in ROWS}


def test_each_rule_is_registered_once_and_documented_with_its_severity() -> None:
    assert [(rule.code, rule.severity) for rule in RULES] == [(row["code"], row["severity"]) for row in ROWS]
    assert len({rule.code for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("code", "figure"),
    [
        ("VOLTAGE_OUT_OF_RANGE", int(100 * THRESHOLDS.voltage_tolerance)),
        ("VOLTAGE_OUT_OF_RANGE", THRESHOLDS.dead_phase_v),
        ("VOLTAGE_OUT_OF_RANGE", THRESHOLDS.voltage_samples),
        ("CURRENT_OUT_OF_RANGE", int(100 * THRESHOLDS.current_margin)),
        ("POWER_IMPLAUSIBLE", int(100 * THRESHOLDS.power_margin)),
        ("POWER_VI_MISMATCH", THRESHOLDS.least_power_to_volt_amperes),
        ("POWER_VI_MISMATCH", THRESHOLDS.most_power_to_volt_amperes),
        ("POWER_VI_MISMATCH", THRESHOLDS.power_to_compare_w),
        ("ENERGY_JUMP", int(100 * THRESHOLDS.power_margin)),
        ("ENERGY_JUMP", THRESHOLDS.jump_seconds),
        ("STUCK_METER", THRESHOLDS.stuck_wh),
        ("CHARGING_ZERO_POWER", THRESHOLDS.zero_power_samples),
        ("CHARGING_ZERO_POWER", THRESHOLDS.zero_power_seconds),
        ("POWER_WHILE_NOT_CHARGING", THRESHOLDS.idle_current_a),
        ("POWER_WHILE_NOT_CHARGING", THRESHOLDS.idle_power_w),
        ("POWER_WHILE_NOT_CHARGING", THRESHOLDS.not_charging_samples),
        ("TEMPERATURE_HIGH", THRESHOLDS.high_temperature_c),
        ("TEMPERATURE_CRITICAL", THRESHOLDS.critical_temperature_c),
        ("CLOCK_INVALID", THRESHOLDS.first_year),
        ("CLOCK_SKEW", THRESHOLDS.clock_skew_seconds),
    ],
)
def test_the_document_has_the_figures_of_the_code(code: str, figure: Number) -> None:
    assert str(figure) in re.findall(r"\d+(?:\.\d+)?", HOLDS[code])


def test_each_figure_says_where_it_comes_from() -> None:
    assert all(field.description for field in Thresholds.model_fields.values())
