"""CPU per event of functions that have started already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.bench import Bench
from benchmarks.events import Json
from benchmarks.samples import Samples
from benchmarks.variants import Function, Variant

MICROSECONDS = 1_000_000
# About so many events of each in a sample, so that it takes tens of milliseconds.
EVENTS_IN_A_SAMPLE = 60
MOST_CALLS = 30
CHARGER = "CP-001"

# Makes the events with which a function is called, once or several times, for what counts as one call.
Calls = Callable[[Bench, Variant], Sequence[Json]]


@dataclass(frozen=True)
class Warm:
    """Calls of a function, and how many telemetry events they are about."""

    function: Function
    calls: Calls
    events: int = 1

    def __call__(self, bench: Bench) -> Samples:
        """Measure microseconds of CPU per event."""
        repeated = 1 if bench.once else max(2, min(MOST_CALLS, EVENTS_IN_A_SAMPLE // self.events))
        variants = (bench.reference, bench.ours, bench.bare)

        def sample(variant: Variant) -> float:
            events = [event for _ in range(repeated) for event in self.calls(bench, variant)]
            taken = bench.call(variant, self.function, events).seconds
            return taken / (repeated * self.events) * MICROSECONDS

        taken = bench.in_turn({each.name: partial(sample, each) for each in variants}, 25, 7)
        return Samples(*(taken[each.name] for each in (bench.ours, bench.reference, bench.bare)))


def posting(chargers: Sequence[str], *, batch: bool) -> Calls:
    """Return a post of one event of each of the chargers."""
    return lambda bench, _: [bench.fleet.post(chargers, batch=batch)]


def processing(posts: Sequence[Sequence[str]], *, batch: bool) -> Calls:
    """Return the batches of what comes to the queue when events of these chargers are posted."""

    def calls(bench: Bench, variant: Variant) -> Sequence[Json]:
        # What others posted is not of this batch.
        bench.take_messages(variant)
        bench.call(variant, "ingest", [bench.fleet.post(chargers, batch=batch) for chargers in posts])
        return bench.fleet.batches(bench.take_messages(variant))

    return calls


def asking(bench: Bench, variant: Variant) -> Sequence[Json]:
    """Return a query of a charger that has telemetry, new each time."""
    bench.call(variant, "processor", processing([[CHARGER]], batch=False)(bench, variant))
    return [bench.fleet.get(CHARGER)]


def chargers(count: int, of: int = 1) -> list[str]:
    """Return the chargers of so many events, in turn of so many chargers."""
    return [f"CP-{1 + number % of:03}" for number in range(count)]
