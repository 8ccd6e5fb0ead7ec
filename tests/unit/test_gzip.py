import base64
import gzip
import json
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.http_api import HttpAnswer, HttpRequest
from telemetry.settings import IngestSettings
from tests.unit.fakes import InMemoryQueue
from tests.unit.test_ingest import EVENT, Ingest, problem

MEBIBYTE = 1024 * 1024
TEXT = json.dumps(EVENT).encode()


class Gzip(Ingest):
    """Posts octets as API Gateway hands them over."""

    def pack(self, octets: bytes, *, route: str = "POST /telemetry", **headers: str) -> HttpAnswer:
        return self.post(
            routeKey=route,
            headers={"content-type": "application/gzip", **headers},
            body=base64.b64encode(octets).decode(),
            isBase64Encoded=True,
        )


@pytest.fixture
def ingest(post: HttpRequest, ingest_settings: IngestSettings, queue: InMemoryQueue) -> Gzip:
    return Gzip(post, ingest_settings, queue)


def test_an_event_as_gzip_is_taken_like_the_same_in_the_open(ingest: Gzip) -> None:
    assert ingest.pack(gzip.compress(TEXT)) == ingest.post(body=TEXT.decode())
    assert len(ingest.queue.messages) == 1


def test_a_batch_as_gzip_is_taken(ingest: Gzip) -> None:
    answer = ingest.pack(gzip.compress(b"[" + TEXT + b"]"), route="POST /telemetry/batch")
    assert (answer["statusCode"], json.loads(answer["body"])["accepted"]) == (202, 1)


def test_a_content_encoding_beside_the_type_changes_nothing(ingest: Gzip) -> None:
    assert ingest.pack(gzip.compress(TEXT), **{"content-encoding": "gzip"})["statusCode"] == 202


def test_gzip_of_several_members_is_one_body(ingest: Gzip) -> None:
    assert ingest.pack(gzip.compress(TEXT[:50]) + gzip.compress(b"") + gzip.compress(TEXT[50:]))["statusCode"] == 202


@pytest.mark.parametrize("level", [0, 9], ids=["stored", "packed"])
def test_one_mebibyte_unpacked_is_read_and_one_byte_more_is_413(ingest: Gzip, level: int) -> None:
    def status(size: int) -> int:
        return ingest.pack(gzip.compress(TEXT.ljust(size), compresslevel=level))["statusCode"]

    assert (status(MEBIBYTE), status(MEBIBYTE + 1)) == (202, 413)


def test_no_more_than_a_body_may_have_is_unpacked(ingest: Gzip, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b" " * 64 * MEBIBYTE)
    unpacked: list[int] = []
    read = gzip.GzipFile.read

    def counted(opened: gzip.GzipFile, size: int | None = -1) -> bytes:
        octets = read(opened, size)
        unpacked.append(len(octets))
        return octets

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    assert problem(ingest.pack(bomb))["status"] == 413
    assert unpacked == [MEBIBYTE + 1]


PACKED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\0",
        b"\x1f",
        b"\x1f\x8b",
        TEXT,
        PACKED[:20],
        PACKED[:-1],
        PACKED[:-8] + bytes(8),
        PACKED[:10] + bytes([PACKED[10] ^ 0xFF]) + PACKED[11:],
        PACKED + b"garbage",
        PACKED + PACKED[:15],
        zlib.compress(TEXT),
        gzip.compress(b"\xff{}"),
        gzip.compress(PACKED),
    ],
    ids=[
        "nothing",
        "zero",
        "half a magic number",
        "magic number alone",
        "JSON",
        "cut early",
        "cut by a byte",
        "another checksum",
        "another block",
        "garbage behind",
        "half a member behind",
        "zlib",
        "not UTF-8",
        "packed twice",
    ],
)
@pytest.mark.parametrize("route", ["POST /telemetry", "POST /telemetry/batch"])
def test_gzip_that_is_broken_or_none_is_400(ingest: Gzip, broken: bytes, route: str) -> None:
    assert problem(ingest.pack(broken, route=route))["status"] == 400
    assert ingest.queue.messages == []


def test_octets_that_arrived_as_text_are_400(ingest: Gzip) -> None:
    text = gzip.compress(TEXT).decode("utf-8", "replace")
    answer = ingest.post(headers={"content-type": "application/gzip"}, body=text, isBase64Encoded=False)
    assert problem(answer)["status"] == 400


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary() | st.tuples(st.integers(0, len(PACKED)), st.binary()).map(lambda drawn: PACKED[: drawn[0]] + drawn[1])
)
def test_any_octets_whatever_get_an_answer_of_the_contract(ingest: Gzip, octets: bytes) -> None:
    answer = ingest.pack(octets)
    assert answer["statusCode"] in {202, 400}
    if answer["statusCode"] == 202:
        assert gzip.decompress(octets) == TEXT
    else:
        problem(answer)
