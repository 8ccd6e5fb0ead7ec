"""The one way a Lambda function is made here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from telemetry_stack.constructs.encryption_key import ServiceKey
from telemetry_stack.constructs.operations import Operations
from telemetry_stack.constructs.permissions import Permissions
from telemetry_stack.stages import StageSettings

METRICS_NAMESPACE = "Telemetry"
EXECUTION_ROLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"
TRACES = "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"
LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class FunctionPlatform:
    """What all functions of a stack have in common."""

    settings: StageSettings
    code: lambda_.Code
    operations: Operations


THIS_MACHINES_PYTHON = "It runs on this machine's own Python, whichever that is"
NOT_TRACED = "The stage is not to pay for traces, which Lambda takes of 5 % of all invocations"
NO_DEAD_LETTER_TARGET = "Only invocations that nobody waits for have one; the API and the queue wait for each of these"
BOUNDED_BY_ITS_CALLER = (
    "Its caller bounds it, without taking from what the account's functions share: "
    "the throttles of the API's routes, the event source's maximum concurrency"
)
NOTHING_IN_A_VPC = (
    "It calls AWS services alone, over TLS and by its role, and nothing can connect to it: a VPC would add network "
    "interfaces and endpoints to keep, and protect nothing"
)


class TelemetryFunction(Construct):
    """A function with a role and a log group of its own.

    The role may write to that log group and send traces. Whatever else it may do, the stack says with `allow`.
    It is all in one managed policy, which AWS keeps the versions of, but for the traces: they can name no resource.

    Where the stage is deployed gradually, each deployment publishes a version, and whoever invokes the function does so
    by its alias `live`, which leads to one version or, during a deployment, to two.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        platform: what all functions of the stack have in common.
        service: the package in `lambdas/` that has the handler, and the function's name in logs and metrics.
        timeout: how long one invocation may take.
        memory_mb: the memory; Lambda gives CPU in proportion, a whole one at 1,769 MB.
        environment: variables beyond those that every function has.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a property of the function
        self,
        scope: Construct,
        construct_id: str,
        *,
        platform: FunctionPlatform,
        service: str,
        timeout: Duration,
        memory_mb: int,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        settings = platform.settings
        self._service = service
        self._memory_mb = memory_mb
        self._log = platform.operations.log_group(self, "Logs")
        self._role = iam.Role(
            self, "Role", assumed_by=cast("iam.IPrincipal", iam.ServicePrincipal("lambda.amazonaws.com"))
        )
        self._permissions = Permissions(
            self, "Permissions", role=self._role, description=f"What the function {service} may do"
        )
        self.allow(
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            on=self._log.log_group_arn,
            why=f"Lambda writes the function's log in its name, to its own log group alone ({EXECUTION_ROLE})",
        )
        self._function = lambda_.Function(
            self,
            "Function",
            description=f"Telemetry {settings.name}: {service}",
            code=platform.code,
            handler=f"{service}.handler.handler",
            # Every Python that Lambda has today can start from a snapshot.
            # https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
            runtime=lambda_.Runtime(
                f"python{settings.bundle_target.python}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=True
            ),
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if settings.snap_start else None,
            architecture=lambda_.Architecture.custom(settings.bundle_target.architecture),
            # Else the CDK would give the role an inline policy for the traces.
            role=self._role.without_policy_updates(),
            log_group=self._log,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda's own lines about each invocation that went well cost as much as ours. What is given up is the
            # memory that was used and the time of a cold start; the trace of a request has the latter.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE if settings.tracing else lambda_.Tracing.PASS_THROUGH,
            timeout=timeout,
            memory_size=memory_mb,
            environment={
                "STAGE": settings.name,
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                **environment,
            },
            # An operator can go back to it. One whose deployment failed goes with its stack's roll-back: were it kept,
            # Lambda would refuse to publish the same code again, since its latest version has it already.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE),
        )
        # Without it the first invocations, and the event source's own check, would find a role that may do nothing.
        self._function.node.add_dependency(self._permissions)
        if settings.tracing:
            self._allow_traces()
        else:
            Validations.of(self._function).acknowledge(Acknowledgment(id="Serverless-LambdaTracing", reason=NOT_TRACED))
        Validations.of(self._function).acknowledge(
            Acknowledgment(id="Serverless-LambdaDLQ", reason=NO_DEAD_LETTER_TARGET),
        )
        if settings.bundle_target.host:
            Validations.of(self._function).acknowledge(
                Acknowledgment(id="AwsSolutions-L1", reason=THIS_MACHINES_PYTHON),
                Acknowledgment(id="Serverless-LambdaLatestVersion", reason=THIS_MACHINES_PYTHON),
            )
        if settings.held_to_nist:
            Validations.of(self._function).acknowledge(
                Acknowledgment(id="NIST.800.53.R5-LambdaDLQ", reason=NO_DEAD_LETTER_TARGET),
                Acknowledgment(id="NIST.800.53.R5-LambdaConcurrency", reason=BOUNDED_BY_ITS_CALLER),
                Acknowledgment(id="NIST.800.53.R5-LambdaInsideVPC", reason=NOTHING_IN_A_VPC),
            )
        self._alias: lambda_.Alias | None = None
        if settings.gradual_deployment:
            self._alias = lambda_.Alias(
                self, "Alias", alias_name=LIVE, version=cast("lambda_.IVersion", self._function.current_version)
            )

    @property
    def function(self) -> lambda_.IFunction:
        """The function itself: its name, its metrics."""
        return cast("lambda_.IFunction", self._function)

    @property
    def alias(self) -> lambda_.Alias | None:
        """The alias `live`; None where the stage is not deployed gradually."""
        return self._alias

    @property
    def invoked(self) -> lambda_.IFunction:
        """What the API and the event source invoke: the alias, or the function itself where it has none."""
        return cast("lambda_.IFunction", self._alias or self._function)

    @property
    def log(self) -> logs.LogGroup:
        """Where the function logs."""
        return self._log

    @property
    def memory_mb(self) -> int:
        """The memory that it is billed for."""
        return self._memory_mb

    def allow(self, *actions: str, on: str, why: str) -> None:
        """Let the function do exactly these actions on exactly this resource (an ARN), and say why it has to."""
        self._permissions.allow(*actions, on=on, why=why)

    def allow_key(self, *actions: str, key: ServiceKey, why: str) -> None:
        """Let the function do exactly these actions with a key: its own policy says so, and that of the key."""
        self.allow(*actions, on=key.key_arn, why=why)
        key.admit_role(self._service.capitalize(), self._role, actions, why=why)

    def _allow_traces(self) -> None:
        traces = Permissions(
            self, "Traces", role=self._role, description=f"The function {self._service} may send traces"
        )
        without_resource = "Lambda sends the traces of requests; neither action has a resource that could be named"
        traces.allow("xray:PutTraceSegments", "xray:PutTelemetryRecords", on="*", why=f"{without_resource} ({TRACES})")
        Validations.of(traces).acknowledge(Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=without_resource))
        self._function.node.add_dependency(traces)
