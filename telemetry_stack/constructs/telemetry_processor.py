"""What takes telemetry off the queue and keeps the latest of it."""

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from telemetry_stack.constructs.telemetry_function import FunctionPlatform, TelemetryFunction

PROCESSOR_TIMEOUT = Duration.seconds(20)
# The most that a FIFO queue's event source takes, and it takes no batching window.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
BATCH_SIZE = 10


class TelemetryProcessor(Construct):
    """The function that processes batches of the queue, and the event source that invokes it.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        platform: what all functions of the stage share.
        queue: where its messages come from.
        dead_letter_queue: where it moves what can never be processed.
        table_name: where it keeps the latest telemetry.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a resource that it works with
        self,
        scope: Construct,
        construct_id: str,
        *,
        platform: FunctionPlatform,
        queue: sqs.IQueue,
        dead_letter_queue: sqs.IQueue,
        table_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = platform.settings
        environment = {
            "QUEUE_URL": queue.queue_url,
            "TABLE_NAME": table_name,
            "DEAD_LETTER_QUEUE_URL": dead_letter_queue.queue_url,
        }
        if settings.retention_days is not None:
            environment["RETENTION_DAYS"] = str(settings.retention_days)
        self._function = TelemetryFunction(
            self,
            "Processor",
            platform=platform,
            service="processor",
            timeout=PROCESSOR_TIMEOUT,
            memory_mb=settings.memory.processor_mb,
            environment=environment,
        )
        # Not `SqsEventSource`, which grants more than Lambda needs: the stack grants.
        event_source = lambda_.EventSourceMapping(
            self,
            "EventSource",
            target=self._function.invoked,
            event_source_arn=queue.queue_arn,
            batch_size=BATCH_SIZE,
            report_batch_item_failures=True,
            # Reserved concurrency would throttle batches that were already received, and count them as receives.
            max_concurrency=settings.processor_concurrency,
        )
        Validations.of(event_source).acknowledge(
            Acknowledgment(
                id="Serverless-LambdaEventSourceMappingDestination",
                reason="A queue's event source takes none: what fails stays on the queue, which has a DLQ",
            )
        )

    @property
    def function(self) -> TelemetryFunction:
        """The processor's function."""
        return self._function
