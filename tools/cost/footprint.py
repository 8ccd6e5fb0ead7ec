"""What telemetry leaves behind on its way, measured by running the functions' own code on sample events."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "tests" / "events"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"
ACCESS_LOG_LINE = EVENTS / "access_log_line.json"


@dataclass(frozen=True)
class Sample:
    """A telemetry event of which the fleet posts one after the other, and what goes on from one to the next.

    Attributes:
        file: in `tests/events`.
        told: what it is, for people.
        sent_at: the newest time in the file; all of them move on together.
        register: the path to the energy register, which a charging session moves on.
        step: by how much in a second.
    """

    file: str
    told: str
    sent_at: str
    register: tuple[str | int, ...]
    step: Decimal


SAMPLES = {
    "flat": Sample(
        "flat_kilowatts",
        "seven flat fields of a charger without connectors",
        "2026-11-23T08:15:00Z",
        ("payload", "energy_kwh"),
        Decimal("0.0021"),
    ),
    "ocpp": Sample(
        "ocpp16_meter_values",
        "an OCPP 1.6 MeterValues of one connector with 16 values",
        "2026-11-23T08:15:00Z",
        ("payload", "meterValue", 2, "sampledValue", 0, "value"),
        Decimal("0.003"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Log:
    """What one invocation logs: metrics in CloudWatch's embedded format are lines, too.

    Attributes:
        lines: how many.
        size: their bytes.
        metrics: the custom metrics in them, each a name with its dimensions.
    """

    lines: float
    size: float
    metrics: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a request with events of one charger, and the batches that carry them on, send, store and log.

    Sizes are in bytes.

    Attributes:
        events: in a request.
        body: of the request.
        answer: its body.
        sends: of each request to SQS, the size of each message.
        ingest: what ingest logs of the request.
        access_log: the API's line about it.
        invocation: what the processor logs of an invocation, whatever it holds.
        message: what it logs of each message.
        item: what DynamoDB holds of a charger.
    """

    events: int
    body: int
    answer: int
    sends: tuple[tuple[int, ...], ...]
    ingest: Log
    access_log: int
    invocation: Log
    message: Log
    item: int

    @property
    def messages(self) -> tuple[int, ...]:
        """The size of each message of a request."""
        return tuple(size for send in self.sends for size in send)

    @property
    def metrics(self) -> frozenset[tuple[str, ...]]:
        """The custom metrics that come about where nothing goes wrong."""
        return self.ingest.metrics | self.invocation.metrics


@cache
def measure(stage: str, sample: str, batch: int, interval_seconds: int) -> Footprint:
    """Return the footprint of requests with `batch` events, 1 to 100, each of a charger that has posted before.

    Args:
        stage: whose name is in what is logged.
        sample: one of `SAMPLES`.
        batch: how many events.
        interval_seconds: from one to the next: a post of many has events that are late, with a finding for it.

    Raises:
        RuntimeError: the functions do not take the sample, or do not run.
    """
    posts = [
        {
            "events": _events(SAMPLES[sample], charger, first, batch, interval_seconds),
            "secondsAgo": (batch - first) * interval_seconds,
        }
        for charger in ("CP-00001", "CP-00002")
        for first in (0, batch)
    ]
    answered = _run("ingest", stage, posts)
    earlier, now, other_earlier, other_now = ([body for send in each["sends"] for body in send] for each in answered)
    alone, together = _run(
        "processor",
        stage,
        [{"earlier": earlier, "now": now}, {"earlier": earlier + other_earlier, "now": now + other_now}],
    )
    request = answered[1]
    if request["status"] != HTTPStatus.ACCEPTED or alone["failed"] or together["failed"]:
        raise RuntimeError(f"the sample {sample} was not accepted and stored")
    # What each message adds, and what is left without any.
    one, two, messages = _log(alone["log"]), _log(together["log"]), len(now)
    message = Log(lines=(two.lines - one.lines) / messages, size=(two.size - one.size) / messages)
    return Footprint(
        events=batch,
        body=request["bodyBytes"],
        answer=request["answerBytes"],
        sends=tuple(tuple(len(body.encode()) for body in send) for send in request["sends"]),
        ingest=_log(request["log"]),
        access_log=len(json.dumps(json.loads(ACCESS_LOG_LINE.read_text()), separators=(",", ":"))),
        invocation=Log(
            lines=one.lines - messages * message.lines, size=one.size - messages * message.size, metrics=one.metrics
        ),
        message=message,
        item=max(alone["writtenBytes"]),
    )


def _events(sample: Sample, charger: str, first: int, number: int, interval_seconds: int) -> list[object]:
    """Return events of a charger an interval apart, beginning with its event number `first`.

    The last of twice that number is of now. The register goes on as the power says: that some are late, where so many
    intervals are longer than the rules allow, is all that the rules have to say.
    """
    text = (EVENTS / f"{sample.file}.json").read_text()
    start = datetime(2026, 11, 23, 8, 20, 0, tzinfo=UTC) - timedelta(seconds=2 * number * interval_seconds)
    events: list[object] = []
    for at in range(first, first + number):
        later = start + timedelta(seconds=(at + 1) * interval_seconds) - datetime.fromisoformat(sample.sent_at)
        moved_on = TIME.sub(lambda found, by=later: (datetime.fromisoformat(found[0]) + by).strftime(TIME_FORM), text)
        event: Any = json.loads(moved_on, parse_float=Decimal)
        event["chargerId"] = charger
        *path, last = sample.register
        place = event
        for step in path:
            place = place[step]
        value = place[last]
        moved = Decimal(str(value).strip()) + at * interval_seconds * sample.step
        place[last] = str(moved) if isinstance(value, str) else moved
        events.append(event)
    return events


def _run(function: str, stage: str, cases: Sequence[object]) -> list[dict[str, Any]]:
    asked = json.dumps({"function": function, "stage": stage, "cases": cases}, default=float)
    done = subprocess.run(
        [sys.executable, "-m", "tools.cost.exercise"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))},
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the function {function} could not be exercised: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)


def _log(lines: Sequence[str]) -> Log:
    metrics: set[tuple[str, ...]] = set()
    for line in map(json.loads, lines):
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            dimensions = [f"{name}={line[name]}" for names in directive["Dimensions"] for name in names]
            metrics |= {(metric["Name"], *dimensions) for metric in directive["Metrics"]}
    return Log(lines=len(lines), size=sum(len(line.encode()) for line in lines), metrics=frozenset(metrics))
