"""Samples that were taken in turn, and what they come to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TypeVar

Sample = TypeVar("Sample")


@dataclass(frozen=True)
class Samples:
    """What was measured of each, in the benchmark's unit; those of one index were taken one after the other.

    Attributes:
        ours: of our functions.
        reference: of what they are compared with; none where the figure stands for itself.
        bare: of the floor, where there is one.
    """

    ours: Sequence[float]
    reference: Sequence[float] = ()
    bare: Sequence[float] = field(default=())

    @property
    def ratio(self) -> float | None:
        """The median of the pairs' ratios."""
        return median(self._ratios) if self.reference else None

    @property
    def spread(self) -> float:
        """The interquartile range of the pairs' ratios, or where there is no reference, of ours."""
        of = self._ratios if self.reference else self.ours
        if len(of) == 1:
            return 0.0
        first, _, third = quantiles(of, n=4, method="inclusive")
        return third - first

    @property
    def _ratios(self) -> list[float]:
        return [ours / reference for ours, reference in zip(self.ours, self.reference, strict=True)]


def in_turn(measures: Mapping[str, Callable[[], Sample]], *, rounds: int, uncounted: int) -> dict[str, list[Sample]]:
    """Return samples of each measure, taken in turn, every other time in reverse, after rounds that do not count."""
    taken: dict[str, list[Sample]] = {name: [] for name in measures}
    for number in range(-uncounted, rounds):
        for name in sorted(measures, reverse=bool(number % 2)):
            sample = measures[name]()
            if number >= 0:
                taken[name].append(sample)
    return taken
