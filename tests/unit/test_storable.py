from hypothesis import example, given
from hypothesis import strategies as st

from telemetry.exact_json import UNSTORABLE_NUMBER, RepeatedKeyObject, exact_number, utf8_size
from telemetry.storable import DEEPEST_LEVEL, longest_if_sound, problems_in
from tests.unit.strategies import json_values, numbers


def any_json() -> st.SearchStrategy[object]:
    """Whatever the reader gives: lone surrogates, empty and repeated keys, unstorable numbers, deep nesting."""
    text = st.text(max_size=3) | st.sampled_from(["\ud800", "a\udc00", "\ud83d\ude00"])
    inner = st.none() | numbers() | text | st.just(UNSTORABLE_NUMBER)
    values = st.recursive(
        inner | json_values(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(text, inner, max_size=3)
            | st.tuples(text, inner, inner).map(lambda each: RepeatedKeyObject([each[:2], (each[0], each[2])]))
        ),
        max_leaves=8,
    )
    return st.builds(nested, values, st.sampled_from([0, 0, 0, *range(DEEPEST_LEVEL - 3, DEEPEST_LEVEL + 3)]))


def nested(value: object, levels: int) -> object:
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


@given(any_json())
@example(nested([], DEEPEST_LEVEL))
@example(nested([], DEEPEST_LEVEL + 1))
@example(nested("\ud800", DEEPEST_LEVEL + 1))
@example({"\ud83d": "\ude00"})
def test_the_quick_look_finds_a_problem_where_the_thorough_one_does(value: object) -> None:
    assert (longest_if_sound(value) is None) == any(problems_in(value))


@given(json_values())
@example("\u0000" * 100)
@example({"\u2028" * 100: None})
@example([exact_number(f"-0.000001{'9' * 37}")] * 50)
@example({"\u0001": [[], {}, "", True, None]})
def test_what_is_sound_is_no_longer_than_the_quick_look_says(value: object) -> None:
    longest = longest_if_sound(value)
    if longest is not None:
        assert utf8_size(value) <= longest
