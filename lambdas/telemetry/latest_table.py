"""The latest-telemetry table, as the functions see it: read many items, write one."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from telemetry.attribute_values import from_attributes, to_attributes
from telemetry.errors import (
    ItemRefusedError,
    RevisionConflictError,
    StoredItemUnreadableError,
    TableUnavailableError,
    TelemetryError,
)
from telemetry.item import NO_REVISION, REVISION

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

KEY = "chargerId"
# DynamoDB leaves keys unprocessed where it is throttled, and asks for a pause before the next attempt. A caller's time
# is short: no attempt begins a second after the first.
PAUSE_SECONDS = 0.05
LAST_ATTEMPT_SECONDS = 1.0

Item = dict[str, object]


@dataclass(frozen=True)
class Reading:
    """What the table said of the chargers that it was asked for.

    Attributes:
        items: the item of each charger that has one.
        failed: the error of each charger whose item is not known: it could not be looked up for now, or not be read.
    """

    items: Mapping[str, Item]
    failed: Mapping[str, TelemetryError] = field(default_factory=dict[str, TelemetryError])

    def item_of(self, charger_id: str) -> Item:
        """Return the charger's item; an empty one where it has none.

        Raises:
            TableUnavailableError: it could not be looked up for now.
            StoredItemUnreadableError: what is stored is no item of ours.
        """
        if charger_id in self.failed:
            raise self.failed[charger_id]
        return self.items.get(charger_id, {})


class LatestTelemetryTable(Protocol):
    """Holds an item for each charger."""

    def read(self, charger_ids: Collection[str]) -> Reading:
        """Return what was last written for the chargers, 100 at most.

        Raises:
            TableUnavailableError: the table did not answer.
        """
        ...

    def write(self, item: Item, replaced_revision: int) -> None:
        """Store `item` in place of the one with `replaced_revision`; `NO_REVISION` where there must be none.

        Raises:
            RevisionConflictError: something else is stored by now.
            TableUnavailableError: the table did not answer; it may have stored the item all the same.
            ItemRefusedError: the table can never store it.
        """
        ...


@dataclass(frozen=True)
class DynamoTable:
    """A table of DynamoDB."""

    client: "DynamoDBClient"
    name: str

    def read(self, charger_ids: Collection[str]) -> Reading:
        """Read consistently; see `LatestTelemetryTable`."""
        items: dict[str, Item] = {}
        failed: dict[str, TelemetryError] = {}
        asked = list(charger_ids)
        last_attempt = time.monotonic() + LAST_ATTEMPT_SECONDS
        pause = PAUSE_SECONDS
        busy = TableUnavailableError("the table is busy: try again")
        while True:
            keys = [{KEY: {"S": charger_id}} for charger_id in asked]
            try:
                answer = self.client.batch_get_item(RequestItems={self.name: {"Keys": keys, "ConsistentRead": True}})
            except (BotoCoreError, ClientError) as error:
                if len(asked) == len(charger_ids):
                    raise TableUnavailableError("the table did not answer: try again") from error
                # DynamoDB refuses a call of which it can process no key: those that it did process before are known.
                # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
                busy.__cause__ = error
                break
            for attributes in answer["Responses"].get(self.name, []):
                try:
                    items[_charger_id(attributes)] = from_attributes(attributes)
                except StoredItemUnreadableError as error:
                    failed[_charger_id(attributes)] = error
            unprocessed = answer["UnprocessedKeys"].get(self.name)
            asked = [_charger_id(key) for key in unprocessed["Keys"]] if unprocessed else []
            if not asked or time.monotonic() + pause > last_attempt:
                break
            time.sleep(pause)
            pause *= 2
        return Reading(items, failed | dict.fromkeys(asked, busy))

    def write(self, item: Item, replaced_revision: int) -> None:
        """Write on condition of the revision; see `LatestTelemetryTable`."""
        try:
            if replaced_revision == NO_REVISION:
                self.client.put_item(
                    TableName=self.name, Item=to_attributes(item), ConditionExpression=f"attribute_not_exists({KEY})"
                )
            else:
                self.client.put_item(
                    TableName=self.name,
                    Item=to_attributes(item),
                    ConditionExpression=f"{REVISION} = :replaced",
                    ExpressionAttributeValues={":replaced": {"N": str(replaced_revision)}},
                )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise RevisionConflictError("the item changed since it was read") from error
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ValidationException":
                raise ItemRefusedError("the table refuses the item for what it holds") from error
            raise TableUnavailableError("the table did not take the item: try again") from error
        except BotoCoreError as error:
            raise TableUnavailableError("the table did not answer: try again") from error


def _charger_id(attributes: "Mapping[str, AttributeValueTypeDef]") -> str:
    return attributes[KEY].get("S", "")
