from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingest.packing import (
    LARGEST_MESSAGE_BYTES,
    LARGEST_SEND_BYTES,
    ROOM_FOR_ATTRIBUTES,
    PackedMessage,
    pack,
    plan_sends,
)
from processor.delivery import QueuedMessage, dead_letter, open_message
from telemetry import message
from telemetry.envelope import SealedEvent, seal
from telemetry.errors import UnreadableMessageError
from telemetry.event import parse_event
from telemetry.fifo_queue import OutgoingMessage
from telemetry.http_api import LARGEST_BODY_BYTES
from tests.unit.fakes import InMemoryQueue
from tests.unit.strategies import START

# One byte of a body each, and six on the queue.
LONG = "\x7f"
LONGEST_PAYLOAD = 64 * 1024 - len('{"a":""}')


def envelope(charger_id: str, length: int, **fields: object) -> SealedEvent:
    """Return an envelope whose payload takes six times `length` on the queue."""
    event = {"chargerId": charger_id, "timestamp": "2026-11-23T08:00:00Z", "payload": {"a": LONG * length}, **fields}
    return seal(parse_event(event, START), START)


def test_the_largest_event_there_can_be_fits_in_a_message() -> None:
    text = "\N{ELECTRIC PLUG}" * 128
    largest = envelope(
        "C" * 64, LONGEST_PAYLOAD, connectorId=24, chargerStatus=text, locationId=text, firmwareVersion=text
    )
    (packed,) = pack({0: largest}, "r" * 128)
    assert len(packed.outgoing.body) < LARGEST_MESSAGE_BYTES


def test_what_the_dead_letter_queue_adds_to_a_message_fits_beside_the_largest() -> None:
    dead_letters = InMemoryQueue()
    broken = message.encode("r" * 128, [envelope("C" * 64, 1).text] * 200).replace('"eventId":"', '"eventId":"x')
    queued = QueuedMessage(
        message_id="m" * 100,
        receipt_handle="r",
        group="C" * 64,
        sequence_number="9" * 128,
        first_seen_at="2026-11-23T08:00:00.000Z",
        receive_count=1,
        body=broken,
    )
    dead_letter(open_message(queued), UnreadableMessageError("x"), range(0, 200, 2), dead_letters)
    (dead,) = dead_letters.messages
    assert {"badEventIndexes", "correlationId"} <= dead.attributes.keys()
    assert sum(len(name) + len("String") + len(value) for name, value in dead.attributes.items()) < ROOM_FOR_ATTRIBUTES


def test_a_message_is_filled_to_the_byte() -> None:
    def lengths(filler: int) -> list[int]:
        sent = [envelope("CP-1", length) for length in (60_000, 60_000, 53_000)]
        sent.append(envelope("CP-1", 0, payload={"a": "x" * filler}))
        return [len(each.outgoing.body) for each in pack(dict(enumerate(sent)), "request")]

    (short,) = lengths(0)
    room = LARGEST_MESSAGE_BYTES - short
    assert lengths(room) == [LARGEST_MESSAGE_BYTES]
    assert len(lengths(room + 1)) == 2


def test_a_charger_with_many_messages_does_not_wait_for_others() -> None:
    """Twenty chargers with one message, and one with three: as many requests as 23 messages need."""
    chargers = [*(f"CP-{index}" for index in range(20)), *["CP-MANY"] * 3]
    messages = [PackedMessage((index,), outgoing(charger, 10)) for index, charger in enumerate(chargers)]
    assert [len(send) for send in plan_sends(messages)] == [10, 10, 3]


def test_a_send_is_filled_to_the_byte() -> None:
    def sends(last: int) -> int:
        sizes = [LARGEST_SEND_BYTES // 2, LARGEST_SEND_BYTES // 2 - 10, last]
        return len(
            plan_sends([PackedMessage((index,), outgoing(f"CP-{index}", size)) for index, size in enumerate(sizes)])
        )

    assert (sends(10), sends(11)) == (1, 2)


def outgoing(charger_id: str, length: int) -> OutgoingMessage:
    return OutgoingMessage(body="x" * length, group=charger_id, deduplication_id="1")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["CP-1", "CP-2", "CP-3"]), st.integers(0, 200) | st.integers(40_000, LONGEST_PAYLOAD)
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_is_packed_keeps_its_order_and_every_limit(sent: list[tuple[str, int]]) -> None:
    envelopes = {3 * index: envelope(charger_id, length) for index, (charger_id, length) in enumerate(sent)}
    packed = pack(envelopes, "request")
    for each in packed:
        content = message.decode(each.outgoing.body, each.outgoing.group)
        assert content.envelopes == [envelopes[index].open() for index in each.indexes]
        assert each.outgoing.deduplication_id == message.deduplication_id(content.envelopes)
        assert len(each.outgoing.body.encode()) <= LARGEST_MESSAGE_BYTES
    for charger_id in {charger_id for charger_id, _ in sent}:
        of_charger = [each for each in packed if each.outgoing.group == charger_id]
        carried = [index for each in of_charger for index in each.indexes]
        assert carried == [index for index, each in envelopes.items() if each.charger_id == charger_id]
        for before, after in pairwise(of_charger):
            next_length = len(envelopes[after.indexes[0]].text)
            assert len(before.outgoing.body) + 1 + next_length > LARGEST_MESSAGE_BYTES

    sends = plan_sends(packed)
    assert Counter(each.indexes for send in sends for each in send) == Counter(each.indexes for each in packed)
    for send in sends:
        assert len({each.outgoing.group for each in send}) == len(send) <= 10
        assert sum(len(each.outgoing.body) for each in send) <= LARGEST_SEND_BYTES
    for charger_id in {charger_id for charger_id, _ in sent}:
        in_sends = [each.indexes for send in sends for each in send if each.outgoing.group == charger_id]
        assert in_sends == sorted(in_sends)


def test_no_body_takes_more_sends_than_there_is_time_for() -> None:
    """One charger's: a body of 1 MiB is at most six times as long on the queue."""
    count = LARGEST_BODY_BYTES // LONGEST_PAYLOAD
    envelopes = {index: envelope("CP-1", LONGEST_PAYLOAD) for index in range(count)}
    assert len(plan_sends(pack(envelopes, "request"))) == 8
