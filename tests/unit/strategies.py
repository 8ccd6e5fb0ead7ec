"""What Hypothesis draws from: JSON that is accepted, and envelopes that collide on purpose."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from telemetry.envelope import TelemetryEnvelope, seal
from telemetry.event import TelemetryEvent
from telemetry.exact_json import UNSTORABLE_NUMBER, exact_number

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


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
    """Envelopes of one charger, from so few times that equal ones are common."""
    moments = st.integers(0, 3).map(lambda minutes: START + timedelta(minutes=minutes))
    return st.builds(_envelope, st.just(charger_id), moments, moments, st.integers(0, 3))


def _envelope(charger_id: str, sampled: datetime, ingested: datetime, value: int) -> TelemetryEnvelope:
    fields = {"chargerId": charger_id, "timestamp": sampled.isoformat(), "payload": {"value": value}}
    return seal(TelemetryEvent.model_validate(fields), ingested)
