"""`scripts/deploy.sh` from its checks to the event that it sends, by the real CDK CLI in a local cloud of its own."""

from collections.abc import Generator
from pathlib import Path

import boto3
import pytest

from tests.e2e.harness import Shell, free_port
from tools.preflight import BOOTSTRAP_VERSION

STACK = "Telemetry-local"


@pytest.fixture
def shell(tmp_path: Path) -> Generator[Shell]:
    shell = Shell(tmp_path, free_port())
    yield shell
    shell("down")


@pytest.mark.slow
def test_a_stage_is_deployed_destroyed_and_deployed_anew_with_an_event_that_comes_back(shell: Shell) -> None:
    assert shell("up").returncode == 0

    unchanged = shell("local", script="deploy.sh")
    assert unchanged.returncode == 0, unchanged.stderr
    assert "There were no differences" in unchanged.stdout + unchanged.stderr
    assert_the_event_came_back(unchanged.stdout)

    destroyed = shell("local", "--destroy", "--confirm", STACK, script="deploy.sh")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert "AWS::DynamoDB::GlobalTable" in destroyed.stdout.partition("Stays in the account")[0]
    assert shell("status").returncode == 3

    refused = shell("local", script="deploy.sh")
    assert refused.returncode == 1
    assert "deploy.sh: the difference above broadens permissions, and nobody is there" in refused.stderr

    anew = shell("local", "--yes", script="deploy.sh")
    assert anew.returncode == 0, anew.stdout + anew.stderr
    assert_the_event_came_back(anew.stdout)
    assert shell("status").returncode == 0

    remove_the_bootstrap_version(shell)
    unprepared = shell("local", script="deploy.sh")
    assert unprepared.returncode == 1
    assert unprepared.stderr == (
        "deploy.sh: account 000000000000 was never bootstrapped for the CDK in us-east-1; "
        "next: scripts/cdk.sh bootstrap -c stage=local aws://000000000000/us-east-1\n"
    )


def assert_the_event_came_back(printed: str) -> None:
    [line] = [line for line in printed.splitlines() if "event of SMOKE-TEST" in line]
    assert line.endswith(" s")


def remove_the_bootstrap_version(shell: Shell) -> None:
    variables = shell.sourced()
    ssm = boto3.client(
        "ssm",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    ssm.delete_parameter(Name=BOOTSTRAP_VERSION)
