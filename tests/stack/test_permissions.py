"""Who may do what, to the letter: a permission that is not in these lists is one too many."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from telemetry_stack.stages import AwsOnly
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
    traces = TRACES if every_stage.settings.tracing else set[tuple[str, str]]()
    assert permissions_of(every_stage, role_of(function)) == PERMISSIONS[service] | own_log | traces


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


def policies_of(synthesis: Synthesis, role: str) -> dict[str, dict[str, Any]]:
    """The managed policies of a role, by logical id."""
    policies = synthesis.of_type("AWS::IAM::ManagedPolicy")
    return {logical_id: policy for logical_id, policy in policies.items() if policy["Roles"] == [{"Ref": role}]}


def test_a_role_has_one_policy_of_its_own_and_one_for_its_traces_and_no_other(every_stage: Synthesis) -> None:
    roles = {role_of(each) for each in every_stage.of_type("AWS::Lambda::Function").values()}
    of_codedeploy = len(every_stage.of_type("AWS::IAM::Role")) - len(roles)
    traced = every_stage.settings.tracing
    assert len(every_stage.of_type("AWS::IAM::ManagedPolicy")) == (1 + traced) * len(roles) + of_codedeploy
    assert every_stage.of_type("AWS::IAM::Policy") == {}
    for role in roles:
        resources = [
            {json.dumps(statement["Resource"]) for statement in policy["PolicyDocument"]["Statement"]}
            for policy in policies_of(every_stage, role).values()
        ]
        # What is on anything stands apart.
        assert ({json.dumps("*")} in resources) == traced
        assert [json.dumps("*") in each for each in resources].count(True) == traced


def test_a_function_is_made_after_its_permissions(every_stage: Synthesis) -> None:
    for logical_id, function in every_stage.of_type("AWS::Lambda::Function").items():
        policies = set(policies_of(every_stage, role_of(function)))
        assert len(policies) == 1 + every_stage.settings.tracing
        assert policies <= set(every_stage.resources[logical_id]["DependsOn"])


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


OPERATIONS_KEY = "OperationsKeyD0717C64"
MAKER_OF_A_TABLE = {
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
    "kms:CreateGrant",
}
# Who may use each key for data, with which actions: a role of the stack, people by their roles' names, or a service.
KEY_USERS = {
    QUEUE_KEY: {
        "ingest": {"kms:GenerateDataKey", "kms:Decrypt"},
        "processor": {"kms:GenerateDataKey", "kms:Decrypt"},
        "people": {"kms:GenerateDataKey", "kms:Decrypt"},
    },
    TABLE_KEY: {
        "processor": MAKER_OF_A_TABLE - {"kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"},
        "query": {"kms:DescribeKey", "kms:Decrypt"},
        "people": MAKER_OF_A_TABLE,
    },
    OPERATIONS_KEY: {
        "logs": MAKER_OF_A_TABLE - {"kms:CreateGrant"},
        "cloudwatch": {"kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"},
    },
}
SERVICE_OF_KEY = {QUEUE_KEY: "sqs", TABLE_KEY: "dynamodb"}


def statements_of_use(synthesis: Synthesis, key: str) -> list[dict[str, Any]]:
    """The statements of a key's policy that let somebody have data, or let another have it."""
    statements = synthesis.of_type("AWS::KMS::Key")[key]["KeyPolicy"]["Statement"]
    return [each for each in statements if any(USE.search(action) for action in listed(each["Action"]))]


def text_of(value: Any) -> str:  # noqa: ANN401 - a template is JSON
    """An ARN as CloudFormation makes it, with the account's number as in no account."""
    return value if isinstance(value, str) else "".join(map(text_of, value.get("Fn::Join", [0, ["ACCOUNT"]])[1]))


def stacks_role_of(synthesis: Synthesis, statement: dict[str, Any]) -> str | None:
    """The logical id of the stack's own role that a statement is about, by the name that CloudFormation gives it."""
    names = listed(statement.get("Condition", {}).get("ArnLike", {}).get("aws:PrincipalArn", []))
    account, stack = synthesis.settings.account or "ACCOUNT", synthesis.settings.stack_name
    for role in synthesis.of_type("AWS::IAM::Role"):
        if [text_of(name) for name in names] == [f"arn:aws:iam::{account}:role/{stack}-{role}-*"]:
            return role
    return None


