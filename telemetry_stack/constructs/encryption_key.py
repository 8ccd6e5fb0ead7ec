"""The one way an encryption key is made here."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from aws_cdk import CfnElement, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from telemetry_stack.constructs.reasons import give_reason

# All that manages a key, and nothing that encrypts, decrypts or lets another do so.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)


class EncryptionKey(kms.Key):
    """A customer-managed key, rotated each year, that encrypts for nobody but whom `admit` names.

    Args:
        scope: the construct whose data it encrypts.
        description: what that data is.
        removal_policy: what becomes of the key when it leaves the stack.
    """

    def __init__(self, scope: Construct, *, description: str, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            "Key",
            description=description,
            enable_key_rotation=True,
            removal_policy=removal_policy,
            policy=iam.PolicyDocument(),
        )
        self.admit(
            "Administration",
            iam.AccountRootPrincipal(),
            ADMINISTRATION,
            why="The account's IAM policies say who manages the key, without being able to use it",
        )

    def admit(
        self,
        sid: str,
        principal: iam.PrincipalBase,
        actions: Sequence[str],
        *,
        why: str,
        conditions: Mapping[str, object] | None = None,
    ) -> None:
        """Let a principal do these actions with the key, and say why it has to."""
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid=sid,
                principals=[cast("iam.IPrincipal", principal)],
                actions=list(actions),
                resources=["*"],
                conditions=conditions,
            )
        )
        give_reason(self, sid, why)


class ServiceKey(EncryptionKey):
    """A key of data in SQS or DynamoDB, used by way of that service alone: nobody decrypts with KMS itself.

    Args:
        scope: the construct whose data it encrypts.
        description: what that data is.
        removal_policy: what becomes of the key when it leaves the stack.
        service: the service's name in its address.
    """

    def __init__(
        self, scope: Construct, *, description: str, removal_policy: RemovalPolicy, service: Literal["sqs", "dynamodb"]
    ) -> None:
        super().__init__(scope, description=description, removal_policy=removal_policy)
        # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        self._through_service = {"StringEquals": {"kms:ViaService": f"{service}.{Stack.of(self).region}.amazonaws.com"}}

    def admit_role(self, sid: str, role: iam.Role, actions: Sequence[str], *, why: str) -> None:
        """Let a role of the stack do these actions.

        It is named by how CloudFormation names it, and not by its ARN: a key outlives the stack where data is kept, and
        its policy must refer to nothing that does not.
        """
        stack = Stack.of(self)
        logical_id = stack.get_logical_id(cast("CfnElement", role.node.default_child))
        self.admit_roles_named(sid, (f"{stack.stack_name}-{logical_id}-*",), actions, why=why)

    def admit_roles_named(self, sid: str, names: Sequence[str], actions: Sequence[str], *, why: str) -> None:
        """Let roles of the account do these actions, where their own policies allow it too.

        Args:
            sid: the statement's name.
            names: of the roles, with their paths and IAM's wildcards. A role that is not there yet can be named, which
                KMS refuses of a principal.
            actions: what they may do.
            why: why they have to.
        """
        stack = Stack.of(self)
        arns = [f"arn:{stack.partition}:iam::{stack.account}:role/{name}" for name in names]
        conditions = {**self._through_service, "ArnLike": {"aws:PrincipalArn": arns}}
        self.admit(sid, iam.AccountRootPrincipal(), actions, why=why, conditions=conditions)
