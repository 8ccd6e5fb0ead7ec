"""Numbers on their way from the wire, through the queue and the table, to the wire."""

import json
from decimal import Decimal

import pytest

from tests.e2e.harness import Api, event_of, pointers, text_with

NINES = "9" * 38


@pytest.mark.parametrize(
    "number",
    [
        "1e40",
        "-1E-130",
        f"0.{'0' * 92}{NINES}",
        f"{NINES[:1]}.{NINES[1:]}e125",
        f"-{NINES[:1]}.{NINES[1:]}E+125",
        "12345678901234567",
        NINES,
        f"-{NINES}",
        f"0.{NINES}",
        "0.1",
        "7.40",
        "-0.0",
        "100e-2",
        f"{NINES}0",
        f"1{'0' * 60}",
        f"{NINES}.000",
    ],
)
def test_a_number_comes_back_as_it_was_sent(api: Api, charger_id: str, number: str) -> None:
    answer = api.post_text(text_with(event_of(charger_id), f'{{"reading":{number}}}'))
    assert answer.status_code == 202
    api.stored(charger_id, event_id=answer.json()["eventId"])
    for read in (api.latest(charger_id).text, api.several(charger_id).text):
        latest = json.loads(read, parse_int=Decimal, parse_float=Decimal)
        [latest] = latest.get("items", [latest])
        assert latest["payload"] == {"reading": Decimal(number)}


@pytest.mark.parametrize(
    ("number", "written"),
    [("7.40", "7.4"), ("12345678901234567", "12345678901234567"), ("16.0", "16"), (f"{NINES}.000", NINES)],
)
def test_a_number_is_written_with_the_digits_that_it_needs(
    api: Api, charger_id: str, number: str, written: str
) -> None:
    answer = api.post_text(text_with(event_of(charger_id), f'{{"reading":{number}}}'))
    api.stored(charger_id, event_id=answer.json()["eventId"])
    assert f'"payload":{{"reading":{written}}}' in api.latest(charger_id).text


@pytest.mark.parametrize(
    "number",
    [
        f"{NINES}1",
        f"0.{NINES}1",
        "1e126",
        "-1e126",
        "1e-131",
        f"0.{'0' * 130}1",
        "1" * 5000,
        "1e999999999999999999",
        "NaN",
        "Infinity",
        "-Infinity",
    ],
)
def test_a_number_that_dynamodb_can_not_hold_is_422(api: Api, charger_id: str, number: str) -> None:
    answer = api.post_text(text_with(event_of(charger_id), f'{{"readings":[0,{{"reading":{number}}}]}}'))
    assert pointers(answer) == ["/payload/readings/1/reading"]
