"""Reading again and again, as politely as the service asks, and showing what is known meanwhile."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
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

    charger_ids: Callable[[], Coroutine[None, None, Sequence[str]]]
    reader: Reader
    keep_changes: bool = False
    view: View = field(default_factory=View)
    clock: Callable[[], datetime] = _now

    async def read(self) -> NotAnsweredError | None:
        """Read once; return why not all could be read, where the service can't answer at the moment.

        Raises:
            CommandError: it never will.
        """
        try:
            charger_ids = await self.charger_ids()
            self.view = self.view.of(charger_ids)
            async for answer in self.reader.read(charger_ids):
                self.view = self.view.with_answer(answer, self.clock(), keep_changes=self.keep_changes)
        except NotAnsweredError as error:
            self.view = replace(self.view, trouble=str(error), is_old=not error.partly)
            return error
        self.view = replace(self.view, read_at=self.clock(), trouble="", is_old=False)
        return None

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
            error = await self.read()
            if error:
                # As docs/clients.md asks: what the service wants, and beyond it longer each time and by chance.
                longest = min(LONGEST_PAUSE_SECONDS, 2**failures)
                pause = max(interval, (error.pause or 0) + chance.uniform(0, longest))
            failures = failures + 1 if error and not error.partly else 0
            self.view = replace(self.view, next_at=self.clock() + timedelta(seconds=pause))
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
