"""`scripts/test.sh`: lint, format, types, workflow files, then the tests, and a summary of each.

Every check runs, whatever the ones before it found, so that one run tells all. Exits with 0 when all passed.
A shell that sourced `.local/env`, or has credentials for AWS, makes no difference.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEPENDABOT = ".github/dependabot.yml"
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
# What runs on AWS or on an engineer's machine; tests do not.
SHIPPED = ["app.py", "lambdas", "telemetry_stack", "tools"]

CHECKS: dict[str, list[str]] = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["basedpyright"],
    "security": ["bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *SHIPPED],
    "workflow schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS],
    "workflow security": ["zizmor", "--offline", "--quiet", *WORKFLOWS, DEPENDABOT],
    "dependabot schema": ["check-jsonschema", "--builtin-schema", "vendor.dependabot", DEPENDABOT],
    # What it calls low is judged line by line already, by the same rules in ruff.
    "code security": [
        *["bandit", "--quiet", "--severity-level", "medium", "--recursive"],
        *["app.py", "telemetry_stack", "lambdas", "tools"],
    ],
}


PYTEST = [sys.executable, "-m", "pytest"]
# What pytest ends with then: https://docs.pytest.org/en/stable/reference/exit-codes.html
WRONG_ARGUMENTS = 4
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run the checks and the tests; return the exit code: 1 where a check failed, else pytest's own."""
    parser = argparse.ArgumentParser(
        prog="scripts/test.sh",
        usage="%(prog)s [--all] [pytest arguments]",
        description="Lint, format, types and workflow files, then the tests.",
        epilog="Other arguments go to pytest, e.g. tests/unit/rules, or -k throttle.",
        allow_abbrev=False,
    )
    parser.add_argument("--all", action="store_true", help="also the tests that take minutes")
    options, of_pytest = parser.parse_known_args(arguments)
    forget_the_clouds()
    try:
        if of_pytest and (refused := what_pytest_refuses(of_pytest)):
            print(f"test.sh: {refused}; see scripts/test.sh --help", file=sys.stderr)
            return WRONG_ARGUMENTS
        failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    except KeyboardInterrupt:
        print("test.sh: interrupted", file=sys.stderr)
        return INTERRUPTED
    selection = [] if options.all else ["-m", "not slow"]
    code = run_to_its_end([*PYTEST, *selection, *of_pytest])
    if failed and code != INTERRUPTED:
        print(f"checks that failed, above the tests: {', '.join(failed)}", file=sys.stderr)
        return 1
    return code


def what_pytest_refuses(arguments: list[str]) -> str | None:
    """Return what is wrong with arguments for pytest, in its words: an unknown option, or a file that is not there."""
    done = subprocess.run(
        [*PYTEST, "--collect-only", "--quiet", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    refused = re.search(r"^(?:ERROR|.*pytest: error): (?!usage)(.+)", done.stderr, flags=re.MULTILINE)
    return refused.group(1) if refused and done.returncode == WRONG_ARGUMENTS else None


def run_to_its_end(command: list[str]) -> int:
    """Run a command that Ctrl-C reaches too, and give it the time to stop what it started; return its exit code."""
    interrupted = False
    process = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            interrupted = True
        else:
            return INTERRUPTED if interrupted else code


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
