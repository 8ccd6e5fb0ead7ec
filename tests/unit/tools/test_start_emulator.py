import subprocess
import sys
from pathlib import Path

import pytest

from tools.local_cloud import start_emulator

PERMISSIONS = """
from ministack.core.iam_actions import extract_iam_action
for action in ("sqs:SendMessageBatch", "sqs:SendMessage", "sqs:ChangeMessageVisibilityBatch", "x:DoBatch", None):
    print(extract_iam_action(action))
"""
ALARMS = """
from ministack.services import cloudwatch
for name in ("a", "b"):
    print(cloudwatch.evaluate({"Dimensions": [{"Name": "FunctionName", "Value": name}]}))
"""
CLOUDWATCH = """
_metrics = {("AWS/Lambda", "Errors", "FunctionName=a"): [1], ("AWS/Lambda", "Errors", "FunctionName=b"): [0]}
def _dims_key(dimensions): return "|".join(f"{key}={value}" for key, value in dimensions.items())
def _evaluate_alarm(alarm): seen.append([point for points in _metrics.values() for point in points])
def evaluate(alarm):
    _evaluate_alarm(alarm)
    return *seen.pop(), len(_metrics)
seen = []
"""

HTTP_API = """
import asyncio, itertools
numbers = itertools.count(1)
def new_uuid(): return f"id-{next(numbers)}"
async def handle_execute(path, *, function):
    await asyncio.sleep(0)
    if function:
        new_uuid()
        await asyncio.sleep(0)
        return 200, {"given": new_uuid()}, b""
    return 401, {}, b""
"""
REQUESTS = """
import asyncio
from ministack.services import apigateway
async def main():
    await asyncio.gather(*(ask(True) for _ in range(3)))
    await ask(True)
    print(await apigateway.handle_execute("/", function=False))
async def ask(function):
    status, headers, body = await apigateway.handle_execute("/", function=function)
    print(headers["given"] == headers["apigw-requestid"])
asyncio.run(main())
"""


@pytest.fixture
def ministack(tmp_path: Path) -> Path:
    """An emulator with nothing in it but what is changed."""
    package = tmp_path / "ministack"
    for name in ("core", "services"):
        (package / name).mkdir(parents=True)
    (package / "core" / "iam_actions.py").write_text("def extract_iam_action(action): return action\n")
    (package / "services" / "apigateway.py").write_text(HTTP_API)
    (package / "services" / "cloudwatch.py").write_text(CLOUDWATCH)
    return package


def printed_by(ministack: Path, program: str) -> str:
    (ministack / "__main__.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-P", start_emulator.__file__],
        env={"PYTHONPATH": str(ministack.parent)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_emulator_is_started_with_one_permission_for_one_message_and_for_several(ministack: Path) -> None:
    permitted = ["sqs:SendMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility", "x:DoBatch", "None"]
    assert printed_by(ministack, PERMISSIONS).split() == permitted


def test_an_answer_has_the_id_that_its_function_was_given_also_of_requests_at_one_time(ministack: Path) -> None:
    told = printed_by(ministack, REQUESTS)
    # Of one that reached no function there is nothing to tell.
    assert told.splitlines() == ["True"] * 4 + ["(401, {}, b'')"]


def test_the_emulator_evaluates_an_alarm_on_the_metric_with_its_dimensions_alone(ministack: Path) -> None:
    # What it has of the others is there afterwards.
    assert printed_by(ministack, ALARMS).splitlines() == ["(1, 2)", "(0, 2)"]
