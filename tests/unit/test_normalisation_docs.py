"""docs/metrics.md says what the code does."""

import re
from pathlib import Path

from telemetry.metrics import ASSUMED, METRICS
from telemetry.normalisation.flat import CURRENTS_OF_PHASES, FLAT_KEYS, TEMPERATURES, VOLTAGES_OF_PHASES
from telemetry.normalisation.measurands import MEASURANDS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def rows(header: str) -> list[list[list[str]]]:
    """The table below a header: of each row the names in code in each of its cells."""
    table = DOCUMENT.split(f"{header}\n|", maxsplit=1)[1].split("\n\n", maxsplit=1)[0]
    lines = table.splitlines()[1:]
    return [[re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")] for line in lines]


def test_the_keys_of_flat_json_are_listed_in_their_order() -> None:
    listed = {metric[0]: keys for metric, keys in rows("| metric | keys |")}
    known: dict[str, list[str]] = {}
    for key, meaning in FLAT_KEYS.items():
        known.setdefault(meaning.metric, []).append(key)
    known["voltageV"] += VOLTAGES_OF_PHASES
    known["currentA"] += CURRENTS_OF_PHASES
    known["temperatureC"] = list(TEMPERATURES)
    assert listed == known


def test_every_metric_is_listed_with_its_measurand() -> None:
    table = rows("| metric | unit | from flat JSON | from OCPP's meter values |")
    measurands = {name for _, _, _, ocpp in table for name in ocpp}
    assert measurands == set(MEASURANDS)
    metrics = [name for names, _, _, _ in table for name in names]
    of_phases = [f"phases.L1.{each.of_phase}" for each in MEASURANDS.values() if each.of_phase]
    assert sorted(metrics) == sorted([*METRICS, *of_phases, ASSUMED])


def test_a_metric_is_declared_where_a_key_or_a_measurand_gives_it() -> None:
    assert {each.metric for each in (*MEASURANDS.values(), *FLAT_KEYS.values())} == set(METRICS)
