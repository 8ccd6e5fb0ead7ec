"""What the functions print on every path on which they log or count something, with the fakes in place of AWS."""

import base64
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, Literal, cast

import pytest

from telemetry.errors import ItemRefusedError, TableUnavailableError
from telemetry.http_api import HttpRequest
from telemetry.latest_table import Item
from telemetry.observability import logger, observed
from telemetry.settings import IngestSettings, QuerySettings
from tests.unit.conftest import EVENTS
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.processor_bench import Bench, of, queued
from tests.unit.test_batch import INVALID, Batch, event
from tests.unit.test_merge import envelope
from tests.unit.test_query import Query

Service = Literal["ingest", "processor", "query"]
Lines = list[dict[str, Any]]

# As the unit tests have it: what the stack sets in its place is what `POWERTOOLS_SERVICE_NAME` and `STAGE` are for.
ENVIRONMENT = {
    "STAGE": "test",
    "POWERTOOLS_SERVICE_NAME": "unit",
    "POWERTOOLS_METRICS_NAMESPACE": "Telemetry",
    "CHARGERS_CLAIM": "chargers",
}
SETTINGS = {**ENVIRONMENT, "QUEUE_URL": "unused", "TABLE_NAME": "unused"}
FOREIGN = {"requestId": "r", "authorizer": {"jwt": {"claims": {"chargers": "CP-777"}, "scopes": None}}}


def printed_by_each() -> dict[Service, Lines]:
    """Return the lines, of logs and of metrics, that each function prints."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        # What an earlier test measured and nothing wrote, the next invocation would.
        _printed_by(lambda: None)
        return {
            "ingest": _printed_by(_every_path_of_ingest),
            "processor": _printed_by(_every_path_of_the_processor),
            "query": _printed_by(_every_path_of_query),
        }


def _printed_by(run: Callable[[], None]) -> Lines:
    printed = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        for handler in logger.handlers:
            patch.setattr(handler, "stream", printed)
        observed(run)()
    return [json.loads(line) for line in printed.getvalue().splitlines()]


def _request(name: str) -> HttpRequest:
    return cast("HttpRequest", json.loads((EVENTS / f"{name}.json").read_text()))


def _every_path_of_ingest() -> None:
    batch = Batch(_request("post_telemetry"), IngestSettings.model_validate(SETTINGS), InMemoryQueue())
    gzip = {"headers": {"content-type": "application/gzip"}, "isBase64Encoded": True}
    batch.post()
    batch.post(body="[")
    batch.post(body=base64.b64encode(b"no gzip").decode(), **gzip)
    batch.post(body=" " * (1024 * 1024 + 1))
    batch.post(headers={"content-type": "text/plain"})
    batch.post(body=json.dumps(INVALID))
    batch.post(requestContext=FOREIGN)
    batch.send([event(), INVALID])
    batch.send([event()], requestContext=FOREIGN)
    batch.queue.available = False
    batch.post()
    batch.seconds_left = 0
    batch.post()


def _every_path_of_the_processor() -> None:
    def failing(item: Item, replaced_revision: int) -> None:
        raise ValueError(item, replaced_revision)

    unknown_unit = {"value": "1", "measurand": "Voltage", "unit": "furlong"}
    unit = {"meterValue": [{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": [unknown_unit]}]}
    bench = Bench()
    bench.process(
        queued("hot", envelope(sampled=1, ingested=1, payload={"temp_c": 80})),
        queued("cool", envelope(sampled=2, ingested=2, payload={"temp_c": 20})),
        queued("unknown-unit", envelope(sampled=3, ingested=3, payload=unit)),
    )
    bench.process(queued("stale", envelope(sampled=0, ingested=4)))
    bench.process(queued("unreadable", body="not a message"))
    bad = {**of("CP-001").as_json(), "timestamp": "yesterday"}
    bench.process(queued("invalid", body=json.dumps({"version": 1, "correlationId": "r", "envelopes": [bad]})))
    bench.process(queued("newer", body='{"version": 2}'))
    bench.table.write_errors["CP-001"] = [ItemRefusedError(), ItemRefusedError()]
    bench.process(queued("refused", of("CP-001", 5)))
    bench.table.write_errors["CP-001"] = [TableUnavailableError()]
    bench.process(queued("not-written", of("CP-001", 6)))
    bench.table.available = False
    bench.process(queued("not-read", of("CP-001", 7)))
    bench.table.available = True
    bench.table.write = failing
    bench.process(queued("at-fault", of("CP-001", 8), receive_count=5))


def _every_path_of_query() -> None:
    table = InMemoryTable()
    query = Query(_request("get_telemetry"), QuerySettings.model_validate(SETTINGS), table)
    query.get()
    query.get_charger("CP-999")
    query.get_charger("no id")
    several: dict[str, Any] = {"routeKey": "GET /telemetry", "pathParameters": {}}
    query.get(**several, rawQueryString="")
    query.get(**several, rawQueryString="chargerId=CP-001", requestContext=FOREIGN)
    query.get(requestContext=FOREIGN)
    table.items["CP-001"] = {"chargerId": "CP-001", "revision": 1, "lastSeenAt": "garbage"}
    query.get()
    table.available = False
    query.get()
