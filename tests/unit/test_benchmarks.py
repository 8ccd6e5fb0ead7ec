"""The figures of the benchmarks: what samples come to, and what is written of them."""

import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import __main__ as command
from benchmarks import report, running
from benchmarks.catalogue import Benchmark, catalogue
from benchmarks.report import Row
from benchmarks.samples import Samples, in_turn

# Each ingest figure, the processor, each cold start, the zip.
TARGETS = {
    "ingest-single": 0.65,
    "ingest-batch-10": 0.09,
    "ingest-batch-100": 0.015,
    "processor-10-events-1-charger": 0.15,
    "cold-start-ingest": 0.72,
    "cold-start-processor": 0.72,
    "cold-start-query": 0.72,
    "bundle-zip": 0.35,
}


def row(samples: Samples, target: float | None = None) -> Row:
    return Row(Benchmark("name", "us", lambda _: samples, target), samples)


class Nothing:
    """Stands in for a bench: the benchmarks of these tests need none."""

    def __init__(self, *, short: bool) -> None:
        assert not short

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def one_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Benchmark("post", "us", lambda _: Samples([1.0], [2.0]))
    monkeypatch.setattr("benchmarks.catalogue.catalogue", lambda: [found])
    monkeypatch.setattr(running, "catalogue", lambda: [found])
    monkeypatch.setattr(running, "Bench", Nothing)


@pytest.mark.usefixtures("one_benchmark")
def test_rows_are_there_for_machines_and_the_table_for_people(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command.main(["--only", "post", "--json", "--plot", str(tmp_path / "bench.svg")]) == 0
    told = capsys.readouterr()
    assert [each["ratio"] for each in json.loads(told.out)] == [0.5]
    assert "| post " in told.err
    assert (tmp_path / "bench.svg").read_text().startswith("<svg")


@pytest.mark.usefixtures("one_benchmark")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "pots"], "there is no benchmark 'pots' (did you mean post?)"),
        (["--plot", "bench.png"], "'bench.png' does not end in .svg"),
        (["--plot", "no/such/folder/bench.svg"], "give a file in a folder that is there"),
    ],
)
def test_what_can_not_be_measured_or_drawn_is_told_before_anything_runs(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_ratio_is_the_median_of_pairs_so_that_a_machine_that_slows_down_does_not_change_it() -> None:
    slowing = Samples(ours=[1, 2, 4, 8, 16], reference=[2, 4, 8, 16, 32])
    assert slowing.ratio == 0.5
    assert slowing.spread == 0


def test_a_spread_is_the_interquartile_range_of_the_ratios() -> None:
    samples = Samples(ours=[1, 2, 3, 4, 100], reference=[1, 1, 1, 1, 1])
    assert (samples.ratio, samples.spread) == (3, 2)


def test_one_sample_has_no_spread_and_without_a_reference_there_is_no_ratio() -> None:
    assert Samples([3], [2]).spread == 0
    alone = Samples([5, 7, 9])
    assert (alone.ratio, alone.spread) == (None, 2)


def test_samples_are_taken_in_turn_in_either_order_and_the_first_round_does_not_count() -> None:
    taken: list[str] = []

    def taking(name: str) -> int:
        taken.append(name)
        return len(taken)

    found = in_turn({name: partial(taking, name) for name in "ab"}, rounds=2, uncounted=1)
    assert "".join(taken) == "ba" + "ab" + "ba"
    assert found == {"a": [3, 6], "b": [4, 5]}


@pytest.mark.parametrize(("ours", "verdict"), [(0.5, "met"), (0.51, "missed")])
def test_a_target_is_met_by_a_ratio_up_to_it(ours: float, verdict: str) -> None:
    assert row(Samples([ours], [1]), target=0.5).verdict == verdict
    assert row(Samples([ours], [1])).verdict == ""


def test_a_row_of_the_json_has_medians_and_null_for_what_there_is_not() -> None:
    found = row(Samples([1, 2, 9], [4, 4, 4]), target=0.72).as_json()
    assert json.loads(json.dumps(found)) == {
        "name": "name",
        "ratio": 0.5,
        "target": 0.72,
        "spread": 1.0,
        "unit": "us",
        "ours": 2,
        "reference": 4,
        "bare": None,
        "samples": 3,
    }


def test_names_are_not_used_twice_and_the_targets_are_those_that_were_set() -> None:
    benchmarks = catalogue()
    assert len({each.name for each in benchmarks}) == len(benchmarks)
    assert {each.name: each.target for each in benchmarks if each.target} == TARGETS


def test_what_has_a_target_is_in_the_short_form() -> None:
    assert [each.name for each in catalogue() if each.target and not each.in_short] == []


def test_the_plot_has_a_bar_for_each_ratio_the_longer_the_greater_and_a_mark_for_each_target() -> None:
    rows = [row(Samples([0.1], [1]), target=0.2), row(Samples([0.4], [1])), row(Samples([3]))]
    drawn = ET.fromstring(report.plot(rows))  # noqa: S314 - written by us
    bars = [float(each.attrib["width"]) for each in drawn.findall(".//{*}rect") if each.attrib["width"] != "100%"]
    marks = [each for each in drawn.findall(".//{*}path") if each.get("stroke") == "black"]
    assert len(bars) == 2
    assert bars[0] < bars[1]
    assert len(marks) == 1


def test_the_table_is_markdown_with_a_line_for_each_row() -> None:
    lines = report.table([row(Samples([0.1], [1]), target=0.2), row(Samples([3]))]).splitlines()
    assert [len(line) for line in lines] == [len(lines[0])] * 4
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("name", "0.1", "0", "0.2", "met", "0.1", "1", "", "us"),
    ]


def test_the_page_has_each_benchmark_with_its_target() -> None:
    lines = (Path(__file__).parents[2] / "docs" / "performance.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| ")]
    columns = 10
    told = {row[1]: row[4] for row in rows if len(row) == columns + 1}
    targets = {each.name: "" if each.target is None else f"{each.target:g}" for each in catalogue()}
    assert {name: told.get(name) for name in targets} == targets
