"""What an API Gateway HTTP API hands to a function and takes back (payload format 2.0)."""

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import NotRequired, TypedDict
from urllib.parse import unquote

from telemetry.errors import BrokenGzipError, MediaTypeError, NotJsonError, TooLargeError

LARGEST_BODY_BYTES = 1024 * 1024
JSON = "application/json"
GZIP = "application/gzip"


class Jwt(TypedDict):
    """What the JWT authorizer found in the token."""

    claims: Mapping[str, object]


class Authorizer(TypedDict):
    """What the route's authorizer says; a JWT authorizer is the only kind that the stack makes."""

    jwt: NotRequired[Jwt]


class RequestContext(TypedDict):
    """What API Gateway adds to a request."""

    requestId: str
    authorizer: NotRequired[Authorizer]


class HttpRequest(TypedDict):
    """A request; names of headers are in lower case, values of a repeated header joined by commas."""

    routeKey: str
    requestContext: RequestContext
    headers: NotRequired[Mapping[str, str]]
    pathParameters: NotRequired[Mapping[str, str]]
    rawQueryString: NotRequired[str]
    body: NotRequired[str]
    isBase64Encoded: NotRequired[bool]


class HttpAnswer(TypedDict):
    """An answer."""

    statusCode: int
    headers: Mapping[str, str]
    body: str


def claims_of(request: HttpRequest) -> Mapping[str, object]:
    """Return the claims of the request's token; none where no authorizer looked at one."""
    jwt = request["requestContext"].get("authorizer", {}).get("jwt")
    return jwt["claims"] if jwt else {}


def header_of(request: HttpRequest, name: str) -> str:
    """Return the header of a name in lower case; empty where it was not sent."""
    return request.get("headers", {}).get(name, "")


def path_parameter_of(request: HttpRequest, name: str) -> str:
    """Return a part of the path, decoded; a plus sign stays one."""
    return unquote(request.get("pathParameters", {}).get(name, ""))


def query_parameters_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the names and values of the query in the order sent, decoded; a plus sign stays one.

    HTML forms write a blank as a plus sign: no value here has blanks, and ids have plus signs. API Gateway's own
    `queryStringParameters` joins repeated ones by commas, from which they could not be told apart.
    """
    parameters = (each.partition("=") for each in request.get("rawQueryString", "").split("&") if each)
    return [(unquote(name), unquote(value)) for name, _, value in parameters]


def json_text_of(request: HttpRequest) -> str:
    """Return the body of a request that must send JSON, as it is or as gzip.

    Under `application/gzip` the body must begin as gzip does; a `Content-Encoding` beside it is not looked at: the
    octets arrive as they are, and senders set it to say the same once more.

    Raises:
        MediaTypeError: it is of another type, or compressed under that of JSON.
        TooLargeError: it is longer than 1 MiB, unpacked.
        BrokenGzipError: it was sent as gzip, and is none or is damaged.
        NotJsonError: it is not UTF-8.
    """
    media_type = header_of(request, "content-type").partition(";")[0].strip().lower()
    if media_type not in {JSON, GZIP}:
        raise MediaTypeError(f"the body must be sent with Content-Type: {JSON}, or as gzip with {GZIP}")
    if media_type == JSON and header_of(request, "content-encoding").strip().lower() not in {"", "identity"}:
        # API Gateway hands application/json over as text: a compressed body arrives destroyed.
        raise MediaTypeError(
            f"a compressed body cannot be read under Content-Type: {JSON}; "
            f"gzip is sent as Content-Type: {GZIP}, with no Content-Encoding"
        )
    try:
        body = request.get("body", "")
        sent = base64.b64decode(body, validate=True) if request.get("isBase64Encoded") else body.encode()
        if media_type == GZIP:
            sent = _unpack(sent)
        if len(sent) > LARGEST_BODY_BYTES:
            raise TooLargeError(f"the body is longer than {LARGEST_BODY_BYTES} bytes")
        return sent.decode()
    except (UnicodeError, binascii.Error) as error:
        raise NotJsonError("the body is not text in UTF-8") from error


def _unpack(packed: bytes) -> bytes:
    """Return what gzip holds, in one member or several (RFC 1952), but at most a byte more than a body may have.

    Raises:
        BrokenGzipError: it is not gzip, or is damaged.
    """
    try:
        with gzip.open(BytesIO(packed)) as unpacked:
            return unpacked.read(LARGEST_BODY_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BrokenGzipError("the body is not gzip, or is damaged") from error
