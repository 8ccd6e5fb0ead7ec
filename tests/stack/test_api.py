"""The HTTP API: who gets in, how much, at which address, and what is written down."""

import json
from collections.abc import Callable

import pytest

from query.openapi import document
from telemetry_stack.constructs import telemetry_api
from telemetry_stack.stages import TokenIssuer
from tests.stack.synthesis import Synthesis

ROUTES = {
    "POST /telemetry": "telemetry/ingest",
    "POST /telemetry/batch": "telemetry/ingest",
    "GET /telemetry/{chargerId}": "telemetry/read",
    "GET /telemetry": "telemetry/read",
}
PUBLIC_ROUTES = {"GET /openapi.json"}


def test_each_route_but_the_public_one_asks_for_a_token_with_its_scope(every_stage: Synthesis) -> None:
    (authorizer,) = every_stage.of_type("AWS::ApiGatewayV2::Authorizer")
    routes = [
        route
        for route in every_stage.of_type("AWS::ApiGatewayV2::Route").values()
        if route["RouteKey"] not in PUBLIC_ROUTES
    ]
    assert {route["RouteKey"]: route["AuthorizationScopes"] for route in routes} == {
        key: [scope] for key, scope in ROUTES.items()
    }
    for route in routes:
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == {"Ref": authorizer}


def test_a_public_route_asks_for_no_token(every_stage: Synthesis) -> None:
    routes = every_stage.of_type("AWS::ApiGatewayV2::Route").values()
    public = [route for route in routes if route["AuthorizationType"] == "NONE"]
    assert {route["RouteKey"] for route in public} == PUBLIC_ROUTES
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
    assert every_stage.settings.cors_origins == ()
    assert "CorsConfiguration" not in every_stage.only("AWS::ApiGatewayV2::Api")


def test_a_page_that_the_stage_names_may_use_the_api_and_read_what_it_needs(
    synthesis_of: Callable[[str], Synthesis],
) -> None:
    assert synthesis_of("browsers").only("AWS::ApiGatewayV2::Api")["CorsConfiguration"] == {
        "AllowOrigins": ["https://dashboard.charging.example", "https://localhost:8443"],
        "AllowMethods": ["GET", "POST"],
        "AllowHeaders": ["authorization", "content-type", "if-none-match"],
        "ExposeHeaders": ["etag", "retry-after", "apigw-requestid"],
        "MaxAge": 3600,
    }


def test_tokens_come_from_the_stages_issuer_for_its_audience(every_stage: Synthesis) -> None:
    issuer = every_stage.settings.auth
    assert isinstance(issuer, TokenIssuer)
    authorizer = every_stage.only("AWS::ApiGatewayV2::Authorizer")
    assert authorizer["AuthorizerType"] == "JWT"
    assert authorizer["JwtConfiguration"] == {"Issuer": issuer.url, "Audience": ["telemetry"]}
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]


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


def test_a_stage_without_a_domain_is_reached_at_api_gateways_own(prod: Synthesis) -> None:
    assert prod.of_type("AWS::ApiGatewayV2::DomainName") == {}
    assert prod.only("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is False
    assert prod.template["Outputs"]["ApiUrl"]["Value"] == {"Fn::GetAtt": ["ApiCD79AAA0", "ApiEndpoint"]}


def test_a_stage_with_a_domain_is_reached_there_alone_by_tls_1_2(synthesis_of: Callable[[str], Synthesis]) -> None:
    synthesis = synthesis_of("domain")
    assert synthesis.template["Outputs"]["ApiUrl"]["Value"] == "https://telemetry.charging.example"
    target = {"Fn::GetAtt": ["ApiDomain95042711", "RegionalDomainName"]}
    assert synthesis.template["Outputs"]["DomainTarget"]["Value"] == target
    assert synthesis.only("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    domain = synthesis.only("AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == "telemetry.charging.example"
    (configuration,) = domain["DomainNameConfigurations"]
    assert configuration["SecurityPolicy"] == "TLS_1_2"
    assert configuration["CertificateArn"].startswith("arn:aws:acm:eu-central-1:")
    (mapping,) = (each for each in synthesis.resources.values() if each["Type"] == "AWS::ApiGatewayV2::ApiMapping")
    assert mapping["Properties"]["ApiId"] == {"Ref": "ApiCD79AAA0"}
    assert mapping["Properties"]["Stage"] == "$default"
    # The mapping names the stage without referring to it.
    assert "ApiStage4697DF29" in mapping["DependsOn"]
