"""The metrics of AWS that alarms and the dashboard use: their dimensions, and where AWS documents them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AwsMetrics:
    """Metrics of a namespace with the same dimensions.

    Attributes:
        names: the metrics'.
        dimensions: the names of their dimensions, of one set.
        documentation: where AWS says so.
    """

    names: frozenset[str]
    dimensions: frozenset[str]
    documentation: str


DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html"

AWS_METRICS: Mapping[str, tuple[AwsMetrics, ...]] = {
    "AWS/ApiGateway": (
        AwsMetrics(
            frozenset({"4xx", "5xx", "Count", "DataProcessed", "Latency"}),
            frozenset({"ApiId"}),
            "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",
        ),
    ),
    "AWS/DynamoDB": (
        AwsMetrics(
            frozenset(
                {
                    "ConsumedReadCapacityUnits",
                    "ConsumedWriteCapacityUnits",
                    "ReadThrottleEvents",
                    "WriteThrottleEvents",
                }
            ),
            frozenset({"TableName"}),
            DYNAMODB,
        ),
        AwsMetrics(frozenset({"SystemErrors"}), frozenset({"TableName", "Operation"}), DYNAMODB),
    ),
    "AWS/Lambda": (
        AwsMetrics(
            frozenset({"Duration", "Errors", "Invocations", "Throttles"}),
            frozenset({"FunctionName"}),
            "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
        ),
        AwsMetrics(
            frozenset({"Errors"}),
            frozenset({"FunctionName", "Resource", "ExecutedVersion"}),
            "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html",
        ),
    ),
    "AWS/Logs": (
        AwsMetrics(
            frozenset({"IncomingBytes"}),
            frozenset({"LogGroupName"}),
            "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html",
        ),
    ),
    "AWS/SQS": (
        AwsMetrics(
            frozenset(
                {
                    "ApproximateAgeOfOldestMessage",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesVisible",
                    "NumberOfEmptyReceives",
                    "NumberOfMessagesDeleted",
                    "NumberOfMessagesReceived",
                    "NumberOfMessagesSent",
                }
            ),
            frozenset({"QueueName"}),
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
        ),
    ),
}


def is_of_aws(namespace: str, name: str, dimensions: frozenset[str]) -> bool:
    """Tell whether AWS has a metric with exactly these dimensions."""
    return any(name in metrics.names and dimensions == metrics.dimensions for metrics in AWS_METRICS.get(namespace, ()))
