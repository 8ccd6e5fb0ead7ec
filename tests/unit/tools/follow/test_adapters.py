"""CloudWatch Logs, the table and the command line."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from moto import mock_aws

from telemetry.item import NO_REVISION, to_item
from telemetry.latest_table import DynamoTable
from tests.stage_settings import BARE
from tests.unit.conftest import client_with_table
from tests.unit.strategies import NOW, START
from tests.unit.test_merge import envelope, merge_all
from tools import command_line
from tools.command_line import CommandError
from tools.deployed_stage import DeployedStage
from tools.follow import __main__ as follow_command
from tools.follow import lines
from tools.follow.__main__ import main
from tools.follow.items import DynamoItems, Item, Newest, parse_item
from tools.follow.lines import GROUPS, CloudWatchLogs, Log
from tools.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

from tests.unit.tools.follow.service import MOMENT, RETENTION


@pytest.fixture
def cloudwatch() -> "Iterator[CloudWatchLogsClient]":
    """CloudWatch, with a log of ingest in which three lines stand, a minute apart."""
    with mock_aws():
        client = boto3.client("logs")
        client.create_log_group(logGroupName="ingest-log")
        client.create_log_stream(logGroupName="ingest-log", logStreamName="s")
        for minute, fields in enumerate(
            ({"correlationId": "request-1"}, {"correlationId": "request-12"}, {"eventIds": ["e", "request-1"]})
        ):
            timestamp = int((MOMENT + timedelta(minutes=minute)).timestamp() * 1000)
            entry: InputLogEventTypeDef = {"timestamp": timestamp, "message": json.dumps(fields)}
            client.put_log_events(logGroupName="ingest-log", logStreamName="s", logEvents=[entry])
        yield client


def test_cloudwatch_is_asked_for_the_lines_that_name_an_id_in_a_span_of_time(
    cloudwatch: "CloudWatchLogsClient",
) -> None:
    logs = CloudWatchLogs(cloudwatch, {"IngestLogName": "ingest-log"}, Progress())
    both = logs.naming(Log.INGEST, "request-1", MOMENT)
    assert [line.time - MOMENT for line in both] == [timedelta(), timedelta(minutes=2)]
    assert logs.naming(Log.INGEST, "request-1", MOMENT, MOMENT + timedelta(minutes=1)) == both[:1]
    assert logs.naming(Log.INGEST, "request-1", MOMENT + timedelta(minutes=1)) == both[1:]


class Pages:
    """A log of CloudWatch that has empty pages alone, as many as are asked for."""

    def get_paginator(self, name: str) -> "Pages":
        assert name == "filter_log_events"
        return self

    def paginate(self, **_: object) -> Iterator[dict[str, list[object]]]:
        while True:
            yield {"events": []}


def test_logs_that_are_too_long_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_PAGES", 3)
    logs = CloudWatchLogs(cast("CloudWatchLogsClient", Pages()), {"IngestLogName": "ingest-log"}, Progress())
    with pytest.raises(CommandError, match=r"after 3 pages the log of ingest is not looked through; .* --since 1h"):
        logs.naming(Log.INGEST, "request-1", MOMENT)


def test_what_takes_long_tells_that_it_is_at_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lines, "MOST_PAGES", 3)
    passing = iter(range(100))
    progress = Progress(clock=lambda: next(passing))
    with pytest.raises(CommandError):
        CloudWatchLogs(cast("CloudWatchLogsClient", Pages()), {"IngestLogName": "ingest-log"}, progress).naming(
            Log.INGEST, "request-1", MOMENT
        )
    printed = capsys.readouterr()
    assert printed.err == "  looking through the log of ingest: page 2 ...\n"
    assert printed.out == ""


def test_the_table_tells_which_events_are_the_newest(moto_dynamodb: "DynamoDBClient") -> None:
    newest = [envelope(sampled=1, ingested=1, connectorId=2), envelope(sampled=2, ingested=2)]
    item = to_item(merge_all(None, newest), 1, RETENTION)
    DynamoTable(moto_dynamodb, "latest").write(item, NO_REVISION)
    seen = START + timedelta(minutes=2)
    stored = DynamoItems(moto_dynamodb, "latest", seen + RETENTION - timedelta(seconds=1)).item_of("CP-001")
    of_connector, of_charger = (Newest(each.event_id, each.timestamp) for each in newest)
    assert stored == Item(of_charger, {"2": of_connector})
    assert DynamoItems(moto_dynamodb, "latest", seen + RETENTION).item_of("CP-001") is None
    assert DynamoItems(moto_dynamodb, "latest", seen).item_of("CP-002") is None


def test_an_item_that_is_broken_is_the_newest_of_nothing() -> None:
    assert parse_item({"chargerId": {"S": "CP-001"}, "connectors": {"M": {"1": {"S": "x"}}}}, NOW) == Item(
        Newest("", ""), {"1": Newest("", "")}
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "the following arguments are required: ID, --stage"),
        (["a b", "--stage", "dev"], "argument ID: 'a b' can't be the id of an event or of a request"),
        (['"', "--stage", "dev"], "argument ID: '\"' can't be the id of an event or of a request"),
        (["a", "--stage", "nosuch"], "argument --stage: invalid choice: 'nosuch'"),
        (["a", "--stage", "dev", "--since", "0h"], "argument --since: '0h' is no time; give e.g. 30m, 24h or 7d"),
        (["a", "--stage", "dev", "--since", "1w"], "argument --since: '1w' is no time; give e.g. 30m, 24h or 7d"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"follow.sh: {told}")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeployedStage]:
    """A stage whose logs and table are there, and empty."""
    outputs = {output: output for output in (*GROUPS.values(), "TableName")} | {"TableName": "latest"}

    def leaves_signals_alone(*_: object) -> None:
        """Do nothing: pytest needs its own."""

    def here(_name: str, *, profile: str | None) -> DeployedStage:
        assert profile is None
        return DeployedStage(BARE, outputs, boto3.Session())

    monkeypatch.setattr(command_line.signal, "signal", leaves_signals_alone)
    monkeypatch.setattr(follow_command, "deployed_stage", here)
    # However busy the machine is.
    monkeypatch.setattr("tools.progress.FIRST_SECONDS", 600)
    with mock_aws():
        client_with_table()
        for output in GROUPS.values():
            boto3.client("logs").create_log_group(logGroupName=output)
        yield here("dev", profile=None)


def test_what_was_not_found_is_told_with_how_long_logs_are_kept(
    stage: DeployedStage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["A" * 64, "--stage", "dev", "--since", "7d"]) == 1
    told = capsys.readouterr()
    kept = f"stage {stage.settings.name} keeps its logs for {stage.settings.log_retention_days} d"
    # The id of an event, as somebody may have written it down.
    assert told.err == f"follow.sh: {'a' * 64} was not found in the logs of the last 7d; {kept}\n"
    assert told.out == ""


def test_what_aws_refuses_is_told_in_one_line(stage: DeployedStage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.logs.delete_log_group(logGroupName="IngestLogName")
    assert main(["a", "--stage", "dev"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"follow.sh: {stage.settings.stack_name} can't be looked into: ")
    assert "FilterLogEvents" in line
