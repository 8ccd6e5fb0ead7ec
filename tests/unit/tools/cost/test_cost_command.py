"""`scripts/telemetry.sh cost`, its page in the documents, and the page's plot."""

import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from telemetry_stack import stages
from tools.cost import __main__ as command
from tools.cost import document
from tools.cost.model import COMPONENTS
from tools.cost.prices import load

BOOK = load()
PROD = stages.stage_settings("prod", local_port=0)
REGION = "eu-central-1"
USUAL = ["--chargers", "10000", "--interval", "30", "--stage", "prod", "--region", REGION]


def test_the_table_and_the_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([*USUAL, "--batch", "10"]) == 0
    table = capsys.readouterr().out
    assert command.main([*USUAL, "--batch", "10", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == table
    told = json.loads(printed.out)
    assert table.startswith(
        "prod in eu-central-1: 10,000 chargers, an event (flat) each 30 s, posts of 10 events of one charger: "
        "864.0 million events a month\n"
    )
    assert told["eventsPerMonth"] == 864_000_000
    assert sum(charge["usd"] for charge in told["charges"]) == pytest.approx(told["usdPerMonth"])
    (total,) = re.findall(r"^total +([\d,.]+) +([\d.]+)$", table, re.MULTILINE)
    assert float(total[0].replace(",", "")) == pytest.approx(told["usdPerMonth"], abs=1)
    assert float(total[1]) == pytest.approx(told["usdPerMillionEvents"], abs=0.001)
    assert [each["name"] for each in told["alternatives"] if each["name"] not in table] == []
    (first,) = (quota for quota in told["quotas"] if quota["first"])
    assert f"met first: {first['value']:,.0f} {first['what']}" in table


def test_another_region_has_other_prices(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(USUAL)
    here = capsys.readouterr().out
    command.main([*USUAL, "--region", "us-east-1"])
    there = capsys.readouterr().out
    assert there.startswith("prod in us-east-1: ")
    assert here.splitlines()[3] != there.splitlines()[3]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--chargers", "0"],
        ["--chargers", "-1"],
        ["--chargers", "many"],
        ["--chargers", "10000001"],
        ["--interval", "0"],
        ["--interval", "nan"],
        ["--interval", "soon"],
        ["--batch", "101"],
        ["--batch", "0"],
        ["--batch", "\N{SUPERSCRIPT TWO}"],
        ["--stage", "production"],
        ["--stage", "local"],
        ["--event", "modbus"],
        ["--plot", "cost.png"],
        ["--plot", "no/such/folder/cost.svg"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_end_with_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([*USUAL, *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert arguments[0] in said


def test_what_can_not_be_done_ends_with_1_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([*USUAL, "--region", "eu-north-1"]) == 1
    assert capsys.readouterr().err == (
        "telemetry.sh cost: tools/cost/prices.json has no prices of eu-north-1; say --region with one of: "
        "eu-central-1, us-east-1\n"
    )


def test_the_page_is_what_the_model_says() -> None:
    assert document.COPY.read_text() == document.text(PROD, BOOK), "run scripts/telemetry.sh document cost"


def test_the_plot_of_the_page_is_what_the_model_says(tmp_path: Path) -> None:
    drawn = document.PLOT.read_text()
    region = document.region_of(PROD, BOOK)
    assert drawn == document.plot(PROD, document.EXAMPLE, region, BOOK)
    assert command.main([*USUAL, "--region", region, "--plot", str(tmp_path / "cost.svg")]) == 0
    assert (tmp_path / "cost.svg").read_text() == drawn


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    drawing = ET.fromstring(document.PLOT.read_text())  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    told = [(rect, rect.findtext(f"{space}title")) for rect in drawing.iter(f"{space}rect")]
    amounts = {float(rect.get("width", "")): float(text.rpartition(" ")[2]) for rect, text in told if text}
    assert len(amounts) > 20
    longest = max(amounts)
    scale = longest / amounts[longest]
    for width, amount in amounts.items():
        assert width == pytest.approx(amount * scale, abs=0.2)
    # The stage pays for neither.
    assert {text.partition(":")[0] for _, text in told if text} == set(COMPONENTS) - {"X-Ray", "Lambda snapshots"}
    parts = [rect for rect, text in told if text]
    for part, after in pairwise(parts):
        end = float(part.get("x", "")) + float(part.get("width", ""))
        assert after.get("y") != part.get("y") or float(after.get("x", "")) == pytest.approx(end, abs=0.2)


def test_the_tool_writes_the_page_and_its_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "COPY", tmp_path / "cost.md")
    monkeypatch.setattr(document, "PLOT", tmp_path / "cost.svg")
    document.main()
    assert (tmp_path / "cost.md").read_text() == document.text(PROD, BOOK)
    assert (tmp_path / "cost.svg").exists()


def test_the_page_names_every_price_and_assumption() -> None:
    page = document.COPY.read_text()
    assert [name for name in (*BOOK.prices, *BOOK.assumptions) if f"| `{name}` |" not in page] == []


def test_a_stage_in_a_region_without_prices_is_told_with_those_of_another() -> None:
    elsewhere = PROD.model_copy(update={"region": "eu-north-1"})
    assert document.region_of(elsewhere, BOOK) == "us-east-1"
    assert "Prices are those of us-east-1," in document.text(elsewhere, BOOK)
