"""What an event may hold: ids, payloads, the optional fields, and the id that it is given."""

import json
from urllib.parse import quote

import pytest

from tests.e2e.harness import Api, Json, event_of, event_with, pointers, problem, text_with

SPECIAL_CHARACTERS = "*-_=:+|@."
LARGEST_PAYLOAD_BYTES = 64 * 1024


def nested(levels: int, *, lists: bool = False) -> str:
    """Return a payload of so many levels as JSON."""
    if lists:
        return '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


def payload_of_bytes(size: int, character: str = "x") -> Json:
    """Return a payload that is as long as this as compact JSON in UTF-8."""
    filler, rest = divmod(size - len('{"a":""}'), len(character.encode()))
    return {"a": character * filler + "x" * rest}


def test_each_special_character_of_an_id_comes_through_path_and_query(api: Api, charger_id: str) -> None:
    ids = [f"{charger_id[:50]}{character}{number}" for number, character in enumerate(SPECIAL_CHARACTERS)]
    results = api.post_batch([event_of(each) for each in ids]).json()["results"]
    for each, result in zip(ids, results, strict=True):
        assert api.stored(quote(each, safe=""), event_id=result["eventId"])["chargerId"] == each
    several = api.several(*ids).json()
    assert [item["chargerId"] for item in several["items"]] == ids
    assert several["missing"] == []


def test_ids_are_compared_exactly(api: Api, charger_id: str) -> None:
    upper, lower = f"{charger_id}-A", f"{charger_id}-a"
    api.kept(event_of(upper))
    assert api.latest(lower).status_code == 404
    assert api.several(lower, upper).json()["missing"] == [lower]


@pytest.mark.parametrize("wrong", ["", "-CP", "*", "CP 1", "CP/1", "CP-ü", "C" * 65, "CP\n", 7, None])
def test_what_can_not_be_an_id_is_422(api: Api, charger_id: str, wrong: object) -> None:
    assert pointers(api.post({**event_of(charger_id), "chargerId": wrong})) == ["/chargerId"]


def test_an_id_of_64_characters_is_accepted(api: Api, charger_id: str) -> None:
    api.kept(event_of(charger_id.ljust(64, "0")))


@pytest.mark.parametrize("lists", [False, True], ids=["objects", "lists"])
def test_a_payload_of_24_levels_comes_back_equal_and_one_of_25_is_422(
    api: Api, charger_id: str, *, lists: bool
) -> None:
    event = event_of(charger_id)
    deepest = api.post_text(text_with(event, nested(24, lists=lists)))
    latest = api.stored(charger_id, event_id=deepest.json()["eventId"])
    assert latest["payload"] == json.loads(nested(24, lists=lists))
    too_deep = api.post_text(text_with(event, nested(25, lists=lists)))
    assert pointers(too_deep) == ["/payload" + ("/a" + "/0" * 23 if lists else "/a" * 24)]


@pytest.mark.parametrize("character", ["x", "é", "\u0001", "😀"])
def test_a_payload_of_64_kib_in_utf_8_comes_back_equal_and_one_of_a_byte_more_is_422(
    api: Api, charger_id: str, character: str
) -> None:
    # A control character is six bytes as JSON.
    escaped = r"\u0001" if character == "\u0001" else character
    payload = payload_of_bytes(LARGEST_PAYLOAD_BYTES, escaped)
    longest = api.post_text(text_with(event_of(charger_id), f'{{"a":"{payload["a"]}"}}'))
    latest = api.stored(charger_id, event_id=longest.json()["eventId"])
    assert latest["payload"] == {"a": str(payload["a"]).replace(escaped, character)}
    too_long = api.post_text(text_with(event_of(charger_id), f'{{"a":"x{payload["a"]}"}}'))
    assert pointers(too_long) == ["/payload"]


@pytest.mark.parametrize("wrong", [None, [], "text", 7])
def test_a_payload_that_is_no_object_is_422(api: Api, charger_id: str, wrong: object) -> None:
    assert pointers(api.post({**event_of(charger_id), "payload": wrong})) == ["/payload"]


@pytest.mark.parametrize("wrong", ["[]", '"text"', "7", "null"])
def test_an_event_that_is_no_object_is_422(api: Api, wrong: str) -> None:
    assert pointers(api.post_text(wrong)) == [""]


