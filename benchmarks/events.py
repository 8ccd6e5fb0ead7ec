"""What the functions are called with: the events in `tests/events`, each time of another moment."""

import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]

EVENTS = Path(__file__).resolve().parents[1] / "tests" / "events"
# Of the three phases in `ocpp16_meter_values.json` together.
POWER_KW = 10.79
MESSAGES_IN_A_BATCH = 10


def _read(name: str) -> Json:
    return json.loads((EVENTS / f"{name}.json").read_text())


class Fleet:
    """Chargers that report now, each event at least a millisecond later than the one before it, so that none is stale.

    They charge at an even power, so that the rules find nothing wrong.
    """

    def __init__(self) -> None:
        self._post = _read("post_telemetry")
        self._get = _read("get_telemetry")
        self._record = _read("sqs_batch")["Records"][0]
        self._sampled = _read("ocpp16_meter_values")["payload"]["meterValue"][-1]["sampledValue"][1:10]
        self._began = self._last = datetime.now(UTC)

    def post(self, chargers: Sequence[str], *, batch: bool) -> Json:
        """Return a request that posts one event of each of the chargers, in this order."""
        events = [self._event(charger) for charger in chargers]
        path = "/telemetry/batch" if batch else "/telemetry"
        request = copy.deepcopy(self._post)
        request["routeKey"], request["rawPath"] = f"POST {path}", path
        request["requestContext"]["http"]["path"] = path
        request["requestContext"]["routeKey"] = f"POST {path}"
        request["body"] = json.dumps(events if batch else events[0], separators=(",", ":"))
        return request

    def get(self, charger: str) -> Json:
        """Return a request that asks for the latest telemetry of a charger."""
        path = f"/telemetry/{charger}"
        request = copy.deepcopy(self._get)
        request["rawPath"] = request["requestContext"]["http"]["path"] = path
        request["pathParameters"] = {"chargerId": charger}
        return request

    def batches(self, messages: Sequence[Json]) -> list[Json]:
        """Return the batches in which the event source gives messages of the loopback's `ReceiveMessage`."""
        records = [self._record_of(message) for message in messages]
        starts = range(0, len(records), MESSAGES_IN_A_BATCH)
        return [{"Records": records[start : start + MESSAGES_IN_A_BATCH]} for start in starts]

    def _record_of(self, message: Json) -> Json:
        return self._record | {
            "messageId": message["MessageId"],
            "body": message["Body"],
            "md5OfBody": message["MD5OfMessageBody"],
            "attributes": self._record["attributes"]
            | {"MessageGroupId": message["MessageGroupId"], "SequenceNumber": message["SequenceNumber"]},
        }

    def _event(self, charger: str) -> Json:
        self._last = max(self._last + timedelta(milliseconds=1), datetime.now(UTC))
        timestamp = self._last.isoformat(timespec="milliseconds")
        register = 48_000 + POWER_KW * ((self._last - self._began) / timedelta(hours=1))
        energy = {"value": f"{register:.3f}", "measurand": "Energy.Active.Import.Register", "unit": "kWh"}
        sampled = [energy, *self._sampled]
        payload = {"connectorId": 1, "transactionId": 4711}
        meter_value = [{"timestamp": timestamp, "sampledValue": sampled}]
        return {"chargerId": charger, "timestamp": timestamp, "payload": payload | {"meterValue": meter_value}}
