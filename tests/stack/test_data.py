"""What holds data: encrypted, kept as the stage says, and never replaced by an upgrade."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processor.redelivery import back_off_seconds
from telemetry_stack.stages import Autoscaling, OnDemandCapacity, ProvisionedCapacity
from tests.stack.replacement import made_anew
from tests.stack.synthesis import Synthesis, synthesize
from tests.stage_settings import FULL, changed

QUEUE = "AWS::SQS::Queue"
KEY = "AWS::KMS::Key"
TABLE = "AWS::DynamoDB::GlobalTable"
LOG_GROUP = "AWS::Logs::LogGroup"
TOPIC = "AWS::SNS::Topic"

# A new logical id makes CloudFormation delete the old resource, with what is in it, and make an empty one.
LOGICAL_IDS = {
    KEY: {"OperationsKeyD0717C64", "QueueKey39FCBAE6", "LatestTelemetryKeyD6FA8B7E"},
    QUEUE: {"Queue381943A6", "QueueDeadLetters9B423CAD"},
    TABLE: {"LatestTelemetryTable5298A714"},
}


def arn_of(logical_id: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def test_an_upgrade_replaces_nothing_that_holds_data(every_stage: Synthesis) -> None:
    assert {kind: set(every_stage.of_type(kind)) for kind in LOGICAL_IDS} == LOGICAL_IDS


@pytest.mark.parametrize(
    ("kind", "settings_that_replace"),
    [(TABLE, ["KeySchema"]), (QUEUE, ["FifoQueue"])],
)
def test_what_would_replace_a_table_or_a_queue_is_the_same_in_every_stage(
    every_stage: Synthesis, prod: Synthesis, kind: str, settings_that_replace: list[str]
) -> None:
    def of(synthesis: Synthesis) -> dict[str, Any]:
        return {
            logical_id: {name: properties[name] for name in settings_that_replace}
            for logical_id, properties in synthesis.of_type(kind).items()
        }

    assert of(every_stage) == of(prod)


def test_every_key_is_rotated(every_stage: Synthesis) -> None:
    assert [key["EnableKeyRotation"] for key in every_stage.of_type(KEY).values()] == [True, True, True]


def test_the_queues_the_table_and_what_operations_keep_have_keys_apart(every_stage: Synthesis) -> None:
    queue_keys = [queue["KmsMasterKeyId"] for queue in every_stage.of_type(QUEUE).values()]
    assert queue_keys == [arn_of("QueueKey39FCBAE6")] * 2

    (replica,) = every_stage.only(TABLE)["Replicas"]
    assert replica["SSESpecification"]["KMSMasterKeyId"] == arn_of("LatestTelemetryKeyD6FA8B7E")
    assert every_stage.only(TABLE)["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}

    log_keys = [log_group["KmsKeyId"] for log_group in every_stage.of_type(LOG_GROUP).values()]
    assert log_keys == [arn_of("OperationsKeyD0717C64")] * 4
    assert every_stage.only(TOPIC)["KmsMasterKeyId"] == arn_of("OperationsKeyD0717C64")


def test_a_log_is_kept_for_as_long_as_the_stage_says(every_stage: Synthesis) -> None:
    days = [log_group["RetentionInDays"] for log_group in every_stage.of_type(LOG_GROUP).values()]
    assert days == [every_stage.settings.log_retention_days] * 4


def test_the_operations_key_admits_only_the_logs_of_this_stack_and_alarms(every_stage: Synthesis) -> None:
    settings = every_stage.settings
    _, logs, alarms = every_stage.of_type(KEY)["OperationsKeyD0717C64"]["KeyPolicy"]["Statement"]
    assert logs["Principal"] == {"Service": f"logs.{settings.region}.amazonaws.com"}
    (context,) = logs["Condition"]["ArnLike"].values()
    # In parts where the account is not known.
    last = context if isinstance(context, str) else context["Fn::Join"][1][-1]
    assert last.endswith(f":log-group:{settings.stack_name}-*")
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}


def test_a_stage_keeps_its_data_when_the_stack_is_deleted_if_it_says_so(every_stage: Synthesis) -> None:
    policy = "Retain" if every_stage.settings.retain_data else "Delete"
    for kind in (KEY, QUEUE, TABLE, LOG_GROUP):
        for logical_id in every_stage.of_type(kind):
            assert every_stage.resources[logical_id]["DeletionPolicy"] == policy, logical_id
            assert every_stage.resources[logical_id]["UpdateReplacePolicy"] == policy, logical_id


def test_a_stage_that_keeps_no_data_leaves_nothing_behind(bare: Synthesis) -> None:
    left = [name for name, resource in bare.resources.items() if resource.get("DeletionPolicy", "Delete") != "Delete"]
    assert left == []


def test_the_table_is_protected_as_the_stage_says(every_stage: Synthesis) -> None:
    settings = every_stage.settings
    (replica,) = every_stage.only(TABLE)["Replicas"]
    assert replica["DeletionProtectionEnabled"] == settings.deletion_protection
    assert replica["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": settings.point_in_time_recovery
    }


def test_only_a_protected_stages_stack_refuses_to_be_deleted(every_stage: Synthesis) -> None:
    protected = every_stage.manifest["properties"].get("terminationProtection", False)
    assert protected == every_stage.settings.deletion_protection


def test_the_table_has_one_item_for_each_charger_and_forgets_it_when_it_expires(every_stage: Synthesis) -> None:
    table = every_stage.only(TABLE)
    assert table["KeySchema"] == [{"AttributeName": "chargerId", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "chargerId", "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


def autoscaled(scaling: Autoscaling) -> dict[str, Any]:
    return {
        "MinCapacity": scaling.minimum,
        "MaxCapacity": scaling.maximum,
        # Without it CloudFormation refuses to switch a table from on-demand.
        "SeedCapacity": scaling.maximum,
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": scaling.target_percent},
    }


def test_the_table_has_the_capacity_that_the_stage_says(every_stage: Synthesis) -> None:
    table = every_stage.only(TABLE)
    (replica,) = table["Replicas"]
    read = replica.get("ReadProvisionedThroughputSettings")
    write = table.get("WriteProvisionedThroughputSettings")
    match every_stage.settings.table_capacity:
        case OnDemandCapacity():
            assert (table["BillingMode"], read, write) == ("PAY_PER_REQUEST", None, None)
        case ProvisionedCapacity() as capacity:
            assert table["BillingMode"] == "PROVISIONED"
            assert read == {"ReadCapacityAutoScalingSettings": autoscaled(capacity.read)}
            assert write == {"WriteCapacityAutoScalingSettings": autoscaled(capacity.write)}


def test_switching_the_capacity_changes_the_table_where_it_is_and_nothing_else(full: Synthesis, tmp_path: Path) -> None:
    assert isinstance(full.settings.table_capacity, ProvisionedCapacity)
    on_demand = synthesize(changed(FULL, table_capacity=OnDemandCapacity()), tmp_path)
    different = {name for name, resource in full.resources.items() if on_demand.resources.get(name) != resource}
    assert different == set(full.of_type(TABLE))
    assert on_demand.resources.keys() == full.resources.keys()
    assert made_anew(full, on_demand) == set()


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(TABLE, "TableName", "telemetry"), (TABLE, "KeySchema", []), (QUEUE, "FifoQueue", False)],
)
def test_what_would_make_a_table_or_a_queue_anew_is_noticed(
    full: Synthesis, kind: str, name: str, value: object
) -> None:
    careless = replace(full, template=deepcopy(full.template))
    (logical_id, *_) = careless.of_type(kind)
    careless.resources[logical_id]["Properties"][name] = value
    assert made_anew(full, careless) == {logical_id}


def test_both_queues_are_fifo_for_many_chargers_at_once(every_stage: Synthesis) -> None:
    for logical_id, queue in every_stage.of_type(QUEUE).items():
        assert queue["FifoQueue"] is True, logical_id
        assert queue["FifoThroughputLimit"] == "perMessageGroupId", logical_id
        assert queue["DeduplicationScope"] == "messageGroup", logical_id
        assert queue["ContentBasedDeduplication"] is False, logical_id


def test_both_queues_keep_messages_for_14_days(every_stage: Synthesis) -> None:
    days = [queue["MessageRetentionPeriod"] / 86_400 for queue in every_stage.of_type(QUEUE).values()]
    assert days == [14, 14]


def test_a_message_is_hidden_for_six_times_as_long_as_the_processor_may_take(every_stage: Synthesis) -> None:
    timeout = every_stage.function("processor")["Timeout"]
    assert timeout <= 20
    assert every_stage.of_type(QUEUE)["Queue381943A6"]["VisibilityTimeout"] >= 6 * timeout


def test_an_hour_without_the_table_sends_nothing_to_the_dead_letter_queue(every_stage: Synthesis) -> None:
    queue = every_stage.of_type(QUEUE)["Queue381943A6"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == arn_of("QueueDeadLetters9B423CAD")
    last_receive = queue["RedrivePolicy"]["maxReceiveCount"]
    # The table must be back at the last receive: what fails then is given up.
    waits = [back_off_seconds(receive) for receive in range(1, last_receive)]
    assert sum(waits) >= 3_600
    # No wait is longer than without a back-off.
    assert max(waits) < queue["VisibilityTimeout"]


def test_a_key_is_not_asked_for_each_message(every_stage: Synthesis) -> None:
    for logical_id, queue in every_stage.of_type(QUEUE).items():
        assert queue["KmsDataKeyReusePeriodSeconds"] >= 300, logical_id


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_queues_topic_and_table_refuse_plain_http_on_aws(synthesis_of: Callable[[str], Synthesis], name: str) -> None:
    synthesis = synthesis_of(name)
    closed: set[str] = set()
    for kind, names in (("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics")):
        for policy in synthesis.of_type(kind).values():
            closed |= {each["Ref"] for each in policy[names] if denied_without_tls(policy["PolicyDocument"])}
    for logical_id, table in synthesis.of_type(TABLE).items():
        (statement,) = (
            each
            for replica in table["Replicas"]
            for each in denied_without_tls(replica["ResourcePolicy"]["PolicyDocument"])
        )
        assert (statement["Action"], statement["Resource"]) == ("dynamodb:*", "*")
        closed.add(logical_id)
    assert closed == {each for kind in (QUEUE, TOPIC, TABLE) for each in synthesis.of_type(kind)}


def denied_without_tls(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for statement in policy["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Principal"] in ("*", {"AWS": "*"})
    ]
