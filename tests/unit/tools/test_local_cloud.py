"""The local cloud's parts that need no emulator: tokens, the deployment's files, and what is told when it fails."""

import fcntl
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

from telemetry_stack.stages import StageSettings, TokenIssuer, stage_settings
from tools.local_cloud import __main__ as command
from tools.local_cloud.cloud import LocalCloud, last_error
from tools.local_cloud.deployment import Deployment, forget_the_real_aws
from tools.local_cloud.errors import LocalCloudError
from tools.local_cloud.tokens import LocalTokenIssuer

ROOT = Path(__file__).resolve().parents[3]
PORT = 4599


@pytest.fixture
def settings() -> StageSettings:
    return stage_settings("local", local_port=PORT)


@pytest.fixture
def issuer_settings(settings: StageSettings) -> TokenIssuer:
    assert isinstance(settings.auth, TokenIssuer)
    return settings.auth


@pytest.fixture
def issuer(issuer_settings: TokenIssuer, tmp_path: Path) -> LocalTokenIssuer:
    return LocalTokenIssuer(issuer_settings, key_file=tmp_path / "key.pem")


@pytest.fixture
def deployment(settings: StageSettings, tmp_path: Path) -> Deployment:
    return Deployment(settings, directory=tmp_path, project=tmp_path)


def claims_of(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_says_what_the_authorizer_of_stage_local_asks_for(
    issuer: LocalTokenIssuer, issuer_settings: TokenIssuer
) -> None:
    claims = claims_of(issuer.token())
    assert claims["iss"] == issuer_settings.url
    assert claims["aud"] in issuer_settings.audience
    assert claims[issuer_settings.chargers_claim] == "*"
    assert claims["scope"] == "telemetry/ingest telemetry/read"


def test_a_token_is_limited_to_what_was_asked_for(issuer: LocalTokenIssuer, issuer_settings: TokenIssuer) -> None:
    claims = claims_of(issuer.token(chargers="CP-1", scopes=["telemetry/read"]))
    assert (claims[issuer_settings.chargers_claim], claims["scope"]) == ("CP-1", "telemetry/read")


@pytest.mark.parametrize("text", ["", "/x", "-CP", "C" * 65])
def test_a_token_is_for_no_id_that_a_charger_can_not_have(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["token", f"--charger={text}"])
    assert ended.value.code == 2
    assert "can't be the id of a charger, which is 1 to 64 of" in capsys.readouterr().err


@pytest.mark.parametrize("expires_in", [-3600, 3600])
def test_a_token_was_never_issued_in_the_future(issuer: LocalTokenIssuer, expires_in: int) -> None:
    claims = jwt.decode(issuer.token(expires_in=expires_in), options={"verify_signature": False})
    now = jwt.decode(issuer.token(), options={"verify_signature": False})["iat"]
    assert claims["iat"] <= now
    assert claims["exp"] - now == pytest.approx(expires_in, abs=2)


def test_the_key_is_kept_and_only_its_owner_may_read_it(
    issuer: LocalTokenIssuer, issuer_settings: TokenIssuer, tmp_path: Path
) -> None:
    key_file = tmp_path / "key.pem"
    again = LocalTokenIssuer(issuer_settings, key_file=key_file)
    assert jwt.get_unverified_header(issuer.token())["kid"] == jwt.get_unverified_header(again.token())["kid"]
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    another = LocalTokenIssuer(issuer_settings, key_file=tmp_path / "another.pem")
    assert jwt.get_unverified_header(issuer.token())["kid"] != jwt.get_unverified_header(another.token())["kid"]


@pytest.mark.parametrize(
    "on_aws", ["https://abc123.execute-api.us-east-1.amazonaws.com", "http://abc123.execute-api.127.0.0.1:4599/"]
)
def test_the_api_url_is_below_the_emulators_address(deployment: Deployment, on_aws: str) -> None:
    deployment.outputs_file.write_text(json.dumps({"Telemetry-local": {"ApiUrl": on_aws}}))
    assert deployment.api_url(port=PORT) == f"http://127.0.0.1:{PORT}/_aws/execute-api/abc123/%24default"


@pytest.mark.parametrize("outputs", [None, "", "{}", '{"Telemetry-local": {}}'])
def test_there_is_no_api_url_before_the_first_deployment(deployment: Deployment, outputs: str | None) -> None:
    if outputs is not None:
        deployment.outputs_file.write_text(outputs)
    assert deployment.api_url(port=PORT) is None


@pytest.fixture
def cdk_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the file of a shell script that runs in place of the CDK CLI."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "cdk"
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=os.pathsep)
    return script


