"""The functions, and the event source that feeds the processor."""

import importlib
from typing import Any

import pytest

from telemetry_stack.stages import CognitoAuth, NoAuth, StageSettings, TokenIssuer
from tests.stack.synthesis import Synthesis

SERVICES = ("ingest", "processor", "query")
COMMON_VARIABLES = {
    "STAGE",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
}
# Where CloudFormation chooses the name, a resource can be replaced and a stack deployed twice.
PHYSICAL_NAMES = {
    "AlarmName",
    "ApplicationName",
    "DeploymentGroupName",
    "FunctionName",
    "LogGroupName",
    "QueueName",
    "RoleName",
    "TableName",
    "TopicName",
}


def variables_of(function: dict[str, Any]) -> dict[str, Any]:
    return function["Environment"]["Variables"]


def of_tokens(settings: StageSettings) -> set[str]:
    """The variables that tell a function which chargers a token is for: test_auth.py has their values."""
    match settings.auth:
        case TokenIssuer():
            return {"CHARGERS_CLAIM", "TOKENS_WITHOUT_CLAIM"}
        case CognitoAuth():
            return {"CHARGERS_OF_CLIENTS"}
        case NoAuth():
            return {"OPEN_TO_ANYBODY"}


def of_auth(settings: StageSettings) -> set[str]:
    """The outputs that a stage has for its auth."""
    match settings.auth:
        case TokenIssuer():
            return set()
        case CognitoAuth(clients=clients):
            return {"UserPoolId", "TokenUrl", *(f"{client.name}ClientId" for client in clients)}
        case NoAuth():
            return {"Warning"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_handler_of_a_function_is_in_the_package_of_its_name(every_stage: Synthesis, service: str) -> None:
    module, name = every_stage.function(service)["Handler"].rsplit(".", maxsplit=1)
    assert module == f"{service}.handler"
    assert callable(getattr(importlib.import_module(module), name))


def test_all_functions_run_from_one_bundle(every_stage: Synthesis) -> None:
    keys = {each["Code"]["S3Key"] for each in every_stage.of_type("AWS::Lambda::Function").values()}
    assert len(keys) == 1


def test_a_synthesis_that_needs_no_bundle_builds_none(every_stage: Synthesis) -> None:
    assert list(every_stage.directory.glob("asset.*")) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_runs_on_what_its_bundle_was_built_for(every_stage: Synthesis, service: str) -> None:
    target = every_stage.settings.bundle_target
    function = every_stage.function(service)
    assert function["Runtime"] == f"python{target.python}"
    assert function["Architectures"] == [target.architecture]


def test_unless_the_stage_says_otherwise_functions_run_on_python_3_14_and_arm64(bare: Synthesis) -> None:
    assert {each["Runtime"] for each in bare.of_type("AWS::Lambda::Function").values()} == {"python3.14"}
    assert {each["Architectures"][0] for each in bare.of_type("AWS::Lambda::Function").values()} == {"arm64"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_logs_json_and_of_lambda_s_own_lines_those_that_warn(every_stage: Synthesis, service: str) -> None:
    function = every_stage.function(service)
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_is_traced_where_the_stage_says_so(every_stage: Synthesis, service: str) -> None:
    expected = {"Mode": "Active" if every_stage.settings.tracing else "PassThrough"}
    assert every_stage.function(service)["TracingConfig"] == expected


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_starts_from_a_snapshot_where_the_stage_says_so(every_stage: Synthesis, service: str) -> None:
    expected = {"ApplyOn": "PublishedVersions"} if every_stage.settings.snap_start else None
    assert every_stage.function(service).get("SnapStart") == expected


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_has_the_memory_that_the_stage_gives_it(every_stage: Synthesis, service: str) -> None:
    given = every_stage.settings.memory.model_dump()[f"{service}_mb"]
    assert every_stage.function(service)["MemorySize"] == given


@pytest.mark.parametrize("service", SERVICES)
def test_a_function_is_told_its_stage_and_its_name(every_stage: Synthesis, service: str) -> None:
    variables = variables_of(every_stage.function(service))
    assert variables["STAGE"] == every_stage.settings.name
    assert variables["POWERTOOLS_SERVICE_NAME"] == service
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Telemetry"


def test_ingest_is_told_the_queue_and_how_tokens_name_chargers(every_stage: Synthesis) -> None:
    variables = variables_of(every_stage.function("ingest"))
    assert set(variables) == COMMON_VARIABLES | {"QUEUE_URL"} | of_tokens(every_stage.settings)
    assert variables["QUEUE_URL"] == {"Ref": "Queue381943A6"}


def test_the_query_function_is_told_the_table_and_how_tokens_name_chargers(every_stage: Synthesis) -> None:
    variables = variables_of(every_stage.function("query"))
    own = {"TABLE_NAME", "STALE_AFTER_MINUTES"}
    assert set(variables) == COMMON_VARIABLES | own | of_tokens(every_stage.settings)
    assert variables["TABLE_NAME"] == {"Ref": "LatestTelemetryTable5298A714"}
    assert variables["STALE_AFTER_MINUTES"] == str(every_stage.settings.stale_after_minutes)


def test_the_processor_is_told_the_queues_the_table_and_the_retention(full: Synthesis) -> None:
    variables = variables_of(full.function("processor"))
    own = {"QUEUE_URL", "TABLE_NAME", "DEAD_LETTER_QUEUE_URL", "RETENTION_DAYS"}
    assert set(variables) == COMMON_VARIABLES | own
    assert variables["QUEUE_URL"] == {"Ref": "Queue381943A6"}
    assert variables["TABLE_NAME"] == {"Ref": "LatestTelemetryTable5298A714"}
    assert variables["DEAD_LETTER_QUEUE_URL"] == {"Ref": "QueueDeadLetters9B423CAD"}
    assert variables["RETENTION_DAYS"] == "45"


def test_a_stage_that_keeps_telemetry_for_ever_tells_no_retention(bare: Synthesis) -> None:
    assert "RETENTION_DAYS" not in variables_of(bare.function("processor"))


@pytest.mark.parametrize("service", ["ingest", "query"])
def test_a_function_of_the_api_gives_up_before_api_gateway_does(every_stage: Synthesis, service: str) -> None:
    assert every_stage.function(service)["Timeout"] < 30


def test_the_processor_gets_full_batches_and_returns_only_what_failed(every_stage: Synthesis) -> None:
    source = every_stage.only("AWS::Lambda::EventSourceMapping")
    assert source["EventSourceArn"] == {"Fn::GetAtt": ["Queue381943A6", "Arn"]}
    assert source["BatchSize"] == 10
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_event_source_limits_the_processor_and_not_a_reserved_concurrency(every_stage: Synthesis) -> None:
    source = every_stage.only("AWS::Lambda::EventSourceMapping")
    assert source["ScalingConfig"] == {"MaximumConcurrency": every_stage.settings.processor_concurrency}
    assert "ReservedConcurrentExecutions" not in every_stage.function("processor")


def test_cloudformation_chooses_the_names(every_stage: Synthesis) -> None:
    # These name what they are for.
    references = {
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::Lambda::Alias",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
        "AWS::Lambda::Version",
        "AWS::Logs::MetricFilter",
    }
    named = {
        logical_id: PHYSICAL_NAMES & set(resource["Properties"])
        for logical_id, resource in every_stage.resources.items()
        if resource["Type"] not in references and PHYSICAL_NAMES & set(resource.get("Properties", {}))
    }
    assert named == {}


def test_everything_is_tagged_with_its_stage(every_stage: Synthesis) -> None:
    for service in SERVICES:
        assert {"Key": "stage", "Value": every_stage.settings.name} in every_stage.function(service)["Tags"]


def test_the_stack_tells_what_others_need_to_find_it(every_stage: Synthesis) -> None:
    assert every_stage.manifest["properties"]["stackName"] == f"Telemetry-{every_stage.settings.name}"
    of_domain = {"DomainTarget"} if every_stage.settings.custom_domain else set[str]()
    assert set(every_stage.template["Outputs"]) == of_domain | of_auth(every_stage.settings) | {
        "ApiUrl",
        "TableName",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "IngestFunctionName",
        "ProcessorFunctionName",
        "QueryFunctionName",
        "AccessLogName",
        "IngestLogName",
        "ProcessorLogName",
        "QueryLogName",
        "DashboardName",
    }
