"""A CDK app for the tests: stage local under another name, with a user pool of its own."""

import os

from aws_cdk import App

from app import compose
from telemetry_stack.stages import CognitoAuth, StageSettings, TokenClient, local

GATEWAY = TokenClient(name="Gateway", scopes=frozenset(["telemetry/ingest"]), chargers=frozenset(["CP-1", "CP-2"]))
DASHBOARD = TokenClient(name="Dashboard", scopes=frozenset(["telemetry/read"]), chargers="*")
STACK_NAME = "Telemetry-cognito"


class CognitoStage(StageSettings):
    """Settings of a stack beside the one of stage local, in the same emulator."""

    @property
    def stack_name(self) -> str:
        """The name of the CloudFormation stack."""
        return STACK_NAME


def main() -> None:
    """Synthesize the stack."""
    app = App()
    settings = CognitoStage.model_validate(local(int(os.environ["LOCAL_PORT"])).model_dump())
    # Unchecked: a stage local has an issuer, for its tools.
    compose(app, settings.model_copy(update={"auth": CognitoAuth(clients=(GATEWAY, DASHBOARD))}))
    app.synth()


if __name__ == "__main__":
    main()
