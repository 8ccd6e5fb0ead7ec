"""The queue and its DLQ, as the functions see them: somewhere to send messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from telemetry.errors import QueueUnavailableError

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

# Of one message with its attributes' names, types and values, and of all that are sent in one request.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
LARGEST_SEND_BYTES = 1024 * 1024
NOT_TAKEN = "the queue did not take the message: send it again"


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

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Mapping[int, QueueUnavailableError]:
        """Send 1 to 10 messages in one request; return those that are not known to be on the queue, by index.

        Each of them may be on the queue all the same, and whether one is says nothing of the others.
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
                MessageAttributes=_attributes(message),
            )
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailableError(NOT_TAKEN) from error

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Mapping[int, QueueUnavailableError]:
        """Send the messages, a lone one by the plain call; see `FifoQueue`."""
        try:
            if len(messages) == 1:
                self.send(messages[0])
                return {}
            answer = self.client.send_message_batch(
                QueueUrl=self.url,
                Entries=[
                    {
                        "Id": str(index),
                        "MessageBody": message.body,
                        "MessageGroupId": message.group,
                        "MessageDeduplicationId": message.deduplication_id,
                        "MessageAttributes": _attributes(message),
                    }
                    for index, message in enumerate(messages)
                ],
            )
        except QueueUnavailableError as error:
            return {0: error}
        except (BotoCoreError, ClientError) as error:
            return dict.fromkeys(range(len(messages)), _not_taken(error))
        taken = {entry["Id"] for entry in answer.get("Successful", [])}
        codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
        not_taken = (index for index in range(len(messages)) if str(index) not in taken)
        return {index: _not_taken(_entry_error(codes.get(str(index), "NotMentioned"))) for index in not_taken}


def _attributes(message: OutgoingMessage) -> "dict[str, MessageAttributeValueTypeDef]":
    return {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()}


def _entry_error(code: str) -> ClientError:
    """Return what the client would have raised, had the entry's message been sent alone."""
    return ClientError({"Error": {"Code": code}}, "SendMessageBatch")


def _not_taken(cause: BotoCoreError | ClientError) -> QueueUnavailableError:
    error = QueueUnavailableError(NOT_TAKEN)
    error.__cause__ = cause
    return error
