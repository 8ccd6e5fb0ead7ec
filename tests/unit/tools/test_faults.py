"""`docs/faults.md`, as it is and as it is written."""

import re

import pytest

from tools.faults import FAULT_TEST, PAGE, fault_of, fault_tests, text

NUMBERS = {"sent": 90, "acknowledged": 88, "lost": 0, "dead_lettered": 2}


def rows_of(page: str) -> list[list[str]]:
    """Return the cells of a page's table, without its head."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


ROWS = rows_of(PAGE.read_text())


def test_the_page_has_one_row_for_each_test_of_a_fault() -> None:
    assert [row[0] for row in ROWS] == [fault_of(test) for test in fault_tests()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_nothing_that_was_acknowledged_was_lost(row: list[str]) -> None:
    _, sent, acknowledged, lost, dead_lettered, delay = row
    assert int(sent) >= int(acknowledged) > 0
    assert int(lost) == 0
    assert int(dead_lettered) >= 0
    assert re.fullmatch(r"\d+\.\d s|", delay)


def test_a_row_has_what_its_test_counted() -> None:
    page = text({f"{FAULT_TEST}all_is_dark": {**NUMBERS, "longest_delay": 1.26}})
    assert rows_of(page) == [["all is dark", "90", "88", "0", "2", "1.3 s"]]


def test_there_is_no_delay_where_no_charger_was_unaffected() -> None:
    page = text({f"{FAULT_TEST}all_is_dark": {**NUMBERS, "longest_delay": None}})
    assert rows_of(page)[0][-1] == ""
