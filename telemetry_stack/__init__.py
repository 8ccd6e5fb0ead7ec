"""The AWS infrastructure of the telemetry service."""

import sys
from pathlib import Path

# What the rules are called, the dashboard asks them: the functions' packages are found from here on, as in `tools`.
sys.path.append(str(Path(__file__).resolve().parents[1] / "lambdas"))
