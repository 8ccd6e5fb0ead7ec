"""The documents' commands: what they name exists, and they work as printed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from annotated_types import Le

from telemetry.errors import InvalidEventError, ItemRefusedError, TelemetryError, UnreadableMessageError
from telemetry_stack.stages import STAGE_NAMES, Throttle
from tests.stack.synthesis import ROOT, Synthesis

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPET = next(re.finditer(r"```sh\n(.*?)```", RUNBOOK, flags=re.DOTALL)).group(1)
(REGION,) = re.findall(r"^export AWS_REGION=(\S+)$", SNIPPET, flags=re.MULTILINE)


def test_the_runbook_begins_with_every_variable_that_its_commands_use(tmp_path: Path) -> None:
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/sh\necho "$AWS_REGION $*"\n')
    aws.chmod(0o755)
    given = set(re.findall(r"^(?:export )?([A-Z_]+)=[^$]", SNIPPET, flags=re.MULTILINE))
    # One that a loop sets is its own.
    looped = set(re.findall(r"\bfor ([A-Z_]+) in\b", RUNBOOK))
    used = set(re.findall(r"\$([A-Z_]+)\b", RUNBOOK.replace(SNIPPET, ""))) - given - looped
    assert "PROCESSOR_LOG" in used
    show = "".join(f'echo "{name} ${name}"\n' for name in sorted(used))
    printed = subprocess.run(
        ["sh", "-euc", SNIPPET + show],
        env={"PATH": os.pathsep.join([str(tmp_path), os.defpath])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    for line in printed.splitlines():
        name, region, *command = line.split(" ")
        assert name in used
        assert region == REGION
        assert command[:4] == ["cloudformation", "describe-stacks", "--stack-name", "Telemetry-prod"]
    assert len(printed.splitlines()) == len(used)


def test_the_runbook_asks_for_outputs_that_the_stack_has(prod: Synthesis) -> None:
    asked = set(re.findall(r"\$\(output (\w+)\)", SNIPPET))
    assert asked
    assert asked <= prod.template["Outputs"].keys()
    assert f"STACK={prod.settings.stack_name}\n" in SNIPPET


@pytest.mark.parametrize(
    ("output", "log_group"),
    [
        ("AccessLogName", "ApiAccessLog713001CC"),
        ("IngestLogName", "IngestLogs41B5EF21"),
        ("ProcessorLogName", "ProcessorLogsD19891CB"),
        ("QueryLogName", "QueryLogsDCC6CC3B"),
    ],
)
def test_the_outputs_for_the_runbook_name_the_logs(prod: Synthesis, output: str, log_group: str) -> None:
    assert prod.template["Outputs"][output]["Value"] == {"Ref": log_group}
    assert log_group in prod.of_type("AWS::Logs::LogGroup")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_cdk_command_says_which_stage(document: Path) -> None:
    commands = re.findall(r"scripts/cdk\.sh [^`\n]+", document.read_text())
    # The page on extending adds another.
    stages = re.compile(rf"-c stage=({'|'.join([*STAGE_NAMES, 'demo'])})\b")
    assert [command for command in commands if not stages.search(command)] == []


def test_some_document_has_cdk_commands() -> None:
    text = "".join(document.read_text() for document in DOCUMENTS)
    for command in ("bootstrap", "drift", "diff", "synth"):
        assert f"scripts/cdk.sh {command} " in text


def test_the_runbook_knows_how_far_a_throttle_goes() -> None:
    for field in Throttle.model_fields.values():
        (limit,) = (each.le for each in field.metadata if isinstance(each, Le))
        assert f"{limit:,}" in RUNBOOK


@pytest.mark.parametrize("error", [UnreadableMessageError, InvalidEventError, ItemRefusedError])
def test_the_runbook_says_what_to_do_about_each_reason_in_the_dlq(error: type[TelemetryError]) -> None:
    assert not error.retryable
    assert f"| `{error.reason}` |" in RUNBOOK
