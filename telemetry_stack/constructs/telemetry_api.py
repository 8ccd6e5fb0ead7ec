"""The HTTP API: what chargers post to and dashboards read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from aws_cdk import Acknowledgment, CfnOutput, Duration, Validations
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from telemetry_stack.constructs.operations import Operations
from telemetry_stack.constructs.telemetry_function import TelemetryFunction
from telemetry_stack.stages import Scope, StageSettings

INGEST_SCOPE: Scope = "telemetry/ingest"
READ_SCOPE: Scope = "telemetry/read"


@dataclass(frozen=True)
class Route:
    """One route of the API: what it is called, who answers it, and the scope that a token needs for it.

    A public route, whose scope is None, needs no token.
    """

    construct_id: str
    method: Literal["GET", "POST"]
    path: str
    service: Literal["ingest", "query"]
    scope: Scope | None

    @property
    def key(self) -> str:
        """API Gateway's name for it, e.g. `POST /telemetry`."""
        return f"{self.method} {self.path}"


ROUTES = (
    Route("PostTelemetry", "POST", "/telemetry", "ingest", INGEST_SCOPE),
    Route("PostTelemetryBatch", "POST", "/telemetry/batch", "ingest", INGEST_SCOPE),
    Route("GetTelemetry", "GET", "/telemetry/{chargerId}", "query", READ_SCOPE),
    Route("GetTelemetryOfSeveral", "GET", "/telemetry", "query", READ_SCOPE),
    Route("GetOpenApi", "GET", "/openapi.json", "query", None),
)

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
# The route and not the path, which names a charger.
ACCESS_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "sourceIp": "$context.identity.sourceIp",
    "protocol": "$context.protocol",
    "responseBytes": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
    "error": "$context.error.message",
}


class TelemetryApi(Construct):
    """An HTTP API with the routes of `ROUTES`, each throttled, and each with its scope where the stage has tokens.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        settings: the stage's settings.
        authorizer: who looks at the tokens; None where the stage has no auth.
        ingest: the function that answers the routes of service `ingest`.
        query: the function that answers those of service `query`.
        operations: how the access log is kept.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a resource that it works with
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        authorizer: HttpJwtAuthorizer | None,
        ingest: TelemetryFunction,
        query: TelemetryFunction,
        operations: Operations,
    ) -> None:
        super().__init__(scope, construct_id)
        self._domain = settings.custom_domain
        self._api = apigatewayv2.HttpApi(
            self,
            "Api",
            # An HTTP API must have a name, and needs no unique one.
            api_name=settings.stack_name,
            description=f"Telemetry {settings.name}",
            create_default_stage=False,
            cors_preflight=_cors(settings.cors_origins),
            # Two doors would mean that one of them is forgotten.
            disable_execute_api_endpoint=self._domain is not None,
        )
        self._access_log = operations.log_group(self, "AccessLog")
        self._stage = apigatewayv2.HttpStage(
            self,
            "Stage",
            http_api=self._api,
            auto_deploy=True,
            domain_mapping=self._domain_mapping(),
            # For a route that has no throttle of its own: none has, see below.
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=settings.read_throttle.requests_per_second, burst_limit=settings.read_throttle.burst
            ),
        )
        cfn_stage = cast("apigatewayv2.CfnStage", self._stage.node.default_child)
        cfn_stage.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=self._access_log.log_group_arn,
            format=json.dumps({"stage": settings.name, **ACCESS_LOG_FIELDS}),
        )
        throttles = {"ingest": settings.ingest_throttle, "query": settings.read_throttle}
        cfn_stage.route_settings = {
            route.key: {
                "ThrottlingRateLimit": throttles[route.service].requests_per_second,
                "ThrottlingBurstLimit": throttles[route.service].burst,
            }
            for route in ROUTES
        }
        integration = {
            "ingest": HttpLambdaIntegration("Ingest", ingest.invoked),
            "query": HttpLambdaIntegration("Query", query.invoked),
        }
        for route in ROUTES:
            http_route = apigatewayv2.HttpRoute(
                self,
                route.construct_id,
                http_api=self._api,
                route_key=apigatewayv2.HttpRouteKey.with_(route.path, apigatewayv2.HttpMethod[route.method]),
                integration=integration[route.service],
                authorizer=authorizer if route.scope else None,
                authorization_scopes=[route.scope] if authorizer and route.scope else None,
            )
            # The stage's throttles name the routes, which have to be there first.
            self._stage.node.add_dependency(http_route)
            if route.scope is None:
                public = "It tells how to use the API, to whom has no token yet, and nothing of any charger"
                Validations.of(http_route).acknowledge(Acknowledgment(id="AwsSolutions-APIG4", reason=public))
            elif authorizer is None:
                Validations.of(http_route).acknowledge(
                    Acknowledgment(id="AwsSolutions-APIG4", reason="This stage was set to be open: it has no auth")
                )
        parts = self.node.find_all()
        permissions = [each for each in parts if isinstance(each, lambda_.CfnPermission)]
        for each in parts:
            if isinstance(each, apigatewayv2.CfnIntegration):
                # While a running stack is given aliases, no request may meet one that may not be invoked yet.
                each.node.add_dependency(*permissions)

    @property
    def url(self) -> str:
        """Where the API answers, without a slash at its end."""
        return f"https://{self._domain.name}" if self._domain else self._api.api_endpoint

    @property
    def api_id(self) -> str:
        """The API's id, by which CloudWatch knows it."""
        return self._api.api_id

    @property
    def access_log(self) -> logs.LogGroup:
        """A line in JSON for each request, with the fields of `ACCESS_LOG_FIELDS` and the stage."""
        return self._access_log

    def _domain_mapping(self) -> apigatewayv2.DomainMappingOptions | None:
        if self._domain is None:
            return None
        name = apigatewayv2.DomainName(
            self,
            "Domain",
            domain_name=self._domain.name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", self._domain.certificate_arn),
            security_policy=apigatewayv2.SecurityPolicy.TLS_1_2,
        )
        # Where the record in DNS has to point: without it nobody reaches the API.
        CfnOutput(self, "DomainTarget", value=name.regional_domain_name).override_logical_id("DomainTarget")
        return apigatewayv2.DomainMappingOptions(domain_name=name)


def _cors(origins: Sequence[str]) -> apigatewayv2.CorsPreflightOptions | None:
    """Return what lets pages of these origins use the API; API Gateway then answers a browser's OPTIONS itself."""
    if not origins:
        return None
    return apigatewayv2.CorsPreflightOptions(
        allow_origins=list(origins),
        allow_methods=[apigatewayv2.CorsHttpMethod.GET, apigatewayv2.CorsHttpMethod.POST],
        allow_headers=["authorization", "content-type", "if-none-match"],
        expose_headers=["etag", "retry-after", "apigw-requestid"],
        # Chrome keeps the answer for 2 hours at most.
        max_age=Duration.hours(1),
    )
