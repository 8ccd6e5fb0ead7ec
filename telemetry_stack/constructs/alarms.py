"""The alarms: what each watches, and what it says at night to somebody who has not read this."""

from typing import cast

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from telemetry_stack.constructs.metrics import MINUTE, PERIOD, Watched
from telemetry_stack.constructs.telemetry_queue import RETENTION
from telemetry_stack.stages import StageSettings

# What the functions do with the table: DynamoDB counts its own errors by operation.
TABLE_OPERATIONS = ("BatchGetItem", "PutItem")
# A dashboard that is five minutes behind is no longer live, and a charger that failed twice is retried by then.
QUEUE_BEHIND_SECONDS = 300
# Of the 14 days that SQS keeps a dead letter: over a long weekend and a few days of work, four are left to mend it.
EXPIRING_DAYS = 10
# What passes by itself within five minutes (a deployment's cold starts, a partition that splits) wakes nobody, whenever
# the periods begin.
LASTING_PERIODS = 3
# So long does a call that SQS does not answer take until it is made again (`lambdas/telemetry/aws_clients.py`): beyond,
# one post in a hundred needs a second call, or the function lacks CPU. Without either it takes some tens of ms.
SLOW_POST_MILLISECONDS = 2_000
# What passes by itself has passed by then: the tenth receive is four minutes after the first
# (`lambdas/processor/redelivery.py`).
MANY_RECEIVES = 10
# Chargers that post each 30 seconds, as the throttle of `prod` assumes, have posted twice again by then.
LATE_MILLISECONDS = 60_000


