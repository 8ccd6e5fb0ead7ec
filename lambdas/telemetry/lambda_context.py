"""What Lambda tells a function of its invocation, and what a function does before its first."""

import os
from collections.abc import Callable
from typing import Protocol

from telemetry.observability import UnforeseenError, described

SecondsLeft = Callable[[], float]


class LambdaContext(Protocol):
    """What is used of Lambda's context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left before the function is stopped."""
        ...


def seconds_left_of(context: LambdaContext) -> SecondsLeft:
    """Return what tells how long an invocation may still take."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def initialise(make: Callable[[], object]) -> None:
    """Call what makes a function's clients, where Lambda imports the function; elsewhere its first invocation does.

    Lambda initialises with a whole CPU whatever the memory, and an invocation has a share of one; a snapshot of
    SnapStart has what was made by then. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html

    Raises:
        UnforeseenError: it failed; Lambda logs which error it was and where, and not its text, which has the settings.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    try:
        make()
    except Exception as error:  # noqa: BLE001 - the boundary round an initialisation: it fails all the same
        raise UnforeseenError(described(error)).with_traceback(error.__traceback__) from None
