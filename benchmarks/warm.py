"""CPU per event of functions that have started already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.events import Fleet, Json
from benchmarks.samples import Samples, in_turn
from benchmarks.variants import Function, Variant

MICROSECONDS = 1_000_000
# About so many events of each in a sample, so that it takes tens of milliseconds.
EVENTS_IN_A_SAMPLE = 60
MOST_CALLS = 30
CHARGER = "CP-001"

# Makes the events with which a function is called, once or several times, for what counts as one call.
Calls = Callable[[Bench, Variant, Fleet], Sequence[Json]]


@dataclass(frozen=True)
class Warm:
    """Calls of a function, and how many telemetry events they are about."""

    function: Function
    calls: Calls
    events: int = 1

    def __call__(self, bench: Bench) -> Samples:
        """Measure microseconds of CPU per event."""
        repeated = 2 if bench.once else max(3, min(MOST_CALLS, EVENTS_IN_A_SAMPLE // self.events))
        variants = (bench.reference, bench.ours, bench.bare)
        fleets = {variant.name: Fleet() for variant in variants}

        def sample(variant: Variant) -> float:
            fleet = fleets[variant.name]
            events = [event for _ in range(repeated) for event in self.calls(bench, variant, fleet)]
            taken = bench.call(variant, self.function, events).seconds
            return taken / (repeated * self.events) * MICROSECONDS

        rounds = bench.rounds(full=25, short=11)
        taken = in_turn(rounds, {variant.name: lambda of=variant: sample(of) for variant in variants})
        return Samples(*(taken[variant.name] for variant in (bench.ours, bench.reference, bench.bare)))


def posting(chargers: Sequence[str], *, batch: bool) -> Calls:
    """Return a post of one event of each of the chargers."""
    return lambda _bench, _variant, fleet: [fleet.post(chargers, batch=batch)]


def processing(posts: Sequence[Sequence[str]], *, batch: bool) -> Calls:
    """Return the batches of what comes to the queue when events of these chargers are posted."""

    def calls(bench: Bench, variant: Variant, fleet: Fleet) -> Sequence[Json]:
        bench.call(variant, "ingest", [fleet.post(chargers, batch=batch) for chargers in posts])
        return fleet.batches(bench.take_messages(variant))

    return calls


def asking(bench: Bench, variant: Variant, fleet: Fleet) -> Sequence[Json]:
    """Return a query of a charger that has telemetry, new each time."""
    bench.call(variant, "processor", processing([[CHARGER]], batch=False)(bench, variant, fleet))
    return [fleet.get(CHARGER)]


def chargers(count: int, of: int = 1) -> list[str]:
    """Return the chargers of so many events, in turn of so many chargers."""
    return [f"CP-{1 + number % of:03}" for number in range(count)]
