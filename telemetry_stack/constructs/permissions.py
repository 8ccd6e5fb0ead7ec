"""What a role may do, and why."""

from typing import cast

from aws_cdk import aws_iam as iam
from constructs import Construct

from telemetry_stack.constructs.reasons import give_reason


class Permissions(iam.ManagedPolicy):
    """What a role may do, in a managed policy, which AWS keeps the versions of.

    Args:
        scope: the construct that has the role.
        construct_id: the id within it.
        role: whose permissions they are.
        description: what they are for.
    """

    def __init__(self, scope: Construct, construct_id: str, *, role: iam.Role, description: str) -> None:
        super().__init__(scope, construct_id, description=description, roles=[cast("iam.IRole", role)])
        self._grants = 0

    def allow(self, *actions: str, on: str, why: str) -> None:
        """Let the role do exactly these actions on exactly this resource (an ARN), and say why it has to."""
        self._grants += 1
        sid = f"Grant{self._grants}"
        self.add_statements(iam.PolicyStatement(sid=sid, actions=list(actions), resources=[on]))
        give_reason(self, sid, why)
