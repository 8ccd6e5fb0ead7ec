import subprocess
import sys
from pathlib import Path

from tools.local_cloud import start_emulator

EMULATOR = """
from ministack.core.iam_actions import extract_iam_action
for action in ("sqs:SendMessageBatch", "sqs:SendMessage", "sqs:ChangeMessageVisibilityBatch", "x:DoBatch", None):
    print(extract_iam_action(action))
"""


def test_the_emulator_is_started_with_one_permission_for_one_message_and_for_several(tmp_path: Path) -> None:
    package = tmp_path / "ministack"
    (package / "core").mkdir(parents=True)
    (package / "core" / "iam_actions.py").write_text("def extract_iam_action(action): return action\n")
    (package / "__main__.py").write_text(EMULATOR)
    started = subprocess.run(
        [sys.executable, "-P", start_emulator.__file__],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    permitted = ["sqs:SendMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility", "x:DoBatch", "None"]
    assert started.stdout.split() == permitted
