from collections.abc import Mapping
from datetime import UTC, datetime

from tools.fleet.chargers import Event
from tools.fleet.flaws import Sent
from tools.fleet.plan import Plan
from tools.fleet.shapes import Json

BEGUN = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)


def plan(*, chargers: int = 30, flaws: float = 0.5, seed: int = 1, duration: float = 60) -> Plan:
    return Plan("F", chargers=chargers, interval=2, duration=duration, flaws=flaws, seed=seed, begun=BEGUN)


def sent(
    timestamp: str,
    *,
    charger_id: str = "F-1",
    connector_id: int | None = None,
    flaw: str = "",
    values: Mapping[str, object] | None = None,
) -> Sent:
    connector = {"connectorId": connector_id} if connector_id is not None else {}
    body: Json = {"chargerId": charger_id, "timestamp": timestamp, "payload": {}, **connector}
    return Sent(0, Event(0, body, flaw, values or {}))
