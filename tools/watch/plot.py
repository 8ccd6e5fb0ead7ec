"""The values of a metric over time, in block characters.

They are a dozen lines. Of the libraries that plot in a terminal, plotext comes as a binary for few machines, and
plotille draws axes that take more lines than there are for all metrics of a charger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tools.watch.view import Change

# From an eighth of a line to a whole one.
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Axes:
    """What a plot spans.

    Attributes:
        begun: the time at its left edge.
        ended: the time at its right edge.
        width: in columns.
        height: in lines.
    """

    begun: datetime
    ended: datetime
    width: int
    height: int = 1

    @property
    def seconds(self) -> float:
        """The time from edge to edge."""
        return (self.ended - self.begun).total_seconds()


def plot(changes: Sequence[Change], axes: Axes) -> list[str]:
    """Return the lines of a plot of values, each of which holds until the next.

    A column is the greatest value that came within it, else the one before; before the first it is empty. The lowest
    value is an eighth of a line, the greatest fills the height.
    """
    values = _sampled(changes, axes)
    told = [value for value in values if value is not None]
    lowest, greatest = min(told, default=0), max(told, default=0)
    steps = len(BLOCKS) * axes.height - 1
    levels = [
        0 if value is None else 1 + round((value - lowest) / ((greatest - lowest) or 1) * steps) for value in values
    ]
    lines = reversed(range(axes.height))
    return ["".join(_block(level - len(BLOCKS) * line) for level in levels) for line in lines]


def _sampled(changes: Sequence[Change], axes: Axes) -> list[float | None]:
    columns: list[list[float]] = [[] for _ in range(axes.width)]
    for change in changes:
        at = int((change.seen_at - axes.begun).total_seconds() / (axes.seconds or 1) * axes.width)
        columns[min(max(at, 0), axes.width - 1)].append(change.value)
    values: list[float | None] = []
    last = None
    for column in columns:
        values.append(max(column, default=last))
        last = column[-1] if column else last
    return values


def _block(level: int) -> str:
    return " " if level <= 0 else BLOCKS[min(level, len(BLOCKS)) - 1]
