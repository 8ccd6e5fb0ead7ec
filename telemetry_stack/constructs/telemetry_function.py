"""The one way a Lambda function is made here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from telemetry_stack.constructs.operations import Operations
from telemetry_stack.constructs.reasons import give_reason
from telemetry_stack.stages import StageSettings

METRICS_NAMESPACE = "Telemetry"
EXECUTION_ROLE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"
TRACES = "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html"


@dataclass(frozen=True, kw_only=True)
class FunctionPlatform:
    """What all functions of a stack have in common."""

    settings: StageSettings
    code: lambda_.Code
    operations: Operations


THIS_MACHINES_PYTHON = "It runs on this machine's own Python, whichever that is"
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
    It is all in one managed policy, which AWS keeps the versions of.

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
        self._memory_mb = memory_mb
        self._log = platform.operations.log_group(self, "Logs")
        self._role = iam.Role(
            self, "Role", assumed_by=cast("iam.IPrincipal", iam.ServicePrincipal("lambda.amazonaws.com"))
        )
        self._policy = iam.ManagedPolicy(
            self,
            "Permissions",
            description=f"What the function {service} may do",
            roles=[cast("iam.IRole", self._role)],
        )
        self._grants = 0
        self.allow(
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            on=self._log.log_group_arn,
            why=f"Lambda writes the function's log in its name, to its own log group alone ({EXECUTION_ROLE})",
        )
        self.allow(
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            on="*",
            why=f"Lambda sends the traces of requests; neither action has a resource that could be named ({TRACES})",
        )
        function = lambda_.Function(
            self,
            "Function",
            description=f"Telemetry {settings.name}: {service}",
            code=platform.code,
            handler=f"{service}.handler.handler",
            runtime=lambda_.Runtime(f"python{settings.bundle_target.python}", lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.custom(settings.bundle_target.architecture),
            # Else the CDK would give the role an inline policy for the traces.
            role=self._role.without_policy_updates(),
            log_group=self._log,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda's own lines about each invocation that went well cost as much as ours. What is given up is the
            # memory that was used and the time of a cold start; the trace of a request has the latter.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=timeout,
            memory_size=memory_mb,
            environment={
                "STAGE": settings.name,
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                **environment,
            },
        )
        # Without it the first invocations, and the event source's own check, would find a role that may do nothing.
        function.node.add_dependency(self._policy)
        Validations.of(self._policy).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="X-Ray's PutTraceSegments and PutTelemetryRecords have no resource that could be named",
            )
        )
        Validations.of(function).acknowledge(
            Acknowledgment(id="Serverless-LambdaDLQ", reason=NO_DEAD_LETTER_TARGET),
            Acknowledgment(id="NIST.800.53.R5-LambdaDLQ", reason=NO_DEAD_LETTER_TARGET),
            Acknowledgment(id="NIST.800.53.R5-LambdaConcurrency", reason=BOUNDED_BY_ITS_CALLER),
            Acknowledgment(id="NIST.800.53.R5-LambdaInsideVPC", reason=NOTHING_IN_A_VPC),
        )
        if settings.bundle_target.host:
            Validations.of(function).acknowledge(
                Acknowledgment(id="AwsSolutions-L1", reason=THIS_MACHINES_PYTHON),
                Acknowledgment(id="Serverless-LambdaLatestVersion", reason=THIS_MACHINES_PYTHON),
            )
        self._function = cast("lambda_.IFunction", function)

    @property
    def function(self) -> lambda_.IFunction:
        """The function itself."""
        return self._function

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
        self._grants += 1
        sid = f"Grant{self._grants}"
        self._policy.add_statements(iam.PolicyStatement(sid=sid, actions=list(actions), resources=[on]))
        give_reason(self._policy, sid, why)
