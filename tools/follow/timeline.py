"""What happened, hop by hop, for the person who reads it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from tools.follow.lines import Line, Log
from tools.follow.trail import (
    ACCEPTED,
    ACCEPTED_SEVERAL,
    ACCESS_REFUSED,
    DEAD_LETTERED,
    FINDINGS_CHANGED,
    NOT_QUEUED,
    REJECTED,
    STORED,
    TO_BE_DELIVERED_AGAIN,
    Trail,
    rejected_by,
)

ONE_SECOND = timedelta(seconds=1)
TWO_MINUTES = timedelta(minutes=2)
# API Gateway tells the time of a request to the second.
LESS_THAN_A_SECOND = "< 1 s"
# A batch is of up to 100 chargers.
MOST_NAMES = 3
# What a line calls the holder of a token.
HOLDER = {"subject": "subject", "client": "clientId"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened, or that happened several times in a row.

    Attributes:
        time: when, and for the first time.
        until: when for the last time.
        times: how often.
        hop: where.
        what: what happened.
    """

    time: datetime
    until: datetime
    times: int
    hop: Log
    what: str

    def after(self, before: "Entry") -> str:
        """Return how long it came after another entry."""
        passed = self.time - before.until
        if before.hop is Log.ACCESS and passed < ONE_SECOND:
            return LESS_THAN_A_SECOND
        return f"+{duration(passed)}"


def timeline_of(trail: Trail) -> list[Entry]:
    """Return what happened, in the order of time."""
    entries: list[Entry] = []
    for _, repeated in groupby(trail.lines, key=_kind):
        lines = list(repeated)
        entries.append(
            Entry(
                time=lines[0].time,
                until=lines[-1].time,
                times=len(lines),
                hop=lines[0].log,
                what=_told(lines[-1], trail),
            )
        )
    return entries


def instant(moment: datetime) -> str:
    """Return a time in UTC, to the millisecond, as the project writes them."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def duration(passed: timedelta) -> str:
    """Return a duration in the unit in which a person would tell it."""
    if passed < ONE_SECOND:
        return f"{passed / timedelta(milliseconds=1):.0f} ms"
    if passed < TWO_MINUTES:
        return f"{passed / ONE_SECOND:.1f} s"
    return f"{passed / timedelta(minutes=1):.0f} min"


def shown(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield a line for each entry: time, how long after the one before, hop, what happened."""
    hops = max(len(entry.hop.value) for entry in entries)
    for before, entry in zip([None, *entries], entries, strict=False):
        after = entry.after(before) if before else ""
        often = f", {entry.times} times until {instant(entry.until)}" if entry.times > 1 else ""
        yield f"{instant(entry.time)}  {after:>8}  {entry.hop.value:<{hops}}  {entry.what}{often}"


def _kind(line: Line) -> object:
    """Return what lines have in common that say one thing again; each other line is of a kind of its own."""
    if line.message == TO_BE_DELIVERED_AGAIN:
        return line.text("messageId"), line.text("reason")
    return line.key


def _told(line: Line, trail: Trail) -> str:
    """Return what a line says, and of which request, where it is not the one that is followed."""
    if line.log is Log.ACCESS:
        told = _answered(line)
    elif line.message == STORED:
        told = _stored(line, trail)
    else:
        told = TOLD[line.message](line) if line.message in TOLD else line.message
    another = line.request_id and line.request_id != trail.asked
    return f"{told}; request {line.request_id}" if another else told


def _answered(line: Line) -> str:
    told = f"{line.text('routeKey')} answered with {line.text('status')}"
    latency = line.text("responseLatency")
    return f"{told} after {latency} ms" if latency.isdecimal() else told


def _stored(line: Line, trail: Trail) -> str:
    stale = line.stale_event_ids
    if len(trail.events) == 1:
        return "stale: changed nothing that is newer" if trail.events[0].event_id in stale else "stored"
    return f"{_events(line)}: {line.text('stored')} stored, {line.text('stale')} stale"


def _rejected(line: Line) -> str:
    return "rejected: " + ", ".join(f"{number} {reason}" for reason, number in rejected_by(line).items())


def _refused(line: Line) -> str:
    who = [f"{name} {line.text(field)}" for name, field in HOLDER.items() if line.text(field)]
    return f"no access to {_few(line.texts('chargerIds'))}" + (f" for {', '.join(who)}" if who else "")


def _of_message(line: Line, what: str) -> str:
    cause = line.text("cause")
    why = f"{line.text('reason')}, {cause}" if cause else line.text("reason")
    return f"message {line.text('messageId')} of {line.text('chargerId')} {what}: {why}"


def _findings(line: Line) -> str:
    changes = [f"{', '.join(line.texts(name))} {name}" for name in ("appeared", "cleared") if line.texts(name)]
    return f"findings: {'; '.join(changes)}"


def _events(line: Line) -> str:
    """Return how many events a line names, and of which chargers."""
    chargers = line.texts("chargerIds") or (line.text("chargerId"),)
    number = len(line.event_ids)
    return f"{number} event{'' if number == 1 else 's'} of {_few(chargers)}"


def _few(names: Sequence[str]) -> str:
    different = list(dict.fromkeys(names))
    more = len(different) - MOST_NAMES
    return ", ".join(different[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


# What each line of the functions says, by its message.
TOLD: Mapping[str, Callable[[Line], str]] = {
    ACCEPTED: lambda line: f"accepted for {line.text('chargerId')}",
    ACCEPTED_SEVERAL: lambda line: f"accepted {_events(line)}",
    REJECTED: _rejected,
    NOT_QUEUED: lambda line: (
        f"could not queue {_events(line)}: {', '.join((*line.texts('reasons'), *line.texts('causes')))}"
    ),
    ACCESS_REFUSED: _refused,
    TO_BE_DELIVERED_AGAIN: lambda line: _of_message(line, TO_BE_DELIVERED_AGAIN),
    DEAD_LETTERED: lambda line: _of_message(line, "moved to the DLQ"),
    FINDINGS_CHANGED: _findings,
}
