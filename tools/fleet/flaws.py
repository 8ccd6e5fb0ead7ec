"""What goes wrong on the way: a charger's events as they are sent, with flaws by rate."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tools.fleet.chargers import Event
from tools.fleet.plan import Plan
from tools.fleet.shapes import Json


class Flaw(StrEnum):
    """What is done to an event."""

    LATE = "late"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out of order"
    OFFLINE = "offline and replayed"
    MALFORMED = "malformed"
    SLOW_CLOCK = "clock behind"
    FAST_CLOCK = "clock ahead"
    FAR_CLOCK = "clock far ahead"


# The service takes 5 minutes, and not more: docs/openapi.json. Far enough from that for slow networks.
DRIFTS = {Flaw.SLOW_CLOCK: -600.0, Flaw.FAST_CLOCK: 120.0, Flaw.FAR_CLOCK: 1200.0}
NEVER_VALID = {Flaw.MALFORMED, Flaw.FAR_CLOCK}
# How many events a charger keeps while it is offline.
OFFLINE_EVENTS = 5


@dataclass(frozen=True)
class Sent:
    """An event on its way.

    Attributes:
        at: when it is sent, in seconds from the beginning.
        event: what it is; its flaw says what was done to it.
        text: its JSON, where it is not that of the event's body.
        replay: which time offline it is of, 0 where none: what has the same number is sent in one batch.
    """

    at: float
    event: Event
    text: str = ""
    replay: int = 0

    @property
    def timestamp(self) -> str:
        """The event's timestamp, empty where it was left out."""
        return self.event.body.get("timestamp", "")

    @property
    def is_valid(self) -> bool:
        """Whether the service must accept it."""
        return self.event.flaw not in NEVER_VALID


def flawed(events: Sequence[Event], chance: random.Random, plan: Plan) -> Iterator[Sent]:
    """Yield a charger's events as they are sent, in the order in which they are; all are within the duration."""
    sent: list[Sent] = []
    waiting = iter(events)
    replays = 0
    for event in waiting:
        if chance.random() >= plan.flaws:
            sent.append(Sent(event.at, event))
            continue
        flaw = chance.choice(list(Flaw))
        bad = replace(event, flaw=flaw)
        match flaw:
            case Flaw.LATE:
                sent.append(Sent(event.at + plan.interval * chance.uniform(1.5, 4), bad))
            case Flaw.OUT_OF_ORDER:
                sent.append(Sent(event.at + plan.interval * 1.2, bad))
            case Flaw.DUPLICATED:
                sent += [Sent(event.at, bad), Sent(event.at + plan.interval * chance.uniform(0, 2), bad)]
            case Flaw.MALFORMED:
                sent.append(chance.choice(SPOILERS)(Sent(event.at, bad)))
            case Flaw.OFFLINE:
                replays += 1
                stored = [
                    bad,
                    *(replace(each, flaw=flaw) for _, each in zip(range(OFFLINE_EVENTS - 1), waiting, strict=False)),
                ]
                sent += [Sent(stored[-1].at, each, replay=replays) for each in stored]
            case _:
                sent.append(Sent(event.at, bad.moved(DRIFTS[flaw])))
    # Sorting is stable: what is replayed stays in its order.
    yield from sorted((replace(each, at=min(each.at, plan.duration)) for each in sent), key=lambda each: each.at)


def _with(**fields: object) -> Callable[[Sent], Sent]:
    def spoil(sent: Sent) -> Sent:
        body: Json = {name: value for name, value in {**sent.event.body, **fields}.items() if value is not None}
        return replace(sent, event=replace(sent.event, body=body))

    return spoil


def _not_json(sent: Sent) -> Sent:
    return replace(sent, text='{"chargerId": "' + sent.event.charger_id)


def _no_offset(sent: Sent) -> Sent:
    return _with(timestamp=sent.event.body["timestamp"].removesuffix("Z"))(sent)


def _empty(sent: Sent) -> Sent:
    return replace(sent, text="[]")


# Each makes of an event one that the service must reject.
SPOILERS: tuple[Callable[[Sent], Sent], ...] = (
    _not_json,
    _no_offset,
    _empty,
    _with(surprise=True),
    _with(chargerId="no/charger"),
    _with(timestamp="yesterday"),
    _with(timestamp=None),
    _with(connectorId=99),
    _with(payload=["power"]),
)
