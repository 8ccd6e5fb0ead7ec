"""How logs and alarms are kept: encrypted with a key apart from those of the telemetry, for a stated time."""

from typing import cast

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from telemetry_stack.constructs.encryption_key import EncryptionKey
from telemetry_stack.stages import LogRetentionDays

RETENTION: dict[LogRetentionDays, logs.RetentionDays] = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


class Operations(Construct):
    """A customer-managed key that CloudWatch's logs and alarms may use, and the log groups made with it.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        log_retention_days: how long logs are kept.
        removal_policy: what becomes of the key and the logs when they leave the stack.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_retention_days: LogRetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._retention = RETENTION[log_retention_days]
        self._removal_policy = removal_policy
        key = EncryptionKey(self, description="Logs and alarms of the telemetry service", removal_policy=removal_policy)
        stack = Stack.of(self)
        # Whose names CloudFormation begins with the stack's.
        log_groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{stack.stack_name}-*"
        key.admit(
            "Logs",
            iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com"),
            (
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:DescribeKey",
            ),
            why="CloudWatch Logs encrypts the log groups of this stack "
            "(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html)",
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        )
        key.admit(
            "Alarms",
            iam.ServicePrincipal("cloudwatch.amazonaws.com"),
            ("kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
            why="An alarm that publishes to an encrypted topic needs the topic's key for itself "
            "(https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html)",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        self._key = cast("kms.IKey", key)

    @property
    def key(self) -> kms.IKey:
        """The key."""
        return self._key

    def log_group(self, scope: Construct, construct_id: str) -> logs.LogGroup:
        """Make a log group within another construct."""
        return logs.LogGroup(
            scope,
            construct_id,
            encryption_key=self._key,
            retention=self._retention,
            removal_policy=self._removal_policy,
        )
