"""What the service answers of chargers, and what is drawn of it."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
from rich.console import Console, RenderableType

from telemetry.timestamps import to_milliseconds
from tools.service import client_of
from tools.watch.chargers import Charger
from tools.watch.reading import Answer
from tools.watch.view import View

Json = dict[str, Any]
NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


def ago(seconds: float) -> str:
    return to_milliseconds(NOW - timedelta(seconds=seconds))


def finding(code: str, severity: str = "warning") -> Json:
    return {"code": code, "severity": severity, "observed": 75, "expected": "less than 71", "since": ago(60)}


def place(*, at: float = 0, status: str | None = None, status_at: float | None = None, **told: object) -> Json:
    """Return a connector that sent its metrics, those told that are numbers, and its status so many seconds ago."""
    metrics = {name: value for name, value in told.items() if isinstance(value, int | float)}
    last_known: Json = {"metrics": {name: {"value": value, "timestamp": ago(at)} for name, value in metrics.items()}}
    if status is not None:
        last_known["chargerStatus"] = {"value": status, "timestamp": ago(at if status_at is None else status_at)}
    newest = min(at, at if status_at is None else status_at)
    return {
        "timestamp": ago(newest),
        "ingestedAt": ago(newest),
        "payload": {},
        "metrics": metrics,
        "findings": told.get("findings", []),
        "lastKnown": last_known,
    }


def item(  # noqa: PLR0913 - it has as many fields
    charger_id: str,
    *,
    seen: float = 0,
    connectors: Mapping[str, Json] | None = None,
    at: float | None = None,
    status: str | None = None,
    status_at: float | None = None,
    **told: object,
) -> Json:
    """Return the latest telemetry of a charger that was last heard so many seconds ago."""
    minute = (NOW - timedelta(seconds=seen)).replace(second=0, microsecond=0)
    return place(at=seen if at is None else at, status=status, status_at=status_at, **told) | {
        "chargerId": charger_id,
        "connectors": dict(connectors or {}),
        "lastSeenAt": to_milliseconds(minute),
        "staleAt": to_milliseconds(minute + timedelta(minutes=20)),
    }


def charger(**told: Any) -> Charger:  # noqa: ANN401 - what `item` takes
    return Charger("CP-1", item("CP-1", **told))


def view(*items: Json, missing: tuple[str, ...] = ()) -> View:
    return View().with_answer(Answer(items, missing), NOW)


def drawn(renderable: RenderableType, *, width: int = 120) -> list[str]:
    """Return what a terminal without colours shows."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(renderable)
    return [line.rstrip() for line in captured.get().splitlines()]


class Service:
    """Answers as the query API does, with a tag of the body, of the chargers that it has."""

    def __init__(self, *items: Json) -> None:
        self.items = {each["chargerId"]: each for each in items}
        self.most_returned = 100
        self.damaged: set[str] = set()
        self.requests: list[httpx.Request] = []
        self.statuses: list[int] = []
        # What it answers before it does so again; None stands for no answer.
        self.failures: list[httpx.Response | None] = []
        self.client = client_of("https://api.example", "token", httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failures:
            failure = self.failures.pop(0)
            if failure is None:
                raise httpx.ConnectError("connection refused")
            return failure
        answer = self._answer(request)
        self.statuses.append(answer.status_code)
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params.get_list("chargerId")
        if self.damaged.issuperset(asked):
            return httpx.Response(503, headers={"retry-after": "5"}, json={"detail": "damaged"})
        known = [each for each in asked if each in self.items]
        returned = [each for each in known if each not in self.damaged][: self.most_returned]
        told: Json = {
            "items": [self.items[each] for each in returned],
            "missing": [each for each in asked if each not in self.items],
        }
        left = [each for each in known if each not in returned]
        if left:
            told["notReturned"] = left
        body = json.dumps(told)
        tag = f'"{sha256(body.encode()).hexdigest()}"'
        if request.headers.get("if-none-match") == tag:
            return httpx.Response(304, headers={"etag": tag})
        return httpx.Response(200, headers={"etag": tag}, content=body)

    @property
    def asked(self) -> list[list[str]]:
        return [request.url.params.get_list("chargerId") for request in self.requests]
