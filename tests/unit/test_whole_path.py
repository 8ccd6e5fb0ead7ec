"""Whatever is posted, in whatever order, batches and failures it travels: the real code of ingest and processor."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from ingest.handler import answer
from processor.delivery import QueuedMessage
from processor.processing import Processor
from processor.storing import Store
from telemetry import exact_json
from telemetry.envelope import TelemetryEnvelope
from telemetry.errors import TableUnavailableError
from telemetry.event import TelemetryEvent
from telemetry.http_api import HttpRequest
from telemetry.item import to_item
from telemetry.latest_table import DynamoTable, Item, LatestTelemetryTable, Reading
from telemetry.message import decode
from telemetry.settings import IngestSettings
from tests.unit.conftest import client_with_table
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.processor_bench import RETENTION, without_rules
from tests.unit.strategies import START, envelopes, payloads
from tests.unit.test_merge import merge_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLENTY = 20.0


@dataclass
class Path:
    """Ingest, queue, processor and table, and a record of what was acknowledged."""

    table: LatestTelemetryTable
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    deleted: set[str] = field(default_factory=set[str])
    acknowledged: list[TelemetryEnvelope] = field(default_factory=list[TelemetryEnvelope])
    requests: Iterator[int] = field(default_factory=count)

    def post(self, events: Sequence[TelemetryEvent]) -> None:
        """Post a batch; what was answered with 202 is acknowledged."""
        before = len(self.queue.messages)
        number = next(self.requests)
        request: Any = {
            "routeKey": "POST /telemetry/batch",
            "requestContext": {"requestId": f"request-{number}"},
            "headers": {"content-type": "application/json"},
            "body": exact_json.dump([event.as_json() for event in events]),
        }
        now = START + timedelta(days=1, minutes=number)
        settings_ = IngestSettings.model_validate(
            {"STAGE": "test", "POWERTOOLS_SERVICE_NAME": "ingest", "QUEUE_URL": "unused", "OPEN_TO_ANYBODY": True}
        )
        answered = answer(cast("HttpRequest", request), settings_, self.queue, now, lambda: PLENTY)
        queued = [each for sent in self.queue.messages[before:] for each in decode(sent.body, sent.group).envelopes]
        results = json.loads(answered["body"])["results"]
        accepted = [result["eventId"] for result in results if result["status"] == 202]
        # A batch that is the same as one before is dropped by the queue: its events are there already.
        assert {each.event_id for each in queued} <= set(accepted)
        self.acknowledged += queued
        assert set(accepted) <= {each.event_id for each in self.acknowledged}

    def waiting(self) -> list[QueuedMessage]:
        """Return the messages that nobody has deleted yet, which the queue gives again and again."""
        return [
            QueuedMessage(
                message_id=str(index),
                receipt_handle=str(index),
                group=each.group,
                sequence_number=str(index),
                first_seen_at="2026-11-23T08:15:00.000Z",
                receive_count=1,
                body=each.body,
            )
            for index, each in enumerate(self.queue.messages)
            if str(index) not in self.deleted
        ]

    def process(self, size: int, failing: set[str], *, dies: bool) -> None:
        """Deliver a batch of the queue's messages; a function that dies has done its work, but tells nobody."""
        batch = self.waiting()[:size]
        store = Store(table=Failing(self.table, failing), stage="test", retention=RETENTION, clock=lambda: START)
        processor = Processor(queue=self.queue, store=store, dead_letter_queue=InMemoryQueue())
        failed = processor.process(batch, lambda: PLENTY)
        if not dies:
            self.deleted |= {each.message_id for each in batch} - set(failed)

    def check(self) -> None:
        """Compare what is stored with what sorting the acknowledged envelopes gives."""
        for charger in {each.charger_id for each in self.acknowledged}:
            own = [each for each in self.acknowledged if each.charger_id == charger]
            expected = to_item(merge_all(None, own), 0, RETENTION)
            assert without_rules(self.table.read([charger]).items[charger]) == without_rules(expected)


@dataclass
class Failing:
    """A table that does not take the writes of some chargers."""

    table: LatestTelemetryTable
    failing: set[str]

    def read(self, charger_ids: Collection[str]) -> Reading:
        return self.table.read(charger_ids)

    def write(self, item: Item, replaced_revision: int) -> None:
        if item["chargerId"] in self.failing:
            raise TableUnavailableError("the table is switched off")
        self.table.write(item, replaced_revision)


@pytest.fixture(scope="module")
def moto_client() -> "Iterator[DynamoDBClient]":
    with mock_aws():
        yield client_with_table()


CHARGERS = ("A", "B")


def event_of(envelope: TelemetryEnvelope) -> TelemetryEvent:
    fields = envelope.as_json()
    return TelemetryEvent.model_validate({name: fields[name] for name in fields.keys() - {"ingestedAt", "eventId"}})


POSTS = st.lists(
    st.lists(st.sampled_from(CHARGERS).flatmap(envelopes).map(event_of), min_size=1, max_size=6), max_size=5
)
# How many messages are polled, for which chargers the table fails, and whether the function dies before it answers.
ROUNDS = st.lists(st.tuples(st.integers(1, 4), st.sets(st.sampled_from(CHARGERS)), st.booleans()), max_size=5)
REFUSING = st.lists(st.sets(st.sampled_from(CHARGERS), max_size=1), min_size=5, max_size=5)


Rounds = list[tuple[int, set[str], bool]]


def run(path: Path, posts: list[list[TelemetryEvent]], rounds: Rounds, refusing: list[set[str]]) -> None:
    rounds_left = iter(rounds)
    for events, refused in zip(posts, refusing, strict=False):
        path.queue.refuses = lambda message, refused=refused: message.group in refused
        path.post(events)
        size, failing, dies = next(rounds_left, (10, set[str](), False))
        path.process(size, failing, dies=dies)
    for size, failing, dies in rounds_left:
        path.process(size, failing, dies=dies)
    while path.waiting():
        path.process(10, set(), dies=False)
    path.check()


@given(POSTS, ROUNDS, REFUSING)
def test_whatever_is_acknowledged_ends_as_sorting_would(
    posts: list[list[TelemetryEvent]],
    rounds: Rounds,
    refusing: list[set[str]],
) -> None:
    run(Path(InMemoryTable()), posts, rounds, refusing)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(POSTS, ROUNDS, REFUSING)
def test_whatever_is_acknowledged_ends_as_sorting_would_in_dynamodb(
    moto_client: "DynamoDBClient",
    posts: list[list[TelemetryEvent]],
    rounds: Rounds,
    refusing: list[set[str]],
) -> None:
    for charger in CHARGERS:
        moto_client.delete_item(TableName="latest", Key={"chargerId": {"S": charger}})
    run(Path(DynamoTable(moto_client, "latest")), posts, rounds, refusing)


@given(payloads())
def test_any_payload_that_is_accepted_comes_back_equal(payload: dict[str, object]) -> None:
    path = Path(InMemoryTable())
    event = TelemetryEvent.model_validate({"chargerId": "A", "timestamp": START.isoformat(), "payload": payload})
    path.post([event])
    path.process(10, set(), dies=False)
    stored = path.table.read(["A"]).items["A"]
    assert exact_json.dump(stored["payload"]) == exact_json.dump(payload)
