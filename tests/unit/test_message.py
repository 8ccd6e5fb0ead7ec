import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry import message
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import NewerMessageError, UnreadableMessageError
from tests.unit.strategies import START, body_of, envelopes
from tests.unit.test_merge import envelope

GROUP = "CP-001"


def body_with(**fields: Any) -> str:  # noqa: ANN401 - any JSON
    body = json.loads(body_of("request-1", [envelope(sampled=0, ingested=0)]))
    return json.dumps(body | fields)


@given(st.lists(envelopes(), min_size=1, max_size=4))
def test_envelopes_travel_in_the_order_sent(sent: list[TelemetryEnvelope]) -> None:
    received = message.decode(body_of("request-1", sent), GROUP)
    assert (received.correlation_id, received.envelopes, received.bad) == ("request-1", sent, {})


def test_a_body_holds_only_what_sqs_takes() -> None:
    odd = envelope(sampled=0, ingested=0).model_copy(update={"payload": {"a": "\ufffe\U0001f50c"}})
    body = body_of("request-1", [odd])
    assert body.isascii()
    assert message.decode(body, GROUP).envelopes == [odd]


def test_fields_that_only_newer_code_knows_are_ignored() -> None:
    stamped = envelope(sampled=0, ingested=0)
    body = body_with(envelopes=[stamped.as_json() | {"tenant": "a"}], traced=True)
    assert message.decode(body, GROUP).envelopes == [stamped]


def test_a_later_version_waits_for_newer_code() -> None:
    with pytest.raises(NewerMessageError):
        message.decode(body_with(version=2, envelopes="in a form unknown here"), GROUP)


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        "[" * 100_000,
        body_with(version=0),
        body_with(version=True),
        body_with(version="1"),
        body_with(correlationId=None),
        body_with(correlationId="two\nlines"),
        body_with(correlationId=""),
        body_with(envelopes=None),
        body_with(envelopes=[]),
    ],
)
def test_what_is_no_message_can_never_be_read(body: str) -> None:
    with pytest.raises(UnreadableMessageError):
        message.decode(body, GROUP)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"chargerId": "CP-002"},
        {"ingestedAt": "2026-11-23T08:00:00Z"},
        {"ingestedAt": "2026-02-30T08:00:00.000000Z"},
        {"eventId": "x"},
        {"payload": {"a": [float("nan")]}},
    ],
)
def test_a_bad_envelope_leaves_the_good_ones_readable(broken: Any) -> None:  # noqa: ANN401 - any JSON
    good = envelope(sampled=1, ingested=1)
    bad = envelope(sampled=0, ingested=0).as_json() | broken if broken else broken
    received = message.decode(body_with(envelopes=[good.as_json(), bad]), GROUP)
    assert received.envelopes == [good]
    assert list(received.bad) == [1]


def test_a_bad_envelope_is_known_by_its_id_where_it_has_one() -> None:
    good, bad = envelope(sampled=1, ingested=1), envelope(sampled=0, ingested=0)
    known = bad.as_json() | {"timestamp": "never"}
    no_ids: list[object] = [
        "x",
        bad.event_id[:63],
        f"{bad.event_id}0",
        f"{bad.event_id}\n",
        bad.event_id.upper(),
        7,
        None,
        [],
    ]
    unknown = [known | {"eventId": each} for each in no_ids]
    received = message.decode(body_with(envelopes=[known, *unknown, good.as_json(), None, "x"]), GROUP)
    assert received.event_ids == [bad.event_id, good.event_id]


def test_only_the_same_events_in_the_same_order_have_the_same_deduplication_id() -> None:
    one, other = envelope(sampled=0, ingested=0, value=1), envelope(sampled=0, ingested=0, value=2)
    resent = envelope(sampled=0, ingested=9, value=1)
    assert message.deduplication_id([one, other]) == message.deduplication_id([resent, other])
    assert len({message.deduplication_id(each) for each in ([one], [one, other], [other, one])}) == 3
    assert one.ingested_at == f"{START:%Y-%m-%dT%H:%M:%S}.000000Z"


def test_a_message_of_more_envelopes_than_could_be_told_apart_in_time_is_not_read() -> None:
    def of(envelopes: int) -> str:
        return json.dumps({"version": 1, "correlationId": "c", "envelopes": [{}] * envelopes})

    assert len(message.decode(of(1000), GROUP).bad) == 1000
    with pytest.raises(UnreadableMessageError):
        message.decode(of(1001), GROUP)


def test_an_envelope_of_a_time_at_which_no_service_ran_is_bad() -> None:
    body = body_of("c", [envelope(sampled=0, ingested=0)]).replace('"ingestedAt":"2026', '"ingestedAt":"9999')
    assert [error.problems[0].pointer for error in message.decode(body, GROUP).bad.values()] == ["/ingestedAt"]
