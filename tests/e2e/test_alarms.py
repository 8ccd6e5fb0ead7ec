"""Each deployed alarm is quiet in health and rings at its fault, and whoever subscribed to the topic is told.

The emulator looks at alarms whenever somebody puts data; at the periods one by one, and at missing data, it does not:
`tests/stack/test_alarms.py` does.
"""

import json
import re
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from tests.alarm_cases import CASES
from tests.e2e.harness import Api, Cloud, event_of, eventually

EVENTS = Path(__file__).parents[1] / "events"
DEPLOYED = [name for name, case in CASES.items() if case.on_the_emulator]
# Requests that each function answers well.
WELL: dict[str, object] = {
    "Ingest": json.loads((EVENTS / "post_telemetry.json").read_text()),
    "Processor": {"Records": []},
    "Query": json.loads((EVENTS / "get_telemetry.json").read_text()),
}
Alarm = dict[str, Any]
Mail = dict[str, Any]
# Gives what the topic told of an alarm that rings, once it has.
Mailbox = Callable[[Alarm], Mail | None]


@pytest.fixture(scope="module")
def alarms(cloud: Cloud) -> dict[str, Alarm]:
    """The deployed alarms, by the ids of their constructs."""
    pages = cloud.cloudwatch.get_paginator("describe_alarms").paginate()
    found = cast("list[Alarm]", [alarm for page in pages for alarm in page["MetricAlarms"]])
    names = [re.search(r"^Telemetry-local-Monitoring(\w+)[0-9A-F]{8}-", each["AlarmName"]) for each in found]
    return {name[1]: alarm for name, alarm in zip(names, found, strict=True) if name}


@pytest.fixture(scope="module")
def states_in_health(cloud: Cloud, alarms: dict[str, Alarm]) -> dict[str, str]:
    """The state of each alarm after its metric was given what it is given in health; no fault was met before."""
    # The emulator counts a process that starts as part of an invocation, but only of one that is asked of it directly.
    Api(cloud.variables["TELEMETRY_API_URL"], cloud.variables["TELEMETRY_TOKEN"]).kept(event_of("E2E-alarms"))
    for function, request in WELL.items():
        answer = cloud.lambda_.invoke(
            FunctionName=cloud.outputs[f"{function}FunctionName"], Payload=json.dumps(request).encode()
        )
        assert "FunctionError" not in answer
    states: dict[str, str] = {}
    for name, alarm in alarms.items():
        put(cloud, alarm, CASES[name].healthy[:1])
        states[name] = state_of(cloud, alarm)
    return states


