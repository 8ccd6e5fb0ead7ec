"""What stage local leaves out, because the emulator can't do it: this, and nothing else."""

from typing import Any

from telemetry_stack.stages import AwsOnly
from tests.stack.synthesis import Synthesis
from tools.preflight import OLDEST_BOOTSTRAP

# Of each kind that is left out: the logical ids of the resources that are missing, or parts of them.
LEFT_OUT: dict[AwsOnly, set[str]] = {
    AwsOnly.TLS_POLICIES: {
        "QueuePolicyDB5CAAD1",
        "QueueDeadLettersPolicyA901E219",
        "MonitoringAlarmsPolicy6491E2DD: deny",
        "LatestTelemetryTable5298A714: resource policy",
    },
    AwsOnly.SAVED_QUERIES: {
        "MonitoringQueriesByCorrelationIdF939FEAF",
        "MonitoringQueriesRejectsByChargerFD2CC6F3",
        "MonitoringQueriesSlowestRequests328A2FFC",
    },
    # It is not in the template, but beside it.
    AwsOnly.BOOTSTRAP_ROLES: set(),
    # Whoever sets it for stage local is told: tests/stack/test_stages.py.
    AwsOnly.CODEDEPLOY: set(),
}


def shape(value: Any) -> Any:  # noqa: ANN401 - a template is JSON
    """A template without its values: the keys, and how many there are of a thing."""
    if isinstance(value, dict):
        # An ARN or an account is a reference where the account is not known.
        if set(value) & {"Ref", "Fn::Join", "Fn::Sub", "Fn::GetAtt"}:  # pyright: ignore[reportUnknownArgumentType]
            return "text"
        return {key: shape(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [shape(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return "text" if isinstance(value, str) else type(value).__name__


def test_stage_local_leaves_out_all_that_the_emulator_can_not_do_and_no_other_stage_does(
    every_stage: Synthesis,
) -> None:
    everything = frozenset(AwsOnly)
    assert every_stage.settings.left_out == (everything if every_stage.settings.name == "local" else frozenset())
    assert set(LEFT_OUT) == everything


def test_stage_local_has_every_resource_of_its_twin_on_aws_but_what_is_left_out(
    local: Synthesis, twin: Synthesis
) -> None:
    assert set(twin.resources) - set(local.resources) == {
        logical_id for left_out in LEFT_OUT.values() for logical_id in left_out if ":" not in logical_id
    }
    assert set(local.resources) - set(twin.resources) == set()


def test_a_resource_of_stage_local_has_the_properties_that_it_has_on_aws(local: Synthesis, twin: Synthesis) -> None:
    partly = {
        logical_id.partition(":")[0] for left_out in LEFT_OUT.values() for logical_id in left_out if ":" in logical_id
    }
    different = {
        logical_id
        for logical_id, resource in local.resources.items()
        if shape(resource["Properties"]) != shape(twin.resources[logical_id]["Properties"])
    }
    assert different == partly


def test_the_roles_of_cdk_bootstrap_deploy_every_stage_but_local(every_stage: Synthesis) -> None:
    by_roles = {name for name in every_stage.manifest["properties"] if "RoleArn" in name}
    assert bool(by_roles) == (AwsOnly.BOOTSTRAP_ROLES not in every_stage.settings.left_out)


def test_the_oldest_bootstrap_that_deploy_takes_is_the_one_that_the_stack_asks_for(every_stage: Synthesis) -> None:
    by_roles = AwsOnly.BOOTSTRAP_ROLES not in every_stage.settings.left_out
    asked = every_stage.manifest["properties"].get("requiresBootstrapStackVersion")
    assert asked == (OLDEST_BOOTSTRAP if by_roles else None)
