import subprocess
import sys
from pathlib import Path

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


def started(tmp_path: Path, emulator: str) -> str:
    """Return what an emulator prints that has the parts of MiniStack which are made as on AWS."""
    for path, text in {
        "core/iam_actions.py": "def extract_iam_action(action): return action\n",
        "services/cloudwatch.py": CLOUDWATCH,
        "__main__.py": emulator,
    }.items():
        (tmp_path / "ministack" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ministack" / path).write_text(text)
    return subprocess.run(
        [sys.executable, "-P", start_emulator.__file__],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_emulator_is_started_with_one_permission_for_one_message_and_for_several(tmp_path: Path) -> None:
    printed = started(tmp_path, PERMISSIONS)
    permitted = ["sqs:SendMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility", "x:DoBatch", "None"]
    assert printed.split() == permitted


def test_the_emulator_evaluates_an_alarm_on_the_metric_with_its_dimensions_alone(tmp_path: Path) -> None:
    # What it has of the others is there afterwards.
    assert started(tmp_path, ALARMS).splitlines() == ["(1, 2)", "(0, 2)"]
