"""The AWS clients: each is made once, when it is first needed, and gives up well before its function does."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

# Two attempts of at most 3 seconds: a charger hears 503 within ingest's 10 seconds, and sends again.
_PATIENCE = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})
# What one call may take in all, with the pause between its attempts.
LONGEST_CALL_SECONDS = 7.0


@cache
def sqs() -> "SQSClient":
    """Return the client of SQS."""
    return boto3.client("sqs", config=_PATIENCE)


@cache
def dynamodb() -> "DynamoDBClient":
    """Return the client of DynamoDB."""
    return boto3.client("dynamodb", config=_PATIENCE)
