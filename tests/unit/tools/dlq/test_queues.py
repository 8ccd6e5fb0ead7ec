"""What the DLQ and the queue promise, held against SQS (by moto) and against the fakes of the other tests."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from tests.unit.tools.dlq.fakes import InMemoryDeadLetters, InMemoryQueue, World, moved_by_sqs, moved_by_the_processor
from tools.dlq import queues
from tools.dlq.queues import (
    HOLD_SECONDS,
    Counts,
    DeadLetter,
    DeadLetterQueue,
    Queue,
    Sent,
    SqsDeadLetterQueue,
    SqsQueue,
)

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Fill = Callable[..., None]


@pytest.fixture
def dlq_url(moto_sqs: "SQSClient", monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(queues, "LONG_POLL_SECONDS", 0)
    return moto_sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


@pytest.fixture(params=["memory", "moto"])
def dlq(request: pytest.FixtureRequest) -> tuple[DeadLetterQueue, Fill]:
    """A DLQ, and what puts messages into it."""
    if request.param == "memory":
        memory = InMemoryDeadLetters(World())
        return memory, lambda *messages: memory.messages.extend(messages)
    client: SQSClient = request.getfixturevalue("moto_sqs")
    url: str = request.getfixturevalue("dlq_url")

    def fill(*messages: DeadLetter) -> None:
        for each in messages:
            attributes: Any = {
                name: {"DataType": "String", "StringValue": text} for name, text in each.attributes.items()
            }
            client.send_message(
                QueueUrl=url,
                MessageBody=each.body,
                MessageGroupId=each.group,
                MessageDeduplicationId=each.deduplication_id,
                MessageAttributes=attributes,
            )

    return SqsDeadLetterQueue(client, url), fill


def bodies(received: "list[DeadLetter]") -> list[str]:
    return [each.body for each in received]


def test_a_message_is_received_with_what_tells_where_it_came_from(dlq: tuple[DeadLetterQueue, Fill]) -> None:
    queue, fill = dlq
    fill(moved_by_the_processor(7, "CP-7"), moved_by_sqs(8, "CP-8"))
    ours, sqs = queue.receive()
    assert (ours.charger, ours.order, ours.body, ours.is_in_its_own_group) == ("CP-7", 7, "7", True)
    assert ours.source_message_id == "source-7"
    assert (sqs.charger, sqs.body, sqs.is_in_its_own_group) == ("CP-8", "8", False)
    assert sqs.source_message_id == sqs.message_id


def test_what_was_received_is_hidden_and_counted_until_it_is_given_back(dlq: tuple[DeadLetterQueue, Fill]) -> None:
    queue, fill = dlq
    fill(*map(moved_by_the_processor, range(3)))
    received = list(queue.receive())
    assert bodies(received) == ["0", "1", "2"]
    assert (queue.receive(), queue.counts()) == ([], Counts(waiting=0, held=3))
    assert queue.hide([each.receipt_handle for each in received], 0) == {}
    assert queue.counts() == Counts(waiting=3, held=0)
    assert bodies(list(queue.receive())) == ["0", "1", "2"]


def test_a_group_shows_ten_messages_until_they_are_gone(dlq: tuple[DeadLetterQueue, Fill]) -> None:
    queue, fill = dlq
    fill(*map(moved_by_sqs, range(12)))
    first = list(queue.receive())
    assert (len(first), queue.receive()) == (10, [])
    assert queue.delete([each.receipt_handle for each in first]) == {}
    assert bodies(list(queue.receive())) == ["10", "11"]


def test_more_messages_are_hidden_than_one_call_takes(dlq: tuple[DeadLetterQueue, Fill]) -> None:
    queue, fill = dlq
    fill(*map(moved_by_the_processor, range(25)))
    handles = [each.receipt_handle for _ in range(3) for each in queue.receive()]
    assert queue.hide(handles, 0) == {}
    assert queue.counts() == Counts(waiting=25, held=0)


def test_no_call_hides_more_messages_than_it_takes(moto_sqs: "SQSClient", dlq_url: str) -> None:
    entries: list[int] = []

    def record(params: dict[str, list[object]], **_: object) -> None:
        entries.append(len(params["Entries"]))

    moto_sqs.meta.events.register("provide-client-params.sqs.ChangeMessageVisibilityBatch", record)
    assert len(SqsDeadLetterQueue(moto_sqs, dlq_url).hide(list(map(str, range(25))), 0)) == 25
    assert sorted(entries) == [5, 10, 10]


@pytest.mark.parametrize("operation", ["change_message_visibility_batch", "delete_message_batch"])
def test_what_a_receipt_handle_is_too_old_for_is_told(moto_sqs: "SQSClient", operation: str) -> None:
    """https://repost.aws/knowledge-center/sqs-receipt-handle-error; moto takes old ones."""
    queue = SqsDeadLetterQueue(moto_sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/dead.fifo")
    failed = {"Id": "1", "SenderFault": True, "Code": "InvalidParameterValue", "Message": "The handle has expired"}
    with Stubber(moto_sqs) as stub:
        stub.add_response(operation, {"Successful": [{"Id": "0"}], "Failed": [failed]})
        handles = ["new", "old"]
        refused = queue.delete(handles) if operation == "delete_message_batch" else queue.hide(handles, HOLD_SECONDS)
    assert refused == {"old": "InvalidParameterValue: The handle has expired"}


@pytest.fixture(params=["memory", "moto"])
def queue(request: pytest.FixtureRequest) -> tuple[Queue, Callable[[], list[tuple[str, str]]]]:
    """A queue, and the groups and bodies that it holds."""
    if request.param == "memory":
        memory = InMemoryQueue(World())
        return memory, lambda: [(str(each.group), each.body) for each in memory.messages]
    client: SQSClient = request.getfixturevalue("moto_sqs")
    url: str = request.getfixturevalue("queue_url")

    def held() -> list[tuple[str, str]]:
        got = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
        return [(each.get("Attributes", {})["MessageGroupId"], each.get("Body", "")) for each in got["Messages"]]

    return SqsQueue(client, url), held


def test_messages_go_to_the_groups_that_they_came_from_and_not_twice(
    queue: tuple[Queue, Callable[[], list[tuple[str, str]]]],
) -> None:
    to, held = queue
    ours, sqs = moved_by_the_processor(7, "CP-7"), moved_by_sqs(8, "CP-8")
    sent = to.send([ours, sqs])
    assert (sent.queued.keys(), sent.refused) == ({ours.message_id, sqs.message_id}, {})
    assert to.send([sqs]).queued.keys() == {sqs.message_id}
    assert held() == [("CP-7", "7"), ("CP-8", "8")]


def test_a_body_goes_as_it_is_and_without_attributes(moto_sqs: "SQSClient", queue_url: str) -> None:
    body = '{"a" :  1.0, "b": "\U0001f50c\\ud83d\u0085"} '
    SqsQueue(moto_sqs, queue_url).send([moved_by_the_processor(1, body=body)])
    [received] = moto_sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"])["Messages"]
    assert (received.get("Body"), received.get("MessageAttributes")) == (body, None)


def test_a_message_that_the_answer_does_not_name_is_not_known_to_be_on_the_queue(
    moto_sqs: "SQSClient", queue_url: str
) -> None:
    messages = [moved_by_the_processor(each, f"CP-{each}") for each in range(3)]
    with Stubber(moto_sqs) as stub:
        taken = {"Id": "1", "MessageId": "m", "MD5OfMessageBody": "d"}
        failed = {"Id": "2", "SenderFault": False, "Code": "InternalError", "Message": "later"}
        stub.add_response("send_message_batch", {"Successful": [taken], "Failed": [failed]})
        sent = SqsQueue(moto_sqs, queue_url).send(messages)
    assert sent == Sent(
        {messages[1].message_id: "m"},
        {messages[0].message_id: "SQS did not say that it took it", messages[2].message_id: "InternalError: later"},
    )


def test_a_receive_asks_all_servers_for_ten_messages_with_all_that_is_known_of_them(moto_sqs: "SQSClient") -> None:
    with Stubber(moto_sqs) as stub:
        wanted = {
            "QueueUrl": "url",
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": HOLD_SECONDS,
            "WaitTimeSeconds": 1,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
        }
        stub.add_response("receive_message", {}, wanted)
        assert SqsDeadLetterQueue(moto_sqs, "url").receive() == []


@pytest.mark.parametrize(
    ("attributes", "group", "charger"),
    [
        ({"sourceMessageGroupId": "CP-1"}, "own", "CP-1"),
        ({"reason": "unreadable_message"}, "own", None),
        ({}, "own", None),
        ({}, "CP-2", "CP-2"),
    ],
)
def test_the_charger_is_known_from_the_attributes_or_from_a_group_that_sqs_left(
    attributes: dict[str, str], group: str, charger: str | None
) -> None:
    message = moved_by_the_processor(1, attributes=attributes, group=group, deduplication_id="own")
    assert message.charger == charger


def test_sequence_numbers_are_compared_as_numbers_and_the_dlqs_own_counts_where_there_is_no_other() -> None:
    moved = moved_by_the_processor(1, attributes={"sourceSequenceNumber": "00099"}, sequence_number="7")
    by_sqs = moved_by_the_processor(1, attributes={}, sequence_number="100")
    forged = moved_by_the_processor(1, attributes={"sourceSequenceNumber": "many"}, sequence_number=str(uuid4().int))
    endless = moved_by_the_processor(1, attributes={"sourceSequenceNumber": "9" * 5000}, sequence_number="7")
    assert endless.order == 7
    assert moved.order < by_sqs.order < forged.order
