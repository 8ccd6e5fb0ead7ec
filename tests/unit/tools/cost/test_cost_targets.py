"""Targets beside what the model computes: the parts are of the bill, and the limits are those that hold."""

import pytest

from telemetry_stack.stages import stage_settings
from tools.cost import document
from tools.cost.designs import REFERENCE_FLEET, of_stage
from tools.cost.model import cost
from tools.cost.prices import load
from tools.cost.targets import PROVISIONED, TARGETS, costs, fleets

BOOK = load()
PROD = stage_settings("prod", local_port=0)
SINGLE, TENS, HUNDREDS = TARGETS


def test_a_single_post_writes_a_unit_and_reads_one_which_a_provisioned_table_sells_for_less() -> None:
    found = costs(PROD, SINGLE, BOOK)
    (saved,) = (usd for what, usd in found.items() if "writes on demand" in what)
    # A million units: 0.625 and 0.125 USD on demand; 1e6 / 3,600 s / 70 % = 396.8 unit-hours of 0.00065 and 0.00013.
    assert saved == pytest.approx(0.75 - 396.825 * 0.00078, abs=0.001)


def test_what_the_target_may_not_count_is_what_is_fixed_and_what_leaves() -> None:
    found = costs(PROD, SINGLE, BOOK)
    (uncounted,) = (usd for what, usd in found.items() if "may not count" in what)
    bill = cost(of_stage(PROD, REFERENCE_FLEET, 1, BOOK), REFERENCE_FLEET, BOOK, "us-east-1")
    # Of 864 million events a month.
    assert uncounted == pytest.approx((bill.fixed_usd + bill.by_component()["Data transfer out"]) / 864)
    with_it, without = (usd for what, usd in found.items() if what.startswith(("with a prov", "the same")))
    assert with_it - without == pytest.approx(uncounted)


def test_log_lines_in_the_way_are_all_that_is_paid_for_logs() -> None:
    (logs,) = (usd for what, usd in costs(PROD, TENS, BOOK).items() if "log lines" in what)
    bill = cost(of_stage(PROD, REFERENCE_FLEET, 10, BOOK), REFERENCE_FLEET, BOOK, "us-east-1")
    rest = sum(charge.usd for charge in bill.charges if charge.use.what in {"custom metrics", "alarms", "dashboards"})
    assert logs == pytest.approx((bill.by_component()["CloudWatch"] - rest) / 864)


def test_both_changes_together_are_a_stage_with_both() -> None:
    changed = PROD.model_copy(update={"table_capacity": PROVISIONED})
    design = of_stage(changed, REFERENCE_FLEET, 10, BOOK, messages_per_batch=10)
    (reached,) = (usd for what, usd in costs(PROD, TENS, BOOK).items() if what.startswith("with a prov"))
    assert reached == pytest.approx(cost(design, REFERENCE_FLEET, BOOK, "us-east-1").per_million)


def test_fleets_are_as_large_as_what_limits_them_lets_them_be() -> None:
    single, tens = fleets(PROD, SINGLE, BOOK), fleets(PROD, TENS, BOOK)
    # 10,000 requests/s x 30 s, by ten; 4,000 writes/s x 30 s; the stage's own rate.
    assert (single["AWS's default quotas"], tens["AWS's default quotas"]) == pytest.approx((300_000, 3_000_000))
    assert single["a new table on demand, until it has grown or was warmed"] == pytest.approx(120_000)
    assert single["`ingest_throttle` of `prod`"] == pytest.approx(PROD.ingest_throttle.requests_per_second * 30)
    fewer = fleets(PROD.model_copy(update={"processor_concurrency": PROD.processor_concurrency // 2}), SINGLE, BOOK)
    assert fewer["`processor_concurrency` of `prod`"] == pytest.approx(single["`processor_concurrency` of `prod`"] / 2)


def test_the_page_has_what_is_packed_as_a_share_and_what_a_start_from_a_snapshot_costs() -> None:
    page = document.COPY.read_text()
    (single, *packed) = (
        cost(of_stage(PROD, REFERENCE_FLEET, batch, BOOK), REFERENCE_FLEET, BOOK, "eu-central-1").per_million
        for batch in (1, 4, 10, 100)
    )
    for batch, usd in zip((4, 10, 100), packed, strict=True):
        assert f"| {batch} events | {usd:.3f} | {usd / single:.1%} |" in page
    # 0.25 GB x a million x 0.0001397998 USD.
    assert "35 USD for a million starts of 256 MB" in page
    # 2 GB (512, 512 and 1,024 MB) x 2,592,000 s x 0.0000015046 USD.
    assert "7.80 USD for one of each function" in page
