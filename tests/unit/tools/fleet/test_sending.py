"""Posting, and reading back, as the contract asks of clients."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import httpx
import pytest

from tests.unit.tools.fleet.plans import sent
from tools.command_line import CommandError
from tools.fleet.figures import Figures
from tools.fleet.ledger import NEWEST, Ledger
from tools.fleet.posts import Post
from tools.fleet.reading import read_back, settled
from tools.fleet.sending import MOST_ATTEMPTS, MOST_REQUESTS_AT_ONCE, Sender
from tools.service import client_of

TIME = "2026-11-23T08:15:00.000Z"
ACCEPTED = httpx.Response(202, json={"eventId": "id", "chargerId": "F-1", "timestamp": TIME, "ingestedAt": "now"})
PLACE = ("F-1", 0, NEWEST)
CHANCE = random.Random(1)  # noqa: S311 - of pauses


class Service:
    """Gives answers one after the other, the last again and again; None stands for none in time."""

    def __init__(self, *answers: httpx.Response | None) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.ledger, self.figures = Ledger(), Figures()
        self.client = client_of("https://api.example", "token", httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise httpx.ReadTimeout("no answer")
        return answer

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def post(self, *events: str) -> None:
        asyncio.run(self.send(Post(0, tuple(map(sent, events)), is_batch=len(events) > 1)))

    async def send(self, post: Post) -> None:
        await Sender(self.client, self.ledger, self.figures, CHANCE, self.sleep).send(post)


def test_an_accepted_event_is_noted_with_its_id() -> None:
    service = Service(ACCEPTED)
    service.post(TIME)
    assert service.ledger.expected(PLACE)[0].value == "id"
    assert (service.figures.sent, service.figures.accepted, service.figures.requests) == (1, 1, 1)
    assert service.requests[0].headers["authorization"] == "Bearer token"
    assert service.requests[0].url.path == "/telemetry"
    assert service.ledger.surprises == []


@pytest.mark.parametrize("first", [httpx.Response(429), httpx.Response(500), httpx.Response(503), None])
def test_what_may_help_is_sent_again_with_the_same_body(first: httpx.Response | None) -> None:
    service = Service(first, ACCEPTED)
    service.post(TIME)
    assert len(service.requests) == 2
    assert service.requests[0].content == service.requests[1].content
    assert service.figures.retries.total() == 1
    assert not service.ledger.unknown


def test_retry_after_is_honoured_and_pauses_grow_without_it() -> None:
    service = Service(httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(503), ACCEPTED)
    service.post(TIME)
    assert service.pauses[0] == 7
    service = Service(httpx.Response(503))
    service.post(TIME)
    assert service.pauses[0] < service.pauses[2] < service.pauses[4]
    assert len(service.requests) == MOST_ATTEMPTS


def test_a_rejected_event_is_not_sent_again_and_is_counted_by_its_reason() -> None:
    problems = [{"pointer": "/timestamp", "detail": "has no offset from UTC: add Z"}]
    service = Service(httpx.Response(422, json={"title": "Not valid", "errors": problems}))
    service.post(TIME)
    assert len(service.requests) == 1
    assert service.figures.rejected == {"422 /timestamp has no offset from UTC": 1}
    service = Service(httpx.Response(400, json={"title": "The body is not JSON"}))
    service.post(TIME)
    assert service.figures.rejected == {"400 The body is not JSON": 1}


def test_of_a_batch_only_what_may_be_accepted_is_sent_again() -> None:
    results = [{"index": 0, "status": 202, "eventId": "a"}, {"index": 1, "status": 503}, {"index": 2, "status": 422}]
    again = [{"index": 0, "status": 202, "eventId": "b"}]
    service = Service(httpx.Response(207, json={"results": results}), httpx.Response(202, json={"results": again}))
    service.post(TIME, "2026-11-23T08:15:01.000Z", TIME)
    assert [each["timestamp"] for each in json.loads(service.requests[1].content)] == ["2026-11-23T08:15:01.000Z"]
    assert service.requests[1].url.path == "/telemetry/batch"
    assert (service.figures.accepted, service.figures.rejected.total(), service.figures.unknown) == (2, 1, 0)
    assert service.ledger.expected(PLACE)[0].value == "b"


def test_what_was_never_answered_is_unknown() -> None:
    service = Service(None)
    service.post(TIME)
    assert service.figures.unknown == 1
    assert service.ledger.unknown == {PLACE: {TIME}}


BROKEN = [
    httpx.Response(200, text="<html>"),
    httpx.Response(200, content=b'{"items": [{"chargerId": "a'),
    httpx.Response(200, json=[1]),
    httpx.Response(200, content=b"null"),
    httpx.Response(200, content=b"[" * 200_000),
    httpx.Response(200, content=b'{"items": ' + b"9" * 5000 + b"}"),
    httpx.Response(200, content=b"\xff\xfe{"),
]


@pytest.mark.parametrize(
    "answer",
    [
        *BROKEN,
        httpx.Response(202, json={"results": [{"status": "202"}]}),
        httpx.Response(202, json={"results": [{"status": 202}]}),
        httpx.Response(202, json={"eventId": ["id"]}),
        httpx.Response(207, json={"results": [None]}),
        httpx.Response(207, json={"results": 5}),
    ],
)
def test_an_answer_that_does_not_say_what_became_of_an_event_is_none(answer: httpx.Response) -> None:
    service = Service(answer)
    service.post(TIME)
    assert len(service.requests) == MOST_ATTEMPTS
    assert (service.figures.unknown, service.figures.accepted, service.figures.rejected) == (1, 0, {})


def test_an_answer_that_can_not_be_decompressed_is_none() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"nonsense"))

    service = Service(None)
    service.client = client_of("https://api.example", "token", httpx.MockTransport(answer))
    service.post(TIME)
    assert service.figures.unknown == 1
    with pytest.raises(CommandError, match="can't be read back"):
        asyncio.run(read_back(service.client, ["F-1"], attempts=1))


@pytest.mark.parametrize(("errors", "reason"), [(["x"], "422 the event"), ("abc", "422"), ([{"pointer": 1}], "422 1")])
def test_problems_of_another_form_still_reject(errors: object, reason: str) -> None:
    service = Service(httpx.Response(422, json={"errors": errors}))
    service.post(TIME)
    assert service.figures.rejected == {reason: 1}


@pytest.mark.parametrize(
    "answer",
    [
        *BROKEN,
        httpx.Response(200, json={}),
        httpx.Response(200, json={"items": [1, None, "x"]}),
        httpx.Response(200, json={"items": [{"chargerId": "F-1", "connectors": {"x": {}}}]}),
        httpx.Response(200, json={"items": [{"chargerId": "F-1", "connectors": {"1": None}}]}),
        httpx.Response(500, text="\x1b[2J\n"),
    ],
)
def test_an_answer_that_is_not_latest_telemetry_ends_in_one_line(answer: httpx.Response) -> None:
    with pytest.raises(CommandError, match="can't be read back") as caught:
        asyncio.run(read_back(Service(answer).client, ["F-1"], attempts=1))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("not_returned", [["F-1", "F-2"], ["X", "F-2", "F-2", "F-1"]])
def test_chargers_that_are_never_returned_are_not_asked_for_for_ever(not_returned: list[str]) -> None:
    service = Service(httpx.Response(200, json={"items": [], "notReturned": not_returned}))
    with pytest.raises(CommandError, match="none of the chargers"):
        asyncio.run(read_back(service.client, ["F-1", "F-2"]))
    assert len(service.requests) == 1


def test_chargers_that_were_not_asked_for_are_not_asked_for_next() -> None:
    service = Service(httpx.Response(200, json={"items": [], "notReturned": ["F-3"]}))
    assert asyncio.run(read_back(service.client, ["F-1", "F-2"])) == {}
    assert len(service.requests) == 1


def test_an_answer_that_only_drips_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.service.TIMEOUT_SECONDS", 0.01)

    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0)

    answer = httpx.Response(200, stream=Dripping())
    with pytest.raises(CommandError, match=r"not all of it came within 0\.01 s"):
        asyncio.run(read_back(Service(answer).client, ["F-1"], attempts=1))


def test_what_was_on_its_way_when_interrupted_is_unknown() -> None:
    service = Service(httpx.Response(503))

    async def interrupted() -> None:
        pausing = asyncio.Event()

        async def sleep(_seconds: float) -> None:
            pausing.set()
            await asyncio.Event().wait()

        sender = Sender(service.client, service.ledger, service.figures, CHANCE, sleep)
        task = asyncio.create_task(sender.send(Post(0, (sent(TIME),))))
        await pausing.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(interrupted())
    assert service.ledger.unknown == {PLACE: {TIME}}


def test_what_waited_for_its_turn_when_interrupted_has_not_been_sent() -> None:
    ledger, figures = Ledger(), Figures()

    async def interrupted() -> None:
        all_on_their_way = asyncio.Barrier(MOST_REQUESTS_AT_ONCE + 1)

        async def answer(_request: httpx.Request) -> httpx.Response:
            await all_on_their_way.wait()
            await asyncio.Event().wait()
            raise AssertionError

        client = client_of("https://api.example", "token", httpx.MockTransport(answer))
        sender = Sender(client, ledger, figures, CHANCE)
        tasks = [asyncio.create_task(sender.send(Post(0, (sent(TIME),)))) for _ in range(50)]
        await all_on_their_way.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(interrupted())
    assert figures.sent == figures.unknown == MOST_REQUESTS_AT_ONCE


def test_no_more_requests_than_allowed_are_made_at_once() -> None:
    most = now = 0

    async def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        return httpx.Response(202, json={"eventId": "id"})

    async def send_all() -> None:
        client = client_of("https://api.example", "token", httpx.MockTransport(answer))
        sender = Sender(client, Ledger(), Figures(), CHANCE)
        await asyncio.gather(*(sender.send(Post(0, (sent(TIME),))) for _ in range(50)))

    asyncio.run(send_all())
    assert most == MOST_REQUESTS_AT_ONCE


def test_chargers_are_read_100_at_once_and_again_where_an_answer_had_no_room() -> None:
    asked: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        ids = request.url.params.get_list("chargerId")
        asked.append(ids)
        return httpx.Response(
            200, json={"items": [{"chargerId": each} for each in ids[:60]], "missing": [], "notReturned": ids[60:]}
        )

    client = client_of("https://api.example", "token", httpx.MockTransport(answer))
    ids = [f"F-{number}" for number in range(150)]
    assert list(asyncio.run(read_back(client, ids))) == ids
    assert [len(each) for each in asked] == [100, 40, 50]


def test_who_may_not_read_is_told_so_at_once() -> None:
    service = Service(httpx.Response(401, text="Unauthorized"))
    with pytest.raises(CommandError, match="401 Unauthorized"):
        asyncio.run(read_back(service.client, ["F-1"]))
    assert len(service.requests) == 1


def waited(kept: Sequence[dict[str, object]]) -> tuple[int, float]:
    """Wait for an event of 1 and one of 2; return how many differences are left, and after how many seconds."""
    ledger = Ledger()
    for each in "12":
        ledger.accept(sent(TIME, charger_id=each), event_id="a")
    reads, now = iter(kept), 0.0
    last: dict[str, object] = {}

    async def read() -> dict[str, dict[str, object]]:
        nonlocal last
        last = next(reads, last)
        return {
            charger_id: {"timestamp": TIME, "eventId": event_id, "payload": {}} for charger_id, event_id in last.items()
        }

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    nothing: Callable[[str], None] = lambda _line: None  # noqa: E731
    sleeping: Callable[[float], Awaitable[None]] = sleep
    differences = asyncio.run(settled(read, ledger, nothing, clock=lambda: now, sleep=sleeping))
    return len(differences), now


def test_it_waits_until_the_service_has_caught_up() -> None:
    assert waited([{}, {"1": "a"}, {"1": "a", "2": "a"}]) == (0, 4)


def test_it_does_not_wait_for_ever_and_longer_while_something_comes() -> None:
    assert waited([{}]) == (2, 180)
    assert waited([*[{}] * 60, {"1": "a"}]) == (1, 300)
