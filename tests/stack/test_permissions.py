"""Who may do what, to the letter: a permission that is not in these lists is one too many."""

import re
from typing import Any

import pytest

from tests.stack.synthesis import Synthesis
from tools import permissions

QUEUE = "Queue381943A6"
DEAD_LETTERS = "QueueDeadLetters9B423CAD"
QUEUE_KEY = "QueueKey39FCBAE6"
TABLE = "LatestTelemetryTable5298A714"
TABLE_KEY = "LatestTelemetryKeyD6FA8B7E"
DEPLOYMENT_ROLE = "DeploymentRole27A8D055"
# All that gives data back or encrypts it, or lets somebody do so.
USE = re.compile(r"\*|crypt|DataKey|Mac|Sign|Verify|CreateGrant|DeriveShared")
TRACES = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}

PERMISSIONS = {
    "ingest": {
        ("sqs:SendMessage", QUEUE),
        ("kms:GenerateDataKey", QUEUE_KEY),
        ("kms:Decrypt", QUEUE_KEY),
    },
    "processor": {
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:DeleteMessage", QUEUE),
        ("sqs:ChangeMessageVisibility", QUEUE),
        ("sqs:GetQueueAttributes", QUEUE),
        ("sqs:SendMessage", DEAD_LETTERS),
        ("kms:GenerateDataKey", QUEUE_KEY),
        ("kms:Decrypt", QUEUE_KEY),
        ("dynamodb:BatchGetItem", TABLE),
        ("dynamodb:PutItem", TABLE),
        ("kms:DescribeKey", TABLE_KEY),
        ("kms:Decrypt", TABLE_KEY),
        ("kms:Encrypt", TABLE_KEY),
        ("kms:GenerateDataKey", TABLE_KEY),
        ("kms:ReEncryptFrom", TABLE_KEY),
        ("kms:ReEncryptTo", TABLE_KEY),
    },
    "query": {
        ("dynamodb:BatchGetItem", TABLE),
        ("kms:DescribeKey", TABLE_KEY),
        ("kms:Decrypt", TABLE_KEY),
    },
}


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - a policy holds one of a thing, or a list of it
    return value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]


def role_of(function: dict[str, Any]) -> str:
    return function["Role"]["Fn::GetAtt"][0]


def named(resource: Any) -> str:  # noqa: ANN401 - a template is JSON
    """The logical id in an ARN, or the ARN without the account, with what follows the former."""
    match resource:
        case {"Fn::GetAtt": [logical_id, "Arn"]}:
            return logical_id
        case {"Fn::Join": ["", parts]}:
            return "".join(part if isinstance(part, str) else named(part) for part in parts)
        case {"Ref": "AWS::AccountId"}:
            return "ACCOUNT"
        case _:
            return resource


def permissions_of(synthesis: Synthesis, role: str) -> set[tuple[str, str]]:
    """Each action of a role, with the logical id of what it is on."""
    granted: set[tuple[str, str]] = set()
    for policy in synthesis.of_type("AWS::IAM::ManagedPolicy").values():
        if {"Ref": role} in policy["Roles"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                for resource in listed(statement["Resource"]):
                    granted |= {(action, named(resource)) for action in listed(statement["Action"])}
    return granted


@pytest.mark.parametrize("service", PERMISSIONS)
def test_a_function_may_do_exactly_what_it_has_to(every_stage: Synthesis, service: str) -> None:
    function = every_stage.function(service)
    log_group = function["LoggingConfig"]["LogGroup"]["Ref"]
    own_log = {("logs:CreateLogStream", log_group), ("logs:PutLogEvents", log_group)}
    assert permissions_of(every_stage, role_of(function)) == PERMISSIONS[service] | own_log | TRACES


def test_codedeploy_may_move_the_aliases_and_look_at_alarms_where_the_stage_is_deployed_gradually(
    every_stage: Synthesis,
) -> None:
    settings = every_stage.settings
    granted = {
        (action, function)
        for function in every_stage.of_type("AWS::Lambda::Function")
        for action in ("lambda:GetAlias", "lambda:UpdateAlias")
    }
    granted |= {
        ("lambda:GetProvisionedConcurrencyConfig", f"{function}:live")
        for function in every_stage.of_type("AWS::Lambda::Function")
    }
    alarms = f"arn:aws:cloudwatch:{settings.region}:{settings.account or 'ACCOUNT'}:alarm:*"
    granted |= {("cloudwatch:DescribeAlarms", alarms)}
    assert permissions_of(every_stage, DEPLOYMENT_ROLE) == (granted if settings.gradual_deployment else set())


def test_each_function_has_a_role_and_a_log_group_of_its_own(every_stage: Synthesis) -> None:
    functions = every_stage.of_type("AWS::Lambda::Function").values()
    assert len(functions) == 3
    assert len({role_of(each) for each in functions}) == 3
    assert len({each["LoggingConfig"]["LogGroup"]["Ref"] for each in functions}) == 3
    others = {DEPLOYMENT_ROLE} if every_stage.settings.gradual_deployment else set[str]()
    assert set(every_stage.of_type("AWS::IAM::Role")) == {role_of(each) for each in functions} | others


def test_a_role_has_one_policy_of_its_own_and_no_other(every_stage: Synthesis) -> None:
    policies = every_stage.of_type("AWS::IAM::ManagedPolicy").values()
    assert sorted(policy["Roles"][0]["Ref"] for policy in policies) == sorted(every_stage.of_type("AWS::IAM::Role"))
    assert all(len(policy["Roles"]) == 1 for policy in policies)
    assert every_stage.of_type("AWS::IAM::Policy") == {}


def test_a_function_is_made_after_its_permissions(every_stage: Synthesis) -> None:
    policy_of = {
        policy["Roles"][0]["Ref"]: logical_id
        for logical_id, policy in every_stage.of_type("AWS::IAM::ManagedPolicy").items()
    }
    for logical_id, function in every_stage.of_type("AWS::Lambda::Function").items():
        assert policy_of[role_of(function)] in every_stage.resources[logical_id]["DependsOn"]


def test_a_role_is_for_one_service_alone_and_has_no_policy_that_aws_may_widen(every_stage: Synthesis) -> None:
    for logical_id, role in every_stage.of_type("AWS::IAM::Role").items():
        assert set(role) == {"AssumeRolePolicyDocument", "Tags"}, logical_id
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = "codedeploy" if logical_id == DEPLOYMENT_ROLE else "lambda"
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}, logical_id


