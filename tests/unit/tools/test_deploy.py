"""`scripts/deploy.sh` refuses, in one line, what is not fit to deploy, before anything is built."""

import sys
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_sts import STSClient

from telemetry_stack import stages
from tests.stage_settings import BARE, FULL, changed
from tools import deploy


@pytest.fixture(autouse=True)
def no_cdk(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The CDK commands that were run, instead of running them."""
    commands: list[tuple[str, ...]] = []

    def record(*arguments: str) -> int:
        commands.append(arguments)
        return 0

    monkeypatch.setattr(deploy, "cdk", record)
    return commands


@pytest.fixture
def filled_in(monkeypatch: pytest.MonkeyPatch) -> stages.StageSettings:
    """Stage dev as a team would have filled it in, for one account."""
    made = changed(BARE, account="111122223333")
    monkeypatch.setattr(stages, "dev", lambda: made)
    return made


def stub_account(monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("sts", region_name=BARE.region)
    stubber = Stubber(client)
    stubber.add_response("get_caller_identity", {"Account": account, "Arn": "arn:aws:iam::1:user/a", "UserId": "a"})
    stubber.activate()

    def stubbed(_session: boto3.Session, _service: str, *, region_name: str) -> STSClient:
        assert region_name == BARE.region
        return client

    monkeypatch.setattr(boto3.Session, "client", stubbed)


def refusal(*arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        deploy.main(list(arguments))
    assert isinstance(ended.value.code, str)
    assert len(ended.value.code.splitlines()) == 1
    return ended.value.code


def test_an_unknown_stage_is_told_with_the_stages_that_it_deploys(no_cdk: list[tuple[str, ...]]) -> None:
    assert refusal("nosuch") == "deploy.sh: there is no stage 'nosuch'; it deploys one of: dev, staging, prod"
    assert no_cdk == []


def test_help_says_what_becomes_of_further_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        deploy.main(["--help"])

    printed = capsys.readouterr().out
    assert "STAGE [--profile PROFILE] [cdk arguments]" in printed
    assert "Further arguments go to `cdk deploy`" in printed


def test_stage_local_is_sent_to_its_own_command() -> None:
    assert "scripts/local.sh up" in refusal("local")


def test_a_stage_with_example_values_is_refused_and_each_is_named(
    monkeypatch: pytest.MonkeyPatch, no_cdk: list[tuple[str, ...]]
) -> None:
    shipped = changed(FULL, alarm_emails=["a@team.example"], runbook_url="https://wiki.example/runbook")
    monkeypatch.setattr(stages, "prod", lambda: shipped)

    message = refusal("prod")

    assert message.startswith("deploy.sh: stage prod still has example values; ")
    assert "alarm_emails[0] = a@team.example, runbook_url = https://wiki.example/runbook" in message
    assert no_cdk == []


@pytest.mark.usefixtures("filled_in")
def test_missing_credentials_are_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, no_cdk: list[tuple[str, ...]]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    assert "no working AWS credentials" in refusal("dev")
    assert no_cdk == []


@pytest.mark.usefixtures("filled_in")
def test_credentials_of_another_account_are_refused(
    monkeypatch: pytest.MonkeyPatch, no_cdk: list[tuple[str, ...]]
) -> None:
    stub_account(monkeypatch, "999999999999")

    message = refusal("dev")

    assert "999999999999" in message
    assert "111122223333" in message
    assert no_cdk == []


@pytest.mark.usefixtures("filled_in")
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_a_shell_that_leads_to_the_local_cloud_is_refused(
    monkeypatch: pytest.MonkeyPatch, no_cdk: list[tuple[str, ...]], name: str
) -> None:
    stub_account(monkeypatch, "111122223333")
    monkeypatch.setenv(name, "http://127.0.0.1:4566")

    message = refusal("dev")

    assert message.startswith(f"deploy.sh: {name} leads away from AWS; ")
    assert "new shell" in message
    assert no_cdk == []

    monkeypatch.setenv(name, "")
    assert deploy.main(["dev"]) == 0


def test_the_local_clouds_account_is_refused_even_by_a_stage_that_names_no_account(
    monkeypatch: pytest.MonkeyPatch, filled_in: stages.StageSettings, no_cdk: list[tuple[str, ...]]
) -> None:
    monkeypatch.setattr(stages, "dev", lambda: changed(filled_in, account=None))
    stub_account(monkeypatch, "000000000000")

    assert "the local cloud's account, 000000000000; open a new shell" in refusal("dev")
    assert no_cdk == []


@pytest.mark.usefixtures("filled_in")
def test_where_it_deploys_to_is_told_before_the_cdk_says_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stub_account(monkeypatch, "111122223333")
    log = tmp_path / "log"

    def what_was_told_by_then(*_arguments: str) -> int:
        assert log.read_text() == "stage dev to account 111122223333, region us-west-2\n"
        return 1

    monkeypatch.setattr(deploy, "cdk", what_was_told_by_then)
    with log.open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert deploy.main(["dev"]) == 1


@pytest.mark.usefixtures("filled_in")
def test_an_interruption_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stub_account(monkeypatch, "111122223333")

    def interrupted(*_arguments: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(deploy, "cdk", interrupted)

    assert deploy.main(["dev"]) == 130
    assert capsys.readouterr().err == "deploy.sh: interrupted; what CloudFormation has begun goes on\n"


@pytest.mark.usefixtures("filled_in")
def test_what_was_shown_is_what_is_deployed(monkeypatch: pytest.MonkeyPatch, no_cdk: list[tuple[str, ...]]) -> None:
    stub_account(monkeypatch, "111122223333")

    assert deploy.main(["dev", "--require-approval", "never"]) == 0

    synth, diff, deployed = no_cdk
    assert synth[:3] == ("synth", "--quiet", "-c")
    assembly = synth[synth.index("--output") + 1]
    assert diff == ("diff", "--app", assembly)
    assert deployed == ("deploy", "--all", "--app", assembly, "--require-approval", "never")
