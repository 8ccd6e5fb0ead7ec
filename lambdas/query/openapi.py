"""The OpenAPI 3.1 description of the API: each route with every answer that it has."""

from collections.abc import Mapping, Sequence

from query.openapi_schemas import EVENT, RECEIPT, JsonObject, charger_id, latest_example, reference, schemas
from query.question import CHARGER_ID, MOST_CHARGERS
from telemetry import exact_json
from telemetry.errors import (
    BrokenGzipError,
    ForbiddenChargerError,
    InvalidBatchError,
    InvalidChargerIdError,
    InvalidEventError,
    InvalidQueryError,
    MediaTypeError,
    NoTelemetryError,
    NotJsonError,
    Problem,
    QueueUnavailableError,
    StoredItemUnreadableError,
    TableUnavailableError,
    TelemetryError,
    TooLargeError,
)
from telemetry.http_api import GZIP, JSON
from telemetry.problem import problem_answer

PROBLEM = "application/problem+json"
INGEST_SCOPE = "telemetry/ingest"
READ_SCOPE = "telemetry/read"

_ABOUT = """\
Chargers post telemetry events; dashboards read the newest telemetry of each charger.

Errors of the service are `application/problem+json`, but for the four answers of a batch. What the gateway before it
answers itself is `application/json` with a `message`: 401, 403 for a missing scope, 404 for a path or method that is no
route, 413 above 10 MB, 429, and 500, 503 or 504 where the service does not answer. After 429 and 5xx, send the request
again, after `Retry-After` where given.

Ids are percent-encoded in paths and queries. The request line and the headers have room for 10,240 bytes in all.
"""
_WHO_GETS_IN = """\
A JWT of the stage's issuer with the scope of the route, and a claim that names the chargers that it may post and read.
"""
# What an HTTP API answers itself; their texts are its own.
_GATEWAY_MESSAGES = {
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "413": "Request Entity Too Large",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
_ON_EVERY_ROUTE = ("429", "500", "503", "504")
_WITH_A_TOKEN = ("401", "403", *_ON_EVERY_ROUTE)
_DESCRIPTIONS = {
    "400": "The request can't be read",
    "401": "There is no token, or it is not valid",
    "403": "The token lacks the scope, or does not name the charger",
    "404": "There is no telemetry of the charger, or no such route",
    "413": "The body is too long, or the batch has too many events",
    "415": "The body is neither JSON nor gzip by its Content-Type, or says that it is compressed JSON",
    "422": "The body is not valid: `errors` says where and why",
    "429": "Too many requests at the moment",
    "500": "The service failed: nothing was acknowledged",
    "503": "The service can't do it at the moment: send it again",
    "504": "The service did not answer in time",
}


_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Tags of what the client has: if it is still the same, the answer is 304",
    "schema": {"type": "string"},
}
_REFUSED_BODIES = (
    NotJsonError("the body is not JSON: character 7 is not what JSON allows there"),
    BrokenGzipError("the body is not gzip, or is damaged"),
    TooLargeError("the body is longer than 1048576 bytes"),
    MediaTypeError(f"the body must be sent with Content-Type: {JSON}"),
)
_UNREADABLE = (
    TableUnavailableError("the table is busy: try again"),
    StoredItemUnreadableError("a stored item is not telemetry"),
)


