"""The rule packs that check each synthesis, and the whole list of what is acknowledged, each with its reason."""

from pathlib import Path

import pytest
from aws_cdk import App, aws_kms, aws_sqs

from app import compose
from telemetry_stack.stages import STAGE_NAMES, AwsOnly, CognitoAuth, NoAuth
from tests.stack.synthesis import Synthesis, cdk_context, settings_of

FUNCTION_RULES = ("Serverless-LambdaDLQ",)
NIST_FUNCTION_RULES = (
    "NIST.800.53.R5-LambdaConcurrency",
    "NIST.800.53.R5-LambdaDLQ",
    "NIST.800.53.R5-LambdaInsideVPC",
)
FUNCTIONS = ("Ingest", "Processor/Processor", "Query")
EVERYWHERE = {
    *((f"{function}/Function", rule) for function in FUNCTIONS for rule in FUNCTION_RULES),
    ("Processor/EventSource", "Serverless-LambdaEventSourceMappingDestination"),
    ("Queue/DeadLetters", "Serverless-SQSRedrivePolicy"),
    ("Api/GetOpenApi", "AwsSolutions-APIG4"),
}
TRACED = {(f"{function}/Traces", "AwsSolutions-IAM5[Resource::*]") for function in FUNCTIONS}
NOT_TRACED = {(f"{function}/Function", "Serverless-LambdaTracing") for function in FUNCTIONS}
ON_THIS_MACHINES_PYTHON = {
    (f"{function}/Function", rule)
    for function in FUNCTIONS
    for rule in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion")
}
NIST_STAGES = {"staging", "prod"}
HELD_TO_NIST = {(f"{function}/Function", rule) for function in FUNCTIONS for rule in NIST_FUNCTION_RULES}
WITHOUT_TLS_POLICIES = {("Queue/DeadLetters", "AwsSolutions-SQS4"), ("Queue/Queue", "AwsSolutions-SQS4")}
ROUTES = ("PostTelemetry", "PostTelemetryBatch", "GetTelemetry", "GetTelemetryOfSeveral")
OPEN_TO_ANYBODY = {(f"Api/{route}", "AwsSolutions-APIG4") for route in ROUTES}
FOR_USERS_ALONE = {("Auth/TokenPool/Pool", rule) for rule in ("AwsSolutions-COG2", "AwsSolutions-COG8")}


def test_no_rule_is_acknowledged_but_these(every_stage: Synthesis) -> None:
    settings = every_stage.settings
    expected = EVERYWHERE | {
        (f"Monitoring/Alarms/{address}", "Serverless-SNSRedrivePolicy") for address in settings.alarm_emails
    }
    expected |= TRACED if settings.tracing else NOT_TRACED
    if settings.name in NIST_STAGES:
        expected |= HELD_TO_NIST
    if AwsOnly.TLS_POLICIES in settings.left_out:
        expected |= WITHOUT_TLS_POLICIES
    if settings.bundle_target.host:
        expected |= ON_THIS_MACHINES_PYTHON
    if settings.gradual_deployment:
        alarms = f"arn:aws:cloudwatch:{settings.region}:{settings.account or '<AWS::AccountId>'}:alarm:*"
        expected |= {("Deployment/Permissions", f"AwsSolutions-IAM5[Resource::{alarms}]")}
    if isinstance(settings.auth, NoAuth):
        expected |= OPEN_TO_ANYBODY
    if isinstance(settings.auth, CognitoAuth):
        expected |= FOR_USERS_ALONE
    assert every_stage.acknowledged == expected


@pytest.mark.parametrize("stage", STAGE_NAMES)
def test_what_breaks_a_rule_of_a_pack_is_not_synthesized(stage: str, tmp_path: Path) -> None:
    app = App(context=cdk_context(), outdir=str(tmp_path))
    stack = compose(app, settings_of(stage))
    aws_sqs.Queue(stack, "Careless")
    aws_kms.Key(stack, "NeverRotated")
    with pytest.raises(RuntimeError, match="ValidationFailed") as refused:
        app.synth()
    assert "Telemetry/Careless/Resource" in str(refused.value)
    assert "AwsSolutions-SQS3" in str(refused.value)
    assert "Serverless-SQSRedrivePolicy" in str(refused.value)
    assert ("NIST.800.53.R5-KMSBackingKeyRotationEnabled" in str(refused.value)) == (stage in NIST_STAGES)
