"""The benchmarks run, and what they start has the environment that the stack gives."""

from collections.abc import Iterator

import pytest

from benchmarks.bench import Bench
from benchmarks.catalogue import Benchmark, catalogue
from benchmarks.errors import BenchmarkError
from benchmarks.report import Row
from benchmarks.variants import FUNCTIONS, Function
from benchmarks.warm import asking, posting, processing
from tests.stack.synthesis import Synthesis

# They build the bundles that go to AWS, or run commands that have tests of their own.
SLOW = {"bundle-zip", "cdk-synth", "local-up-again"}
BENCHMARKS = [
    pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in SLOW else []) for each in catalogue()
]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(once=True) as bench:
        yield bench


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_each_benchmark_runs(bench: Bench, benchmark: Benchmark) -> None:
    found = Row(benchmark, benchmark.measure(bench)).as_json()
    assert (found["name"], found["target"]) == (benchmark.name, benchmark.target)
    figures = [found[name] for name in ("ratio", "ours", "reference") if found[name] is not None]
    assert all(isinstance(figure, float) and figure > 0 for figure in figures)
    assert (found["ratio"] is None) == (found["reference"] is None) == (found["unit"] == "s")


def test_the_reference_sends_a_message_for_each_event_and_stores_what_it_was_sent(bench: Bench) -> None:
    bench.take_messages(bench.reference)
    bench.call(bench.reference, "ingest", posting(["CP-1", "CP-1", "CP-2"], batch=True)(bench, bench.reference))
    messages = bench.take_messages(bench.reference)
    assert [message["MessageGroupId"] for message in messages] == ["CP-1", "CP-1", "CP-2"]
    bench.call(bench.reference, "processor", bench.fleet.batches(messages))
    bench.call(bench.reference, "query", [bench.fleet.get("CP-2")])


def test_what_comes_to_the_processor_is_what_was_posted_for_it(bench: Bench) -> None:
    for variant in (bench.ours, bench.reference, bench.bare):
        bench.call(variant, "ingest", posting(["CP-9"], batch=False)(bench, variant))
        (batch,) = processing([["CP-1"], ["CP-2"]], batch=False)(bench, variant)
        groups = [record["attributes"]["MessageGroupId"] for record in batch["Records"]]
        assert groups == ["CP-1", "CP-2"], variant.name


def test_an_answer_that_is_not_good_ends_a_benchmark_in_one_line(bench: Bench) -> None:
    (request,) = posting(["no id"], batch=False)(bench, bench.ours)
    for variant in (bench.ours, bench.reference):
        with pytest.raises(BenchmarkError, match=r"^\w+ \S+ answered .*422"):
            bench.call(variant, "ingest", [request])


def test_a_function_that_dies_ends_a_benchmark_in_one_line(bench: Bench) -> None:
    (batch,) = processing([["CP-1"]], batch=False)(bench, bench.bare)
    del batch["Records"]
    with pytest.raises(BenchmarkError, match=r"^reference bare\.processor died: KeyError: 'Records'$"):
        bench.start(bench.bare, "processor", batch)


def test_a_first_answer_comes_over_tls_that_the_bundle_trusts(bench: Bench) -> None:
    (request,) = asking(bench, bench.ours)
    for roots in bench.ours.bundle.rglob("*.pem"):
        trusted = roots.read_bytes()
        roots.write_bytes(trusted[: trusted.rindex(b"-----BEGIN CERTIFICATE-----")])
        try:
            with pytest.raises(BenchmarkError, match="503"):
                bench.start(bench.ours, "query", request)
        finally:
            roots.write_bytes(trusted)
    bench.start(bench.ours, "query", request)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_starts_with_the_variables_of_its_stage(bench: Bench, prod: Synthesis, function: Function) -> None:
    of_stack = prod.function(function)["Environment"]["Variables"]
    of_bench = bench.ours.stack_variables(function, "https://127.0.0.1:1")
    assert of_bench.keys() == of_stack.keys()
    literal = {name: value for name, value in of_stack.items() if isinstance(value, str)}
    assert {name: of_bench[name] for name in literal} == literal
