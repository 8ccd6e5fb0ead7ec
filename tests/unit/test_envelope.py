import hashlib
from datetime import timedelta
from decimal import Decimal

import simplejson
from hypothesis import given
from hypothesis import strategies as st

from telemetry.envelope import seal
from telemetry.event import TelemetryEvent
from tests.unit.strategies import START, payloads

SENT = {"chargerId": "CP-001", "timestamp": "2026-11-23T08:00:00Z"}


@given(payloads(), st.dictionaries(st.sampled_from(["chargerStatus", "locationId"]), st.text(min_size=1, max_size=128)))
def test_the_text_of_a_sealed_event_is_the_event_with_its_id_and_its_time(
    payload: dict[str, object], texts: dict[str, str]
) -> None:
    event = TelemetryEvent.model_validate({**SENT, "payload": payload, **texts})
    canonical = simplejson.dumps(event.as_json(), use_decimal=True, sort_keys=True, separators=(",", ":"))
    sealed = seal(event, START + timedelta(microseconds=1))
    assert sealed.event_id == hashlib.sha256(canonical.encode()).hexdigest()
    assert sealed.text.isascii()
    stamps = {"eventId": sealed.event_id, "ingestedAt": "2026-11-23T08:00:00.000001Z"}
    assert sealed.open().as_json() == event.as_json() | stamps
    assert sealed.receipt() == {"chargerId": event.charger_id, "timestamp": event.timestamp, **stamps}


def test_the_id_of_an_event_is_the_same_for_ever() -> None:
    numbers = [Decimal("7.4"), 10**37, Decimal("1E+38")]
    payload: dict[str, object] = {"b": "\x7f\u2028\N{ELECTRIC PLUG}", "a": [*numbers, None, True, {}]}
    event = TelemetryEvent.model_validate({**SENT, "payload": payload, "connectorId": 1})
    assert seal(event, START).event_id == "aa826068a196cb7b01b3af9de504cfaf45967834f9460a909d3d16aec092db85"
