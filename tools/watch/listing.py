"""Which chargers a table has. That reads all of it, so that it is for the local cloud alone."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tools.watch.reading import NotAnsweredError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHARGER_ID = "chargerId"


def listed(client: "DynamoDBClient", table: str) -> Callable[[], Coroutine[None, None, Sequence[str]]]:
    """Return what lists the chargers that the table has by then, those that were there before in the same order.

    A tag stands for the answer to a question: another order of the same chargers would be another question.

    Returns:
        A function that raises `NotAnsweredError` where the table does not answer.
    """
    known: list[str] = []

    def scan() -> list[str]:
        pages = client.get_paginator("scan").paginate(TableName=table, ProjectionExpression=CHARGER_ID)
        return sorted(item[CHARGER_ID].get("S", "") for page in pages for item in page["Items"])

    async def tell() -> Sequence[str]:
        try:
            there = dict.fromkeys(await asyncio.to_thread(scan))
        except (BotoCoreError, ClientError) as error:
            raise NotAnsweredError(f"the table can't be listed: {error}") from error
        known[:] = dict.fromkeys([*(each for each in known if each in there), *there])
        return list(known)

    return tell
