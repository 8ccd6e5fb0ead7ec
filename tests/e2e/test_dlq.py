"""`scripts/dlq.sh` on the deployed stack: what is in the DLQ, why, and back, also when it is killed."""

import json
import random
import subprocess
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from telemetry import message
from telemetry.envelope import SealedEvent, seal, short_id
from telemetry.event import TelemetryEvent
from tests.e2e.harness import Api, Cloud, WithoutPermission, event_of, eventually

NOW = datetime.now(UTC)


def dlq(cloud: Cloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    return cloud.shell(*arguments, "--stage", "local", script="dlq.sh")


def number_in(cloud: Cloud, queue: str) -> int:
    """Return how many messages `Queue` or `DeadLetterQueue` has."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = cloud.sqs.get_queue_attributes(QueueUrl=cloud.outputs[f"{queue}Url"], AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


@pytest.fixture(autouse=True)
def empty_dlq(cloud: Cloud) -> None:
    """Begin with nothing in the DLQ, nor anything of other tests that may still come to it.

    One of them leaves a message of newer code, which is tried again for hours.
    """
    for queue in ("Queue", "DeadLetterQueue"):
        cloud.sqs.purge_queue(QueueUrl=cloud.outputs[f"{queue}Url"])
    eventually(lambda: number_in(cloud, "Queue") + number_in(cloud, "DeadLetterQueue") == 0)


def envelope_of(charger_id: str, number: int) -> SealedEvent:
    """Return the envelope of an event that was accepted so many seconds after the first."""
    moment = NOW - timedelta(hours=1) + timedelta(seconds=number)
    fields = {"chargerId": charger_id, "timestamp": moment.isoformat(), "payload": {"power_kw": 7.4, "n": number}}
    return seal(TelemetryEvent.model_validate(fields), moment)


def moved_by_the_processor(cloud: Cloud, envelope: SealedEvent, number: int) -> None:
    """Put a message into the DLQ as the processor does, of which a mended processor makes no fault."""
    source = uuid4().hex
    attributes = {
        "reason": "unexpected_fault",
        "errorClass": "LastingFaultError",
        "sourceMessageGroupId": envelope.charger_id,
        "sourceSequenceNumber": str(number),
        "sourceMessageId": source,
    }
    cloud.sqs.send_message(
        QueueUrl=cloud.outputs["DeadLetterQueueUrl"],
        MessageBody=message.encode("e2e", [envelope.text]),
        MessageGroupId=source,
        MessageDeduplicationId=source,
        MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    )


def test_messages_are_listed_and_shown_and_those_go_back_that_the_processor_takes_by_now(
    cloud: Cloud, api: Api, charger_id: str
) -> None:
    cloud.put_on_the_queue(charger_id, '{"hello": "world"}')
    eventually(lambda: number_in(cloud, "DeadLetterQueue"))
    mended = f"{charger_id}-mended"
    envelope = envelope_of(mended, 1)
    moved_by_the_processor(cloud, envelope, 1)

    table = dlq(cloud, "list").stdout.splitlines()
    (poison,) = (line.split() for line in table if f"{charger_id} " in line)
    (passing,) = (line.split() for line in table if f"{mended} " in line)
    assert (poison[2], passing[2]) == ("unreadable_message", "unexpected_fault")

    shown = dlq(cloud, "show", poison[0])
    assert shown.returncode == 0, shown.stderr
    assert "would be dead-lettered again: unreadable_message" in shown.stdout
    assert '{\n  "hello": "world"\n}' in shown.stdout
    assert "would pass now" in dlq(cloud, "show", passing[0]).stdout
    assert number_in(cloud, "Queue") == 0

    redriven = dlq(cloud, "redrive", "--all")
    assert "1 message of 1 charger on the queue again" in redriven.stdout
    assert redriven.returncode == 1
    # The last, since a busy machine may have had to tell that it is at work.
    assert redriven.stderr.splitlines()[-1] == "dlq.sh: in the DLQ, for the reasons above: 1 message"
    api.stored(mended, event_id=envelope.event_id, seconds=5)
    assert number_in(cloud, "DeadLetterQueue") == 1


@pytest.fixture
def given_up_at_once(cloud: Cloud) -> Generator[None]:
    """Let SQS's own redrive policy move what failed once."""
    url = cloud.outputs["QueueUrl"]
    usual = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
    policy = json.dumps(json.loads(usual["RedrivePolicy"]) | {"maxReceiveCount": 1})
    cloud.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    yield
    cloud.sqs.set_queue_attributes(QueueUrl=url, Attributes=usual)


@pytest.mark.usefixtures("given_up_at_once")
def test_what_sqs_itself_moved_is_redriven_in_order_with_what_is_hidden_behind_its_first_ten(
    take_away: WithoutPermission, cloud: Cloud, api: Api, charger_id: str
) -> None:
    give_back = take_away("Processor", "dynamodb:PutItem")
    events = [event_of(charger_id, seconds_ago=60 - number) for number in range(15)]
    ids = [api.post(event).json()["eventId"] for event in events]
    eventually(lambda: number_in(cloud, "DeadLetterQueue") == len(ids), seconds=60)
    give_back()
    told = dlq(cloud, "list").stdout
    assert told.count(charger_id) == 11
    assert f"there may be more of {charger_id}" in told
    assert "in all about 5 are not to be seen" in told

    redriven = dlq(cloud, "redrive", "--charger", charger_id)
    assert (redriven.returncode, redriven.stdout) == (0, "15 messages of 1 charger on the queue again\n")
    api.stored(charger_id, event_id=ids[-1])
    assert stored_and_stale(cloud, ids) == (set(ids), set())
    assert number_in(cloud, "DeadLetterQueue") == 0


def stored_and_stale(cloud: Cloud, event_ids: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return which of the events the processor said it stored, and which of them came after a newer one."""
    stored: set[str] = set()
    stale: set[str] = set()
    for line in cloud.log_lines("Processor", message="stored"):
        ours = {each for each in event_ids if short_id(each) in str(line["eventIds"])}
        stored |= ours
        stale |= ours if line["stale"] else set()
    return stored, stale


def test_a_redrive_of_200_messages_that_is_killed_in_the_middle_is_finished_by_the_next(
    cloud: Cloud, charger_id: str
) -> None:
    chargers = [f"{charger_id}-{number}" for number in range(4)]
    envelopes = [envelope_of(charger, number) for number in range(50) for charger in chargers]
    by_sqs = [each for each in envelopes if each.charger_id == chargers[0]]
    for envelope in by_sqs:
        cloud.sqs.send_message(
            QueueUrl=cloud.outputs["DeadLetterQueueUrl"],
            MessageBody=message.encode("e2e", [envelope.text]),
            MessageGroupId=envelope.charger_id,
            MessageDeduplicationId=uuid4().hex,
        )
    of_the_processor = [(at, each) for at, each in enumerate(envelopes) if each.charger_id != chargers[0]]
    random.shuffle(of_the_processor)
    for at, envelope in of_the_processor:
        moved_by_the_processor(cloud, envelope, at)
    assert number_in(cloud, "DeadLetterQueue") == 200

    with cloud.shell.start("redrive", "--all", "--stage", "local", script="dlq.sh") as killed:
        eventually(lambda: number_in(cloud, "DeadLetterQueue") < 200, seconds=60)
        killed.kill()
    left = number_in(cloud, "DeadLetterQueue")
    assert 0 < left < 200
    hidden = json.loads(dlq(cloud, "list", "--json").stdout)["hidden"]
    assert hidden["heldByOthers"] > 0

    again = dlq(cloud, "redrive", "--all")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "waiting for" in again.stderr
    assert number_in(cloud, "DeadLetterQueue") == 0
    ids = [each.event_id for each in envelopes]
    eventually(lambda: stored_and_stale(cloud, ids)[0] == set(ids), seconds=60)
    assert stored_and_stale(cloud, ids)[1] == set()
    for charger in chargers:
        newest = max(
            (each for each in envelopes if each.charger_id == charger),
            key=lambda each: (each.timestamp, each.ingested_at, each.event_id),
        )
        assert cloud.item_of(charger)["eventId"].get("S") == newest.event_id
