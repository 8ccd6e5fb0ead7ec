"""Who may post and read what, on every route."""

import json

import httpx
import jwt
import pytest

from tests.e2e.harness import PROJECT, Api, Cloud, event_of, eventually, problem

ROUTES = ["POST /telemetry", "POST /telemetry/batch", "GET /telemetry/{chargerId}", "GET /telemetry"]


def request(api: Api, route: str, *charger_ids: str) -> httpx.Response:
    """Post or read, where the route can for more than one charger."""
    match route:
        case "POST /telemetry":
            return api.post(event_of(charger_ids[0]))
        case "POST /telemetry/batch":
            return api.post_batch([event_of(each) for each in charger_ids])
        case "GET /telemetry":
            return api.several(*charger_ids)
        case _:
            return api.latest(charger_ids[0])


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_but_the_description_needs_a_token(api: Api, charger_id: str, route: str) -> None:
    assert request(Api(api.url, None), route, charger_id).status_code == 401


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_needs_its_scope_and_no_other(cloud: Cloud, api: Api, charger_id: str, route: str) -> None:
    api.kept(event_of(charger_id))
    scopes = ["telemetry/ingest", "telemetry/read"]
    needed, other = scopes if route.startswith("POST") else reversed(scopes)
    assert request(Api(api.url, cloud.issuer.token(scopes=[needed])), route, charger_id).is_success
    assert request(Api(api.url, cloud.issuer.token(scopes=[other])), route, charger_id).status_code == 403
    assert request(Api(api.url, cloud.issuer.token(scopes=[])), route, charger_id).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("form", ["string", "list of one", "list of two", "every charger"])
def test_a_claim_names_its_chargers_as_a_string_a_list_or_a_star(
    cloud: Cloud, api: Api, charger_id: str, route: str, form: str
) -> None:
    api.kept(event_of(charger_id))
    claims: dict[str, list[str] | str] = {
        "string": charger_id,
        "list of one": [charger_id],
        "list of two": [f"{charger_id}-2", charger_id],
        "every charger": "*",
    }
    assert request(Api(api.url, cloud.issuer.token(chargers=claims[form])), route, charger_id).is_success


@pytest.mark.parametrize("route", ["POST /telemetry", "GET /telemetry/{chargerId}", "GET /telemetry"])
@pytest.mark.parametrize("claim", ["another's", "a longer id", "a shorter id", "another case", "none", "no claim"])
def test_a_token_that_does_not_name_the_charger_is_403(
    cloud: Cloud, api: Api, charger_id: str, route: str, claim: str
) -> None:
    api.kept(event_of(charger_id))
    stranger = Api(api.url, token_that_does_not_name(cloud, charger_id, claim))
    answer = request(stranger, route, charger_id)
    assert answer.status_code == 403
    problem(answer)
    assert charger_id not in answer.text


@pytest.mark.parametrize("claim", ["another's", "none", "no claim"])
def test_a_batch_with_a_token_that_names_none_of_its_chargers_has_403_in_each_result(
    cloud: Cloud, api: Api, charger_id: str, claim: str
) -> None:
    stranger = Api(api.url, token_that_does_not_name(cloud, charger_id, claim))
    answer = request(stranger, "POST /telemetry/batch", charger_id, charger_id)
    assert answer.status_code == 422
    assert [each["status"] for each in answer.json()["results"]] == [403, 403]


def test_one_foreign_charger_among_several_makes_the_whole_403(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.kept(event_of(charger_id))
    own = Api(api.url, cloud.issuer.token(chargers=[charger_id, f"{charger_id}-2"]))
    assert own.several(charger_id, f"{charger_id}-2").status_code == 200
    answer = own.several(charger_id, f"{charger_id}-2", f"{charger_id}-neighbour")
    assert answer.status_code == 403
    problem(answer)


def test_whether_a_foreign_charger_exists_is_not_told(cloud: Cloud, api: Api, charger_id: str) -> None:
    api.kept(event_of(charger_id))
    stranger = Api(api.url, cloud.issuer.token(chargers="CP-7"))
    assert stranger.latest(charger_id).json() == stranger.latest(f"{charger_id}-never").json()


@pytest.mark.parametrize("route", ROUTES)
def test_a_refused_attempt_is_counted_and_logged_with_who_it_was_and_without_the_token(
    cloud: Cloud, api: Api, charger_id: str, route: str
) -> None:
    token = cloud.issuer.token(chargers=f"{charger_id}-own")
    request(Api(api.url, token), route, charger_id, f"{charger_id}-own")
    function = "Ingest" if route.startswith("POST") else "Query"

    def refusals() -> list[dict[str, object]]:
        lines = cloud.log_lines(function, message="access refused", route=route)
        return [line for line in lines if line["chargerIds"] == [charger_id]]

    (line,) = eventually(refusals)
    assert line["subject"] == jwt.decode(token, options={"verify_signature": False})["sub"]
    assert cloud.log_lines(function, AccessRefused=[1.0], route=route)
    logged = json.dumps(cloud.log_lines("Ingest") + cloud.log_lines("Query"))
    assert token.split(".")[1] not in logged
    assert token.split(".")[2] not in logged


def test_the_description_is_public_and_the_one_in_the_docs(api: Api) -> None:
    answer = Api(api.url, None).send("GET", "/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == json.loads((PROJECT / "docs" / "openapi.json").read_text())


def test_the_description_names_every_route_and_which_need_a_scope(api: Api) -> None:
    document = api.send("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    described = {
        f"{method.upper()} {path}": operation.get("security")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert described.keys() == {*ROUTES, "GET /openapi.json"}
    for route in ROUTES:
        scope = "telemetry/ingest" if route.startswith("POST") else "telemetry/read"
        assert described[route] == [{"token": [scope]}]
    assert not described["GET /openapi.json"]


def test_who_has_the_description_gets_304(api: Api) -> None:
    public = Api(api.url, None)
    tag = public.send("GET", "/openapi.json").headers["etag"]
    assert public.send("GET", "/openapi.json", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("route", [*ROUTES, "GET /openapi.json"])
def test_pages_of_other_origins_may_use_nothing_where_the_stage_names_none(
    api: Api, charger_id: str, route: str
) -> None:
    # That an origin which a stage names may is shown on the template (tests/stack): the emulator takes CORS from
    # CloudFormation for nothing.
    method, path = route.replace("{chargerId}", charger_id).split()
    page = {"Origin": "https://page.example"}
    preflight = api.send("OPTIONS", path, headers={**page, "Access-Control-Request-Method": method})
    assert not preflight.is_success
    for answer in (preflight, api.send(method, path, headers=page)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def token_that_does_not_name(cloud: Cloud, charger_id: str, claim: str) -> str:
    """Return a token of the issuer that is not for the charger."""
    if claim == "no claim":
        settings = cloud.issuer_settings.model_copy(update={"chargers_claim": "another_claim"})
        return type(cloud.issuer)(settings, key_file=cloud.shell.directory / "issuer-key.pem").token()
    claims: dict[str, list[str] | str] = {
        "another's": [f"{charger_id}-neighbour", "CP-7"],
        "a longer id": f"{charger_id}0",
        "a shorter id": charger_id[:-1],
        "another case": charger_id.swapcase(),
        "none": [],
    }
    return cloud.issuer.token(chargers=claims[claim])
