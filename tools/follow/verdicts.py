"""What became of an event, by what is logged and stored of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus

from telemetry.envelope import short_id
from tools.follow.items import Item, Newest
from tools.follow.lines import Line, Log
from tools.follow.trail import (
    DEAD_LETTERED,
    FINDINGS_CHANGED,
    NOT_QUEUED,
    STORED,
    TO_BE_DELIVERED_AGAIN,
    Event,
    Trail,
    rejected_by,
)

# Longer than any message that is to be delivered again stays hidden.
SILENCE = timedelta(minutes=10)
IN_THE_DLQ = "scripts/dlq.sh list and show tell more"


class Outcome(StrEnum):
    """What became of an event."""

    NEWEST = "stored and newest"
    SUPERSEDED = "stored, superseded"
    GONE = "stored, and gone since"
    STALE = "stale"
    WAITING = "waiting to be delivered again"
    DEAD_LETTERED = "in the DLQ"
    QUEUED = "on the queue"
    REFUSED = "refused"
    UNTOLD = "not told of yet"
    NO_EVENT = "no event"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of an event.

    Attributes:
        outcome: in short.
        reason: why, where something stands against it.
        more: what else there is to say, to be read after them.
        event: the event; None for one that was refused before it had an id.
    """

    outcome: Outcome
    reason: str = ""
    more: str = ""
    event: Event | None = None

    @property
    def label(self) -> str:
        """What became of it, in short, and why."""
        return f"{self.outcome} ({self.reason})" if self.reason else self.outcome.value

    @property
    def text(self) -> str:
        """The whole of it."""
        return self.label + self.more


def verdicts_of(trail: Trail, now: datetime) -> list[Verdict]:
    """Return what became of each event of a trail, refused ones that have no id among them; at least one.

    Args:
        trail: with a line at least.
        now: the time.
    """
    found = [_verdict(event, trail, now) for event in trail.events]
    rejected = [verdict for line in trail.lines for verdict in _rejected(line)]
    return [*found, *rejected] or [_of_the_request(trail, now)]


def summary(verdicts: Sequence[Verdict]) -> str:
    """Return one line that says what became of all."""
    if len(verdicts) == 1:
        return verdicts[0].text
    counted = Counter(verdict.label for verdict in verdicts)
    return f"of {len(verdicts)} events: " + ", ".join(f"{number} {label}" for label, number in counted.items())


def _verdict(event: Event, trail: Trail, now: datetime) -> Verdict:
    about = [line for line in trail.lines if event.event_id in line.event_ids]
    item = trail.items.get(event.charger_id) if event.charger_id else None
    if item and (places := list(_places(event, item))):
        return Verdict(outcome=Outcome.NEWEST, more=f" of {' and of '.join(places)}", event=event)
    stored = [line for line in about if line.message == STORED]
    if stored:
        fresh = any(event.event_id not in line.stale_event_ids for line in stored)
        return _superseded(event, item, about) if fresh else _stale(event, item, about)
    ends = [line for line in about if line.message in {TO_BE_DELIVERED_AGAIN, DEAD_LETTERED}]
    if ends:
        return _unfinished(ends, event, now)
    if all(line.message == NOT_QUEUED for line in about):
        reasons = ", ".join(about[-1].texts("reasons"))
        more = ": its sender was told to send it again"
        return Verdict(outcome=Outcome.REFUSED, reason=reasons, more=more, event=event)
    return _queued(event, trail, now)


def _places(event: Event, item: Item) -> Iterator[str]:
    """Yield the places whose newest event this is."""
    if short_id(item.charger.event_id) == event.event_id:
        yield str(event.charger_id)
    for number, newest in item.connectors.items():
        if short_id(newest.event_id) == event.event_id:
            yield f"connector {number} of {event.charger_id}"


def _superseded(event: Event, item: Item | None, about: Sequence[Line]) -> Verdict:
    if item is None:
        more = f": {event.charger_id} has no item any more, it has expired or was deleted"
        return Verdict(outcome=Outcome.GONE, more=more, event=event)
    newer = _newest_of_its_place(item, about)
    more = f" by {newer.event_id} of {newer.timestamp}"
    return Verdict(outcome=Outcome.SUPERSEDED, more=more, event=event)


def _stale(event: Event, item: Item | None, about: Sequence[Line]) -> Verdict:
    more = ": a newer event was stored before it"
    if item:
        newer = _newest_of_its_place(item, about)
        more += f"; the newest is {newer.event_id} of {newer.timestamp}"
    return Verdict(outcome=Outcome.STALE, more=more, event=event)


def _newest_of_its_place(item: Item, about: Sequence[Line]) -> Newest:
    """Return the newest event of the connector, where a line tells which it is, else of the charger."""
    connectors = [line.text("connectorId") for line in about if line.message == FINDINGS_CHANGED]
    return next((item.connectors[each] for each in connectors if each in item.connectors), item.charger)


def _unfinished(ends: Sequence[Line], event: Event | None, now: datetime) -> Verdict:
    """Return the verdict on what was not stored.

    Args:
        ends: the lines that say so, at least one.
        event: that they are about, where they name one.
        now: the time.
    """
    last = ends[-1]
    reason = last.text("reason")
    if last.message == DEAD_LETTERED:
        return Verdict(outcome=Outcome.DEAD_LETTERED, reason=reason, more=f": {IN_THE_DLQ}", event=event)
    more = f", received {last.text('receives')} times so far"
    if now - last.time > SILENCE:
        more += f", the last at {last.time:%FT%TZ}: if the queue itself moved it to the DLQ, {IN_THE_DLQ}"
    return Verdict(outcome=Outcome.WAITING, reason=reason, more=more, event=event)


def _queued(event: Event, trail: Trail, now: datetime) -> Verdict:
    behind = [
        line
        for line in trail.lines
        if line.message == TO_BE_DELIVERED_AGAIN and line.text("chargerId") == event.charger_id
    ]
    if behind:
        message = behind[-1]
        more = (
            f": message {message.text('messageId')} of {event.charger_id} is to be delivered again "
            f"({message.text('reason')}), and what follows waits for it"
        )
    else:
        more = ": the processor has not told of it so far"
        if now - trail.lines[-1].time > SILENCE:
            more += ", which it has long had the time for: see queue-behind in docs/runbook.md"
    return Verdict(outcome=Outcome.QUEUED, more=more, event=event)


def _rejected(line: Line) -> Iterator[Verdict]:
    """Yield a verdict for each event that a line of ingest says to be rejected."""
    for reason, number in rejected_by(line).items():
        yield from [Verdict(outcome=Outcome.REFUSED, reason=reason)] * number


def _of_the_request(trail: Trail, now: datetime) -> Verdict:
    """Return the verdict on a request of which no event is known."""
    ends = [line for line in trail.lines if line.log is Log.PROCESSOR]
    if ends:
        return _unfinished(ends, None, now)
    answered = trail.lines[-1]
    status = answered.text("status")
    if answered.log is Log.ACCESS and answered.text("routeKey").startswith("GET "):
        return Verdict(outcome=Outcome.NO_EVENT, more=": it asked for telemetry, and brought none")
    if answered.log is Log.ACCESS and status.isdecimal() and int(status) >= HTTPStatus.BAD_REQUEST:
        said = [answered.text(name) for name in ("authorizerError", "integrationError", "error")]
        why = next((each for each in said if each not in {"", "-"}), "")
        return Verdict(outcome=Outcome.REFUSED, reason=f"{status} by API Gateway", more=f": {why}" if why else "")
    return Verdict(outcome=Outcome.UNTOLD, more=": the lines of ingest are not there yet, look again in a moment")
