"""The AWS clients: each is made once, and gives up well before its function does.

They are botocore's own: boto3, which is made of them, would add to each cold start and to the bundle, for nothing that
is used here.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.session import Session, get_session

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

# Adds to botocore's model of DynamoDB that an attribute's value is a document, which is taken as it is: botocore would
# copy each of an item's hundreds of values, and look for ten types in each, which is half of what a read or a write
# costs. Binary values would come as base64; no item has any. Without this file all is the same, and slower. It is what
# botocore calls extras: https://github.com/boto/botocore/blob/develop/botocore/loaders.py
_DATA = Path(__file__).with_name("botocore_data")
# What one call may take in all, with the pause between its attempts.
LONGEST_CALL_SECONDS = 7.0


@cache
def sqs() -> "SQSClient":
    """Return the client of SQS."""
    return cast("SQSClient", _session().create_client("sqs", config=_config()))


@cache
def dynamodb() -> "DynamoDBClient":
    """Return the client of DynamoDB."""
    return cast("DynamoDBClient", _session().create_client("dynamodb", config=_config()))


def _config() -> Config:
    return Config(
        # Two attempts of at most 3 seconds: a charger hears 503 within ingest's 10 seconds, and sends again.
        connect_timeout=1,
        read_timeout=2,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # The same at each call, where botocore would put together twice a call what it is and how it was set up: that
        # is a tenth of what a call costs.
        user_agent=_session().user_agent(),
    )


@cache
def _session() -> Session:
    # What all clients read of botocore's data, it reads once.
    session = get_session()
    session.set_config_variable("data_path", str(_DATA))
    return session
