"""The emulator's process: found, started and stopped."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx

from tools.local_cloud.errors import LocalCloudError

START_SECONDS = 30
# A clean stop takes about a second: it writes the state of every service that was used. Where somebody has just waited
# for a message, up to half a minute more; what is killed meanwhile has lost its state.
STOP_SECONDS = 90


@dataclass(frozen=True)
class RunningEmulator:
    """An emulator of ours that runs now."""

    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        """Its URL, for AWS clients, without a trailing slash."""
        return endpoint(self.port)

    def answers(self) -> bool:
        """Tell whether it serves requests."""
        try:
            # trust_env: a proxy from the user's environment can't reach our loopback interface.
            return httpx.get(f"{self.endpoint}/_ministack/health", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False


def endpoint(port: int) -> str:
    """Return the URL of an emulator on this port."""
    return f"http://127.0.0.1:{port}"


class Emulator:
    """The emulator of one directory, which holds its state, its log and the record of its process.

    The process holds a lock on that record as long as it lives, by a file descriptor that it inherits. So a record
    that is locked names a process that is ours, whatever became of process ids in the meantime.
    """

    def __init__(self, *, directory: Path, python: Path) -> None:
        self.log = directory / "emulator.log"
        self._python = python
        self._record = directory / "emulator.json"
        self._states = directory / "state"
        # Short-lived: the unpacked functions. Kept apart from /tmp so that nothing is left there.
        self._temporary = directory / "tmp"
        # Our child, where we are who started it.
        self._process: subprocess.Popen[bytes] | None = None

    def running(self) -> RunningEmulator | None:
        """Return the emulator of this directory, where it runs."""
        if self._process:
            self._process.poll()  # Else a child that ended stays behind as a zombie.
        try:
            record = self._record.open()
        except FileNotFoundError:
            return None
        with record:
            if not is_locked(record):
                return None
            content = record.read()
        return RunningEmulator(**json.loads(content)) if content else None

    def was_killed(self) -> bool:
        """Tell whether the last one ended in another way than by `stop`, and so without saving its state."""
        return self._record.exists() and self.running() is None

    def start(self, *, port: int, region: str) -> RunningEmulator:
        """Start the emulator, with the state of its last clean stop on this port, and wait until it answers.

        Raises:
            LocalCloudError: the port is taken, or the emulator ended or never answered.
        """
        if not _is_free(port):
            if lost := self._lost(port):
                raise LocalCloudError(
                    f"port {port} is taken by an emulator that this checkout lost when {self._record.parent} was "
                    f"deleted; end it with `kill -KILL -{lost}` and run this again"
                )
            raise LocalCloudError(
                f"port {port} is taken by another program; choose a free one, e.g. "
                f"LOCAL_PORT={port + 1} scripts/local.sh up"
            )
        if self.was_killed():
            # Buckets are written at once and everything else at the end: what a killed emulator leaves doesn't match.
            shutil.rmtree(self._states, ignore_errors=True)
        if self._process:
            # One that was killed lets go of its record some moments before it has ended.
            self._process.wait(STOP_SECONDS)
        state = self._states / str(port)
        state.mkdir(parents=True, exist_ok=True)
        self._temporary.mkdir(exist_ok=True)
        with self._record.open("w") as record, self.log.open("w") as log:
            fcntl.flock(record, fcntl.LOCK_EX)
            self._process = process = subprocess.Popen(
                # -P: the modules beside the script are not the emulator's.
                [self._python, "-P", Path(__file__).with_name("start_emulator.py")],
                cwd=state,
                env=self._environment(port=port, region=region, state=state),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A process group of its own: Ctrl-C in this terminal is not for it, and `stop` ends its workers too.
                start_new_session=True,
                pass_fds=[record.fileno()],
            )
            started = RunningEmulator(pid=process.pid, port=port)
            json.dump({"pid": started.pid, "port": started.port}, record)
        if not wait_until(lambda: process.poll() is not None or started.answers(), seconds=START_SECONDS):
            self.stop(started)
            raise LocalCloudError(f"the emulator did not answer within {START_SECONDS} s; its log is {self.log}")
        if process.returncode is not None:
            self._record.unlink()
            raise LocalCloudError(f"the emulator ended at once: {self._last_words()}; its log is {self.log}")
        return started

    def stop(self, running: RunningEmulator) -> bool:
        """Stop the emulator and the functions' processes. Return False where it had to be killed, with its state."""
        # SIGCONT: a suspended process takes no other signal.
        os.kill(running.pid, signal.SIGTERM)
        os.kill(running.pid, signal.SIGCONT)
        clean = wait_until(lambda: self.running() is None, seconds=STOP_SECONDS)
        # Its workers end with it, unless one is busy. Mostly nobody is left, or, as macOS says it, only a zombie.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(running.pid, signal.SIGKILL)
        if not wait_until(lambda: self.running() is None, seconds=STOP_SECONDS):
            raise LocalCloudError(f"the emulator (process {running.pid}) can't be killed")
        if not clean:
            shutil.rmtree(self._states, ignore_errors=True)
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._record.unlink()
        return clean

    def _environment(self, *, port: int, region: str, state: Path) -> dict[str, str]:
        """Return all that the emulator, and with it every function, sees: nothing of the user's environment."""
        return {
            "PATH": os.defpath,
            "HOME": str(state),
            "TMPDIR": str(self._temporary),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": region,
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # the emulator's own  # nosec B105
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
            # Both would listen on all addresses.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # Where there is a Docker daemon, it removes containers that look like its own: none of them is ours.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        }

    def _lost(self, port: int) -> int | None:
        """Return the process group of an emulator of this directory whose record is gone, where Linux tells it."""
        ours = {f"TMPDIR={self._temporary}".encode(), f"GATEWAY_PORT={port}".encode()}
        for environment in Path("/proc").glob("[0-9]*/environ"):
            # Of another user, or gone by now.
            with suppress(OSError):
                if ours <= set(environment.read_bytes().split(b"\0")):
                    return os.getpgid(int(environment.parent.name))
        return None

    def _last_words(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.05) -> bool:
    """Return whether the condition came to hold within this time, looked at again after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def is_locked(file: IO[str]) -> bool:
    """Tell whether another process holds a lock on the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that connections that are still closing don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
