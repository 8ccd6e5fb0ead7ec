"""The alarms: what they watch, whom they tell, and what to do then."""

import json
import re
from typing import Any

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
    ids = {logical_id: re.match(r"^Monitoring(\w+)[0-9A-F]{8}$", logical_id) for logical_id in synthesis.of_type(ALARM)}
    return {found[1]: synthesis.of_type(ALARM)[logical_id] for logical_id, found in ids.items() if found}


def watched(alarm: dict[str, Any]) -> tuple[str, str, dict[str, Any], float]:
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    return alarm["Namespace"], alarm["MetricName"], dimensions, alarm["Threshold"]


def queue_name(logical_id: str) -> dict[str, Any]:
    return {"QueueName": {"Fn::GetAtt": [logical_id, "QueueName"]}}


def test_each_thing_that_can_go_wrong_has_its_alarm(every_stage: Synthesis) -> None:
    stage = {"stage": every_stage.settings.name}
    age = "ApproximateAgeOfOldestMessage"
    assert {name: watched(alarm) for name, alarm in alarms_of(every_stage).items()} == {
        "DeadLetters": ("AWS/SQS", age, queue_name("QueueDeadLetters9B423CAD"), 0),
        "QueueBehind": ("AWS/SQS", age, queue_name("Queue381943A6"), 300),
        **{f"{name}Errors": ("AWS/Lambda", "Errors", {"FunctionName": ref}, 0) for name, ref in FUNCTIONS.items()},
        **{
            f"{name}Throttles": ("AWS/Lambda", "Throttles", {"FunctionName": ref}, 0) for name, ref in FUNCTIONS.items()
        },
        "SendsRefused": ("Telemetry", "SendsRefused", {"service": "ingest", **stage}, 0),
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


def test_an_alarm_rises_above_its_threshold_and_says_what_no_data_means(every_stage: Synthesis) -> None:
    for name, alarm in alarms_of(every_stage).items():
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold", name
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["Statistic"] == ("Maximum" if alarm["Namespace"] == "AWS/SQS" else "Sum"), name


def test_an_alarm_tells_when_it_rises_and_when_it_is_over(every_stage: Synthesis) -> None:
    (topic,) = every_stage.of_type("AWS::SNS::Topic")
    for name, alarm in alarms_of(every_stage).items():
        assert alarm["AlarmActions"] == [{"Ref": topic}], name
        assert alarm["OKActions"] == [{"Ref": topic}], name
        assert alarm.get("ActionsEnabled", True), name


def test_an_alarm_leads_to_its_section_of_the_runbook(every_stage: Synthesis) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    sections = set(re.findall(r"^## ([a-z-]+)$", runbook, flags=re.MULTILINE))
    linked: set[str] = set()
    for name, alarm in every_stage.of_type(ALARM).items():
        stage, link = alarm["AlarmDescription"].split(": ")[0], alarm["AlarmDescription"].split(" ")[-1]
        assert stage == every_stage.settings.name, name
        url, _, section = link.partition("#")
        assert url == every_stage.settings.runbook_url, name
        assert section in sections, name
        linked.add(section)
    assert linked == sections - (set() if every_stage.settings.gradual_deployment else {"rolled-back"})


def test_each_address_of_the_stage_is_told_of_alarms(every_stage: Synthesis) -> None:
    subscriptions = every_stage.of_type("AWS::SNS::Subscription").values()
    assert {(each["Protocol"], each["Endpoint"]) for each in subscriptions} == {
        ("email", address) for address in every_stage.settings.alarm_emails
    }


def test_requests_that_api_gateway_throttled_are_counted_from_its_access_log(every_stage: Synthesis) -> None:
    metric_filter = every_stage.only("AWS::Logs::MetricFilter")
    line = json.loads(every_stage.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert metric_filter["LogGroupName"] == {"Ref": "ApiAccessLog713001CC"}
    # The access log writes the status between quotation marks, so the filter compares texts.
    assert metric_filter["FilterPattern"] == '{ $.status = "429" }'
    assert line["status"] == "$context.status"
    (transformation,) = metric_filter["MetricTransformations"]
    assert transformation["MetricValue"] == "1"
    assert transformation["Dimensions"] == [{"Key": "stage", "Value": "$.stage"}]
    assert line["stage"] == every_stage.settings.name
