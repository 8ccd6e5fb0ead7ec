"""`scripts/test.sh`: lint, format, types, workflow files, then the tests, and a summary of each.

Every check runs, whatever the ones before it found, so that one run tells all. Exits with 0 when all passed.
A shell that sourced `.local/env`, or has credentials for AWS, makes no difference.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEPENDABOT = ".github/dependabot.yml"
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))

CHECKS: dict[str, list[str]] = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["basedpyright"],
    "workflow schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS],
    "workflow security": ["zizmor", "--offline", "--quiet", *WORKFLOWS, DEPENDABOT],
    "dependabot schema": ["check-jsonschema", "--builtin-schema", "vendor.dependabot", DEPENDABOT],
}


def main(arguments: list[str]) -> int:
    """Run the checks and the tests; return the exit code: 1 where a check failed, else pytest's own."""
    forget_the_clouds()
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    selection = [] if "--all" in arguments else ["-m", "not slow"]
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", *selection, *(each for each in arguments if each != "--all")],
        cwd=ROOT,
        check=False,
    )
    if failed:
        print(f"checks that failed, above the tests: {', '.join(failed)}", file=sys.stderr)
        return 1
    return tests.returncode


def forget_the_clouds() -> None:
    """Leave this process, and all that it starts, with no way to AWS or to the local cloud of the user's shell."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "TELEMETRY_"))]:
        del os.environ[name]


def passes(name: str, command: list[str]) -> bool:
    """Run one check; print its name, result and time, and what it said only where it failed."""
    print(f"{name:<18}", end=" ", flush=True)
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"{'passed' if done.returncode == 0 else 'FAILED'}  {time.monotonic() - started:5.1f} s", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
