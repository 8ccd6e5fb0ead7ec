"""A stage that is deployed, on AWS or in the local cloud: its outputs, and clients to look inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from telemetry_stack.stages import StageSettings, stage_settings
from tools.command_line import CommandError
from tools.local_cloud.cloud import chosen_cloud
from tools.preflight import account_of
from tools.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True)
class DeployedStage:
    """A stage's stack, and AWS as its operator sees it.

    Attributes:
        settings: the stage's.
        outputs: the stack's, by name, e.g. `QueueUrl`.
        session: whose clients reach the stack.
    """

    settings: StageSettings
    outputs: Mapping[str, str]
    session: boto3.Session

    @cached_property
    def sqs(self) -> "SQSClient":
        """The queues."""
        return self.session.client("sqs")

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """The table."""
        return self.session.client("dynamodb")

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        """The logs."""
        return self.session.client("logs")


def deployed_stage(name: str, *, profile: str | None) -> DeployedStage:
    """Return a stage that is deployed; `local` is the one that runs in this checkout.

    From then on this process has no way to the real AWS where the stage is `local`.

    Args:
        name: the stage's.
        profile: the AWS profile to use, None for the shell's credentials; `local` needs none.

    Raises:
        StageError: there is no such stage.
        CommandError: it is not deployed, or there are no credentials for its account.
    """
    if name == "local":
        settings, outputs = chosen_cloud().look_inside()
        return DeployedStage(settings, outputs, boto3.Session())
    settings = stage_settings(name, local_port=0)
    try:
        with Progress() as progress:
            progress.tell(f"looking for {settings.stack_name}")
            account_of(profile, settings)
            session = boto3.Session(profile_name=profile, region_name=settings.region)
            (stack,) = session.client("cloudformation").describe_stacks(StackName=settings.stack_name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"{settings.stack_name} is not to be seen in {settings.region}: {error}") from error
    outputs = {each.get("OutputKey", ""): each.get("OutputValue", "") for each in stack.get("Outputs", [])}
    return DeployedStage(settings, outputs, session)
