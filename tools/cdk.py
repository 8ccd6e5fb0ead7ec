"""`scripts/cdk.sh ARGUMENTS`: the CDK CLI, after a look at the stage.

The CLI adds a line of its own to what an app that failed has said: a stage that can't be is told here, in one line.
"""

import os
import re
import sys
from typing import NoReturn

from telemetry_stack.stage_errors import StageError, UnknownStageError
from telemetry_stack.stages import stage_settings
from tools.command_line import FAILED, WRONG_ARGUMENTS

# Each way in which the CLI takes `-c stage=STAGE`.
STAGE = re.compile(r"(?:-c=?|--context=)?stage=(.*)")


def main(arguments: list[str]) -> NoReturn:
    """Become the CDK CLI.

    Raises:
        SystemExit: after one line, where a stage is named that does not exist or whose settings break a rule.
    """
    for stage in filter(None, map(STAGE.fullmatch, arguments)):
        try:
            stage_settings(stage.group(1), local_port=0)
        except StageError as error:
            print(f"cdk.sh: {error}", file=sys.stderr)
            sys.exit(WRONG_ARGUMENTS if isinstance(error, UnknownStageError) else FAILED)
    os.execvp("cdk", ["cdk", *arguments])  # noqa: S606  # nosec B606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
