"""What must be kept of what was sent, by the contract alone, and where what is kept differs from it.

Of a charger, of each of its connectors, and of each value last known there, that of the greatest accepted event by
(`timestamp`, `ingestedAt`, `eventId`) is kept. A charger sends one thing after the other, so that the order of its
acknowledgements is that of `ingestedAt`, which the answer to a batch does not tell. What a place says of its newest
event is what that event said.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from telemetry.event import OPTIONAL_FIELDS
from tools.fleet.flaws import Sent
from tools.service import JsonObject, object_of

# A charger and one of its connectors, 0 for the charger as a whole.
Place = tuple[str, int]
# A value last known at a place, by its path there, e.g. `metrics.powerW`; empty for the id of the newest event.
Slot = tuple[str, int, str]
NEWEST = ""
METRICS = "metrics."
# Beside a place's metrics: the names of those whose unit was assumed.
ASSUMED = "metrics.assumed"
LONGEST_VALUE = 60


@dataclass(frozen=True)
class Kept:
    """A value, and the timestamp of the event that it is of; both are empty where nothing is kept."""

    timestamp: str = ""
    value: object = ""

    def is_as(self, other: "Kept") -> bool:
        """Tell whether both say the same."""
        return self.timestamp == other.timestamp and is_same(self.value, other.value)

    def __str__(self) -> str:
        """Return it for a line: of an id, as much as logs say."""
        return (
            f"{self.value:.16} of {self.timestamp}"
            if isinstance(self.value, str)
            else f"{str(self.value)[:LONGEST_VALUE]} of {self.timestamp}"
        )


@dataclass(frozen=True)
class Difference:
    """Something that is not as it must be, in words."""

    charger_id: str
    what: str


@dataclass
class Ledger:
    """What became of each event.

    Attributes:
        accepted: what was acknowledged with an id, in that order, by where it belongs.
        events: the same by charger and id.
        unknown: timestamps of what may have been accepted or not: no answer came that says so.
        surprises: answers that the contract does not give.
    """

    accepted: dict[Slot, list[tuple[Kept, str]]] = field(default_factory=lambda: defaultdict(list))
    events: dict[tuple[str, str], Sent] = field(default_factory=dict[tuple[str, str], Sent])
    unknown: dict[Slot, set[str]] = field(default_factory=lambda: defaultdict(set))
    surprises: list[Difference] = field(default_factory=list[Difference])

    def accept(self, sent: Sent, *, event_id: str, receipt: JsonObject | None = None) -> None:
        """Note that an event was acknowledged.

        Args:
            sent: the event.
            event_id: the id that it was given.
            receipt: the answer, where it is to this event alone.
        """
        if not sent.is_valid:
            self.surprises.append(
                Difference(sent.event.charger_id, f"{event_id} is not valid ({sent.event.flaw}), but was accepted")
            )
        elif receipt is not None:
            told = receipt.get("chargerId"), receipt.get("timestamp")
            if told != (sent.event.charger_id, sent.timestamp):
                what = f"the answer to an event of {sent.timestamp} is of {told[0]} and {told[1]}"
                self.surprises.append(Difference(sent.event.charger_id, what))
        self.events[sent.event.charger_id, event_id] = sent
        for slot, value in _belongings_of(sent, event_id):
            self.accepted[slot].append((Kept(sent.timestamp, value), event_id))

    def reject(self, sent: Sent, reason: str) -> None:
        """Note that an event was rejected."""
        if sent.is_valid:
            self.surprises.append(Difference(sent.event.charger_id, f"a valid event was rejected: {reason}"))

    def lose_sight_of(self, sent: Sent) -> None:
        """Note that nobody knows whether an event was accepted."""
        for slot, _ in _belongings_of(sent, ""):
            self.unknown[slot].add(sent.timestamp)

    def expected(self, slot: Slot) -> list[Kept]:
        """Return what may be kept: one value, none where none was accepted.

        Several where an event was sent twice among others of its timestamp: the queue may have dropped the second.
        """
        accepted = self.accepted.get(slot, [])
        newest = max((kept.timestamp for kept, _ in accepted), default="")
        tied = [(kept, event_id) for kept, event_id in accepted if kept.timestamp == newest]
        once = len({event_id for _, event_id in tied}) == len(tied)
        return [kept for kept, _ in (tied[-1:] if once else tied)]

    def differences(self, items: Mapping[str, JsonObject]) -> list[Difference]:
        """Return where what the service has differs from what it must have.

        Args:
            items: latest telemetry as the API gives it, by charger.
        """
        slots = {*self.accepted, *self.unknown}
        for charger_id, item in items.items():
            for number in (0, *map(int, object_of(item.get("connectors")))):
                known = object_of(_place_of(charger_id, number, items).get("lastKnown"))
                slots |= {(charger_id, number, path) for path in (NEWEST, *_flat(known, is_known=True))}
        return [
            Difference(slot[0], f"{_name_of(slot)}: {what}")
            for slot in sorted(slots)
            if (what := self._difference_at(slot, _kept_at(slot, items)) or self._other_content(slot, items))
        ]

    def _difference_at(self, slot: Slot, found: Kept) -> str:
        expected = self.expected(slot) or [Kept()]
        newest = expected[0].timestamp
        # What may have been accepted is right as well, where it is not older.
        may_be = found.timestamp in self.unknown.get(slot, ()) and found.timestamp >= newest
        if may_be or any(found.is_as(each) for each in expected):
            return ""
        must_be = " or ".join(sorted({str(each) for each in expected})) if newest else "nothing"
        if not found.timestamp:
            return f"missing, must be {must_be}"
        return f"{'stale' if found.timestamp < newest else 'wrong'}: has {found}, must be {must_be}"

    def _other_content(self, slot: Slot, items: Mapping[str, JsonObject]) -> str:
        """Tell where a place says something else than its newest event did."""
        charger_id, number, path = slot
        place = _place_of(charger_id, number, items)
        event_id = str(place.get("eventId"))
        sent = self.events.get((charger_id, event_id))
        if path != NEWEST or sent is None:
            return ""
        body = sent.event.body
        said = {"payload": body.get("payload"), "connectorId": body.get("connectorId"), **sent.event.values}
        told = {"payload": place.get("payload"), **{name: place.get(name) for name in OPTIONAL_FIELDS.values()}}
        told |= {METRICS + name: value for name, value in _flat(object_of(place.get("metrics"))).items()}
        told.pop(ASSUMED, None)
        if number and place.get("payloadOmitted") is True:
            told["payload"] = said["payload"]
        other = [name for name in sorted({*said, *told}) if not is_same(said.get(name), told.get(name))]
        return f"wrong: has another {', '.join(other)} than its event {event_id:.16}" if other else ""


def is_same(one: object, other: object) -> bool:
    """Tell whether two values of JSON are the same; numbers in other units were rounded by the charger."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        try:
            return math.isclose(one, other, rel_tol=1e-9)
        except OverflowError:
            return one == other
    if isinstance(one, dict) and isinstance(other, dict):
        ours, theirs = object_of(cast("object", one)), object_of(cast("object", other))
        return ours.keys() == theirs.keys() and all(is_same(ours[name], theirs[name]) for name in ours)
    if isinstance(one, list) and isinstance(other, list):
        pairs = cast("list[object]", one), cast("list[object]", other)
        return len(pairs[0]) == len(pairs[1]) and all(map(is_same, *pairs))
    return one == other


