"""Asking the service for many chargers, and only for what is new, as docs/clients.md asks of those who read."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from tools.command_line import CommandError, printable
from tools.service import JsonObject, NotTelemetryError, answer_to, latest_of, object_in, pages_of, retry_after_of

LONGEST_DETAIL = 200
ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the token is not valid, or has expired: give another --token",
    HTTPStatus.FORBIDDEN: "the token must have the scope telemetry/read and be for each of these chargers",
}


class NotAnsweredError(Exception):
    """The service can't answer at the moment. The message says why.

    Attributes:
        pause: how many seconds it asks to wait; None where it says nothing of it.
        partly: whether it did of all chargers but a few.
    """

    def __init__(self, message: str, pause: float | None = None, *, partly: bool = False) -> None:
        super().__init__(message)
        self.pause = pause
        self.partly = partly


@dataclass(frozen=True)
class Answer:
    """What is new since the last time: nothing where all is as it was."""

    items: tuple[JsonObject, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kept:
    """Of an answer, what the next request for the same chargers needs."""

    tag: str
    not_returned: tuple[str, ...]


class Reader:
    """Reads the latest telemetry of chargers, and remembers by its tags what was read.

    Args:
        client: with the service's URL and the token.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._kept: dict[tuple[str, ...], _Kept] = {}

    async def read(self, charger_ids: Sequence[str]) -> AsyncIterator[Answer]:
        """Yield what is new of the chargers, request by request; what was yielded is not told again.

        Raises:
            NotAnsweredError: the service can't answer at the moment; what was yielded before holds.
            CommandError: it never will, as long as URL, token and ids are what they are.
        """
        used: set[tuple[str, ...]] = set()
        unread: list[str] = []
        failure = NotAnsweredError("")
        for page in pages_of(charger_ids):
            asked = page
            while asked:
                try:
                    answer, left = await self._ask(asked)
                except NotAnsweredError as error:
                    if asked is page:
                        raise
                    # What is stored of one charger may be damaged: the others are read all the same.
                    unread, failure = [*unread, *asked], error
                    break
                used.add(asked)
                yield answer
                asked = left
        self._kept = {asked: kept for asked, kept in self._kept.items() if asked in used}
        if unread:
            told = f"{unread[0]}{f' and {len(unread) - 1} more' if len(unread) > 1 else ''} can't be read: {failure}"
            raise NotAnsweredError(told, failure.pause, partly=True)

    async def _ask(self, asked: tuple[str, ...]) -> tuple[Answer, tuple[str, ...]]:
        """Return what is new of the chargers, and those that were not returned."""
        response = await self._get(asked)
        kept = self._kept.get(asked)
        answer = Answer()
        if response.status_code != HTTPStatus.NOT_MODIFIED or not kept:
            try:
                latest = latest_of(response, asked)
            except NotTelemetryError as error:
                raise NotAnsweredError(f"{error}; check the URL") from error
            answer = Answer(latest.items, latest.missing)
            kept = _Kept(response.headers.get("etag", ""), latest.not_returned)
        if set(kept.not_returned) >= set(asked):
            raise NotAnsweredError("the service returned none of the chargers that it was asked for")
        self._kept[asked] = kept
        return answer, kept.not_returned

    async def _get(self, asked: tuple[str, ...]) -> httpx.Response:
        tag = self._kept[asked].tag if asked in self._kept else ""
        try:
            answer = await answer_to(
                self._client.get(
                    "/telemetry",
                    params=[("chargerId", each) for each in asked],
                    headers={"If-None-Match": tag} if tag else {},
                )
            )
        except httpx.HTTPError as error:
            raise NotAnsweredError(f"no answer: {printable(str(error) or type(error).__name__)}") from error
        if answer.status_code in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            return answer
        why = f"the service answers {answer.status_code} {_detail_of(answer)}".strip()
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
            raise NotAnsweredError(why, retry_after_of(answer))
        raise CommandError(f"{why}; {ADVICE.get(answer.status_code, 'check the URL')}")


def _detail_of(answer: httpx.Response) -> str:
    """Return what an answer says of why, as problem details or as API Gateway does, on one line."""
    told = object_in(answer)
    return printable(str(told.get("detail") or told.get("message") or answer.reason_phrase)[:LONGEST_DETAIL])
