"""The table that holds the latest telemetry of each charger."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from telemetry_stack.constructs.encryption_key import ServiceKey
from telemetry_stack.stages import Autoscaling, OnDemandCapacity, ProvisionedCapacity

KEY_USAGE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"
# What DynamoDB asks for of who makes a table: it works in the background by the grant. That page writes two of them
# with a star, and says what it stands for.
MAKER_OF_A_TABLE = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
    "kms:CreateGrant",
)
# The role that `cdk bootstrap` makes for CloudFormation, whatever the bootstrap's qualifier, account and region.
DEPLOYMENT_ROLE = "cdk-*-cfn-exec-role-*"


class LatestTelemetryTable(Construct):
    """One item for each charger, encrypted with a key of the table's own.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        capacity: how its reads and writes are paid for; another one changes the table where it is.
        removal_policy: what becomes of the table and its key when they leave the stack.
        deletion_protection: whether the table refuses to be deleted.
        point_in_time_recovery: whether the table can be restored to any second of the last 35 days.
        tls_only: whether the table refuses plain HTTP.
        operator_roles: names of the IAM roles of people who may use the key.
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
        tls_only: bool,
        operator_roles: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = ServiceKey(
            self, description="The latest telemetry of each charger", removal_policy=removal_policy, service="dynamodb"
        )
        self._key.admit_roles_named(
            "OperatorsAndDeployment",
            (*operator_roles, DEPLOYMENT_ROLE),
            MAKER_OF_A_TABLE,
            why=f"Who makes the table, reads or restores it does so with the key, if IAM lets them ({KEY_USAGE})",
        )
        self._table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="chargerId", type=dynamodb.AttributeType.STRING),
            billing=_billing(capacity),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(cast("kms.IKey", self._key)),
            time_to_live_attribute="expiresAt",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=point_in_time_recovery
            ),
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        if tls_only:
            # Unlike SQS and SNS, DynamoDB answers plain HTTP as well.
            # https://docs.aws.amazon.com/general/latest/gr/ddb.html
            self._table.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="TlsOnly",
                    effect=iam.Effect.DENY,
                    principals=[cast("iam.IPrincipal", iam.AnyPrincipal())],
                    actions=["dynamodb:*"],
                    # The table that has the policy; its ARN here would be known only after it was made.
                    resources=["*"],
                    conditions={"Bool": {"aws:SecureTransport": "false"}},
                )
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
    def key(self) -> ServiceKey:
        """The table's key."""
        return self._key


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
