"""Timestamps as chargers send them, and as they are given back."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.harness import Api, event_of, pointers


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("2024-11-23T08:15:30Z", "2024-11-23T08:15:30.000Z"),
        ("2024-11-23t08:15:30.25z", "2024-11-23T08:15:30.250Z"),
        ("2024-11-23T08:15:30.2509999Z", "2024-11-23T08:15:30.250Z"),
        ("2024-11-23T08:15:30+01:00", "2024-11-23T07:15:30.000Z"),
        ("2024-11-23T08:15:30-05:30", "2024-11-23T13:45:30.000Z"),
        ("2024-11-23T08:15:30+0000", "2024-11-23T08:15:30.000Z"),
        ("2024-11-23T08:15:30+0130", "2024-11-23T06:45:30.000Z"),
        ("2024-11-23T01:15:30+02", "2024-11-22T23:15:30.000Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("1000-01-01T00:00:00Z", "1000-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_given_back_in_utc_with_milliseconds(api: Api, charger_id: str, sent: str, canonical: str) -> None:
    answer = api.post({**event_of(charger_id), "timestamp": sent})
    assert answer.status_code == 202
    assert answer.json()["timestamp"] == canonical
    assert api.stored(charger_id, event_id=answer.json()["eventId"])["timestamp"] == canonical


@pytest.mark.parametrize("sent", ["2024-11-23T08:15:30", "2024-11-23T08:15:30.250"])
def test_a_time_without_an_offset_is_refused_and_says_to_add_it(api: Api, charger_id: str, sent: str) -> None:
    answer = api.post({**event_of(charger_id), "timestamp": sent})
    assert pointers(answer) == ["/timestamp"]
    assert "offset" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "sent",
    [
        "0000-00-00T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-11-23T24:15:30Z",
        "2024-11-23T08:15:30+25:00",
        "0999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "2024-11-23",
        "2024-11-23 08:15:30Z",
        "1732349730",
        "",
        1732349730,
        None,
    ],
)
def test_what_is_no_time_or_outside_the_years_1000_to_9999_is_422(api: Api, charger_id: str, sent: object) -> None:
    assert pointers(api.post({**event_of(charger_id), "timestamp": sent})) == ["/timestamp"]


def test_a_time_up_to_5_minutes_ahead_is_accepted(api: Api, charger_id: str) -> None:
    api.kept(event_of(charger_id, seconds_ago=-4 * 60))


def test_a_time_further_ahead_is_422_and_is_told_the_servers_time(api: Api, charger_id: str) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    answer = api.post(event_of(charger_id, seconds_ago=-6 * 60))
    assert pointers(answer) == ["/timestamp"]
    told = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json()["errors"][0]["detail"])
    assert told
    assert before <= datetime.fromisoformat(told[0]) <= datetime.now(UTC)
