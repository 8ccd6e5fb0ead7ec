"""What an attacker sends: it is refused or kept as data, and no log shows it, nor is broken by it."""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from processor.processing import Processor
from processor.storing import Store
from telemetry.http_api import GZIP, JSON, HttpAnswer, HttpRequest
from telemetry.settings import IngestSettings, QuerySettings
from tests.unit.conftest import Printed
from tests.unit.fakes import InMemoryQueue, InMemoryTable
from tests.unit.processor_bench import queued
from tests.unit.strategies import NOW
from tests.unit.test_ingest import EVENT, Ingest, problem
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


def headers_with(text: str, **changed: str) -> dict[str, str]:
    headers = {"content-type": JSON, "authorization": f"Bearer {text}", "user-agent": text, "if-none-match": text}
    return {**headers, text: text, **{name.replace("_", "-"): value for name, value in changed.items()}}


def body_with(route: str, text: str, **changed: object) -> str:
    """Return what is posted to a route: an event with the text wherever a text may be."""
    payload = {text: text, "status": text, "errorCode": text, "power_kw": text, "nested": [{text: [text]}]}
    texts = {"chargerStatus": text, "locationId": text, "firmwareVersion": text}
    event = json.dumps({**EVENT, **texts, "payload": payload, **changed})
    return f"[{event}]" if route.endswith("batch") else event


def with_key(route: str, text: str, *, before: str) -> str:
    """Return such an event with the text as one more key of the object that has another key."""
    return body_with(route, text).replace(f'"{before}"', f'{json.dumps(text)}: 1, "{before}"')


@dataclass(frozen=True)
class Attack:
    """A post with a text in all its places, and the status that it is answered with."""

    status: int
    post: Callable[[Ingest, str, str], HttpAnswer]


def posting(status: int, **changed: Callable[[str, str], object]) -> Attack:
    """Return an attack that posts a request with some of it changed, each by the route and the text."""

    def post(ingest: Ingest, route: str, text: str) -> HttpAnswer:
        request: dict[str, object] = {"routeKey": route, "headers": headers_with(text), "body": body_with(route, text)}
        return ingest.post(**request | {name: value(route, text) for name, value in changed.items()})

    return Attack(status, post)


def posting_event(status: int, **changed: Callable[[str], object]) -> Attack:
    """Return an attack that posts an event with some of it changed by the text."""
    return posting(
        status, body=lambda route, text: body_with(route, text, **{name: to(text) for name, to in changed.items()})
    )


def encoded(octets: bytes) -> str:
    return b64encode(octets).decode()


def token_for(text: str) -> dict[str, object]:
    # The names of who was refused are logged, but for what would break the log.
    claims = {"chargers": text, "sub": "".join(BREAKS), "client_id": "".join(BREAKS), text: text}
    return {"requestId": "r", "authorizer": {"jwt": {"claims": claims}}}


def post_without_queue(ingest: Ingest, route: str, text: str) -> HttpAnswer:
    ingest.queue.available = False
    return posting(503).post(ingest, route, text)


def post_without_time(ingest: Ingest, route: str, text: str) -> HttpAnswer:
    ingest.seconds_left = 0
    return posting(503).post(ingest, route, text)


POSTS = {
    "accepted": posting(202),
    "not json": posting(400, body=lambda route, text: body_with(route, text)[:-1]),
    "no json at all": posting(400, body=lambda _, text: text),
    "not utf-8": posting(
        400, body=lambda _, text: encoded(b"\xff" + text.encode()), isBase64Encoded=lambda _route, _text: True
    ),
    "broken gzip": posting(
        400,
        headers=lambda _, text: headers_with(text, content_type=GZIP),
        body=lambda _, text: encoded(gzip.compress(text.encode())[:-4] + text.encode()),
        isBase64Encoded=lambda _route, _text: True,
    ),
    "too large": posting(413, body=lambda route, text: body_with(route, text) + " " * MEBIBYTE),
    "media type": posting(415, headers=lambda _, text: headers_with(text, content_type=text)),
    "content encoding": posting(415, headers=lambda _, text: headers_with(text, content_encoding=text)),
    "no event": posting(422, body=lambda route, text: json.dumps([text] if route.endswith("batch") else text)),
    "charger id": posting_event(422, chargerId=lambda text: text),
    "timestamp": posting_event(422, timestamp=lambda text: text),
    "connector": posting_event(422, connectorId=lambda text: text),
    "payload": posting_event(422, payload=lambda text: text),
    "text too long": posting_event(422, locationId=lambda text: text * 128),
    "unknown field": posting(422, body=lambda route, text: with_key(route, text, before="chargerId")),
    "key twice": posting(422, body=lambda route, text: with_key(route, text, before="nested")),
    "forbidden": posting(403, requestContext=lambda _, text: token_for(text)),
    "queue unavailable": Attack(503, post_without_queue),
    "out of time": Attack(503, post_without_time),
}
BATCHES = {
    "no batch": posting(422, body=lambda _, text: json.dumps({"events": text, text: text})),
    "too many events": posting(413, body=lambda _, text: json.dumps([text] * 101)),
}
POST, POST_BATCH, GET, GET_SEVERAL = (
    "POST /telemetry",
    "POST /telemetry/batch",
    "GET /telemetry/{chargerId}",
    "GET /telemetry",
)


