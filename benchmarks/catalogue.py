"""All benchmarks, by their names, in the order of the table."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import once
from benchmarks.bench import Bench
from benchmarks.cold import Cold, without_byte_code
from benchmarks.samples import Samples
from benchmarks.variants import FUNCTIONS
from benchmarks.warm import Warm, asking, chargers, posting, processing

CPU = "us CPU per event"


@dataclass(frozen=True)
class Benchmark:
    """One row.

    Attributes:
        name: what `--only` and the JSON call it.
        unit: what its samples are in.
        measure: takes them.
        target: the ratio that it is to have at most.
        in_short: whether it is short enough for `--short`.
    """

    name: str
    unit: str
    measure: Callable[[Bench], Samples]
    target: float | None = None
    in_short: bool = True


def catalogue() -> list[Benchmark]:
    """Return all benchmarks. What one remembers of a run, another list's does not."""
    return [*_ingest(), *_processor(), Benchmark("query", CPU, Warm("query", asking)), *_cold_starts(), *_once()]


def _ingest() -> list[Benchmark]:
    def post(chargers: list[str]) -> Warm:
        return Warm("ingest", posting(chargers, batch=True), len(chargers))

    return [
        Benchmark("ingest-single", CPU, Warm("ingest", posting(chargers(1), batch=False)), 0.65),
        Benchmark("ingest-batch-10", CPU, post(chargers(10)), 0.09),
        Benchmark("ingest-batch-100", CPU, post(chargers(100)), 0.015),
        Benchmark("ingest-batch-10-of-10-chargers", CPU, post(chargers(10, of=10))),
        Benchmark("ingest-batch-100-of-100-chargers", CPU, post(chargers(100, of=100))),
    ]


def _processor() -> list[Benchmark]:
    def alone(chargers: list[str]) -> Warm:
        return Warm("processor", processing([[charger] for charger in chargers], batch=False), len(chargers))

    def together(chargers: list[str]) -> Warm:
        return Warm("processor", processing([chargers], batch=True), len(chargers))

    return [
        Benchmark("processor-10-events-1-charger", CPU, alone(chargers(10)), 0.15),
        Benchmark("processor-10-events-5-chargers", CPU, alone(chargers(10, of=5))),
        Benchmark("processor-10-events-10-chargers", CPU, alone(chargers(10, of=10))),
        Benchmark("processor-message-of-1", CPU, together(chargers(1))),
        Benchmark("processor-message-of-10", CPU, together(chargers(10))),
        Benchmark("processor-message-of-100", CPU, together(chargers(100))),
    ]


def _cold_starts() -> list[Benchmark]:
    starts = {function: Cold(function) for function in FUNCTIONS}
    return [
        *(Benchmark(f"cold-start-{function}", "ms CPU", start.cpu, 0.72) for function, start in starts.items()),
        *(Benchmark(f"cold-start-{function}-wall", "ms", start.wall) for function, start in starts.items()),
        Benchmark("cold-start-reference-without-byte-code", "ms CPU", without_byte_code),
    ]


def _once() -> list[Benchmark]:
    return [
        Benchmark("bundle-zip", "MB", once.zipped, 0.35),
        Benchmark("cdk-synth", "s", once.synth),
        Benchmark("local-up-again", "s", once.second_up, in_short=False),
    ]
