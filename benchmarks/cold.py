"""From the start of a process to a function's first answer, over TLS."""

from functools import partial
from statistics import median

from benchmarks.bench import Bench
from benchmarks.events import Json
from benchmarks.samples import Samples
from benchmarks.variants import Function, Variant
from benchmarks.warm import CHARGER, asking, posting, processing

MILLISECONDS = 1_000


class Cold:
    """The starts of one function: CPU and wall time are of the same processes."""

    def __init__(self, function: Function) -> None:
        self._function: Function = function
        self._taken: dict[str, list[tuple[float, float]]] = {}

    def cpu(self, bench: Bench) -> Samples:
        """Return milliseconds of CPU, less those of an empty interpreter."""
        return self._samples(bench, 0)

    def wall(self, bench: Bench) -> Samples:
        """Return milliseconds of wall time, less those of an empty interpreter."""
        return self._samples(bench, 1)

    def _samples(self, bench: Bench, index: int) -> Samples:
        variants = (bench.ours, bench.reference, bench.bare)
        if not self._taken:
            first = {variant.name: first_event(bench, variant, self._function) for variant in variants}
            starts = {each.name: partial(bench.start, each, self._function, first[each.name]) for each in variants}
            starts["empty"] = partial(bench.start, None, self._function, first[bench.ours.name])
            self._taken = bench.in_turn(starts, 15, 5)
        return above_empty(index, self._taken, *(variant.name for variant in variants))


def without_byte_code(bench: Bench) -> Samples:
    """Return milliseconds of CPU of the reference's ingest without byte code, as if it were ours."""
    reference, other = bench.reference, bench.reference_without_byte_code
    event = first_event(bench, reference, "ingest")
    starts = {
        "without": partial(bench.start, other, "ingest", event),
        "with": partial(bench.start, reference, "ingest", event),
        "empty": partial(bench.start, None, "ingest", event),
    }
    return above_empty(0, bench.in_turn(starts, 7, 3), "without", "with")


def above_empty(index: int, taken: dict[str, list[tuple[float, float]]], *names: str) -> Samples:
    """Return the samples of these in milliseconds, less the median of the empty interpreter's."""
    empty = median(sample[index] for sample in taken["empty"])
    return Samples(*([(sample[index] - empty) * MILLISECONDS for sample in taken[name]] for name in names))


def first_event(bench: Bench, variant: Variant, function: Function) -> Json:
    """Return what a function that has just started is called with."""
    calls = {
        "ingest": posting([CHARGER], batch=False),
        "processor": processing([[CHARGER]], batch=False),
        "query": asking,
    }
    return calls[function](bench, variant)[0]
