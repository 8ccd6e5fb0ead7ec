"""What GitHub's jobs may do beside what they run."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from telemetry_stack.stages import STAGE_NAMES

WORKFLOWS = Path(__file__).resolve().parents[2] / ".github" / "workflows"
JOBS = {
    f"{path.stem}: {name}": job
    for path in sorted(WORKFLOWS.glob("*.yml"))
    for name, job in yaml.safe_load(path.read_text())["jobs"].items()
}
# All that may do more than read this repository.
MAY_WRITE = {"ci: comment": {"pull-requests": "write"}, "deploy: deploy": {"contents": "read", "id-token": "write"}}


def test_each_stage_is_synthesized_for_a_pull_request_and_each_on_aws_can_be_deployed() -> None:
    assert JOBS["ci: synth"]["strategy"]["matrix"]["stage"] == list(STAGE_NAMES)
    # To YAML 1.1, `on` is a truth value.
    started_by = yaml.safe_load((WORKFLOWS / "deploy.yml").read_text())[True]["workflow_dispatch"]
    assert started_by["inputs"]["stage"]["options"] == [name for name in STAGE_NAMES if name != "local"]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_may_read_the_repository_and_no_more_but_for_two(name: str) -> None:
    assert JOBS[name]["permissions"] == MAY_WRITE.get(name, {"contents": "read"})


def test_nothing_of_a_pull_request_runs_in_the_job_that_may_write_to_it() -> None:
    steps: list[dict[str, Any]] = JOBS["ci: comment"]["steps"]
    assert [step.get("uses", "").partition("@")[0] for step in steps] == ["actions/download-artifact", ""]
    assert steps[1]["run"].startswith("gh pr comment ")