@pytest.mark.parametrize("key", KEY_USERS)
def test_a_key_is_used_for_data_by_whom_its_policy_names_and_nobody_else(every_stage: Synthesis, key: str) -> None:
    service_of_role = {role_of(every_stage.function(service)): service for service in PERMISSIONS}
    users: dict[str, set[str]] = {}
    for statement in statements_of_use(every_stage, key):
        match statement["Principal"]:
            case {"AWS": root}:
                assert text_of(root).endswith(":root")
                role = stacks_role_of(every_stage, statement)
                who = service_of_role[role] if role else "people"
            case {"Service": service}:
                who = service.split(".")[0]
            case other:
                raise AssertionError(other)
        assert who not in users
        users[who] = set(listed(statement["Action"]))
    assert users == KEY_USERS[key]


@pytest.mark.parametrize("key", SERVICE_OF_KEY)
def test_data_of_queues_and_table_is_decrypted_through_their_service_alone(every_stage: Synthesis, key: str) -> None:
    host = f"{SERVICE_OF_KEY[key]}.{every_stage.settings.region}.amazonaws.com"
    for statement in statements_of_use(every_stage, key):
        assert statement["Effect"] == "Allow"
        assert statement["Condition"]["StringEquals"] == {"kms:ViaService": host}
        assert set(statement["Condition"]) <= {"StringEquals", "ArnLike"}


@pytest.mark.parametrize(("key", "others"), [(QUEUE_KEY, ()), (TABLE_KEY, ("cdk-*-cfn-exec-role-*",))])
def test_people_use_a_key_by_the_roles_that_the_stage_names(
    every_stage: Synthesis, key: str, others: tuple[str, ...]
) -> None:
    (names,) = (
        each["Condition"]["ArnLike"]["aws:PrincipalArn"]
        for each in statements_of_use(every_stage, key)
        if not stacks_role_of(every_stage, each)
    )
    account = every_stage.settings.account or "ACCOUNT"
    assert [text_of(each) for each in listed(names)] == [
        f"arn:aws:iam::{account}:role/{name}" for name in (*every_stage.settings.operator_roles, *others)
    ]


def test_what_a_role_may_do_with_a_key_the_keys_policy_lets_it_and_nothing_else(every_stage: Synthesis) -> None:
    by_roles = {
        (role, action, on)
        for role in every_stage.of_type("AWS::IAM::Role")
        for action, on in permissions_of(every_stage, role)
        if action.startswith("kms:")
    }
    by_keys = {
        (role, action, key)
        for key, properties in every_stage.of_type("AWS::KMS::Key").items()
        for statement in properties["KeyPolicy"]["Statement"]
        if (role := stacks_role_of(every_stage, statement))
        for action in listed(statement["Action"])
    }
    assert len(by_roles) == 12
    assert by_roles == by_keys


def test_no_policy_of_a_key_or_a_role_allows_by_a_wildcard(every_stage: Synthesis) -> None:
    for policy in permissions.policies(every_stage.template):
        for statement in policy.statements:
            assert statement["Effect"] == "Deny" or "*" not in "".join(listed(statement["Action"])), policy.logical_id


