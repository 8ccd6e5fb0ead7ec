"""The table that holds the latest telemetry of each charger."""

from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from telemetry_stack.constructs.encryption_key import EncryptionKey
from telemetry_stack.stages import Autoscaling, OnDemandCapacity, ProvisionedCapacity


class LatestTelemetryTable(Construct):
    """One item for each charger, encrypted with a key of the table's own.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        capacity: how its reads and writes are paid for; another one changes the table where it is.
        removal_policy: what becomes of the table and its key when they leave the stack.
        deletion_protection: whether the table refuses to be deleted.
        point_in_time_recovery: whether the table can be restored to any second of the last 35 days.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a property of the table
        self,
        scope: Construct,
        construct_id: str,
        *,
        capacity: OnDemandCapacity | ProvisionedCapacity,
        removal_policy: RemovalPolicy,
        deletion_protection: bool,
        point_in_time_recovery: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        key = EncryptionKey(self, description="The latest telemetry of each charger", removal_policy=removal_policy)
        key.admit_through(
            "dynamodb",
            (
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:DescribeKey",
                # With which DynamoDB works in the background, asked for by who makes or restores the table.
                "kms:CreateGrant",
            ),
            why="Whom IAM lets read, write or make the table does so with the key, in DynamoDB alone "
            "(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html)",
        )
        self._key = cast("kms.IKey", key)
        self._table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="chargerId", type=dynamodb.AttributeType.STRING),
            billing=_billing(capacity),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self._key),
            time_to_live_attribute="expiresAt",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=point_in_time_recovery
            ),
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )

    @property
    def table_name(self) -> str:
        """The table's name, which CloudFormation chose."""
        return self._table.table_name

    @property
    def table_arn(self) -> str:
        """The table's ARN."""
        return self._table.table_arn

    @property
    def key_arn(self) -> str:
        """The ARN of the table's key."""
        return self._key.key_arn


def _billing(capacity: OnDemandCapacity | ProvisionedCapacity) -> dynamodb.Billing:
    match capacity:
        case OnDemandCapacity():
            return dynamodb.Billing.on_demand()
        case ProvisionedCapacity(read=read, write=write):
            return dynamodb.Billing.provisioned(read_capacity=_capacity(read), write_capacity=_capacity(write))


def _capacity(scaled: Autoscaling) -> dynamodb.Capacity:
    return dynamodb.Capacity.autoscaled(
        min_capacity=scaled.minimum,
        max_capacity=scaled.maximum,
        target_utilization_percent=scaled.target_percent,
        # What a table that was on demand has until autoscaling knows its traffic. Too much of it costs for minutes; too
        # little throttles a fleet.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-dynamodb-globaltable-capacityautoscalingsettings.html
        seed_capacity=scaled.maximum,
    )
