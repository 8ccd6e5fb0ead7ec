"""The alarms: what they watch, whom they tell, and what to do then."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest

from tests.stack.synthesis import ROOT, Synthesis

ALARM = "AWS::CloudWatch::Alarm"
TABLE = {"Ref": "LatestTelemetryTable5298A714"}
FUNCTIONS = {
    "Ingest": {"Ref": "IngestFunctionB02ED0EB"},
    "Processor": {"Ref": "ProcessorFunctionD818F09B"},
    "Query": {"Ref": "QueryFunction22F86FFC"},
}


def alarms_of(synthesis: Synthesis) -> dict[str, dict[str, Any]]:
    """The alarms by the id of their construct, which CDK puts between its parent's and a hash.

    A deployment has others, of its version: test_gradual_deployment.py.
    """
    return {name: alarm for name, alarm in every_alarm_of(synthesis).items() if "Version" not in name}


def every_alarm_of(synthesis: Synthesis) -> dict[str, dict[str, Any]]:
    """The same with those of a version, whose logical ids begin with the version's."""
    by_id = synthesis.of_type(ALARM)
    named = {
        re.sub(
            r"^Monitoring(\w+)[0-9A-F]{8}$|^(\w+)FunctionCurrent(Version)\w+(Errors|Faults)$", r"\1\2\3\4", logical_id
        ): alarm
        for logical_id, alarm in by_id.items()
    }
    assert len(named) == len(by_id)
    return named


def expected_of(synthesis: Synthesis, names: Iterable[str]) -> set[str]:
    """Those of these alarms that a stage has: not each expects telemetry, or is deployed gradually."""
    settings = synthesis.settings
    return {
        name
        for name in names
        if (settings.silence_alarm_minutes or name != "NoTelemetry")
        and (settings.gradual_deployment or "Version" not in name)
    }


def watched(alarm: dict[str, Any]) -> tuple[str, str, dict[str, Any], float]:
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    return alarm["Namespace"], alarm["MetricName"], dimensions, alarm["Threshold"]


def queue_name(logical_id: str) -> dict[str, Any]:
    return {"QueueName": {"Fn::GetAtt": [logical_id, "QueueName"]}}


def test_each_thing_that_can_go_wrong_has_its_alarm(every_stage: Synthesis) -> None:
    settings = every_stage.settings
    stage = {"stage": settings.name}
    ingest, processor = {"service": "ingest", **stage}, {"service": "processor", **stage}
    age = "ApproximateAgeOfOldestMessage"
    expected = {
        "DeadLetters": ("AWS/SQS", age, queue_name("QueueDeadLetters9B423CAD"), 0),
        "DeadLettersExpiring": ("AWS/SQS", age, queue_name("QueueDeadLetters9B423CAD"), 864_000),
        "QueueBehind": ("AWS/SQS", age, queue_name("Queue381943A6"), 300),
        **{f"{name}Errors": ("AWS/Lambda", "Errors", {"FunctionName": ref}, 0) for name, ref in FUNCTIONS.items()},
        **{
            f"{name}Throttles": ("AWS/Lambda", "Throttles", {"FunctionName": ref}, 0) for name, ref in FUNCTIONS.items()
        },
        "SendsRefused": ("Telemetry", "SendsRefused", ingest, 0),
        "IngestLatency": ("AWS/Lambda", "Duration", {"FunctionName": FUNCTIONS["Ingest"]}, 2_000),
        "Freshness": ("Telemetry", "IngestToStored", processor, 60_000),
        "NotStored": ("Telemetry", "ReceivesOfFailed", processor, 10),
        "FindingsRate": ("Telemetry", "EventsWithFindings", processor, settings.findings_alarm_percent / 100),
        "NoTelemetry": ("Telemetry", "EventsAccepted", ingest, 1),
        "ApiThrottles": ("Telemetry", "RequestsThrottled", stage, 0),
        "TableReadThrottles": ("AWS/DynamoDB", "ReadThrottleEvents", {"TableName": TABLE}, 0),
        "TableWriteThrottles": ("AWS/DynamoDB", "WriteThrottleEvents", {"TableName": TABLE}, 0),
        **{
            f"Table{operation}Errors": (
                "AWS/DynamoDB",
                "SystemErrors",
                {"TableName": TABLE, "Operation": operation},
                0,
            )
            for operation in ("BatchGetItem", "PutItem")
        },
    }
    assert {name: watched(alarm) for name, alarm in alarms_of(every_stage).items()} == {
        name: expected[name] for name in expected_of(every_stage, expected)
    }


