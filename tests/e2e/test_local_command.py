"""`scripts/local.sh`, as the person at the keyboard meets it."""

import json
import signal
import socket
import stat
import subprocess
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jwt
import pytest

from tests.e2e.harness import (
    SECRET_OF_THE_USER,
    Api,
    Cloud,
    Shell,
    event_of,
    eventually,
    free_port,
    linux_only,
    listening_addresses,
)


@pytest.fixture
def shell(tmp_path: Path) -> Generator[Shell]:
    """Return the command for a local cloud of the test's own, which is down when the test ends."""
    shell = Shell(tmp_path, free_port())
    yield shell
    shell("down")


def test_up_shows_the_event_that_it_read_back_and_what_to_try_next(cloud: Cloud) -> None:
    assert cloud.up.returncode == 0, cloud.up.stderr
    printed = cloud.up.stdout
    shown, _ = json.JSONDecoder().raw_decode(printed[printed.index("{") :])
    assert shown["payload"]["power_kw"] == 7.4
    assert shown["eventId"]
    for wanted in (cloud.variables["TELEMETRY_API_URL"], cloud.variables["TELEMETRY_TOKEN"], "curl", "local.sh down"):
        assert wanted in printed


def test_up_tells_how_long_each_step_took(cloud: Cloud) -> None:
    for step in ("emulator on port", "token issuer", "cdk bootstrap", "cdk deploy", "event posted and read back"):
        [line] = [line for line in cloud.up.stdout.splitlines() if step in line]
        assert line.endswith(" s")


def test_a_shell_that_sources_the_environment_can_use_the_api_and_the_emulator(cloud: Cloud) -> None:
    variables = cloud.variables
    assert variables["TELEMETRY_API_URL"].startswith(f"http://127.0.0.1:{cloud.shell.port}/")
    assert not variables["TELEMETRY_API_URL"].endswith("/")
    assert variables["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{cloud.shell.port}"
    assert {"TELEMETRY_TOKEN", "TELEMETRY_STACK_NAME", "AWS_REGION"} <= variables.keys()
    assert (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]) == ("test", "test")


def test_only_its_owner_may_read_the_token_and_the_key(cloud: Cloud) -> None:
    for name in ("env", "issuer-key.pem"):
        assert stat.S_IMODE((cloud.shell.directory / name).stat().st_mode) == 0o600


def test_the_outputs_have_the_contracts_names(cloud: Cloud) -> None:
    assert set(cloud.outputs) == {
        "ApiUrl",
        "TableName",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "IngestFunctionName",
        "ProcessorFunctionName",
        "QueryFunctionName",
        "AccessLogName",
        "IngestLogName",
        "ProcessorLogName",
        "QueryLogName",
        "DashboardName",
    }


def test_status_tells_that_it_is_up_and_where(cloud: Cloud) -> None:
    status = cloud.shell("status")
    assert status.returncode == 0
    assert str(cloud.shell.port) in status.stdout
    assert cloud.variables["TELEMETRY_API_URL"] in status.stdout
    told = json.loads(cloud.shell("status", "--json").stdout)
    assert (told["up"], told["apiUrl"]) == (True, cloud.variables["TELEMETRY_API_URL"])


def test_a_token_is_for_one_charger_with_the_scopes_and_the_lifetime_asked_for(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    own = Api(api.url, token_from(cloud.shell, "--charger", charger_id, "--scope", "telemetry/ingest"))
    assert own.post(event_of(charger_id)).status_code == 202
    assert own.post(event_of(f"{charger_id}-other")).status_code == 403
    assert own.latest(charger_id).status_code == 403
    expired = Api(api.url, token_from(cloud.shell, "--expires-in", "-60"))
    assert expired.latest(charger_id).status_code == 401
    lifetime = claims_of(token_from(cloud.shell, "--expires-in", "120"))
    assert lifetime["exp"] - lifetime["iat"] == 120


def test_a_token_may_be_for_several_chargers(cloud: Cloud, api: Api, charger_id: str) -> None:
    second = f"{charger_id}-2"
    own = Api(api.url, token_from(cloud.shell, "--charger", charger_id, "--charger", second))
    assert own.post(event_of(charger_id)).status_code == 202
    assert own.post(event_of(second)).status_code == 202
    assert own.post(event_of(f"{charger_id}-3")).status_code == 403


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [(["--charger", "CP 7"], "'CP 7' can't be the id"), (["--scope", "telemetry/admin"], "telemetry/admin")],
)
def test_a_token_that_nothing_would_accept_is_refused_in_one_line(
    shell: Shell, arguments: list[str], wrong: str
) -> None:
    refused = shell("token", *arguments)
    assert refused.returncode == 2
    assert wrong in the_one_line(refused)


def test_a_token_may_do_everything_unless_told_otherwise(cloud: Cloud, api: Api, charger_id: str) -> None:
    own = Api(api.url, token_from(cloud.shell))
    answer = own.post(event_of(charger_id))
    own.stored(charger_id, event_id=answer.json()["eventId"])


