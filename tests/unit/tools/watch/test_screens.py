"""What is drawn: rows, what there is no room for, how the reading stands, and nothing that a terminal would obey."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.unit.tools.watch.answers import NOW, Json, drawn, finding, item, place, view
from tools.watch import detail, table
from tools.watch.plot import Axes, plot
from tools.watch.reading import Answer
from tools.watch.report import as_json
from tools.watch.view import Change, View

FLEET_ID = "FLEET-20261126232142992420-0012"
ESCAPE = "\x1b]0;owned\x07\x1b[2J\r\n[red]\u202e"


def lines_of(shown: View, *, width: int = 120, height: int | None = None) -> list[str]:
    return drawn(table.screen(shown, NOW, width=width, height=height), width=width)


def rows_of(shown: View) -> list[str]:
    """Return the rows, with one blank between two words."""
    return [" ".join(line.split()) for line in lines_of(shown)[2:-1]]


def test_a_row_tells_status_power_session_register_silence_and_the_worst_finding() -> None:
    told = item(
        "CP-1",
        seen=12,
        status="Charging",
        powerW=7400,
        energySessionWh=1250,
        energyImportWh=789_769.3,
        findings=[finding("HOT"), finding("CHARGER_FAULT", "critical"), finding("CLOCK_SKEW", "info")],
    )
    assert rows_of(view(told)) == ["CP-1 Charging 7.40 kW 1.25 kWh 789.8 kWh 12 s !! CHARGER_FAULT +2"]


def test_a_power_that_is_not_that_of_now_is_in_brackets() -> None:
    told = item("CP-1", at=300, powerW=7400, status="Available", status_at=0)
    assert rows_of(view(told)) == ["CP-1 Available (7.40 kW) - - 0 s"]


def test_a_charger_with_several_connectors_has_a_row_for_each_beneath_what_they_are_together() -> None:
    connectors = {
        "1": place(at=5, status="Charging", powerW=7400),
        "2": place(at=9, powerW=11_000, findings=[finding("HOT")]),
    }
    shown = view(item("CP-1", seen=5, findings=[finding("CLOCK_INVALID")], connectors=connectors))
    assert rows_of(shown) == [
        "CP-1 2/2 charging 18.4 kW 5 s ! CLOCK_INVALID",
        "connector 1 Charging 7.40 kW - - 5 s",
        "connector 2 charging 11.0 kW - - 9 s ! HOT",
    ]


def test_what_is_silent_is_marked_and_what_was_never_seen_says_so() -> None:
    shown = view(item("CP-1", seen=25 * 60, status="Charging", powerW=7400), missing=("CP-2",))
    assert rows_of(shown) == ["CP-1 Charging (7.40 kW) - - silent 25 min", "CP-2 never seen"]


def test_all_chargers_are_summed_up_above() -> None:
    critical = [finding("CHARGER_FAULT", "critical")]
    shown = view(
        item("CP-1", powerW=7400, findings=[finding("HOT")]),
        item("CP-2", powerW=150_000, findings=critical),
        item("CP-3", seen=1500, powerW=7400),
        missing=("CP-4",),
    )
    told = "4 chargers  2 charging, 157.4 kW  2 with findings, 1 critical  1 silent  1 never seen"
    assert lines_of(shown)[0] == told


@pytest.mark.parametrize("height", [10, 11, 12, 30])
def test_what_there_is_no_room_for_is_counted_and_a_charger_is_shown_with_all_its_connectors(height: int) -> None:
    both = {"1": place(), "2": place()}
    lines = lines_of(view(*(item(f"CP-{number:03}", connectors=both) for number in range(200))), height=height)
    assert height - 2 <= len(lines) <= height
    shown = sum(line.startswith("CP-") for line in lines)
    assert sum(line.startswith("  connector") for line in lines) == 2 * shown
    assert lines[-2].startswith(f"{200 - shown} more ")


def test_of_a_charger_with_more_connectors_than_lines_those_are_shown_that_fit() -> None:
    shown = view(item("CP-1", connectors={str(number): place() for number in range(1, 25)}), item("CP-2"))
    assert len(lines_of(shown, height=12)) == 12


def test_all_are_shown_where_the_height_does_not_matter_or_suffices() -> None:
    shown = view(*(item(f"CP-{number:03}") for number in range(26)))
    for height in (None, 30):
        lines = lines_of(shown, height=height)
        assert sum(line.startswith("CP-") for line in lines) == 26
        assert not any("more" in line for line in lines)


@pytest.mark.parametrize("width", [80, 100])
def test_in_a_narrow_terminal_ids_are_cut_in_the_middle_and_nothing_else_but_findings(width: int) -> None:
    told = item(FLEET_ID, status="SuspendedEVSE", powerW=7400, energyImportWh=789_769.3, findings=[finding("X" * 60)])
    lines = lines_of(view(told), width=width)
    assert all(cell_len(line) <= width for line in lines[1:3])
    beginning, end = lines[2].split()[0].split("…")
    assert FLEET_ID.startswith(beginning)
    assert FLEET_ID.endswith(end)
    assert len(end) > 8
    assert "SuspendedEVSE  7.40 kW" in lines[2]


def test_in_a_narrow_terminal_energies_are_left_out_before_findings_are_cut() -> None:
    told = item(FLEET_ID, status="SuspendedEVSE", energyImportWh=789_769.3, findings=[finding("VOLTAGE_OUT_OF_RANGE")])
    lines = {width: lines_of(view(told), width=width) for width in (80, 100, 120)}
    assert all("VOLTAGE_OUT_OF_RANGE" in each[2] for each in lines.values())
    assert [[name in each[1] for name in ("session", "register")] for each in lines.values()] == [
        [True, False],
        [True, True],
        [True, True],
    ]


def test_while_the_service_does_not_answer_what_was_read_stays_and_the_footer_says_why() -> None:
    shown = view(item("CP-1", powerW=7400))
    trouble = replace(
        shown, trouble="503", is_old=True, read_at=NOW - timedelta(seconds=40), next_at=NOW + timedelta(seconds=8)
    )
    lines = lines_of(trouble)
    assert lines[:-1] == lines_of(shown)[:-1]
    assert lines_of(replace(trouble, is_old=False))[-1] == "asks again in 8 s: 503"
    assert lines[-1] == "shown is what was read 40 s ago, asks again in 8 s: 503"


def test_of_one_charger_findings_metrics_with_their_changes_and_the_payload_are_shown() -> None:
    shown = View()
    for second, watts in enumerate((0, 3700, 7400)):
        told = item("CP-1", at=9 - second, status="Charging", powerW=watts, findings=[finding("HOT")])
        later = NOW + timedelta(seconds=second)
        shown = shown.with_answer(Answer((told | {"payload": {"power_w": watts}},)), later, keep_changes=True)
    screen = detail.screen(shown, "CP-1", NOW + timedelta(seconds=3), width=70, height=None)
    lines = drawn(screen, width=70)
    [(at, plotted)] = [(at, line) for at, line in enumerate(lines) if "powerW" in line]
    assert plotted.split()[:7] == ["powerW", "7.40", "kW", "0", "W", "to", "7.40"]
    assert [line[60:] for line in lines[at - 1 : at + 1]] == ["   ▁▁▁████", "▁▁▁███████"]
    assert any("HOT: 75, expected less than 71" in line for line in lines)
    assert '  "power_w": 7400' in lines


@pytest.mark.parametrize(
    ("register", "told"),
    [
        ((1_410_000, 1_410_000), "unchanged"),
        ((1_410_000, 1_410_120), "within 120 Wh"),
        ((1_410_000, 1_430_000), "1.41 MWh to 1.43 MWh"),
    ],
)
def test_how_far_a_metric_changed_is_told_also_where_that_is_little(register: tuple[int, int], told: str) -> None:
    shown = View()
    for second, energy in enumerate(register):
        answer = Answer((item("CP-1", at=9 - second, energyImportWh=energy),))
        shown = shown.with_answer(answer, NOW + timedelta(seconds=second), keep_changes=True)
    later = NOW + timedelta(seconds=2)
    assert any(f"MWh  {told} " in line for line in drawn(detail.screen(shown, "CP-1", later, width=120, height=None)))


def test_a_charger_is_cut_where_the_terminal_ends_and_it_says_how_much() -> None:
    shown = view(item("CP-1", powerW=1) | {"payload": {str(number): number for number in range(100)}})
    whole = drawn(detail.screen(shown, "CP-1", NOW, width=100, height=None))
    lines = drawn(detail.screen(shown, "CP-1", NOW, width=100, height=20))
    assert len(lines) == 20
    assert lines[:18] == whole[:18]
    assert lines[18].startswith(f"{len(whole) - 19} more lines")


def test_a_charger_that_was_never_seen_says_so() -> None:
    lines = drawn(detail.screen(view(missing=("CP-1",)), "CP-1", NOW, width=100, height=20))
    assert lines[0] == "CP-1  never seen"


def test_for_a_program_values_are_as_they_were_sent_and_trouble_is_told() -> None:
    connectors = {"1": place(powerW=7400, findings=[finding("HOT")]), "2": place(at=300)}
    shown = replace(view(item("CP-1", connectors=connectors), missing=("CP-2",)), trouble="503")
    told = json.loads(as_json(shown, NOW))
    assert told["trouble"] == "503"
    seen, missing = told["chargers"]
    assert missing == {"chargerId": "CP-2", "missing": True}
    assert seen["findings"] == [finding("HOT")]
    assert [(each["connectorId"], each["powerW"], each["powerIsCurrent"]) for each in seen["places"]] == [
        (1, 7400, True),
        (2, None, False),
    ]


def hostile() -> Json:
    bad = finding(ESCAPE) | {"observed": {ESCAPE: ESCAPE}, "expected": ESCAPE, "since": ESCAPE, "severity": ESCAPE}
    connectors = {number: place(status=ESCAPE, powerW=1, findings=[bad]) for number in ("1", ESCAPE)}
    told: Json = item("CP-1", status=ESCAPE, findings=[bad], connectors=connectors) | {"payload": {ESCAPE: [ESCAPE]}}
    told["lastKnown"]["locationId"] = {"value": ESCAPE, "timestamp": ESCAPE}
    told["lastKnown"]["metrics"][ESCAPE] = {"value": 1, "timestamp": ESCAPE}
    return told


@pytest.mark.parametrize("connectors", [0, 1, 2])
def test_what_chargers_send_is_neither_obeyed_by_the_terminal_nor_taken_for_markup(connectors: int) -> None:
    told = hostile()
    told["connectors"] = dict(list(told["connectors"].items())[:connectors])
    shown = View().with_answer(Answer((told,)), NOW - timedelta(seconds=9), keep_changes=True)
    for screen in (
        table.screen(shown, NOW, width=400, height=None),
        detail.screen(shown, "CP-1", NOW, width=400, height=None),
    ):
        lines = drawn(screen, width=400)
        assert all(line.isprintable() for line in lines)
        assert any("[red]" in line for line in lines)


TIMES = ["2026-11-24T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(TIMES),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["value", "timestamp", "metrics", "powerW", "chargerStatus", "findings", "lastKnown", "1", "2"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
NUMBERS = JSON_VALUES | st.sampled_from([10**400, -(10**200), 1e308, -1e308, float("inf"), float("nan")])
KNOWN = st.fixed_dictionaries({"value": NUMBERS, "timestamp": JSON_VALUES})
LAST_KNOWN = st.fixed_dictionaries(
    {},
    optional={"chargerStatus": KNOWN, "metrics": st.dictionaries(st.sampled_from(["powerW", "currentA", "x"]), KNOWN)},
)
FIELDS = {
    **dict.fromkeys(("timestamp", "ingestedAt", "lastSeenAt", "staleAt", "findings", "payload"), JSON_VALUES),
    "lastKnown": LAST_KNOWN | JSON_VALUES,
}
CONNECTORS = st.dictionaries(st.sampled_from(["1", "2", "x"]), st.fixed_dictionaries({}, optional=FIELDS))
ITEMS = st.fixed_dictionaries({}, optional={**FIELDS, "connectors": CONNECTORS | JSON_VALUES})


@given(ITEMS, ITEMS, st.integers(1, 120), st.integers(1, 40))
def test_whatever_a_charger_sends_it_can_be_drawn(first: Json, second: Json, width: int, height: int) -> None:
    shown = View()
    for seconds, told in ((9, first), (0, second)):
        answer = Answer((told | {"chargerId": "CP-1"},))
        shown = shown.with_answer(answer, NOW - timedelta(seconds=seconds), keep_changes=True)
    for screen in (
        table.screen(shown, NOW, width=width, height=height),
        detail.screen(shown, "CP-1", NOW, width=width, height=height),
    ):
        assert all(line.isprintable() for line in drawn(screen, width=width))
    json.loads(as_json(shown, NOW))


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        ([], ["        "]),
        ([(0, 5)], ["▁▁▁▁▁▁▁▁"]),
        ([(2, 5)], ["  ▁▁▁▁▁▁"]),
        ([(0, 0), (4, 7)], ["▁▁▁▁████"]),
        ([(0, -7), (2, 0), (6, -7)], ["▁▁████▁▁"]),
        # Of several within a column the greatest shows, and the last goes on.
        ([(0, 0), (2, 1), (2.5, 7), (2.9, 0), (6, 3.5)], ["▁▁█▁▁▁▅▅"]),
        ([(8, 1)], ["       ▁"]),
    ],
)
def test_a_plot_holds_each_value_until_the_next(values: list[tuple[float, float]], lines: list[str]) -> None:
    changes = [Change(NOW + timedelta(seconds=at), value, "") for at, value in values]
    assert plot(changes, Axes(NOW, NOW + timedelta(seconds=8), 8)) == lines


def test_a_plot_of_several_lines_fills_them_from_below() -> None:
    changes: list[Any] = [Change(NOW + timedelta(seconds=at), at, "") for at in range(4)]
    assert plot(changes, Axes(NOW, NOW + timedelta(seconds=4), 4, height=2)) == ["  ▃█", "▁▆██"]
