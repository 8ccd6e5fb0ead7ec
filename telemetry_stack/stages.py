"""The stages that the service is deployed to, and their settings. This is the file that a product team edits.

`deploy.sh STAGE` refuses a stage while a setting still holds an `.example` value: see `example_values`.
"""

import platform
import re
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from telemetry_stack.stage_errors import InvalidStageError, UnknownStageError

# RFC 2606 reserves the top-level name, which nobody can own: a host below it was never filled in.
EXAMPLE = re.compile(r"(?:^|//|@)[\w.-]+\.example(?![\w.@-])")

StageName = Literal["local", "dev", "staging", "prod"]
STAGE_NAMES: tuple[StageName, ...] = get_args(StageName)

HttpsUrl = Annotated[str, Field(pattern=r"^https://[^\s/]+(/\S*)?$")]
# On the loopback interface only, for the token issuer of a local cloud.
LoopbackUrl = Annotated[str, Field(pattern=r"^http://127\.0\.0\.1:\d+(/\S*)?$")]
# As a browser sends it: in lower case, with no path.
Origin = Annotated[str, Field(pattern=r"^https://[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$")]
EmailAddress = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
# As `chargerId` of a telemetry event.
ChargerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9*\-_=:+|@.]{0,63}$")]
Scope = Literal["telemetry/ingest", "telemetry/read"]
# With no blank in it, and something.
Text = Annotated[str, Field(pattern=r"^\S+$")]
# With the path before it, and IAM's wildcards: `*` for any characters, `?` for one.
RoleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+=,.@*?-]+(/[A-Za-z0-9_+=,.@*?-]+)*$")]
# Of claims that say something else of a token. `sub` may name a charger: the one that the token was given to.
# https://www.iana.org/assignments/jwt/jwt.xhtml
OTHER_CLAIMS = {"iss", "aud", "exp", "nbf", "iat", "jti", "scope", "scp"}
LogRetentionDays = Literal[1, 7, 30, 90, 180, 365]

# All environment variables of a function are 4 KB at most, some of which the others need.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_CLIENTS_BYTES = 3_000
# Cognito's id of a client has 26 characters; with what stands round it and its chargers in JSON.
CLIENT_BYTES = 32


class AwsOnly(StrEnum):
    """What AWS does and the local emulator can't, so that stage `local` leaves it out. There is no other place."""

    TLS_POLICIES = "policies of queues, topic and table that refuse plain HTTP, the only thing that the emulator speaks"
    SAVED_QUERIES = "saved queries of CloudWatch Logs Insights, a type of resource that the emulator does not know"
    BOOTSTRAP_ROLES = "deployment by the roles that `cdk bootstrap` makes, which can't publish assets in the emulator"
    CODEDEPLOY = "gradual deployment, by a service that the emulator does not know"


class Settings(BaseModel):
    """What all settings have in common: they never change, and a misspelt one is noticed at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenIssuer(Settings):
    """Who vouches for chargers and dashboards: an OpenID Connect issuer whose tokens the API accepts."""

    kind: Literal["oidc"] = Field(default="oidc", description="An issuer outside of the stack")
    url: HttpsUrl | LoopbackUrl = Field(
        description="The `iss` of its tokens, HTTPS; `/.well-known/openid-configuration` below it leads to its keys"
    )
    audience: tuple[Text, ...] = Field(min_length=1, description="A token is accepted when its `aud` is one of these")
    chargers_claim: Text = Field(
        description="The claim that names the chargers a token may post and read: ids, or `*` for all"
    )
    tokens_without_claim: Literal["refused", "all"] = Field(
        default="refused", description="What a token without that claim may do: nothing, or everything for all chargers"
    )

    @model_validator(mode="after")
    def _check_claim(self) -> Self:
        if self.chargers_claim in OTHER_CLAIMS:
            raise ValueError(f"chargers_claim can't be {self.chargers_claim!r}, which says something else of a token")
        return self

    @property
    def on_this_machine(self) -> bool:
        """Whether it is the issuer of a local cloud."""
        return self.url.startswith("http:")


class TokenClient(Settings):
    """A gateway or a dashboard that gets its tokens from the stack's own user pool, with an id and a secret."""

    name: str = Field(
        pattern=r"^[A-Z][A-Za-z0-9]{0,31}$",
        description="Its name, e.g. NorthGateway; its id is the output <name>ClientId",
    )
    scopes: frozenset[Scope] = Field(min_length=1, description="What it may do")
    chargers: Literal["*"] | frozenset[ChargerId] = Field(
        min_length=1, description="The chargers that it may do it for: ids, or `*` for all"
    )


