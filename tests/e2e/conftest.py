"""One local cloud for all end-to-end tests, deployed once by `scripts/local.sh up` on a port of its own."""

import json
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from tests.e2e.fault_proxy import FaultProxy
from tests.e2e.fleet import Fleet
from tests.e2e.harness import Api, Cloud, Shell, WithoutPermission, free_port


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloud]:
    shell = Shell(directory=tmp_path_factory.mktemp("local"), port=free_port())
    try:
        up = shell("up")
        # A stack that was deployed but does not work is for the tests to find, each under its name.
        assert (shell.directory / "env").exists(), up.stdout + up.stderr
        yield Cloud(shell, up)
    finally:
        shell("down")


@pytest.fixture
def api(cloud: Cloud) -> Api:
    """Return the API for a token that may do everything."""
    return Api(cloud.variables["TELEMETRY_API_URL"], cloud.variables["TELEMETRY_TOKEN"])


@pytest.fixture
def charger_id() -> str:
    """Return the id of a charger that nobody else uses."""
    return f"E2E-{uuid.uuid4().hex}"


@pytest.fixture
def take_away(cloud: Cloud) -> Generator[WithoutPermission]:
    """Take an action away from a function's role; what it returns gives it back, as does the end of the test."""
    taken: dict[str, str] = {}

    def replace(policy: str, document: str) -> None:
        # The emulator has no SetDefaultPolicyVersion.
        old = cloud.iam.get_policy(PolicyArn=policy)["Policy"].get("DefaultVersionId", "")
        cloud.iam.create_policy_version(PolicyArn=policy, PolicyDocument=document, SetAsDefault=True)
        cloud.iam.delete_policy_version(PolicyArn=policy, VersionId=old)

    def document_of(policy: str) -> str:
        version = cloud.iam.get_policy(PolicyArn=policy)["Policy"].get("DefaultVersionId", "")
        stored = cloud.iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]
        return json.dumps(stored.get("Document"))

    def take(function: str, action: str) -> Callable[[], None]:
        arn = cloud.lambda_.get_function_configuration(FunctionName=cloud.outputs[f"{function}FunctionName"])["Role"]
        attached = cloud.iam.list_attached_role_policies(RoleName=arn.split("/")[-1])["AttachedPolicies"]
        documents = {policy: document_of(policy) for policy in (each.get("PolicyArn", "") for each in attached)}
        [(policy, document)] = [each for each in documents.items() if f'"{action}"' in each[1]]
        replace(policy, document.replace(f'"{action}"', '"sts:GetCallerIdentity"'))
        taken[policy] = document
        return lambda: give_back(policy)

    def give_back(policy: str) -> None:
        if policy in taken:
            replace(policy, taken.pop(policy))

    yield take
    for policy in list(taken):
        give_back(policy)


@pytest.fixture
def visibility_timeout(cloud: Cloud) -> Generator[float]:
    """Give the queue a visibility timeout of 5 seconds, where it has minutes else; return it."""
    queue_url = cloud.outputs["QueueUrl"]
    usual = cloud.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    cloud.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "5"})
    yield 5
    cloud.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=usual)


@contextmanager
def calls_of(function: str, cloud: Cloud) -> Generator[FaultProxy]:
    """Lead what a function calls of DynamoDB and SQS through a proxy, until this ends."""
    name = cloud.outputs[f"{function}FunctionName"]
    usual = cloud.lambda_.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
    with FaultProxy(cloud.variables["AWS_ENDPOINT_URL"]) as proxy:
        led = {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url, "AWS_ENDPOINT_URL_SQS": proxy.url}
        try:
            cloud.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": usual | led})
            yield proxy
        finally:
            cloud.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": usual})


# Of a module, since a function starts anew when its environment changes.
@pytest.fixture(scope="module")
def calls_of_ingest(cloud: Cloud) -> Generator[FaultProxy]:
    """Return the proxy between ingest and the queue."""
    with calls_of("Ingest", cloud) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def calls_of_processor(cloud: Cloud) -> Generator[FaultProxy]:
    """Return the proxy between the processor and the table, and the DLQ."""
    with calls_of("Processor", cloud) as proxy:
        yield proxy


@pytest.fixture
def fleet(cloud: Cloud, api: Api, charger_id: str) -> Fleet:
    """Return chargers that nobody else uses."""
    return Fleet(cloud, api, charger_id)


@pytest.fixture
def nothing_is_lost(fleet: Fleet, record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Fail where an event of the fleet that was acknowledged is lost; leave the numbers for `docs/faults.md`."""

    def check(*, dead_letters: int = 0, all_affected: bool = False) -> None:
        tally = fleet.tally(dead_letters=dead_letters, all_affected=all_affected)
        for name, value in asdict(tally).items():
            record_property(name, value)
        assert tally.lost == 0
        assert tally.dead_lettered == dead_letters
        # A charger sends until it is heard.
        assert tally.acknowledged == tally.sent

    return check
