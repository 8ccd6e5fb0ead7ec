"""What is not fit to deploy is refused in one line that says what to do next, before anything is built."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import (
    BotoCoreError,
    EndpointConnectionError,
    NoCredentialsError,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from botocore.stub import Stubber
from moto import mock_aws

from telemetry_stack import stages
from tests.stage_settings import BARE, FULL, changed
from tools import preflight
from tools.command_line import CommandError
from tools.preflight import account_of, check_bootstrap, deployable

ACCOUNT = "111122223333"
DEV = changed(BARE, account=ACCOUNT)
BOOTSTRAP = f"scripts/cdk.sh bootstrap -c stage=dev aws://{ACCOUNT}/{BARE.region}"


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("sts", region_name=BARE.region)
    yield from stubbed(monkeypatch, "sts", client)


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("ssm", region_name=BARE.region)
    yield from stubbed(monkeypatch, "ssm", client)


def stubbed(monkeypatch: pytest.MonkeyPatch, service: str, client: BaseClient) -> Iterator[Stubber]:
    def here(_session: boto3.Session, asked: str, *, region_name: str) -> object:
        assert (asked, region_name) == (service, BARE.region)
        return client

    monkeypatch.setattr(boto3.Session, "client", here)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def belongs_to(account: str) -> dict[str, str]:
    return {"Account": account, "Arn": f"arn:aws:iam::{account}:user/a", "UserId": "a"}


def refusal_of_account(settings: stages.StageSettings = DEV, *, profile: str | None = None) -> str:
    with pytest.raises(CommandError) as refused:
        account_of(profile, settings)
    return the_one_line(refused.value)


def refusal_of_bootstrap() -> str:
    with pytest.raises(CommandError) as refused:
        check_bootstrap(None, DEV, account=ACCOUNT)
    return the_one_line(refused.value)


def the_one_line(error: Exception) -> str:
    assert len(str(error).splitlines()) == 1
    return str(error)


def raising(monkeypatch: pytest.MonkeyPatch, error: BotoCoreError) -> None:
    def fails(*_arguments: object, **_options: object) -> object:
        raise error

    monkeypatch.setattr(boto3.Session, "client", fails)


def test_a_stage_with_example_values_is_refused_and_each_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = changed(FULL, alarm_emails=["a@team.example"], runbook_url="https://wiki.example/runbook")
    monkeypatch.setattr(stages, "prod", lambda: shipped)

    with pytest.raises(CommandError) as refused:
        deployable("prod")

    message = the_one_line(refused.value)
    assert message.startswith("stage prod still has example values; in telemetry_stack/stages.py replace ")
    assert message.endswith("alarm_emails[0] = a@team.example, runbook_url = https://wiki.example/runbook")


def test_a_stage_that_is_filled_in_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "prod", lambda: FULL)
    assert deployable("prod") == FULL


def test_without_credentials_it_says_how_to_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    assert refusal_of_account() == f"there are no AWS credentials; {preflight.SIGN_IN}"


def test_a_profile_that_is_nowhere_is_told() -> None:
    message = refusal_of_account(profile="nosuch")
    assert "(nosuch)" in message
    assert message.endswith("aws configure list-profiles names those that there are")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ExpiredToken", "the AWS credentials have expired; sign in"),
        ("ExpiredTokenException", "the AWS credentials have expired; sign in"),
        ("InvalidClientTokenId", "AWS does not know these credentials in us-west-2 (InvalidClientTokenId); sign in"),
        ("SignatureDoesNotMatch", "AWS does not know these credentials in us-west-2 (SignatureDoesNotMatch); sign in"),
        ("ServiceUnavailable", "no working AWS credentials (An error occurred (ServiceUnavailable)"),
    ],
)
def test_credentials_that_aws_refuses_are_told_by_why_it_does(sts: Stubber, code: str, told: str) -> None:
    sts.add_client_error("get_caller_identity", code)
    assert refusal_of_account().startswith(told)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoCredentialsError(), "there are no AWS credentials; sign in"),
        (SSOTokenLoadError(profile_name="work", error_msg="gone"), "the AWS sign-in has ended ("),
        (TokenRetrievalError(provider="sso", error_msg="Token has\nexpired"), "the AWS sign-in has ended ("),
    ],
)
def test_a_sign_in_that_has_ended_is_told(monkeypatch: pytest.MonkeyPatch, error: BotoCoreError, told: str) -> None:
    raising(monkeypatch, error)
    assert refusal_of_account().startswith(told)


@pytest.mark.parametrize(
    ("region", "told"), [("us-west-2", "is the network there?"), ("us-wst-2", "is that a region of AWS?")]
)
def test_a_region_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, region: str, told: str) -> None:
    raising(monkeypatch, EndpointConnectionError(endpoint_url=f"https://sts.{region}.amazonaws.com/"))
    message = refusal_of_account(changed(DEV, region=region))
    assert message.startswith(f"AWS does not answer in {region}, the region of stage dev; {told}")


def test_credentials_of_another_account_are_refused(sts: Stubber) -> None:
    sts.add_response("get_caller_identity", belongs_to("999999999999"))
    message = refusal_of_account()
    assert message.startswith(f"the credentials are for account 999999999999, stage dev is for {ACCOUNT}; sign in")


def test_credentials_of_the_stages_account_are_taken(sts: Stubber) -> None:
    sts.add_response("get_caller_identity", belongs_to(ACCOUNT))
    assert account_of(None, DEV) == ACCOUNT


def test_a_stage_that_names_no_account_is_deployed_to_that_of_the_credentials(sts: Stubber) -> None:
    sts.add_response("get_caller_identity", belongs_to("999999999999"))
    assert account_of(None, BARE) == "999999999999"


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_a_shell_that_leads_to_the_local_cloud_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:4566")
    message = refusal_of_account()
    assert message == f"{name} leads away from AWS; open a new shell, or unset what . .local/env set"


def test_an_endpoint_that_is_empty_leads_nowhere(monkeypatch: pytest.MonkeyPatch, sts: Stubber) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    sts.add_response("get_caller_identity", belongs_to(ACCOUNT))
    assert account_of(None, DEV) == ACCOUNT


def test_the_local_clouds_account_is_refused_even_by_a_stage_that_names_no_account(sts: Stubber) -> None:
    sts.add_response("get_caller_identity", belongs_to("000000000000"))
    assert "the local cloud's account, 000000000000; open a new shell" in refusal_of_account(BARE)


@mock_aws
def test_an_account_that_was_never_bootstrapped_is_told_what_comes_next() -> None:
    assert refusal_of_bootstrap() == (
        f"account {ACCOUNT} was never bootstrapped for the CDK in us-west-2; next: {BOOTSTRAP}"
    )


@mock_aws
def test_a_bootstrap_in_another_region_does_not_count() -> None:
    bootstrapped("30", region="eu-central-1")
    assert "was never bootstrapped" in refusal_of_bootstrap()


@mock_aws
@pytest.mark.parametrize("version", ["5", "0", "abc"])
def test_a_bootstrap_that_is_too_old_is_told_what_comes_next(version: str) -> None:
    bootstrapped(version)
    message = refusal_of_bootstrap()
    assert message.startswith(f"account {ACCOUNT} has bootstrap version {version} in us-west-2, 6 is the oldest")
    assert message.endswith(f"next: {BOOTSTRAP}")


@mock_aws
@pytest.mark.parametrize("version", ["6", "30"])
def test_a_bootstrap_that_is_new_enough_is_taken(version: str) -> None:
    bootstrapped(version)
    assert check_bootstrap(None, DEV, account=ACCOUNT) is None


def test_who_may_not_read_the_bootstrap_version_may_deploy_and_is_told_that_it_was_not_checked(ssm: Stubber) -> None:
    ssm.add_client_error("get_parameter", "AccessDeniedException")
    told = check_bootstrap(None, DEV, account=ACCOUNT)
    assert told
    assert "may not read /cdk-bootstrap/hnb659fds/version" in told


def test_a_bootstrap_version_that_can_not_be_read_is_not_taken_for_one_that_is_missing(ssm: Stubber) -> None:
    ssm.add_client_error("get_parameter", "InternalServerError")
    assert refusal_of_bootstrap().startswith("the bootstrap version can't be read in us-west-2: ")


def bootstrapped(version: str, *, region: str = BARE.region) -> None:
    ssm = boto3.client("ssm", region_name=region)
    ssm.put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value=version, Type="String")