class CognitoAuth(Settings):
    """The stack makes a Cognito user pool that vouches for the clients named here, machines all of them."""

    kind: Literal["cognito"] = Field(default="cognito", description="A user pool of the stack")
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: audiences of an authorizer.
    clients: tuple[TokenClient, ...] = Field(min_length=1, max_length=50, description="Who gets tokens")

    @model_validator(mode="after")
    def _check_clients(self) -> Self:
        names = [client.name for client in self.clients]
        if len(set(names)) < len(names):
            raise ValueError("two clients have the same name")
        # In JSON each charger has quotation marks and a comma.
        told = sum(CLIENT_BYTES + sum(len(charger) + 3 for charger in client.chargers) for client in self.clients)
        if told > LARGEST_CLIENTS_BYTES:
            raise ValueError(
                "the clients name more chargers than a function can be told of: name `*`, or use an issuer"
            )
        return self


class NoAuth(Settings):
    """Anybody may post and read anything, without a token."""

    kind: Literal["none"] = Field(default="none", description="Nobody is asked for a token")


class CustomDomain(Settings):
    """A host name of your own for the API: chargers keep the URL in their firmware, so it must outlive any one API."""

    name: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", description="The host name, e.g. telemetry.charge.com")
    certificate_arn: str = Field(
        pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/\S+$",
        description="The ACM certificate of that name, in the stage's region",
    )


class Throttle(Settings):
    """How much API Gateway lets through before it answers 429."""

    requests_per_second: int = Field(ge=1, le=10_000, description="The lasting rate; the account's default is 10,000")
    burst: int = Field(ge=1, le=5_000, description="Requests at one moment; the account's default is 5,000")


class OnDemandCapacity(Settings):
    """The table takes what comes, up to the account's quota, and each read and write is paid for."""

    kind: Literal["on_demand"] = Field(default="on_demand", description="Each read and write is paid for")


class Autoscaling(Settings):
    """How much capacity of one kind the table has: a unit is a write of 1 KB a second, or a read of 4 KB."""

    # What an account may have in a table, unless AWS raised it; the range of the target is Application Auto Scaling's.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
    minimum: int = Field(ge=1, le=40_000, description="Units that are there, and paid for, at any time")
    maximum: int = Field(ge=1, le=40_000, description="Units that it grows to; beyond, DynamoDB throttles")
    target_percent: int = Field(default=70, ge=20, le=90, description="How much of what is there is to be in use")

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"the minimum capacity, {self.minimum}, is above the maximum, {self.maximum}")
        return self


class ProvisionedCapacity(Settings):
    """The table has a capacity that is paid for by the hour and follows the traffic: cheaper where it is steady."""

    kind: Literal["provisioned"] = Field(default="provisioned", description="Capacity is paid for by the hour")
    read: Autoscaling = Field(description="For what dashboards query, and what the processor reads before it writes")
    write: Autoscaling = Field(description="For what the processor writes")


class FunctionMemory(Settings):
    """Memory of each function in MB; Lambda gives CPU in proportion, a whole one at 1,769: see docs/performance.md."""

    # The least with which what the contract allows, and the longest that an attacker can send, is done in time.
    ingest_mb: int = Field(default=512, ge=256, le=10_240, description="For what checks and queues events")
    processor_mb: int = Field(default=512, ge=512, le=10_240, description="For what judges and stores them")
    # An answer of 5 MB takes some 2 seconds of a whole CPU: with half of one it is done in time.
    query_mb: int = Field(default=1_024, ge=1_024, le=10_240, description="For what answers dashboards")


