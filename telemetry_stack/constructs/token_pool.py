"""A Cognito user pool without users: it gives tokens to machines."""

from collections.abc import Mapping, Sequence
from typing import cast, get_args

from aws_cdk import Acknowledgment, CfnOutput, Duration, Fn, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cognito as cognito
from constructs import Construct

from telemetry_stack.stages import Scope, StageName, TokenClient

RESOURCE_SERVER = "telemetry"
# Of a token that was stolen; a client that is taken out of the settings is locked out at once.
TOKEN_LIFETIME = Duration.hours(1)
NO_USERS = "The pool has no users, and nobody can sign up or in: its clients are machines with a secret each"


class TokenPool(Construct):
    """A user pool with the scopes of the API, and a client with an id and a secret for each gateway or dashboard.

    The secrets are Cognito's: they are in no template, no output and no log.

    Args:
        scope: the parent construct.
        construct_id: the id within it.
        stage: the stage's name, with which the token endpoint's host name begins.
        clients: who gets tokens.
        deletion_protection: whether the pool can't be deleted until this is turned off.
        removal_policy: what becomes of the pool when it leaves the stack.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is a property of the pool
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: StageName,
        clients: Sequence[TokenClient],
        deletion_protection: bool,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._pool = cognito.UserPool(
            self,
            "Pool",
            # Tokens of machines are the same on the cheapest plan; what the others add is for users.
            feature_plan=cognito.FeaturePlan.LITE,
            self_sign_up_enabled=False,
            account_recovery=cognito.AccountRecovery.NONE,
            password_policy=cognito.PasswordPolicy(
                min_length=16, require_digits=True, require_lowercase=True, require_symbols=True, require_uppercase=True
            ),
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        for rule in ("AwsSolutions-COG2", "AwsSolutions-COG8"):
            Validations.of(self._pool).acknowledge(Acknowledgment(id=rule, reason=NO_USERS))
        server_scopes = {
            name: cognito.ResourceServerScope(
                scope_name=name.removeprefix(f"{RESOURCE_SERVER}/"), scope_description=name
            )
            for name in get_args(Scope)
        }
        server = self._pool.add_resource_server(
            "Scopes", identifier=RESOURCE_SERVER, scopes=list(server_scopes.values())
        )
        # Host names are for all of AWS. The stack's own id has a random part, and stays what it is.
        suffix = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", Stack.of(self).stack_id))))
        domain = self._pool.add_domain(
            "Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=f"telemetry-{stage}-{suffix}")
        )
        self._chargers_of_clients = {
            self._client(client, server, server_scopes).user_pool_client_id: sorted(client.chargers)
            for client in clients
        }
        outputs = {"UserPoolId": self._pool.user_pool_id, "TokenUrl": f"{domain.base_url()}/oauth2/token"}
        for name, value in outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(name)

    @property
    def issuer_url(self) -> str:
        """The `iss` of its tokens."""
        stack = Stack.of(self)
        return f"https://cognito-idp.{stack.region}.{stack.url_suffix}/{self._pool.user_pool_id}"

    @property
    def chargers_of_clients(self) -> Mapping[str, Sequence[str]]:
        """The chargers of each client, by the client's id; `*` alone means all."""
        return self._chargers_of_clients

    def _client(
        self,
        client: TokenClient,
        server: cognito.UserPoolResourceServer,
        server_scopes: Mapping[str, cognito.ResourceServerScope],
    ) -> cognito.UserPoolClient:
        made = cognito.UserPoolClient(
            self,
            client.name,
            user_pool=self._pool,
            generate_secret=True,
            # Without the setting, Cognito lets users sign in by three ways. With none of them, what is left is the use
            # of refresh tokens, which a machine never gets.
            # https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
            auth_flows=cognito.AuthFlow(user_srp=False),
            access_token_validity=TOKEN_LIFETIME,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[
                    cognito.OAuthScope.resource_server(
                        cast("cognito.IUserPoolResourceServer", server), server_scopes[scope]
                    )
                    for scope in sorted(client.scopes)
                ],
            ),
        )
        output = f"{client.name}ClientId"
        CfnOutput(self, output, value=made.user_pool_client_id).override_logical_id(output)
        return made
