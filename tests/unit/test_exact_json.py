from decimal import Decimal
from typing import cast

import pytest
import simplejson
from hypothesis import example, given
from hypothesis import strategies as st

from telemetry import exact_json
from telemetry.errors import NotJsonError
from telemetry.exact_json import UNSTORABLE_NUMBER
from tests.unit.strategies import json_values

SIGNIFICANT_38 = "12345678901234567890123456789012345678"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7.40", Decimal("7.4")),
        ("12345678901234567", 12345678901234567),
        ("0.1", Decimal("0.1")),
        ("1E2", 100),
        ("5.0", 5),
        ("-0", 0),
        ("-0.0", 0),
        ("0e999999", 0),
        (SIGNIFICANT_38, int(SIGNIFICANT_38)),
        (f"{SIGNIFICANT_38}0", Decimal(f"{SIGNIFICANT_38}0")),
        ("1e38", Decimal("1E+38")),
        ("1E-130", Decimal("1E-130")),
        (f"{'9' * 38}e88", Decimal(f"{'9' * 38}e88")),
    ],
)
def test_a_number_keeps_its_value_in_one_form(text: str, number: int | Decimal) -> None:
    parsed = exact_json.parse(text)
    assert (parsed, type(parsed)) == (number, type(number))


def test_equal_numbers_are_written_alike() -> None:
    assert exact_json.dump(exact_json.parse("[7.40, 74e-1, 1e2, 100.0]")) == "[7.4,7.4,100,100]"


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "1e126",
        "1e-131",
        f"{SIGNIFICANT_38}1",
        f"0.{SIGNIFICANT_38}1",
        "1e999999999999999999999",
        "1e-999999999999999999999",
        "9" * 5000,
    ],
)
def test_a_number_that_dynamodb_cannot_hold_is_marked(text: str) -> None:
    assert exact_json.parse(text) is UNSTORABLE_NUMBER


@pytest.mark.parametrize("text", ["", " ", "{", "{'a': 1}", "[1,]", "01", "nul", '"\t"', "\ufeff{}", "{}{}"])
def test_what_is_not_json_is_told_apart(text: str) -> None:
    with pytest.raises(NotJsonError):
        exact_json.parse(text)


@pytest.mark.parametrize("inner", ["", '"]]]"', '"\\"[["', '{"a": [1, "x"]}, 2'])
def test_of_what_is_nested_too_deeply_the_upper_levels_are_read_and_what_follows_it(inner: str) -> None:
    text = f'["before", {"[" * 200_000}{inner}{"]" * 200_000}, {{"after": ["]", "\\"["]}}]'
    before, deep, after = cast("list[list[object]]", exact_json.parse(text))
    assert (before, after) == ("before", {"after": ["]", '"[']})
    assert exact_json.dump(deep) == "[" * exact_json.DEEPEST_READ + "]" * exact_json.DEEPEST_READ


@pytest.mark.parametrize("text", ["[" * 200_000, "[" * 200_000 + "]" * 199_999, "[" * 200_000 + "]" * 200_001])
def test_brackets_that_do_not_match_are_not_json_however_deep(text: str) -> None:
    with pytest.raises(NotJsonError):
        exact_json.parse(text)


def test_text_is_written_in_ascii() -> None:
    assert exact_json.dump({"b": "\ufffe", "a": "é"}) == '{"a":"\\u00e9","b":"\\ufffe"}'


def test_size_is_that_of_compact_utf8() -> None:
    assert exact_json.utf8_size({"a": "é"}) == len('{"a":"é"}'.encode())


@given(json_values())
@example({"b": "\x7f\u2028/<\ud800", "a": [-1, 10**38 - 1, True, None, {}, []]})
def test_json_is_written_alike_by_either_encoder(value: object) -> None:
    plain = simplejson.dumps(value, use_decimal=True, sort_keys=True, separators=(",", ":"))
    assert exact_json.dump(value) == plain


@given(json_values())
def test_any_value_comes_back_as_it_was(value: object) -> None:
    assert exact_json.parse(exact_json.dump(value)) == value


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False))
def test_reading_what_was_written_changes_no_number(number: int | Decimal) -> None:
    once = exact_json.exact_number(str(number))
    if once is not UNSTORABLE_NUMBER:
        assert once == number
        assert exact_json.exact_number(exact_json.dump(once)) == once