def document() -> JsonObject:
    """Return the description, fit for JSON."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Telemetry Foundation", "version": "1.0.0", "description": _ABOUT},
        # Relative to where the description was read from.
        "servers": [{"url": "."}],
        "paths": {
            "/telemetry": {"get": _get_several(), "post": _post()},
            "/telemetry/batch": {"post": _post_batch()},
            "/telemetry/{chargerId}": {"get": _get_one()},
            "/openapi.json": {"get": _get_openapi()},
        },
        "components": {
            "schemas": schemas(),
            "headers": {
                "ETag": {"description": "A tag of the body", "schema": {"type": "string"}},
                "CacheControl": {"description": "Who may keep it, and how long", "schema": {"type": "string"}},
                "RetryAfter": {
                    "description": "Seconds to wait before sending it again; the gateway's own answers lack it",
                    "schema": {"type": "integer", "minimum": 1},
                },
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _WHO_GETS_IN}
            },
        },
    }


def _post() -> JsonObject:
    return {
        "operationId": "postTelemetry",
        "summary": "Post an event",
        "description": "An event may be sent again: it has the same `eventId`, and changes nothing that is newer.",
        "security": [{"token": [INGEST_SCOPE]}],
        "requestBody": _body("TelemetryEvent", EVENT),
        "responses": {
            "202": _answer("The event is on the queue", "Receipt", RECEIPT),
            **_failures(
                (
                    *_REFUSED_BODIES,
                    ForbiddenChargerError(["CP-001"]),
                    InvalidEventError([Problem("/payload", "is required")]),
                    QueueUnavailableError("the queue did not take the event: send it again"),
                ),
                gateway=("413", *_WITH_A_TOKEN),
            ),
        },
    }


def _post_batch() -> JsonObject:
    accepted = {"index": 0, "status": 202, "eventId": RECEIPT["eventId"]}
    missing = {"pointer": "/payload", "detail": "is required"}
    refused = {"index": 1, "status": 422, "retryable": False, "errors": [missing]}
    not_queued = {"index": 0, "status": 503, "retryable": True}
    failures = _failures(
        (*_REFUSED_BODIES, InvalidBatchError([Problem("/events", "must be a JSON array of events")])),
        gateway=("413", *_WITH_A_TOKEN),
    )
    failures["403"]["description"] = "The token lacks the scope; an event of another charger is refused alone"
    none_valid = "No event was accepted, and sending them again as they are can't help; or the body is no batch"
    failures["422"]["description"] = none_valid
    failures["422"]["content"][JSON] = _json("BatchResults", _results(refused | {"index": 0}))
    none_queued = "No event was accepted, and at least one may be sent again as it is; or the gateway's own answer"
    failures["503"]["description"] = none_queued
    failures["503"]["headers"] = {"Retry-After": _header("RetryAfter")}
    failures["503"]["content"][JSON] = {
        "schema": {"anyOf": [reference("BatchResults"), reference("GatewayMessage")]},
        "examples": {"none_queued": {"value": _results(not_queued)}, **_gateway_example("503")},
    }
    return {
        "operationId": "postTelemetryBatch",
        "summary": "Post up to 100 events",
        "description": (
            "Each event is accepted or rejected for itself. Where one could not be queued, the later ones of its "
            "charger are not queued either, so that sending them again keeps their order."
        ),
        "security": [{"token": [INGEST_SCOPE]}],
        "requestBody": _body("TelemetryBatch", [EVENT]),
        "responses": {
            "202": _answer("Every event is on the queue", "BatchResults", _results(accepted)),
            "207": _answer("Some events are on the queue", "BatchResults", _results(accepted, refused)),
            **failures,
        },
    }


def _get_one() -> JsonObject:
    path = {"name": CHARGER_ID, "in": "path", "required": True, "schema": charger_id()}
    return {
        "operationId": "getTelemetry",
        "summary": "Read the latest telemetry of a charger",
        "security": [{"token": [READ_SCOPE]}],
        "parameters": [path, _IF_NONE_MATCH],
        "responses": {
            **_tagged("The latest telemetry", reference("LatestTelemetry"), latest_example()),
            **_failures(
                (
                    InvalidChargerIdError("the id of a charger is of another form"),
                    ForbiddenChargerError(["CP-001"]),
                    NoTelemetryError("nothing was received from this charger, or it has expired"),
                    *_UNREADABLE,
                ),
                gateway=("404", *_WITH_A_TOKEN),
            ),
        },
    }


def _get_several() -> JsonObject:
    query = {
        "name": CHARGER_ID,
        "in": "query",
        "required": True,
        "description": (
            f"The chargers, given once each: {CHARGER_ID}=A&{CHARGER_ID}=B. One that is given again is asked for once. "
            "A plus sign may be sent as it is. No other parameter is known"
        ),
        "schema": {"type": "array", "minItems": 1, "maxItems": MOST_CHARGERS, "items": charger_id()},
        "style": "form",
        "explode": True,
    }
    example = {"items": [latest_example()], "missing": ["CP-8"]}
    failures = _failures(
        (
            InvalidQueryError(f"the query names more than {MOST_CHARGERS} chargers"),
            InvalidChargerIdError("the query names an id of another form"),
            ForbiddenChargerError(["CP-001"]),
            *_UNREADABLE,
        ),
        gateway=_WITH_A_TOKEN,
    )
    failures["403"]["description"] = "The token lacks the scope, or does not name each of the chargers"
    failures["503"]["description"] = "One of the chargers, or more, could not be looked up at the moment: ask again"
    return {
        "operationId": "getTelemetryOfSeveral",
        "summary": f"Read the latest telemetry of up to {MOST_CHARGERS} chargers",
        "security": [{"token": [READ_SCOPE]}],
        "parameters": [query, _IF_NONE_MATCH],
        "responses": {
            **_tagged("The latest telemetry of each", reference("LatestTelemetryOfSeveral"), example),
            **failures,
            "414": {"description": "The URL is too long for the gateway"},
            "431": {"description": "The URL and the headers are too long for the gateway"},
        },
    }


def _get_openapi() -> JsonObject:
    return {
        "operationId": "getOpenApi",
        "summary": "Read this description",
        "security": [],
        "parameters": [_IF_NONE_MATCH],
        "responses": {
            **_tagged("This description", {"type": "object", "required": ["openapi", "info", "paths"]}),
            **_failures((), gateway=_ON_EVERY_ROUTE),
        },
    }


def _body(schema: str, example: object) -> JsonObject:
    return {
        "required": True,
        "description": "At most 1 MiB, unpacked.",
        "content": {
            JSON: _json(schema, example),
            GZIP: {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": "The same JSON, packed by gzip and sent without Content-Encoding",
                }
            },
        },
    }


def _results(*results: Mapping[str, object]) -> JsonObject:
    accepted = sum("eventId" in each for each in results)
    return {"accepted": accepted, "rejected": len(results) - accepted, "results": list(results)}


def _answer(description: str, schema: str, example: object) -> JsonObject:
    return {"description": description, "content": {JSON: _json(schema, example)}}


def _json(schema: str, example: object) -> JsonObject:
    return {"schema": reference(schema), "examples": {"one": {"value": example}}}


def _tagged(description: str, schema: JsonObject, example: object = None) -> dict[str, JsonObject]:
    """Return the answer with a body and the one to a client that has it."""
    headers = {"ETag": _header("ETag"), "Cache-Control": _header("CacheControl")}
    content = {"schema": schema} if example is None else {"schema": schema, "examples": {"one": {"value": example}}}
    return {
        "200": {"description": description, "headers": headers, "content": {JSON: content}},
        "304": {"description": "The client has it", "headers": headers},
    }


def _failures(errors: Sequence[TelemetryError], *, gateway: Sequence[str]) -> dict[str, JsonObject]:
    """Return the answers to requests that fail, by status: with these errors of ours, or at the gateway."""
    answers: dict[str, JsonObject] = {}
    for error in errors:
        problem = problem_answer(error)
        answer = answers.setdefault(str(problem["statusCode"]), {"content": {}})
        schema = "InvalidProblem" if isinstance(error, InvalidEventError) else "Problem"
        content = answer["content"].setdefault(PROBLEM, {"schema": reference(schema), "examples": {}})
        content["examples"][error.reason] = {"value": exact_json.parse(problem["body"])}
        if "retry-after" in problem["headers"]:
            answer["headers"] = {"Retry-After": _header("RetryAfter")}
    for status in gateway:
        content = {"schema": reference("GatewayMessage"), "examples": _gateway_example(status)}
        answers.setdefault(status, {"content": {}})["content"][JSON] = content
    return {status: {"description": _DESCRIPTIONS[status], **answers[status]} for status in sorted(answers)}


def _gateway_example(status: str) -> JsonObject:
    return {"gateway": {"value": {"message": _GATEWAY_MESSAGES[status]}}}


def _header(name: str) -> JsonObject:
    return {"$ref": f"#/components/headers/{name}"}
