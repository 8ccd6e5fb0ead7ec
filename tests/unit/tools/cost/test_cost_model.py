"""What is used in a month, and what that costs, against sums done by hand."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_stack.stages import Autoscaling, OnDemandCapacity, ProvisionedCapacity
from tools.cost.model import Design, Fixed, Fleet, Invocation, bill, cost, shares, traces_per_second, uses_of
from tools.cost.prices import Assumption, Price, PriceBook, RegionalPrice, Tier

REGION = "somewhere"
# USD a unit: round, so that they can be multiplied in the head.
PRICES = {
    "http_api_request": 1e-6,
    "lambda_request": 0.2e-6,
    "lambda_gb_second": 1e-5,
    "sqs_fifo_request": 0.5e-6,
    "dynamodb_write_request": 0.6e-6,
    "dynamodb_read_request": 0.1e-6,
    "dynamodb_write_capacity": 0.001,
    "dynamodb_read_capacity": 0.0002,
    "dynamodb_storage": 0.25,
    "dynamodb_recovery": 0.2,
    "log_ingestion": 0.5,
    "log_storage": 0.03,
    "metric": 0.3,
    "alarm": 0.1,
    "dashboard": 3,
    "trace": 5e-6,
    "kms_key": 1,
    "kms_request": 3e-6,
    "data_out": 0.09,
}
ASSUMED = {
    "long_poll_seconds": 20,
    "log_compression": 0.1,
    "item_overhead_bytes": 100,
    "traces_per_second": 1,
    "trace_rate": 0.05,
}
GIB = 1024**3


def priced(*tiers: tuple[float, float]) -> RegionalPrice:
    return RegionalPrice(
        known="read",
        source="a page",
        date=date(2026, 11, 26),
        tiers=tuple(Tier(above=above, usd=usd) for above, usd in tiers),
    )


BOOK = PriceBook(
    prices={
        name: Price(unit="one", offer=None, usage_types=(), attributes={}, regions={REGION: priced((0, usd))})
        for name, usd in PRICES.items()
    },
    assumptions={name: Assumption(value=value, unit="", why="", source="") for name, value in ASSUMED.items()},
    quotas={},
)
# 1,000 chargers / 10 s = 100 events/s; 10 events a post = 10 requests/s; 2 messages a batch = 5 batches/s.
FLEET = Fleet(1_000, 10)
DESIGN = Design(
    name="tens",
    events=10,
    body_bytes=5_000,
    answer_bytes=1_000,
    access_log_bytes=300,
    ingest=Invocation(memory_mb=512, billed_ms=20, log_bytes=1_000),
    sends=(70_000,),
    messages=1,
    messages_per_batch=2,
    message_bytes=70_000,
    processor=Invocation(memory_mb=1024, billed_ms=50, log_bytes=2_000),
    items=2,
    item_bytes=5_000,
    reads=True,
    capacity=OnDemandCapacity(),
    recovery=True,
    log_days=60,
    traced=True,
    fixed=Fixed(alarms=20, dashboards=1, metrics=4, keys=3, pollers=5, key_users=4),
)
REQUESTS = 25_920_000  # 10/s x 2,592,000 s
BATCHES = 12_960_000  # 5/s


def test_each_component_is_what_the_sum_by_hand_says() -> None:
    logged_gib = (REQUESTS * (1_000 + 300) + BATCHES * 2_000) / GIB
    stored_gib = 1_000 * (5_000 + 100) / GIB
    assert cost(DESIGN, FLEET, BOOK, REGION).by_component() == pytest.approx(
        {
            # A request each, since a body is far below 512 KiB.
            "API Gateway": 25.92,
            # 25.92 M x 0.2 USD/M, and 25.92 M x 0.5 GB x 0.02 s = 259,200 GB-s x 0.00001 USD.
            "Lambda ingest": 5.184 + 2.592,
            # A send of 70,000 bytes is two of 64 KiB: 51.84 M; a receive of 140,000 bytes three: 38.88 M; a delete
            # each: 12.96 M. 103.68 M x 0.5 USD/M. Five pollers that wait 20 s: 648,000 receives.
            "SQS": 51.84 + 0.324,
            # 12.96 M x 0.2 USD/M, and 12.96 M x 1 GB x 0.05 s = 648,000 GB-s.
            "Lambda processor": 2.592 + 6.48,
            # 10 items/s: 25.92 M writes of 5 KiB-units, and reads of 2; the items with 100 bytes more each.
            "DynamoDB": 25.92 * 5 * 0.6 + 25.92 * 2 * 0.1 + stored_gib * (0.25 + 0.2),
            # Kept for two months at a tenth of its size.
            "CloudWatch": logged_gib * 0.5 + logged_gib * 2 * 0.1 * 0.03 + 4 * 0.3 + 20 * 0.1 + 3,
            # (1 + 9 x 0.05) + (1 + 4 x 0.05) traces/s = 2.65/s = 6,868,800.
            "X-Ray": 34.344,
            # 3 keys, and 4 x 2,592,000 s / 300 s = 34,560 requests.
            "KMS": 3 + 0.10368,
            "Data transfer out": REQUESTS * 1_000 / GIB * 0.09,
        }
    )


def test_a_provisioned_table_costs_by_the_hour_what_is_needed_at_its_target_within_its_bounds() -> None:
    def of(minimum: int, maximum: int) -> float:
        scaled = Autoscaling(minimum=minimum, maximum=maximum, target_percent=50)
        capacity = ProvisionedCapacity(read=Autoscaling(minimum=1, maximum=1), write=scaled)
        charges = cost(replace(DESIGN, capacity=capacity), FLEET, BOOK, REGION).charges
        (usd,) = (charge.usd for charge in charges if charge.use.what == "write capacity")
        return usd

    # 50 units/s at half of what is there are 100 units x 720 h x 0.001 USD.
    assert of(1, 1_000) == pytest.approx(72)
    assert of(200, 1_000) == pytest.approx(144)
    assert of(1, 60) == pytest.approx(43.2)


def test_a_price_falls_only_for_what_is_above_its_tier() -> None:
    price = priced((0, 1.0), (300, 0.9), (1_000, 0.5))
    assert price.cost(300) == 300
    assert price.cost(864) == pytest.approx(300 + 564 * 0.9)
    assert price.cost(1_001) == pytest.approx(300 + 700 * 0.9 + 0.5)


def test_uses_of_one_price_reach_its_tiers_together() -> None:
    book = BOOK.model_copy(
        update={
            "prices": {
                **BOOK.prices,
                "log_ingestion": BOOK.prices["log_ingestion"].model_copy(
                    update={"regions": {REGION: priced((0, 1.0), (10, 0.5))}}
                ),
            }
        }
    )
    uses = [use for use in uses_of(DESIGN, FLEET, BOOK) if use.price == "log_ingestion"]
    gigabytes = sum(use.quantity for use in uses)
    assert len(uses) == 3
    assert gigabytes > 20
    assert bill(uses, FLEET.events, book, REGION).usd == pytest.approx(10 + (gigabytes - 10) * 0.5)


def test_what_does_not_depend_on_the_fleet_is_told_apart() -> None:
    # 3 keys and their requests, 20 alarms, a dashboard, 4 metrics, and receives of nothing.
    fixed = 3.10368 + 2 + 3 + 1.2 + 0.324
    assert cost(DESIGN, FLEET, BOOK, REGION).fixed_usd == pytest.approx(fixed)
    assert cost(DESIGN, Fleet(1, 3600), BOOK, REGION).fixed_usd == pytest.approx(fixed)


def test_the_first_trace_of_a_second_and_a_twentieth_of_the_others_are_recorded() -> None:
    assert traces_per_second(0.4, BOOK) == 0.4
    assert traces_per_second(101, BOOK) == pytest.approx(6)


FLEETS = st.builds(Fleet, st.integers(1, 1_000_000), st.floats(1, 3600))


@given(FLEETS, st.integers(1, 1_000_000))
def test_more_chargers_never_cost_less(fleet: Fleet, more: int) -> None:
    larger = replace(fleet, chargers=fleet.chargers + more)
    assert cost(DESIGN, larger, BOOK, REGION).usd > cost(DESIGN, fleet, BOOK, REGION).usd


@given(FLEETS)
def test_components_add_up_to_the_whole(fleet: Fleet) -> None:
    whole = cost(DESIGN, fleet, BOOK, REGION)
    assert sum(whole.by_component().values()) == pytest.approx(whole.usd)
    assert sum(shares(whole.by_component()).values()) == pytest.approx(1)
    assert whole.per_million * fleet.events / 1e6 == pytest.approx(whole.usd)


@given(st.lists(st.tuples(st.floats(0.001, 1e6), st.floats(0, 1)), min_size=1, max_size=4), st.floats(0, 1e7))
def test_a_price_of_tiers_is_never_above_its_dearest(steps: list[tuple[float, float]], quantity: float) -> None:
    above, tiers = 0.0, list[tuple[float, float]]()
    for width, usd in steps:
        tiers.append((above, usd))
        above += width
    assert priced(*tiers).cost(quantity) <= quantity * max(usd for _, usd in steps) + 1e-6


def test_tiers_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="tiers must begin at 0, and rise"):
        priced((0, 1), (10, 2), (10, 3))
    with pytest.raises(ValueError, match="tiers must begin at 0, and rise"):
        priced((5, 1))
