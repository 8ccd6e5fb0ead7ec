"""`scripts/lock.sh`: locks every dependency group of `pyproject.toml`, with hashes."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.command_line import CommandError, OneLineParser, run_to_its_end
from tools.progress import step

ROOT = Path(__file__).resolve().parents[1]
# Of this environment, whatever is on PATH.
COMPILE = [str(Path(sys.executable).parent / "uv"), "pip", "compile"]
HOW = ["--quiet", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]
APP = ["--constraints", "lambdas/requirements.txt"]
# What each lock is of. The functions first: the tests import them, so the development lock takes their versions.
LOCKS = {
    "lambdas/requirements.txt": ["--group", "lambda"],
    "requirements.txt": [*APP, "pyproject.toml"],
    "requirements-dev.txt": [
        *(*APP, "--constraints", "requirements.txt"),
        *("pyproject.toml", "--group", "dev", "--group", "lambda"),
    ],
    # With the functions' versions, so that nothing but the code differs.
    "benchmarks/reference/requirements.txt": [*APP, "--group", "reference"],
    **{f"tools/environment/{group}.txt": ["--group", group] for group in ("emulator", "scan", "node", "uv")},
}


def main(command_line: list[str]) -> int:
    """Write the locks, and end with one clear line where that fails."""
    options = parser()
    _, of_uv = options.parse_known_args(command_line)
    if refused := what_uv_refuses(of_uv):
        options.error(refused)
    return run_to_its_end("lock.sh", lambda: _run(of_uv))


def _run(of_uv: Sequence[str]) -> int:
    environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "scripts/lock.sh"}
    for lock, of in LOCKS.items():
        with step(lock):
            arguments = [*HOW, "--python-version", "3.11", "--output-file", lock, *of, *of_uv]
            done = subprocess.run(
                [*COMPILE, *arguments], cwd=ROOT, env=environment, check=False, text=True, stderr=subprocess.PIPE
            )
            if done.returncode:
                raise CommandError(f"{lock} was not locked: {' '.join(done.stderr.split()) or 'uv said nothing'}")
    return 0


def what_uv_refuses(arguments: Sequence[str]) -> str | None:
    """Return what is wrong with arguments for `uv pip compile`, in its words."""
    done = subprocess.run([*COMPILE, *arguments, "--help"], capture_output=True, text=True, check=False)
    return done.stderr.partition("\n")[0].removeprefix("error: ") if done.returncode else None


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    return OneLineParser(
        prog="scripts/lock.sh",
        usage="%(prog)s [arguments of uv pip compile]",
        description="Lock every dependency group of pyproject.toml, with hashes.",
        epilog="Arguments go to uv, e.g. --upgrade, or --upgrade-package httpx.",
        allow_abbrev=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