def test_only_alarms_of_this_account_use_the_operations_key(every_stage: Synthesis) -> None:
    (alarms,) = (
        each
        for each in every_stage.of_type("AWS::KMS::Key")[OPERATIONS_KEY]["KeyPolicy"]["Statement"]
        if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    )
    account = every_stage.settings.account or {"Ref": "AWS::AccountId"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": account}}


def test_the_account_can_still_manage_each_key(every_stage: Synthesis) -> None:
    # A key whose policy nobody may change is lost for good.
    for key in every_stage.of_type("AWS::KMS::Key").values():
        first = key["KeyPolicy"]["Statement"][0]
        assert {"kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:ScheduleKeyDeletion"} <= set(first["Action"])
        assert str(first["Principal"]["AWS"]).count(":root") == 1
        assert "Condition" not in first


def test_the_table_of_permissions_is_what_is_synthesized(prod: Synthesis) -> None:
    assert permissions.COPY.read_text() == permissions.text(prod.template), (
        "run scripts/telemetry.sh document permissions"
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


# Every place of a template that holds a policy, and how many do: none of CloudWatch Logs, a bucket or anything else.
PLACES = {
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"): 3,
    ("AWS::IAM::ManagedPolicy", "PolicyDocument"): 3,
    ("AWS::KMS::Key", "KeyPolicy"): 3,
    ("AWS::SNS::TopicPolicy", "PolicyDocument"): 1,
}
PLACES_OF_CODEDEPLOY = {
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"): 1,
    ("AWS::IAM::ManagedPolicy", "PolicyDocument"): 1,
}
PLACES_OF_TRACES = {("AWS::IAM::ManagedPolicy", "PolicyDocument"): 3}
TLS_PLACES = {
    ("AWS::SQS::QueuePolicy", "PolicyDocument"): 2,
    ("AWS::DynamoDB::GlobalTable", "Replicas.ResourcePolicy.PolicyDocument"): 1,
}


def test_policies_are_in_these_places_and_in_no_other(every_stage: Synthesis) -> None:
    found = Counter(policy.place for policy in permissions.policies(every_stage.template))
    expected = Counter(PLACES)
    if every_stage.settings.tracing:
        expected.update(PLACES_OF_TRACES)
    if AwsOnly.TLS_POLICIES not in every_stage.settings.left_out:
        expected.update(TLS_PLACES)
    if every_stage.settings.gradual_deployment:
        expected.update(PLACES_OF_CODEDEPLOY)
    assert found == expected


ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::S3::BucketPolicy", {"PolicyDocument": {"Statement": [ANYBODY]}}),
        ("AWS::IAM::Role", {"Policies": [{"PolicyDocument": {"Statement": ANYBODY}}]}),
        ("AWS::Logs::ResourcePolicy", {"PolicyDocument": json.dumps({"Statement": [ANYBODY]})}),
        ("AWS::Logs::ResourcePolicy", {"PolicyDocument": {"Fn::Join": ["", ['{"Statement": [', "]}"]]}}),
    ],
)
def test_a_policy_where_nobody_looked_for_one_stops_the_table_of_permissions(
    prod: Synthesis, kind: str, properties: dict[str, Any]
) -> None:
    added = {**prod.template, "Resources": {**prod.resources, "Another": {"Type": kind, "Properties": properties}}}
    with pytest.raises(ValueError, match=f"policies that are not listed: Another {kind} Polic"):
        permissions.text(added)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"NotAction": "kms:Decrypt"}, "not shown: ['NotAction']"),
        ({"Condition": {"StringNotEquals": {"kms:ViaService": "a"}}}, "no words for StringNotEquals"),
        ({"Sid": "Another"}, "no reason for "),
    ],
)
@pytest.mark.parametrize("policy", ["IngestPermissions", "QueueKey"])
def test_what_the_table_of_permissions_can_not_tell_stops_it(
    prod: Synthesis, policy: str, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        permissions.text(with_last_statement(prod, policy, change))


def test_the_table_of_permissions_tells_what_a_role_is_denied_and_on_what_condition(prod: Synthesis) -> None:
    change = {"Effect": "Deny", "Condition": {"ArnLike": {"aws:PrincipalArn": ["a", "b"]}}}
    text = permissions.text(with_last_statement(prod, "IngestPermissions", change))
    denied = "| IngestRole | **denied**: `kms:Decrypt` | QueueKey, where `aws:PrincipalArn` is like `a` or `b` |"
    assert denied not in permissions.text(prod.template)
    assert denied in text


def with_last_statement(synthesis: Synthesis, resource: str, change: dict[str, Any]) -> dict[str, Any]:
    """The template with the last statement of a policy changed."""
    template = json.loads(json.dumps(synthesis.template))
    (properties,) = (
        each["Properties"] for name, each in template["Resources"].items() if permissions.name_of(name) == resource
    )
    (properties.get("KeyPolicy") or properties["PolicyDocument"])["Statement"][-1].update(change)
    return template