def ask(query: Query, route: str, text: str, *charger_ids: str, **changed: object) -> HttpAnswer:
    """Ask for chargers, CP-001 unless others are named, with the text in each header."""
    asked = charger_ids or ("CP-001",)
    request: Any = {"pathParameters": {"chargerId": asked[0]}}
    if route == GET_SEVERAL:
        request = {"rawQueryString": "&".join(f"chargerId={quote(each, safe='&=')}" for each in asked)}
    return query.get(routeKey=route, headers=headers_with(text), **request | changed)


def ask_without_table(query: Query, route: str, text: str) -> HttpAnswer:
    query.table.available = False
    return ask(query, route, text)


def ask_for_what_is_broken(query: Query, route: str, text: str) -> HttpAnswer:
    query.table.items["CP-001"] = {"chargerId": "CP-001", "revision": text, text: text}
    return ask(query, route, text)


Asking = Callable[[Query, str, str], HttpAnswer]
QUERIES: dict[str, tuple[int, Asking]] = {
    "found": (200, ask),
    "charger id": (400, lambda query, route, text: ask(query, route, text, text)),
    "forbidden": (403, lambda query, route, text: ask(query, route, text, requestContext=token_for(text))),
    "table unavailable": (503, ask_without_table),
    "stored item unreadable": (503, ask_for_what_is_broken),
}
QUERIES_OF_ONE: dict[str, tuple[int, Asking]] = {
    "no telemetry": (404, lambda query, route, text: ask(query, route, text, "CP-404")),
}
QUERIES_OF_SEVERAL: dict[str, tuple[int, Asking]] = {
    "other parameter": (200, lambda query, route, text: ask(query, route, text, f"CP-001&{text}={text}")),
    "no charger": (400, lambda query, route, text: ask(query, route, text, rawQueryString=quote(text))),
}

MESSAGES: dict[str, Callable[[str], str]] = {
    "no message": lambda text: text,
    "another contract": lambda text: json.dumps({"version": 1, "correlationId": "a", "envelopes": text, text: text}),
    # One that is fit for a log is API Gateway's.
    "correlation id": lambda text: json.dumps({"version": 1, "correlationId": f"\n{text}", "envelopes": [EVENT]}),
    "later version": lambda text: json.dumps({"version": 2, "correlationId": f"\n{text}", text: text}),
    "bad envelope": lambda text: json.dumps({"version": 1, "correlationId": "a", "envelopes": [{**EVENT, text: text}]}),
}

# To shrink so many texts takes minutes.
few_texts = settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
EVERY_BREAK = "".join([*BREAKS, MARK, *BREAKS])


@pytest.mark.parametrize(
    ("route", "kind"),
    [*((route, kind) for route in (POST, POST_BATCH) for kind in POSTS), *((POST_BATCH, kind) for kind in BATCHES)],
)
@few_texts
@example(text=EVERY_BREAK)
@given(text=hostile_texts())
def test_whatever_is_posted_each_log_line_is_one_json_object_that_shows_none_of_it(
    ingest: Ingest, printed: Printed, route: str, kind: str, text: str
) -> None:
    forget(printed)
    ingest.queue = InMemoryQueue()
    attack = {**POSTS, **BATCHES}[kind]
    assert status_of(attack.post(ingest, route, text)) == attack.status
    check_lines(printed)


@pytest.mark.parametrize(
    ("route", "kind"),
    [
        *((route, kind) for route in (GET, GET_SEVERAL) for kind in QUERIES),
        *((GET, kind) for kind in QUERIES_OF_ONE),
        *((GET_SEVERAL, kind) for kind in QUERIES_OF_SEVERAL),
    ],
)
@few_texts
@example(text=EVERY_BREAK)
@given(text=hostile_texts())
def test_whatever_is_asked_each_log_line_is_one_json_object_that_shows_none_of_it(
    query: Query, printed: Printed, route: str, kind: str, text: str
) -> None:
    forget(printed)
    status, attack = {**QUERIES, **QUERIES_OF_ONE, **QUERIES_OF_SEVERAL}[kind]
    assert attack(query, route, text)["statusCode"] == status
    check_lines(printed, least=0 if status == HTTPStatus.OK else 1)


@pytest.mark.parametrize("kind", ["accepted", *MESSAGES])
@few_texts
@example(text=EVERY_BREAK)
@given(text=hostile_texts())
def test_whatever_is_queued_each_log_line_is_one_json_object_that_shows_none_of_it(
    ingest: Ingest, printed: Printed, kind: str, text: str
) -> None:
    if kind == "accepted":
        ingest.queue = InMemoryQueue()
        POSTS[kind].post(ingest, POST, text)
        bodies = [each.body for each in ingest.queue.messages]
    else:
        bodies = [MESSAGES[kind](text)]
    forget(printed)
    store = Store(table=InMemoryTable(), stage="dev", retention=None, clock=lambda: NOW)
    processor = Processor(queue=InMemoryQueue(), store=store, dead_letter_queue=InMemoryQueue())
    processor.process([queued(str(at), body=body) for at, body in enumerate(bodies)], lambda: 20.0)
    check_lines(printed)


def status_of(answer: HttpAnswer) -> int:
    """Return the status of an answer, or of the only event of a batch."""
    results = json.loads(answer["body"]).get("results")
    return results[0]["status"] if results else answer["statusCode"]


def forget(printed: Printed) -> None:
    printed.log.seek(0)
    printed.log.truncate()
    printed.capture.readouterr()


def check_lines(printed: Printed, *, least: int = 1) -> None:
    lines = (printed.log.getvalue() + printed.capture.readouterr().out).removesuffix("\n").split("\n")
    said = [line for line in lines if line]
    assert len(said) >= least
    for line in said:
        assert line.isprintable()
        assert isinstance(json.loads(line), dict)
        assert MARK not in line
