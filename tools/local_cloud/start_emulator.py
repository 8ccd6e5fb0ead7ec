"""Starts the emulator with three things as on AWS, which MiniStack 1.5.33 has otherwise.

Who may do a thing to a message may do it to several in one request: `sqs:SendMessage` permits SendMessageBatch,
`sqs:ChangeMessageVisibility` permits ChangeMessageVisibilityBatch, and there are no other permissions for them.
MiniStack asks for `sqs:SendMessageBatch` and so on, which no policy can sensibly grant.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html

The header `apigw-requestid` of an HTTP API's answer is the `requestId` that its function is given, so that who has the
answer finds what was logged. MiniStack makes up another one.

An alarm watches the metric with its own dimensions: that of one function, not those of all. MiniStack looks at the
namespace and the name alone.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension

The emulator's own Python runs this, which has no packages of ours.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from importlib import import_module
from runpy import run_module
from types import FunctionType
from typing import Any

Answer = tuple[int, dict[str, str], bytes]


def main() -> None:
    """Start it; return when it has ended."""
    permit_several_at_once()
    name_requests_in_answers()
    watch_own_dimensions()
    run_module("ministack", run_name="__main__", alter_sys=True)


def permit_several_at_once() -> None:
    """Let IAM ask for `sqs:SendMessage` where several messages are sent, and so on."""
    iam_actions = vars(import_module("ministack.core.iam_actions"))
    extract = iam_actions["extract_iam_action"]

    def as_on_aws(*request: object) -> str | None:
        action = extract(*request)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions["extract_iam_action"] = as_on_aws


def name_requests_in_answers() -> None:
    """Let the answer have the id that was made last for its request, which is the one that the function is given."""
    http_apis = vars(import_module("ministack.services.apigateway"))
    make_id: Callable[[], str] = http_apis["new_uuid"]
    handle: Callable[..., Awaitable[Answer]] = http_apis["handle_execute"]
    made: ContextVar[str | None] = ContextVar("made", default=None)

    def remembered_id() -> str:
        request_id = make_id()
        made.set(request_id)
        return request_id

    async def as_on_aws(*request: object, **details: object) -> Answer:
        made.set(None)
        status, headers, body = await handle(*request, **details)
        if request_id := made.get():
            headers["apigw-requestid"] = request_id
        return status, headers, body

    http_apis.update(new_uuid=remembered_id, handle_execute=as_on_aws)


def watch_own_dimensions() -> None:
    """Let an alarm be evaluated as if there were no metrics but those with its dimensions."""
    cloudwatch = vars(import_module("ministack.services.cloudwatch"))
    evaluate: FunctionType = cloudwatch["_evaluate_alarm"]

    def as_on_aws(alarm: dict[str, Any]) -> None:
        own = cloudwatch["_dims_key"]({each["Name"]: each["Value"] for each in alarm["Dimensions"]})
        watched = {key: points for key, points in list(cloudwatch["_metrics"].items()) if key[2] == own}
        # The same code, to which nothing else is there: other requests go on to write to all of the metrics.
        FunctionType(evaluate.__code__, {**cloudwatch, "_metrics": watched})(alarm)

    cloudwatch["_evaluate_alarm"] = as_on_aws


if __name__ == "__main__":
    main()
