"""The latest telemetry of a charger, as far as it tells which events are the newest: nothing of what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


@dataclass(frozen=True)
class Newest:
    """The newest envelope of a charger, or of one of its connectors."""

    event_id: str
    timestamp: str


@dataclass(frozen=True)
class Item:
    """A charger's item: the newest envelope of all, and that of each connector by its number."""

    charger: Newest
    connectors: Mapping[str, Newest]


class Items(Protocol):
    """The table."""

    def item_of(self, charger_id: str) -> Item | None:
        """Return a charger's item; None where it has none, or one that has expired."""
        ...


@dataclass(frozen=True)
class DynamoItems:
    """A table of DynamoDB."""

    client: "DynamoDBClient"
    table: str
    now: datetime

    def item_of(self, charger_id: str) -> Item | None:
        """Read consistently, and no payload of the charger's; see `Items`."""
        answer = self.client.get_item(
            TableName=self.table,
            Key={"chargerId": {"S": charger_id}},
            ConsistentRead=True,
            ProjectionExpression="chargerId, eventId, #timestamp, expiresAt, connectors",
            ExpressionAttributeNames={"#timestamp": "timestamp"},
        )
        return parse_item(answer.get("Item", {}), self.now)


def parse_item(attributes: "Mapping[str, AttributeValueTypeDef]", now: datetime) -> Item | None:
    """Return an item; None where it is empty or has expired. What it lacks is empty text."""
    expires_at = attributes.get("expiresAt", {}).get("N")
    if not attributes or (expires_at and float(expires_at) <= now.timestamp()):
        return None
    connectors = attributes.get("connectors", {}).get("M", {})
    return Item(_newest(attributes), {number: _newest(each.get("M", {})) for number, each in connectors.items()})


def _newest(attributes: "Mapping[str, AttributeValueTypeDef]") -> Newest:
    return Newest(*(attributes.get(name, {}).get("S", "") for name in ("eventId", "timestamp")))
