"""What is watched, how it is shown, and who is told."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from telemetry_stack.constructs.alarms import Alarms
from telemetry_stack.constructs.dashboard import TelemetryDashboard
from telemetry_stack.constructs.metrics import PERIOD, Watched
from telemetry_stack.constructs.operations import Operations
from telemetry_stack.constructs.reasons import give_reason
from telemetry_stack.constructs.saved_queries import SavedQueries
from telemetry_stack.constructs.telemetry_function import METRICS_NAMESPACE
from telemetry_stack.stages import AwsOnly, StageSettings


class Monitoring(Construct):
    """A topic, encrypted, that each alarm tells of its changes, the alarms, a dashboard, and queries of the logs.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        settings: the stage's settings.
        operations: whose key encrypts the topic.
        tls_only: whether the topic refuses plain HTTP.
        watched: the resources that are watched.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is something that it works with
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        operations: Operations,
        tls_only: bool,
        watched: Watched,
    ) -> None:
        super().__init__(scope, construct_id)
        topic = self._alarm_topic(operations, settings.alarm_emails, tls_only=tls_only)
        throttled = self._count("ApiThrottled", "RequestsThrottled", HTTPStatus.TOO_MANY_REQUESTS, watched=watched)
        refused = self._count(
            "ApiRefused", "RequestsRefused", HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, watched=watched
        )
        self._alarms = Alarms(self, settings=settings, topic=cast("sns.ITopic", topic))
        self._alarms.watch(watched, throttled)
        self._dashboard = TelemetryDashboard(
            self,
            "Dashboard",
            watched=watched,
            throttled=throttled,
            refused=refused,
            alarms=self._alarms.made,
            runbook_url=settings.runbook_url,
        )
        if AwsOnly.SAVED_QUERIES not in settings.left_out:
            SavedQueries(self, "Queries", watched=watched)

    @property
    def alarms(self) -> Alarms:
        """What makes alarms."""
        return self._alarms

    @property
    def dashboard_name(self) -> str:
        """The dashboard's name in CloudWatch."""
        return self._dashboard.name

    def _alarm_topic(self, operations: Operations, emails: Sequence[str], *, tls_only: bool) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", master_key=operations.key, enforce_ssl=tls_only)
        # Any policy replaces the default one, which would let this account's alarms publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[cast("iam.IPrincipal", iam.ServicePrincipal("cloudwatch.amazonaws.com"))],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        give_reason(
            cast("Construct", topic.node.find_child("Policy")),
            "AlarmsOfThisAccount",
            "An alarm tells of its changes; no other account's alarm, and nobody else, may",
        )
        for email in emails:
            subscription = topic.add_subscription(
                cast("sns.ITopicSubscription", subscriptions.EmailSubscription(email))
            )
            Validations.of(subscription).acknowledge(
                Acknowledgment(
                    id="Serverless-SNSRedrivePolicy",
                    reason="An alarm's e-mail that could not be delivered is stale by then; CloudWatch shows the alarm",
                )
            )
        return topic

    def _count(self, construct_id: str, metric_name: str, *statuses: int, watched: Watched) -> cloudwatch.Metric:
        """Return the number of requests that were answered with one of these statuses, by the access log.

        An HTTP API has one metric of all that were 4xx.
        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
        """
        counted = logs.MetricFilter(
            self,
            construct_id,
            log_group=watched.access_log,
            filter_pattern=logs.FilterPattern.any(
                *(logs.FilterPattern.string_value("$.status", "=", str(status)) for status in statuses)
            ),
            metric_namespace=METRICS_NAMESPACE,
            metric_name=metric_name,
            # Stages may share an account.
            dimensions={"stage": "$.stage"},
        )
        return counted.metric(dimensions_map={"stage": watched.stage}, statistic="Sum", period=PERIOD)
