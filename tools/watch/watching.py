"""Reading again and again, as politely as the service asks, and showing what is known meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tools.watch.reading import NotAnsweredError, Reader
from tools.watch.view import View

DRAW_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Watch:
    """A watch of chargers.

    Attributes:
        charger_ids: tells which, each time; it may raise `NotAnsweredError`.
        reader: asks the service.
        keep_changes: whether it is remembered how values changed.
        view: what is known.
        clock: gives the time.
    """

    charger_ids: Callable[[], Awaitable[Sequence[str]]]
    reader: Reader
    keep_changes: bool = False
    view: View = field(default_factory=View)
    clock: Callable[[], datetime] = _now

    async def read(self) -> None:
        """Read once.

        Raises:
            NotAnsweredError: the service can't answer at the moment; what was read before stands.
            CommandError: it never will.
        """
        charger_ids = await self.charger_ids()
        async for answer in self.reader.read(charger_ids):
            self.view = self.view.with_answer(answer, self.clock(), keep_changes=self.keep_changes)
        self.view = replace(self.view.of(charger_ids), read_at=self.clock(), trouble="", next_at=None)

    async def keep_reading(
        self, interval: float, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, chance: random.Random
    ) -> None:
        """Read for ever, with so many seconds between two readings, and longer ones where the service is in trouble.

        Raises:
            CommandError: it will never answer.
        """
        failures = 0
        while True:
            pause = interval
            try:
                await self.read()
                failures = 0
            except NotAnsweredError as error:
                # As docs/clients.md asks: what the service wants, and beyond it longer each time and by chance.
                pause = (error.pause or 0) + chance.uniform(0, min(LONGEST_PAUSE_SECONDS, 2**failures))
                pause = max(pause, interval)
                failures += 1
                self.view = replace(self.view, trouble=str(error), next_at=self.clock() + timedelta(seconds=pause))
            await sleep(pause)

    async def show(self, interval: float, draw: Callable[[View, datetime], None]) -> None:
        """Keep reading, and draw what is known twice a second.

        Raises:
            CommandError: the service will never answer.
        """
        chance = random.Random()  # noqa: S311 - of pauses  # nosec B311
        reading = asyncio.create_task(self.keep_reading(interval, chance=chance))
        try:
            while not reading.done():
                draw(self.view, self.clock())
                await asyncio.wait({reading}, timeout=DRAW_SECONDS)
            await reading
        finally:
            reading.cancel()
