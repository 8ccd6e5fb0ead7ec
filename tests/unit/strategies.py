"""What Hypothesis draws from: JSON that is accepted, and envelopes that collide on purpose."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from telemetry import exact_json, message
from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.event import TelemetryEvent
from telemetry.exact_json import UNSTORABLE_NUMBER, exact_number
from telemetry.merge import LARGEST_CONNECTOR_PAYLOAD_BYTES

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
# What the server's clock says.
NOW = datetime(2026, 11, 23, 8, 15, 30, 123456, tzinfo=UTC)
# Of each optional field of an event so few values that equal ones are common.
OPTIONAL: dict[str, st.SearchStrategy[object]] = {
    "connectorId": st.integers(0, 2),
    "chargerStatus": st.sampled_from(["Available", "Charging"]),
    "locationId": st.sampled_from(["north", "south"]),
    "firmwareVersion": st.sampled_from(["1.0", "1.1"]),
}


def numbers() -> st.SearchStrategy[int | Decimal]:
    """Numbers of every size that DynamoDB holds."""
    drawn = st.tuples(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-140, 100))
    read = drawn.map(lambda parts: exact_number(f"{parts[0]}e{parts[1]}"))
    return read.filter(lambda number: number is not UNSTORABLE_NUMBER) | st.integers(-5, 5)


def json_values() -> st.SearchStrategy[object]:
    """JSON values that are accepted in a payload."""
    scalars = st.none() | st.booleans() | numbers() | st.text()
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
        max_leaves=12,
    )


def payloads() -> st.SearchStrategy[dict[str, object]]:
    """Payloads that are accepted."""
    return st.dictionaries(st.text(min_size=1), json_values(), max_size=4)


def envelopes(charger_id: str = "CP-001") -> st.SearchStrategy[TelemetryEnvelope]:
    """Envelopes of one charger, its connectors among them, from so few times that equal ones are common."""
    moments = st.integers(0, 3).map(lambda minutes: START + timedelta(minutes=minutes))
    optional = st.fixed_dictionaries({}, optional=OPTIONAL)
    # Some with metrics, some without, some too great for a connector.
    payloads = st.fixed_dictionaries(
        {"value": st.integers(0, 3)},
        optional={
            "power_kw": st.integers(0, 8),
            "voltage_v": st.integers(220, 240),
            "filler": st.just("x" * LARGEST_CONNECTOR_PAYLOAD_BYTES),
        },
    )
    return st.builds(_envelope, st.just(charger_id), moments, moments, payloads, optional)


def body_of(correlation_id: str, sent: Sequence[TelemetryEnvelope]) -> str:
    """Return the body of a message that carries envelopes."""
    return message.encode(correlation_id, [exact_json.dump(each.as_json()) for each in sent])


def _envelope(
    charger_id: str, sampled: datetime, ingested: datetime, payload: dict[str, object], optional: dict[str, object]
) -> TelemetryEnvelope:
    fields = {"chargerId": charger_id, "timestamp": sampled.isoformat(), "payload": payload, **optional}
    return seal(TelemetryEvent.model_validate(fields), ingested).open()
