"""`POST /telemetry` and `POST /telemetry/batch`: events are validated, sealed, and acknowledged once on the queue."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from ingest.batch import Outcome, batch_answer, events_of
from ingest.rejects import charger_of, tell_rejected
from ingest.sending import enqueue
from telemetry import aws_clients, exact_json
from telemetry.access import Access, access_of, tell_refused
from telemetry.envelope import SealedEvent, ids_of, seal, short_id
from telemetry.errors import TelemetryError
from telemetry.event import parse_event
from telemetry.fifo_queue import FifoQueue, SqsFifoQueue
from telemetry.http_api import JSON, HttpAnswer, HttpRequest, claims_of, json_text_of
from telemetry.lambda_context import LambdaContext, initialise, seconds_left_of
from telemetry.observability import count, logger, observed
from telemetry.problem import problem_answer
from telemetry.settings import IngestSettings

BATCH_ROUTE = "POST /telemetry/batch"


@observed
def handler(request: HttpRequest, context: LambdaContext) -> HttpAnswer:
    """Answer a request of the HTTP API."""
    return answer(request, _settings(), _queue(), datetime.now(UTC), seconds_left_of(context))


def answer(
    request: HttpRequest, settings: IngestSettings, queue: FifoQueue, now: datetime, seconds_left: Callable[[], float]
) -> HttpAnswer:
    """Answer with what became of each event that the request posts, or with problem details.

    Args:
        request: to one of the two routes.
        settings: the stage's.
        queue: where accepted events go.
        now: the server's time.
        seconds_left: tells how long this may still take.
    """
    correlation_id = request["requestContext"]["requestId"]
    logger.append_keys(correlationId=correlation_id)
    is_batch = request["routeKey"] == BATCH_ROUTE
    try:
        body = exact_json.parse(json_text_of(request))
        events = events_of(body) if is_batch else [body]
    except TelemetryError as error:
        tell_rejected([(None, error)])
        return problem_answer(error)
    access = access_of(claims_of(request), settings)
    # A microsecond apart, so that the order of envelopes is the order in which they were sent.
    outcomes = [_accept(event, access, now, now + timedelta(microseconds=at)) for at, event in enumerate(events)]
    sealed = {at: each for at, each in enumerate(outcomes) if isinstance(each, SealedEvent)}
    for at, error in enqueue(sealed, correlation_id, queue, seconds_left).items():
        outcomes[at] = error
    errors = {at: each for at, each in enumerate(outcomes) if isinstance(each, TelemetryError)}
    if errors:
        tell_rejected((charger_of(events[at], access), error) for at, error in errors.items())
        tell_refused(request, errors.values())
    return _answer_batch(outcomes) if is_batch else _answer_one(outcomes[0])


def _accept(event: object, access: Access, now: datetime, ingested_at: datetime) -> Outcome:
    """Return the envelope of an event as `exact_json.parse` gave it, or why there is none."""
    try:
        valid = parse_event(event, now)
        access.require([valid.charger_id])
    except TelemetryError as error:
        return error
    return seal(valid, ingested_at)


def _answer_one(outcome: Outcome) -> HttpAnswer:
    if isinstance(outcome, TelemetryError):
        return problem_answer(outcome)
    logger.info("event accepted", chargerId=outcome.charger_id, eventId=short_id(outcome.event_id))
    count("EventsAccepted", 1)
    return {"statusCode": 202, "headers": {"content-type": JSON}, "body": exact_json.dump(outcome.receipt())}


def _answer_batch(outcomes: Sequence[Outcome]) -> HttpAnswer:
    accepted = [each for each in outcomes if isinstance(each, SealedEvent)]
    if accepted:
        logger.info("events accepted", extra=ids_of(accepted))
        count("EventsAccepted", len(accepted))
    return batch_answer(outcomes)


@cache
def _settings() -> IngestSettings:
    return IngestSettings.from_environment()


@cache
def _queue() -> FifoQueue:
    return SqsFifoQueue(aws_clients.sqs(), _settings().queue_url)


initialise(_queue)