def test_a_failed_deployment_shows_the_lines_that_name_errors_and_where_the_rest_is(
    cdk_that: Path, deployment: Deployment, tmp_path: Path
) -> None:
    cdk_that.write_text(
        "#!/bin/sh\n"
        "echo 'Telemetry-local: deploying... [1/1]'\n"
        "echo '6:01 | CREATE_FAILED | AWS::SQS::Queue | Queue: invalid VisibilityTimeout'\n"
        "echo '❌  Telemetry-local failed: the stack rolled back' >&2\n"
        "exit 1\n"
    )
    with pytest.raises(LocalCloudError) as failure:
        deployment.deploy()
    told = str(failure.value).splitlines()
    assert told[0] == "cdk deploy failed:"
    assert "invalid VisibilityTimeout" in told[1]
    assert "the stack rolled back" in told[2]
    assert "deploying" not in str(failure.value)
    assert str(tmp_path / "cdk.log") in told[-1]


def test_a_failure_of_the_app_is_shown_with_its_place_in_our_code(cdk_that: Path, deployment: Deployment) -> None:
    cdk_that.write_text("""#!/bin/sh
cat <<'END'
Traceback (most recent call last):
  File "/home/a/app.py", line 60, in <module>
    main()
  File "/home/a/telemetry_stack/stages.py", line 230, in local
    return StageSettings(
  File "/home/a/.venv/lib/python3.13/site-packages/pydantic/main.py", line 253, in __init__
    validated_self = self.__pydantic_validator__.validate_python(data, self_instance=self)
ValueError: not a region
END
exit 1
""")
    with pytest.raises(LocalCloudError) as failure:
        deployment.deploy()
    assert str(failure.value).splitlines()[1:3] == [
        '  File "/home/a/telemetry_stack/stages.py", line 230, in local',
        "  ValueError: not a region",
    ]


def test_a_deployment_that_fails_without_a_reason_shows_its_last_lines(cdk_that: Path, deployment: Deployment) -> None:
    cdk_that.write_text("#!/bin/sh\necho one\necho two\nexit 1\n")
    with pytest.raises(LocalCloudError, match="  one\n  two\n"):
        deployment.deploy()


def test_a_deployment_keeps_the_bundle_that_it_deployed_and_no_other(
    cdk_that: Path, deployment: Deployment, tmp_path: Path
) -> None:
    assembly = tmp_path / "cdk.out"
    cdk_that.write_text(
        "#!/bin/sh\n"
        f"/bin/mkdir -p {assembly}/asset.old {assembly}/asset.new\n"
        f'echo \'{{"path": "asset.new"}}\' > {assembly}/Telemetry.assets.json\n'
    )
    deployment.deploy()
    assert [path.name for path in assembly.glob("asset.*")] == ["asset.new"]


