"""Errors as answers: problem details (RFC 9457), and the one map from an exception to its status."""

from collections.abc import Sequence
from http import HTTPStatus

from telemetry import errors, exact_json
from telemetry.http_api import HttpAnswer

_STATUS_OF: dict[type[errors.TelemetryError], tuple[HTTPStatus, str]] = {
    errors.NotJsonError: (HTTPStatus.BAD_REQUEST, "The body is not JSON"),
    errors.BrokenGzipError: (HTTPStatus.BAD_REQUEST, "The body is not gzip that can be read"),
    errors.InvalidChargerIdError: (HTTPStatus.BAD_REQUEST, "Not the id of a charger"),
    errors.InvalidQueryError: (HTTPStatus.BAD_REQUEST, "Not a valid query"),
    errors.ForbiddenChargerError: (HTTPStatus.FORBIDDEN, "The token is not for this charger"),
    errors.NoTelemetryError: (HTTPStatus.NOT_FOUND, "There is no telemetry of this charger"),
    errors.TooLargeError: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too long"),
    errors.MediaTypeError: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is of a type that is not read here"),
    errors.InvalidEventError: (HTTPStatus.UNPROCESSABLE_ENTITY, "Not a valid telemetry event"),
    errors.InvalidBatchError: (HTTPStatus.UNPROCESSABLE_ENTITY, "Not a batch of telemetry events"),
    errors.QueueUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "The event could not be queued"),
    errors.OutOfTimeError: (HTTPStatus.SERVICE_UNAVAILABLE, "The event could not be queued"),
    errors.TableUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "The telemetry could not be read"),
    errors.StoredItemUnreadableError: (HTTPStatus.SERVICE_UNAVAILABLE, "The telemetry could not be read"),
}
RETRY_AFTER_SECONDS = "5"


def status_of(error: errors.TelemetryError) -> HTTPStatus:
    """Return the HTTP status of an error that HTTP has one for."""
    return _STATUS_OF[type(error)][0]


def listed(problems: Sequence[errors.Problem]) -> list[dict[str, str]]:
    """Return problems as the value of `errors`."""
    return [{"pointer": each.pointer, "detail": each.detail} for each in problems]


def problem_answer(error: errors.TelemetryError) -> HttpAnswer:
    """Return the answer to a request that failed with `error`, one that HTTP has a status for."""
    status, title = _STATUS_OF[type(error)]
    body: dict[str, object] = {
        "type": f"urn:problem-type:telemetry:{error.reason.replace('_', '-')}",
        "title": title,
        "status": status.value,
        "detail": str(error),
    }
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if isinstance(error, errors.InvalidEventError):
        body["detail"] = "errors says what is wrong, and where in the body"
        body["errors"] = listed(error.problems)
    if error.retryable:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    return {"statusCode": status.value, "headers": headers, "body": exact_json.dump(body)}
