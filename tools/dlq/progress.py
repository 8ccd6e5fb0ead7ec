"""What is told on standard error of work that takes a while."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

# Nobody needs to be told of what is over before that, nor more often.
FIRST_SECONDS = 2.0
THEN_SECONDS = 5.0


@dataclass
class Progress:
    """Tells how far work is, now and then.

    Attributes:
        clock: gives the time in seconds.
    """

    clock: Callable[[], float]
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin to count the time."""
        self._next = self.clock() + FIRST_SECONDS

    def tell(self, what: str) -> None:
        """Say it where it is time to."""
        now = self.clock()
        if now >= self._next:
            print(f"  {what}", file=sys.stderr, flush=True)
            self._next = now + THEN_SECONDS
