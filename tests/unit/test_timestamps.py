from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.timestamps import canonical_timestamp, floor_to_minute, to_milliseconds, to_moment


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("2026-11-23T08:15:30.250Z", "2026-11-23T08:15:30.250Z"),
        ("2026-11-23T08:15:30Z", "2026-11-23T08:15:30.000Z"),
        ("2026-11-23t08:15:30z", "2026-11-23T08:15:30.000Z"),
        ("2026-11-23T08:15:30+02:00", "2026-11-23T06:15:30.000Z"),
        ("2026-11-23T08:15:30+0000", "2026-11-23T08:15:30.000Z"),
        ("2026-11-23T08:15:30+02", "2026-11-23T06:15:30.000Z"),
        ("2026-11-23T08:15:30-0330", "2026-11-23T11:45:30.000Z"),
        ("2026-11-23T08:15:30-00:00", "2026-11-23T08:15:30.000Z"),
        ("2026-11-23T08:15:30.2Z", "2026-11-23T08:15:30.200Z"),
        ("2026-11-23T08:15:30.2509999999999999999Z", "2026-11-23T08:15:30.250Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("0999-12-31T23:30:00-01:00", "1000-01-01T00:30:00.000Z"),
        ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500Z"),
        ("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_returned_in_utc_with_milliseconds(sent: str, canonical: str) -> None:
    assert canonical_timestamp(sent) == canonical


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("2026-11-23T08:15:30", "add Z"),
        ("2026-11-23T08:15:30.250", "add Z"),
        ("0000-00-00T00:00:00Z", "does not exist"),
        ("2025-02-29T12:00:00Z", "does not exist"),
        ("2026-11-23T24:00:00Z", "does not exist"),
        ("2026-11-23T08:60:00Z", "does not exist"),
        ("9999-12-31T23:30:00-01:00", "past the year 9999"),
        ("9999-12-31T23:59:60Z", "past the year 9999"),
        ("2026-11-23T08:15:61Z", "does not exist"),
        ("1000-01-01T00:30:00+01:00", "before the year 1000"),
        ("2026-11-23T08:15:30+24:00", "offset"),
        ("2026-11-23T08:15:30+02:60", "offset"),
        ("2026-11-23T08:15:30+02:", "RFC 3339"),
        ("2026-11-23", "RFC 3339"),
        ("2026-11-23 08:15:30Z", "RFC 3339"),
        ("2026-11-23T08:15:30.Z", "RFC 3339"),
        ("2026-11-23T08:15:30Z\n", "RFC 3339"),
        ("\u0662026-11-23T08:15:30Z", "RFC 3339"),
        ("12026-11-23T08:15:30Z", "RFC 3339"),
        ("1795421730", "RFC 3339"),
        ("", "RFC 3339"),
    ],
)
def test_a_time_that_cannot_be_kept_is_refused_with_what_to_do(sent: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        canonical_timestamp(sent)


def test_the_minute_of_a_time_has_the_same_width() -> None:
    assert floor_to_minute("2026-11-23T08:15:59.999999Z") == "2026-11-23T08:15:00.000Z"


MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.timezones())  # noqa: DTZ001 - bounds


@given(MOMENTS, MOMENTS)
def test_the_order_of_texts_is_the_order_of_times(one: datetime, other: datetime) -> None:
    texts = canonical_timestamp(_rfc3339(one)), canonical_timestamp(_rfc3339(other))
    if texts[0] < texts[1]:
        assert one < other
    else:
        assert one >= other or texts[0] == texts[1]


def test_a_text_stands_for_the_time_that_it_was_made_of() -> None:
    text = "2026-11-23T08:15:30.250Z"
    assert to_milliseconds(to_moment(text)) == text


def _rfc3339(moment: datetime) -> str:
    """Return a time with its own offset, which RFC 3339 wants in whole minutes."""
    whole = moment.utcoffset() or timedelta()
    return moment.astimezone(timezone(timedelta(minutes=whole // timedelta(minutes=1)))).isoformat()
