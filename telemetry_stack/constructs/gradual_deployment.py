"""How new code is put in the place of the old: a tenth of the traffic first, and back where it fails."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Acknowledgment, CfnElement, Duration, Stack, Token, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from telemetry_stack.constructs.alarms import Alarms
from telemetry_stack.constructs.permissions import Permissions
from telemetry_stack.constructs.telemetry_function import METRICS_NAMESPACE
from telemetry_stack.stages import StageName

# An alarm sees an error within three minutes: Lambda's metrics come each minute, and so does its evaluation. A tenth of
# 100,000 chargers that post each 30 seconds is 100,000 requests in five minutes. Longer, and a fix would be as long in
# coming.
CANARY = codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES
MINUTE = Duration.minutes(1)

# Of its actions ours needs those on aliases and alarms: nothing here is told by SNS, kept in S3, or tried by a hook.
AWS_OWN_POLICY = "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambda.html"
ALARM_PERMISSIONS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/permissions-reference-cw.html"


class GradualDeployment(Construct):
    """CodeDeploy moves each function's alias to a new version, and back where an alarm of that version rings.

    The alarms watch the new version alone. On those of the function, which count the old version too, CodeDeploy would
    refuse to deploy the fix of a fault that rings.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        stage: the stage's name.
        alarms: what makes alarms.
        ingest: the alias of the function that puts messages on the queue: it follows the processor's, so that what new
            code sends, new code reads.
        processor: the alias of the function that reads them.
        query: the alias of the function that answers dashboards.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a resource that it works with
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageName,
        alarms: Alarms,
        ingest: lambda_.Alias,
        processor: lambda_.Alias,
        query: lambda_.Alias,
    ) -> None:
        super().__init__(scope, construct_id)
        self._alarms = alarms
        self._application = codedeploy.LambdaApplication(self, "Application")
        self._role, self._permissions = self._role_of_codedeploy()
        faults = cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name="UnforeseenErrors",
            dimensions_map={"service": "processor", "stage": stage, "version": processor.version.version},
            statistic="Sum",
            period=MINUTE,
        )
        self._deploy("Ingest", ingest, [self._errors("Ingest", ingest)])
        self._deploy(
            "Processor",
            processor,
            [
                self._errors("Processor", processor),
                # A message that our code fails at is no error of the invocation: it is delivered again, by itself.
                self._alarm("Processor", processor, "Faults", faults, "failed at messages"),
            ],
        )
        self._deploy("Query", query, [self._errors("Query", query)])
        ingest.node.add_dependency(processor)

    def _role_of_codedeploy(self) -> tuple[iam.Role, Permissions]:
        stack = Stack.of(self)
        groups = f"deploymentgroup:{self._application.application_name}/*"
        role = iam.Role(
            self,
            "Role",
            assumed_by=cast(
                "iam.IPrincipal",
                iam.ServicePrincipal(
                    "codedeploy.amazonaws.com",
                    # https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {
                            "aws:SourceArn": f"arn:{stack.partition}:codedeploy:{stack.region}:{stack.account}:{groups}"
                        },
                    },
                ),
            ),
        )
        permissions = Permissions(
            self, "Permissions", role=role, description="What CodeDeploy may do with the functions' aliases"
        )
        alarms = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:*"
        permissions.allow(
            "cloudwatch:DescribeAlarms",
            on=alarms,
            why="It looks at the alarms of a new version; AWS asks for this on all alarms of the account and region, "
            f"whichever are looked at ({ALARM_PERMISSIONS})",
        )
        # The rule's name for an account that only the deployment will tell.
        named = alarms.replace(stack.account, "<AWS::AccountId>") if Token.is_unresolved(stack.account) else alarms
        Validations.of(permissions).acknowledge(
            Acknowledgment(
                id=f"AwsSolutions-IAM5[Resource::{named}]",
                reason="AWS asks for DescribeAlarms on all alarms of the account and region, whichever are looked at",
            )
        )
        return role, permissions

    def _deploy(self, name: str, alias: lambda_.Alias, alarms: Sequence[cloudwatch.Alarm]) -> None:
        """Let CodeDeploy, and nothing else, move the alias; a failure moves it back, and fails the stack's update."""
        self._permissions.allow(
            "lambda:GetAlias",
            "lambda:UpdateAlias",
            on=alias.lambda_.function_arn,
            why=f"It moves the alias to the new version, and back ({AWS_OWN_POLICY})",
        )
        self._permissions.allow(
            "lambda:GetProvisionedConcurrencyConfig",
            # The alias's own ARN would have it made before this permission, and so before it may be moved.
            on=f"{alias.lambda_.function_arn}:{alias.alias_name}",
            why=f"It waits for concurrency that is provisioned, and so asks whether any is ({AWS_OWN_POLICY})",
        )
        group = codedeploy.LambdaDeploymentGroup(
            self,
            name,
            application=self._application,
            alias=alias,
            # Else the CDK would attach a policy of AWS's, with all functions of the account.
            role=self._role.without_policy_updates(),
            deployment_config=CANARY,
            alarms=[cast("cloudwatch.IAlarm", alarm) for alarm in alarms],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )
        # The alias moves after its group, which it names: by then the group knows the new version's alarms.
        group.node.add_dependency(self._permissions)

    def _errors(self, name: str, alias: lambda_.Alias) -> cloudwatch.Alarm:
        """Return the alarm on the errors of the invocations that the alias led to the new version."""
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
        errors = alias.lambda_.metric_errors(
            period=MINUTE,
            dimensions_map={
                "FunctionName": alias.lambda_.function_name,
                "Resource": f"{alias.lambda_.function_name}:{alias.alias_name}",
                "ExecutedVersion": alias.version.version,
            },
        )
        return self._alarm(name, alias, "Errors", errors, "crashed or ran out of time")

    def _alarm(
        self, name: str, alias: lambda_.Alias, kind: str, metric: cloudwatch.Metric, did: str
    ) -> cloudwatch.Alarm:
        alarm = self._alarms.add(
            f"{name}Version{kind}",
            metric,
            tells=f"The version of the {name.lower()} function that was deployed last {did}: "
            "if its deployment is under way, it is rolled back",
            means="What met it comes again. Nothing that was acknowledged is lost",
            section="rolled-back",
            # A new one is over before it begins, at each deployment.
            tells_when_over=False,
        )
        # With each version a new alarm: one that is changed keeps its state, and would stop the fix of what rings.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        version = cast("CfnElement", alias.version.node.default_child)
        cast("CfnElement", alarm.node.default_child).override_logical_id(f"{version.logical_id}{kind}")
        return alarm
