"""The three forms of a stage's `auth`: what each makes of the template, and what the functions are told."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from app import compose
from telemetry.access import access_of
from telemetry.errors import ForbiddenChargerError
from telemetry.settings import AccessSettings
from telemetry_stack import stages
from telemetry_stack.constructs.telemetry_api import ROUTES
from telemetry_stack.stages import CognitoAuth
from tests.stack.synthesis import ROOT, Synthesis, cdk_context, synthesize
from tests.stage_settings import BARE, changed

GATEWAY = "AuthTokenPoolNorthGateway3C3278E4"
DASHBOARD = "AuthTokenPoolDashboard46BF4151"
POOL = "AuthTokenPoolE216CACE"
API_SERVICES = ("ingest", "query")
ACCESS_VARIABLES = {"CHARGERS_CLAIM", "TOKENS_WITHOUT_CLAIM", "CHARGERS_OF_CLIENTS", "OPEN_TO_ANYBODY"}


def access_variables(synthesis: Synthesis, service: str) -> dict[str, Any]:
    variables = synthesis.function(service)["Environment"]["Variables"]
    return {name: value for name, value in variables.items() if name in ACCESS_VARIABLES}


def told(synthesis: Synthesis, service: str) -> AccessSettings:
    """What the function makes of its variables, with logical ids in place of what CloudFormation puts there."""
    variables = {
        name: value
        if isinstance(value, str)
        else "".join(each if isinstance(each, str) else each["Ref"] for each in value["Fn::Join"][1])
        for name, value in access_variables(synthesis, service).items()
    }
    return AccessSettings.model_validate({"STAGE": "test", "POWERTOOLS_SERVICE_NAME": service, **variables})


def may(settings: AccessSettings, claims: dict[str, object], charger_id: str) -> bool:
    try:
        access_of(claims, settings).require([charger_id])
    except ForbiddenChargerError:
        return False
    return True


def unscoped(route: dict[str, Any]) -> bool:
    return route["AuthorizationType"] == "NONE" and not {"AuthorizerId", "AuthorizationScopes"} & set(route)


def test_a_stage_makes_a_user_pool_only_where_its_auth_is_one(every_stage: Synthesis) -> None:
    made = {each["Type"] for each in every_stage.resources.values() if each["Type"].startswith("AWS::Cognito::")}
    assert bool(made) == isinstance(every_stage.settings.auth, CognitoAuth)


@pytest.mark.parametrize("service", API_SERVICES)
def test_a_function_is_told_how_the_issuers_tokens_name_chargers(full: Synthesis, service: str) -> None:
    assert access_variables(full, service) == {"CHARGERS_CLAIM": "custom:stations", "TOKENS_WITHOUT_CLAIM": "refused"}


@pytest.mark.parametrize("setting", ["refused", "all"])
def test_a_function_is_told_what_a_token_without_the_claim_may_do(setting: str, tmp_path: Path) -> None:
    issuer = {"url": "https://login.charging.test", "audience": ["fleet"], "chargers_claim": "stations"}
    made = synthesize(changed(BARE, auth={"kind": "oidc", **issuer, "tokens_without_claim": setting}), tmp_path)
    for service in API_SERVICES:
        assert access_variables(made, service) == {"CHARGERS_CLAIM": "stations", "TOKENS_WITHOUT_CLAIM": setting}


def test_the_processor_is_told_nothing_of_tokens(every_stage: Synthesis) -> None:
    assert access_variables(every_stage, "processor") == {}


def test_a_user_pool_knows_the_scopes_of_the_routes_and_no_other(cognito: Synthesis) -> None:
    server = cognito.only("AWS::Cognito::UserPoolResourceServer")
    scopes = {f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"]}
    assert scopes == {route.scope for route in ROUTES if route.scope}


def test_a_client_is_a_machine_with_a_secret_and_its_own_scopes_and_nothing_else(cognito: Synthesis) -> None:
    (server,) = cognito.of_type("AWS::Cognito::UserPoolResourceServer")
    scope_of = {GATEWAY: "/ingest", DASHBOARD: "/read"}
    assert cognito.of_type("AWS::Cognito::UserPoolClient") == {
        logical_id: {
            "UserPoolId": {"Ref": POOL},
            "GenerateSecret": True,
            "AllowedOAuthFlowsUserPoolClient": True,
            "AllowedOAuthFlows": ["client_credentials"],
            "AllowedOAuthScopes": [{"Fn::Join": ["", [{"Ref": server}, scope]]}],
            # Absent, three ways for users to sign in; and a machine gets no refresh token.
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
            "SupportedIdentityProviders": ["COGNITO"],
            "AccessTokenValidity": 60,
            "TokenValidityUnits": {"AccessToken": "minutes"},
        }
        for logical_id, scope in scope_of.items()
    }


def test_the_documented_example_is_a_stages_auth() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "authentication.md").read_text(), flags=re.DOTALL)
    names = vars(stages).copy()
    exec(example, names)  # noqa: S102 - it stands in this repository
    auth = changed(BARE, auth=names["auth"].model_dump()).auth
    assert isinstance(auth, CognitoAuth)
    assert [client.name for client in auth.clients] == ["NorthGateway", "Dashboard"]


def test_nobody_signs_up_to_the_pool(cognito: Synthesis) -> None:
    pool = cognito.only("AWS::Cognito::UserPool")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert cognito.of_type("AWS::Cognito::UserPoolUser") == {}


def test_the_pool_is_kept_as_the_stages_data_is(cognito: Synthesis) -> None:
    pool = cognito.resources[POOL]
    assert (pool["DeletionPolicy"], pool["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert pool["Properties"]["DeletionProtection"] == "ACTIVE"


@pytest.mark.parametrize("service", API_SERVICES)
def test_a_function_knows_the_chargers_of_each_client(cognito: Synthesis, service: str) -> None:
    settings = told(cognito, service)
    assert set(access_variables(cognito, service)) == {"CHARGERS_OF_CLIENTS"}
    assert may(settings, {"client_id": GATEWAY}, "CP-1")
    assert may(settings, {"client_id": GATEWAY}, "CP-2")
    assert not may(settings, {"client_id": GATEWAY}, "CP-3")
    assert may(settings, {"client_id": DASHBOARD}, "CP-3")
    assert not may(settings, {"client_id": POOL}, "CP-1")


def test_who_runs_a_gateway_finds_where_to_ask_for_a_token_and_as_whom_and_no_secret(cognito: Synthesis) -> None:
    outputs = cognito.template["Outputs"]
    assert outputs["UserPoolId"]["Value"] == {"Ref": POOL}
    assert outputs["NorthGatewayClientId"]["Value"] == {"Ref": GATEWAY}
    assert outputs["DashboardClientId"]["Value"] == {"Ref": DASHBOARD}
    scheme, host, path = outputs["TokenUrl"]["Value"]["Fn::Join"][1]
    assert (scheme, path) == ("https://", f".auth.{cognito.settings.region}.amazoncognito.com/oauth2/token")
    assert cognito.resources[host["Ref"]]["Type"] == "AWS::Cognito::UserPoolDomain"
    assert "ClientSecret" not in json.dumps(cognito.template)


def test_the_token_hosts_name_is_of_this_stack_alone(cognito: Synthesis) -> None:
    name = cognito.only("AWS::Cognito::UserPoolDomain")["Domain"]
    assert name["Fn::Join"][1][0] == "telemetry-prod-"
    assert json.dumps(name).count('{"Ref": "AWS::StackId"}') == 1


@pytest.mark.parametrize("service", API_SERVICES)
def test_a_dev_stage_without_auth_is_open_and_tells_its_functions_so(bare: Synthesis, service: str) -> None:
    assert bare.of_type("AWS::ApiGatewayV2::Authorizer") == {}
    assert all(map(unscoped, bare.of_type("AWS::ApiGatewayV2::Route").values()))
    assert set(access_variables(bare, service)) == {"OPEN_TO_ANYBODY"}
    assert may(told(bare, service), {}, "CP-1")


@pytest.mark.parametrize("name", ["full", "cognito"])
def test_a_stage_with_auth_is_open_to_nobody_without_a_token(
    synthesis_of: Callable[[str], Synthesis], name: str
) -> None:
    for service in API_SERVICES:
        assert not may(told(synthesis_of(name), service), {}, "CP-1")
    assert "Warning" not in synthesis_of(name).template["Outputs"]


def test_a_stage_without_auth_says_so_loudly(bare: Synthesis, tmp_path: Path) -> None:
    said = bare.template["Outputs"]["Warning"]["Value"]
    assert "anybody" in said
    app = App(context=cdk_context(), outdir=str(tmp_path))
    stack = compose(app, BARE)
    warnings = [
        str(entry.data)
        for construct in stack.node.find_all()
        for entry in construct.node.metadata
        if entry.type == "aws:cdk:warning"
    ]
    assert [said in warning for warning in warnings] == [True]
