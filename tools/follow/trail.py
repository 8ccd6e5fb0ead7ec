"""What the logs and the table hold of an event, or of the events that one request brought."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import cast

from telemetry.envelope import short_id
from tools.follow.items import Item, Items
from tools.follow.lines import Line, Log, Logs

# A SHA-256 in hex, or its beginning, by which logs name the event: no id of a request is like either.
EVENT_ID = re.compile(r"[0-9a-f]{64}|[0-9a-f]{16}")

# What the functions log. `tests/unit/tools/follow/test_verdicts.py` runs them.
ACCEPTED = "event accepted"
ACCEPTED_SEVERAL = "events accepted"
REJECTED = "events rejected"
NOT_QUEUED = "events not queued"
ACCESS_REFUSED = "access refused"
STORED = "stored"
TO_BE_DELIVERED_AGAIN = "to be delivered again"
DEAD_LETTERED = "dead-lettered"
FINDINGS_CHANGED = "findings changed"

# A resend within 5 minutes is dropped by the queue: what became of the first one is what became of it.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
BEFORE_THE_REQUEST = timedelta(minutes=6)
# An HTTP API waits 30 s for a function.
ROUND_THE_REQUEST = timedelta(minutes=1)
# A charger may send an event again and again; the last requests tell enough.
MOST_REQUESTS = 10
# Each is a search through the processor's log.
MOST_CHARGERS = 10


@dataclass(frozen=True)
class Event:
    """An event, by its short id, and its charger; None where no line names it."""

    event_id: str
    charger_id: str | None


@dataclass(frozen=True, kw_only=True)
class Trail:
    """What was found.

    Attributes:
        asked: the short id of the event, or the id of the request, that is followed.
        lines: about it, in the order of time.
        events: the event, or those that are known of the request.
        items: of their chargers, by their ids; None for a charger that has none.
    """

    asked: str
    lines: Sequence[Line]
    events: Sequence[Event]
    items: Mapping[str, Item | None]


def is_event_id(text: str) -> bool:
    """Tell the id of an event from that of a request."""
    return EVENT_ID.fullmatch(text) is not None


def follow(asked: str, logs: Logs, items: Items, since: datetime) -> Trail:
    """Return what the logs since then, and the table, hold of an event or a request.

    Args:
        asked: the id of the event, or of the request.
        logs: the stage's.
        items: the stage's.
        since: how far to look back. A log is looked through from where an earlier hop tells that there can be anything.
    """
    if is_event_id(asked):
        asked = short_id(asked)
    lines = logs.naming(Log.INGEST, asked, since)
    if lines:
        lines += _requests(lines, logs)
    elif not is_event_id(asked):
        lines += logs.naming(Log.ACCESS, asked, since)
    events = _events(asked, lines)
    begun = max(since, min(line.time for line in lines) - BEFORE_THE_REQUEST) if lines else since
    # One event is followed wherever it went, also where an earlier request had brought it.
    lines += logs.naming(Log.PROCESSOR, events[0].event_id if len(events) == 1 else asked, begun)
    events = _events(asked, lines)
    lines += _of_waiting_chargers(events, lines, logs, begun)
    chargers = sorted({event.charger_id for event in events if event.charger_id})
    return Trail(
        asked=asked,
        lines=sorted({line.key: line for line in lines}.values(), key=_order),
        events=events,
        # After the logs, so that what a line says to be stored is there.
        items={charger: items.item_of(charger) for charger in chargers},
    )


def rejected_by(line: Line) -> Mapping[str, int]:
    """Return how many events a line of ingest says to be rejected, by reason."""
    return {line.text("reason"): cast("int", line.fields["events"])} if line.message == REJECTED else {}


def _events(asked: str, lines: Sequence[Line]) -> list[Event]:
    """Return the event that is asked for, or all that the lines of the request name."""
    if is_event_id(asked):
        named = {asked: None}
    else:
        named = dict.fromkeys(event_id for line in lines if line.request_id == asked for event_id in line.event_ids)
    charger_of = {event_id: charger for line in lines for event_id, charger in _chargers(line)}
    return [Event(event_id, charger_of.get(event_id)) for event_id in named]


def _chargers(line: Line) -> Iterator[tuple[str, str]]:
    """Return each event that a line names, with its charger."""
    chargers = line.texts("chargerIds") or (line.text("chargerId"),) * len(line.event_ids)
    # They stand side by side.
    return zip(line.event_ids, chargers, strict=False)


def _requests(lines: Sequence[Line], logs: Logs) -> list[Line]:
    """Return what API Gateway logged of the last requests that ingest tells of."""
    time_of = {line.request_id: line.time for line in lines}
    last = list(time_of)[-MOST_REQUESTS:]
    return [
        line
        for request_id in last
        for line in logs.naming(
            Log.ACCESS, request_id, time_of[request_id] - ROUND_THE_REQUEST, time_of[request_id] + ROUND_THE_REQUEST
        )
    ]


def _of_waiting_chargers(events: Sequence[Event], lines: Sequence[Line], logs: Logs, begun: datetime) -> list[Line]:
    """Return what became of events of which the processor says nothing so far, and what they may wait behind.

    A FIFO queue gives nothing of a charger while an earlier message of it is to be delivered again.
    """
    processed = {event_id for line in lines if line.log is Log.PROCESSOR for event_id in line.event_ids}
    waiting = [event for event in events if event.event_id not in processed]
    found: list[Line] = []
    for charger in islice({event.charger_id: None for event in waiting if event.charger_id}, MOST_CHARGERS):
        of_charger = logs.naming(Log.PROCESSOR, charger, begun)
        last_of_message = {line.text("messageId"): line for line in of_charger if line.text("messageId")}
        behind = [line for line in last_of_message.values() if line.message == TO_BE_DELIVERED_AGAIN]
        about = [line for line in of_charger if any(event.event_id in line.event_ids for event in waiting)]
        found += [*behind, *about]
    return found


def _order(line: Line) -> tuple[datetime, int]:
    return line.time, list(Log).index(line.log)
