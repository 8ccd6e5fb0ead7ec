"""What has to be there before a stage is deployed. Each check that fails is one line that says what to do next."""

import os

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from telemetry_stack.stages import StageSettings, local, stage_settings
from tools.command_line import CommandError

# What the emulator says that its account is.
EMULATED_ACCOUNT = local(0).account
NOT_AWS = "open a new shell, or unset what . .local/env set"
SIGN_IN = "sign in, e.g. aws sso login, or name a --profile"
# Of STS and of SSO, for credentials that were good once.
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"}
FORBIDDEN = {"AccessDenied", "AccessDeniedException"}

# Where the template of `cdk bootstrap` keeps its version; hnb659fds is the CDK's qualifier where none is chosen.
# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
# What the synthesized stack asks for; `tests/stack/test_emulated.py` compares.
OLDEST_BOOTSTRAP = 6


def deployable(name: str) -> StageSettings:
    """Return the settings of a stage on AWS that can be deployed.

    Raises:
        StageError: there is no such stage, or its settings break a rule.
        CommandError: it still has example values.
    """
    settings = stage_settings(name, local_port=0)
    if examples := settings.example_values():
        raise CommandError(
            f"stage {name} still has example values; in telemetry_stack/stages.py replace {', '.join(examples)}"
        )
    return settings


def account_of(profile: str | None, settings: StageSettings) -> str:
    """Return the account that the credentials belong to, after checking that it is the stage's.

    A stage on AWS is not to be mistaken for what runs in the local cloud.

    Raises:
        CommandError: it is not, or there are no credentials that AWS takes.
    """
    on_aws = settings.name != "local"
    if on_aws and (elsewhere := sorted(name for name in os.environ if _leads_away(name))):
        raise CommandError(f"{', '.join(elsewhere)} leads away from AWS; {NOT_AWS}")
    try:
        sts = boto3.Session(profile_name=profile).client("sts", region_name=settings.region)
        account = sts.get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(_why_no_credentials(error, settings)) from error
    if on_aws and account == EMULATED_ACCOUNT:
        raise CommandError(f"the credentials are for the local cloud's account, {EMULATED_ACCOUNT}; {NOT_AWS}")
    if settings.account and account != settings.account:
        raise CommandError(
            f"the credentials are for account {account}, stage {settings.name} is for {settings.account}; {SIGN_IN}"
        )
    return account


def check_bootstrap(profile: str | None, settings: StageSettings, *, account: str) -> str | None:
    """Check that the account was prepared for the CDK in the stage's region; return what could not be checked.

    Raises:
        CommandError: it was not, or by a version of the CDK that is too old.
    """
    bootstrap = f"scripts/cdk.sh bootstrap -c stage={settings.name} aws://{account}/{settings.region}"
    ssm = boto3.Session(profile_name=profile).client("ssm", region_name=settings.region)
    try:
        version = ssm.get_parameter(Name=BOOTSTRAP_VERSION)["Parameter"].get("Value", "")
    except ssm.exceptions.ParameterNotFound as error:
        raise CommandError(
            f"account {account} was never bootstrapped for the CDK in {settings.region}; next: {bootstrap}"
        ) from error
    except ClientError as error:
        # Who may do no more than take the CDK's roles can deploy: the CLI checks the version by one of those.
        if _code(error) in FORBIDDEN:
            return f"these credentials may not read {BOOTSTRAP_VERSION}: the CDK CLI checks the bootstrap version later"
        raise CommandError(f"the bootstrap version can't be read in {settings.region}: {error}") from error
    except BotoCoreError as error:
        raise CommandError(f"the bootstrap version can't be read in {settings.region}: {error}") from error
    if not version.isdecimal() or int(version) < OLDEST_BOOTSTRAP:
        raise CommandError(
            f"account {account} has bootstrap version {version} in {settings.region}, {OLDEST_BOOTSTRAP} is the oldest "
            f"that will do; next: {bootstrap}"
        )
    return None


def _leads_away(name: str) -> bool:
    return name.startswith("AWS_ENDPOINT_URL") and bool(os.environ[name])


def _why_no_credentials(error: BotoCoreError | ClientError, settings: StageSettings) -> str:
    told = " ".join(str(error).split())
    match error:
        case NoCredentialsError():
            why = f"there are no AWS credentials; {SIGN_IN}"
        case ProfileNotFound():
            why = f"{told}; aws configure list-profiles names those that there are"
        case SSOError() | TokenRetrievalError():
            why = f"the AWS sign-in has ended ({told}); {SIGN_IN}"
        case EndpointConnectionError() | ConnectTimeoutError():
            known = boto3.Session().get_available_regions("sts")
            where = "is the network there?" if settings.region in known else "is that a region of AWS?"
            why = f"AWS does not answer in {settings.region}, the region of stage {settings.name}; {where} ({told})"
        case ClientError() if _code(error) in EXPIRED:
            why = f"the AWS credentials have expired; {SIGN_IN}"
        case ClientError() if _code(error) in UNKNOWN:
            why = (
                f"AWS does not know these credentials in {settings.region} ({_code(error)}); {SIGN_IN}, "
                "and see that the account has the region enabled"
            )
        case _:
            why = f"no working AWS credentials ({told}); {SIGN_IN}"
    return why


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
