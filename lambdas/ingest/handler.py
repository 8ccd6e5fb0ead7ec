"""`POST /telemetry`: an event is validated, given its time and id, and acknowledged once it is on the queue."""

from datetime import UTC, datetime
from functools import cache

from telemetry import aws_clients, exact_json, message
from telemetry.access import access_of
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.errors import QueueUnavailableError, TelemetryError
from telemetry.event import parse_event
from telemetry.fifo_queue import FifoQueue, OutgoingMessage, SqsFifoQueue
from telemetry.http_api import JSON, HttpAnswer, HttpRequest, claims_of, json_text_of
from telemetry.observability import count, logger, observed
from telemetry.problem import problem_answer
from telemetry.settings import IngestSettings


@observed
def handler(request: HttpRequest, _context: object) -> HttpAnswer:
    """Answer a request of the HTTP API."""
    return post_telemetry(request, _settings(), _queue(), datetime.now(UTC))


def post_telemetry(request: HttpRequest, settings: IngestSettings, queue: FifoQueue, now: datetime) -> HttpAnswer:
    """Answer with 202 and the envelope's id once its event is queued, else with problem details."""
    correlation_id = request["requestContext"]["requestId"]
    logger.append_keys(correlationId=correlation_id)
    try:
        envelope = accept(request, settings, now)
        queue.send(
            OutgoingMessage(
                body=message.encode(correlation_id, [envelope]),
                group=envelope.charger_id,
                deduplication_id=message.deduplication_id([envelope]),
            )
        )
    except QueueUnavailableError as error:
        logger.error("event not queued", reason=error.reason, cause=repr(error.__cause__))
        count("SendsRefused", 1)
        return problem_answer(error)
    except TelemetryError as error:
        logger.info("event rejected", reason=error.reason)
        count("EventsRejected", 1, reason=error.reason)
        return problem_answer(error)
    logger.info("event accepted", chargerId=envelope.charger_id, eventId=envelope.event_id)
    count("EventsAccepted", 1)
    receipt = {name: envelope.as_json()[name] for name in ("eventId", "chargerId", "timestamp", "ingestedAt")}
    return {"statusCode": 202, "headers": {"content-type": JSON}, "body": exact_json.dump(receipt)}


def accept(request: HttpRequest, settings: IngestSettings, now: datetime) -> TelemetryEnvelope:
    """Return the envelope of the event that the request posts.

    Raises:
        TelemetryError: the request is refused; which of its kinds says why.
    """
    event = parse_event(exact_json.parse(json_text_of(request)), now)
    access = access_of(claims_of(request), settings.chargers_claim, settings.tokens_without_claim)
    access.require(event.charger_id)
    return seal(event, now)


@cache
def _settings() -> IngestSettings:
    return IngestSettings.from_environment()


@cache
def _queue() -> FifoQueue:
    return SqsFifoQueue(aws_clients.sqs(), _settings().queue_url)
