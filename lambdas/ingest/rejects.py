"""What a rejected event leaves behind: a log line and a count, by reason, and by charger where a log may hold it."""

from collections import Counter
from collections.abc import Iterable
from typing import cast

from telemetry.access import Access
from telemetry.errors import TelemetryError
from telemetry.event import is_charger_id
from telemetry.observability import count, logger

# A batch has 100 events, and may name another charger in each.
MOST_LINES_WITH_A_CHARGER = 10


def charger_of(event: object, access: Access) -> str | None:
    """Return the id of an event's charger, whatever else is wrong with it, where a log may hold it.

    That is an id by the contract's rule, of a charger that the token may post for: anything else is what a sender made
    up, and None.

    Args:
        event: as `exact_json.parse` gave it.
        access: the token's.
    """
    fields = cast("dict[str, object]", event) if isinstance(event, dict) else {}
    charger_id = fields.get("chargerId")
    if isinstance(charger_id, str) and is_charger_id(charger_id) and access.permits(charger_id):
        return charger_id
    return None


def tell_rejected(rejected: Iterable[tuple[str | None, TelemetryError]]) -> None:
    """Log and count events that were rejected; what may be sent again is not, and `enqueue` has told of it.

    Args:
        rejected: of each event, its charger where that is known, and why it was rejected.
    """
    by_charger = Counter((charger_id, error.reason) for charger_id, error in rejected if not error.retryable)
    lines = Counter[tuple[str | None, str]]()
    for at, ((charger_id, reason), events) in enumerate(by_charger.most_common()):
        lines[charger_id if at < MOST_LINES_WITH_A_CHARGER else None, reason] += events
    by_reason = Counter[str]()
    for (charger_id, reason), events in lines.items():
        known = {"chargerId": charger_id} if charger_id else {}
        logger.info("events rejected", extra={"reason": reason, "events": events, **known})
        by_reason[reason] += events
    for reason, events in by_reason.items():
        count("EventsRejected", events, reason=reason)
