"""Telemetry events of the shapes that chargers send, from files."""

from pathlib import Path
from typing import cast

from telemetry import exact_json
from telemetry.event import TelemetryEvent, validate
from telemetry.metrics import Number
from telemetry.normalisation import Normalised, normalise

EVENTS = Path(__file__).parents[1] / "events"


def payload_of(name: str) -> dict[str, object]:
    """The payload of an event's file, of which it is known that the service accepts it."""
    return validate(TelemetryEvent, exact_json.parse((EVENTS / f"{name}.json").read_text())).payload


def normalised(name: str) -> Normalised:
    return normalise(payload_of(name))


def of_text(payload: str) -> Normalised:
    """What a payload says, its numbers read as those of a request are."""
    return normalise(cast("dict[str, object]", exact_json.parse(payload)))


def values_of(payload: dict[str, object]) -> dict[str, Number]:
    return dict(normalise(payload).metrics.values)
