"""Runs a function as Lambda does: in a fresh interpreter that has nothing but the bundle, and knows nothing of us.

    python -I -S -B runtime.py BUNDLE [MODULE]

It calls `MODULE.handler` with the events of each line that it reads, and answers with a line: what the handler
returned for each, the CPU seconds that the calls took, and those since the process began. With no MODULE it returns
the events themselves: what the interpreter and these lines cost. What the function prints goes nowhere.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Context:
    """What Lambda tells a function of its invocation."""

    function_name = log_group_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    function_version = log_stream_name = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:eu-central-1:123456789012:function:{function_name}"
    aws_request_id = "3f8d4c8e-6b1e-4c43-9f5e-2f0d8f8a7b11"

    def get_remaining_time_in_millis(self) -> int:
        """Return the time left, in milliseconds."""
        return 20_000


Handler = Callable[[dict[str, Any], Context], object]


def returned_as_it_is(event: dict[str, Any], _context: Context) -> object:
    """Do nothing."""
    return event


def main(bundle: str, *module: str) -> None:
    """Answer each line of standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    sys.path.insert(0, bundle)
    handler: Handler = importlib.import_module(module[0]).handler if module else returned_as_it_is
    context = Context()
    for line in sys.stdin:
        events: list[dict[str, Any]] = json.loads(line)
        started = time.process_time()
        returned: list[object] = [handler(event, context) for event in events]
        ended = time.process_time()
        print(
            json.dumps({"returned": returned, "seconds": ended - started, "since_start": ended}),
            file=answers,
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
