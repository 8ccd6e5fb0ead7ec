"""Who vouches for chargers and dashboards, and how the functions tell which chargers a token is for."""

import json
from collections.abc import Mapping

from aws_cdk import Annotations, CfnOutput, RemovalPolicy, Stack
from aws_cdk.aws_apigatewayv2_authorizers import HttpJwtAuthorizer
from constructs import Construct

from telemetry_stack.constructs.token_pool import TokenPool
from telemetry_stack.stages import CognitoAuth, NoAuth, StageSettings, TokenIssuer

OPEN_TO_ANYBODY = "This API takes telemetry from anybody, and shows all of it to anybody: the stage has no auth"


class Authentication(Construct):
    """What the stage's `auth` comes to: an authorizer for the API, and variables for its functions.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        settings: the stage's settings.
        removal_policy: what becomes of a user pool when it leaves the stack.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: StageSettings, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, construct_id)
        self._authorizer: HttpJwtAuthorizer | None = None
        match settings.auth:
            case TokenIssuer() as issuer:
                self._trust(issuer.url, issuer.audience)
                self._variables = {
                    "CHARGERS_CLAIM": issuer.chargers_claim,
                    "TOKENS_WITHOUT_CLAIM": issuer.tokens_without_claim,
                }
            case CognitoAuth() as cognito:
                pool = TokenPool(
                    self,
                    "TokenPool",
                    stage=settings.name,
                    clients=cognito.clients,
                    deletion_protection=settings.deletion_protection,
                    removal_policy=removal_policy,
                )
                self._trust(pool.issuer_url, list(pool.chargers_of_clients))
                chargers = Stack.of(self).to_json_string(pool.chargers_of_clients)
                self._variables = {"CHARGERS_OF_CLIENTS": chargers}
            case NoAuth():
                self._variables = {"OPEN_TO_ANYBODY": json.dumps(True)}
                Annotations.of(self).add_warning_v2("telemetry:open-to-anybody", OPEN_TO_ANYBODY)
                CfnOutput(self, "Warning", value=OPEN_TO_ANYBODY).override_logical_id("Warning")

    @property
    def authorizer(self) -> HttpJwtAuthorizer | None:
        """Who looks at tokens; nobody where the stage has no auth."""
        return self._authorizer

    @property
    def variables(self) -> Mapping[str, str]:
        """What the API's functions are told (`AccessSettings`)."""
        return self._variables

    def _trust(self, issuer_url: str, audience: list[str] | tuple[str, ...]) -> None:
        self._authorizer = HttpJwtAuthorizer("Tokens", issuer_url, jwt_audience=list(audience))
