"""A copy of the repository as it stands, for tests that change it or let its commands write into it."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tools.environment.commands import COMMANDS, RUN

ROOT = Path(__file__).resolve().parents[1]
# Where the programs of the environment are, of which the copy has none of its own.
PROGRAMS = (ROOT / ".venv" / "bin", ROOT / ".local" / "node" / "bin", ROOT / "node_modules" / ".bin")


def copy_repository(to: Path) -> Path:
    """Copy what git tracks, or would, into a directory that is there; return it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    (to / "node_modules").symlink_to(ROOT / "node_modules")
    return to


def as_run_here(command: str) -> list[str]:
    """Return what a command of a document comes to, in an environment that is made already.

    Raises:
        ValueError: it is none of the project's.
    """
    if command == "scripts/telemetry.sh --help":
        return ["python", "-m", "tools.environment", "--help"]
    variables, name, arguments = parts_of(command)
    if name == RUN:
        return ["env", *variables, *arguments[arguments.index("--") + 1 :]]
    return ["env", *variables, "python", "-m", COMMANDS[name].module, *arguments]


def parts_of(command: str) -> tuple[list[str], str, list[str]]:
    """Return the variables that a command of a document sets, the command's name, and its arguments.

    Raises:
        ValueError: it is none of the project's.
    """
    words = shlex.split(command.partition(" > ")[0])
    variables = [word for word in words if re.match(r"[A-Z_]+=", word)]
    script, *arguments = words[len(variables) :]
    if script == "scripts/telemetry.sh":
        script, *arguments = arguments
    name = script.removeprefix("scripts/").removesuffix(".sh")
    if name not in COMMANDS:
        raise ValueError(f"{script} is no command of the project: say in the document what it needs")
    return variables, name, arguments


def run_in(directory: Path, *command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of the project's environment in a copy, with this text on its standard input."""
    # Without what would find the modules of this checkout, and with byte code: see `tools/environment`.
    own = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment["PATH"] = os.pathsep.join([*map(str, PROGRAMS), os.environ.get("PATH", os.defpath)])
    return subprocess.run(
        command, cwd=directory, env=environment, input=text, capture_output=True, text=True, check=False, timeout=300
    )
