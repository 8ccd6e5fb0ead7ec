"""The HTTP API: who gets in, how much, at which address, and what is written down."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from query.openapi import document
from telemetry_stack.constructs import telemetry_api
from telemetry_stack.stages import CognitoAuth, NoAuth, TokenIssuer
from tests.stack.synthesis import ROOT, Synthesis

ROUTES = {
    "POST /telemetry": "telemetry/ingest",
    "POST /telemetry/batch": "telemetry/ingest",
    "GET /telemetry/{chargerId}": "telemetry/read",
    "GET /telemetry": "telemetry/read",
}
PUBLIC_ROUTES = {"GET /openapi.json"}


def issuers_of(synthesis: Synthesis) -> Iterator[tuple[Any, list[Any]]]:
    """Yield the URL of the issuer that the stage's settings come to, with its audience; none where there is no auth."""
    match synthesis.settings.auth:
        case TokenIssuer() as issuer:
            yield issuer.url, list(issuer.audience)
        case CognitoAuth():
            (pool,) = synthesis.of_type("AWS::Cognito::UserPool")
            host = f"https://cognito-idp.{synthesis.settings.region}."
            url = {"Fn::Join": ["", [host, {"Ref": "AWS::URLSuffix"}, "/", {"Ref": pool}]]}
            yield url, [{"Ref": client} for client in synthesis.of_type("AWS::Cognito::UserPoolClient")]
        case NoAuth():
            return


def test_each_route_but_the_public_one_asks_for_a_token_with_its_scope_where_the_stage_has_auth(
    every_stage: Synthesis,
) -> None:
    guarded = {} if isinstance(every_stage.settings.auth, NoAuth) else ROUTES
    routes = every_stage.of_type("AWS::ApiGatewayV2::Route").values()
    assert {
        route["RouteKey"]: (route["AuthorizationScopes"], route["AuthorizerId"])
        for route in routes
        if route["AuthorizationType"] == "JWT"
    } == {
        key: ([scope], {"Ref": authorizer})
        for key, scope in guarded.items()
        for authorizer in every_stage.of_type("AWS::ApiGatewayV2::Authorizer")
    }
    public = [route for route in routes if route["AuthorizationType"] == "NONE"]
    assert {route["RouteKey"] for route in public} == PUBLIC_ROUTES | (ROUTES.keys() - guarded.keys())
    assert not any({"AuthorizerId", "AuthorizationScopes"} & set(route) for route in public)


def test_each_route_is_described_with_its_scope() -> None:
    described = {
        f"{method.upper()} {path}": [scope for each in operation["security"] for scope in each["token"]]
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }
    routes = {route.key: [route.scope] if route.scope else [] for route in telemetry_api.ROUTES}
    assert described == routes


def test_no_browser_may_use_the_api_unless_the_stage_names_its_page(every_stage: Synthesis) -> None:
    cors = every_stage.only("AWS::ApiGatewayV2::Api").get("CorsConfiguration", {"AllowOrigins": []})
    assert cors["AllowOrigins"] == list(every_stage.settings.cors_origins)