@pytest.fixture(scope="module")
def mail(cloud: Cloud, alarms: dict[str, Alarm]) -> Mailbox:
    """Subscribe to the topic of the alarms; give what it told of one that rings."""
    (topic,) = {action for alarm in alarms.values() for action in alarm["AlarmActions"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = cloud.sqs.create_queue(QueueName=f"mails-{uuid4().hex}", Attributes={"Policy": policy})["QueueUrl"]
    queue = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    cloud.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    told: list[Mail] = []

    def give(alarm: Alarm) -> Mail | None:
        for each in cloud.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(json.loads(each.get("Body", ""))["Message"]))
            cloud.sqs.delete_message(QueueUrl=url, ReceiptHandle=each.get("ReceiptHandle", ""))
        rung = (each for each in told if each["AlarmName"] == alarm["AlarmName"] and each["NewStateValue"] == "ALARM")
        return next(rung, None)

    return give


@pytest.fixture(scope="module")
def silent_queue() -> Generator[str]:
    """Give the URL of an SQS that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def put(cloud: Cloud, alarm: Alarm, minutes: Sequence[Sequence[float]]) -> None:
    """Give an alarm's metric values, those of the last minute now and the others in the minutes before."""
    now = datetime.now(UTC)
    for ago, values in enumerate(reversed(minutes)):
        if values:
            cloud.cloudwatch.put_metric_data(
                Namespace=alarm["Namespace"],
                MetricData=[
                    {
                        "MetricName": alarm["MetricName"],
                        "Dimensions": alarm["Dimensions"],
                        "Timestamp": now - timedelta(minutes=ago),
                        "Values": list(dict.fromkeys(values)),
                        "Counts": [values.count(value) for value in dict.fromkeys(values)],
                    }
                ],
            )
    look(cloud)


def look(cloud: Cloud) -> None:
    """Let the emulator look at its alarms, as it does where anything is put."""
    cloud.cloudwatch.put_metric_data(Namespace="Nobody", MetricData=[{"MetricName": "Watches", "Value": 1}])


def state_of(cloud: Cloud, alarm: Alarm) -> str:
    (described,) = cloud.cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"]
    return described.get("StateValue", "")


def fail(cloud: Cloud, function: str) -> None:
    """Invoke a function with what is no request to it."""
    answer = cloud.lambda_.invoke(FunctionName=function, Payload=b"{}")
    assert answer.get("FunctionError") == "Unhandled"


def refuse(cloud: Cloud, function: str) -> None:
    """Invoke a function that has no concurrency."""
    cloud.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(cloud.lambda_.exceptions.TooManyRequestsException):
            cloud.lambda_.invoke(FunctionName=function, Payload=b"{}")
    finally:
        cloud.lambda_.delete_function_concurrency(FunctionName=function)


@contextmanager
def calling(cloud: Cloud, function: str, queue: str) -> Generator[None]:
    """Let a function's calls of SQS go elsewhere."""
    usual = cloud.lambda_.get_function_configuration(FunctionName=function).get("Environment", {}).get("Variables", {})
    elsewhere = {**usual, "AWS_ENDPOINT_URL_SQS": queue}
    cloud.lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": elsewhere})
    try:
        yield
    finally:
        cloud.lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": usual})


def post_slowly(cloud: Cloud, function: str, silent_queue: str) -> None:
    """Post where SQS does not answer: ingest calls it twice, and gives up."""
    with calling(cloud, function, silent_queue):
        answer = cloud.lambda_.invoke(FunctionName=function, Payload=json.dumps(WELL["Ingest"]).encode())
    assert json.loads(answer["Payload"].read())["statusCode"] == 503


def test_the_alarms_of_stage_local_are_deployed(alarms: dict[str, Alarm]) -> None:
    assert set(alarms) == set(DEPLOYED)


def test_the_dashboard_is_deployed_with_the_names_of_what_it_shows(cloud: Cloud, alarms: dict[str, Alarm]) -> None:
    kept = cloud.cloudwatch.get_dashboard(DashboardName=cloud.outputs["DashboardName"])
    widgets = [each["properties"] for each in json.loads(kept["DashboardBody"])["widgets"]]
    (shown,) = (each["alarms"] for each in widgets if "alarms" in each)
    assert set(shown) == {alarm["AlarmArn"] for alarm in alarms.values()}
    rows = [row for each in widgets for row in each.get("metrics", ()) if row[0] in ("AWS/Lambda", "AWS/SQS")]
    named = {value for row in rows for key, value in pairwise(row) if key in {"FunctionName", "QueueName"}}
    outputs = cloud.outputs
    assert named == {
        *(outputs[f"{function}FunctionName"] for function in WELL),
        *(outputs[queue].rpartition("/")[2] for queue in ("QueueUrl", "DeadLetterQueueUrl")),
    }


@pytest.mark.parametrize("name", DEPLOYED)
def test_a_deployed_alarm_is_quiet_in_health(states_in_health: dict[str, str], name: str) -> None:
    # Where the metric has no data in health, and none was put, the alarm is as it was made.
    assert states_in_health[name] == ("OK" if CASES[name].healthy[0] else "INSUFFICIENT_DATA")


@pytest.mark.parametrize("name", DEPLOYED)
@pytest.mark.usefixtures("states_in_health")
def test_a_deployed_alarm_rings_at_its_fault_and_the_topic_tells_of_it(
    cloud: Cloud,
    alarms: dict[str, Alarm],
    mail: Mailbox,
    silent_queue: str,
    name: str,
) -> None:
    alarm, case = alarms[name], CASES[name]
    function = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}.get("FunctionName", "")
    # The fault of another alarm on the same metric may have been met already.
    cloud.cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="before")
    match case.on_the_emulator:
        case "an invocation that fails":
            fail(cloud, function)
        case "no concurrency left":
            refuse(cloud, function)
        case "a queue that does not answer":
            post_slowly(cloud, function, silent_queue)
        case _:
            put(cloud, alarm, case.faulty)
    look(cloud)
    assert state_of(cloud, alarm) == "ALARM"
    told = eventually(lambda: mail(alarm))
    assert told["AlarmDescription"] == alarm["AlarmDescription"]
    assert "runbook.md#" in told["AlarmDescription"]
