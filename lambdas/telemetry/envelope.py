"""The telemetry envelope: an accepted event with the server's time and an id, as it travels on the queue."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import ConfigDict, Field, field_validator

from telemetry import exact_json
from telemetry.event import TelemetryEvent
from telemetry.timestamps import is_service_time, to_microseconds

_EVENT_ID = r"[0-9a-f]{64}"
_EVENT_ID_PATTERN = re.compile(_EVENT_ID)
_SHORT_ID_LENGTH = 16


class TelemetryEnvelope(TelemetryEvent):
    """An accepted event; fields that only newer code knows are ignored.

    Attributes:
        ingested_at: when ingest accepted it, in UTC with microseconds; text order is time order.
        event_id: SHA-256 of the event in hex.
    """

    model_config = ConfigDict(extra="ignore")

    ingested_at: str = Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        description="a UTC time with microseconds",
    )
    event_id: str = Field(pattern=f"^{_EVENT_ID}$", description="a SHA-256 in hex")

    @field_validator("ingested_at")
    @classmethod
    def _exists(cls, ingested_at: str) -> str:
        """Refuse the 30th of February and the year 9999: what is calculated from it later would fail each time."""
        if not is_service_time(ingested_at):
            raise ValueError("is no time at which this service can have run")
        return ingested_at

    @property
    def order(self) -> tuple[str, str, str]:
        """What decides which of two envelopes is newer; equal only for the same envelope."""
        return (self.timestamp, self.ingested_at, self.event_id)


class Identified(Protocol):
    """What logs and the queue tell events apart by."""

    @property
    def charger_id(self) -> str:
        """The charger's id."""
        ...

    @property
    def event_id(self) -> str:
        """The event's id."""
        ...


@dataclass(frozen=True)
class SealedEvent:
    """An envelope as ingest hands it on: written once, since its id, its length and its message come of its text.

    Attributes:
        text: the whole envelope as JSON, compact and in ASCII.
    """

    charger_id: str
    timestamp: str
    ingested_at: str
    event_id: str
    text: str

    def receipt(self) -> dict[str, object]:
        """Return what tells the sender that the event was accepted."""
        return {
            "eventId": self.event_id,
            "chargerId": self.charger_id,
            "timestamp": self.timestamp,
            "ingestedAt": self.ingested_at,
        }

    def open(self) -> TelemetryEnvelope:
        """Return the envelope that the text holds."""
        return TelemetryEnvelope.model_validate(exact_json.parse(self.text))


def seal(event: TelemetryEvent, ingested_at: datetime) -> SealedEvent:
    """Return the envelope of an event that was accepted at `ingested_at`.

    Its id is the SHA-256 of the canonical event: the same event sent twice has the same id.
    """
    canonical = exact_json.dump(event.as_json())
    event_id = hashlib.sha256(canonical.encode()).hexdigest()
    stamp = to_microseconds(ingested_at)
    # The event with two more fields: neither the hash nor the time has a character that JSON escapes.
    text = f'{canonical[:-1]},"eventId":"{event_id}","ingestedAt":"{stamp}"}}'
    return SealedEvent(event.charger_id, event.timestamp, stamp, event_id, text)


def short_id(event_id: str) -> str:
    """Return the beginning of an event's id, by which logs and an item's internals name it: 64 bits of a hash.

    An item names hundreds of events, and what is logged of a POST of 100 is most of its cost: see docs/cost.md.
    """
    return event_id[:_SHORT_ID_LENGTH]


def is_event_id(value: object) -> bool:
    """Tell whether a value can be the id of an event."""
    return isinstance(value, str) and _EVENT_ID_PATTERN.fullmatch(value) is not None


def ids_of(envelopes: Sequence[Identified]) -> dict[str, str | list[str]]:
    """Return by what a log line names several envelopes: the ids of their chargers and events, each in their order.

    Where they are all of one charger, it is named once.
    """
    charger_ids = [envelope.charger_id for envelope in envelopes]
    event_ids = [short_id(envelope.event_id) for envelope in envelopes]
    if len(set(charger_ids)) == 1:
        return {"chargerId": charger_ids[0], "eventIds": event_ids}
    return {"chargerIds": charger_ids, "eventIds": event_ids}
