"""`scripts/dlq.sh` as its user meets it: what it prints, how it ends, and what AWS is asked for."""

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tests.stage_settings import FULL
from tests.unit.conftest import client_with_table
from tests.unit.strategies import body_of
from tests.unit.test_merge import envelope
from tools.deployed_stage import DeployedStage
from tools.dlq import __main__ as command
from tools.dlq import queues

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RUNBOOK = Path(__file__).parents[4] / "docs" / "runbook.md"
GOOD = body_of("request-1", [envelope(sampled=1, ingested=1)])
BAD = "this is not a message"
Run = Callable[..., int]


class Stage:
    """A stage that is deployed, and what is in its queues."""

    def __init__(self, client: "SQSClient") -> None:
        self.client = client
        client_with_table()
        self.dlq_url, self.queue_url = (
            client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
            for name in ("dead.fifo", "queue.fifo")
        )
        outputs = {"DeadLetterQueueUrl": self.dlq_url, "QueueUrl": self.queue_url, "TableName": "latest"}
        self.deployed = DeployedStage(FULL, outputs, boto3.Session(region_name="eu-central-1"))

    def moves(self, number: int, body: str = GOOD, charger: str = "CP-001", reason: str = "invalid") -> None:
        """Move a message to the DLQ as the processor does."""
        attributes = {"reason": reason, "sourceMessageGroupId": charger, "sourceSequenceNumber": str(number)}
        self.client.send_message(
            QueueUrl=self.dlq_url,
            MessageBody=body,
            MessageGroupId=f"source-{number}",
            MessageDeduplicationId=f"source-{number}",
            MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        )

    def sqs_moves(self, number: int, charger: str = "CP-001") -> None:
        """Move a message to the DLQ as SQS's redrive policy does."""
        self.client.send_message(
            QueueUrl=self.dlq_url, MessageBody=GOOD, MessageGroupId=charger, MessageDeduplicationId=f"source-{number}"
        )

    def received(self, url: str) -> "list[MessageTypeDef]":
        return self.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get(
            "Messages", []
        )

    @property
    def queued(self) -> list[str]:
        return [each.get("Body", "") for each in self.received(self.queue_url)]

    @property
    def dead(self) -> list[str]:
        return [each.get("Body", "") for each in self.received(self.dlq_url)]


@pytest.fixture
def stage(moto_sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(queues, "LONG_POLL_SECONDS", 0)
    return Stage(moto_sqs)


@pytest.fixture
def dlq(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run the command on stage `prod`."""
    usual = {signal.SIGTERM: signal.getsignal(signal.SIGTERM)}

    def deployed(name: str, *, profile: str | None) -> DeployedStage:
        assert (name, profile) == ("prod", "night")
        return stage.deployed

    monkeypatch.setattr(command, "deployed_stage", deployed)
    yield lambda *arguments: command.main([*arguments, "--stage", "prod", "--profile", "night"])
    for each, handler in usual.items():
        signal.signal(each, handler)


def first_column(printed: str) -> list[str]:
    """Return the ids in the table that was printed."""
    lines = printed.splitlines()
    return [line.split()[0] for line in lines[1:] if re.match(r"[0-9a-f]{8}", line)]


@pytest.mark.parametrize("arguments", [("list",), ("redrive", "--all")])
def test_an_empty_dlq_is_told_and_is_no_failure(
    dlq: Run, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dlq(*arguments) == 0
    assert capsys.readouterr().out == "the DLQ of stage prod is empty\n"


def test_what_was_listed_can_be_shown_and_redriven_by_the_id_that_was_listed(
    stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.moves(1)
    stage.moves(2, BAD)
    assert dlq("list") == 0
    good, bad = first_column(capsys.readouterr().out)
    assert dlq("show", good) == 0
    told = capsys.readouterr().out
    assert "would pass now" in told
    assert '"correlationId": "request-1"' in told
    assert dlq("show", bad.upper()) == 0
    assert "would be dead-lettered again: unreadable_message" in capsys.readouterr().out
    assert dlq("redrive", good) == 0
    assert capsys.readouterr().out == "1 message of 1 charger on the queue again\n"
    assert (stage.queued, stage.dead) == ([GOOD], [BAD])


def test_the_list_is_there_for_machines(stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]) -> None:
    stage.moves(1)
    assert dlq("list", "--json") == 0
    printed = capsys.readouterr()
    assert "1 message of 1 charger: invalid 1" in printed.err
    told = json.loads(printed.out)
    assert told["stage"] == "prod"
    assert [(each["chargerId"], each["reason"], each["events"]) for each in told["messages"]] == [
        ("CP-001", "invalid", 1)
    ]
    assert told["hidden"]["heldByOthers"] == 0


def test_what_is_shown_and_redriven_is_there_for_machines(
    stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.moves(1)
    stage.moves(2, BAD)
    assert dlq("redrive", "--all", "--dry-run", "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert dlq("show", planned["redriven"][0], "--json") == 0
    message = json.loads(capsys.readouterr().out)["message"]
    assert (message["body"], message["today"]["passes"]) == (GOOD, True)
    assert dlq("redrive", "--all", "--json") == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1] == "dlq.sh: in the DLQ, for the reasons above: 1 message"
    done = json.loads(printed.out)
    assert done == planned | {"dryRun": False}
    assert [each["today"]["summary"] for each in done["left"]] == ["would be dead-lettered again: unreadable_message"]


def test_the_list_tells_what_it_could_not_see(stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]) -> None:
    stage.moves(1)
    assert len(stage.dead) == 1
    for number in range(12):
        stage.sqs_moves(number, "CP-7")
    assert dlq("list") == 0
    told = capsys.readouterr().out
    assert "10 messages of 1 charger" in told
    assert re.search(r"1 more message hidden: another reader .* seen again by \d\d:\d\d:\d\d \(UTC\)", told)
    assert "there may be more of CP-7: SQS shows 10 messages of a group" in told


def test_what_today_s_code_would_not_process_stays_and_is_told(
    stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.moves(1)
    stage.moves(2, BAD)
    assert dlq("redrive", "--all") == 1
    told = capsys.readouterr()
    assert "1 message of 1 charger on the queue again" in told.out
    assert "would be dead-lettered again: unreadable_message; the message is not JSON" in told.out
    assert told.err == "dlq.sh: in the DLQ, for the reasons above: 1 message\n"
    assert (stage.queued, stage.dead) == ([GOOD], [BAD])


def test_who_forces_it_sends_even_that(stage: Stage, dlq: Run) -> None:
    stage.moves(2, BAD)
    assert dlq("redrive", "--charger", "CP-001", "--force") == 0
    assert (stage.queued, stage.dead) == ([BAD], [])


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(
    stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.moves(1)
    stage.moves(2, BAD)
    assert dlq("redrive", "--all", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "would be redriven" in told
    assert "would be dead-lettered again" in told
    assert told.endswith("nothing was sent; 1 message would be, 1 would stay\n")
    assert (stage.queued, len(stage.dead)) == ([], 2)


def test_what_is_not_there_is_one_line(stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]) -> None:
    stage.moves(1)
    assert dlq("show", "00000000") == 1
    assert capsys.readouterr().err == "dlq.sh: the DLQ of stage prod has no message 00000000\n"
    assert dlq("redrive", "00000000") == 1
    capsys.readouterr()
    assert dlq("redrive", "--charger", "CP-404") == 1
    assert capsys.readouterr().err == "dlq.sh: the DLQ of stage prod has no message of charger CP-404\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("redrive",),
        ("redrive", "abcdef12", "--all"),
        ("redrive", "--all", "--charger", "CP-001"),
        ("show", ""),
        ("show", "abc"),
        ("show", "not-an-id"),
        ("purge",),
    ],
)
def test_arguments_that_can_not_be_are_one_line_and_exit_code_2(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([*arguments, "--stage", "prod"])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


class Terminal:
    """Standard input with somebody before it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "redriven"), [("y", True), ("", False), ("n", False), (None, False)])
