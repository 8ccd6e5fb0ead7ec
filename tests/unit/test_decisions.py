"""The decisions have one form, and the list of them is theirs."""

import re
from pathlib import Path

import pytest

DIRECTORY = Path(__file__).resolve().parents[2] / "docs" / "adr"
RECORDS = sorted(DIRECTORY.glob("[0-9]*.md"))
HEAD = re.compile(
    r"# (?P<number>\d{4}): (?P<title>[^\n]+[^\n.])\n\n"
    r"Status: (?P<status>accepted|replaced by \d{4}), (?P<date>20\d\d-\d\d-\d\d)\n\n"
    r"## Context\n"
)
PARTS = (["Context", "Decision", "Consequences"], ["Context", "Decision", "Alternatives", "Consequences"])


def row_of(record: Path) -> str:
    head = HEAD.match(record.read_text())
    assert head
    number, title, status, date = head.group("number", "title", "status", "date")
    return f"| [{number}]({record.name}) | {title} | {status} | {date} |"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_a_title_a_status_a_date_and_its_parts_in_order(record: Path) -> None:
    text = record.read_text()
    head = HEAD.match(text)
    assert head
    assert head["number"] == record.name[:4]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) in PARTS
    assert all(part.split("\n", 1)[1].strip() for part in text.split("\n## ")[1:])


def test_the_list_has_each_record_with_its_status_in_order() -> None:
    listed = [line for line in (DIRECTORY / "README.md").read_text().splitlines() if line.startswith("| [")]
    assert listed == [row_of(record) for record in RECORDS]


def test_records_are_numbered_one_after_the_other() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_a_record_that_is_replaced_names_one_that_is_there() -> None:
    numbers = {record.name[:4] for record in RECORDS}
    replacing = {
        number for record in RECORDS for number in re.findall(r"\nStatus: replaced by (\d{4})", record.read_text())
    }
    assert replacing <= numbers
