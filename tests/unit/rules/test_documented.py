import re
from pathlib import Path

import pytest

from telemetry.rules import RULES
from telemetry.rules.thresholds import THRESHOLDS, Thresholds

DOCUMENT = Path(__file__).parents[3] / "docs" / "rules.md"
ROW = re.compile(r"^\| `(?P<code>[A-Z_]+)` \| (?P<severity>\w+) \| (?P<holds>.+) \| (?P<source>.+) \|$", re.MULTILINE)
ROWS = list(ROW.finditer(DOCUMENT.read_text()))
HOLDS = {row["code"]: row["holds"] for row in ROWS}


def test_each_rule_is_registered_once_and_documented_with_its_severity() -> None:
    assert [(rule.code, rule.severity) for rule in RULES] == [(row["code"], row["severity"]) for row in ROWS]
    assert len({rule.code for rule in RULES}) == len(RULES)


# By the code of its rule, each threshold that the document tells.
FIGURES = {
    "VOLTAGE_OUT_OF_RANGE": ("voltage_tolerance", "dead_phase_v", "voltage_samples"),
    "CURRENT_OUT_OF_RANGE": ("current_margin",),
    "POWER_IMPLAUSIBLE": ("power_margin",),
    "POWER_VI_MISMATCH": ("least_power_to_volt_amperes", "most_power_to_volt_amperes", "power_to_compare_w"),
    "ENERGY_JUMP": ("power_margin", "jump_seconds"),
    "STUCK_METER": ("stuck_wh",),
    "CHARGING_ZERO_POWER": ("zero_power_samples", "zero_power_seconds"),
    "POWER_WHILE_NOT_CHARGING": ("idle_current_a", "idle_power_w", "not_charging_samples"),
    "TEMPERATURE_HIGH": ("high_temperature_c",),
    "TEMPERATURE_CRITICAL": ("critical_temperature_c",),
    "CLOCK_INVALID": ("first_year",),
    "CLOCK_SKEW": ("clock_skew_seconds",),
}
IN_PERCENT = ("_tolerance", "_margin")
OF_ALL_RULES = {"same_sample_seconds"}


@pytest.mark.parametrize(("code", "threshold"), [(code, each) for code, listed in FIGURES.items() for each in listed])
def test_the_document_has_the_figures_of_the_code(code: str, threshold: str) -> None:
    figure = getattr(THRESHOLDS, threshold)
    told = int(100 * figure) if threshold.endswith(IN_PERCENT) else figure
    assert str(told) in re.findall(r"\d+(?:\.\d+)?", HOLDS[code])


def test_no_figure_of_the_code_is_left_out() -> None:
    assert {each for listed in FIGURES.values() for each in listed} | OF_ALL_RULES == set(Thresholds.model_fields)


def test_each_figure_says_where_it_comes_from() -> None:
    assert all(field.description for field in Thresholds.model_fields.values())
