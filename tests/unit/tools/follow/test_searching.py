"""Which searches are made, and how what they found is told."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tools.follow.lines import Log, parse_line
from tools.follow.timeline import Entry, duration, shown

if TYPE_CHECKING:
    pass

from tests.unit.tools.follow.service import ACCESS_LINE, Service, event


def test_a_log_is_looked_through_from_where_an_earlier_hop_tells_that_there_can_be_anything(service: Service) -> None:
    begun = datetime.now(UTC)
    service.post(event())
    service.process()
    service.told("request-1")
    (ingest, *_), (access, request, since, until), (processor, _, processed_since, _) = service.logs.looked_for
    assert (ingest, access, processor) == (Log.INGEST, Log.ACCESS, Log.PROCESSOR)
    assert request == "request-1"
    assert until is not None
    assert until - since == timedelta(minutes=2)
    assert since < begun < until
    # The queue drops what it was sent within 5 minutes.
    assert timedelta(minutes=5) < begun - processed_since < timedelta(minutes=7)


def test_of_an_event_that_is_sent_again_and_again_the_last_requests_are_looked_for(service: Service) -> None:
    event_ids = [service.post(event(), request=f"request-{number}")[0] for number in range(12)]
    service.told(event_ids[0])
    asked = [text for log, text, _, _ in service.logs.looked_for if log is Log.ACCESS]
    assert asked == [f"request-{number}" for number in range(2, 12)]


def test_of_a_batch_that_waits_some_chargers_are_looked_for(service: Service) -> None:
    service.post(*(event(f"CP-{number}") for number in range(20)))
    assert len(service.told("request-1").verdicts) == 20
    assert len([1 for log, *_ in service.logs.looked_for if log is Log.PROCESSOR]) == 11


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (timedelta(), "0 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=1), "1.0 s"),
        (timedelta(seconds=119), "119.0 s"),
        (timedelta(minutes=2), "2 min"),
    ],
)
def test_a_duration_is_told_as_a_person_would(passed: timedelta, told: str) -> None:
    assert duration(passed) == told


def test_each_entry_tells_how_long_it_came_after_the_last_of_the_one_before() -> None:
    at = datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)

    def entry(hop: Log, seconds: float, until: float) -> Entry:
        first, last = at + timedelta(seconds=seconds), at + timedelta(seconds=until)
        return Entry(time=first, until=last, times=1 if first == last else 2, hop=hop, what="it")

    entries = [
        entry(Log.ACCESS, 0, 0),
        entry(Log.INGEST, 0.5, 0.5),
        entry(Log.PROCESSOR, 1, 3),
        entry(Log.PROCESSOR, 4, 4),
    ]
    assert list(shown(entries)) == [
        "2026-11-23T08:15:30.000Z            API Gateway  it",
        # API Gateway's time is that of a second.
        "2026-11-23T08:15:30.500Z     < 1 s  ingest       it",
        "2026-11-23T08:15:31.000Z   +500 ms  processor    it, 2 times until 2026-11-23T08:15:33.000Z",
        "2026-11-23T08:15:34.000Z    +1.0 s  processor    it",
    ]


def test_the_time_of_a_request_is_told_by_its_line() -> None:
    line = parse_line(Log.ACCESS, {"message": json.dumps(ACCESS_LINE), "timestamp": 0})
    assert line
    assert line.time == datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize("message", ["START RequestId: 1", "7", "[]", "{", ""])
def test_what_is_no_line_of_ours_is_left_out(message: str) -> None:
    assert parse_line(Log.INGEST, {"message": message, "timestamp": 0}) is None


def test_a_line_that_tells_no_time_has_that_of_cloudwatch() -> None:
    line = parse_line(Log.INGEST, {"message": "{}", "timestamp": 1500})
    assert line
    assert line.time == datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
