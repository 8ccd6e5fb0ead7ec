"""The alarms, and who is told of them."""

from collections.abc import Mapping, Sequence
from typing import cast

from aws_cdk import Acknowledgment, Duration, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from telemetry_stack.constructs.operations import Operations
from telemetry_stack.constructs.reasons import give_reason
from telemetry_stack.constructs.telemetry_function import METRICS_NAMESPACE
from telemetry_stack.stages import StageSettings

# What the functions do with the table: DynamoDB counts its own errors by operation.
TABLE_OPERATIONS = ("BatchGetItem", "PutItem")
# A dashboard that is five minutes behind is no longer live, and a charger that failed twice is retried by then.
QUEUE_BEHIND_SECONDS = 300
# SQS, Lambda and the metric filter report each minute; five of them keep one event from being two alarms.
PERIOD = Duration.minutes(5)


class Monitoring(Construct):
    """A topic, encrypted, that each alarm tells of its changes, and the alarms.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        settings: the stage's settings.
        operations: whose key encrypts the topic.
        tls_only: whether the topic refuses plain HTTP.
        queue: the queue between ingest and the processor.
        dead_letter_queue: where the messages go that could not be processed.
        table_name: the table of the latest telemetry.
        functions: each function, by the name that its alarms have.
        access_log: the API's, where its 429s are counted.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a resource that is watched
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        operations: Operations,
        tls_only: bool,
        queue: sqs.IQueue,
        dead_letter_queue: sqs.IQueue,
        table_name: str,
        functions: Mapping[str, lambda_.IFunction],
        access_log: logs.ILogGroup,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = settings.name
        self._runbook_url = settings.runbook_url
        topic = self._alarm_topic(operations, settings.alarm_emails, tls_only=tls_only)
        self._action = cast("cloudwatch.IAlarmAction", actions.SnsAction(cast("sns.ITopic", topic)))
        self._watch_queues(queue, dead_letter_queue)
        self._watch_functions(functions)
        self._watch_api(access_log)
        self._watch_table(table_name)

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

    def _watch_queues(self, queue: sqs.IQueue, dead_letter_queue: sqs.IQueue) -> None:
        minute = Duration.minutes(1)
        self.alarm(
            "DeadLetters",
            dead_letter_queue.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum"),
            tells="Messages are in the dead-letter queue",
            section="dead-letters",
        )
        self.alarm(
            "QueueBehind",
            queue.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum"),
            above=QUEUE_BEHIND_SECONDS,
            periods=3,
            tells="The oldest message on the queue waits for more than five minutes",
            section="queue-behind",
        )

    def _watch_functions(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        for name, function in functions.items():
            self.alarm(
                f"{name}Errors",
                function.metric_errors(period=PERIOD),
                tells=f"The {name.lower()} function crashed or ran out of time",
                section="function-errors",
            )
            self.alarm(
                f"{name}Throttles",
                function.metric_throttles(period=PERIOD),
                tells=f"Lambda refused to run the {name.lower()} function",
                section="function-throttles",
            )
        self.alarm(
            "SendsRefused",
            cloudwatch.Metric(
                namespace=METRICS_NAMESPACE,
                metric_name="SendsRefused",
                dimensions_map={"service": "ingest", "stage": self._stage},
                statistic="Sum",
                period=PERIOD,
            ),
            tells="SQS refused what ingest sent, or did not answer, and chargers were told to send again",
            section="sends-refused",
        )

    def _watch_api(self, access_log: logs.ILogGroup) -> None:
        # An HTTP API has no metric of the requests that it throttled.
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
        throttled = logs.MetricFilter(
            self,
            "ApiThrottled",
            log_group=access_log,
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
            metric_namespace=METRICS_NAMESPACE,
            metric_name="RequestsThrottled",
            # Stages may share an account.
            dimensions={"stage": "$.stage"},
        )
        self.alarm(
            "ApiThrottles",
            throttled.metric(dimensions_map={"stage": self._stage}, statistic="Sum", period=PERIOD),
            tells="API Gateway answered requests with 429, more than the stage's throttle",
            section="api-throttles",
        )

    def _watch_table(self, table_name: str) -> None:
        for direction in ("Read", "Write"):
            self.alarm(
                f"Table{direction}Throttles",
                _table_metric(f"{direction}ThrottleEvents", {"TableName": table_name}),
                tells=f"DynamoDB throttled a {direction.lower()}",
                section="table-throttles",
            )
        for operation in TABLE_OPERATIONS:
            self.alarm(
                f"Table{operation}Errors",
                _table_metric("SystemErrors", {"TableName": table_name, "Operation": operation}),
                tells=f"DynamoDB failed at {operation}",
                section="table-errors",
            )

    def alarm(  # noqa: PLR0913 - keyword-only, and each is a property of the alarm
        self,
        construct_id: str,
        metric: cloudwatch.Metric,
        *,
        tells: str,
        section: str,
        above: int = 0,
        periods: int = 1,
        tells_when_over: bool = True,
    ) -> cloudwatch.Alarm:
        """Make an alarm.

        Args:
            construct_id: its id.
            metric: what it watches.
            tells: what happened when it rings, a sentence without its full stop.
            section: the heading in the runbook that says what to do.
            above: what it rings above.
            periods: for how many periods on end.
            tells_when_over: whether the end is told too, as well as the ring.
        """
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            threshold=above,
            evaluation_periods=periods,
            # All of these metrics are only reported while something happens.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{self._stage}: {tells}. What to do: {self._runbook_url}#{section}",
        )
        alarm.add_alarm_action(self._action)
        if tells_when_over:
            alarm.add_ok_action(self._action)
        return alarm


def _table_metric(name: str, dimensions: dict[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB", metric_name=name, dimensions_map=dimensions, statistic="Sum", period=PERIOD
    )