def test_no_data_is_well_but_where_telemetry_is_expected(every_stage: Synthesis) -> None:
    for name, alarm in alarms_of(every_stage).items():
        sense = (
            ("LessThanThreshold", "breaching") if name == "NoTelemetry" else ("GreaterThanThreshold", "notBreaching")
        )
        assert (alarm["ComparisonOperator"], alarm["TreatMissingData"]) == sense, name


def test_a_stage_that_expects_telemetry_says_after_how_many_minutes_it_is_missed(full: Synthesis) -> None:
    silence = alarms_of(full)["NoTelemetry"]
    assert (silence["Period"], silence["EvaluationPeriods"]) == (60, full.settings.silence_alarm_minutes)


def test_a_message_in_the_dlq_is_told_of_while_there_are_days_left_to_mend_it(every_stage: Synthesis) -> None:
    kept = every_stage.of_type("AWS::SQS::Queue")["QueueDeadLetters9B423CAD"]["MessageRetentionPeriod"]
    assert kept - alarms_of(every_stage)["DeadLettersExpiring"]["Threshold"] == 4 * 24 * 60 * 60


def test_an_alarm_tells_when_it_rises_and_when_it_is_over(every_stage: Synthesis) -> None:
    (topic,) = every_stage.of_type("AWS::SNS::Topic")
    for name, alarm in alarms_of(every_stage).items():
        assert alarm["AlarmActions"] == [{"Ref": topic}], name
        assert alarm["OKActions"] == [{"Ref": topic}], name
        assert alarm.get("ActionsEnabled", True), name


def test_an_alarm_says_in_a_mail_what_happened_what_that_means_and_where_it_says_what_to_do(
    every_stage: Synthesis,
) -> None:
    settings = every_stage.settings
    told = {name: alarm["AlarmDescription"] for name, alarm in alarms_of(every_stage).items()}
    for name, description in told.items():
        says, link = description.split("\n")
        # What happened, and what that means; whether anything is lost is said of what may lose something.
        assert re.fullmatch(rf"{settings.name}: [A-Z][^.]+\. [A-Z].+[^.]\.", says), name
        assert "lost" in says or "stored" in says, name
        assert re.fullmatch(rf"What to do: {re.escape(settings.runbook_url)}#[a-z-]+", link), name
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert len(description) <= 1024, name
    assert len(set(told.values())) == len(told)


def test_an_alarm_leads_to_its_section_of_the_runbook_and_a_section_is_an_alarms(every_stage: Synthesis) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    sections = set(re.findall(r"^## ([a-z-]+)$", runbook, flags=re.MULTILINE))
    linked = {alarm["AlarmDescription"].rpartition("#")[2] for alarm in every_stage.of_type(ALARM).values()}
    absent = {
        *(() if every_stage.settings.silence_alarm_minutes else ("no-telemetry",)),
        *(() if every_stage.settings.gradual_deployment else ("rolled-back",)),
    }
    assert linked == sections - absent


def test_each_address_of_the_stage_is_told_of_alarms(every_stage: Synthesis) -> None:
    subscriptions = every_stage.of_type("AWS::SNS::Subscription").values()
    assert {(each["Protocol"], each["Endpoint"]) for each in subscriptions} == {
        ("email", address) for address in every_stage.settings.alarm_emails
    }


@pytest.mark.parametrize(
    ("metric", "pattern"),
    [
        # The access log writes the status between quotation marks, so the filter compares texts.
        ("RequestsThrottled", '{ $.status = "429" }'),
        ("RequestsRefused", '{ ($.status = "401") || ($.status = "403") }'),
    ],
)
def test_requests_that_were_throttled_or_refused_are_counted_from_the_access_log(
    every_stage: Synthesis, metric: str, pattern: str
) -> None:
    (counted,) = (
        each
        for each in every_stage.of_type("AWS::Logs::MetricFilter").values()
        if each["MetricTransformations"][0]["MetricName"] == metric
    )
    line = json.loads(every_stage.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert counted["LogGroupName"] == {"Ref": "ApiAccessLog713001CC"}
    assert counted["FilterPattern"] == pattern
    assert line["status"] == "$context.status"
    (transformation,) = counted["MetricTransformations"]
    assert transformation["MetricValue"] == "1"
    assert transformation["Dimensions"] == [{"Key": "stage", "Value": "$.stage"}]
    assert line["stage"] == every_stage.settings.name
