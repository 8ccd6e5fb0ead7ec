"""`docs/timeouts.md` says what the code and the templates do."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

import pytest
from botocore.config import Config

from processor.delivery import LAST_RECEIVE_OF_A_FAULT
from processor.redelivery import back_off_seconds
from telemetry import aws_clients
from telemetry.latest_table import LAST_ATTEMPT_SECONDS
from telemetry.problem import RETRY_AFTER_SECONDS
from tests.stack.synthesis import ROOT, Synthesis
from tests.unit.fakes import DEDUPLICATION_SECONDS

DOCUMENT = (ROOT / "docs" / "timeouts.md").read_text()
QUEUE = "Queue381943A6"
DEAD_LETTERS = "QueueDeadLetters9B423CAD"


def documented() -> dict[str, str]:
    """Return the figures of the first table, by what they are of."""
    table = DOCUMENT.partition("|---|---|---|\n")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    return {row[0]: row[1] for row in rows}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the functions' clients be made here."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    yield
    aws_clients.sqs.cache_clear()
    aws_clients.dynamodb.cache_clear()


def patience_of(service: Literal["sqs", "dynamodb"]) -> str:
    config: Config = getattr(aws_clients, service)().meta.config
    connect, read = config.connect_timeout, config.read_timeout  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - botocore sets them from its options
    attempts = config.retries["total_max_attempts"]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - botocore sets it from its options
    return f"connect {connect} s, read {read} s, {attempts} attempts"


def hours_and_minutes(seconds: float) -> str:
    hours, rest = divmod(timedelta(seconds=seconds), timedelta(hours=1))
    return f"{hours} h {rest // timedelta(minutes=1)} min"


@pytest.mark.usefixtures("clients")
def test_the_documented_times_are_those_of_the_code_and_of_every_stage(every_stage: Synthesis) -> None:
    queues = every_stage.of_type("AWS::SQS::Queue")
    visibility = queues[QUEUE]["VisibilityTimeout"]
    receives = queues[QUEUE]["RedrivePolicy"]["maxReceiveCount"]
    waits = [back_off_seconds(receive) for receive in range(1, receives)]
    days = {name: f"{queue['MessageRetentionPeriod'] // 86_400} days" for name, queue in queues.items()}
    assert documented() == {
        "SQS client of a function": patience_of("sqs"),
        "DynamoDB client of a function": patience_of("dynamodb"),
        "one call in all, with the pause between its attempts": f"{aws_clients.LONGEST_CALL_SECONDS:g} s",
        "keys that a busy table left out": f"asked for again for {LAST_ATTEMPT_SECONDS:g} s",
        "ingest": f"{every_stage.function('ingest')['Timeout']} s",
        "query": f"{every_stage.function('query')['Timeout']} s",
        "processor": f"{every_stage.function('processor')['Timeout']} s",
        "API Gateway waits for a function": "30 s",
        "`Retry-After` of a `503`": f"{RETRY_AFTER_SECONDS} s",
        "a send with the same events as one before is dropped": f"for {DEDUPLICATION_SECONDS // 60} min",
        "visibility timeout of the queue": f"{visibility} s",
        "what failed comes back after": ", ".join(f"{wait} s" for wait in waits[:8]),
        "an error of ours is given up to the DLQ": f"at receive {LAST_RECEIVE_OF_A_FAULT}, "
        f"{sum(waits[: LAST_RECEIVE_OF_A_FAULT - 1])} s after the first",
        "everything else is given up to the DLQ": f"after receive {receives}",
        "the longest that the table can be away without that": hours_and_minutes(sum(waits)),
        "a message that kills the processor is given up": f"after {hours_and_minutes(receives * visibility)}",
        "messages are kept on the queue": days[QUEUE],
        "messages are kept in the DLQ": days[DEAD_LETTERS],
    }


def test_api_gateway_waits_as_long_as_it_does_by_itself(every_stage: Synthesis) -> None:
    integrations = every_stage.of_type("AWS::ApiGatewayV2::Integration").values()
    assert len(integrations) >= 2
    assert all("TimeoutInMillis" not in each for each in integrations)


def test_a_call_that_is_not_answered_ends_before_its_function_does(every_stage: Synthesis) -> None:
    for service in ("ingest", "query"):
        assert every_stage.function(service)["Timeout"] > aws_clients.LONGEST_CALL_SECONDS + LAST_ATTEMPT_SECONDS
    # The read of a batch and a charger's write; the back-off, which comes last, has what is left.
    assert every_stage.function("processor")["Timeout"] > 2 * aws_clients.LONGEST_CALL_SECONDS + LAST_ATTEMPT_SECONDS


def test_the_runbook_tells_the_same_times(prod: Synthesis) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    receives = prod.of_type("AWS::SQS::Queue")[QUEUE]["RedrivePolicy"]["maxReceiveCount"]
    assert runbook.count(f"{receives} times") == 3
    for what in (
        "the longest that the table can be away without that",
        "a message that kills the processor is given up",
    ):
        assert documented()[what].removeprefix("after ") in " ".join(runbook.split())
