"""Why a permission is given, kept in the template beside the permission: `docs/permissions.md` is made from both."""

from typing import cast

from aws_cdk import CfnResource
from constructs import Construct

WHY = "Why"


def give_reason(resource: Construct, sid: str, why: str) -> None:
    """Say why the statement with this `Sid` is in the policy of a resource, under `Why` in the resource's metadata."""
    made = cast("CfnResource", resource.node.default_child)
    reasons = cast("dict[str, str]", made.get_metadata(WHY) or {})
    made.add_metadata(WHY, {**reasons, sid: why})
