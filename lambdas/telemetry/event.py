"""The telemetry event: what a charger posts, validated once, at the door."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from telemetry.errors import InvalidEventError, Problem
from telemetry.storable import find_problems, json_pointer
from telemetry.timestamps import canonical_timestamp, to_milliseconds, to_moment

# OCPP's identifierString, beginning with a letter or a digit.
_CHARGER_ID = r"[A-Za-z0-9][A-Za-z0-9*\-_=:+|@.]{0,63}"
_CHARGER_ID_PATTERN = re.compile(_CHARGER_ID)
CHARGER_ID_RULE = "1 to 64 of A-Z a-z 0-9 * - _ = : + | @ . beginning with a letter or a digit"

# 0 is the charger as a whole.
LARGEST_CONNECTOR = 24
OptionalText = Annotated[str | None, Field(min_length=1, max_length=128, description="a string of 1 to 128 characters")]

# A sender mends some problems at a time; an answer must not grow with what is wrong.
MOST_PROBLEMS = 20
FURTHEST_FUTURE = timedelta(minutes=5)

Model = TypeVar("Model", bound=BaseModel)


class TelemetryEvent(BaseModel):
    """What a charger posts; the timestamp is in its canonical form. A field that is null counts as not sent."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)

    charger_id: str = Field(pattern=f"^{_CHARGER_ID}$", description=CHARGER_ID_RULE)
    timestamp: str = Field(description="an RFC 3339 time with an offset, such as 2026-11-23T08:15:30.250Z")
    payload: dict[str, object] = Field(description="a JSON object")
    connector_id: int | None = Field(
        default=None, ge=0, le=LARGEST_CONNECTOR, description=f"an integer from 0 to {LARGEST_CONNECTOR}"
    )
    charger_status: OptionalText = None
    location_id: OptionalText = None
    firmware_version: OptionalText = None

    @field_validator("timestamp")
    @classmethod
    def _canonical(cls, timestamp: str) -> str:
        return canonical_timestamp(timestamp)

    def as_json(self) -> dict[str, object]:
        """Return the JSON object of the event: fields in camelCase, those that were not sent left out."""
        values = ((alias, getattr(self, name)) for name, alias in _aliases(type(self)))
        return {alias: value for alias, value in values if value is not None}


# By their names in Python, those in JSON: what is declared above without being required is all that there is to it.
OPTIONAL_FIELDS: Mapping[str, str] = {
    name: field.alias or name for name, field in TelemetryEvent.model_fields.items() if not field.is_required()
}


def parse_event(value: object, now: datetime) -> TelemetryEvent:
    """Return the event that a parsed JSON value holds.

    Args:
        value: what `exact_json.parse` returned.
        now: the server's time, which the event may not be far ahead of.

    Raises:
        InvalidEventError: it is no telemetry event, could not be stored as it is, or lies in the future.
    """
    event = validate(TelemetryEvent, value)
    if to_moment(event.timestamp) > now + FURTHEST_FUTURE:
        # Chargers without a clock of their own set it by this.
        detail = f"is more than 5 minutes ahead of the server, whose time is {to_milliseconds(now)}"
        raise InvalidEventError([Problem("/timestamp", detail)])
    return event


def validate(model: type[Model], value: object) -> Model:
    """Return the model that a parsed JSON value holds, known to be storable exactly as it is.

    Raises:
        InvalidEventError: it is not what the model says, or could not be stored.
    """
    problems = list(islice(find_problems(value), MOST_PROBLEMS))
    if problems:
        raise InvalidEventError(problems)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidEventError([_problem(model, each) for each in details[:MOST_PROBLEMS]]) from error


def is_charger_id(text: str) -> bool:
    """Tell whether `text` can be the id of a charger."""
    return _CHARGER_ID_PATTERN.fullmatch(text) is not None


@cache
def _aliases(model: type[BaseModel]) -> Sequence[tuple[str, str]]:
    """Return the fields of a model, with their names in JSON: made once, since each event is written by them."""
    return [(name, field.alias or name) for name, field in model.model_fields.items()]


def _problem(model: type[BaseModel], error: ErrorDetails) -> Problem:
    """Say in our words what the validation library found; its own would repeat values and name itself."""
    path = error["loc"]
    if error["type"] == "missing":
        detail = "is required"
    elif error["type"] == "extra_forbidden":
        detail = "is not a field of a telemetry event"
    elif error["type"] == "value_error":
        detail = str(error.get("ctx", {})["error"])
    elif path:
        rules = {field.alias: field.description for field in model.model_fields.values()}
        detail = f"must be {rules[str(path[0])]}"
    else:
        detail = "must be a JSON object"
    return Problem(json_pointer(path), detail)
