"""The queue and its DLQ, as the functions see them: somewhere to send messages, and where they come from."""

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
NOT_CHANGED = "the queue did not change when it gives the message again"


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


class ConsumedQueue(Protocol):
    """Gives messages, and gives each again when its visibility timeout ends, unless it was deleted before."""

    def change_visibility(self, seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        """Let the visibility timeouts of messages end so many seconds from now; return those that may not, with why.

        A group is given again once all of its messages that were given are visible.

        Args:
            seconds_of: for 1 to 10 messages, by the receipt handle with which each was given.
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
            return dict.fromkeys(range(len(messages)), _unavailable(NOT_TAKEN, error))
        taken = {entry["Id"] for entry in answer.get("Successful", [])}
        codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
        not_taken = (index for index in range(len(messages)) if str(index) not in taken)
        return {index: _entry_unavailable(NOT_TAKEN, codes.get(str(index))) for index in not_taken}

    def change_visibility(self, seconds_of: Mapping[str, int]) -> Mapping[str, QueueUnavailableError]:
        """Change all in one request; see `ConsumedQueue`."""
        try:
            answer = self.client.change_message_visibility_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": receipt_handle, "VisibilityTimeout": seconds}
                    for index, (receipt_handle, seconds) in enumerate(seconds_of.items())
                ],
            )
        except (BotoCoreError, ClientError) as error:
            return dict.fromkeys(seconds_of, _unavailable(NOT_CHANGED, error))
        changed = {entry["Id"] for entry in answer.get("Successful", [])}
        codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
        return {
            receipt_handle: _entry_unavailable(NOT_CHANGED, codes.get(str(index)))
            for index, receipt_handle in enumerate(seconds_of)
            if str(index) not in changed
        }


def _attributes(message: OutgoingMessage) -> "dict[str, MessageAttributeValueTypeDef]":
    return {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()}


def _entry_unavailable(text: str, code: str | None) -> QueueUnavailableError:
    """Return the error of an entry of a batch, caused by what the client would have raised for it alone."""
    return _unavailable(text, ClientError({"Error": {"Code": code or "NotMentioned"}}, "Batch"))


def _unavailable(text: str, cause: BotoCoreError | ClientError) -> QueueUnavailableError:
    error = QueueUnavailableError(text)
    error.__cause__ = cause
    return error