class Alarms:
    """Makes alarms, each on one metric (ADR 0007), with an action, a link to the runbook, and a meaning of no data.

    Args:
        scope: the construct that they belong to.
        settings: the stage's settings.
        topic: what is told when an alarm rings, and when it is over.
    """

    def __init__(self, scope: Construct, *, settings: StageSettings, topic: sns.ITopic) -> None:
        self._scope = scope
        self._settings = settings
        self._action = cast("cloudwatch.IAlarmAction", actions.SnsAction(topic))
        self._made: list[cloudwatch.IAlarm] = []

    @property
    def made(self) -> list[cloudwatch.IAlarm]:
        """Those that were made, in order."""
        return list(self._made)

    def add(  # noqa: PLR0913 - keyword-only, and each is a property of the alarm
        self,
        construct_id: str,
        metric: cloudwatch.Metric,
        *,
        tells: str,
        means: str,
        section: str,
        above: float = 0,
        below: float | None = None,
        periods: int = 1,
        tells_when_over: bool = True,
    ) -> cloudwatch.Alarm:
        """Make an alarm.

        Args:
            construct_id: the id within the scope.
            metric: what it watches.
            tells: what has happened, a sentence without its full stop.
            means: what that is to chargers and dashboards, and whether anything is lost; the same.
            section: the section of the runbook that says what to do.
            above: it rings above this. No data is well then: such metrics are reported only while something happens.
            below: it rings below this, and not above `above`. No data is then as bad as can be.
            periods: of the metric, each of which has to be so.
            tells_when_over: whether the end is told too, as well as the ring.
        """
        alarm = cloudwatch.Alarm(
            self._scope,
            construct_id,
            metric=metric,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
            if below is None
            else cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=above if below is None else below,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING
            if below is None
            else cloudwatch.TreatMissingData.BREACHING,
            alarm_description=f"{self._settings.name}: {tells}. {means}.\n"
            f"What to do: {self._settings.runbook_url}#{section}",
        )
        alarm.add_alarm_action(self._action)
        if tells_when_over:
            alarm.add_ok_action(self._action)
        self._made.append(cast("cloudwatch.IAlarm", alarm))
        return alarm

    def watch(self, watched: Watched, throttled: cloudwatch.Metric) -> None:
        """Make the alarms of the stack.

        Args:
            watched: its resources.
            throttled: the requests that API Gateway answered with 429.
        """
        self._watch_queues(watched)
        self._watch_functions(watched)
        self._watch_api(throttled)
        self._watch_telemetry(watched)
        self._watch_table(watched)

    def _watch_queues(self, watched: Watched) -> None:
        in_dlq = watched.dead_letter_queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
        kept_days = RETENTION.to_days()
        self.add(
            "DeadLetters",
            in_dlq,
            tells="Messages are in the dead-letter queue",
            means=f"Events in them are not stored; all other telemetry goes on. They are kept for {kept_days} days",
            section="dead-letters",
        )
        self.add(
            "DeadLettersExpiring",
            in_dlq,
            above=EXPIRING_DAYS * 24 * 60 * 60,
            tells=f"A message has been in the dead-letter queue for more than {EXPIRING_DAYS} days",
            means=f"After {kept_days} days SQS deletes it, and what was not stored of it is lost",
            section="dead-letters-expiring",
        )
        self.add(
            "QueueBehind",
            watched.queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum"),
            above=QUEUE_BEHIND_SECONDS,
            periods=3,
            tells="The oldest message on the queue waits for more than five minutes",
            means="Dashboards show telemetry that is late. Nothing is lost",
            section="queue-behind",
        )

    def _watch_functions(self, watched: Watched) -> None:
        means = {
            "Ingest": "Chargers were answered with 5xx, and send again. Nothing that was acknowledged is lost",
            "Processor": "Its messages wait on the queue, and are delivered again. Nothing is lost",
            "Query": "Dashboards were answered with 5xx. Nothing is lost",
        }
        for name, each in watched.functions.items():
            self.add(
                f"{name}Errors",
                each.function.metric_errors(period=PERIOD),
                tells=f"The {name.lower()} function crashed or ran out of time",
                means=means[name],
                section="function-errors",
            )
            self.add(
                f"{name}Throttles",
                each.function.metric_throttles(period=PERIOD),
                tells=f"Lambda refused to run the {name.lower()} function",
                means=means[name],
                section="function-throttles",
            )
        # Why this metric: docs/adr/0014-alarms-on-what-lasts.md.
        self.add(
            "IngestLatency",
            watched.ingest.function.metric_duration(period=PERIOD, statistic="p99"),
            above=SLOW_POST_MILLISECONDS,
            periods=LASTING_PERIODS,
            tells=f"One post in a hundred takes ingest more than {SLOW_POST_MILLISECONDS // 1000} seconds",
            means="Chargers wait for the answer, and may give up and send again. Nothing that was acknowledged is lost",
            section="ingest-latency",
        )
        self.add(
            "SendsRefused",
            watched.counted("SendsRefused", "ingest"),
            tells="SQS refused what ingest sent, or did not answer",
            means="Chargers were told to send again. Nothing that was acknowledged is lost",
            section="sends-refused",
        )

    def _watch_api(self, throttled: cloudwatch.Metric) -> None:
        self.add(
            "ApiThrottles",
            throttled,
            tells="API Gateway answered requests with 429: there were more than the stage's throttle lets through",
            means="Who was refused sends again, or asks again. Nothing that was acknowledged is lost",
            section="api-throttles",
        )

    def _watch_telemetry(self, watched: Watched) -> None:
        """Watch what becomes of telemetry, whatever made it so."""
        self.add(
            "Freshness",
            watched.counted("IngestToStored", "processor", "p99"),
            above=LATE_MILLISECONDS,
            periods=LASTING_PERIODS,
            tells=f"One message in a hundred is stored more than {LATE_MILLISECONDS // 1000} seconds after it was sent",
            means="Dashboards show telemetry that is late. Nothing is lost",
            section="freshness",
        )
        # The age of the oldest message leaves out those that were received time and again.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
        self.add(
            "NotStored",
            watched.counted("ReceivesOfFailed", "processor", "Maximum"),
            above=MANY_RECEIVES,
            tells=f"An event could not be stored though it was tried more than {MANY_RECEIVES} times, for minutes",
            means="Dashboards show old telemetry of their chargers. Nothing is lost: they wait on the queue, "
            "and are tried again",
            section="not-stored",
        )
        self.add(
            "FindingsRate",
            watched.counted("EventsWithFindings", "processor", "Average"),
            above=self._settings.findings_alarm_percent / 100,
            periods=LASTING_PERIODS,
            tells=f"More than {self._settings.findings_alarm_percent} % of the telemetry has findings",
            means="It is stored and shown as ever. Many chargers are at fault, or a rule does not fit them",
            section="findings-rate",
        )
        silence = self._settings.silence_alarm_minutes
        if silence is not None:
            self.add(
                "NoTelemetry",
                # By the minute: CloudWatch looks some periods further back than it was asked to where data is missing.
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
                watched.counted("EventsAccepted", "ingest").with_(period=MINUTE),
                below=1,
                periods=silence,
                tells=f"No telemetry at all was accepted for {silence} minutes",
                means="No charger reaches the API, or all are refused. Nothing that was acknowledged is lost",
                section="no-telemetry",
            )

    def _watch_table(self, watched: Watched) -> None:
        means = "Messages wait on the queue, and queries may be answered with 503. Nothing is lost"
        for direction in ("Read", "Write"):
            self.add(
                f"Table{direction}Throttles",
                watched.of_table(f"{direction}ThrottleEvents"),
                tells=f"DynamoDB throttled {direction.lower()}s",
                means=means,
                section="table-throttles",
            )
        for operation in TABLE_OPERATIONS:
            self.add(
                f"Table{operation}Errors",
                watched.of_table("SystemErrors", Operation=operation),
                tells=f"DynamoDB failed at {operation}",
                means=means,
                section="table-errors",
            )
