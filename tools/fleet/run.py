"""A run of a fleet: all senders at once, each post at its time, and what is told meanwhile."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tools.command_line import CommandError
from tools.fleet.figures import Figures
from tools.fleet.ledger import Difference, Ledger
from tools.fleet.plan import Plan
from tools.fleet.posts import Post, senders_of
from tools.fleet.reading import read_back, settled
from tools.fleet.report import INTERRUPTED, Report, progress_line
from tools.fleet.sending import Sender
from tools.progress import Progress
from tools.service import JsonObject

EVERY_SECONDS = 0.5


@dataclass
class Run:
    """A run of a fleet.

    Attributes:
        plan: what is sent.
        client: with the service's URL and the token.
        progress: told how it stands.
    """

    plan: Plan
    client: httpx.AsyncClient
    progress: Progress = field(default_factory=Progress)
    figures: Figures = field(default_factory=Figures)
    ledger: Ledger = field(default_factory=Ledger)
    _begun: float = 0.0
    _ended: float = 0.0
    _differences: list[Difference] | None = None
    _not_read: str = INTERRUPTED

    async def to_its_end(self) -> None:
        """Send all and read it back; the report tells where that can't be read any more.

        Raises:
            CommandError: what is kept can't be read at the beginning.
        """
        try:
            self.progress.tell(f"asking {self.client.base_url} whether it can be read")
            # What can't be read in the end need not be sent.
            await read_back(self.client, self.plan.charger_ids[:1], attempts=1)
            await self._send()
            try:
                differences = await settled(self._read_back, self.ledger, self.progress.tell)
            except CommandError as error:
                self._not_read = str(error)
            else:
                self._differences = [*self.ledger.surprises, *differences]
        finally:
            self.progress.end()
            await self.client.aclose()

    def report(self) -> Report:
        """Return how it stands; also where it was interrupted."""
        seconds = (self._ended or time.monotonic()) - self._begun if self._begun else 0.0
        return Report(self.plan, self.figures, seconds, self._differences, self._not_read)

    async def _read_back(self) -> dict[str, JsonObject]:
        return await read_back(self.client, self.plan.charger_ids)

    async def _send(self) -> None:
        senders = senders_of(self.plan)
        due = sum(len(post.events) for posts in senders for post in posts)
        chance = random.Random(self.plan.seed)  # noqa: S311 - the same for the same seed  # nosec B311
        sender = Sender(self.client, self.ledger, self.figures, chance)
        self._begun = time.monotonic()
        telling = asyncio.create_task(self._tell(due))
        try:
            async with asyncio.TaskGroup() as tasks:
                for posts in senders:
                    tasks.create_task(self._send_each(sender, posts))
        finally:
            self._ended = time.monotonic()
            telling.cancel()

    async def _send_each(self, sender: Sender, posts: Sequence[Post]) -> None:
        for post in posts:
            await asyncio.sleep(self._begun + post.at - time.monotonic())
            await sender.send(post)

    async def _tell(self, due: int) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.progress.tell(progress_line(self.figures, time.monotonic() - self._begun, due))