def test_on_a_terminal_all_is_asked_for_first(
    stage: Stage,
    dlq: Run,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    redriven: bool,  # noqa: FBT001 - parametrized
) -> None:
    stage.moves(1)
    questions: list[str] = []

    def asked(question: str) -> str:
        questions.append(question)
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", asked)
    assert dlq("redrive", "--all") == (0 if redriven else 1)
    assert "about 1 message in the DLQ of prod" in questions[0]
    assert stage.queued == ([GOOD] if redriven else [])


def test_who_forces_all_is_asked_for_just_that(stage: Stage, dlq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    def asked(question: str) -> str:
        questions.append(question)
        return "n"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", asked)
    stage.moves(1, BAD)
    assert dlq("redrive", "--all", "--force") == 1
    assert questions == ["Redrive all whatever becomes of it, of about 1 message in the DLQ of prod? [y/N] "]


def test_who_says_yes_before_is_not_asked(stage: Stage, dlq: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.moves(1)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert dlq("redrive", "--all", "--yes") == 0
    assert stage.queued == [GOOD]


def test_when_aws_stops_answering_it_is_told_how_far_it_came(
    stage: Stage, dlq: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        stage.moves(number)
    sends: list[object] = []

    def fail_at_the_second(**_: object) -> None:
        sends.append(None)
        if len(sends) == 2:
            raise EndpointConnectionError(endpoint_url="https://sqs.example")

    stage.deployed.sqs.meta.events.register("before-call.sqs.SendMessageBatch", fail_at_the_second)
    assert dlq("redrive", "--all") == 1
    before, last = capsys.readouterr().err.splitlines()
    assert before.startswith("  1 message redriven until then; the others are in the DLQ: run this again")
    assert last.startswith("dlq.sh: AWS did not do it: ")
    assert (len(stage.queued), len(stage.dead)) == (1, 2)


def test_the_runbook_names_the_permissions_that_the_tool_needs_and_no_others(stage: Stage, dlq: Run) -> None:
    asked: set[str] = set()

    def record(event_name: str, **_arguments: object) -> None:
        _, service, operation = event_name.split(".")
        asked.add(f"{service}:{operation.removesuffix('Batch')}")

    for client in (stage.deployed.sqs, stage.deployed.dynamodb):
        client.meta.events.register("before-call.*", record)
    for number in range(3):
        stage.moves(number)
    dlq("list")
    dlq("redrive", "--all")
    section = RUNBOOK.read_text().split("\n## dead-letters\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:sqs|dynamodb):\w+)`", section))
    of_the_batch = {"dynamodb:BatchGetItem"}
    assert named == {each for each in asked if each.startswith("sqs")} | of_the_batch
    assert {each for each in asked if each.startswith("dynamodb")} == of_the_batch
