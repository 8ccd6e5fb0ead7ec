"""How members of an OCPP message are read: under either spelling of their names, whatever is in them."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import cast

# As long as the fields of an event may be.
LONGEST_TEXT = 128


def member(fields: Mapping[str, object], name: str) -> object:
    """Return the member of an object under a camelCase name, or under its snake_case twin; None where neither is."""
    value = fields.get(name)
    return fields.get(_snake_case(name)) if value is None else value


def as_object(value: object) -> Mapping[str, object] | None:
    """Return a value that is an object; None of any other."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def objects_of(value: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects of a list; nothing of any other value."""
    for element in cast("list[object]", value) if isinstance(value, list) else []:
        fields = as_object(element)
        if fields is not None:
            yield fields


def text_of(fields: Mapping[str, object], name: str) -> str | None:
    """Return the text of a member without blanks round it, empty where it is absent; None where it is no text."""
    value = member(fields, name)
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else None


def short_text_of(fields: Mapping[str, object], name: str) -> str | None:
    """Return the text of a member without blanks round it; None where it is no text of 1 to 128 characters."""
    text = text_of(fields, name)
    return text if text and len(text) <= LONGEST_TEXT else None


def integer_of(fields: Mapping[str, object], name: str) -> int | None:
    """Return the integer that a member is; None where it is none."""
    value = member(fields, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@cache
def _snake_case(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()
