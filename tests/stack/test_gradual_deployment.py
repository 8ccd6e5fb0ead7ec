"""New code takes the place of the old by degrees, and goes where it fails: in the stages that say so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stack.replacement import made_anew
from tests.stack.synthesis import Synthesis, synthesize
from tests.stage_settings import BARE, FULL, changed

ALIAS = "AWS::Lambda::Alias"
VERSION = "AWS::Lambda::Version"
GROUP = "AWS::CodeDeploy::DeploymentGroup"
ALARM = "AWS::CloudWatch::Alarm"
FUNCTIONS = {
    "ingest": "IngestFunctionB02ED0EB",
    "processor": "ProcessorFunctionD818F09B",
    "query": "QueryFunction22F86FFC",
}


@pytest.fixture(params=["staging", "prod", "full", "cognito"])
def gradual(request: pytest.FixtureRequest, synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of(request.param)


@pytest.fixture(params=["local", "dev", "bare"])
def at_once(request: pytest.FixtureRequest, synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of(request.param)


def version_of(synthesis: Synthesis, service: str) -> str:
    """The logical id of the version that the alias of a function leads to."""
    logical_id, attribute = synthesis.resources[synthesis.alias_of(service)]["Properties"]["FunctionVersion"][
        "Fn::GetAtt"
    ]
    assert attribute == "Version"
    return logical_id


def group_of(synthesis: Synthesis, service: str) -> str:
    """The logical id of the deployment group that moves the alias of a function."""
    policy = synthesis.resources[synthesis.alias_of(service)]["UpdatePolicy"]
    return policy["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"]


def alarms_of(synthesis: Synthesis, service: str) -> dict[str, dict[str, Any]]:
    """The alarms that a deployment of a function looks at, by logical id."""
    configuration = synthesis.of_type(GROUP)[group_of(synthesis, service)]["AlarmConfiguration"]
    assert configuration["Enabled"] is True
    assert configuration.get("IgnorePollAlarmFailure", False) is False
    names = [alarm["Name"]["Ref"] for alarm in configuration["Alarms"]]
    return {name: synthesis.of_type(ALARM)[name] for name in names}


def test_a_stage_that_is_deployed_at_once_has_no_version_and_is_invoked_by_the_functions_themselves(
    at_once: Synthesis,
) -> None:
    assert at_once.settings.gradual_deployment is False
    types = {resource["Type"] for resource in at_once.resources.values()}
    assert not types & {ALIAS, VERSION}
    assert not any(each.startswith("AWS::CodeDeploy::") for each in types)
    arns = [{"Fn::GetAtt": [FUNCTIONS[service], "Arn"]} for service in ("ingest", "query")]
    integrations = at_once.of_type("AWS::ApiGatewayV2::Integration").values()
    assert [each["IntegrationUri"] for each in integrations] == arns
    assert all(each["FunctionName"] in arns for each in at_once.of_type("AWS::Lambda::Permission").values())
    assert at_once.only("AWS::Lambda::EventSourceMapping")["FunctionName"] == {"Ref": FUNCTIONS["processor"]}


def test_each_function_has_one_alias_that_leads_to_the_version_of_this_deployment(gradual: Synthesis) -> None:
    assert gradual.settings.gradual_deployment is True
    aliases = gradual.of_type(ALIAS).values()
    assert {each["Name"] for each in aliases} == {"live"}
    assert sorted(each["FunctionName"]["Ref"] for each in aliases) == sorted(FUNCTIONS.values())
    # The weights are CodeDeploy's.
    assert not any("RoutingConfig" in each for each in aliases)
    for service, function in FUNCTIONS.items():
        assert gradual.of_type(VERSION)[version_of(gradual, service)] == {"FunctionName": {"Ref": function}}
    assert len(gradual.of_type(VERSION)) == len(FUNCTIONS)


def test_whoever_invokes_a_function_does_so_by_its_alias(gradual: Synthesis) -> None:
    aliases = [{"Ref": gradual.alias_of(service)} for service in ("ingest", "query")]
    integrations = gradual.of_type("AWS::ApiGatewayV2::Integration").values()
    assert [each["IntegrationUri"] for each in integrations] == aliases
    assert all(each["FunctionName"] in aliases for each in gradual.of_type("AWS::Lambda::Permission").values())
    source = gradual.only("AWS::Lambda::EventSourceMapping")["FunctionName"]
    # The name is the seventh part of the alias's ARN.
    name = {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": gradual.alias_of("processor")}]}]}
    assert source == {"Fn::Join": ["", [name, ":live"]]}


def test_the_event_source_limits_the_processor_by_its_alias_too(gradual: Synthesis) -> None:
    source = gradual.only("AWS::Lambda::EventSourceMapping")
    assert source["ScalingConfig"] == {"MaximumConcurrency": gradual.settings.processor_concurrency}


def test_a_version_stays_to_go_back_to_unless_its_deployment_failed(gradual: Synthesis) -> None:
    for logical_id in gradual.of_type(VERSION):
        assert gradual.resources[logical_id]["UpdateReplacePolicy"] == "Retain"
        assert gradual.resources[logical_id]["DeletionPolicy"] == "RetainExceptOnCreate"


@pytest.mark.parametrize("service", FUNCTIONS)
def test_codedeploy_gives_a_tenth_of_the_traffic_to_new_code_for_five_minutes(gradual: Synthesis, service: str) -> None:
    (application,) = gradual.of_type("AWS::CodeDeploy::Application")
    assert gradual.only("AWS::CodeDeploy::Application")["ComputePlatform"] == "Lambda"
    group = group_of(gradual, service)
    assert gradual.resources[gradual.alias_of(service)]["UpdatePolicy"] == {
        "CodeDeployLambdaAliasUpdate": {
            "ApplicationName": {"Ref": application},
            "DeploymentGroupName": {"Ref": group},
        }
    }
    properties = gradual.of_type(GROUP)[group]
    assert properties["ApplicationName"] == {"Ref": application}
    assert properties["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert len(gradual.of_type(GROUP)) == len(FUNCTIONS)


@pytest.mark.parametrize("service", FUNCTIONS)
def test_a_deployment_is_rolled_back_when_it_fails_is_stopped_or_rings_an_alarm(
    gradual: Synthesis, service: str
) -> None:
    assert gradual.of_type(GROUP)[group_of(gradual, service)]["AutoRollbackConfiguration"] == {
        "Enabled": True,
        "Events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"],
    }


@pytest.mark.parametrize("service", FUNCTIONS)
def test_the_alarms_of_a_deployment_watch_the_new_version_alone(gradual: Synthesis, service: str) -> None:
    number = {"Fn::GetAtt": [version_of(gradual, service), "Version"]}
    function = {"Ref": FUNCTIONS[service]}
    errors = {
        "FunctionName": function,
        "Resource": {"Fn::Join": ["", [function, ":live"]]},
        "ExecutedVersion": number,
    }
    faults = {"service": "processor", "stage": gradual.settings.name, "version": number}
    watched = [
        (alarm["Namespace"], alarm["MetricName"], {each["Name"]: each["Value"] for each in alarm["Dimensions"]})
        for alarm in alarms_of(gradual, service).values()
    ]
    assert watched == [
        ("AWS/Lambda", "Errors", errors),
        *([("Telemetry", "UnforeseenErrors", faults)] if service == "processor" else []),
    ]


def test_no_other_alarm_is_made_for_a_deployment_and_each_tells_that_it_rings(gradual: Synthesis) -> None:
    (topic,) = gradual.of_type("AWS::SNS::Topic")
    of_versions = {name for service in FUNCTIONS for name in alarms_of(gradual, service)}
    assert of_versions == {name for name in gradual.of_type(ALARM) if not name.startswith("Monitoring")}
    for name in of_versions:
        assert gradual.of_type(ALARM)[name]["AlarmActions"] == [{"Ref": topic}]
        # A new alarm begins with insufficient data, and would tell of each deployment that all is well.
        assert "OKActions" not in gradual.of_type(ALARM)[name]


@pytest.mark.parametrize("service", FUNCTIONS)
def test_a_deployment_rings_at_its_first_error_within_the_time_of_its_canary(gradual: Synthesis, service: str) -> None:
    for alarm in alarms_of(gradual, service).values():
        assert (alarm["Statistic"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
            "Sum",
            0,
            "GreaterThanThreshold",
        )
        assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60, 1)
        assert alarm["TreatMissingData"] == "notBreaching"


def test_new_code_has_alarms_of_its_own_so_that_a_fix_can_be_deployed_while_the_old_ones_ring(
    full: Synthesis, tmp_path: Path
) -> None:
    # Which the processor alone is told.
    after = synthesize(changed(FULL, retention_days=46), tmp_path)
    assert version_of(after, "processor") != version_of(full, "processor")
    assert alarms_of(after, "processor").keys().isdisjoint(full.resources)
    for service in ("ingest", "query"):
        assert version_of(after, service) == version_of(full, service)
        assert alarms_of(after, service).keys() == alarms_of(full, service).keys()
    assert made_anew(full, after) == {version_of(full, "processor"), *alarms_of(full, "processor")}


def test_codedeploy_has_its_permissions_before_it_is_asked_to_move_an_alias(gradual: Synthesis) -> None:
    for group in gradual.of_type(GROUP):
        assert "DeploymentPermissions0F34FEE1" in gradual.resources[group]["DependsOn"]


def test_ingest_sends_nothing_new_before_the_processor_is_new_as_a_whole(gradual: Synthesis) -> None:
    assert gradual.alias_of("processor") in gradual.resources[gradual.alias_of("ingest")]["DependsOn"]


def test_the_api_invokes_an_alias_only_once_it_may(every_stage: Synthesis) -> None:
    permissions = set(every_stage.of_type("AWS::Lambda::Permission"))
    for integration in every_stage.of_type("AWS::ApiGatewayV2::Integration"):
        assert set(every_stage.resources[integration]["DependsOn"]) == permissions


def test_codedeploy_may_assume_its_role_for_this_application_alone(gradual: Synthesis) -> None:
    (application,) = gradual.of_type("AWS::CodeDeploy::Application")
    (statement,) = gradual.of_type("AWS::IAM::Role")["DeploymentRole27A8D055"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    account = gradual.settings.account or {"Ref": "AWS::AccountId"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": account}
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1]
    assert source[0].startswith(f"arn:aws:codedeploy:{gradual.settings.region}:")
    assert source[-3].endswith(":deploymentgroup:")
    assert source[-2:] == [{"Ref": application}, "/*"]


def test_a_running_stage_is_given_aliases_without_anything_being_made_anew_but_permissions(
    bare: Synthesis, tmp_path: Path
) -> None:
    after = synthesize(changed(BARE, gradual_deployment=True), tmp_path)
    assert made_anew(bare, after) == set(bare.of_type("AWS::Lambda::Permission"))
    assert made_anew(after, bare) >= set(after.of_type(ALIAS))
