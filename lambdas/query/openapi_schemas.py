"""What the API takes and gives, as JSON Schemas: made from the models that validate, where there is one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from query.question import MOST_CHARGERS
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.event import OPTIONAL_FIELDS, TelemetryEvent
from telemetry.item import public_view
from telemetry.measured import MeasuredEnvelope
from telemetry.merge import merge
from telemetry.metrics import METRICS
from telemetry.normalisation import normalise
from telemetry.normalisation.measurands import MEASURANDS
from telemetry.normalisation.phases import PHASES
from telemetry.storable import DEEPEST_LEVEL, LARGEST_PAYLOAD_BYTES

JsonObject = dict[str, Any]

MOST_EVENTS = 100

# What `telemetry.timestamps` accepts, but for days that do not exist and years that it refuses.
SENT_TIMESTAMP = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)"
    r"(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)$"
)
RETURNED_TIMESTAMP = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"

EVENT: JsonObject = {
    "chargerId": "CP-7",
    "timestamp": "2026-11-23T08:15:30.250Z",
    "connectorId": 1,
    "chargerStatus": "Charging",
    "payload": {"power_w": 7400, "voltage_v": 230},
}
_SEALED = seal(TelemetryEvent.model_validate(EVENT), datetime(2026, 11, 23, 8, 15, 31, 102345, tzinfo=UTC))
RECEIPT: JsonObject = _SEALED.receipt()

_ALWAYS_KNOWN = ("timestamp", "ingestedAt", "eventId")
_METRICS_OF_A_PHASE = [each.of_phase for each in MEASURANDS.values() if each.of_phase]


def reference(name: str) -> JsonObject:
    """Return the schema that refers to one of `schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def charger_id() -> JsonObject:
    """Return the schema of a charger's id."""
    return _fields_of(TelemetryEvent)["chargerId"]


def latest_example() -> JsonObject:
    """Return the latest telemetry after `EVENT`."""
    envelope = _SEALED.open()
    measured = MeasuredEnvelope(envelope, normalise(envelope.payload).metrics)
    return public_view(merge(None, measured), timedelta(minutes=20))


def schemas() -> dict[str, JsonObject]:
    """Return every schema by its name."""
    return {
        "TelemetryEvent": _event(),
        "TelemetryBatch": _batch(),
        "Receipt": _receipt(),
        "BatchResults": _batch_results(),
        "LatestTelemetry": _latest(),
        "LatestTelemetryOfSeveral": _latest_of_several(),
        "Connector": _connector(),
        "Metrics": _metrics(),
        "LastKnown": _last_known(),
        "KnownValue": _known_value(),
        "Finding": _finding(),
        "Problem": _problem(),
        "InvalidProblem": _invalid_problem(),
        "EventError": _event_error(),
        "GatewayMessage": _gateway_message(),
    }


def _event() -> JsonObject:
    schema: JsonObject = TelemetryEvent.model_json_schema()
    fields = _fields_of(TelemetryEvent)
    fields["timestamp"] |= {
        "pattern": SENT_TIMESTAMP,
        "description": (
            "When it was sampled: an RFC 3339 time with Z or an offset from UTC; offsets may be in ISO 8601's basic "
            "form (+0000, +02), too. Years 1000 to 9999, at most 5 minutes ahead of the server"
        ),
        "examples": [EVENT["timestamp"], "2026-11-23T09:15:30+0100"],
    }
    fields["payload"] |= {
        "propertyNames": {"minLength": 1},
        "description": (
            f"Any JSON object of at most {LARGEST_PAYLOAD_BYTES} bytes as compact UTF-8, nested at most "
            f"{DEEPEST_LEVEL} levels deep. No name is empty, or given twice in an object; numbers have at most 38 "
            "significant digits and are 0 or from 1E-130 to 9.9E+125 in size, and come back as they were sent"
        ),
    }
    fields["connectorId"]["description"] = "The connector; 0 or none means the charger as a whole"
    return schema | {
        "title": "Telemetry event",
        "description": "What a charger posts. An optional field that is null counts as not sent.",
        "properties": fields,
        "examples": [EVENT],
    }


def _batch() -> JsonObject:
    events = {"type": "array", "minItems": 1, "maxItems": MOST_EVENTS, "items": reference("TelemetryEvent")}
    wrapped = {"type": "object", "properties": {"events": events}, "required": ["events"]}
    return {
        "title": "Telemetry batch",
        "description": "Events, of one charger or of several, in the order in which they are to be taken.",
        "oneOf": [events, {**wrapped, "additionalProperties": False}],
    }


def _receipt() -> JsonObject:
    return {
        "title": "Receipt",
        "description": "The event is on the queue.",
        "type": "object",
        "properties": {name: _returned_fields()[name] for name in RECEIPT},
        "required": list(RECEIPT),
    }


def _batch_results() -> JsonObject:
    result = {
        "type": "object",
        "properties": {
            "index": {"type": "integer", "minimum": 0, "description": "The event's place in the batch, from 0"},
            "status": {
                "type": "integer",
                "enum": [202, 403, 422, 503],
                "description": "What the event would have been answered alone",
            },
            "eventId": _returned_fields()["eventId"],
            "retryable": {"type": "boolean", "description": "Whether sending the event again as it is can help"},
            "errors": {"type": "array", "items": reference("EventError")},
        },
        "required": ["index", "status"],
    }
    return {
        "title": "Batch results",
        "description": "What became of each event, in the order sent.",
        "type": "object",
        "properties": {
            "accepted": {"type": "integer", "minimum": 0, "maximum": MOST_EVENTS},
            "rejected": {"type": "integer", "minimum": 0, "maximum": MOST_EVENTS},
            "results": {"type": "array", "minItems": 1, "maxItems": MOST_EVENTS, "items": result},
        },
        "required": ["accepted", "rejected", "results"],
    }


def _latest() -> JsonObject:
    """Return the schema of latest telemetry; not a closed one: code that is being deployed may show more."""
    seen = {
        "lastSeenAt": _time("When the charger was last heard, to the minute, by the server's time"),
        "staleAt": _time("From when on this counts as stale, unless the charger is heard before"),
    }
    connectors = {
        "type": "object",
        "description": "The newest of each connector, by its number",
        "propertyNames": {"pattern": "^([1-9]|1[0-9]|2[0-4])$"},
        "additionalProperties": reference("Connector"),
    }
    return {
        "title": "Latest telemetry",
        "description": "The newest sample of a charger and of each of its connectors, and what was last known.",
        "type": "object",
        "properties": {**_returned_fields(), **_found_fields(), "connectors": connectors, **seen},
        "required": ["chargerId", *_ALWAYS_KNOWN, "payload", *_found_fields(), "connectors", *seen],
        "examples": [latest_example()],
    }


def _latest_of_several() -> JsonObject:
    ids = {"type": "array", "maxItems": MOST_CHARGERS, "items": charger_id()}
    return {
        "title": "Latest telemetry of several chargers",
        "description": "Each charger that was asked for is in one of the lists, once, in the order asked.",
        "type": "object",
        "properties": {
            "items": {"type": "array", "maxItems": MOST_CHARGERS, "items": reference("LatestTelemetry")},
            "missing": ids | {"description": "Nothing was received from these, or it has expired"},
            "notReturned": ids
            | {
                "minItems": 1,
                "description": "These would have made the answer longer than 5 MB, or than 6 MB with each quotation "
                "mark and backslash counted twice, or could not be read in time: ask for them again. Absent where "
                "there are none",
            },
        },
        "required": ["items", "missing"],
    }


def _connector() -> JsonObject:
    fields = {name: field for name, field in _returned_fields().items() if name != "chargerId"}
    omitted = {"const": True, "description": "The payload is too long to be kept for a connector"}
    return {
        "title": "Connector",
        "description": "The newest sample of a connector, and the last value of each of its fields.",
        "type": "object",
        "properties": {**fields, "payloadOmitted": omitted, **_found_fields()},
        "required": [*_ALWAYS_KNOWN, *_found_fields()],
        "oneOf": [{"required": ["payload"]}, {"required": ["payloadOmitted"]}],
    }


def _metrics() -> JsonObject:
    of_a_phase = {
        "type": "object",
        "properties": {name: {"type": "number", "description": METRICS[name]} for name in _METRICS_OF_A_PHASE},
    }
    return {
        "title": "Metrics",
        "description": "What was found in the payload, in base units; what can't be told is absent.",
        "type": "object",
        "properties": {
            **{name: {"type": "number", "description": description} for name, description in METRICS.items()},
            "phases": {"type": "object", "properties": dict.fromkeys(PHASES, of_a_phase)},
            "assumed": {
                "type": "array",
                "items": {"type": "string"},
                "description": "The metrics whose unit or meaning the payload did not tell",
            },
        },
    }


def _last_known() -> JsonObject:
    known = reference("KnownValue")
    of_a_phase = {"type": "object", "properties": dict.fromkeys(_METRICS_OF_A_PHASE, known)}
    phases = {"type": "object", "properties": dict.fromkeys(PHASES, of_a_phase)}
    metrics = {"type": "object", "properties": {**dict.fromkeys(METRICS, known), "phases": phases}}
    return {
        "title": "Last known",
        "description": "The newest value of each optional field and metric, by whichever event brought it.",
        "type": "object",
        "properties": {**dict.fromkeys(OPTIONAL_FIELDS.values(), known), "metrics": metrics},
    }


def _known_value() -> JsonObject:
    return {
        "title": "Known value",
        "type": "object",
        "properties": {
            "value": {"description": "As in the event or its metrics"},
            "timestamp": _time("When it was sampled"),
        },
        "required": ["value", "timestamp"],
    }


def _finding() -> JsonObject:
    return {
        "title": "Finding",
        "description": "Something that a rule saw to be wrong; it marks telemetry and never rejects it.",
        "type": "object",
        "properties": {
            "code": {"type": "string", "description": "What is wrong", "examples": ["VOLTAGE_OUT_OF_RANGE"]},
            "severity": {"enum": ["info", "warning", "critical"]},
            "observed": {"description": "What was seen: a number or a short text"},
            "expected": {"description": "What should have been seen"},
            "since": _time("The first sample in a row that showed it"),
        },
        "required": ["code", "severity", "observed", "expected", "since"],
    }


def _problem() -> JsonObject:
    return {
        "title": "Problem details",
        "description": "RFC 9457.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "pattern": "^urn:problem-type:telemetry:[a-z-]+$"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
        },
        "required": ["type", "title", "status", "detail"],
    }


def _invalid_problem() -> JsonObject:
    errors = {"type": "array", "minItems": 1, "items": reference("EventError")}
    return {
        "title": "Problem details of a body that is not valid",
        "allOf": [reference("Problem")],
        "type": "object",
        "properties": {"errors": errors},
        "required": ["errors"],
    }


def _event_error() -> JsonObject:
    return {
        "title": "Error in an event",
        "type": "object",
        "properties": {
            "pointer": {"type": "string", "description": "Where: a JSON Pointer (RFC 6901)", "examples": ["/payload"]},
            "detail": {"type": "string", "description": "What; it never repeats a value"},
        },
        "required": ["pointer", "detail"],
    }


def _gateway_message() -> JsonObject:
    return {
        "title": "Message of the gateway",
        "description": "What the gateway before the service answers itself.",
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    }


def _found_fields() -> dict[str, JsonObject]:
    findings = {"type": "array", "items": reference("Finding")}
    return {"metrics": reference("Metrics"), "findings": findings, "lastKnown": reference("LastKnown")}


def _returned_fields() -> dict[str, JsonObject]:
    """Return the schemas of an envelope's fields as they come back: in one form, and absent where not known."""
    fields = _fields_of(TelemetryEnvelope)
    fields["timestamp"] = _time("When it was sampled")
    fields["payload"]["description"] = "As it was sent"
    fields["ingestedAt"]["description"] = "When the service accepted it: a UTC time with microseconds"
    fields["eventId"]["description"] = "SHA-256 of the event, in hex: the same event sent twice has the same one"
    for name in OPTIONAL_FIELDS.values():
        fields[name] = fields[name]["anyOf"][0]
    return fields


def _fields_of(model: type[BaseModel]) -> dict[str, JsonObject]:
    """Return the schemas of a model's fields without the titles that the library makes of their names."""
    fields: dict[str, JsonObject] = model.model_json_schema()["properties"]
    return {name: {key: value for key, value in field.items() if key != "title"} for name, field in fields.items()}


def _time(description: str) -> JsonObject:
    return {"type": "string", "pattern": RETURNED_TIMESTAMP, "description": f"{description}; in UTC with milliseconds"}
