"""The latest-telemetry table, as the functions see it: read many items, write one."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from telemetry.errors import ItemRefusedError, RevisionConflictError, TableUnavailableError
from telemetry.exact_json import exact_number
from telemetry.item import NO_REVISION, REVISION

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

KEY = "chargerId"
# DynamoDB leaves keys unprocessed where it is throttled, and asks for a pause before the next attempt.
READ_ATTEMPTS = 3
PAUSE_SECONDS = 0.05

Item = dict[str, object]


@dataclass(frozen=True)
class Reading:
    """What the table said of the chargers that it was asked for.

    Attributes:
        items: the item of each charger that has one.
        unread: the chargers that it could not look up for now.
    """

    items: Mapping[str, Item]
    unread: frozenset[str] = frozenset()


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
        unread = frozenset(charger_ids)
        for attempt in range(READ_ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS * 2**attempt)
            keys = [{KEY: {"S": charger_id}} for charger_id in unread]
            try:
                answer = self.client.batch_get_item(RequestItems={self.name: {"Keys": keys, "ConsistentRead": True}})
            except (BotoCoreError, ClientError) as error:
                raise TableUnavailableError("the table did not answer: try again") from error
            for attributes in answer["Responses"].get(self.name, []):
                item = _to_json(attributes)
                items[_charger_id(item)] = item
            unprocessed = answer["UnprocessedKeys"].get(self.name)
            unread = frozenset([_charger_id(_to_json(key)) for key in unprocessed["Keys"]] if unprocessed else [])
            if not unread:
                break
        return Reading(items, unread)

    def write(self, item: Item, replaced_revision: int) -> None:
        """Write on condition of the revision; see `LatestTelemetryTable`."""
        try:
            if replaced_revision == NO_REVISION:
                self.client.put_item(
                    TableName=self.name, Item=_to_attributes(item), ConditionExpression=f"attribute_not_exists({KEY})"
                )
            else:
                self.client.put_item(
                    TableName=self.name,
                    Item=_to_attributes(item),
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


def _charger_id(item: Item) -> str:
    return cast("str", item[KEY])


def _to_attributes(item: Item) -> "dict[str, AttributeValueTypeDef]":
    serializer = TypeSerializer()
    return {name: serializer.serialize(value) for name, value in item.items()}


def _to_json(attributes: "Mapping[str, AttributeValueTypeDef]") -> Item:
    deserializer = TypeDeserializer()
    return {name: _one_form(deserializer.deserialize(value)) for name, value in attributes.items()}


def _one_form(value: object) -> object:
    """Return a value of boto3 with each number in the form that `exact_json` gives it."""
    if isinstance(value, Decimal):
        return exact_number(str(value))
    if isinstance(value, dict):
        return {name: _one_form(member) for name, member in cast("Item", value).items()}
    if isinstance(value, list):
        return [_one_form(element) for element in cast("list[object]", value)]
    return value
