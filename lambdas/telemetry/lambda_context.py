"""What Lambda tells a function of its invocation."""

from collections.abc import Callable
from typing import Protocol

SecondsLeft = Callable[[], float]


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left before the function is stopped."""
        ...


def seconds_left_of(context: LambdaContext) -> SecondsLeft:
    """Return what tells how long an invocation may still take."""
    return lambda: context.get_remaining_time_in_millis() / 1000
