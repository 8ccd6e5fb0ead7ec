"""Posting as the contract asks of senders: again with the same body where that can help, after `Retry-After`."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import httpx

from tools.fleet.figures import Figures
from tools.fleet.flaws import Sent
from tools.fleet.ledger import Ledger
from tools.fleet.posts import Post
from tools.service import LONGEST_PAUSE_SECONDS, JsonObject, answer_to, list_of, object_in, object_of, retry_after_of

MOST_REQUESTS_AT_ONCE = 16
# What follows is advice, or another each time: the server's clock. An id's rule has a colon of its own.
VARIES = re.compile(r", whose time is |(?<=\w): ")
MOST_ATTEMPTS = 8
LONGEST_REASON = 200
FIRST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Result:
    """What became of one event of a request.

    Attributes:
        status: as it would be of the event alone.
        reason: why it was rejected.
        event_id: that it was accepted by.
        receipt: the answer, where it is to one accepted event alone.
    """

    status: int
    reason: str = ""
    event_id: str = ""
    receipt: JsonObject | None = None

    @property
    def may_be_sent_again(self) -> bool:
        """Whether sending it again as it is can help."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class Sender:
    """Sends for the whole fleet, so many requests at once at most.

    Args:
        client: with the service's URL and the token.
        ledger: where what became of each event is noted.
        figures: where it is counted.
        chance: of pauses, so that chargers do not come back all at once.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        ledger: Ledger,
        figures: Figures,
        chance: random.Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._figures = figures
        self._chance = chance
        self._sleep = sleep
        self._turns = asyncio.Semaphore(MOST_REQUESTS_AT_ONCE)

    async def send(self, post: Post) -> None:
        """Post until it is known of each event what became of it, or it is given up."""
        waiting = post.events
        has_left = False
        try:
            for attempt in range(MOST_ATTEMPTS):
                async with self._turns:
                    if not has_left:
                        self._figures.begin(post.events)
                        has_left = True
                    answer = await self._attempt(replace(post, events=waiting))
                if answer is None:
                    why, pause = "no answer", None
                else:
                    why, pause = str(answer.status_code), retry_after_of(answer)
                    waiting = self._note(waiting, results_of(answer, len(waiting)))
                if not waiting:
                    return
                if attempt < MOST_ATTEMPTS - 1:
                    self._figures.retries[why] += 1
                    await self._sleep(pause if pause is not None else self._back_off(attempt))
        finally:
            # Given up, or interrupted: of what has not left it is known that nobody has it.
            for event in waiting if has_left else ():
                self._figures.unknown += 1
                self._ledger.lose_sight_of(event)

    async def _attempt(self, post: Post) -> httpx.Response | None:
        self._figures.requests += 1
        begun = time.monotonic()
        try:
            answer = await answer_to(
                self._client.post(post.path, content=post.content(), headers={"Content-Type": post.content_type})
            )
        except httpx.HTTPError:
            return None
        self._figures.latencies.append(time.monotonic() - begun)
        return answer

    def _note(self, events: Sequence[Sent], results: Sequence[Result]) -> tuple[Sent, ...]:
        """Note what became of events; return those to send again."""
        again: list[Sent] = []
        for event, result in zip(events, results, strict=True):
            if result.may_be_sent_again:
                again.append(event)
            elif result.status == HTTPStatus.ACCEPTED:
                self._figures.accepted += 1
                self._ledger.accept(event, event_id=result.event_id, receipt=result.receipt)
            else:
                self._figures.rejected[result.reason] += 1
                self._ledger.reject(event, result.reason)
        return tuple(again)

    def _back_off(self, attempt: int) -> float:
        return self._chance.uniform(0.5, 1) * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)


def results_of(answer: httpx.Response, events: int) -> list[Result]:
    """Return what an answer says of each event of its request; of what can't be told, that it may be sent again."""
    told = object_in(answer)
    results = list_of(told.get("results"))
    if len(results) == events:
        return [_result(object_of(each).get("status"), object_of(each)) for each in results]
    result = _result(answer.status_code, told)
    return [replace(result, receipt=told) if result.event_id else result] * events


def _result(status: object, told: JsonObject) -> Result:
    event_id = told.get("eventId")
    if status == HTTPStatus.ACCEPTED and isinstance(event_id, str):
        return Result(HTTPStatus.ACCEPTED, event_id=event_id)
    if not isinstance(status, int) or status < HTTPStatus.MULTIPLE_CHOICES:
        # Not the contract's: what became of the event can't be told.
        return Result(HTTPStatus.BAD_GATEWAY)
    return Result(status, reason=f"{status} {_reason_of(told)}".strip())


def _reason_of(told: JsonObject) -> str:
    """Return why an event was rejected, short enough to be counted: its first problem, less what varies."""
    for each in list_of(told.get("errors")):
        problem = object_of(each)
        detail = VARIES.split(str(problem.get("detail", "")))[0]
        return f"{problem.get('pointer') or 'the event'} {detail}"[:LONGEST_REASON]
    return str(told.get("title") or told.get("message") or "")[:LONGEST_REASON]
