"""`examples/gateway.py` against answers that are none of the API's: they say nothing of the events, and lose none."""

import json

import httpx
import pytest

from examples.gateway import pause_seconds, remaining

EVENTS = [b'{"chargerId": "CP-1"}', b'{"chargerId": "CP-2"}']
JSON = {"content-type": "application/json"}
NOT_OF_THE_API = {
    "the page of a proxy": httpx.Response(202, html="<html>hello</html>"),
    "a redirection": httpx.Response(302, headers={"location": "https://login.example/"}),
    "half of a body": httpx.Response(207, content=b'{"results": [{"sta', headers=JSON),
    "null": httpx.Response(422, content=b"null", headers=JSON),
    "a list": httpx.Response(202, json=[1, 2]),
    "nested too deeply": httpx.Response(202, content=b"[" * 200_000, headers=JSON),
    "no results": httpx.Response(202, json={"accepted": 2}),
    "results that are a number": httpx.Response(207, json={"results": 5}),
    "results that are null": httpx.Response(207, json={"results": [None, None]}),
    "results that do not tell": httpx.Response(207, json={"results": [{"status": 202}, {"status": 422}]}),
    "fewer results": httpx.Response(207, json={"results": [{"status": 422, "retryable": False}]}),
}


@pytest.mark.parametrize("answer", NOT_OF_THE_API.values(), ids=NOT_OF_THE_API)
def test_after_an_answer_that_is_none_of_the_apis_all_is_posted_again_and_nothing_told(
    answer: httpx.Response, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remaining(EVENTS, answer) == EVENTS
    assert capsys.readouterr().out == ""


def test_a_refusal_that_tells_no_results_is_told_of_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert remaining(EVENTS, httpx.Response(413, html="too large")) == []
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["event"].encode(), each["why"]["status"]) for each in told] == [(each, 413) for each in EVENTS]


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ("7", 7),
        ("", 0),
        ("1.5", 0),
        ("-1", 0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", 0),
        ("1000000000", 60),
        ("9" * 5000, 60),
    ],
)
def test_a_pause_is_as_long_as_is_asked_and_a_minute_at_most(asked: str, least: float) -> None:
    assert least <= pause_seconds(httpx.Response(503, headers={"retry-after": asked}), attempt=0) <= least + 1
