"""What can go wrong, as exceptions that know whether sending or trying again can help.

`reason` is a closed set of short codes: metrics, logs, problem types and the DLQ name an error by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an event.

    Attributes:
        pointer: a JSON Pointer (RFC 6901) to where it is; long keys are shortened.
        detail: what is wrong, for the person who reads it; never repeats a value.
    """

    pointer: str
    detail: str


class TelemetryError(Exception):
    """Any failure that the contract names."""

    reason: ClassVar[str]
    retryable: ClassVar[bool] = False


class NotJsonError(TelemetryError):
    """The body, or a message, is not JSON in UTF-8."""

    reason = "not_json"


class BrokenGzipError(TelemetryError):
    """What was sent as gzip is none, or is damaged."""

    reason = "broken_gzip"


class TooLargeError(TelemetryError):
    """The body is longer, or holds more events, than the contract allows."""

    reason = "too_large"


class MediaTypeError(TelemetryError):
    """The body is not of a type that is read here."""

    reason = "media_type"


class InvalidEventError(TelemetryError):
    """The JSON is not a telemetry event; `problems` says where and why, at least once."""

    reason = "invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems; as text they read one after the other."""
        super().__init__("; ".join(f"{problem.pointer or 'the event'} {problem.detail}" for problem in problems))
        self.problems = tuple(problems)


class InvalidBatchError(InvalidEventError):
    """The JSON is not a batch of events; its events were not looked at."""


class InvalidChargerIdError(TelemetryError):
    """What was asked for cannot be the id of a charger."""

    reason = "invalid_charger_id"


class InvalidQueryError(TelemetryError):
    """The query of the URL asks for nothing, for too much, or for what is not known here."""

    reason = "invalid_query"


class ForbiddenChargerError(TelemetryError):
    """The token does not name the chargers that `charger_ids` holds, at least one."""

    reason = "forbidden"

    def __init__(self, charger_ids: Sequence[str]) -> None:
        """Keep the ids, which the text does not repeat."""
        super().__init__("the token is not for this charger")
        self.charger_ids = tuple(charger_ids)


class NoTelemetryError(TelemetryError):
    """Nothing is stored for the charger."""

    reason = "no_telemetry"


class QueueUnavailableError(TelemetryError):
    """The queue refused a message or did not answer."""

    reason = "queue_unavailable"
    retryable = True


class TableUnavailableError(TelemetryError):
    """The table refused a request for now or did not answer."""

    reason = "table_unavailable"
    retryable = True


class RevisionConflictError(TelemetryError):
    """Another writer stored the charger's telemetry since it was read."""

    reason = "revision_conflict"
    retryable = True


class ItemRefusedError(TelemetryError):
    """The table can never store this item."""

    reason = "item_refused"


class StoredItemUnreadableError(TelemetryError):
    """What is stored is not latest telemetry: an operator must mend it, and then trying again helps."""

    reason = "stored_item_unreadable"
    retryable = True


class UnreadableMessageError(TelemetryError):
    """A queue message that breaks its contract."""

    reason = "unreadable_message"


class NewerMessageError(TelemetryError):
    """A queue message of a later version than this code knows: code that is being deployed will read it."""

    reason = "newer_message"
    retryable = True


class OutOfTimeError(TelemetryError):
    """A call was not made, because it might not end before the function is stopped."""

    reason = "out_of_time"
    retryable = True


class PassingFaultError(TelemetryError):
    """An error that nothing of ours foresaw, met for the first times: it may pass."""

    reason = "unexpected_fault"
    retryable = True


class LastingFaultError(TelemetryError):
    """An error that nothing of ours foresaw, and that came back each time."""

    reason = "unexpected_fault"
