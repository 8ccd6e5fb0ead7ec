"""Reading again and again: how soon, what stays when it fails, and who joins."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

import httpx
import pytest

from tests.unit.tools.watch.answers import NOW, Service, item
from tools.command_line import CommandError
from tools.watch.reading import Reader
from tools.watch.view import View
from tools.watch.watching import LONGEST_PAUSE_SECONDS, Watch

INTERVAL = 5.0


class EnoughError(Exception):
    pass


class Bench:
    """A watch whose pauses take no time."""

    def __init__(self, service: Service, *charger_ids: str) -> None:
        self.service = service
        self.charger_ids = list(charger_ids)
        self.views: list[View] = []
        self.pauses: list[float] = []
        self.between: Callable[[], None] = lambda: None
        self.watch = Watch(self.tell, Reader(service.client), clock=lambda: NOW)

    async def tell(self) -> list[str]:
        return list(self.charger_ids)

    def read(self, times: int) -> None:
        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            self.views.append(self.watch.view)
            self.between()
            if len(self.pauses) == times:
                raise EnoughError

        chance = random.Random(1)  # noqa: S311 - of pauses
        with pytest.raises(EnoughError):
            asyncio.run(self.watch.keep_reading(INTERVAL, sleep=sleep, chance=chance))


def test_a_charger_that_joins_is_read_and_one_that_leaves_is_forgotten() -> None:
    bench = Bench(Service(item("CP-1"), item("CP-2")), "CP-1")

    def change() -> None:
        bench.charger_ids = [["CP-1", "CP-2"], ["CP-2"], []][len(bench.views) - 1]

    bench.between = change
    bench.read(3)
    assert [[*view.chargers] for view in bench.views] == [["CP-1"], ["CP-1", "CP-2"], ["CP-2"]]
    assert bench.pauses == [INTERVAL] * 3


def test_what_was_read_stays_while_the_service_is_in_trouble_and_goes_on_when_it_is_over() -> None:
    bench = Bench(Service(item("CP-1")), "CP-1")

    def fail_once() -> None:
        bench.service.failures = [None] if len(bench.views) == 1 else []

    bench.between = fail_once
    bench.read(3)
    before, during, after = bench.views
    assert (before.trouble, during.trouble, after.trouble) == ("", "no answer: connection refused", "")
    assert (before.is_old, during.is_old, after.is_old) == (False, True, False)
    assert during.chargers == before.chargers == after.chargers
    assert during.next_at
    assert during.next_at > NOW


def test_after_a_failure_it_waits_for_what_is_asked_and_longer_each_time_by_chance() -> None:
    bench = Bench(Service(item("CP-1")), "CP-1")
    bench.service.failures = [httpx.Response(503, headers={"retry-after": "20"}), *[None] * 8]
    bench.read(10)
    asked, *others, last = bench.pauses
    assert 20 <= asked <= 21
    assert all(INTERVAL <= pause <= max(INTERVAL, 2**failures) for failures, pause in enumerate(others, start=1))
    assert max(others) > 2 * INTERVAL
    assert max(others) <= LONGEST_PAUSE_SECONDS
    assert last == INTERVAL


def test_a_charger_that_can_not_be_read_is_told_and_makes_nothing_else_old_nor_slower() -> None:
    service = Service(item("CP-1"), item("CP-2"))
    service.damaged = {"CP-2"}
    bench = Bench(service, "CP-1", "CP-2")
    bench.read(5)
    assert bench.views[-1].trouble.startswith("CP-2 can't be read: ")
    assert not bench.views[-1].is_old
    assert max(bench.pauses) <= INTERVAL + 1


def test_what_never_will_be_answered_ends_the_watch() -> None:
    service = Service()
    service.failures = [httpx.Response(401)]
    watch = Watch(Bench(service, "CP-1").tell, Reader(service.client))
    with pytest.raises(CommandError, match="401"):
        asyncio.run(watch.show(INTERVAL, lambda _view, _now: None))


def test_it_draws_before_the_first_answer_and_again_with_what_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.watch.watching.DRAW_SECONDS", 0)
    service = Service(item("CP-1"))
    watch = Watch(Bench(service, "CP-1").tell, Reader(service.client))
    drawn: list[list[str]] = []

    def draw(view: View, _now: datetime) -> None:
        drawn.append([*view.chargers])
        if view.chargers:
            raise EnoughError

    with pytest.raises(EnoughError):
        asyncio.run(watch.show(INTERVAL, draw))
    assert (drawn[0], drawn[-1]) == ([], ["CP-1"])