def function_of(synthesis: Synthesis, permission: dict[str, Any]) -> str:
    """The logical id of the function that may be invoked: itself, or by its alias."""
    match permission["FunctionName"]:
        case {"Ref": alias}:
            return synthesis.of_type("AWS::Lambda::Alias")[alias]["FunctionName"]["Ref"]
        case arn:
            return named(arn)


def test_api_gateway_may_invoke_a_function_only_for_its_own_routes(every_stage: Synthesis) -> None:
    granted = {
        (function_of(every_stage, permission), permission["SourceArn"]["Fn::Join"][1][-1])
        for permission in every_stage.of_type("AWS::Lambda::Permission").values()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    assert granted == {
        ("IngestFunctionB02ED0EB", "/*/*/telemetry"),
        ("IngestFunctionB02ED0EB", "/*/*/telemetry/batch"),
        ("QueryFunction22F86FFC", "/*/*/telemetry/{chargerId}"),
        ("QueryFunction22F86FFC", "/*/*/telemetry"),
        ("QueryFunction22F86FFC", "/*/*/openapi.json"),
    }
    assert len(every_stage.of_type("AWS::Lambda::Permission")) == len(granted)


# Who may use each key for data: the service that does it for whom IAM allows it, or a service in its own name.
KEY_USERS = {
    QUEUE_KEY: {("account", "sqs")},
    TABLE_KEY: {("account", "dynamodb")},
    "OperationsKeyD0717C64": {("logs", None), ("cloudwatch", None)},
}


@pytest.mark.parametrize("key", KEY_USERS)
def test_nobody_uses_a_key_for_data_but_its_service(every_stage: Synthesis, key: str) -> None:
    region = every_stage.settings.region
    users: set[tuple[str, str | None]] = set()
    for statement in every_stage.of_type("AWS::KMS::Key")[key]["KeyPolicy"]["Statement"]:
        if not any(USE.search(action) for action in listed(statement["Action"])):
            continue
        (kind, who), *others = statement["Principal"].items()
        assert others == []
        service = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
        assert service is None or service.endswith(f".{region}.amazonaws.com")
        users.add(("account" if kind == "AWS" else who.split(".")[0], service and service.split(".")[0]))
    assert users == KEY_USERS[key]


def test_the_account_can_still_manage_each_key(every_stage: Synthesis) -> None:
    # A key whose policy nobody may change is lost for good.
    for key in every_stage.of_type("AWS::KMS::Key").values():
        first = key["KeyPolicy"]["Statement"][0]
        assert {"kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:ScheduleKeyDeletion"} <= set(first["Action"])
        assert str(first["Principal"]["AWS"]).count(":root") == 1
        assert "Condition" not in first


def test_the_table_of_permissions_is_what_is_synthesized(prod: Synthesis) -> None:
    assert permissions.COPY.read_text() == permissions.text(prod.template), (
        "run scripts/run.sh --cdk -- python -m tools.permissions"
    )


def test_a_permission_that_the_emulator_does_not_enforce_has_aws_documentation_for_its_reason(prod: Synthesis) -> None:
    rows = list(permissions.roles(prod.template))
    for role, action, _on, why, shown in rows:
        assert shown or "https://docs.aws.amazon.com/" in why, (role, action)
    assert sum(bool(row[-1]) for row in rows) == len(permissions.WITHOUT_IT)


def test_the_topic_takes_messages_of_this_accounts_alarms_alone(every_stage: Synthesis) -> None:
    statements = every_stage.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    (allowed,) = (statement for statement in statements if statement["Effect"] == "Allow")
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    (account,) = allowed["Condition"]["StringEquals"].values()
    assert account == (every_stage.settings.account or {"Ref": "AWS::AccountId"})
