"""Starts the emulator with one thing as on AWS: who may do a thing to a message may do it to several in one request.

On AWS `sqs:SendMessage` permits SendMessageBatch, `sqs:ChangeMessageVisibility` permits ChangeMessageVisibilityBatch,
and there are no other permissions for them; MiniStack 1.5.33 asks for `sqs:SendMessageBatch` and so on, which no policy
can sensibly grant.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html

The emulator's own Python runs this, which has no packages of ours.
"""

from importlib import import_module
from runpy import run_module


def main() -> None:
    """Start it; return when it has ended."""
    iam_actions = vars(import_module("ministack.core.iam_actions"))
    extract = iam_actions["extract_iam_action"]

    def as_on_aws(*request: object) -> str | None:
        action = extract(*request)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions["extract_iam_action"] = as_on_aws
    run_module("ministack", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
