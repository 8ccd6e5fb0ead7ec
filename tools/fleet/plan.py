"""What a fleet is asked to do."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Plan:
    """What a fleet does: the same plan gives the same posts, octet for octet.

    Attributes:
        prefix: what the ids of the chargers begin with.
        chargers: how many there are.
        interval: seconds between the events of one.
        duration: seconds in which they send.
        flaws: the share of events with a flaw, and of chargers behind a gateway.
        seed: what chance depends on.
        begun: the time at the beginning, with an offset.
    """

    prefix: str
    chargers: int
    interval: float
    duration: float
    flaws: float
    seed: int
    begun: datetime

    @property
    def charger_ids(self) -> list[str]:
        """The ids of the chargers."""
        return [f"{self.prefix}-{number:04}" for number in range(1, self.chargers + 1)]
