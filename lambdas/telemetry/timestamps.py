"""Times as text of a fixed width, in UTC, so that the order of strings is the order of time."""

import re
from datetime import UTC, datetime, timedelta

# RFC 3339, and the basic offsets of ISO 8601 (`+0000`, `+02`) that real chargers send.
_TIMESTAMP = re.compile(
    r"(?P<second>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?P<hour>[0-9]{2}):[0-9]{2}:(?P<seconds>[0-9]{2}))"
    r"(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)?"
)
NO_SUCH_TIME = "is a date or a time of day that does not exist, or is past the year 9999"
FIRST_YEAR = 1000
# Newer Pythons take it for the midnight that ends the day; RFC 3339 knows the hours 00 to 23.
NO_HOUR = "24"
LEAP_SECOND = "60"
_FIRST_SERVICE_YEAR, _LAST_SERVICE_YEAR = 1970, 3000
LARGEST_OFFSET_HOURS = 23
LARGEST_OFFSET_MINUTES = 59


def canonical_timestamp(text: str) -> str:
    """Return the time that `text` gives, like `2026-11-23T08:15:30.250Z`; digits after the milliseconds are cut off.

    Raises:
        ValueError: it is no time, has no offset, or is outside the years 1000 to 9999; its text is for the sender.
    """
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        raise ValueError("must be an RFC 3339 time such as 2026-11-23T08:15:30.250Z")
    if match["offset"] is None:
        raise ValueError("has no offset from UTC: add Z where it is UTC, or the offset, such as +02:00")
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
    if hours > LARGEST_OFFSET_HOURS or minutes > LARGEST_OFFSET_MINUTES:
        raise ValueError("has an offset from UTC of a day or more, or of more than 59 minutes past the hour")
    ahead_of_utc = timedelta(hours=hours, minutes=minutes) * (-1 if match["sign"] == "-" else 1)
    if match["hour"] == NO_HOUR:
        raise ValueError(NO_SUCH_TIME)
    # As in POSIX time, a leap second is the first of the next minute.
    leap = match["seconds"] == LEAP_SECOND
    second = f"{match['second'][:-2]}59" if leap else match["second"]
    try:
        moment = datetime.fromisoformat(second.upper()) - ahead_of_utc + timedelta(seconds=leap)
    except (ValueError, OverflowError) as error:
        raise ValueError(NO_SUCH_TIME) from error
    if moment.year < FIRST_YEAR:
        raise ValueError("is before the year 1000")
    milliseconds = (match["fraction"] or "")[:3].ljust(3, "0")
    return f"{moment.isoformat()}.{milliseconds}Z"


def to_milliseconds(moment: datetime) -> str:
    """Return an aware time as text with milliseconds."""
    return _text(moment, "milliseconds")


def to_microseconds(moment: datetime) -> str:
    """Return an aware time as text with microseconds."""
    return _text(moment, "microseconds")


def to_moment(text: str) -> datetime:
    """Return the aware time that one of this module's texts stands for."""
    return datetime.fromisoformat(text)


def is_service_time(text: str) -> bool:
    """Tell whether `text` is one of this module's texts, of a time at which a service like this can have run.

    What is calculated from it later, such as when an item expires, is then a time, too.
    """
    try:
        return _FIRST_SERVICE_YEAR <= to_moment(text).year < _LAST_SERVICE_YEAR and text.endswith("Z")
    except ValueError:
        return False


def floor_to_minute(text: str) -> str:
    """Return the minute of one of this module's texts, with milliseconds: `2026-11-23T08:15:00.000Z`."""
    return to_milliseconds(to_moment(text).replace(second=0, microsecond=0))


def _text(moment: datetime, timespec: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec).removesuffix("+00:00") + "Z"
