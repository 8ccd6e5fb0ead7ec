"""`scripts/test.sh`: lint, format, types, workflow files and the tests, and a summary of each.

The end-to-end tests mostly wait, for a queue or for a function, and the others mostly compute: both run side by side,
and what the end-to-end tests said is shown once the others have ended. Every check runs, whatever the ones before it
found, so that one run tells all. Exits with 0 when all passed.
A shell that sourced `.local/env`, or has credentials for AWS, makes no difference.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn

from tools.command_line import FAILED, INTERRUPTED, WRONG_ARGUMENTS, OneLineParser, run_to_its_end

ROOT = Path(__file__).resolve().parents[1]
DEPENDABOT = ".github/dependabot.yml"
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
# What runs on AWS or on an engineer's machine; tests do not.
SHIPPED = ["app.py", "examples", "lambdas", "telemetry_stack", "tools"]

CHECKS: dict[str, list[str]] = {
    "lint": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "types": ["basedpyright"],
    "security": ["bandit", "--quiet", "--configfile", "pyproject.toml", "--recursive", *SHIPPED],
    "workflow schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS],
    "workflow security": ["zizmor", "--offline", "--quiet", *WORKFLOWS, DEPENDABOT],
    "dependabot schema": ["check-jsonschema", "--builtin-schema", "vendor.dependabot", DEPENDABOT],
}


PYTEST = [sys.executable, "-m", "pytest"]
COMPUTING = ["tests/unit", "tests/stack"]
WAITING = ["tests/e2e"]
# What pytest ends with then: https://docs.pytest.org/en/stable/reference/exit-codes.html
PYTEST_REFUSES = 4
# An unknown option, or a file that is not there.
REFUSED = re.compile(r"^(?:ERROR|.*pytest: error): (?!usage)(.+)", re.MULTILINE)
KILLED = "by kill"


def main(arguments: list[str]) -> int:
    """Run the checks and the tests, or the tests that are named; return the exit code: 1 where one failed."""
    options, of_pytest = parser().parse_known_args(arguments)
    selection = [] if options.all else ["-m", "not slow"]
    return run_to_its_end("test.sh", lambda: _run(selection, of_pytest))


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(
        prog="scripts/test.sh",
        usage="%(prog)s [--all] [pytest arguments]",
        description="Lint, format, types and workflow files, and the tests.",
        epilog="Other arguments go to pytest, e.g. tests/unit/rules or -k throttle: those tests run without checks.",
        allow_abbrev=False,
    )
    options.add_argument("--all", action="store_true", help="also the tests that take minutes")
    return options


def _run(selection: Sequence[str], of_pytest: list[str]) -> int:
    forget_the_clouds()
    signal.signal(signal.SIGTERM, _killed)
    if not of_pytest:
        return run_all(selection)
    code = run_tests([*PYTEST, *selection, *of_pytest])
    if code != WRONG_ARGUMENTS:
        print("the tests that were asked for, without the checks: scripts/test.sh alone runs all", flush=True)
    return code


def run_all(selection: Sequence[str]) -> int:
    """Run the checks and all tests that pytest selects by these arguments; return the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        summary = Path(directory) / "summary"
        pytest = [*PYTEST, *selection, "--summary-to", str(summary)]
        # A cache of its own, or `--last-failed` would know only of the tests that ended last.
        waiting = [*pytest, "-o", "cache_dir=.pytest_cache/e2e", *WAITING]
        with tempfile.TemporaryFile("w+") as said:
            with running(waiting, output=said) as end_to_end:
                failed = [name for name, command in CHECKS.items() if not passes(name, command)]
                with running([*pytest, *COMPUTING]) as others:
                    codes = [others.wait()]
                print("\nthe end-to-end tests, which began with the checks:", flush=True)
                codes.append(end_to_end.wait())
            said.seek(0)
            print(said.read())
        print(f"{' summary ':=^80}")
        print("".join(sorted(summary.read_text().splitlines(keepends=True))) if summary.exists() else "no test ran")
    if failed:
        print(f"checks that failed, above the tests: {', '.join(failed)}", file=sys.stderr)
    return FAILED if failed or any(codes) else 0


@contextmanager
def running(command: Sequence[str], *, output: IO[str] | None = None) -> Generator[subprocess.Popen[str]]:
    """Start tests; where the caller ends before they do, interrupt them and let them stop what they started."""
    # A session of its own: Ctrl-C reaches it once, from here, and a second one does not cut short how it ends.
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Also where a shell lets us ignore it, as what it starts in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    ) as tests:
        try:
            yield tests
        finally:
            if tests.poll() is None:
                tests.send_signal(signal.SIGINT)
                wait_for(tests)


def run_tests(command: list[str]) -> int:
    """Run tests that Ctrl-C reaches too, and give them the time to stop what they started; return the exit code."""
    with tempfile.TemporaryFile("w+") as errors:
        code, interrupted = wait_for(subprocess.Popen(command, cwd=ROOT, text=True, stderr=errors), passes_on=KILLED)
        errors.seek(0)
        told = errors.read()
    refused = REFUSED.search(told)
    if code == PYTEST_REFUSES and refused:
        print(f"test.sh: {refused[1]}; see scripts/test.sh --help", file=sys.stderr)
        return WRONG_ARGUMENTS
    print(told, end="", file=sys.stderr)
    return INTERRUPTED if interrupted else FAILED if code else 0


def wait_for(process: subprocess.Popen[str], *, passes_on: str = "") -> tuple[int, bool]:
    """Wait until a process has ended, whatever interrupts; return its exit code, and whether anything did.

    Args:
        process: hears the terminal's Ctrl-C itself, and a second one would cut short how it ends.
        passes_on: the interruption that it does not hear, and is told of once.
    """
    interrupted = False
    while True:
        try:
            return process.wait(), interrupted
        except KeyboardInterrupt as interruption:
            if not interrupted and interruption.args == (passes_on,):
                process.send_signal(signal.SIGINT)
            interrupted = True


def _killed(*_: object) -> NoReturn:
    raise KeyboardInterrupt(KILLED)


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
