"""The footprint is measured on the functions' own code: sizes as AWS counts them, and nothing that is made up."""

from decimal import Decimal
from typing import Any

import pytest

from tools.cost import footprint
from tools.cost.exercise import size_of_item
from tools.cost.footprint import SAMPLES, measure


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    item: dict[str, object] = {
        "chargerId": "CP-1",  # 9 + 4
        "power": Decimal("7.400"),  # 5 + 1 for two digits + 1
        "below": -1234,  # 5 + 2 for four digits + 1 + 1
        "on": True,  # 2 + 1
        "none": None,  # 4 + 1
        "map": {"a": "\N{ELECTRIC PLUG}"},  # 3 + 3 + (1 + 1 + 4)
        "list": ["a", 0],  # 4 + 3 + (1 + 1) + (1 + 2)
    }
    assert size_of_item(item) == 13 + 7 + 9 + 3 + 5 + 12 + 12


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_footprint_is_the_same_at_each_run(sample: str) -> None:
    again = measure.__wrapped__("prod", sample, 2, 30)
    assert again == measure("prod", sample, 2, 30)


def test_a_request_is_as_long_as_its_events() -> None:
    single, ten = measure("prod", "flat", 1, 30), measure("prod", "flat", 10, 30)
    # Brackets and nine commas.
    assert ten.body == pytest.approx(10 * single.body + 11, abs=20)
    assert single.sends[0][0] > single.body


def test_a_stage_is_known_by_its_name_in_what_is_logged() -> None:
    assert {metric[2] for metric in measure("dev", "flat", 1, 30).metrics} == {"stage=dev"}


def test_events_of_a_charger_go_on_from_one_another() -> None:
    events: list[Any] = footprint._events(SAMPLES["ocpp"], "CP-9", 3, 3, 20)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what is sent is the point
    assert [event["timestamp"] for event in events] == [
        "2026-11-23T08:19:20Z",
        "2026-11-23T08:19:40Z",
        "2026-11-23T08:20:00Z",
    ]
    # What it says of a minute before moves on with it.
    assert [event["payload"]["meterValue"][0]["timestamp"][11:19] for event in events] == [
        "08:18:20",
        "08:18:40",
        "08:19:00",
    ]
    registers = [Decimal(event["payload"]["meterValue"][2]["sampledValue"][0]["value"]) for event in events]
    # 0.003 kWh a second are 0.06 in 20 s.
    assert registers == [Decimal("48.571"), Decimal("48.631"), Decimal("48.691")]


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_is_packed_for_longer_than_the_rules_allow_has_its_finding_and_no_other(sample: str) -> None:
    def codes(batch: int, interval_seconds: int) -> set[str]:
        metrics = measure("prod", sample, batch, interval_seconds).metrics
        return {each for metric in metrics for each in metric if each.startswith("code=")}

    # The first of four is 90 s old, that of ten 270 s; of one, none is old, however long the interval.
    assert codes(4, 30) == set()
    assert codes(10, 30) == {"code=CLOCK_SKEW"}
    assert codes(1, 600) == set()
    assert codes(10, 60) == {"code=CLOCK_SKEW"}


def test_a_finding_that_comes_and_goes_with_each_post_leaves_two_lines_more_and_a_metric_line() -> None:
    prompt, late = (measure("prod", "flat", 10, interval_seconds) for interval_seconds in (1, 30))
    assert late.message.lines - prompt.message.lines == 3
    assert late.metrics - prompt.metrics == {("Findings", "service=processor", "stage=prod", "code=CLOCK_SKEW")}


def test_a_sample_that_the_functions_refuse_is_no_footprint(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> list[object]:
        return [{"chargerId": "CP-1"}]

    monkeypatch.setattr(footprint, "_events", refused)
    with pytest.raises(RuntimeError, match="was not accepted and stored"):
        measure.__wrapped__("prod", "flat", 1, 30)
