"""What must be kept of what was sent, by the contract alone, and where what is kept differs from it.

Of a charger, and of each of its connectors, the greatest accepted event by (`timestamp`, `ingestedAt`, `eventId`) is
kept.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.fleet.flaws import Sent

# A charger and one of its connectors, 0 for the charger as a whole.
Place = tuple[str, int]
Json = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Accepted:
    """An acknowledged event; the answer to a batch does not say when it was ingested, which is then empty."""

    timestamp: str
    ingested_at: str
    event_id: str


@dataclass(frozen=True)
class Difference:
    """Something that is not as it must be, in words."""

    charger_id: str
    what: str


@dataclass
class Ledger:
    """What became of each event.

    Attributes:
        accepted: what was acknowledged, by its places.
        unknown: timestamps of what may have been accepted or not: no answer came that says so.
        surprises: answers that the contract does not give.
    """

    accepted: dict[Place, list[Accepted]] = field(default_factory=lambda: defaultdict(list))
    unknown: dict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    surprises: list[Difference] = field(default_factory=list[Difference])

    def accept(self, sent: Sent, *, event_id: str, ingested_at: str) -> None:
        """Note that an event was acknowledged."""
        if not sent.is_valid:
            self.surprises.append(
                Difference(sent.event.charger_id, f"{event_id} is not valid ({sent.event.flaw}), but was accepted")
            )
        for place in places_of(sent):
            self.accepted[place].append(Accepted(sent.event.body.get("timestamp", ""), ingested_at, event_id))

    def reject(self, sent: Sent, reason: str) -> None:
        """Note that an event was rejected."""
        if sent.is_valid:
            self.surprises.append(Difference(sent.event.charger_id, f"a valid event was rejected: {reason}"))

    def lose_sight_of(self, sent: Sent) -> None:
        """Note that nobody knows whether an event was accepted."""
        for place in places_of(sent):
            self.unknown[place].add(sent.event.body.get("timestamp", ""))

    @property
    def charger_ids(self) -> list[str]:
        """The chargers of which something may be kept."""
        return sorted({charger_id for charger_id, _ in (*self.accepted, *self.unknown)})

    def expected(self, place: Place) -> list[Accepted]:
        """Return what may be kept of a place: one event where the answers tell the order, none where none was accepted.

        Several have the same timestamp where answers did not say when an event was ingested, or it was sent twice.
        """
        accepted = self.accepted.get(place, [])
        if not accepted:
            return []
        newest = max(each.timestamp for each in accepted)
        tied = [each for each in accepted if each.timestamp == newest]
        tells = all(each.ingested_at for each in tied) and len({each.event_id for each in tied}) == len(tied)
        return [max(tied)] if tells else tied

    def differences(self, items: Mapping[str, Json]) -> list[Difference]:
        """Return where what the service has differs from what it must have.

        Args:
            items: latest telemetry as the API gives it, by charger.
        """
        return [
            Difference(charger_id, f"{name}: {what}")
            for charger_id in sorted({*self.charger_ids, *items})
            for name, what in self._differences_of(charger_id, items.get(charger_id, {}))
        ]

    def _differences_of(self, charger_id: str, item: Json) -> Iterator[tuple[str, str]]:
        connectors = {int(number): each for number, each in item.get("connectors", {}).items()}
        known = {number for charger, number in (*self.accepted, *self.unknown) if charger == charger_id}
        for number in sorted({0, *connectors, *known}):
            kept = connectors.get(number, {}) if number else item
            what = self._difference_at((charger_id, number), kept)
            if what:
                yield f"connector {number}" if number else "charger", what

    def _difference_at(self, place: Place, kept: Json) -> str:
        expected = self.expected(place)
        newest = expected[0].timestamp if expected else ""
        found = (kept.get("timestamp", ""), kept.get("eventId", ""))
        right = {(each.timestamp, each.event_id) for each in expected} or {("", "")}
        # What may have been accepted is right as well, where it is not older.
        if found in right or (found[0] in self.unknown.get(place, ()) and found[0] >= newest):
            return ""
        must_be = (
            " or ".join(f"{event_id[:16]} of {time}" for time, event_id in sorted(right)) if expected else "nothing"
        )
        if not kept:
            return f"missing, must be {must_be}"
        age = "stale" if found[0] < newest else "wrong"
        return f"{age}: has {found[1][:16]} of {found[0]}, must be {must_be}"


def places_of(sent: Sent) -> list[Place]:
    """Return the places that an event is of: its charger, and its connector where it names one."""
    connector = sent.event.body.get("connectorId")
    charger = (sent.event.charger_id, 0)
    return [charger, (sent.event.charger_id, connector)] if connector else [charger]
