"""What an attacker sends: it is refused or kept as data, and no log shows it, nor is broken by it."""

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from processor.processing import Processor
from processor.storing import Store
from telemetry.http_api import GZIP, HttpRequest
from telemetry.settings import IngestSettings, QuerySettings
from tests.unit.conftest import NOW, Printed
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.test_ingest import EVENT, Ingest, problem
from tests.unit.test_processor import queued
from tests.unit.test_query import Query

MEBIBYTE = 1024 * 1024
# No id of a charger, which a log may show.
MARK = "made up secret"
# What ends a line or an escape sequence in some terminal, log or parser.
BREAKS = [
    "\n",
    "\r\n",
    "\x00",
    "\x1b[2J",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    '"}\n{"level":"ERROR"',
    "%0a",
    "${jndi:x}",
]
PATHS = [
    "..",
    ".",
    "../../etc/passwd",
    "..\\..\\windows",
    "/etc/passwd",
    "CP-1/../CP-2",
    "CP-1//",
    "%2e%2e%2f",
    "%252e%252e",
    "CP-1%00",
    "CP-1\x00.json",
    "CP-1?x=1",
    "CP-1#x",
    "CP-1;x",
    "file:///etc/passwd",
    "http://169.254.169.254/latest",
]


@pytest.fixture
def ingest(post: HttpRequest, ingest_settings: IngestSettings, queue: InMemoryQueue) -> Ingest:
    return Ingest(post, ingest_settings, queue)


@pytest.fixture
def query(get: HttpRequest, query_settings: QuerySettings, table: InMemoryTable) -> Query:
    return Query(get, query_settings, table)


def with_payload(payload: str) -> str:
    """Return an event as JSON whose payload is written as here."""
    return json.dumps({**EVENT, "payload": 0}).replace('"payload": 0', f'"payload": {payload}')


@pytest.mark.parametrize("path", PATHS)
def test_an_id_that_looks_like_a_path_is_no_id(ingest: Ingest, query: Query, path: str) -> None:
    told = problem(ingest.post(body=json.dumps({**EVENT, "chargerId": path})))
    assert (told["status"], told["errors"][0]["pointer"]) == (422, "/chargerId")
    assert problem(query.get_charger(path))["status"] == 400
    assert ingest.queue.messages == []


@pytest.mark.parametrize(
    "payload",
    [
        '{"a": ' + "9" * (MEBIBYTE - 200) + "}",
        '{"a": -0.' + "1" * (MEBIBYTE - 200) + "}",
        '{"a": 1e' + "9" * (MEBIBYTE - 200) + "}",
        '{"a": ' + "[" * 400_000 + "]" * 400_000 + "}",
        '{"a": ' + '{"a":' * 150_000 + "1" + "}" * 150_000 + "}",
        '{"' + "k" * (MEBIBYTE - 200) + '": 1}',
        "{" + ",".join(f'"{number}":1' for number in range(70_000)) + "}",
        "{" + ",".join(['"a":1'] * 150_000) + "}",
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"a": [NaN, Infinity, -Infinity]}',
    ],
    ids=[
        "digits",
        "decimals",
        "exponent",
        "lists",
        "objects",
        "long key",
        "many keys",
        "one key",
        "half a character",
        "half a character as key",
        "no numbers",
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_body_made_to_exhaust_or_confuse_a_parser_is_422_with_a_short_answer(
    ingest: Ingest, payload: str, *, packed: bool
) -> None:
    body = with_payload(payload)
    if packed:
        octets = b64encode(gzip.compress(body.encode())).decode()
        answer = ingest.post(headers={"content-type": GZIP}, body=octets, isBase64Encoded=True)
    else:
        answer = ingest.post(body=body)
    assert problem(answer)["status"] == 422
    assert len(answer["body"]) < 10_000
    assert ingest.queue.messages == []


def hostile_texts() -> st.SearchStrategy[str]:
    """Texts of a length that is accepted, with a mark to be searched for among what could break a log."""
    pieces = st.lists(st.sampled_from(BREAKS) | st.characters(codec="utf-8"), max_size=6).map("".join)
    return st.tuples(pieces, pieces).map(lambda around: f"{around[0]}{MARK}{around[1]}")


# To shrink so many texts takes minutes.
@settings(
    max_examples=40,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_whatever_is_sent_anywhere_each_log_line_is_one_json_object_that_shows_none_of_it(
    ingest: Ingest, query: Query, printed: Printed, data: st.DataObject
) -> None:
    def hostile() -> str:
        return data.draw(hostile_texts())

    printed.log.seek(0)
    printed.log.truncate()
    printed.capture.readouterr()

    fields = {
        "chargerId": data.draw(st.just("CP-001") | hostile_texts()),
        "timestamp": data.draw(st.just(EVENT["timestamp"]) | hostile_texts()),
        "payload": {hostile(): hostile(), "status": hostile(), "errorCode": hostile(), "power_kw": hostile()},
        "chargerStatus": hostile(),
        "locationId": hostile(),
        "firmwareVersion": hostile(),
        **data.draw(st.dictionaries(hostile_texts(), hostile_texts(), max_size=1)),
    }
    ingest.queue = InMemoryQueue()
    ingest.queue.available = data.draw(st.booleans())
    headers = {"content-type": "application/json", "authorization": f"Bearer {hostile()}", hostile(): hostile()}
    body: Any = data.draw(st.sampled_from([json.dumps(fields), json.dumps(fields)[:-1], hostile()]))
    route = data.draw(st.sampled_from(["POST /telemetry", "POST /telemetry/batch"]))
    ingest.post(routeKey=route, headers=headers, body=f"[{body}]" if route.endswith("batch") else body)
    ingest.post_typed({"content-type": hostile(), "content-encoding": hostile()})
    ingest.post_as({"chargers": hostile()})
    sent = [queued(str(at), group=each.group, body=each.body) for at, each in enumerate(ingest.queue.messages)]
    # One that is fit for a log is API Gateway's.
    spoiled = json.dumps({"version": 1, "correlationId": f"\n{hostile()}", "envelopes": [fields]})
    store = Store(table=InMemoryTable(), stage="dev", retention=None, clock=lambda: NOW)
    Processor(queue=InMemoryQueue(), store=store, dead_letter_queue=InMemoryQueue()).process(
        [*sent, queued("spoiled", group="CP-002", body=spoiled)], lambda: 20.0
    )
    query.get(headers={"if-none-match": hostile(), "authorization": hostile()})
    query.get_charger(hostile())
    query.get(routeKey="GET /telemetry", rawQueryString=f"chargerId={hostile()}&{hostile()}={hostile()}")
    lines = (printed.log.getvalue() + printed.capture.readouterr().out).removesuffix("\n").split("\n")
    assert len(lines) > 5
    for line in lines:
        assert line.isprintable()
        assert isinstance(json.loads(line), dict)
        assert MARK not in line
