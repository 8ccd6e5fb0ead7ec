"""The lines of a stage's logs, found by an id that they name."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Protocol, cast

from telemetry.envelope import short_id
from tools.command_line import CommandError
from tools.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

# AWS gives 5 to 25 pages a second, of which most are empty where a log is long: some minutes.
MOST_PAGES = 1000
# $context.requestTime, in the format that Apache's logs have.
REQUEST_TIME = "%d/%b/%Y:%H:%M:%S %z"


class Log(Enum):
    """A log, by what the hop is called that writes it."""

    ACCESS = "API Gateway"
    INGEST = "ingest"
    PROCESSOR = "processor"


# The stack's outputs that name the log groups.
GROUPS = {Log.ACCESS: "AccessLogName", Log.INGEST: "IngestLogName", Log.PROCESSOR: "ProcessorLogName"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log.

    Attributes:
        key: its whole text, which no other line has: it tells the time, and the id of a trace or a request.
        log: the log that it stands in.
        time: when it was written; of API Gateway's, when the request came, to the second.
        fields: what it says.
    """

    key: str
    log: Log
    time: datetime
    fields: Mapping[str, object]

    def text(self, name: str) -> str:
        """Return a field as text; empty where there is none."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list."""
        value = self.fields.get(name)
        return tuple(map(str, cast("list[object]", value))) if isinstance(value, list) else ()

    @property
    def message(self) -> str:
        """What happened; empty in API Gateway's log."""
        return self.text("message")

    @property
    def request_id(self) -> str:
        """The id of the HTTP request, which the functions call their correlation id."""
        return self.text("requestId" if self.log is Log.ACCESS else "correlationId")

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The events that it names, by their short ids; lines of before named them by the whole."""
        named = (self.text("eventId"),) if "eventId" in self.fields else self.texts("eventIds")
        return tuple(map(short_id, named))

    @property
    def stale_event_ids(self) -> tuple[str, ...]:
        """Those of them that were older than what was stored."""
        return tuple(map(short_id, self.texts("staleEventIds")))

    def names(self, text: str) -> bool:
        """Tell whether it is about the request, the event or the charger of this id."""
        return text in {self.request_id, self.text("chargerId"), *self.event_ids}


class Logs(Protocol):
    """A stage's logs."""

    def naming(self, log: Log, text: str, since: datetime, until: datetime | None = None) -> list[Line]:
        """Return the lines that name a request, an event or a charger, in the order of time."""
        ...


@dataclass
class CloudWatchLogs:
    """Logs in CloudWatch.

    Attributes:
        client: reads them.
        outputs: of the stack, which name them.
        progress: told how far they are read.
    """

    client: "CloudWatchLogsClient"
    outputs: Mapping[str, str]
    progress: Progress
    _pages: int = 0

    def naming(self, log: Log, text: str, since: datetime, until: datetime | None = None) -> list[Line]:
        """Look for the lines with FilterLogEvents; see `Logs`.

        The pattern is a phrase, and not a JSON pattern on each of the fields: it is as exact, since what else the
        phrase is found in is sorted out here, and the emulator takes every line to match a JSON pattern.
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html

        Raises:
            CommandError: the logs are too long to look through.
        """
        found: list[Line] = []
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=self.outputs[GROUPS[log]],
            filterPattern=f'"{text}"',
            startTime=_milliseconds(since),
            # What is being written while we look, too.
            endTime=_milliseconds(until or datetime.now(UTC) + timedelta(minutes=1)),
        )
        for page in pages:
            self._count_page(log)
            lines = (parse_line(log, event) for event in page["events"])
            found += [line for line in lines if line and line.names(text)]
        return sorted(found, key=lambda line: line.time)

    def _count_page(self, log: Log) -> None:
        self._pages += 1
        if self._pages > MOST_PAGES:
            raise CommandError(
                f"the logs are too long: after {MOST_PAGES} pages the log of {log.value} is not looked through; "
                "give a shorter time, e.g. --since 1h"
            )
        self.progress.tell(f"looking through the log of {log.value}: page {self._pages} ...")


def parse_line(log: Log, event: "FilteredLogEventTypeDef") -> Line | None:
    """Return a line of a log; None where it is no JSON object, and so none of ours."""
    try:
        value: object = json.loads(event.get("message", ""))
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    fields = cast("dict[str, object]", value)
    return Line(key=event.get("message", ""), log=log, time=_time_of(log, fields, event), fields=fields)


def _time_of(log: Log, fields: Mapping[str, object], event: "FilteredLogEventTypeDef") -> datetime:
    """Return the time that a line tells, else that of CloudWatch, which in the emulator is the invocation's end."""
    try:
        if log is Log.ACCESS:
            return datetime.strptime(str(fields.get("requestTime")), REQUEST_TIME).astimezone(UTC)
        return datetime.fromisoformat(str(fields.get("timestamp"))).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(event.get("timestamp", 0) / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
