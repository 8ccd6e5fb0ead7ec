"""The metrics of the stack: what AWS counts of its resources, and what the functions count themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs

from telemetry_stack.constructs.telemetry_function import METRICS_NAMESPACE, TelemetryFunction
from telemetry_stack.stages import StageName

# SQS, Lambda, API Gateway and the metric filter report each minute.
MINUTE = Duration.minutes(1)
# Five of them keep one event from being two alarms.
PERIOD = Duration.minutes(5)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The resources that alarms watch and the dashboard shows.

    Attributes:
        stage: whose they are: stages may share an account.
        api_id: the HTTP API's.
        access_log: the API's.
        queue: between ingest and the processor.
        dead_letter_queue: where the messages go that could not be processed.
        table_name: the table of the latest telemetry.
        ingest: the function that accepts telemetry.
        processor: the function that stores it.
        query: the function that dashboards ask.
    """

    stage: StageName
    api_id: str
    access_log: logs.ILogGroup
    queue: sqs.IQueue
    dead_letter_queue: sqs.IQueue
    table_name: str
    ingest: TelemetryFunction
    processor: TelemetryFunction
    query: TelemetryFunction

    @property
    def functions(self) -> Mapping[str, TelemetryFunction]:
        """The functions, by the names that they have in alarms and on the dashboard."""
        return {"Ingest": self.ingest, "Processor": self.processor, "Query": self.query}

    def counted(self, name: str, service: str, statistic: str = "Sum", **dimension: str) -> cloudwatch.Metric:
        """Return a metric that a function writes in its log (`lambdas/telemetry/observability.py`).

        Args:
            name: the metric's.
            service: the package of `lambdas/` that writes it.
            statistic: e.g. `Sum`, `Average`, `p99`.
            dimension: what it is kept apart by, besides, such as a `reason`.
        """
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": service, "stage": self.stage, **dimension},
            statistic=statistic,
            period=PERIOD,
        )

    def of_api(self, name: str, statistic: str = "Sum") -> cloudwatch.Metric:
        """Return a metric that API Gateway has of the API, all its routes together."""
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiId": self.api_id},
            statistic=statistic,
            period=PERIOD,
        )

    def of_table(self, name: str, **dimension: str) -> cloudwatch.Metric:
        """Return a metric that DynamoDB has of the table, summed up."""
        return cloudwatch.Metric(
            namespace="AWS/DynamoDB",
            metric_name=name,
            dimensions_map={"TableName": self.table_name, **dimension},
            statistic="Sum",
            period=PERIOD,
        )


def bytes_of(log: logs.ILogGroup) -> cloudwatch.Metric:
    """Return how much was written to a log group; the CDK's own `metric_incoming_bytes` is of all of the account."""
    return cloudwatch.Metric(
        namespace="AWS/Logs",
        metric_name="IncomingBytes",
        dimensions_map={"LogGroupName": log.log_group_name},
        statistic="Sum",
        period=PERIOD,
    )