def _flat(told: JsonObject, *, is_known: bool = False) -> dict[str, object]:
    """Return the values in an object, by their dotted names; those that are last known are objects themselves."""
    found: dict[str, object] = {}
    waiting = list(told.items())
    while waiting:
        path, value = waiting.pop()
        inner = object_of(value)
        if inner and not (is_known and "timestamp" in inner):
            waiting += [(f"{path}.{name}", each) for name, each in inner.items()]
        else:
            found[path] = value
    return found


def _belongings_of(sent: Sent, event_id: str) -> Iterator[tuple[Slot, object]]:
    """Yield where an event belongs, and with which value: its charger, and the connector where it names one."""
    for number in sorted({0, sent.event.body.get("connectorId", 0)}):
        yield (sent.event.charger_id, number, NEWEST), event_id
        for path, value in sent.event.values.items():
            yield (sent.event.charger_id, number, path), value


def _place_of(charger_id: str, number: int, items: Mapping[str, JsonObject]) -> JsonObject:
    item = items.get(charger_id, {})
    return object_of(object_of(item.get("connectors")).get(str(number))) if number else item


def _kept_at(slot: Slot, items: Mapping[str, JsonObject]) -> Kept:
    charger_id, number, path = slot
    place = _place_of(charger_id, number, items)
    if path == NEWEST:
        return Kept(str(place.get("timestamp", "")), place.get("eventId", ""))
    known = object_of(place.get("lastKnown"))
    for step in path.split("."):
        known = object_of(known.get(step))
    return Kept(str(known.get("timestamp", "")), known.get("value", ""))


def _name_of(slot: Slot) -> str:
    _, number, path = slot
    return (f"connector {number}" if number else "charger") + (f", {path}" if path else "")
