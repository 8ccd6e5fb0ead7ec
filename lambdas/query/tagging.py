"""Answers that a client need not be sent twice."""

import hashlib
import re

from telemetry.http_api import JSON, HttpAnswer, HttpRequest, header_of

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


def tagged(request: HttpRequest, body: str, *, caching: str) -> HttpAnswer:
    """Answer with the body and a tag of it, or with 304 where the client says that it has what the tag stands for."""
    entity_tag = f'"{hashlib.sha256(body.encode()).hexdigest()}"'
    headers = {"etag": entity_tag, "cache-control": caching}
    if matches(header_of(request, "if-none-match"), entity_tag):
        return {"statusCode": 304, "headers": headers, "body": ""}
    return {"statusCode": 200, "headers": {**headers, "content-type": JSON}, "body": body}


def matches(if_none_match: str, entity_tag: str) -> bool:
    """Tell whether a header lists the tag; weak tags are compared as strong ones (RFC 9110, section 13.1.2)."""
    return if_none_match.strip() == "*" or entity_tag in _ENTITY_TAG.findall(if_none_match)
