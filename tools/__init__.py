"""What an engineer runs: the environment, the checks, the local cloud, the deployment."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

# What the functions know of an event, a message or an item, the tools ask them: their packages are found from here on.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lambdas"))


def _end(*_: object) -> NoReturn:
    os._exit(130)


# As `python -m tools.X` begins. While it imports what it needs, which takes up to a second, Ctrl-C ends it without a
# traceback, and so does a reader that has gone; then `run_to_its_end` takes over. Who made the environment has held
# Ctrl-C back until here.
if sys.argv[0] == "-m":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    signal.signal(signal.SIGTERM, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