def test_a_page_that_the_stage_names_may_use_the_api_and_read_what_it_needs(full: Synthesis) -> None:
    assert full.only("AWS::ApiGatewayV2::Api")["CorsConfiguration"] == {
        "AllowOrigins": ["https://dashboard.charging.test", "https://localhost:8443"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["authorization", "content-type", "if-none-match"],
        "ExposeHeaders": ["etag", "retry-after", "apigw-requestid"],
        "MaxAge": 3600,
    }


def test_tokens_come_from_the_stages_issuer_for_its_audience(every_stage: Synthesis) -> None:
    told = [
        (each["AuthorizerType"], each["JwtConfiguration"], each["IdentitySource"])
        for each in every_stage.of_type("AWS::ApiGatewayV2::Authorizer").values()
    ]
    assert told == [
        ("JWT", {"Issuer": issuer, "Audience": audience}, ["$request.header.Authorization"])
        for issuer, audience in issuers_of(every_stage)
    ]


def test_each_route_is_throttled_as_the_stage_says(every_stage: Synthesis) -> None:
    settings = every_stage.settings
    throttles = {
        "POST /telemetry": settings.ingest_throttle,
        "POST /telemetry/batch": settings.ingest_throttle,
        "GET /telemetry/{chargerId}": settings.read_throttle,
        "GET /telemetry": settings.read_throttle,
        "GET /openapi.json": settings.read_throttle,
    }
    assert every_stage.only("AWS::ApiGatewayV2::Stage")["RouteSettings"] == {
        key: {"ThrottlingRateLimit": throttle.requests_per_second, "ThrottlingBurstLimit": throttle.burst}
        for key, throttle in throttles.items()
    }


def test_the_routes_are_made_before_the_throttles_that_name_them(every_stage: Synthesis) -> None:
    (stage,) = (each for each in every_stage.resources.values() if each["Type"] == "AWS::ApiGatewayV2::Stage")
    assert set(every_stage.of_type("AWS::ApiGatewayV2::Route")) <= set(stage["DependsOn"])


def test_a_function_is_given_the_request_in_format_2(every_stage: Synthesis) -> None:
    integrations = every_stage.of_type("AWS::ApiGatewayV2::Integration").values()
    assert [each["PayloadFormatVersion"] for each in integrations] == ["2.0", "2.0"]


def test_each_request_is_written_down_as_json_but_for_what_is_secret(every_stage: Synthesis) -> None:
    settings = every_stage.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    assert settings["DestinationArn"] == {"Fn::GetAtt": ["ApiAccessLog713001CC", "Arn"]}
    line = json.loads(settings["Format"])
    assert line["stage"] == every_stage.settings.name
    wanted = {"requestId", "routeKey", "status", "integrationLatency", "authorizerError"}
    assert wanted <= set(line)
    # The path would name a charger; API Gateway offers no header, and so no token. It refuses to make a stage whose
    # log names a variable that an HTTP API does not have.
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
    assert {value.removeprefix("$context.") for name, value in line.items() if name != "stage"} <= {
        "authorizer.error",
        "error.message",
        "identity.sourceIp",
        "integrationErrorMessage",
        "integrationLatency",
        "integrationStatus",
        "protocol",
        "requestId",
        "requestTime",
        "responseLatency",
        "responseLength",
        "routeKey",
        "status",
    }


@pytest.mark.parametrize("field", ["requestId", "routeKey", "status", "integrationLatency"])
def test_a_field_of_the_access_log_is_what_its_name_says(prod: Synthesis, field: str) -> None:
    line = json.loads(prod.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert line[field] == f"$context.{field}"


def test_the_access_log_has_the_fields_of_the_line_that_the_tools_are_tested_with(prod: Synthesis) -> None:
    line = json.loads(prod.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert line.keys() == json.loads((ROOT / "tests" / "events" / "access_log_line.json").read_text()).keys()


def test_a_stage_without_a_domain_is_reached_at_api_gateways_own(bare: Synthesis) -> None:
    assert bare.of_type("AWS::ApiGatewayV2::DomainName") == {}
    assert bare.only("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is False
    assert bare.template["Outputs"]["ApiUrl"]["Value"] == {"Fn::GetAtt": ["ApiCD79AAA0", "ApiEndpoint"]}


def test_a_stage_with_a_domain_is_reached_there_alone_by_tls_1_2(full: Synthesis) -> None:
    assert full.template["Outputs"]["ApiUrl"]["Value"] == "https://telemetry.charging.test"
    target = {"Fn::GetAtt": ["ApiDomain95042711", "RegionalDomainName"]}
    assert full.template["Outputs"]["DomainTarget"]["Value"] == target
    assert full.only("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    domain = full.only("AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == "telemetry.charging.test"
    (configuration,) = domain["DomainNameConfigurations"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    assert full.settings.custom_domain is not None
    assert configuration["CertificateArn"] == full.settings.custom_domain.certificate_arn
    (mapping,) = (each for each in full.resources.values() if each["Type"] == "AWS::ApiGatewayV2::ApiMapping")
    assert mapping["Properties"]["ApiId"] == {"Ref": "ApiCD79AAA0"}
    assert mapping["Properties"]["Stage"] == "$default"
    # The mapping names the stage without referring to it.
    assert "ApiStage4697DF29" in mapping["DependsOn"]
