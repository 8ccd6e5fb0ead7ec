"""The documents' commands that need no cloud: run in a copy of the repository; and those of the CDK's CLI."""

import shlex
from pathlib import Path

import pytest

from tests.documents import commands, is_run_elsewhere, to_be_run
from tests.repository_copy import ROOT, as_run_here, copy_repository, run_in

# They build a bundle, or synthesize a stage for each test.
TAKE_LONG = ("scripts/cdk.sh synth", "scripts/test.sh tests/stack")
OF_THE_CDK = {
    line
    for command in commands()
    if command.needs and not is_run_elsewhere(command)
    for line in map(str.strip, command.text.splitlines())
    if line.startswith("scripts/cdk.sh ")
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("copy"))


def pages_of(directory: Path) -> dict[str, bytes]:
    """Return what the documents hold."""
    return {path.name: path.read_bytes() for path in (directory / "docs").iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(text, marks=pytest.mark.slow if any(each in text for each in TAKE_LONG) else ())
        for text in to_be_run(in_the_local_cloud=False)
    ],
)
def test_a_command_that_needs_no_cloud_does_what_it_is_told(command: str, copied: Path) -> None:
    for line in command.replace("\\\n", "").splitlines():
        ran = run_in(copied, *as_run_here(line))
        assert ran.returncode == 0, ran.stdout + ran.stderr
    # What writes a page writes what is there.
    assert pages_of(copied) == pages_of(ROOT)


@pytest.mark.parametrize("command", sorted(OF_THE_CDK))
def test_a_command_of_the_cdk_that_needs_aws_is_one_that_it_has(command: str) -> None:
    _, name, *words = shlex.split(command)
    told = run_in(ROOT, "cdk", name, "--help").stdout
    assert f"cdk {name}" in told
    for option in (word for word in words if word.startswith("-")):
        assert f"{option}," in told or f" {option} " in told
