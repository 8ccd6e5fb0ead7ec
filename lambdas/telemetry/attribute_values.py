"""JSON values as DynamoDB's attribute values, and back, each number exactly.

boto3's own serializer rounds, or refuses, numbers that DynamoDB holds: its decimal context ends at 1E+126 with all of
38 digits written out, so that 1E+40 and 38 digits near 1E-130 fail.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from telemetry.errors import StoredItemUnreadableError
from telemetry.exact_json import UNSTORABLE_NUMBER, exact_number

if TYPE_CHECKING:  # stubs: the functions do not carry them
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


def to_attributes(item: Mapping[str, object]) -> "dict[str, AttributeValueTypeDef]":
    """Return an item as DynamoDB takes it."""
    return {name: to_attribute(value) for name, value in item.items()}


def to_attribute(value: object) -> "AttributeValueTypeDef":
    """Return a JSON value as DynamoDB takes it.

    Raises:
        TypeError: it is none of those that `exact_json.parse` gives.
    """
    match value:
        # What there is most of, first.
        case str():
            return {"S": value}
        case dict():
            return {"M": to_attributes(cast("dict[str, object]", value))}
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case list():
            return {"L": [to_attribute(element) for element in cast("list[object]", value)]}
        case _:
            raise TypeError(f"a {type(value).__name__} is no JSON value")


def from_attributes(attributes: "Mapping[str, AttributeValueTypeDef]") -> dict[str, object]:
    """Return what DynamoDB gave as an item of JSON values, each number in the form of `exact_json`.

    Raises:
        StoredItemUnreadableError: it holds what JSON has no value for, which nothing of ours wrote.
    """
    return {name: _from_attribute(value) for name, value in attributes.items()}


def _from_attribute(attribute: "AttributeValueTypeDef") -> object:
    # It has one member, by whose name it is told apart: an item has hundreds, and a pattern of a whole mapping is slow.
    for kind, value in attribute.items():
        match kind:
            case "S" | "BOOL":
                return value
            case "M":
                return from_attributes(cast("dict[str, AttributeValueTypeDef]", value))
            case "N" if (number := exact_number(cast("str", value))) is not UNSTORABLE_NUMBER:
                return number
            case "L":
                return [_from_attribute(element) for element in cast("list[AttributeValueTypeDef]", value)]
            case "NULL":
                return None
            case _:
                pass
    raise StoredItemUnreadableError(f"a stored item holds a value of type {', '.join(attribute)}")
