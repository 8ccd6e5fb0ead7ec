"""Asking for many chargers, and only for what is new."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from tests.unit.tools.watch.answers import Service, item
from tools.command_line import CommandError
from tools.service import pages_of
from tools.watch.reading import Answer, NotAnsweredError, Reader


def read(reader: Reader, *charger_ids: str) -> list[Answer]:
    async def collect() -> list[Answer]:
        return [answer async for answer in reader.read(charger_ids)]

    return asyncio.run(collect())


def ids_of(answers: Sequence[Answer]) -> list[str]:
    return [str(each["chargerId"]) for answer in answers for each in answer.items]


def test_what_has_not_changed_is_asked_for_by_its_tag_and_tells_nothing_new() -> None:
    service = Service(item("CP-1", powerW=1))
    reader = Reader(service.client)
    assert ids_of(read(reader, "CP-1")) == ["CP-1"]
    assert read(reader, "CP-1") == [Answer()]
    service.items["CP-1"] = item("CP-1", powerW=2)
    assert ids_of(read(reader, "CP-1")) == ["CP-1"]
    assert service.statuses == [200, 304, 200]


def test_chargers_without_telemetry_are_told_to_be_missing() -> None:
    assert read(Reader(Service(item("CP-1")).client), "CP-1", "CP-2")[0].missing == ("CP-2",)


def test_what_is_not_returned_is_asked_for_again_each_time_and_each_part_by_its_own_tag() -> None:
    service = Service(*(item(f"CP-{number}") for number in range(5)))
    service.most_returned = 2
    reader = Reader(service.client)
    asked = [f"CP-{number}" for number in range(5)]
    assert ids_of(read(reader, *asked)) == asked
    assert service.asked == [asked, asked[2:], asked[4:]]
    service.items["CP-4"] = item("CP-4", powerW=2)
    assert ids_of(read(reader, *asked)) == ["CP-4"]
    assert service.statuses == [200, 200, 200, 304, 304, 200]


def test_a_service_that_returns_none_of_the_chargers_is_not_asked_for_ever() -> None:
    service = Service(item("CP-1"))
    service.most_returned = 0
    with pytest.raises(NotAnsweredError, match="none of the chargers"):
        read(Reader(service.client), "CP-1")
    assert len(service.requests) == 1


def test_one_that_can_never_be_returned_does_not_keep_the_others_from_being_read() -> None:
    ids = [f"CP-{number}" for number in range(101)]
    service = Service(*map(item, ids))
    service.damaged = {"CP-7", "CP-8"}
    answers: list[Answer] = []

    async def collect() -> None:
        async for answer in Reader(service.client).read(ids):
            answers.append(answer)  # noqa: PERF401 - what came before it failed counts

    with pytest.raises(NotAnsweredError, match=r"CP-7 and 1 more can't be read: .*503 damaged") as caught:
        asyncio.run(collect())
    assert ids_of(answers) == [each for each in ids if each not in service.damaged]
    assert (caught.value.partly, caught.value.pause) == (True, 5)


def test_a_request_has_100_chargers_at_most_and_fewer_where_their_ids_would_not_fit() -> None:
    ids = [f"CP-{number}" for number in range(250)]
    assert [len(page) for page in pages_of(ids)] == [100, 100, 50]
    # The longest that there can be, and percent-encoded each but one.
    longest = [f"{number:04}{'=' * 60}" for number in range(100)]
    pages = [*pages_of(longest)]
    assert [each for page in pages for each in page] == longest
    for page in pages:
        # With a token of some 2,000 bytes it fits into 10,240.
        assert len(str(httpx.Request("GET", "https://a", params=[("chargerId", each) for each in page]).url)) < 7000


@pytest.mark.parametrize(
    ("failure", "pause", "why"),
    [
        (httpx.Response(503, headers={"retry-after": "7"}, json={"detail": "the table is busy"}), 7, "busy"),
        (httpx.Response(429, json={"message": "Too Many Requests"}), None, "429 Too Many"),
        (httpx.Response(502, text="<html>"), None, "502"),
        (None, None, "connection refused"),
        (httpx.Response(200, text="<html>"), None, "not latest telemetry"),
        (httpx.Response(200, json=[1]), None, "not latest telemetry"),
        # A cache between that answers for what was never asked.
        (httpx.Response(304), None, "not latest telemetry"),
    ],
)
def test_what_may_be_over_soon_is_told_with_the_pause_that_is_asked_for(
    failure: httpx.Response | None, pause: float | None, why: str
) -> None:
    service = Service()
    service.failures = [failure]
    with pytest.raises(NotAnsweredError, match=why) as caught:
        read(Reader(service.client), "CP-1")
    assert caught.value.pause == pause


def test_pages_before_one_that_fails_are_not_asked_for_again_in_full() -> None:
    ids = [f"CP-{number}" for number in range(101)]
    service = Service(*map(item, ids))
    reader = Reader(service.client)
    read(reader, *ids)
    service.items["CP-0"] = item("CP-0", powerW=2)

    answers: list[Answer] = []

    async def until_it_fails() -> None:
        async for answer in reader.read(ids):
            answers.append(answer)
            service.failures = [httpx.Response(503)]

    with pytest.raises(NotAnsweredError):
        asyncio.run(until_it_fails())
    assert len(ids_of(answers)) == 100
    assert read(reader, *ids) == [Answer(), Answer()]


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "--token"), (403, "telemetry/read"), (404, "URL"), (400, "URL"), (499, "URL")]
)
def test_what_never_will_be_answered_ends_in_one_line_that_says_what_to_do(status: int, advice: str) -> None:
    service = Service()
    service.failures = [httpx.Response(status, json={"detail": "no\n\x1b[2J"})]
    with pytest.raises(CommandError, match=advice) as caught:
        read(Reader(service.client), "CP-1")
    assert str(status) in str(caught.value)
    assert str(caught.value).isprintable()
