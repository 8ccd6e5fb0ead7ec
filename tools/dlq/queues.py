"""The queue and its DLQ as an operator uses them: receive, hold, send and delete."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef, MessageTypeDef

# How long a message that was received is hidden from others. So long, at most, does a run wait for what one before it,
# that was killed, had received. It is also what the DLQ gives to a reader that asks for nothing else.
HOLD_SECONDS = 30
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MOST_IN_A_CALL = 10
LARGEST_SEND_BYTES = 1024 * 1024
# A receive that may wait asks all of SQS's servers, and one that may not, some of them.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
LONG_POLL_SECONDS = 1
# Thousands of messages are held again within some seconds.
CALLS_AT_ONCE = 8

# SQS's are of 128 bits; whoever may send to the DLQ may say anything.
LONGEST_SEQUENCE_NUMBER = 39

# What a call did not do, each with why.
Refused = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of the DLQ, as it was received.

    The processor moves a message with its source's id as group and as deduplication id, and attributes that say where
    it came from; of an enormous one they may have had no room. SQS's own redrive policy leaves the group as it was,
    and makes the id the deduplication id.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
    """

    message_id: str
    receipt_handle: str
    body: str
    group: str
    deduplication_id: str
    sequence_number: str
    sent_at: datetime
    attributes: Mapping[str, str]

    @property
    def is_in_its_own_group(self) -> bool:
        """Whether the processor moved it: no other message of the DLQ is hidden behind it."""
        return self.group == self.deduplication_id

    @property
    def charger(self) -> str | None:
        """The group that it had on the queue; None where that can't be known."""
        return self.attributes.get("sourceMessageGroupId") or (None if self.is_in_its_own_group else self.group)

    @property
    def source_message_id(self) -> str:
        """The id that it had on the queue."""
        return self.group if self.is_in_its_own_group else self.message_id

    @cached_property
    def order(self) -> int:
        """What tells which of two messages of a charger was sent to the queue before the other."""
        source = self.attributes.get("sourceSequenceNumber", "")
        is_one = source.isdecimal() and len(source) <= LONGEST_SEQUENCE_NUMBER
        return int(source) if is_one else int(self.sequence_number)


@dataclass(frozen=True)
class Counts:
    """How many messages the DLQ has, as SQS estimates it: those that wait, and those that a reader holds."""

    waiting: int
    held: int


@dataclass(frozen=True)
class Sent:
    """What became of messages that were sent.

    Attributes:
        queued: the id that each has on the queue, by its id in the DLQ.
        refused: why each of the others is not known to be there, by its id in the DLQ.
    """

    queued: Mapping[str, str]
    refused: Refused


class DeadLetterQueue(Protocol):
    """The DLQ. Each call may raise what botocore raises."""

    def receive(self) -> Sequence[DeadLetter]:
        """Return up to 10 messages, hidden from others for `HOLD_SECONDS`; none where SQS has none to give."""
        ...

    def hide(self, receipt_handles: Collection[str], seconds: int) -> Refused:
        """Hide messages for so long from now; return those for which it is too late, by receipt handle."""
        ...

    def delete(self, receipt_handles: Collection[str]) -> Refused:
        """Delete up to 10 messages; return those that are still there, by receipt handle."""
        ...

    def counts(self) -> Counts:
        """Return how many messages there are."""
        ...


class Queue(Protocol):
    """The queue. Each call may raise what botocore raises; what it sent may be there all the same."""

    def send(self, messages: Sequence[DeadLetter]) -> Sent:
        """Send up to 10 messages of the DLQ, each of another charger, to the groups that they came from."""
        ...


@dataclass(frozen=True)
class SqsDeadLetterQueue:
    """A FIFO DLQ of SQS."""

    client: "SQSClient"
    url: str

    def receive(self) -> Sequence[DeadLetter]:
        """Receive; see `DeadLetterQueue`."""
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=MOST_IN_A_CALL,
            VisibilityTimeout=HOLD_SECONDS,
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return [_dead_letter(message) for message in answer.get("Messages", [])]

    def hide(self, receipt_handles: Collection[str], seconds: int) -> Refused:
        """Change the visibility; see `DeadLetterQueue`."""

        def hide(handles: Sequence[str]) -> Refused:
            entries = ((str(index), handle) for index, handle in enumerate(handles))
            answer = self.client.change_message_visibility_batch(
                QueueUrl=self.url,
                Entries=[{"Id": id_, "ReceiptHandle": each, "VisibilityTimeout": seconds} for id_, each in entries],
            )
            return _refused(handles, answer.get("Failed", []))

        return self._in_batches(hide, receipt_handles)

    def delete(self, receipt_handles: Collection[str]) -> Refused:
        """Delete; see `DeadLetterQueue`."""
        handles = list(receipt_handles)
        answer = self.client.delete_message_batch(
            QueueUrl=self.url,
            Entries=[{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(handles)],
        )
        return _refused(handles, answer.get("Failed", []))

    def counts(self) -> Counts:
        """Ask for the queue's attributes; see `DeadLetterQueue`."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        waiting, held = (int(answer[name]) for name in names)
        return Counts(waiting, held)

    def _in_batches(self, call: Callable[[Sequence[str]], Refused], handles: Collection[str]) -> Refused:
        refused: dict[str, str] = {}
        with ThreadPoolExecutor(CALLS_AT_ONCE) as threads:
            for each in threads.map(call, batches(list(handles))):
                refused |= each
        return refused


@dataclass(frozen=True)
class SqsQueue:
    """A FIFO queue of SQS."""

    client: "SQSClient"
    url: str

    def send(self, messages: Sequence[DeadLetter]) -> Sent:
        """Send; see `Queue`."""
        answer = self.client.send_message_batch(
            QueueUrl=self.url,
            Entries=[
                {
                    "Id": str(index),
                    "MessageBody": message.body,
                    "MessageGroupId": message.charger or "",
                    # A second send within 5 minutes, by a run after one that was killed, is dropped.
                    "MessageDeduplicationId": message.message_id,
                }
                for index, message in enumerate(messages)
            ],
        )
        ids = [message.message_id for message in messages]
        queued = {ids[int(entry["Id"])]: entry["MessageId"] for entry in answer.get("Successful", [])}
        missing = dict.fromkeys((each for each in ids if each not in queued), "SQS did not say that it took it")
        return Sent(queued, missing | _refused(ids, answer.get("Failed", [])))


def batches(handles: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield as many at a time as a call takes."""
    for at in range(0, len(handles), MOST_IN_A_CALL):
        yield handles[at : at + MOST_IN_A_CALL]


def _refused(asked: Sequence[str], failed: "Sequence[BatchResultErrorEntryTypeDef]") -> dict[str, str]:
    return {asked[int(entry["Id"])]: f"{entry['Code']}: {entry.get('Message', '')}" for entry in failed}


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    system = message.get("Attributes", {})
    return DeadLetter(
        message_id=message.get("MessageId", ""),
        receipt_handle=message.get("ReceiptHandle", ""),
        body=message.get("Body", ""),
        group=system["MessageGroupId"],
        deduplication_id=system["MessageDeduplicationId"],
        sequence_number=system["SequenceNumber"],
        sent_at=datetime.fromtimestamp(int(system["SentTimestamp"]) / 1000, UTC),
        attributes={name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()},
    )
