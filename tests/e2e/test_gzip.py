"""Bodies sent as gzip, whole, broken and out of all proportion."""

import gzip
import json
from collections.abc import Callable

import pytest

from tests.e2e.harness import GZIP, JSON, Api, event_of, problem

LARGEST_BODY_BYTES = 1024 * 1024


def test_a_batch_sent_as_gzip_is_stored(api: Api, charger_id: str) -> None:
    packed = gzip.compress(json.dumps([event_of(charger_id, note="ü")]).encode())
    answer = api.send("POST", "/telemetry/batch", content=packed, headers=GZIP)
    assert answer.status_code == 202
    latest = api.stored(charger_id, event_id=answer.json()["results"][0]["eventId"])
    assert latest["payload"] == {"note": "ü"}


@pytest.mark.parametrize("path", ["/telemetry", "/telemetry/batch"])
def test_gzip_under_the_type_of_json_is_415_and_says_how_to_send_it(api: Api, charger_id: str, path: str) -> None:
    packed = gzip.compress(json.dumps(event_of(charger_id)).encode())
    answer = api.send("POST", path, content=packed, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 415
    assert "application/gzip" in str(problem(answer)["detail"])


def test_json_that_says_it_is_not_compressed_is_accepted(api: Api, charger_id: str) -> None:
    body = json.dumps(event_of(charger_id)).encode()
    answer = api.send("POST", "/telemetry", content=body, headers={**JSON, "Content-Encoding": "identity"})
    assert answer.status_code == 202


def _plain(body: bytes) -> bytes:
    return body


def _cut_off(body: bytes) -> bytes:
    return gzip.compress(body)[:-9]


def _damaged(body: bytes) -> bytes:
    packed = bytearray(gzip.compress(body))
    # Of the checksum at its end.
    packed[-6] ^= 1
    return bytes(packed)


@pytest.mark.parametrize("send_as", [_plain, _cut_off, _damaged])
@pytest.mark.parametrize("path", ["/telemetry", "/telemetry/batch"])
def test_broken_gzip_is_400(api: Api, charger_id: str, path: str, send_as: Callable[[bytes], bytes]) -> None:
    answer = api.send("POST", path, content=send_as(json.dumps(event_of(charger_id)).encode()), headers=GZIP)
    assert answer.status_code == 400
    problem(answer)


def test_gzip_of_what_is_not_json_is_400(api: Api) -> None:
    answer = api.send("POST", "/telemetry", content=gzip.compress(b"power_kw=7.4"), headers=GZIP)
    assert answer.status_code == 400
    problem(answer)


def test_gzip_that_unpacks_to_1_mib_is_accepted_and_a_byte_more_is_413(api: Api, charger_id: str) -> None:
    body = json.dumps(event_of(charger_id)).encode().ljust(LARGEST_BODY_BYTES)
    longest = api.send("POST", "/telemetry", content=gzip.compress(body), headers=GZIP)
    assert longest.status_code == 202
    too_long = api.send("POST", "/telemetry", content=gzip.compress(body + b" "), headers=GZIP)
    assert too_long.status_code == 413
    problem(too_long)


@pytest.mark.parametrize("path", ["/telemetry", "/telemetry/batch"])
def test_a_gzip_bomb_is_413(api: Api, path: str) -> None:
    bomb = gzip.compress(bytes(256 * LARGEST_BODY_BYTES), compresslevel=1)
    answer = api.send("POST", path, content=bomb, headers=GZIP)
    assert answer.status_code == 413
    problem(answer)