class BundleTarget(Settings):
    """What the Lambda functions run on, and so what their bundle is built for."""

    python: str = Field(pattern=r"^3\.\d+$", description="The version of Python, e.g. 3.14")
    architecture: Literal["arm64", "x86_64"] = Field(description="The processor")
    host: str | None = Field(
        default=None, description="This machine's platform, when the functions run on it; absent: Lambda's own Linux"
    )

    @classmethod
    def of_this_machine(cls) -> Self:
        """Return the Python that runs this, on the processor that it runs on."""
        machine = platform.machine().lower()
        return cls(
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            architecture="arm64" if machine in {"arm64", "aarch64"} else "x86_64",
            host=f"{sys.platform}-{machine}-{sys.implementation.cache_tag}",
        )


class StageSettings(Settings):
    """Everything that tells one stage from another."""

    name: StageName = Field(description="The stage's name; the stack is called Telemetry-<name>")
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="The AWS region, e.g. eu-central-1")
    account: str | None = Field(
        default=None,
        pattern=r"^\d{12}$",
        description="The AWS account, 12 digits; absent: that of the credentials it is deployed by",
    )
    auth: TokenIssuer | CognitoAuth | NoAuth = Field(
        discriminator="kind", description="Who vouches for chargers and dashboards; nobody may be it in `dev` alone"
    )
    custom_domain: CustomDomain | None = Field(default=None, description="A host name of your own for the API")
    cors_origins: tuple[Origin, ...] = Field(
        default=(), description="Web pages that may use the API from a browser, e.g. https://dashboard.charge.com"
    )
    ingest_throttle: Throttle = Field(description="For each route that chargers post to")
    read_throttle: Throttle = Field(description="For each route that dashboards read")
    processor_concurrency: int = Field(
        ge=2, le=1000, description="Batches processed at once (the event source's maximum concurrency)"
    )
    table_capacity: OnDemandCapacity | ProvisionedCapacity = Field(
        default=OnDemandCapacity(), discriminator="kind", description="How the table's reads and writes are paid for"
    )
    memory: FunctionMemory = Field(default=FunctionMemory(), description="How much memory, and so CPU, functions have")
    snap_start: bool = Field(
        default=False,
        description="Functions start from a snapshot (SnapStart), paid for by the start, and by the month for each "
        "version that is kept; needs gradual_deployment, since versions alone have one",
    )
    tracing: bool = Field(
        default=True,
        description="AWS X-Ray traces the functions: a request a second and 5 % of the others, which none can change",
    )
    retention_days: int | None = Field(
        default=None, ge=1, description="Days that a silent charger's latest telemetry is kept; absent: for ever"
    )
    stale_after_minutes: int = Field(
        default=20, ge=1, description="Minutes of silence after which a charger's telemetry is said to be stale"
    )
    retain_data: bool = Field(description="Table, queues, keys and logs stay in the account when the stack is deleted")
    deletion_protection: bool = Field(description="The table and the stack can't be deleted until this is turned off")
    point_in_time_recovery: bool = Field(description="The table can be restored to any second of the last 35 days")
    gradual_deployment: bool = Field(
        default=False,
        description="New code gets a tenth of the traffic for some minutes first, and none of it again where it fails",
    )
    log_retention_days: LogRetentionDays = Field(description="Days that logs are kept")
    alarm_emails: tuple[EmailAddress, ...] = Field(
        default=(), description="E-mail addresses that are told of an alarm; each has to confirm its subscription once"
    )
    findings_alarm_percent: int = Field(
        default=10,
        ge=1,
        le=99,
        description="Percent of the telemetry that may have findings before somebody is told; raise it above what is "
        "usual for the fleet",
    )
    # A day is the longest that an alarm on minutes looks back.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    silence_alarm_minutes: int | None = Field(
        default=None,
        ge=1,
        le=1440,
        description="Minutes without any telemetry after which somebody is told; absent: the stage expects none",
    )
    runbook_url: HttpsUrl = Field(description="Where docs/runbook.md can be read, HTTPS: alarms link to it")
    operator_roles: tuple[RoleName, ...] = Field(
        default=("TelemetryOperator",),
        min_length=1,
        description="IAM roles, e.g. TelemetryOperator, whose people may mend what is in the DLQ and restore the table",
    )
    bundle_target: BundleTarget = Field(
        default=BundleTarget(python="3.14", architecture="arm64"), description="What the functions run on"
    )
    left_out: frozenset[AwsOnly] = Field(default=frozenset(), description="What the emulator can't do; `local` only")

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return f"Telemetry-{self.name}"

    @property
    def held_to_nist(self) -> bool:
        """Whether the stack keeps NIST 800-53: it asks for what costs money and protects data that matters."""
        return self.name in {"staging", "prod"}

    def example_values(self) -> list[str]:
        """Return `setting = value` for each setting that still holds an `.example` value."""
        settings = _texts(self.model_dump(mode="json"), "")
        return [f"{path} = {value}" for path, value in settings if EXAMPLE.search(value)]

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        rules = {
            "only dev may be without auth": not isinstance(self.auth, NoAuth) or self.name == "dev",
            # Its tools make the tokens themselves.
            "local must have a TokenIssuer": isinstance(self.auth, TokenIssuer) or self.name != "local",
            "only local may trust an issuer on this machine": (
                not isinstance(self.auth, TokenIssuer) or not self.auth.on_this_machine or self.name == "local"
            ),
            # Services have other host names there: amazonaws.com.cn, and those of the isolated partitions.
            f"region can't be {self.region!r}: the stack is for regions whose services are below amazonaws.com": (
                not self.region.startswith("cn-") and "-iso" not in self.region
            ),
            "only local may leave anything out": not self.left_out or self.name == "local",
            "local can't set gradual_deployment": not (self.gradual_deployment and AwsOnly.CODEDEPLOY in self.left_out),
            "snap_start needs gradual_deployment": self.gradual_deployment or not self.snap_start,
            "only local runs on this machine": self.bundle_target.host is None or self.name == "local",
        }
        if self.name == "prod":
            rules |= {
                "prod must set retain_data": self.retain_data,
                "prod must set deletion_protection": self.deletion_protection,
                "prod must set point_in_time_recovery": self.point_in_time_recovery,
                "prod must set gradual_deployment": self.gradual_deployment,
                "prod must name someone in alarm_emails": bool(self.alarm_emails),
                "prod must name its operator_roles": all(re.search(r"\w", role) for role in self.operator_roles),
                "prod must set silence_alarm_minutes": self.silence_alarm_minutes is not None,
                "prod must refuse tokens_without_claim": (
                    not isinstance(self.auth, TokenIssuer) or self.auth.tokens_without_claim == "refused"
                ),
            }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError("; ".join(broken))
        return self


