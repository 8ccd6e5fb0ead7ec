"""What carries the service is replaced, or stopped, while chargers send; what was acknowledged is not lost.

The numbers of these tests are in `docs/faults.md`.
"""

import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.harness import PROJECT, Cloud

Check = Callable[..., None]
FUNCTIONS = ("Ingest", "Processor", "Query")
# What the emulator kills comes back sooner by it, since it kills a function that is replaced in the middle of its work.
VISIBILITY = "VISIBILITY_PER_PROCESSOR_TIMEOUT = 6"
SHORT_VISIBILITY = "VISIBILITY_PER_PROCESSOR_TIMEOUT = 1"


# In the environment that there is.
RUN = """#!/bin/sh
cd "$(dirname "$0")/.."
[ "$1" = local ] && shift
exec python -m tools.local_cloud "$@"
"""


@pytest.fixture
def newer(cloud: Cloud, tmp_path: Path) -> Generator[str]:
    """Return `local.sh` of a copy of the project that has newer functions; deploy the project's own in the end."""
    checkout = tmp_path / "newer"
    not_needed = shutil.ignore_patterns(".*", "node_modules", "cdk.out", "tests", "docs", "__pycache__")
    shutil.copytree(PROJECT, checkout, ignore=not_needed)
    (checkout / "scripts" / "telemetry.sh").write_text(RUN)
    with (checkout / "lambdas" / "telemetry" / "__init__.py").open("a") as module:
        module.write("# Newer.\n")
    queue = checkout / "telemetry_stack" / "constructs" / "telemetry_queue.py"
    assert VISIBILITY in queue.read_text()
    queue.write_text(queue.read_text().replace(VISIBILITY, SHORT_VISIBILITY))
    yield str(checkout / "scripts" / "local.sh")
    up = cloud.shell("up")
    assert up.returncode == 0, up.stdout + up.stderr


@pytest.mark.slow
def test_nothing_is_lost_while_new_code_is_deployed(
    fleet: Fleet, cloud: Cloud, newer: str, nothing_is_lost: Check
) -> None:
    before = codes(cloud)
    with fleet.sending():
        up = cloud.shell("up", script=newer)
        assert up.returncode == 0, up.stdout + up.stderr
        fleet.goes_on()
    assert not before & codes(cloud)
    nothing_is_lost()


@pytest.mark.usefixtures("visibility_timeout")
def test_nothing_is_lost_while_the_emulator_is_stopped_and_started(
    fleet: Fleet, cloud: Cloud, nothing_is_lost: Check
) -> None:
    before = cloud.shell.emulator_process()
    with fleet.sending():
        assert cloud.shell("down").returncode == 0
        up = cloud.shell("up")
        assert up.returncode == 0, up.stdout + up.stderr
        fleet.goes_on()
    assert cloud.shell.emulator_process() != before
    nothing_is_lost(all_affected=True)


def codes(cloud: Cloud) -> set[str]:
    """Return the hashes of the code that the functions run."""
    names = [cloud.outputs[f"{function}FunctionName"] for function in FUNCTIONS]
    return {cloud.lambda_.get_function_configuration(FunctionName=name)["CodeSha256"] for name in names}