def test_every_kind_of_value_comes_back_equal(api: Api, charger_id: str) -> None:
    texts = ["", " ", "\ufffe", "\uffff", "\x00", "\x01\x1f\x7f\x85", "\u2028", "😀🔌", "e\u0301 é", '"\\/', "N", "NaN"]
    payload: Json = {
        "texts": texts,
        "none": None,
        "booleans": [True, False],
        "numbers": [0, 1, -1],
        "empty": [[], {}, ""],
        "nested": {"a": [{"b": [None, {}]}]},
        # Names that DynamoDB, JSON Pointer and our own item give a meaning to.
        **dict.fromkeys(["\ufffe", "\uffff", "\x00", "😀", " ", "a/b~c", "a.b", "#a:b", "payload", "M", "revision"], 1),
    }
    assert api.kept(event_with(payload, charger_id))["payload"] == payload
    escaped = api.post_text(text_with(event_of(charger_id), json.dumps(payload)))
    assert api.stored(charger_id, event_id=escaped.json()["eventId"])["payload"] == payload


def test_an_empty_payload_comes_back_equal(api: Api, charger_id: str) -> None:
    assert api.kept({**event_of(charger_id), "payload": {}})["payload"] == {}


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ('{"a": 1, "a": 1}', "/payload/a"),
        (r'{"a": [{"b": 1, "\u0062": 2}]}', "/payload/a/0/b"),
        (r'{"a": "\ud83d"}', "/payload/a"),
        (r'{"a": "\ude00\ud83d"}', "/payload/a"),
        (r'{"\ud83d": 1}', "/payload/?"),
        ('{"": 1}', "/payload/"),
        ('{"a": {"": {}}}', "/payload/a/"),
    ],
)
def test_a_repeated_key_an_empty_name_and_half_a_character_are_422(
    api: Api, charger_id: str, payload: str, pointer: str
) -> None:
    assert pointers(api.post_text(text_with(event_of(charger_id), payload))) == [pointer]


def test_a_field_given_twice_is_422(api: Api, charger_id: str) -> None:
    text = json.dumps(event_of(charger_id))
    answer = api.post_text(text.replace('"chargerId"', '"chargerId": "CP-7", "chargerId"'))
    assert pointers(answer) == ["/chargerId"]


def test_an_unknown_field_is_422_and_is_named(api: Api, charger_id: str) -> None:
    assert pointers(api.post({**event_of(charger_id), "chargerstatus": "Charging"})) == ["/chargerstatus"]


@pytest.mark.parametrize("name", ["eventId", "ingestedAt", "metrics", "findings"])
def test_what_the_service_adds_can_not_be_sent(api: Api, charger_id: str, name: str) -> None:
    assert pointers(api.post({**event_of(charger_id), name: "0" * 64})) == [f"/{name}"]


@pytest.mark.parametrize("name", ["chargerStatus", "locationId", "firmwareVersion"])
def test_an_optional_field_is_a_string_of_1_to_128_characters(api: Api, charger_id: str, name: str) -> None:
    for accepted in ("x", "ü" * 128):
        assert api.kept({**event_of(charger_id), name: accepted})[name] == accepted
    for refused in ("", "x" * 129, 7, True, ["x"]):
        assert pointers(api.post({**event_of(charger_id), name: refused})) == [f"/{name}"]


def test_the_same_event_has_the_same_id_however_it_is_written(api: Api, charger_id: str) -> None:
    event = {"chargerId": charger_id, "timestamp": "2024-11-23T08:15:30.500Z", "payload": {"a": 7.4, "b": "ü"}}
    written_otherwise = f"""{{
        "payload": {{"b": "\\u00fc", "a": 7.40}},
        "timestamp": "2024-11-23T09:15:30.5+0100",
        "chargerId": "{charger_id}"
    }}"""
    event_id = api.post(event).json()["eventId"]
    assert api.post_text(written_otherwise).json()["eventId"] == event_id
    assert api.post_batch([event]).json()["results"][0]["eventId"] == event_id


def test_another_content_has_another_id(api: Api, charger_id: str) -> None:
    event = event_of(charger_id, a=1)
    others: list[Json] = [
        {"chargerId": f"{charger_id}-2"},
        {"timestamp": "2024-11-23T08:15:30Z"},
        {"payload": {"a": 2}},
        {"payload": {"a": "1"}},
        {"payload": {"a": 1, "b": None}},
        {"connectorId": 0},
        {"chargerStatus": "1"},
        {"locationId": "1"},
        {"firmwareVersion": "1"},
    ]
    results = api.post_batch([event, *({**event, **other} for other in others)]).json()["results"]
    assert len({each["eventId"] for each in results}) == len(others) + 1


def test_problem_details_say_where_in_the_event_and_name_no_value(api: Api, charger_id: str) -> None:
    answer = api.post({**event_with({"a/b~c": {"": "secret"}}, charger_id), "connectorId": "secret"})
    assert "/payload/a~1b~0c/" in pointers(answer)
    assert problem(answer).keys() == {"type", "title", "status", "detail", "errors"}
    assert "secret" not in answer.text
