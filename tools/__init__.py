"""What an engineer runs: the environment, the checks, the local cloud, the deployment."""

import sys
from pathlib import Path

# What the functions know of an event, a message or an item, the tools ask them: their packages are found from here on.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lambdas"))
