"""What the queue and the table promise, held against AWS (by moto) and against the fakes of the other tests."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings

from telemetry import exact_json
from telemetry.attribute_values import from_attributes, to_attributes
from telemetry.errors import (
    ItemRefusedError,
    QueueUnavailableError,
    RevisionConflictError,
    StoredItemUnreadableError,
    TableUnavailableError,
    TelemetryError,
)
from telemetry.exact_json import exact_number
from telemetry.fifo_queue import ConsumedQueue, FifoQueue, OutgoingMessage, SqsFifoQueue
from telemetry.item import NO_REVISION
from telemetry.latest_table import DynamoTable, Item, LatestTelemetryTable
from tests.unit.conftest import Clock
from tests.unit.fakes import InMemoryQueue, InMemoryTable, Redrive
from tests.unit.strategies import json_values

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

PAYLOAD: dict[str, object] = {
    "whole": 12345678901234567,
    "part": Decimal("7.4"),
    "small": Decimal("1E-130"),
    "large": Decimal("9.9999999999999999999999999999999999999E+125"),
    "digits": Decimal("1.2345678901234567890123456789012345678E+38"),
    "nothing": None,
    "truth": True,
    "text": "",
    "list": [1, {"deep": []}],
    "object": {},
}
ITEM: Item = {"chargerId": "CP-001", "payload": PAYLOAD, "revision": 1}


@pytest.fixture(params=["memory", "moto"])
def any_table(request: pytest.FixtureRequest) -> LatestTelemetryTable:
    if request.param == "memory":
        return InMemoryTable()
    return DynamoTable(request.getfixturevalue("moto_dynamodb"), "latest")


def test_a_table_returns_what_was_written_exactly(any_table: LatestTelemetryTable) -> None:
    any_table.write(ITEM, NO_REVISION)
    item = any_table.read(["CP-001", "CP-002"]).items["CP-001"]
    assert item == ITEM
    assert json.dumps(item, default=repr, sort_keys=True) == json.dumps(ITEM, default=repr, sort_keys=True)


def test_a_table_has_no_item_of_a_charger_that_was_never_written(any_table: LatestTelemetryTable) -> None:
    reading = any_table.read(["CP-001", "CP-002"])
    assert (reading.items, reading.failed) == ({}, {})


def test_a_write_replaces_only_the_revision_that_it_names(any_table: LatestTelemetryTable) -> None:
    any_table.write(ITEM, NO_REVISION)
    any_table.write(ITEM | {"revision": 2}, 1)
    for revision in (NO_REVISION, 1, 3):
        with pytest.raises(RevisionConflictError):
            any_table.write(ITEM | {"revision": 9}, revision)
    assert any_table.read(["CP-001"]).items["CP-001"]["revision"] == 2


def test_a_write_of_a_later_revision_needs_an_item(any_table: LatestTelemetryTable) -> None:
    with pytest.raises(RevisionConflictError):
        any_table.write(ITEM, 1)


def test_an_item_beyond_400_kb_is_refused_for_good(moto_dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(ItemRefusedError):
        DynamoTable(moto_dynamodb, "latest").write(ITEM | {"payload": "x" * 410_000}, NO_REVISION)


def throttled(client: "DynamoDBClient") -> None:
    client.meta.events.register("before-call.dynamodb", _raise_throttling)


def unanswered(client: "DynamoDBClient | SQSClient") -> None:
    client.meta.events.register("before-send", _raise_timeout)


def _raise_throttling(**_: object) -> None:
    raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, "PutItem")


def _raise_timeout(**_: object) -> None:
    raise ConnectTimeoutError(endpoint_url="https://dynamodb.example")


@pytest.mark.parametrize("fault", [throttled, unanswered])
def test_a_table_that_does_not_answer_may_be_asked_again(
    moto_dynamodb: "DynamoDBClient", fault: "Callable[[DynamoDBClient], None]"
) -> None:
    fault(moto_dynamodb)
    table = DynamoTable(moto_dynamodb, "latest")
    for call in (lambda: table.read(["CP-001"]), lambda: table.write(ITEM, NO_REVISION)):
        with pytest.raises(TableUnavailableError) as caught:
            call()
        assert caught.value.retryable


def _batch_answer(*, found: list[str], unprocessed: list[str]) -> dict[str, object]:
    items = [{"chargerId": {"S": each}, "revision": {"N": "1"}} for each in found]
    keys = {"latest": {"Keys": [{"chargerId": {"S": each}} for each in unprocessed], "ConsistentRead": True}}
    return {"Responses": {"latest": items}, "UnprocessedKeys": keys if unprocessed else {}}


def test_keys_left_unprocessed_are_asked_for_again_and_no_others(moto_dynamodb: "DynamoDBClient") -> None:
    with Stubber(moto_dynamodb) as stub:
        stub.add_response("batch_get_item", _batch_answer(found=["A"], unprocessed=["C"]))
        again = {"latest": {"Keys": [{"chargerId": {"S": "C"}}], "ConsistentRead": True}}
        stub.add_response("batch_get_item", _batch_answer(found=["C"], unprocessed=[]), {"RequestItems": again})
        reading = DynamoTable(moto_dynamodb, "latest").read(["A", "B", "C"])
    assert (set(reading.items), reading.failed) == ({"A", "C"}, {})


@dataclass
class SleepersClock:
    """Time that passes only while somebody sleeps."""

    now: float = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_keys_that_stay_unprocessed_are_given_up_within_a_second(
    moto_dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SleepersClock()
    monkeypatch.setattr("telemetry.latest_table.time", clock)
    with Stubber(moto_dynamodb) as stub:
        for _ in range(100):
            stub.add_response("batch_get_item", _batch_answer(found=["A"], unprocessed=["C"]))
        reading = DynamoTable(moto_dynamodb, "latest").read(["A", "B", "C"])
    assert set(reading.items) == {"A"}
    assert reading.item_of("B") == {}
    with pytest.raises(TableUnavailableError):
        reading.item_of("C")
    assert 0 < clock.now <= 1


def test_where_asking_again_fails_what_was_read_before_is_known(moto_dynamodb: "DynamoDBClient") -> None:
    with Stubber(moto_dynamodb) as stub:
        stub.add_response("batch_get_item", _batch_answer(found=["A"], unprocessed=["C"]))
        stub.add_client_error("batch_get_item", "ProvisionedThroughputExceededException")
        reading = DynamoTable(moto_dynamodb, "latest").read(["A", "B", "C"])
    assert set(reading.items) == {"A"}
    assert reading.item_of("B") == {}
    with pytest.raises(TableUnavailableError):
        reading.item_of("C")


def test_an_item_that_is_none_of_ours_fails_its_charger_alone(moto_dynamodb: "DynamoDBClient") -> None:
    moto_dynamodb.put_item(TableName="latest", Item={"chargerId": {"S": "A"}, "payload": {"SS": ["by hand"]}})
    table = DynamoTable(moto_dynamodb, "latest")
    table.write(ITEM, NO_REVISION)
    reading = table.read(["A", "CP-001"])
    assert reading.item_of("CP-001") == ITEM
    with pytest.raises(StoredItemUnreadableError):
        reading.item_of("A")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values())
def test_any_value_that_is_accepted_comes_back_from_the_table_exactly(
    moto_dynamodb: "DynamoDBClient", value: object
) -> None:
    moto_dynamodb.delete_item(TableName="latest", Key={"chargerId": {"S": "CP-001"}})
    table = DynamoTable(moto_dynamodb, "latest")
    table.write(ITEM | {"payload": {"value": value}}, NO_REVISION)
    assert exact_json.dump(table.read(["CP-001"]).items["CP-001"]["payload"]) == exact_json.dump({"value": value})


@pytest.mark.parametrize(
    "number",
    [
        "1e40",
        "-1e125",
        "9.9999999999999999999999999999999999999e125",
        "1e-130",
        "1.2345678901234567890123456789012345678e-93",
        "12345678901234567890123456789012345678",
    ],
)
def test_the_greatest_and_the_smallest_numbers_are_stored_and_read_exactly(number: str) -> None:
    exact = exact_number(number)
    assert from_attributes(to_attributes({"value": exact})) == {"value": exact}
    assert Decimal(exact) == Decimal(number)


@pytest.fixture(params=["memory", "moto"])
def any_queue(request: pytest.FixtureRequest) -> tuple[FifoQueue, Callable[[], list[tuple[str, str]]]]:
    """A queue, and what it holds: bodies with their attribute `reason`."""
    if request.param == "memory":
        memory = InMemoryQueue()
        return memory, lambda: [(each.body, each.attributes.get("reason", "")) for each in memory.messages]
    client: SQSClient = request.getfixturevalue("moto_sqs")
    url: str = request.getfixturevalue("queue_url")

    def held() -> list[tuple[str, str]]:
        got = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return [(each.get("Body", ""), _reason(each)) for each in got.get("Messages", [])]

    return SqsFifoQueue(client, url), held


def _reason(received: "MessageTypeDef") -> str:
    reason = received.get("MessageAttributes", {}).get("reason")
    return reason.get("StringValue", "") if reason else ""


def outgoing(body: str, deduplication_id: str, group: str = "CP-001", **attributes: str) -> OutgoingMessage:
    return OutgoingMessage(body=body, group=group, deduplication_id=deduplication_id, attributes=attributes)


def test_a_queue_keeps_order_and_drops_what_it_was_sent_before(
    any_queue: tuple[FifoQueue, Callable[[], list[tuple[str, str]]]],
) -> None:
    queue, held = any_queue
    queue.send(outgoing("first", "1", reason="invalid"))
    queue.send(outgoing("second", "2"))
    queue.send(outgoing("first again", "1"))
    assert held() == [("first", "invalid"), ("second", "")]


def test_a_queue_takes_messages_of_several_groups_in_one_request(
    any_queue: tuple[FifoQueue, Callable[[], list[tuple[str, str]]]],
) -> None:
    queue, held = any_queue
    assert queue.send_batch([outgoing("lone", "0", "CP-000")]) == {}
    sent = [outgoing("first", "1", reason="invalid"), *(outgoing(f"of {n}", f"{n}", f"CP-{n}") for n in range(2, 9))]
    assert queue.send_batch(sent) == {}
    assert queue.send_batch([outgoing("lone again", "0", "CP-000"), outgoing("second", "9")]) == {}
    expected = [("lone", ""), ("first", "invalid"), *((f"of {n}", "") for n in range(2, 9)), ("second", "")]
    assert sorted(held()) == sorted(expected)


def test_messages_that_the_answer_does_not_say_are_taken_may_be_sent_again(
    moto_sqs: "SQSClient", queue_url: str
) -> None:
    taken = {"MessageId": "m", "MD5OfMessageBody": "d"}
    failed = {"SenderFault": False, "Code": "InternalError"}
    messages = [outgoing("a", "1", "A"), outgoing("b", "2", "B"), outgoing("c", "3", "C"), outgoing("d", "4", "D")]
    with Stubber(moto_sqs) as stub:
        answer = {"Successful": [{"Id": "3", **taken}, {"Id": "0", **taken}], "Failed": [{"Id": "2", **failed}]}
        stub.add_response("send_message_batch", answer)
        refused = SqsFifoQueue(moto_sqs, queue_url).send_batch(messages)
    assert list(refused) == [1, 2]
    assert all(error.retryable for error in refused.values())
    assert "InternalError" in repr(refused[2].__cause__)


@pytest.mark.parametrize("count", [1, 3])
def test_when_a_request_is_not_answered_none_of_its_messages_is_known_to_be_taken(
    moto_sqs: "SQSClient", queue_url: str, count: int
) -> None:
    unanswered(moto_sqs)
    refused = SqsFifoQueue(moto_sqs, queue_url).send_batch([outgoing("a", f"{n}", f"CP-{n}") for n in range(count)])
    assert list(refused) == list(range(count))
    assert all(isinstance(error.__cause__, ConnectTimeoutError) for error in refused.values())


def test_a_lone_message_goes_by_the_plain_call(moto_sqs: "SQSClient", queue_url: str) -> None:
    with Stubber(moto_sqs) as stub:
        stub.add_response("send_message", {"MessageId": "m"})
        assert SqsFifoQueue(moto_sqs, queue_url).send_batch([outgoing("a", "1")]) == {}


def test_a_queue_that_does_not_answer_or_is_gone_may_be_sent_to_again(moto_sqs: "SQSClient", queue_url: str) -> None:
    errors: list[TelemetryError] = []
    with pytest.raises(QueueUnavailableError) as caught:
        SqsFifoQueue(moto_sqs, f"{queue_url}-gone").send(outgoing("a", "1"))
    errors.append(caught.value)
    unanswered(moto_sqs)
    with pytest.raises(QueueUnavailableError) as caught:
        SqsFifoQueue(moto_sqs, queue_url).send(outgoing("a", "1"))
    errors.append(caught.value)
    assert all(error.retryable for error in errors)


@dataclass(frozen=True)
class Consumed:
    """A queue whose messages are in flight for 30 s and received 3 times at most, and its DLQ."""

    queue: FifoQueue
    source: ConsumedQueue
    clock: Clock
    receive: Callable[[], Sequence[tuple[str, str]]]
    delete: Callable[[str], object]
    dead_letters: Callable[[], list[tuple[str, str]]]

    def bodies(self) -> list[str]:
        """Receive what is visible."""
        return [body for body, _ in self.receive()]


@pytest.fixture(params=["memory", "moto"])
def consumed(request: pytest.FixtureRequest, clock: Clock) -> Consumed:
    return _in_memory(clock) if request.param == "memory" else _of_sqs(request.getfixturevalue("moto_sqs"), clock)


def _in_memory(clock: Clock) -> Consumed:
    dead = InMemoryQueue(clock=clock)
    queue = InMemoryQueue(clock=clock, redrive=Redrive(dead, 3))
    return Consumed(
        queue=queue,
        source=queue,
        clock=clock,
        receive=lambda: [(each.message.body, each.receipt_handle) for each in queue.receive()],
        delete=queue.delete,
        dead_letters=lambda: [(each.message.body, each.message.group) for each in dead.receive()],
    )


def _of_sqs(client: "SQSClient", clock: Clock) -> Consumed:
    dead_url = client.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    url = client.create_queue(
        QueueName="consumed.fifo",
        Attributes={"FifoQueue": "true", "VisibilityTimeout": "30", "RedrivePolicy": redrive},
    )["QueueUrl"]

    def received(queue_url: str) -> "list[MessageTypeDef]":
        got = client.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["MessageGroupId"]
        )
        return got.get("Messages", [])

    return Consumed(
        queue=SqsFifoQueue(client, url),
        source=SqsFifoQueue(client, url),
        clock=clock,
        receive=lambda: [(each.get("Body", ""), each.get("ReceiptHandle", "")) for each in received(url)],
        delete=lambda receipt_handle: client.delete_message(QueueUrl=url, ReceiptHandle=receipt_handle),
        dead_letters=lambda: [
            (each.get("Body", ""), each.get("Attributes", {}).get("MessageGroupId", "")) for each in received(dead_url)
        ],
    )


def test_a_group_is_given_again_in_order_when_its_visibility_timeout_ends(consumed: Consumed) -> None:
    consumed.queue.send_batch([outgoing("a1", "1", "A"), outgoing("b1", "2", "B")])
    receipts = dict(consumed.receive())
    assert sorted(receipts) == ["a1", "b1"]
    consumed.queue.send(outgoing("a2", "3", "A"))
    assert consumed.source.change_visibility({receipts["a1"]: 1}) == {}
    consumed.clock.now = 0.9
    assert consumed.bodies() == []
    consumed.clock.now = 1.1
    assert consumed.bodies() == ["a1", "a2"]
    consumed.clock.now = 30.1
    assert "b1" in consumed.bodies()


def test_one_message_that_waits_longer_holds_back_all_of_its_group(consumed: Consumed) -> None:
    consumed.queue.send(outgoing("a1", "1", "A"))
    consumed.queue.send(outgoing("a2", "2", "A"))
    receipts = dict(consumed.receive())
    assert consumed.source.change_visibility({receipts["a1"]: 1, receipts["a2"]: 5}) == {}
    consumed.clock.now = 4.9
    assert consumed.bodies() == []
    consumed.clock.now = 5.1
    # Of two that were in flight, moto 5 gives the last first; SQS does not.
    assert consumed.bodies()


def test_what_is_deleted_is_given_no_more_and_frees_its_group(consumed: Consumed) -> None:
    consumed.queue.send(outgoing("a1", "1", "A"))
    receipts = dict(consumed.receive())
    consumed.queue.send(outgoing("a2", "2", "A"))
    assert consumed.bodies() == []
    consumed.delete(receipts["a1"])
    assert consumed.bodies() == ["a2"]


def test_a_message_that_was_received_too_often_is_in_the_dead_letter_queue_as_it_was(consumed: Consumed) -> None:
    consumed.queue.send(outgoing("a1", "1", "A"))
    for _ in range(3):
        receipts = dict(consumed.receive())
        assert list(receipts) == ["a1"]
        assert consumed.source.change_visibility({receipts["a1"]: 1}) == {}
        consumed.clock.now += 1.1
    consumed.queue.send(outgoing("a2", "2", "A"))
    assert consumed.dead_letters() == []
    assert consumed.bodies() == ["a2"]
    assert consumed.dead_letters() == [("a1", "A")]


def test_of_a_change_that_is_refused_in_part_the_rest_is_done(consumed: Consumed) -> None:
    consumed.queue.send(outgoing("a1", "1", "A"))
    receipts = dict(consumed.receive())
    refused = consumed.source.change_visibility({"of nothing": 1, receipts["a1"]: 1})
    assert list(refused) == ["of nothing"]
    assert refused["of nothing"].retryable
    consumed.clock.now = 1.1
    assert consumed.bodies() == ["a1"]


def test_a_change_that_is_not_answered_is_not_known_to_be_done(moto_sqs: "SQSClient", queue_url: str) -> None:
    unanswered(moto_sqs)
    refused = SqsFifoQueue(moto_sqs, queue_url).change_visibility({"a": 1, "b": 1})
    assert list(refused) == ["a", "b"]
    assert all(isinstance(error.__cause__, ConnectTimeoutError) for error in refused.values())


def test_a_change_that_the_answer_does_not_mention_is_not_known_to_be_done(
    moto_sqs: "SQSClient", queue_url: str
) -> None:
    failed = {"SenderFault": True, "Code": "MessageNotInflight"}
    with Stubber(moto_sqs) as stub:
        answer = {"Successful": [{"Id": "0"}], "Failed": [{"Id": "2", **failed}]}
        stub.add_response("change_message_visibility_batch", answer)
        refused = SqsFifoQueue(moto_sqs, queue_url).change_visibility({"a": 1, "b": 1, "c": 1})
    assert list(refused) == ["b", "c"]
    assert "MessageNotInflight" in repr(refused["c"].__cause__)
