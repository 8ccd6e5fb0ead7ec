"""What a JSON value must not hold, because DynamoDB or the event's sender could not read it back."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import cast

from telemetry.errors import Problem
from telemetry.exact_json import RepeatedKeyObject, utf8_size

# DynamoDB nests 32 levels, and the item adds some above the payload.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
DEEPEST_LEVEL = 24
LARGEST_PAYLOAD_BYTES = 64 * 1024
# A pointer names keys that a sender chose: an answer must not grow with them.
LONGEST_POINTER_KEY = 64
# What a character takes at most, written as an escape, and what a value takes beside its characters: 38 digits with a
# sign, a point and an exponent, or two quotes or brackets; the quotes and the colon of its key; and a comma.
LONGEST_OF_A_CHARACTER, LONGEST_OF_A_VALUE = len(r"\u0000"), 64


Container = dict[str, object] | list[object]
# A tuple: the union of both would be made anew for each value that it is asked of.
_CONTAINERS = (dict, list)


def find_problems(event: object) -> Iterator[Problem]:
    """Yield what keeps a parsed event or envelope from being stored exactly as it is.

    Its payload is level 1 of 24. When this yields nothing, the payload is also known to be at most 64 KiB.
    """
    longest = longest_if_sound(event)
    if longest is None:
        yield from problems_in(event)
    elif longest > LARGEST_PAYLOAD_BYTES and isinstance(event, dict):
        payload = cast("dict[str, object]", event).get("payload")
        if utf8_size(payload) > LARGEST_PAYLOAD_BYTES:
            yield Problem("/payload", f"is longer than {LARGEST_PAYLOAD_BYTES} bytes as compact JSON in UTF-8")


def longest_if_sound(event: object) -> int | None:
    """Return more bytes than an event can have as compact JSON in UTF-8, or None where `problems_in` finds one.

    Nearly every event is sound and short. To see that without the paths by which a problem is told, and without
    writing the payload to measure it, takes a tenth of the time.
    """
    texts: list[str] = []  # looked at once, together: half of a surrogate pair is none beside the other half, too
    values = 0
    level: list[Container] = [[event]]
    for _ in range(DEEPEST_LEVEL + 2):
        below: list[Container] = []
        for container in level:
            if isinstance(container, dict):
                if isinstance(container, RepeatedKeyObject) or "" in container:
                    return None
                texts += container
            values += len(container)
            for member in container.values() if isinstance(container, dict) else container:
                if isinstance(member, str):
                    texts.append(member)
                elif isinstance(member, _CONTAINERS):
                    below.append(cast("Container", member))
                elif isinstance(member, Decimal) and not member.is_finite():
                    return None
        if not below:
            text = "".join(texts)
            return values * LONGEST_OF_A_VALUE + len(text) * LONGEST_OF_A_CHARACTER if is_unicode(text) else None
        level = below
    return None


def json_pointer(path: Sequence[str | int]) -> str:
    """Return the JSON Pointer (RFC 6901) of a path, readable by any JSON parser and of a bounded length."""
    return "".join(f"/{_pointer_token(str(step))}" for step in path)


def is_unicode(text: str) -> bool:
    """Tell whether `text` can be written in UTF-8, which a lone surrogate cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def problems_in(value: object, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield the problems of a value and of all that is in it, but for its length; `path` leads to it."""
    if isinstance(value, str):
        if not is_unicode(value):
            yield Problem(json_pointer(path), "holds half of a surrogate pair, which is no character")
    elif isinstance(value, Decimal):
        if not value.is_finite():
            detail = "must be a number of at most 38 significant digits, 0 or from 1E-130 to 9.9E+125 in size"
            yield Problem(json_pointer(path), detail)
    elif isinstance(value, dict | list):
        if len(path) > DEEPEST_LEVEL:
            yield Problem(json_pointer(path), f"is nested more than {DEEPEST_LEVEL} levels deep")
        elif isinstance(value, list):
            for index, element in enumerate(cast("list[object]", value)):
                yield from problems_in(element, (*path, index))
        else:
            yield from _walk_object(cast("dict[str, object]", value), path)


def _walk_object(value: dict[str, object], path: tuple[str | int, ...]) -> Iterator[Problem]:
    if isinstance(value, RepeatedKeyObject):
        for key in value.repeated:
            yield Problem(json_pointer((*path, key)), "is given more than once")
    for key, member in value.items():
        if not key:
            yield Problem(json_pointer((*path, key)), "has an empty name")
        elif not is_unicode(key):
            yield Problem(json_pointer((*path, key)), "has half of a surrogate pair in its name")
        yield from problems_in(member, (*path, key))


def _pointer_token(key: str) -> str:
    shortened = key if len(key) <= LONGEST_POINTER_KEY else f"{key[:LONGEST_POINTER_KEY]}\N{HORIZONTAL ELLIPSIS}"
    printable = shortened.encode("utf-8", "replace").decode()
    return printable.replace("~", "~0").replace("/", "~1")
