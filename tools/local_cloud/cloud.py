"""What `scripts/local.sh` does: up, down, status and token."""

import fcntl
import json
import os
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx

from telemetry_stack import stages
from telemetry_stack.stages import StageSettings, TokenIssuer
from tools.local_cloud.deployment import Deployment, aws_variables, forget_the_real_aws
from tools.local_cloud.emulator import Emulator, RunningEmulator, is_locked, wait_until
from tools.local_cloud.errors import LocalCloudError
from tools.local_cloud.tokens import A_DAY, LocalTokenIssuer, write_private
from tools.progress import step
from tools.smoke_test import FIRST_EVENT_SECONDS, SmokeTestError, send_and_read_back

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 4566
# In what a function logs, in what the emulator says of a batch that failed, and in a traceback.
CAUSE = re.compile(r'"(?:reason|cause)":"([^"]+)"|errorMessage=(.+?)\)?$|^(\w+Error\b.*)', re.MULTILINE)
NOT_RUNNING = "the local cloud is not running; start it with: scripts/local.sh up"
Json = dict[str, object]

KILLED = "the emulator was killed, and its state is lost with it: the next one begins empty"


class LocalCloud:
    """One local cloud: a directory with its state, and a port.

    Args:
        directory: where it keeps what it makes.
        port: the port that the user chose, None for the one that it runs on, else the default.
    """

    def __init__(self, *, directory: Path, port: int | None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._emulator = Emulator(directory=directory, python=PROJECT / ".local" / "emulator" / "bin" / "python")
        self._chosen_port = port
        # Names the command that holds it.
        self._lock = directory / "local.lock"

    @property
    def outputs_file(self) -> Path:
        """Where the outputs of the deployed stack are."""
        return self._directory / "outputs.json"

    def up(self) -> Json:
        """Start the emulator where it does not run, deploy, and show an event that went all the way; return all that.

        Raises:
            LocalCloudError: one of these can't be done.
        """
        with self._alone("up"):
            running = self._emulator.running()
            try:
                return self._up()
            except KeyboardInterrupt:
                if running is None:
                    self._stop()
                raise

    def down(self) -> None:
        """Stop the emulator and the functions that run in it. Their state is kept for the next `up`."""
        with self._alone("down"):
            self._stop()

    def status(self) -> Json:
        """Print how it stands, and return it; `up` tells whether the API can be used."""
        busy = self._busy()
        told: Json = {"up": False, "busy": busy, "emulator": None, "stack": None, "apiUrl": None}
        if busy:
            print(f"busy      scripts/local.sh {busy} is at work; how far it is:")
        advice = "" if busy else "; scripts/local.sh up"
        running = self._emulator.running()
        if running is None:
            print(f"emulator  {'was killed' if self._emulator.was_killed() else 'not running'}{advice}")
            return told
        healthy = running.answers()
        print(f"emulator  {'running' if healthy else 'does not answer'}: port {running.port}, process {running.pid}")
        print(f"log       {self._emulator.log}")
        settings = _settings(running.port)
        api_url = self._deployment(settings).api_url(port=running.port)
        deployed = healthy and api_url is not None and _answers(api_url)
        print(f"stack     {settings.stack_name}{'' if deployed else f' is not deployed{advice}'}")
        if deployed:
            print(f"API       {api_url}")
        return told | {
            "up": deployed,
            "emulator": {
                "answers": healthy,
                "port": running.port,
                "process": running.pid,
                "log": str(self._emulator.log),
            },
            "stack": settings.stack_name,
            "apiUrl": api_url if deployed else None,
        }

    def token(self, *, chargers: Sequence[str] | str, scopes: Sequence[str], expires_in: int) -> str:
        """Return a token that the running local cloud's authorizer accepts.

        Raises:
            LocalCloudError: it is not running.
        """
        running = self._emulator.running()
        if running is None:
            raise LocalCloudError(NOT_RUNNING)
        return self._issuer(_settings(running.port)).token(chargers=chargers, scopes=scopes, expires_in=expires_in)

    def api_url(self) -> str:
        """Return the URL of the running API.

        Raises:
            LocalCloudError: it is not running, or nothing is deployed.
        """
        running = self._emulator.running()
        if running is None:
            raise LocalCloudError(NOT_RUNNING)
        settings = _settings(running.port)
        url = self._deployment(settings).api_url(port=running.port)
        if url is None:
            raise LocalCloudError(f"{settings.stack_name} is not deployed; deploy it with: scripts/local.sh up")
        return url

    def enter(self) -> StageSettings:
        """Return the running stage's settings.

        From then on this process's AWS clients talk to the emulator, and have no way to the real AWS.

        Raises:
            LocalCloudError: it is not running.
        """
        running = self._emulator.running()
        if running is None:
            raise LocalCloudError(NOT_RUNNING)
        settings = _settings(running.port)
        forget_the_real_aws(port=running.port, region=settings.region)
        return settings

    def look_inside(self) -> tuple[StageSettings, Mapping[str, str]]:
        """Enter it, and return the running stage's settings and its stack's outputs.

        Raises:
            LocalCloudError: it is not running, or nothing is deployed.
        """
        settings = self.enter()
        outputs = self._deployment(settings).outputs()
        if not outputs:
            raise LocalCloudError(f"{settings.stack_name} is not deployed; deploy it with: scripts/local.sh up")
        return settings, outputs

    def _up(self) -> Json:
        running = self._start()
        settings = _settings(running.port)
        forget_the_real_aws(port=running.port, region=settings.region)
        issuer = self._issuer(settings)
        with step("token issuer"):
            issuer.publish()
        deployment = self._deployment(settings)
        if not deployment.is_bootstrapped():
            with step("cdk bootstrap"):
                deployment.bootstrap()
        with step(f"cdk deploy of {settings.stack_name}"):
            deployment.deploy()
        api_url = deployment.api_url(port=running.port)
        if api_url is None:
            raise LocalCloudError(f"cdk deploy left no outputs of {settings.stack_name} in {deployment.outputs_file}")
        with step("API answers"):
            if not wait_until(lambda: _answers(api_url), seconds=FIRST_EVENT_SECONDS):
                raise LocalCloudError(f"the API does not answer at {api_url}; see {self._emulator.log}")
        token = issuer.token(expires_in=A_DAY)
        self._write_environment(settings, running, api_url=api_url, token=token)
        with step("event posted and read back"):
            stored = self._send_and_read_back(api_url, token)
        self._show(api_url, token, stored)
        return {
            "stack": settings.stack_name,
            "port": running.port,
            "apiUrl": api_url,
            "token": token,
            "outputs": dict(deployment.outputs()),
            "latestTelemetry": stored,
        }

    def _start(self) -> RunningEmulator:
        running = self._emulator.running()
        if running and self._chosen_port not in {None, running.port}:
            raise LocalCloudError(
                f"the local cloud of this checkout already runs on port {running.port}; "
                "stop it first with: scripts/local.sh down"
            )
        if running and not running.answers():
            print(f"  the emulator (process {running.pid}) does not answer: it is started anew")
            with step("stop it"):
                self._emulator.stop(running)
            running = None
        if running:
            print(f"  emulator on port {running.port} ... runs already")
            return running
        if self._emulator.was_killed():
            print(f"  {KILLED}")
        port = self._chosen_port or DEFAULT_PORT
        with step(f"emulator on port {port}"):
            return self._emulator.start(port=port, region=_settings(port).region)

    def _stop(self) -> None:
        running = self._emulator.running()
        if running is None:
            killed = self._emulator.was_killed()
            print(f"the local cloud is not running{': ' + KILLED if killed else ''}")
            return
        with step("the emulator ends, and keeps its state"):
            clean = self._emulator.stop(running)
        print(f"stopped the local cloud on port {running.port}")
        if not clean:
            print("the emulator had to be killed: the next start begins empty")

    def _send_and_read_back(self, api_url: str, token: str) -> object:
        # A new charger each time: what failed in an earlier `up` may still hold back the later events of its own.
        charger_id = f"DEMO-{datetime.now(UTC):%H%M%S}"
        logged = self._emulator.log.stat().st_size
        try:
            return send_and_read_back(api_url, token, charger_id=charger_id, proxies=False)
        except SmokeTestError as error:
            raise LocalCloudError(f"{error}; {last_error(self._emulator.log, since=logged)}") from error

    def _write_environment(
        self, settings: StageSettings, running: RunningEmulator, *, api_url: str, token: str
    ) -> None:
        variables = {
            "TELEMETRY_API_URL": api_url,
            "TELEMETRY_TOKEN": token,
            "TELEMETRY_STACK_NAME": settings.stack_name,
            **aws_variables(port=running.port, region=settings.region),
        }
        lines = [*(f"{name}={value}" for name, value in variables.items()), f"export {' '.join(variables)}"]
        write_private(self._directory / "env", "".join(f"{line}\n" for line in lines).encode())

    def _show(self, api_url: str, token: str, stored: object) -> None:
        environment = _as_typed(self._directory / "env")
        print(
            f"""
Posted to the API, and read back as its charger's latest telemetry:

{json.dumps(stored, indent=2)}

API    {api_url}
Token  {token}

Try next:

  . {environment}
  curl -sS -w '\\n' "$TELEMETRY_API_URL/telemetry" -H "Authorization: Bearer $TELEMETRY_TOKEN" \\
    -H 'Content-Type: application/json' \\
    -d '{{"chargerId": "CP-7", "timestamp": "'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'", "payload": {{"power_kw": 11.0}}}}'
  curl -sS -w '\\n' "$TELEMETRY_API_URL/telemetry/CP-7" -H "Authorization: Bearer $TELEMETRY_TOKEN"
  scripts/fleet.sh --chargers 20  # chargers that post, and a verdict on what was kept
  scripts/watch.sh                # what they do, live, in another terminal
  scripts/local.sh token --charger CP-7
  scripts/local.sh down"""
        )

    def _issuer(self, settings: StageSettings) -> LocalTokenIssuer:
        if not isinstance(settings.auth, TokenIssuer):
            raise LocalCloudError("stage local has no TokenIssuer as its auth in telemetry_stack/stages.py")
        return LocalTokenIssuer(settings.auth, key_file=self._directory / "issuer-key.pem")

    def _deployment(self, settings: StageSettings) -> Deployment:
        return Deployment(settings, directory=self._directory, project=PROJECT)

    @contextmanager
    def _alone(self, command: str) -> Generator[None]:
        """Hold back a second `up` or `down` in the same directory until the first is done."""
        # Not "w", which would empty the file of the one that holds it.
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"  waiting for another `scripts/local.sh {self._lock.read_text()}` to end ...", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(command)
            lock.flush()
            yield

    def _busy(self) -> str | None:
        """Return the command, `up` or `down`, that another process is about."""
        try:
            lock = self._lock.open()
        except FileNotFoundError:
            return None
        with lock:
            return lock.read() if is_locked(lock) else None


def chosen_cloud() -> LocalCloud:
    """Return the local cloud of this checkout, or of the directory and the port that the environment names.

    Raises:
        LocalCloudError: it names a port that can't be one.
    """
    directory = Path(os.environ.get("LOCAL_DIRECTORY") or PROJECT / ".local").absolute()
    chosen = os.environ.get("LOCAL_PORT")
    if not chosen:
        return LocalCloud(directory=directory, port=None)
    if not chosen.isdecimal() or not 1024 <= int(chosen) <= 65535:  # noqa: PLR2004 - what a user may listen on
        raise LocalCloudError(f"LOCAL_PORT is {chosen!r}; give a port from 1024 to 65535")
    return LocalCloud(directory=directory, port=int(chosen))


def _settings(port: int) -> StageSettings:
    return stages.stage_settings("local", local_port=port)


def _answers(api_url: str) -> bool:
    """Tell whether the API refuses who brings no token, as it does when it is deployed."""
    try:
        answer = httpx.get(f"{api_url}/telemetry/any", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == HTTPStatus.UNAUTHORIZED


def last_error(log: Path, *, since: int) -> str:
    """Return on one line what a function or the emulator last said to be wrong, and where the rest is.

    Args:
        log: the emulator's.
        since: the byte of it to begin at.
    """
    with log.open("rb") as file:
        file.seek(since)
        said = file.read().decode(errors="replace")
    causes = [next(filter(None, cause.groups())) for cause in CAUSE.finditer(said)]
    last = f"the last error was {causes[-1]}; " if causes else ""
    return f"{last}look into {log}, where the functions write, and into the stack's dead-letter queue"


def _as_typed(path: Path) -> str:
    """Return a path the way one would type it in the project's directory."""
    return os.path.relpath(path, PROJECT) if path.is_relative_to(PROJECT) else str(path)
