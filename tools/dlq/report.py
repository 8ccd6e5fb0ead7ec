"""Messages of the DLQ as an operator reads them: in a table, one in full, and as JSON for machines."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from telemetry import exact_json
from telemetry.errors import NotJsonError
from tools.dlq.queues import DeadLetter
from tools.dlq.triage import Verdict

MOVED_BY_SQS = "(moved by SQS)"
UNKNOWN = "?"
SHORTEST_ID = 8
# The DLQ's.
RETENTION_DAYS = 14
# What the attributes of the processor are called here, and those that are told without their names.
_ATTRIBUTES = {"errorClass": "error", "correlationId": "request", "badEventIndexes": "bad events"}
_TOLD = {"sourceMessageGroupId", "sourceSequenceNumber", "sourceMessageId", "firstSeenAt"}
# As `processor.delivery.ranges` writes them.
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_CUT = "..."
# A string, what is empty, what gives JSON its form, or what else stands between spaces.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|\[\s*\]|{\s*}|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
# What is nested more deeply stands no further to the right.
_DEEPEST_INDENT = 30


@dataclass(frozen=True)
class Summary:
    """A message of the DLQ without its body.

    Attributes:
        message: it, with an empty body.
        events: how many events its body has; None where it can't be read.
    """

    message: DeadLetter
    events: int | None

    @property
    def charger(self) -> str:
        """The charger that it is of."""
        return self.message.charger or UNKNOWN

    @property
    def reason(self) -> str:
        """Why the processor moved it, or who else did."""
        return self.message.attributes.get("reason", UNKNOWN if self.message.is_in_its_own_group else MOVED_BY_SQS)

    @property
    def bad_events(self) -> str:
        """How many of its events the processor found bad, and how many it has, such as `1/3`."""
        bad = _number_of(self.message.attributes.get("badEventIndexes", ""))
        return f"{bad}/{UNKNOWN if self.events is None else self.events}"

    @property
    def first_seen_at(self) -> datetime:
        """When it was sent to the queue, as far as that is known."""
        try:
            return datetime.fromisoformat(self.message.attributes["firstSeenAt"]).astimezone(UTC)
        except (KeyError, ValueError, OverflowError):
            return self.message.sent_at

    def as_json(self) -> dict[str, object]:
        """Return what is known of it."""
        return {
            **self.message.attributes,
            "id": self.message.message_id,
            "chargerId": self.message.charger,
            "movedBy": "processor" if self.message.is_in_its_own_group else "sqs",
            "events": self.events,
            "firstSeenAt": self.first_seen_at.isoformat(),
            "inDlqSince": self.message.sent_at.isoformat(),
        }


def summary_of(message: DeadLetter) -> Summary:
    """Return a message without its body, which may be 1 MiB."""
    return Summary(replace(message, body=""), _events_of(message.body))


def listed(summaries: Sequence[Summary], now: datetime) -> str:
    """Return messages as a table, at least one, and how many there are of each reason."""
    short = short_ids([each.message.message_id for each in summaries])
    rows = [
        (
            short_id,
            each.charger,
            each.reason,
            each.bad_events,
            _text(each.first_seen_at),
            _age(now - each.first_seen_at),
        )
        for short_id, each in zip(short, summaries, strict=True)
    ]
    reasons = Counter(each.reason for each in summaries).most_common()
    chargers = counted(len({each.charger for each in summaries}), "charger")
    oldest = min(each.message.sent_at for each in summaries)
    return (
        f"{table(('MESSAGE', 'CHARGER', 'REASON', 'BAD/ALL', 'FIRST SEEN (UTC)', 'AGE'), rows)}\n\n"
        f"{counted(len(summaries), 'message')} of {chargers}: "
        f"{', '.join(printable(f'{reason} {number}') for reason, number in reasons)}\n"
        f"the first came to the DLQ at {_text(oldest)}; SQS drops a message {RETENTION_DAYS} days after it came"
    )


def judged(verdicts: Sequence[tuple[Summary, Verdict]]) -> str:
    """Return messages, at least one, as a table with what would become of each."""
    short = short_ids([summary.message.message_id for summary, _ in verdicts])
    rows = [
        (short_id, each.charger, each.reason, "; ".join((verdict.summary, *verdict.details[:1])))
        for short_id, (each, verdict) in zip(short, verdicts, strict=True)
    ]
    return table(("MESSAGE", "CHARGER", "REASON", "TODAY"), rows)


def in_full(message: DeadLetter, verdict: Verdict, now: datetime) -> str:
    """Return all that is known of a message, what would become of it today, and its body."""
    summary = summary_of(message)
    facts = {
        "message": message.message_id,
        "charger": summary.charger,
        "moved by": "the processor" if message.is_in_its_own_group else "SQS, after its last receive",
        "in the DLQ since": f"{_text(message.sent_at)} (UTC)",
        "first seen": f"{_text(summary.first_seen_at)} (UTC), {_age(now - summary.first_seen_at)} ago",
        "bad/all events": summary.bad_events,
        "id on the queue": message.source_message_id,
        "sequence number": message.order,
        **{_ATTRIBUTES.get(name, name): value for name, value in message.attributes.items() if name not in _TOLD},
        "today": verdict.summary,
    }
    width = max(map(len, facts))
    lines = [printable(f"{name:<{width}}  {value}") for name, value in facts.items()]
    details = [printable(f"  {detail}") for detail in verdict.details]
    return "\n".join([*lines, *details, "", pretty(message.body)])


def pretty(body: str) -> str:
    """Return a body as it was sent, with lines and indentation where it is JSON, and nothing that a terminal obeys."""
    try:
        exact_json.parse(body)
    except NotJsonError:
        return printable(body)
    return "\n".join(printable(line) for line in "".join(_indented(body)).split("\n"))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns below their head."""
    lines = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def short_ids(message_ids: Sequence[str]) -> list[str]:
    """Return so much of each id that it is told from the others."""
    width = SHORTEST_ID
    while len({each[:width] for each in message_ids}) < len(set(message_ids)):
        width += 1
    return [each[:width] for each in message_ids]


def counted(number: int, what: str) -> str:
    """Return `1 message`, or `2 messages`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Return text on one line, with what a terminal would obey written as JSON writes it."""
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def _events_of(body: str) -> int | None:
    try:
        message = exact_json.parse(body)
    except NotJsonError:
        return None
    envelopes = cast("dict[str, object]", message).get("envelopes") if isinstance(message, dict) else None
    return len(cast("list[object]", envelopes)) if isinstance(envelopes, list) else None


def _number_of(indexes: str) -> str:
    """Return how many indexes there are in `0-2,5`; with a `+` where the rest was cut off."""
    ranges = [_RANGE.fullmatch(each) for each in indexes.removesuffix(f",{_CUT}").split(",")]
    number = sum(int(each[2] or each[1]) - int(each[1]) + 1 if each else 0 for each in ranges)
    return f"{number or UNKNOWN}{'+' if indexes.endswith(_CUT) else ''}"


def _indented(text: str) -> Iterator[str]:
    """Yield JSON token by token, each as it was sent, with line breaks between them."""
    level = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        level -= token in {"]", "}"}
        new_line = "\n" + "  " * min(level, _DEEPEST_INDENT)
        match token:
            case "]" | "}":
                yield new_line + token
            case "[" | "{":
                level += 1
                yield f"{token}{new_line}  "
            case ",":
                yield token + new_line
            case ":":
                yield ": "
            case _:
                yield token


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _age(age: timedelta) -> str:
    """Return a duration in its greatest unit."""
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
