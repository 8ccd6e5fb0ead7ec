"""What Lambda tells a function of its invocation, and what a function does before its first."""

import os
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


def initialise(make: Callable[[], object]) -> None:
    """Call what makes a function's clients, where Lambda imports the function; elsewhere its first invocation does.

    Lambda initialises with a whole CPU whatever the memory, and an invocation has a share of one; a snapshot of
    SnapStart has what was made by then. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        make()
