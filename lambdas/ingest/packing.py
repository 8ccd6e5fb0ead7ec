"""Envelopes become queue messages, and messages sends: as few of each as SQS and the order of each charger allow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from telemetry import message
from telemetry.envelope import SealedEvent
from telemetry.fifo_queue import LARGEST_SEND_BYTES, OutgoingMessage

MOST_MESSAGES_IN_A_SEND = 10
# A message's attributes count as part of it: the DLQ adds at most 10, of less than 400 bytes each.
ROOM_FOR_ATTRIBUTES = 4 * 1024
LARGEST_MESSAGE_BYTES = LARGEST_SEND_BYTES - ROOM_FOR_ATTRIBUTES


@dataclass(frozen=True)
class PackedMessage:
    """A message of one charger, and which of the request's events it holds, in the order sent."""

    indexes: tuple[int, ...]
    outgoing: OutgoingMessage


@dataclass
class _Growing:
    """A message that may still take envelopes: how long it is in bytes, and what it has."""

    length: int
    indexes: list[int] = field(default_factory=list[int])


def pack(envelopes: Mapping[int, SealedEvent], correlation_id: str) -> list[PackedMessage]:
    """Return the messages that carry the envelopes: those of one charger together and in order, as far as they fit.

    Args:
        envelopes: by their index in the request, in the order sent. Each fits in a message alone, since a payload of
            64 KiB is at most six times as long in ASCII.
        correlation_id: of the request.
    """
    # Less the comma that the first envelope does not need.
    empty = len(message.encode(correlation_id, [])) - len(",")
    growing: list[_Growing] = []
    last_of: dict[str, _Growing] = {}
    for index, envelope in envelopes.items():
        # Bodies are ASCII, so that a character is a byte.
        size = len(envelope.text) + len(",")
        last = last_of.get(envelope.charger_id)
        if last is None or last.length + size > LARGEST_MESSAGE_BYTES:
            last = last_of[envelope.charger_id] = _Growing(empty)
            growing.append(last)
        last.indexes.append(index)
        last.length += size
    return [_message(each.indexes, [envelopes[index] for index in each.indexes], correlation_id) for each in growing]


def plan_sends(messages: Sequence[PackedMessage]) -> list[list[PackedMessage]]:
    """Return the messages in the sends that take them, one after the other, to the queue.

    A send has one message of a charger at most: SQS may fail any of them, and what follows it in its group must not
    overtake it. Chargers with the most messages choose first, so that theirs alone never make a send more.
    """
    messages_of = Counter(each.outgoing.group for each in messages)
    sends: list[list[PackedMessage]] = []
    next_send_of: dict[str, int] = {}
    for each in sorted(messages, key=lambda each: -messages_of[each.outgoing.group]):
        earliest = next_send_of.get(each.outgoing.group, 0)
        chosen = next((at for at in range(earliest, len(sends)) if _has_room(sends[at], each)), len(sends))
        if chosen == len(sends):
            sends.append([])
        sends[chosen].append(each)
        next_send_of[each.outgoing.group] = chosen + 1
    return sends


def _message(indexes: Sequence[int], envelopes: Sequence[SealedEvent], correlation_id: str) -> PackedMessage:
    outgoing = OutgoingMessage(
        body=message.encode(correlation_id, (each.text for each in envelopes)),
        group=envelopes[0].charger_id,
        deduplication_id=message.deduplication_id(envelopes),
    )
    return PackedMessage(tuple(indexes), outgoing)


def _has_room(send: Sequence[PackedMessage], another: PackedMessage) -> bool:
    length = sum(len(each.outgoing.body) for each in (*send, another))
    return len(send) < MOST_MESSAGES_IN_A_SEND and length <= LARGEST_SEND_BYTES
