"""Answers: of what fits into them, and with a tag, by which a client need not be sent twice what it has."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from telemetry import exact_json
from telemetry.errors import NoTelemetryError, TelemetryError
from telemetry.http_api import JSON, HttpAnswer, HttpRequest, header_of
from telemetry.merge import LatestTelemetry

LARGEST_BODY_BYTES = 5_000_000
# Lambda takes 6 MB, in which the body is a JSON string: each quotation mark or backslash is two bytes there.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_JSON_STRING_BYTES = 6_000_000
# 100 ids of 64 characters with what stands round them, in whichever lists they are.
ROOM_FOR_IDS = 10_000

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
_ENTITY_TAGS = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')


Found = LatestTelemetry | TelemetryError | None


def body_of(asked: Sequence[str], found: Iterable[Found], shown: Callable[[LatestTelemetry], str]) -> str:
    """Return the body of the answer, in ASCII: `{"items": [...], "missing": [...]}`, each in the order asked.

    From the first item on that does not fit, and from where `found` ends, chargers that are not known to be missing are
    named in `notReturned`, which is there only then; so is one that could not be read. The first always fits, and where
    there is nothing else to answer an error is raised, so that asking again comes to an end.

    Args:
        asked: ids of chargers, each once.
        found: the latest telemetry of each, or why it could not be read; None where there is nothing. It may end
            before `asked` does.
        shown: gives what is shown of it, as JSON in ASCII.

    Raises:
        TelemetryError: none of the chargers could be read.
    """
    items: list[str] = []
    missing: list[str] = []
    not_returned: list[str] = []
    errors: list[TelemetryError] = []
    is_full = False
    body_bytes = json_string_bytes = ROOM_FOR_IDS
    for charger_id, latest in zip(asked, found, strict=False):
        if latest is None:
            missing.append(charger_id)
            continue
        if isinstance(latest, TelemetryError):
            errors.append(latest)
        elif not is_full:
            item = shown(latest)
            body_bytes += len(item) + len(",")
            json_string_bytes += len(item) + len(",") + item.count('"') + item.count("\\")
            if body_bytes <= LARGEST_BODY_BYTES and json_string_bytes <= LARGEST_JSON_STRING_BYTES:
                items.append(item)
                continue
            is_full = True
        not_returned.append(charger_id)
    if errors and not items and not missing:
        raise errors[0]
    not_returned += asked[len(items) + len(missing) + len(not_returned) :]
    ids = {"missing": missing, "notReturned": not_returned} if not_returned else {"missing": missing}
    return f'{{"items":[{",".join(items)}],{exact_json.dump(ids)[1:]}'


def only(found: Iterator[Found]) -> LatestTelemetry:
    """Return the latest telemetry of the only charger that was asked for.

    Raises:
        TelemetryError: there is none, or it could not be read.
    """
    latest = next(found)
    if isinstance(latest, TelemetryError):
        raise latest
    if latest is None:
        raise NoTelemetryError("nothing was received from this charger, or it has expired")
    return latest


def tagged(request: HttpRequest, body: str, *, caching: str) -> HttpAnswer:
    """Answer with the body and a tag of it, or with 304 where the client says that it has what the tag stands for."""
    entity_tag = f'"{hashlib.sha256(body.encode()).hexdigest()}"'
    headers = {"etag": entity_tag, "cache-control": caching}
    if matches(header_of(request, "if-none-match"), entity_tag):
        return {"statusCode": 304, "headers": headers, "body": ""}
    return {"statusCode": 200, "headers": {**headers, "content-type": JSON}, "body": body}


def matches(if_none_match: str, entity_tag: str) -> bool:
    """Tell whether a header lists the tag; weak tags are compared as strong ones (RFC 9110, section 13.1.2)."""
    if not _ENTITY_TAGS.fullmatch(if_none_match):
        return if_none_match.strip() == "*"
    return entity_tag in _ENTITY_TAG.findall(if_none_match)
