"""What a rejected event leaves behind for who asks which charger sends what is refused."""

import pytest

from telemetry.http_api import HttpRequest
from telemetry.settings import IngestSettings
from tests.unit.conftest import Printed
from tests.unit.fakes import InMemoryQueue
from tests.unit.test_batch import INVALID, Batch, event

TWO_CHARGERS = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "[CP-001 CP-002]"}, "scopes": None}}}


@pytest.fixture
def batch(post: HttpRequest, ingest_settings: IngestSettings, queue: InMemoryQueue) -> Batch:
    return Batch(post, ingest_settings, queue)


def rejected(printed: Printed) -> list[tuple[str | None, str, int]]:
    """The charger, the reason and the number of events of each line about rejected ones."""
    lines = [line for line in printed.logs if line["message"] == "events rejected"]
    return [(line.get("chargerId"), line["reason"], line["events"]) for line in lines]


def test_a_rejected_event_is_told_of_with_its_charger_and_the_reason(batch: Batch, printed: Printed) -> None:
    batch.post(body='{"chargerId": "CP-001", "timestamp": "yesterday", "payload": {}}')
    assert rejected(printed) == [("CP-001", "invalid", 1)]


def test_rejected_events_of_a_batch_are_told_of_by_charger_and_reason(batch: Batch, printed: Printed) -> None:
    other = INVALID | {"chargerId": "CP-002"}
    batch.send([INVALID, other, event(), INVALID, event("CP-003")], requestContext=TWO_CHARGERS)
    assert rejected(printed) == [("CP-001", "invalid", 2), ("CP-002", "invalid", 1), (None, "forbidden", 1)]


@pytest.mark.parametrize(
    "body",
    [
        "[",
        "[]",
        '"CP-001"',
        '{"payload": {}}',
        '{"chargerId": 7, "payload": {}}',
        '{"chargerId": "CP 001", "payload": {}}',
        '{"chargerId": "CP-001\\n", "payload": {}}',
        '{"chargerId": ["CP-001"], "payload": {}}',
        '{"payload": {"chargerId": "CP-001"}}',
        '{"chargerId": "CP-003", "payload": {}}',
    ],
)
def test_a_charger_is_named_only_by_an_id_that_the_token_may_post_for(
    batch: Batch, printed: Printed, body: str
) -> None:
    batch.post(body=body, requestContext=TWO_CHARGERS)
    ((charger_id, _, _),) = rejected(printed)
    assert charger_id is None


@pytest.mark.parametrize("charger_id", ["CP 001", "CP-001\n", "", "-", "C" * 65])
def test_what_is_no_id_of_a_charger_is_not_logged_whatever_the_token(
    batch: Batch, printed: Printed, charger_id: str
) -> None:
    batch.send([INVALID | {"chargerId": charger_id}])
    assert rejected(printed) == [(None, "invalid", 1)]


def test_what_may_be_sent_again_is_not_told_of_as_rejected(batch: Batch, printed: Printed) -> None:
    batch.queue.available = False
    batch.post()
    assert rejected(printed) == []
    assert printed.metric("EventsRejected") == []


def test_a_batch_of_many_chargers_names_ten_and_counts_all(batch: Batch, printed: Printed) -> None:
    bad = [INVALID | {"chargerId": f"CP-{index}"} for index in range(99)]
    batch.send([*bad, bad[57]])
    told = rejected(printed)
    assert told[0] == ("CP-57", "invalid", 2)
    assert sum(charger_id is not None for charger_id, _, _ in told) == 10
    assert told[-1] == (None, "invalid", 89)
    assert printed.metric("EventsRejected") == [([100], "invalid")]
