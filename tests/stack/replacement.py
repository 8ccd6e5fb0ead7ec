"""What an update of a stack would make anew, by the schemas that CloudFormation gives of its resources."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # pyright: ignore[reportMissingTypeStubs] - it has none

from tests.stack.synthesis import Synthesis


def made_anew(before: Synthesis, after: Synthesis) -> set[str]:
    """The logical ids of the resources that an update deletes, or replaces because a property can't be changed."""
    return {
        logical_id
        for logical_id, resource in before.resources.items()
        if fixed_by(after, logical_id, resource["Type"]) != fixed_by(before, logical_id, resource["Type"])
    }


def fixed_by(synthesis: Synthesis, logical_id: str, resource_type: str) -> dict[str, Any] | None:
    """The properties of a resource that can't be changed; None where it is not there."""
    resource = synthesis.resources.get(logical_id)
    if resource is None or resource["Type"] != resource_type:
        return None
    # Of the latter only some changes make a resource anew: none is to be made.
    names = {*properties_in("createOnlyProperties", synthesis, resource_type)}
    names |= {*properties_in("conditionalCreateOnlyProperties", synthesis, resource_type)}
    return {name: resource.get("Properties", {}).get(name) for name in names}


def properties_in(kind: str, synthesis: Synthesis, resource_type: str) -> list[str]:
    """The properties of a resource that its schema lists under this name, e.g. `primaryIdentifier`."""
    found = PROVIDER_SCHEMA_MANAGER.get_resource_schema(synthesis.settings.region, resource_type)
    schema = cast("Mapping[str, Sequence[str]]", found.schema)
    paths = schema.get(kind, ())
    return [path.removeprefix("/properties/").partition("/")[0] for path in paths]