def test_the_users_aws_takes_no_part_in_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine", "PATH": "/bin"})
    forget_the_real_aws(port=PORT, region="us-east-1")
    assert "mine" not in os.environ.values()
    assert os.environ["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{PORT}"
    assert os.environ["AWS_SHARED_CREDENTIALS_FILE"] == os.environ["AWS_CONFIG_FILE"] == os.devnull
    assert os.environ["PATH"] == "/bin"


def test_a_proxy_of_the_user_is_not_asked_for_the_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HTTP_PROXY": "http://proxy.example", "no_proxy": "intranet.example"})
    forget_the_real_aws(port=PORT, region="us-east-1")
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "127.0.0.1,intranet.example"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            """2026-11-24 WARNING [lambda] failed processing (errorType=RuntimeError errorMessage=No module)""",
            "No module",
        ),
        (
            """{"level":"WARNING","reason":"unexpected_fault","cause":"ZeroDivisionError at judging.py:82","x":"y"}""",
            "ZeroDivisionError at judging.py:82",
        ),
        ("""{"level":"ERROR","message":"dead-lettered","reason":"invalid_event"}""", "invalid_event"),
        ("ZeroDivisionError: division by zero", "ZeroDivisionError: division by zero"),
    ],
)
def test_what_a_function_says_to_be_wrong_is_told_and_where_the_rest_is(tmp_path: Path, line: str, told: str) -> None:
    log = tmp_path / "emulator.log"
    log.write_text(f"OldError: of the last time\n2026-11-24 INFO [lambda] began\n{line}\n1 INFO [lambda] ended\n")
    since = log.read_text().index("2026")
    assert last_error(log, since=since).startswith(f"the last error was {told}; look into {log}, ")


def test_where_nothing_was_said_to_be_wrong_only_the_places_to_look_are_told(tmp_path: Path) -> None:
    log = tmp_path / "emulator.log"
    log.write_text("OldError: of the last time\nnothing to tell\n")
    told = last_error(log, since=log.read_text().index("nothing"))
    assert told == f"look into {log}, where the functions write, and into the stack's dead-letter queue"


def test_a_second_command_says_at_once_that_it_waits_and_for_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "local.lock").write_text("up")
    asked: list[int] = []

    def taken_at_first(_file: object, operation: int) -> None:
        asked.append(operation)
        if operation & fcntl.LOCK_NB:
            raise BlockingIOError

    monkeypatch.setattr(fcntl, "flock", taken_at_first)
    LocalCloud(directory=tmp_path, port=None).down()

    assert asked == [fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_EX]
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == "  waiting for another `scripts/local.sh up` to end ..."
    assert (tmp_path / "local.lock").read_text() == "down"


def test_status_during_the_first_up_says_that_it_is_at_work(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with (tmp_path / "local.lock").open("w") as lock:
        lock.write("up")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not LocalCloud(directory=tmp_path, port=None).status()["up"]

    assert capsys.readouterr().out.splitlines() == [
        "busy      scripts/local.sh up is at work; how far it is:",
        "emulator  not running",
    ]


def test_status_is_there_for_machines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCAL_DIRECTORY", str(tmp_path))
    assert command.main(["status", "--json"]) == 3
    printed = capsys.readouterr()
    assert printed.err == "emulator  not running; scripts/local.sh up\n"
    told = json.loads(printed.out)
    assert (told["up"], told["apiUrl"]) == (False, None)


def test_status_with_nothing_at_work_says_how_to_start(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    LocalCloud(directory=tmp_path, port=None).down()
    capsys.readouterr()
    assert not LocalCloud(directory=tmp_path, port=None).status()["up"]
    assert capsys.readouterr().out == "emulator  not running; scripts/local.sh up\n"


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ('region="us-east-1"\n', r"local\.sh: \S+/telemetry_stack/stages\.py:\d+: invalid syntax"),
        ('region="us-east",\n', r"local\.sh: stage local in telemetry_stack/stages\.py: region can't be 'us-east': "),
    ],
)
def test_a_mistake_in_the_stages_is_told_in_one_line(tmp_path: Path, mistake: str, told: str) -> None:
    stages = tmp_path / "telemetry_stack" / "stages.py"
    stages.parent.mkdir()
    for name in ("__init__.py", "stage_errors.py"):
        (stages.parent / name).write_bytes((ROOT / "telemetry_stack" / name).read_bytes())
    right = (ROOT / "telemetry_stack" / "stages.py").read_text()
    stages.write_text(re.sub(r"(?<=def local)(.*?)region=[^\n]+\n", rf"\1{mistake}", right, count=1, flags=re.DOTALL))

    done = subprocess.run(
        [sys.executable, "-m", "tools.local_cloud", "up"],
        # The stages here come before those of the project.
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LOCAL_DIRECTORY": str(tmp_path / "local")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.match(told, line)
