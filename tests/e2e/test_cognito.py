"""The stack with a user pool of its own: a gateway and a dashboard get tokens by their secrets, and use them."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

from tests.e2e.cognito_app import STACK_NAME
from tests.e2e.harness import PROJECT, Api, Cloud, event_of, problem


@dataclass(frozen=True)
class Deployed:
    """The stack in the emulator."""

    outputs: dict[str, str]
    variables: dict[str, str]

    def api(self, token: str | None) -> Api:
        """Return the API as a client with this token sees it."""
        api_id = (urlsplit(self.outputs["ApiUrl"]).hostname or "").split(".")[0]
        return Api(f"{self.variables['AWS_ENDPOINT_URL']}/_aws/execute-api/{api_id}/%24default", token)

    def api_of(self, client: str) -> Api:
        """Return the API as a client of the pool sees it."""
        answer = self.ask(client, self.secret_of(client))
        assert answer.status_code == 200, answer.text
        return self.api(answer.json()["access_token"])

    def ask(self, client: str, secret: str, **form: str) -> httpx.Response:
        """Ask for a token, at the emulator's own address in place of the host of `TokenUrl`."""
        return httpx.post(
            f"{self.variables['AWS_ENDPOINT_URL']}{urlsplit(self.outputs['TokenUrl']).path}",
            data={"grant_type": "client_credentials", **form},
            auth=(self.outputs[f"{client}ClientId"], secret),
            timeout=30,
            trust_env=False,
        )

    def secret_of(self, client: str) -> str:
        """Return a client's secret as an operator reads it."""
        session = boto3.Session(
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=self.variables["AWS_REGION"],
        )
        cognito = cast("Any", session.client)("cognito-idp", endpoint_url=self.variables["AWS_ENDPOINT_URL"])
        described = cognito.describe_user_pool_client(
            UserPoolId=self.outputs["UserPoolId"], ClientId=self.outputs[f"{client}ClientId"]
        )
        return described["UserPoolClient"]["ClientSecret"]


@pytest.fixture(scope="module")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    directory = tmp_path_factory.mktemp("cognito")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [
            PROJECT / "scripts" / "cdk.sh",
            "deploy",
            *("--app", f"{sys.executable} -m tests.e2e.cognito_app"),
            *("--require-approval", "never"),
            *("--outputs-file", str(directory / "outputs.json")),
            *("--output", str(directory / "cdk.out")),
        ],
        cwd=PROJECT,
        env={**inherited, **cloud.variables, "LOCAL_PORT": str(cloud.shell.port)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    outputs = directory / "outputs.json"
    assert done.returncode == 0, done.stdout + done.stderr
    return Deployed(json.loads(outputs.read_text())[STACK_NAME], cloud.variables)


def test_a_gateway_posts_for_its_own_chargers_and_a_dashboard_reads_them(deployed: Deployed) -> None:
    answer = deployed.api_of("Gateway").post(event_of("CP-1"))
    assert answer.status_code == 202
    deployed.api_of("Dashboard").stored("CP-1", event_id=answer.json()["eventId"])


def test_a_gateway_posts_for_no_other_charger(deployed: Deployed) -> None:
    gateway = deployed.api_of("Gateway")
    answer = gateway.post(event_of("CP-3"))
    assert answer.status_code == 403
    problem(answer)
    batch = gateway.post_batch([event_of("CP-2"), event_of("CP-3")])
    assert batch.status_code == 207
    assert [each["status"] for each in batch.json()["results"]] == [202, 403]


def test_a_client_has_its_own_scopes_alone(deployed: Deployed) -> None:
    assert deployed.api_of("Gateway").latest("CP-1").status_code == 403
    assert deployed.api_of("Dashboard").post(event_of("CP-1")).status_code == 403
    answer = deployed.ask("Gateway", deployed.secret_of("Gateway"), scope="telemetry/read")
    assert answer.status_code == 400


def test_a_client_gets_no_token_without_its_secret(deployed: Deployed) -> None:
    answer = deployed.ask("Gateway", "a-guess")
    assert not answer.is_success
    assert "access_token" not in answer.text
    assert deployed.api(None).latest("CP-1").status_code == 401


def test_a_token_of_the_other_stacks_issuer_opens_nothing(cloud: Cloud, deployed: Deployed) -> None:
    assert deployed.api(cloud.issuer.token()).latest("CP-1").status_code == 401
    assert (
        Api(cloud.variables["TELEMETRY_API_URL"], deployed.api_of("Dashboard").token).latest("CP-1").status_code == 401
    )
