"""The queue message: envelopes of one charger in the order sent, and the id that follows them through the logs."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from telemetry import exact_json
from telemetry.envelope import Identified, TelemetryEnvelope, is_event_id
from telemetry.errors import InvalidEventError, NewerMessageError, NotJsonError, Problem, UnreadableMessageError
from telemetry.event import validate

# Raised when a message changes so that code of before could not read it; a new field alone is no reason.
VERSION = 1
# Ingest packs 100 at most. Of a message of somebody else, hundreds of thousands of bad ones could never be told apart
# within the time and the memory of the function.
MOST_ENVELOPES = 1000
# What API Gateway gives is short; it must be fit for a log line and for an attribute of a message.
_CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True)
class TelemetryMessage:
    """What one queue message holds.

    Attributes:
        correlation_id: of the request that brought the envelopes.
        envelopes: those that keep the contract, in the order sent.
        bad: the error of each that does not, by its index in the message.
        event_ids: of both, in the order sent, as far as they can be read.
    """

    correlation_id: str
    envelopes: Sequence[TelemetryEnvelope]
    bad: dict[int, InvalidEventError] = field(default_factory=dict[int, InvalidEventError])
    event_ids: Sequence[str] = ()


def encode(correlation_id: str, envelopes: Iterable[str]) -> str:
    """Return the body of a message; it is ASCII, because SQS refuses U+FFFE and U+FFFF.

    Args:
        correlation_id: of the request that brought the envelopes.
        envelopes: each as the text that `SealedEvent` has.
    """
    request = exact_json.dump(correlation_id)
    return f'{{"version":{VERSION},"correlationId":{request},"envelopes":[{",".join(envelopes)}]}}'


def deduplication_id(envelopes: Iterable[Identified]) -> str:
    """Return the id by which the queue drops a message whose events it was sent within the last 5 minutes."""
    return hashlib.sha256("".join(envelope.event_id for envelope in envelopes).encode()).hexdigest()


def decode(body: str, charger_id: str) -> TelemetryMessage:
    """Return what the body of a message of `charger_id`'s group holds.

    Raises:
        NewerMessageError: newer code wrote it.
        UnreadableMessageError: it is not a message at all.
    """
    try:
        message = exact_json.parse(body)
    except NotJsonError as error:
        raise UnreadableMessageError("the message is not JSON that can be read") from error
    if not isinstance(message, dict):
        raise UnreadableMessageError("the message is not a JSON object")
    fields = cast("dict[str, object]", message)
    version, correlation_id, envelopes = (fields.get(name) for name in ("version", "correlationId", "envelopes"))
    if type(version) is not int:
        raise UnreadableMessageError("the message has no version")
    if version > VERSION:
        raise NewerMessageError(f"the message has version {version}; this code reads {VERSION}")
    if version < VERSION:
        raise UnreadableMessageError("the message has a version that never was")
    if not isinstance(correlation_id, str) or not _CORRELATION_ID.fullmatch(correlation_id):
        raise UnreadableMessageError("the message has no correlationId")
    if not isinstance(envelopes, list) or not envelopes:
        raise UnreadableMessageError("the message has no envelopes")
    if len(cast("list[object]", envelopes)) > MOST_ENVELOPES:
        raise UnreadableMessageError(f"the message has more than {MOST_ENVELOPES} envelopes")
    return _read_envelopes(correlation_id, cast("list[object]", envelopes), charger_id)


def _read_envelopes(correlation_id: str, envelopes: list[object], charger_id: str) -> TelemetryMessage:
    good: list[TelemetryEnvelope] = []
    bad: dict[int, InvalidEventError] = {}
    for index, value in enumerate(envelopes):
        try:
            envelope = validate(TelemetryEnvelope, value)
        except InvalidEventError as error:
            bad[index] = error
            continue
        if envelope.charger_id == charger_id:
            good.append(envelope)
        else:
            bad[index] = InvalidEventError([Problem("/chargerId", "is not the charger of the message's group")])
    objects = (cast("dict[str, object]", value) for value in envelopes if isinstance(value, dict))
    event_ids = [str(each["eventId"]) for each in objects if is_event_id(each.get("eventId"))]
    return TelemetryMessage(correlation_id, good, bad, event_ids)
