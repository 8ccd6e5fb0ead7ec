"""`POST /telemetry/batch`: which events a body holds, and the answer that tells what became of each."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import islice
from typing import cast

from telemetry import exact_json
from telemetry.envelope import SealedEvent
from telemetry.errors import InvalidBatchError, InvalidEventError, Problem, TelemetryError, TooLargeError
from telemetry.event import MOST_PROBLEMS
from telemetry.exact_json import RepeatedKeyObject
from telemetry.http_api import JSON, HttpAnswer
from telemetry.problem import RETRY_AFTER_SECONDS, listed, status_of
from telemetry.storable import json_pointer

MOST_EVENTS = 100
EVENTS = "events"
# A pointer is up to 20 KB long as JSON in ASCII, and Lambda's answer 6 MB.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_PROBLEMS_IN_ALL = 200

Outcome = SealedEvent | TelemetryError


def events_of(body: object) -> list[object]:
    """Return the events of a batch, not yet looked at: an array, or an object that has them in `events` alone.

    Args:
        body: what `exact_json.parse` returned.

    Raises:
        InvalidBatchError: it is of neither form, or has no events; pointers lead into the body.
        TooLargeError: it has more than 100 events.
    """
    pointer, events = "", body
    if isinstance(body, dict):
        fields = cast("dict[str, object]", body)
        problems = list(islice(_wrapper_problems(fields), MOST_PROBLEMS))
        if problems:
            raise InvalidBatchError(problems)
        pointer, events = json_pointer([EVENTS]), fields[EVENTS]
    if not isinstance(events, list):
        form = "a JSON array of events" if pointer else f"a JSON array of events, or an object with one as `{EVENTS}`"
        raise InvalidBatchError([Problem(pointer, f"must be {form}")])
    found = cast("list[object]", events)
    if not found:
        raise InvalidBatchError([Problem(pointer, "has no events")])
    if len(found) > MOST_EVENTS:
        raise TooLargeError(f"the batch has more than {MOST_EVENTS} events")
    return found


def batch_answer(outcomes: Sequence[Outcome]) -> HttpAnswer:
    """Return the answer to a batch: a result for each event, in the order sent.

    The pointers in the `errors` of a result lead into the event, which its `index` names: they are the same whichever
    form the batch had, and the same as for the event posted alone.

    Args:
        outcomes: of each event, the envelope that is on the queue or why there is none.
    """
    errors = [each for each in outcomes if isinstance(each, TelemetryError)]
    invalid = sum(isinstance(each, InvalidEventError) for each in errors)
    most_problems = min(MOST_PROBLEMS, MOST_PROBLEMS_IN_ALL // max(1, invalid))
    status = _status(accepted=len(outcomes) - len(errors), errors=errors)
    headers = {"content-type": JSON, "cache-control": "no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    body = {
        "accepted": len(outcomes) - len(errors),
        "rejected": len(errors),
        "results": [{"index": index, **_result(each, most_problems)} for index, each in enumerate(outcomes)],
    }
    return {"statusCode": status.value, "headers": headers, "body": exact_json.dump(body)}


def _wrapper_problems(fields: dict[str, object]) -> Iterator[Problem]:
    if isinstance(fields, RepeatedKeyObject):
        for name in fields.repeated:
            yield Problem(json_pointer([name]), "is given more than once")
    for name in fields:
        if name != EVENTS:
            yield Problem(json_pointer([name]), "is not a field of a batch")
    if EVENTS not in fields:
        yield Problem(json_pointer([EVENTS]), "is required")


def _status(*, accepted: int, errors: Sequence[TelemetryError]) -> HTTPStatus:
    if not errors:
        return HTTPStatus.ACCEPTED
    if accepted:
        return HTTPStatus.MULTI_STATUS
    if any(error.retryable for error in errors):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def _result(outcome: Outcome, most_problems: int) -> dict[str, object]:
    if isinstance(outcome, SealedEvent):
        return {"status": HTTPStatus.ACCEPTED.value, "eventId": outcome.event_id}
    result: dict[str, object] = {"status": status_of(outcome).value, "retryable": outcome.retryable}
    if isinstance(outcome, InvalidEventError):
        result["errors"] = listed(outcome.problems[:most_problems])
    return result
