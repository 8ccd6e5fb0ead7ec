"""The queue and its DLQ, as the functions see them: somewhere to send one message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from telemetry.errors import QueueUnavailableError

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, kw_only=True)
class OutgoingMessage:
    """A message to send: those of one `group` are received in the order sent."""

    body: str
    group: str
    deduplication_id: str
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


class FifoQueue(Protocol):
    """Takes messages."""

    def send(self, message: OutgoingMessage) -> None:
        """Return once the message is on the queue, or another with its deduplication id was within 5 minutes.

        Raises:
            QueueUnavailableError: the queue refused it or did not answer; it may be on the queue all the same.
        """
        ...


@dataclass(frozen=True)
class SqsFifoQueue:
    """A FIFO queue of SQS."""

    client: "SQSClient"
    url: str

    def send(self, message: OutgoingMessage) -> None:
        """Send the message; see `FifoQueue`."""
        try:
            self.client.send_message(
                QueueUrl=self.url,
                MessageBody=message.body,
                MessageGroupId=message.group,
                MessageDeduplicationId=message.deduplication_id,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()
                },
            )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailableError("the queue did not take the message: send it again") from error
