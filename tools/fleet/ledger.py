"""What must be kept of what was sent, by the contract alone, and where what is kept differs from it.

Of a charger, of each of its connectors, and of each value last known there, that of the greatest accepted event by
(`timestamp`, `ingestedAt`, `eventId`) is kept. A charger sends one thing after the other, so that the order of its
acknowledgements is that of `ingestedAt`, which the answer to a batch does not tell.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.fleet.flaws import Sent

# A charger and one of its connectors, 0 for the charger as a whole.
Place = tuple[str, int]
# A value last known at a place, by its path there, e.g. `metrics.powerW`; empty for the id of the newest event.
Slot = tuple[str, int, str]
Json = Mapping[str, Any]
NEWEST = ""


@dataclass(frozen=True)
class Kept:
    """A value, and the timestamp of the event that it is of; both are empty where nothing is kept."""

    timestamp: str = ""
    value: object = ""

    def is_as(self, other: "Kept") -> bool:
        """Tell whether both say the same; numbers in other units were rounded by the charger."""
        if isinstance(self.value, int | float) and isinstance(other.value, int | float):
            return self.timestamp == other.timestamp and math.isclose(self.value, other.value, rel_tol=1e-9)
        return self == other

    def __str__(self) -> str:
        """Return it for a line: of an id, as much as logs say."""
        return (
            f"{self.value:.16} of {self.timestamp}"
            if isinstance(self.value, str)
            else f"{self.value} of {self.timestamp}"
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
        unknown: timestamps of what may have been accepted or not: no answer came that says so.
        surprises: answers that the contract does not give.
    """

    accepted: dict[Slot, list[tuple[Kept, str]]] = field(default_factory=lambda: defaultdict(list))
    unknown: dict[Slot, set[str]] = field(default_factory=lambda: defaultdict(set))
    surprises: list[Difference] = field(default_factory=list[Difference])

    def accept(self, sent: Sent, *, event_id: str) -> None:
        """Note that an event was acknowledged."""
        if not sent.is_valid:
            self.surprises.append(
                Difference(sent.event.charger_id, f"{event_id} is not valid ({sent.event.flaw}), but was accepted")
            )
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

    def differences(self, items: Mapping[str, Json]) -> list[Difference]:
        """Return where what the service has differs from what it must have.

        Args:
            items: latest telemetry as the API gives it, by charger.
        """
        slots = {*self.accepted, *self.unknown}
        for charger_id, item in items.items():
            slots |= {(charger_id, number, NEWEST) for number in (0, *map(int, item.get("connectors", {})))}
        return [
            Difference(slot[0], f"{_name_of(slot)}: {what}")
            for slot in sorted(slots)
            if (what := self._difference_at(slot, _kept_at(slot, items)))
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


def _belongings_of(sent: Sent, event_id: str) -> Iterator[tuple[Slot, object]]:
    """Yield where an event belongs, and with which value: its charger, and the connector where it names one."""
    for number in sorted({0, sent.event.body.get("connectorId", 0)}):
        yield (sent.event.charger_id, number, NEWEST), event_id
        for path, value in sent.event.values.items():
            yield (sent.event.charger_id, number, path), value


def _kept_at(slot: Slot, items: Mapping[str, Json]) -> Kept:
    charger_id, number, path = slot
    item = items.get(charger_id, {})
    place: Json = item.get("connectors", {}).get(str(number), {}) if number else item
    if path == NEWEST:
        return Kept(place.get("timestamp", ""), place.get("eventId", ""))
    known = place.get("lastKnown", {})
    for step in path.split("."):
        known = known.get(step, {})
    return Kept(known.get("timestamp", ""), known.get("value", ""))


def _name_of(slot: Slot) -> str:
    _, number, path = slot
    return (f"connector {number}" if number else "charger") + (f", {path}" if path else "")
