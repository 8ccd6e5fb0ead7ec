"""What is done with the queue, in an emulator that enforces what the local one does not: Lambda's event source."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import enable_iam_authentication

from tests.stack.synthesis import Synthesis

REGION = "eu-central-1"
QUEUE = "Queue381943A6"
LAMBDA_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
Do = Callable[[Any, str], object]


def take(sqs: Any, queue_url: str) -> str:  # noqa: ANN401 - a client of boto3
    """Receive the message that is on the queue; return its receipt."""
    return sqs.receive_message(QueueUrl=queue_url)["Messages"][0]["ReceiptHandle"]


EVENT_SOURCE: dict[str, Do] = {
    "sqs:ReceiveMessage": take,
    "sqs:DeleteMessage": lambda sqs, queue_url: sqs.delete_message(
        QueueUrl=queue_url, ReceiptHandle=take(sqs, queue_url)
    ),
    "sqs:ChangeMessageVisibility": lambda sqs, queue_url: sqs.change_message_visibility(
        QueueUrl=queue_url, ReceiptHandle=take(sqs, queue_url), VisibilityTimeout=0
    ),
    "sqs:GetQueueAttributes": lambda sqs, queue_url: sqs.get_queue_attributes(
        QueueUrl=queue_url, AttributeNames=["QueueArn"]
    ),
}


def client(service: str, **credentials: str) -> Any:  # noqa: ANN401 - a client of boto3
    return boto3.client(  # pyright: ignore[reportCallIssue, reportUnknownVariableType]
        service,  # pyright: ignore[reportArgumentType] - any of them
        region_name=REGION,
        **{"aws_access_key_id": "test", "aws_secret_access_key": "test", **credentials},  # pyright: ignore[reportArgumentType]
    )


@pytest.fixture
def queue_url() -> Iterator[str]:
    """Return the URL of a queue with one message on it, in an account that enforces nothing yet."""
    with mock_aws():
        url = client("sqs").create_queue(QueueName="telemetry.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        client("sqs").send_message(QueueUrl=url, MessageBody="{}", MessageGroupId="a", MessageDeduplicationId="a")
        yield url


def as_processor(policy: str) -> Any:  # noqa: ANN401 - a client of boto3
    """Return SQS as one sees it who has the policy and no other."""
    role = client("iam").create_role(RoleName="processor", AssumeRolePolicyDocument=json.dumps(LAMBDA_MAY_ASSUME))
    client("iam").put_role_policy(RoleName="processor", PolicyName="permissions", PolicyDocument=policy)
    own = client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="event-source")["Credentials"]
    return client(
        "sqs",
        aws_access_key_id=own["AccessKeyId"],
        aws_secret_access_key=own["SecretAccessKey"],
        aws_session_token=own["SessionToken"],
    )


def policy_of_the_processor(prod: Synthesis, queue_url: str) -> str:
    """Return the policy as CloudFormation would fill it in, with the ARN of this queue for that of the stack's."""
    (policy,) = (
        each
        for logical_id, each in prod.of_type("AWS::IAM::ManagedPolicy").items()
        if logical_id.startswith("ProcessorPermissions")
    )
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn = attributes["Attributes"]["QueueArn"]
    statements = [
        {**each, "Resource": arn if each["Resource"] == {"Fn::GetAtt": [QUEUE, "Arn"]} else f"{arn}-another"}
        for each in policy["PolicyDocument"]["Statement"]
    ]
    return json.dumps({**policy["PolicyDocument"], "Statement": statements})


@pytest.mark.parametrize("action", EVENT_SOURCE)
def test_the_event_source_can_do_its_part(prod: Synthesis, queue_url: str, action: str) -> None:
    sqs = as_processor(policy_of_the_processor(prod, queue_url))
    with enable_iam_authentication():
        assert EVENT_SOURCE[action](sqs, queue_url)


@pytest.mark.parametrize("action", EVENT_SOURCE)
def test_without_an_action_the_event_source_is_refused(prod: Synthesis, queue_url: str, action: str) -> None:
    policy = policy_of_the_processor(prod, queue_url)
    assert f'"{action}"' in policy
    sqs = as_processor(policy.replace(f'"{action}"', '"sts:GetCallerIdentity"'))
    with enable_iam_authentication(), pytest.raises(ClientError, match=f"not authorized to perform: {action}"):
        EVENT_SOURCE[action](sqs, queue_url)


def test_each_action_on_the_queue_is_tried(prod: Synthesis, queue_url: str) -> None:
    actions: set[str] = set()
    for statement in json.loads(policy_of_the_processor(prod, queue_url))["Statement"]:
        if statement["Resource"].endswith(":telemetry.fifo"):
            actions |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    assert actions == set(EVENT_SOURCE)