@linux_only
def test_it_listens_on_the_loopback_address_only(cloud: Cloud) -> None:
    emulator = cloud.shell.emulator_process()
    assert listening_addresses(emulator) == [("127.0.0.1", cloud.shell.port)]


@linux_only
def test_the_functions_see_nothing_of_the_users_environment(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.stored(charger_id, event_id=api.post(event_of(charger_id)).json()["eventId"])
    environments = [path.joinpath("environ").read_text() for path in cloud.shell.processes()]
    assert len(environments) >= 4
    for environment in environments:
        assert SECRET_OF_THE_USER not in environment
        assert "a-profile-that-is-nowhere" not in environment


def test_a_taken_port_is_told_in_one_line_that_says_how_to_choose_another(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        up = Shell(tmp_path, port)("up")
    assert up.returncode == 1
    line = the_one_line(up)
    assert f"port {port} is taken" in line
    assert "LOCAL_PORT=" in line


@pytest.mark.parametrize("port", ["http", "80", "70000", "-1"])
def test_a_port_that_is_none_is_told_in_one_line(tmp_path: Path, port: str) -> None:
    status = Shell(tmp_path, free_port())("status", LOCAL_PORT=port)
    assert status.returncode == 1
    line = the_one_line(status)
    assert "LOCAL_PORT" in line


def test_without_a_local_cloud_each_command_says_so(shell: Shell) -> None:
    status, token, down = shell("status"), shell("token"), shell("down")
    assert (status.returncode, token.returncode, down.returncode) == (3, 1, 0)
    assert "local.sh up" in status.stdout
    assert "local.sh up" in the_one_line(token)


@linux_only
def test_an_interrupted_up_stops_what_it_started(shell: Shell) -> None:
    with shell.start("up") as up:
        eventually((shell.directory / "cdk.log").exists, seconds=60)
        # As Ctrl-C does, which a test that runs in the background could not send: shells let it ignore that.
        up.send_signal(signal.SIGTERM)
        _, errors = up.communicate(timeout=60)
    assert up.returncode == 130
    assert errors.splitlines()[-1] == "local.sh: interrupted"
    assert not shell.processes()
    assert shell("status").returncode == 3


def test_a_checkout_that_runs_on_one_port_does_not_start_on_another(cloud: Cloud) -> None:
    up = Shell(cloud.shell.directory, free_port())("up")
    assert up.returncode == 1
    line = the_one_line(up)
    assert f"already runs on port {cloud.shell.port}" in line


@pytest.mark.slow
def test_up_again_changes_nothing_and_takes_less_than_30_seconds(cloud: Cloud, api: Api, charger_id: str) -> None:
    receipt = api.post(event_of(charger_id)).json()
    api.stored(charger_id, event_id=receipt["eventId"])
    emulator = cloud.shell.emulator_process()
    started = datetime.now(UTC)
    up = cloud.shell("up")
    assert up.returncode == 0, up.stderr
    assert (datetime.now(UTC) - started).total_seconds() < 30
    assert cloud.shell.emulator_process() == emulator
    assert cloud.shell.sourced()["TELEMETRY_API_URL"] == api.url
    assert api.latest(charger_id).json()["eventId"] == receipt["eventId"]


@pytest.mark.slow
@linux_only
def test_a_local_cloud_that_was_killed_comes_up_again_and_down_leaves_nothing_running(shell: Shell) -> None:
    assert shell("up").returncode == 0
    shell.kill_emulator()
    assert shell("status").returncode == 3
    assert "its state is lost" in shell("down").stdout
    again = shell("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the next one begins empty" in again.stdout
    assert shell.processes()
    assert shell("down").returncode == 0
    assert not shell.processes()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{shell.port}/", trust_env=False)


@pytest.mark.slow
def test_telemetry_outlives_down_and_up(shell: Shell) -> None:
    assert shell("up").returncode == 0
    before = Api(shell.sourced()["TELEMETRY_API_URL"], shell.sourced()["TELEMETRY_TOKEN"])
    receipt = before.post(event_of("CP-KEPT")).json()
    before.stored("CP-KEPT", event_id=receipt["eventId"])
    assert shell("down").returncode == 0
    assert shell("up").returncode == 0
    assert before.latest("CP-KEPT").json()["eventId"] == receipt["eventId"]


def the_one_line(failed: subprocess.CompletedProcess[str]) -> str:
    """Return what a command that failed tells, beside what had to be installed for it."""
    [line] = [line for line in failed.stderr.splitlines() if "installing" not in line]
    return line


def token_from(shell: Shell, *arguments: str) -> str:
    printed = shell("token", *arguments)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.splitlines()[-1]


def claims_of(token: str) -> dict[str, int]:
    return jwt.decode(token, options={"verify_signature": False})
