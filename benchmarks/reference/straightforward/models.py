"""What a charger posts, and what travels on the queue."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

CHARGER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9*\-_=:+|@.]{0,63}")
FURTHEST_FUTURE = timedelta(minutes=5)

ShortText = Annotated[str, Field(min_length=1, max_length=128)]


class TelemetryEvent(BaseModel):
    """A telemetry event."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    charger_id: str = Field(pattern=f"^{CHARGER_ID.pattern}$")
    timestamp: AwareDatetime
    payload: dict[str, Any]
    connector_id: int | None = Field(default=None, ge=0, le=24)
    charger_status: ShortText | None = None
    location_id: ShortText | None = None
    firmware_version: ShortText | None = None

    @field_validator("timestamp")
    @classmethod
    def _not_ahead(cls, timestamp: datetime) -> datetime:
        if timestamp > datetime.now(UTC) + FURTHEST_FUTURE:
            raise ValueError("timestamp is more than 5 minutes ahead of the server")
        return timestamp.astimezone(UTC)


class TelemetryEnvelope(TelemetryEvent):
    """An accepted event."""

    event_id: str
    ingested_at: AwareDatetime


class Receipt(BaseModel):
    """What the sender of an accepted event is told."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    event_id: str
    charger_id: str
    timestamp: datetime
    ingested_at: datetime
