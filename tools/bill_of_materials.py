"""Prints what the Lambda bundle is made of, as CycloneDX JSON: each locked package with its version and hashes.

Run it with `scripts/telemetry.sh bill-of-materials > bundle.cdx.json`.
"""

import subprocess
import sys
from pathlib import Path

from tools.command_line import CommandError, OneLineParser, run_to_its_end
from tools.environment.commands import called

LOCK = Path(__file__).resolve().parents[1] / "lambdas" / "requirements.txt"


def main(command_line: list[str]) -> int:
    """Print it, the same each time for the same lock, and end with one clear line where that fails."""
    parser().parse_args(command_line)
    return run_to_its_end("telemetry.sh bill-of-materials", _run)


def _run() -> int:
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible", str(LOCK)]
    if subprocess.run(command, check=False).returncode:
        raise CommandError("CycloneDX's tool failed; it says above why")
    return 0


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    return OneLineParser(
        prog=called("bill-of-materials"), description="Print what the Lambda bundle is made of, as CycloneDX JSON."
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
