"""How messages of the DLQ are told."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.delivery import ranges
from telemetry import exact_json
from tests.unit.strategies import json_values
from tests.unit.tools.dlq.fakes import moved_by_sqs, moved_by_the_processor
from tools.dlq.report import in_full, listed, pretty, printable, short_ids, summary_of
from tools.dlq.triage import Verdict

CAME = datetime(2026, 11, 23, tzinfo=UTC)
NOW = CAME + timedelta(hours=5)
EVENTS = json.dumps({"envelopes": [1, 2, 3]})


def columns(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_list_has_a_line_for_each_message_and_counts_the_reasons() -> None:
    attributes = {
        "reason": "invalid",
        "sourceMessageGroupId": "CP-7",
        "badEventIndexes": "0-1",
        "firstSeenAt": "2026-11-20T23:59:59.000Z",
    }
    messages = [
        moved_by_the_processor(1, body=EVENTS, attributes=attributes),
        moved_by_the_processor(2, attributes=attributes | {"sourceMessageGroupId": "CP-8"}),
        moved_by_sqs(3, "CP-9"),
    ]
    head, first, second, third, empty, totals, oldest = listed(list(map(summary_of, messages)), NOW).splitlines()
    assert columns(head) == ["MESSAGE", "CHARGER", "REASON", "BAD/ALL", "FIRST SEEN (UTC)", "AGE"]
    assert columns(first) == ["00000001", "CP-7", "invalid", "2/3", "2026-11-20 23:59:59", "2 d"]
    assert columns(second)[:4] == ["00000002", "CP-8", "invalid", "2/?"]
    assert columns(third) == ["00000003", "CP-9", "(moved by SQS)", "?/?", "2026-11-23 00:00:00", "5 h"]
    assert empty == ""
    assert totals == "3 messages of 3 chargers: invalid 2, (moved by SQS) 1"
    assert oldest.startswith("the first came to the DLQ at 2026-11-23 00:00:00; SQS drops a message 14 days after")


@given(st.sets(st.integers(0, 999), min_size=1))
def test_bad_events_are_counted_as_the_processor_told_them(bad: set[int]) -> None:
    indexes = ranges(bad)
    message = moved_by_the_processor(1, attributes={"badEventIndexes": indexes})
    told = summary_of(message).bad_events.removesuffix("/?")
    if indexes.endswith("..."):
        assert told.endswith("+")
        assert int(told[:-1]) <= len(bad)
    else:
        assert told == str(len(bad))


@pytest.mark.parametrize("indexes", ["", "all", "1-", "-", ",", "9" * 5000])
@pytest.mark.parametrize("first_seen_at", ["yesterday", "0001-01-01T00:00:00+14:00"])
def test_attributes_that_nothing_of_ours_wrote_are_told_as_they_are(indexes: str, first_seen_at: str) -> None:
    message = moved_by_the_processor(1, attributes={"badEventIndexes": indexes, "firstSeenAt": first_seen_at})
    summary = summary_of(message)
    assert (summary.bad_events, summary.first_seen_at) == ("?/?", CAME)


def test_a_message_for_machines_has_its_attributes_and_no_body() -> None:
    told = summary_of(moved_by_the_processor(1, "CP-7", body=EVENTS)).as_json()
    assert {"chargerId": "CP-7", "reason": "invalid", "movedBy": "processor", "events": 3}.items() <= told.items()
    assert EVENTS not in json.dumps(told)
    assert summary_of(moved_by_sqs(1, "CP-7")).as_json()["movedBy"] == "sqs"


def test_ids_are_as_short_as_tells_them_apart() -> None:
    assert short_ids(["0123456789-a", "abcdefghij-a"]) == ["01234567", "abcdefgh"]
    assert short_ids(["0123456789-a", "0123456789-b"]) == ["0123456789-a", "0123456789-b"]


def test_a_message_in_full_has_everything() -> None:
    verdict = Verdict(passes=False, summary="would be dead-lettered again: invalid", details=("event 1: /payload no",))
    attributes = {
        "reason": "invalid",
        "errorClass": "InvalidEventError",
        "sourceMessageGroupId": "CP-7",
        "sourceSequenceNumber": "1",
        "sourceMessageId": "source-1",
        "firstSeenAt": "2026-11-20T23:59:59.000Z",
        "correlationId": "request-1",
        "badEventIndexes": "1",
        "ofALaterVersion": "kept",
    }
    told = in_full(moved_by_the_processor(1, body='{"a":[1,{}]}', attributes=attributes), verdict, NOW)
    facts = dict(columns(line) for line in told.splitlines()[:14])
    assert next(iter(facts)) == "message"
    assert facts["first seen"] == "2026-11-20 23:59:59 (UTC), 2 d ago"
    assert (facts["charger"], facts["reason"], facts["error"]) == ("CP-7", "invalid", "InvalidEventError")
    assert (facts["request"], facts["bad events"], facts["sequence number"]) == ("request-1", "1", "1")
    assert [name for name in facts if name.lower() != name.replace("DLQ", "dlq")] == ["ofALaterVersion"]
    assert facts["today"] == "would be dead-lettered again: invalid"
    assert "\n  event 1: /payload no\n" in told
    assert told.endswith('\n\n{\n  "a": [\n    1,\n    {}\n  ]\n}')


@given(json_values())
def test_a_body_is_laid_out_without_a_change_to_what_it_says(value: object) -> None:
    text = exact_json.dump(value)
    lines = pretty(text).split("\n")
    assert "".join(line.strip() for line in lines).replace('": ', '":') == text.replace('": ', '":')
    for one, other in pairwise(lines):
        assert abs((len(one) - len(one.lstrip())) - (len(other) - len(other.lstrip()))) in {0, 2}


def test_numbers_and_repeated_keys_are_shown_as_they_were_sent() -> None:
    assert pretty('{"a": 7.40, "a": 1e400}') == '{\n  "a": 7.40,\n  "a": 1e400\n}'


def test_brackets_by_the_thousand_are_laid_out_in_little() -> None:
    assert len(pretty("[" * 5000 + "1" + "]" * 5000)) < 1_000_000


@given(st.text())
def test_nothing_that_is_shown_can_steer_a_terminal(text: str) -> None:
    message = moved_by_the_processor(1, body=text, attributes={"sourceMessageGroupId": text, "reason": text})
    told = listed([summary_of(message)], NOW) + in_full(message, Verdict(passes=True, summary="would pass now"), NOW)
    assert all(each.isprintable() for line in told.split("\n") for each in line)
    if text.isprintable():
        assert printable(text) == text
