"""The queue between ingest and the processor, and its dead-letter queue."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from telemetry_stack.constructs.encryption_key import ServiceKey

# AWS: at least six times the function's timeout, so that Lambda can retry a batch that it was throttled on.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
VISIBILITY_PER_PROCESSOR_TIMEOUT = 6
# A message that was received so often is given up to the DLQ. (What can never be processed does not wait for this: the
# processor moves it at once.)
# Without the table, the processor lets messages come back after 1, 2, 4, 8, 16 and 32 s, and then after 60 s each time
# (lambdas/processor/redelivery.py): the 200th receive is 63 s + 193 x 60 s = 3 h 14 min after the first. DynamoDB was
# away from us-east-1 for 2 h 52 min in October 2025. https://aws.amazon.com/message/101925/
# What kills the processor comes back after the whole visibility timeout, and is given up after 200 x 120 s, which is
# 6 h 40 min. So long its charger waits, and for two minutes each time those whose messages were in its batch.
MAX_RECEIVES = 200
# The longest that SQS has. In the DLQ it is the time left to mend what was wrong; on the queue, to outlive an outage.
RETENTION = Duration.days(14)
# A data key is asked of KMS once in this time and not for each message, which would cost more than the queue.
DATA_KEY_REUSE = Duration.minutes(5)


class TelemetryQueue(Construct):
    """A FIFO queue, one message group for each charger, and a FIFO dead-letter queue, encrypted with one key.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        processor_timeout: how long one invocation of the processor may take.
        tls_only: whether the queues refuse plain HTTP.
        removal_policy: what becomes of the queues and their key when they leave the stack.
        operator_roles: names of the IAM roles of people who may use the key.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a property of the queues
        self,
        scope: Construct,
        construct_id: str,
        *,
        processor_timeout: Duration,
        tls_only: bool,
        removal_policy: RemovalPolicy,
        operator_roles: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._key = ServiceKey(
            self,
            description="Telemetry on its way, and in the dead-letter queue",
            removal_policy=removal_policy,
            service="sqs",
        )
        self._key.admit_roles_named(
            "Operators",
            operator_roles,
            ("kms:Decrypt", "kms:GenerateDataKey"),
            why="Who mends what is in the DLQ receives and sends, if IAM lets them",
        )
        # It can't name its one source (`redriveAllowPolicy`): each queue would need the other's ARN to be made first.
        self._dead_letter_queue = self._fifo_queue("DeadLetters", tls_only=tls_only, removal_policy=removal_policy)
        Validations.of(self._dead_letter_queue).acknowledge(
            Acknowledgment(
                id="Serverless-SQSRedrivePolicy", reason="It is the dead-letter queue: nothing comes after it"
            )
        )
        self._queue = self._fifo_queue(
            "Queue",
            tls_only=tls_only,
            removal_policy=removal_policy,
            visibility_timeout=Duration.seconds(processor_timeout.to_seconds() * VISIBILITY_PER_PROCESSOR_TIMEOUT),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self._dead_letter_queue, max_receive_count=MAX_RECEIVES),
        )

    @property
    def queue(self) -> sqs.Queue:
        """The queue itself."""
        return self._queue

    @property
    def dead_letter_queue(self) -> sqs.Queue:
        """Where the messages go that could not be processed."""
        return self._dead_letter_queue

    @property
    def key(self) -> ServiceKey:
        """The key of both queues."""
        return self._key

    def _fifo_queue(
        self,
        construct_id: str,
        *,
        tls_only: bool,
        removal_policy: RemovalPolicy,
        visibility_timeout: Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            construct_id,
            fifo=True,
            # Without these two a queue takes 300 calls a second in all.
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            content_based_deduplication=False,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=cast("kms.IKey", self._key),
            data_key_reuse=DATA_KEY_REUSE,
            enforce_ssl=tls_only,
            retention_period=RETENTION,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
            removal_policy=removal_policy,
        )
        if not tls_only:
            Validations.of(queue).acknowledge(
                Acknowledgment(id="AwsSolutions-SQS4", reason="The emulator of stage local speaks plain HTTP only")
            )
        return queue