def stage_settings(name: str | None, *, local_port: int) -> StageSettings:
    """Return the settings of a stage.

    Args:
        name: the stage's name, None where none was given.
        local_port: the TCP port of the emulator, which only stage `local` needs.

    Raises:
        UnknownStageError: there is no such stage.
        InvalidStageError: a setting, or several together, break a rule.
    """
    try:
        match name:
            case "local":
                return local(local_port)
            case "dev":
                return dev()
            case "staging":
                return staging()
            case "prod":
                return prod()
            case _:
                asked = "no stage was given" if name is None else f"there is no stage {name!r}"
                raise UnknownStageError(f"{asked}; say -c stage=STAGE with one of: {', '.join(STAGE_NAMES)}")
    except ValidationError as error:
        raise InvalidStageError(f"stage {name} in telemetry_stack/stages.py: {_told(error)}") from error


def local(port: int) -> StageSettings:
    """Return the stage that runs on a laptop, in the emulator that listens on this port."""
    return StageSettings(
        name="local",
        region="us-east-1",
        account="000000000000",
        auth=TokenIssuer(
            url=f"http://127.0.0.1:{port}/telemetry-issuer", audience=("telemetry",), chargers_claim="chargers"
        ),
        ingest_throttle=Throttle(requests_per_second=100, burst=100),
        read_throttle=Throttle(requests_per_second=100, burst=100),
        processor_concurrency=2,
        retention_days=30,
        retain_data=False,
        deletion_protection=False,
        point_in_time_recovery=False,
        log_retention_days=1,
        runbook_url="https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
        bundle_target=BundleTarget.of_this_machine(),
        left_out=frozenset(AwsOnly),
    )


