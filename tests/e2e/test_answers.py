"""Each answer of the routes, to chargers that err and to callers who have no business here."""

import base64
import json
from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from telemetry.envelope import short_id
from tests.e2e.harness import JSON, Api, Cloud, event_of, problem
from tests.e2e.test_access import ROUTES, request

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_body_that_is_not_json_is_400(api: Api) -> None:
    answer = api.send("POST", "/telemetry", content=b'{"chargerId": "CP', headers=JSON)
    assert answer.status_code == 400
    problem(answer)


def test_a_body_above_1_mib_is_413(api: Api, charger_id: str) -> None:
    answer = api.post(event_of(charger_id, filler="x" * 1024 * 1024))
    assert answer.status_code == 413
    problem(answer)


def test_a_payload_above_64_kib_is_422(api: Api, charger_id: str) -> None:
    answer = api.post(event_of(charger_id, filler="x" * 64 * 1024))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/payload"]


def test_a_body_of_another_type_is_415(api: Api, charger_id: str) -> None:
    body = json.dumps(event_of(charger_id)).encode()
    answer = api.send("POST", "/telemetry", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    problem(answer)


def test_json_that_says_it_is_compressed_is_415(api: Api, charger_id: str) -> None:
    body = json.dumps(event_of(charger_id)).encode()
    answer = api.send("POST", "/telemetry", content=body, headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 415
    problem(answer)


def test_an_invalid_event_is_422_and_says_where(api: Api, charger_id: str) -> None:
    answer = api.post({**event_of(charger_id), "timestamp": "2026-11-23T08:15:30", "chargerID": charger_id})
    assert answer.status_code == 422
    problem(answer)
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/timestamp", "/chargerID"}


@pytest.mark.parametrize(
    "number",
    ["1e200", "123456789012345678901234567890123456789", "NaN"],
    ids=["too great", "39 digits", "not a number"],
)
def test_a_number_that_can_not_be_stored_is_refused_and_not_lost(api: Api, charger_id: str, number: str) -> None:
    text = json.dumps(event_of(charger_id, reading="number")).replace('"number"', number)
    answer = api.send("POST", "/telemetry", content=text.encode(), headers=JSON)
    assert answer.status_code == 422
    problem(answer)
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/payload/reading"]


def test_a_charger_that_never_posted_is_404(api: Api, charger_id: str) -> None:
    answer = api.latest(charger_id)
    assert answer.status_code == 404
    problem(answer)


@pytest.mark.parametrize("path", ["/telemetry/-CP", "/telemetry/CP%201", "/telemetry/" + "C" * 65])
def test_reading_an_id_that_no_charger_can_have_is_400(api: Api, path: str) -> None:
    answer = api.send("GET", path)
    assert answer.status_code == 400
    problem(answer)


def test_an_id_with_every_special_character_is_posted_and_read(api: Api, charger_id: str) -> None:
    special = f"{charger_id}*-_=:+|@."
    receipt = api.post(event_of(special)).json()
    latest = api.stored("".join(f"%{ord(character):02X}" for character in special), event_id=receipt["eventId"])
    assert latest["chargerId"] == special


def test_no_answer_repeats_what_was_sent_or_tells_what_is_inside(api: Api, charger_id: str) -> None:
    answers = [
        api.post({**event_of(charger_id), "timestamp": "a-secret-value"}),
        api.post({**event_of(charger_id), "connectorId": "a-secret-value"}),
        api.send("POST", "/telemetry", content=b"a-secret-value", headers=JSON),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        for inside in ("a-secret-value", "arn:aws", "pydantic", "Traceback", "boto"):
            assert inside not in answer.text


def _garbage(_cloud: Cloud) -> str:
    return "garbage"


def _unsigned(cloud: Cloud) -> str:
    claims = jwt.decode(cloud.issuer.token(), options={"verify_signature": False})
    header = jwt.get_unverified_header(cloud.issuer.token())
    return jwt.encode(claims, key="", algorithm="none", headers={"kid": header["kid"]})


def _signed_by_another(cloud: Cloud) -> str:
    claims = jwt.decode(cloud.issuer.token(), options={"verify_signature": False})
    header = jwt.get_unverified_header(cloud.issuer.token())
    another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return jwt.encode(claims, another, algorithm="RS256", headers={"kid": header["kid"]})


def _tampered(cloud: Cloud) -> str:
    header, claims, signature = cloud.issuer.token(chargers="ANOTHER").split(".")
    padded = claims + "=" * (-len(claims) % 4)
    changed = base64.urlsafe_b64decode(padded).replace(b"ANOTHER", b"*")
    return f"{header}.{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{signature}"


def _expired(cloud: Cloud) -> str:
    return cloud.issuer.token(expires_in=-1)


def _for_another_audience(cloud: Cloud) -> str:
    return _by_the_same_key(cloud, audience=("another",))


def _of_another_issuer(cloud: Cloud) -> str:
    return _by_the_same_key(cloud, url=f"{cloud.issuer_settings.url}-of-another")


def _by_the_same_key(cloud: Cloud, **changed: object) -> str:
    settings = cloud.issuer_settings.model_copy(update=changed)
    return type(cloud.issuer)(settings, key_file=cloud.shell.directory / "issuer-key.pem").token()


@pytest.mark.parametrize(
    "token",
    [_garbage, _unsigned, _signed_by_another, _tampered, _expired, _for_another_audience, _of_another_issuer],
)
@pytest.mark.parametrize("route", ROUTES)
def test_a_token_that_is_not_the_issuers_is_401(
    cloud: Cloud, api: Api, charger_id: str, route: str, token: "Callable[[Cloud], str]"
) -> None:
    assert request(Api(api.url, token(cloud)), route, charger_id).status_code == 401


@pytest.mark.parametrize("several", [False, True], ids=["one charger", "several chargers"])
def test_a_token_of_the_charger_posts_and_reads(cloud: Cloud, api: Api, charger_id: str, *, several: bool) -> None:
    token = cloud.issuer.token(chargers=[f"{charger_id}-neighbour", charger_id] if several else charger_id)
    own = Api(api.url, token)
    answer = own.post(event_of(charger_id))
    assert answer.status_code == 202
    own.stored(charger_id, event_id=answer.json()["eventId"])


def test_an_event_for_another_charger_than_the_tokens_is_not_queued(cloud: Cloud, api: Api, charger_id: str) -> None:
    thief = Api(api.url, cloud.issuer.token(chargers="THIEF"))
    assert thief.post(event_of(charger_id, power_kw=999)).status_code == 403
    # Ordered behind it, had it been queued.
    after = api.post(event_of(charger_id, power_kw=1)).json()
    api.stored(charger_id, event_id=after["eventId"])
    assert not [
        line
        for line in cloud.log_lines("Processor", chargerId=charger_id)
        if line["eventIds"] != [short_id(after["eventId"])]
    ]


def test_a_path_that_is_no_route_is_404(api: Api) -> None:
    assert api.send("GET", "/no-such-route").status_code == 404
