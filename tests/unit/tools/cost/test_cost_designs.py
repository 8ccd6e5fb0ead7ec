"""The designs: ours, from its settings and its code; what it is compared with; and how far each goes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_stack.stages import Autoscaling, FunctionMemory, ProvisionedCapacity, StageSettings, stage_settings
from tools.cost.alternatives import ALTERNATIVES
from tools.cost.designs import (
    REFERENCE_FLEET,
    REFERENCE_REGION,
    REFERENCES,
    Reference,
    assumed_messages,
    billed_ms,
    of_stage,
)
from tools.cost.footprint import SAMPLES, measure
from tools.cost.model import Fleet, bill, cost
from tools.cost.prices import load
from tools.cost.quotas import Limit, first, limits

BOOK = load()
PROD = stage_settings("prod", local_port=0)
REGION = "eu-central-1"
PROVISIONED = PROD.model_copy(
    update={
        "table_capacity": ProvisionedCapacity(
            read=Autoscaling(minimum=1, maximum=1_000), write=Autoscaling(minimum=1, maximum=3_000)
        )
    }
)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: each.design.name)
def test_a_design_with_a_known_figure_costs_about_that(reference: Reference) -> None:
    whole = cost(reference.design, REFERENCE_FLEET, BOOK, REFERENCE_REGION)
    assert whole.per_million == pytest.approx(reference.per_million, rel=0.1)


def test_the_straightforward_design_spends_where_it_is_known_to() -> None:
    by_component = cost(REFERENCES[0].design, REFERENCE_FLEET, BOOK, REFERENCE_REGION).by_component()
    whole = sum(by_component.values())
    known = {"CloudWatch": 0.32, "SQS": 0.22, "API Gateway": 0.21, "DynamoDB": 0.14}
    assert {name: by_component[name] / whole for name in known} == pytest.approx(known, abs=0.02)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("batch", [1, 10, 100])
def test_the_samples_are_telemetry_that_the_rules_have_nothing_to_say_of(sample: str, batch: int) -> None:
    names = {metric[0] for metric in measure("prod", sample, batch, 1).metrics}
    assert names == {"EventsAccepted", "EventsStored", "IngestToStored", "EventsWithFindings"}


def test_events_of_one_charger_travel_in_one_message_and_are_one_item() -> None:
    design = of_stage(PROD, Fleet(10_000, 30), 10, BOOK)
    assert (design.messages, len(design.sends), design.items) == (1, 1, 1)
    single = measure("prod", "flat", 1, 30)
    assert measure("prod", "flat", 10, 30).item == pytest.approx(single.item, abs=20)
    # Ten events share what stands round them.
    assert 5 * single.messages[0] < design.message_bytes < 10 * single.messages[0]


def test_what_is_logged_of_two_messages_is_what_is_logged_of_one_and_what_each_adds() -> None:
    footprint = measure("prod", "flat", 1, 30)
    assert (footprint.ingest.lines, footprint.invocation.lines, footprint.message.lines) == (2, 1, 1)
    one, ten = (of_stage(PROD, Fleet(1, 30), 1, BOOK, messages_per_batch=each) for each in (1, 10))
    added = ten.processor.log_bytes - one.processor.log_bytes
    assert added == pytest.approx(9 * (footprint.message.size + BOOK.assumed("log_line_overhead_bytes")))


@given(st.integers(1, 1_000_000), st.sampled_from((1, 30, 60, 600)))
@settings(deadline=None)
def test_larger_batches_cost_less(chargers: int, interval: int) -> None:
    fleet = Fleet(chargers, interval)
    bills = [cost(of_stage(PROD, fleet, batch, BOOK), fleet, BOOK, REGION) for batch in (1, 2, 3, 10, 100)]
    # Whatever the fleet, the metric of a finding that packing causes is 0.30 USD a month: more than one charger saves.
    costs = [each.usd - each.fixed_usd for each in bills]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == len(costs)


@given(st.floats(0.001, 1e5), st.floats(0.001, 1e5))
def test_more_messages_are_never_fewer_invocations(one: float, other: float) -> None:
    slower, faster = sorted((one, other))
    assert slower / assumed_messages(slower, BOOK) <= faster / assumed_messages(faster, BOOK) * (1 + 1e-9)
    assert 1 <= assumed_messages(faster, BOOK) <= BOOK.assumed("most_messages_per_invocation")


def test_a_function_with_half_a_cpu_computes_twice_as_long_and_waits_as_long() -> None:
    whole = BOOK.assumed("whole_cpu_memory_mb")
    waits = 2 * BOOK.assumed("round_trip_ms")
    assert billed_ms(10, calls=2, memory_mb=int(whole), book=BOOK) == pytest.approx(10 + waits)
    assert billed_ms(10, calls=2, memory_mb=int(whole * 2), book=BOOK) == pytest.approx(10 + waits)
    assert billed_ms(10, calls=2, memory_mb=int(whole) // 2, book=BOOK) == pytest.approx(20 + waits, rel=0.01)


@pytest.mark.parametrize(
    ("chargers", "events", "measured_ms"),
    # `docs/performance.md`: processor-message-of-1, -message-of-100, and -10-events-10-chargers.
    [(1, 1, 3.51), (1, 100, 42.3), (10, 10, 34.8)],
)
def test_the_processor_computes_as_long_as_its_benchmarks(chargers: int, events: int, measured_ms: float) -> None:
    assert (
        BOOK.assumed("processor_cpu_ms_per_invocation")
        + chargers * BOOK.assumed("processor_cpu_ms_per_charger")
        + events * BOOK.assumed("processor_cpu_ms_per_event")
    ) == pytest.approx(measured_ms, rel=0.03)


# `docs/performance.md`: ingest-single, and ingest-batch-100.
@pytest.mark.parametrize(("events", "measured_ms"), [(1, 1.088), (100, 7.5)])
def test_ingest_computes_as_long_as_its_benchmarks(events: int, measured_ms: float) -> None:
    found = BOOK.assumed("ingest_cpu_ms_per_request") + events * BOOK.assumed("ingest_cpu_ms_per_event")
    assert found == pytest.approx(measured_ms, rel=0.03)


def test_the_interval_of_the_fleet_tells_what_a_post_of_ten_logs() -> None:
    prompt, late = (of_stage(PROD, Fleet(10, interval), 10, BOOK) for interval in (1, 30))
    assert late.processor.log_bytes > prompt.processor.log_bytes
    assert (late.fixed.metrics, prompt.fixed.metrics) == (5, 4)


def test_the_settings_of_the_stage_decide() -> None:
    fleet = Fleet(10_000, 30)

    def usd(stage: StageSettings, what: str) -> float:
        charges = cost(of_stage(stage, fleet, 1, BOOK), fleet, BOOK, REGION).charges
        return sum(charge.usd for charge in charges if charge.use.what == what)

    short, long = (PROD.model_copy(update={"log_retention_days": days}) for days in (30, 90))
    assert usd(long, "logs kept") == pytest.approx(3 * usd(short, "logs kept"))
    alike = PROD.model_copy(update={"gradual_deployment": False})
    assert usd(PROD, "alarms") - usd(alike, "alarms") == pytest.approx(0.4)
    unrecoverable = PROD.model_copy(update={"point_in_time_recovery": False})
    assert usd(PROD, "point-in-time recovery") > usd(unrecoverable, "point-in-time recovery") == 0
    assert usd(PROD, "writes") > usd(PROVISIONED, "writes") == 0
    assert usd(PROVISIONED, "write capacity") > 0
    traced = PROD.model_copy(update={"tracing": True})
    assert usd(traced, "traces of ingest") > usd(PROD, "traces of ingest") == 0
    snapshots = PROD.model_copy(update={"snap_start": True, "memory": FunctionMemory()})
    # 512, 512 and 1,024 MB.
    assert usd(snapshots, "snapshots kept") == pytest.approx(2 * 30 * 86_400 * 0.0000015046)


def test_an_alternative_with_a_known_figure_costs_about_that() -> None:
    known = {
        "AWS IoT Core, a rule to DynamoDB": 1.97,
        "AWS IoT Core, Basic Ingest": 0.97,
        "HTTP API straight to SQS": 2.24,
        "two Fargate tasks and a load balancer": 0.42,
    }
    found = {
        each.name: bill(each.uses(REFERENCE_FLEET, BOOK), REFERENCE_FLEET.events, BOOK, REFERENCE_REGION).per_million
        for each in ALTERNATIVES
    }
    assert {name: found[name] for name in known} == pytest.approx(known, rel=0.1)


def by_what(found: list[Limit]) -> dict[str, Limit]:
    return {limit.what: limit for limit in found}


def test_limits_are_met_in_order_and_in_proportion_to_the_interval_and_the_batch() -> None:
    found = limits(PROD, 30, 1, BOOK, "us-east-1")
    assert all(one.chargers <= other.chargers for one, other in pairwise(found))
    named = by_what(found)
    # 300 sends/s x 30 s; 10,000 requests/s x 30 s; 70,000 sends/s x 30 s.
    assert named["sends/s of a plain FIFO queue, which ours is not"].chargers == pytest.approx(9_000)
    assert named["requests/s of the account"].chargers == pytest.approx(300_000)
    assert named["sends/s of a high-throughput FIFO queue"].chargers == pytest.approx(2_100_000)
    assert named["posts/s"].chargers == pytest.approx(PROD.ingest_throttle.requests_per_second * 30)
    packed = by_what(limits(PROD, 60, 10, BOOK, "us-east-1"))
    assert packed["requests/s of the account"].chargers == pytest.approx(6_000_000)


def test_what_is_met_first_is_a_limit_of_the_stage_and_never_of_a_queue_that_it_does_not_have() -> None:
    found = limits(PROD, 30, 1, BOOK, REGION)
    assert first(found).ours
    assert all(limit.chargers >= first(found).chargers for limit in found if limit.ours)
    assert min(limit.chargers for limit in found) < first(found).chargers
    tight = PROD.model_copy(update={"processor_concurrency": 2})
    assert first(limits(tight, 30, 1, BOOK, REGION)).what == "processors at once"


def test_a_larger_item_takes_more_of_the_table() -> None:
    flat, ocpp = (by_what(limits(PROD, 30, 1, BOOK, REGION, sample=sample)) for sample in ("flat", "ocpp"))
    units = [of_stage(PROD, Fleet(1, 30), 1, BOOK, sample=sample).write_units for sample in ("flat", "ocpp")]
    what = "write units/s of a table"
    assert flat[what].chargers / ocpp[what].chargers == pytest.approx(units[1] / units[0])
    assert units[1] > units[0]


def test_a_provisioned_table_has_its_own_maximum_in_place_of_a_new_tables() -> None:
    named = by_what(limits(PROVISIONED, 30, 1, BOOK, REGION))
    assert named["write units/s"].value == 3_000
    assert not any("new on-demand" in what for what in named)
