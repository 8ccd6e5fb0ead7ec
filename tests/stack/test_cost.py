"""What the cost model says that the stack makes of a stage is what the template has."""

from collections.abc import Callable

import pytest

from tests.stack.synthesis import Synthesis
from tools.cost.__main__ import STAGES
from tools.cost.designs import Deployed, deployed


@pytest.mark.parametrize("stage", [*STAGES, "full", "bare"])
def test_the_template_has_what_the_cost_model_counts(stage: str, synthesis_of: Callable[[str], Synthesis]) -> None:
    synthesis = synthesis_of(stage)
    assert deployed(synthesis.settings) == Deployed(
        alarms=len(synthesis.of_type("AWS::CloudWatch::Alarm")),
        dashboards=len(synthesis.of_type("AWS::CloudWatch::Dashboard")),
        keys=len(synthesis.of_type("AWS::KMS::Key")),
    )


def test_no_line_of_the_platform_is_counted_since_none_is_written(prod: Synthesis) -> None:
    for service in ("ingest", "processor"):
        assert prod.function(service)["LoggingConfig"]["SystemLogLevel"] == "WARN"


def test_functions_are_counted_at_the_price_of_their_processor(prod: Synthesis) -> None:
    assert {each["Architectures"][0] for each in prod.of_type("AWS::Lambda::Function").values()} == {"arm64"}


def test_the_queue_is_one_of_high_throughput(prod: Synthesis) -> None:
    for queue in prod.of_type("AWS::SQS::Queue").values():
        assert queue["FifoThroughputLimit"] == "perMessageGroupId"
        assert queue["KmsDataKeyReusePeriodSeconds"] == 300
