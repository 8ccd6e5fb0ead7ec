"""Prints what the Lambda bundle is made of, as CycloneDX JSON: each locked package with its version and hashes.

Run it with `scripts/run.sh --dev -- python -m tools.bill_of_materials > bundle.cdx.json`.
"""

import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "lambdas" / "requirements.txt"


def main() -> int:
    """Print it, the same each time for the same lock; return the exit code of CycloneDX's own tool."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", str(LOCK)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
