"""What a deleted stack leaves behind is all that is needed to read its data, and can be given to a new stack."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.stack.replacement import properties_in
from tests.stack.synthesis import ROOT, Synthesis
from tools.architecture import references

RESTORE = (ROOT / "docs" / "restore.md").read_text()
# The part of the shell command that writes kept.json.
(TO_KEPT,) = re.findall(r"python3 -c '\n(.*?)' > kept\.json", RESTORE, flags=re.DOTALL)
HOLDS_DATA = {"AWS::Cognito::UserPool", "AWS::DynamoDB::GlobalTable", "AWS::Logs::LogGroup", "AWS::SQS::Queue"}
# They go with their function, which keeps no data.
VERSION = "AWS::Lambda::Version"


@pytest.fixture(params=["prod", "full", "cognito"])
def keeping(request: pytest.FixtureRequest, synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    """A stage that keeps its data."""
    synthesis = synthesis_of(request.param)
    assert synthesis.settings.retain_data
    return synthesis


def left_by(synthesis: Synthesis) -> dict[str, dict[str, Any]]:
    """The resources that stay when the stack is deleted, by logical id."""
    return {
        logical_id: resource
        for logical_id, resource in synthesis.resources.items()
        if resource.get("DeletionPolicy") == "Retain" and resource["Type"] != VERSION
    }


def test_a_deleted_stack_leaves_all_that_holds_data_and_the_keys_that_decrypt_it(keeping: Synthesis) -> None:
    left = left_by(keeping)
    holding = {name for name, resource in keeping.resources.items() if resource["Type"] in HOLDS_DATA}
    keys = {
        name
        for holder in holding
        for name in references(keeping.resources[holder]["Properties"])
        if keeping.resources.get(name, {}).get("Type") == "AWS::KMS::Key"
    }
    assert set(left) == holding | keys
    assert len(keys) == 3
    for resource in left.values():
        assert resource["UpdateReplacePolicy"] == "Retain"


def test_what_is_left_refers_to_nothing_that_is_not_so_that_a_new_stack_can_take_it_alone(keeping: Synthesis) -> None:
    left = left_by(keeping)
    for logical_id, resource in left.items():
        referred = {*references(resource["Properties"]), *resource.get("DependsOn", [])}
        assert {name for name in referred if not name.startswith("AWS::")} <= set(left), logical_id


def test_the_documented_file_names_all_that_is_left_as_cloudformation_imports_it(keeping: Synthesis) -> None:
    resources = [
        {"LogicalResourceId": name, "ResourceType": resource["Type"], "PhysicalResourceId": f"name-of-{name}"}
        for name, resource in keeping.resources.items()
    ]
    printed = subprocess.run(
        [sys.executable, "-c", TO_KEPT], input=json.dumps(resources), capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(printed) == {
        name: dict.fromkeys(properties_in("primaryIdentifier", keeping, resource["Type"]), f"name-of-{name}")
        for name, resource in left_by(keeping).items()
    }


def test_a_stage_that_keeps_its_data_is_not_deleted_by_one_command(keeping: Synthesis) -> None:
    assert keeping.manifest["properties"]["terminationProtection"] is True
    (replica,) = keeping.only("AWS::DynamoDB::GlobalTable")["Replicas"]
    assert replica["DeletionProtectionEnabled"] is True
