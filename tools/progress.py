"""What is told of work that takes a while: on a terminal one line that lives, elsewhere lines, now and then.

Colours are for terminals alone, and for none where NO_COLOR is set: https://no-color.org
"""

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as LiveLine

# Nobody needs to be told of what is over before that, nor more often where each line stays.
FIRST_SECONDS = 2.0
THEN_SECONDS = 5.0


class Progress:
    """Tells how far work is, until the end of the `with` that this is for.

    Args:
        stream: where it is told; standard error, where not given.
        clock: gives the time in seconds.
    """

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._next = clock() + FIRST_SECONDS
        self._line: LiveLine | None = None

    def __enter__(self) -> Self:
        """Tell nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no line that lives."""
        self.end()

    def tell(self, what: str) -> None:
        """Say it: at once on a terminal, else where it is time to."""
        if _is_live(self._stream):
            if self._line is None:
                self._line = _live_line(self._stream, with_time=False)
                self._line.add_task(what)
                self._line.start()
            self._line.update(self._line.task_ids[0], description=what)
        elif (now := self._clock()) >= self._next:
            print(f"  {what}", file=self._stream, flush=True)
            self._next = now + THEN_SECONDS

    def end(self) -> None:
        """Leave the terminal to others, until there is more to tell."""
        if self._line:
            self._line.stop()
            self._line = None


@contextmanager
def step(what: str, *, stream: TextIO | None = None) -> Generator[None]:
    """Tell what is being done, and how long it took.

    Args:
        what: is done.
        stream: where it is told; standard output, where not given.
    """
    where: TextIO = stream or sys.stdout
    started = time.monotonic()
    line = None
    if _is_live(where):
        line = _live_line(where, with_time=True)
        line.add_task(what)
        line.start()
    else:
        print(f"  {what} ...", end="", file=where, flush=True)
    took = "failed"
    try:
        yield
        took = f"{time.monotonic() - started:.1f} s"
    finally:
        if line:
            line.stop()
        print(f"  {what} ... {took}" if line else f" {took}", file=where, flush=True)


def _is_live(stream: TextIO) -> bool:
    """Tell whether a line can be written again there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _live_line(stream: TextIO, *, with_time: bool) -> "LiveLine":
    # It takes a while to import, and most of what runs is not at a terminal.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as LiveLine  # noqa: PLC0415
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    time_elapsed = [TimeElapsedColumn()] if with_time else []
    # What else is printed has a stream of its own, which may be a file.
    return LiveLine(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *time_elapsed,
        console=Console(file=stream),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