def dev() -> StageSettings:
    """Return the stage that engineers try things on."""
    return StageSettings(
        name="dev",
        region="eu-central-1",
        auth=TokenIssuer(
            url="https://issuer.dev.example/",
            audience=("telemetry",),
            chargers_claim="chargers",
            tokens_without_claim="all",
        ),
        ingest_throttle=Throttle(requests_per_second=50, burst=100),
        read_throttle=Throttle(requests_per_second=50, burst=100),
        processor_concurrency=5,
        retention_days=30,
        retain_data=False,
        deletion_protection=False,
        point_in_time_recovery=False,
        log_retention_days=7,
        # Whoever signs in: the account has no data but that of trials.
        operator_roles=("*",),
        runbook_url="https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    )


def staging() -> StageSettings:
    """Return the stage that a release is proved on: as `prod`, but smaller, and its data may be lost."""
    return StageSettings(
        name="staging",
        region="eu-central-1",
        auth=TokenIssuer(url="https://issuer.staging.example/", audience=("telemetry",), chargers_claim="chargers"),
        ingest_throttle=Throttle(requests_per_second=500, burst=1_000),
        read_throttle=Throttle(requests_per_second=100, burst=200),
        processor_concurrency=20,
        retention_days=90,
        retain_data=False,
        deletion_protection=False,
        point_in_time_recovery=True,
        # 5 % of what chargers post would be traced, for a tenth of the whole cost and more: see docs/cost.md.
        tracing=False,
        gradual_deployment=True,
        log_retention_days=30,
        alarm_emails=("telemetry-staging@team.example",),
        runbook_url="https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    )


def prod() -> StageSettings:
    """Return the stage that chargers in the field post to."""
    return StageSettings(
        name="prod",
        region="eu-central-1",
        auth=TokenIssuer(url="https://issuer.example/", audience=("telemetry",), chargers_claim="chargers"),
        # 100,000 chargers that post each 30 seconds are 3,334 requests a second.
        ingest_throttle=Throttle(requests_per_second=4_000, burst=5_000),
        read_throttle=Throttle(requests_per_second=500, burst=1_000),
        processor_concurrency=100,
        retain_data=True,
        deletion_protection=True,
        point_in_time_recovery=True,
        # 5 % of what chargers post would be traced, for a tenth of the whole cost and more: see docs/cost.md.
        tracing=False,
        gradual_deployment=True,
        log_retention_days=90,
        alarm_emails=("telemetry-on-call@team.example",),
        # Half of `stale_after_minutes`: somebody knows before dashboards call every charger stale.
        silence_alarm_minutes=10,
        runbook_url="https://github.example/telemetry-foundation/blob/main/docs/runbook.md",
    )


def _told(error: ValidationError) -> str:
    """Return on one line, in the words of this file, what is wrong with which setting."""
    (model,) = (each for each in Settings.__subclasses__() if each.__name__ == error.title)
    prefix = "" if model is StageSettings else f"{error.title}."
    told: list[str] = []
    for each in error.errors():
        # What follows the setting's name is an index, or Pydantic's name of one of the types that it may have.
        field, *inner = each["loc"] or ("",)
        name = f"{prefix}{field}{''.join(f'[{index}]' for index in inner if isinstance(index, int))}"
        match each["type"]:
            case "value_error":
                told.append(each["msg"].removeprefix("Value error, "))
            case "extra_forbidden":
                told.append(f"there is no setting {name}")
            case "missing":
                told.append(f"{name} is missing")
            case "string_pattern_mismatch":
                told.append(f"{name} can't be {each['input']!r}: {model.model_fields[str(field)].description}")
            case _:
                told.append(f"{name} can't be {each['input']!r}: {each['msg']}")
    # A URL that fits neither of two patterns is one mistake.
    return "; ".join(dict.fromkeys(told))


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield each string in what Pydantic dumped as JSON, with where it stands, e.g. `alarm_emails[0]`."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from _texts(item, f"{path}.{key}".removeprefix("."))
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _texts(item, f"{path}[{index}]")
