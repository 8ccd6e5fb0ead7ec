"""A record of its own of what chargers sent and what was acknowledged, and what of that is nowhere to be found.

It knows nothing of how the service works, only what its contract promises: of a charger, of each of its connectors and
of each value last known, the greatest by (`timestamp`, `ingestedAt`, `eventId`) is kept, or its message is in the DLQ.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class SentEvent:
    """An event that a charger sends.

    Attributes:
        number: its own in its ledger; it is in the payload, and in each value that the event carries.
        body: what is posted.
        carries: the names of its values under `lastKnown`.
    """

    number: int
    body: Json
    carries: tuple[str, ...]

    @property
    def charger_id(self) -> str:
        return self.body["chargerId"]

    @property
    def timestamp(self) -> str:
        return self.body["timestamp"]


@dataclass
class Ledger:
    """What was sent and what was acknowledged.

    A charger sends one thing after the other, so that the order of its acknowledgements is that of `ingestedAt`.
    """

    sent: list[SentEvent] = field(default_factory=list[SentEvent])
    # In the order of their acknowledgement.
    acknowledged: dict[int, SentEvent] = field(default_factory=dict[int, SentEvent])
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def event(self, charger_id: str, at: datetime, *, connector_id: int = 0) -> SentEvent:
        """Return a new event, of the charger as a whole where the connector is 0; not all carry the same values."""
        number = next(self._numbers)
        body: Json = {"chargerId": charger_id, "timestamp": _text(at), "payload": {"number": number}}
        carries: list[str] = []
        if connector_id:
            body["connectorId"] = connector_id
        if number % 2:
            body["payload"]["session_energy_wh"] = number
            carries.append("metrics.energySessionWh")
        if number % 3 == 0:
            body["firmwareVersion"] = f"firmware {number}"
            carries.append("firmwareVersion")
        event = SentEvent(number, body, tuple(carries))
        self.sent.append(event)
        return event

    def acknowledge(self, event: SentEvent) -> None:
        """Note that the service has said to have the event."""
        self.acknowledged[event.number] = event

    def lost(self, latest: Mapping[str, Json], dead_lettered: Collection[int]) -> list[SentEvent]:
        """Return the acknowledged events that are neither seen, nor replaced by a newer one, nor in the DLQ.

        Args:
            latest: the latest telemetry of each charger that has some, as the API gives it.
            dead_lettered: the numbers of the events in messages that are in the DLQ.

        Raises:
            KeyError: something is stored that was never acknowledged.
        """
        order = {number: (event.timestamp, turn) for turn, (number, event) in enumerate(self.acknowledged.items())}
        return [
            event
            for number, event in self.acknowledged.items()
            if number not in dead_lettered
            and any(kept is None or order[kept] < order[number] for kept in _kept_where_it_belongs(event, latest))
        ]


def _kept_where_it_belongs(event: SentEvent, latest: Mapping[str, Json]) -> Iterator[int | None]:
    """Yield, of each place and each value that an event is for, the number of the event that is kept there."""
    charger = latest.get(event.charger_id, {})
    places = [charger]
    if "connectorId" in event.body:
        places.append(charger.get("connectors", {}).get(str(event.body["connectorId"]), {}))
    for place in places:
        yield place["payload"]["number"] if place else None
        for name in event.carries:
            yield _number_of(place.get("lastKnown", {}), name)


def _number_of(last_known: Json, name: str) -> int | None:
    """Return the number of the event that a value last known is of."""
    known = last_known
    for part in name.split("."):
        known = known.get(part, {})
    number = re.search(r"\d+$", str(known.get("value", "")))
    return int(number.group()) if number else None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
