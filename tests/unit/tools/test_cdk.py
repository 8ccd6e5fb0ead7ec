"""`scripts/cdk.sh` tells, in one line, which stages there are, and else is the CDK CLI."""

import os

import pytest

from telemetry_stack.stages import STAGE_NAMES
from tools import cdk


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The programs that it became, instead of becoming them."""
    programs: list[list[str]] = []

    def become(program: str, command: list[str]) -> None:
        assert program == command[0]
        programs.append(command)

    monkeypatch.setattr(os, "execvp", become)
    return programs


@pytest.mark.parametrize(
    "context",
    [
        ["-c", "stage=nosuch"],
        ["-cstage=nosuch"],
        ["-c=stage=nosuch"],
        ["--context", "stage=nosuch"],
        ["--context=stage=nosuch"],
    ],
)
def test_an_unknown_stage_is_one_line_that_lists_the_stages(
    became: list[list[str]], context: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cdk.main(["synth", *context])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f"cdk.sh: there is no stage 'nosuch'; say -c stage=STAGE with one of: {', '.join(STAGE_NAMES)}\n"
    )
    assert became == []


@pytest.mark.parametrize(
    "arguments", [["synth", "-c", "stage=prod", "--output", "a b"], ["--version"], ["diff", "-c", "other=nosuch"], []]
)
def test_anything_else_goes_to_the_cdk_cli_as_it_is(became: list[list[str]], arguments: list[str]) -> None:
    cdk.main(arguments)
    assert became == [["cdk", *arguments]]
