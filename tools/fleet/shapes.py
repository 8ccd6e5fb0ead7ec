"""What chargers send of a connector: OCPP 1.6, OCPP 2.0.1 and the flat JSON of vendors, as `tests/events` has it."""

from dataclasses import dataclass
from typing import Any

from tools.fleet.charging import BATTERY_VOLTS, CHARGING, FAULTED, FINISHING, PHASE_VOLTS, Connector

Json = dict[str, Any]
PHASES = 3
# The service's names of what is measured: docs/metrics.md.
METRICS = {
    "Energy.Active.Import.Register": "energyImportWh",
    "Power.Active.Import": "powerW",
    "Current.Import": "currentA",
    "Voltage": "voltageV",
    "SoC": "socPercent",
}


@dataclass(frozen=True)
class Message:
    """What a charger says.

    Attributes:
        payload: as it says it.
        values: what the service must understand of it, by its path under `lastKnown`.
    """

    payload: Json
    values: Json


def ocpp16(connector: Connector, at: str) -> Message:
    """Return a StatusNotification where the status changed, else MeterValues."""
    if connector.changed or connector.status == FAULTED:
        error = "GroundFailure" if connector.status == FAULTED else "NoError"
        status = {"connectorId": connector.number, "errorCode": error, "status": connector.status, "timestamp": at}
        return Message(status, {"chargerStatus": connector.status})
    measured = _measured(connector)
    values = [{"value": text, "measurand": measurand, "unit": unit} for measurand, text, unit in measured]
    transaction = {"transactionId": connector.session} if connector.status == CHARGING else {}
    payload = {
        "connectorId": connector.number,
        **transaction,
        "meterValue": [{"timestamp": at, "sampledValue": values}],
    }
    return Message(payload, _metrics_of(measured))


def ocpp201(connector: Connector, at: str) -> Message:
    """Return a TransactionEvent of a session, else a StatusNotification."""
    if connector.status not in {CHARGING, FINISHING}:
        status = {FAULTED: "Faulted", "Available": "Available"}.get(connector.status, "Occupied")
        payload = {"timestamp": at, "connectorStatus": status, "evseId": connector.number, "connectorId": 1}
        return Message(payload, {"chargerStatus": status})
    begun = connector.status == CHARGING and connector.changed
    measured = _measured(connector)
    values = [
        {"value": float(text), "measurand": measurand, "unitOfMeasure": {"unit": unit}}
        for measurand, text, unit in measured
    ]
    payload = {
        "eventType": "Started" if begun else "Updated" if connector.status == CHARGING else "Ended",
        "timestamp": at,
        "triggerReason": "ChargingStateChanged" if connector.changed else "MeterValuePeriodic",
        "transactionInfo": {
            "transactionId": str(connector.session),
            "chargingState": "Charging" if connector.status == CHARGING else "Idle",
        },
        "evse": {"id": connector.number, "connectorId": 1},
        "meterValue": [{"timestamp": at, "sampledValue": values}],
    }
    return Message(payload, _metrics_of(measured))


def flat_kilowatts(connector: Connector, _at: str) -> Message:
    """Return the flat JSON of a vendor that counts in kilowatts."""
    payload: Json = {
        "power_kw": round(connector.power / 1000, 3),
        "energy_kwh": round(connector.register_wh / 1000, 3),
        "voltage": PHASE_VOLTS,
        "current": round(connector.power / PHASE_VOLTS, 1),
        "soc": round(connector.soc),
        "online": True,
    }
    values = {
        "metrics.powerW": payload["power_kw"] * 1000,
        "metrics.energyImportWh": payload["energy_kwh"] * 1000,
        "metrics.voltageV": payload["voltage"],
        "metrics.currentA": payload["current"],
        "metrics.socPercent": payload["soc"],
    }
    return Message(payload, values)


def wall_connector(connector: Connector, _at: str) -> Message:
    """Return the flat JSON of a wall connector."""
    payload: Json = {
        "contactor_closed": connector.status == CHARGING,
        "vehicle_connected": connector.status in {CHARGING, FINISHING},
        "grid_v": PHASE_VOLTS,
        "grid_hz": 50.0,
        "vehicle_current_a": round(connector.power / PHASE_VOLTS, 1),
        "handle_temp_c": round(20 + connector.power / 1000, 1),
        "session_energy_wh": round(connector.session_wh, 2),
        "current_alerts": [],
    }
    values = {
        "metrics.voltageV": payload["grid_v"],
        "metrics.frequencyHz": payload["grid_hz"],
        "metrics.currentA": payload["vehicle_current_a"],
        "metrics.temperatureC": payload["handle_temp_c"],
        "metrics.energySessionWh": payload["session_energy_wh"],
    }
    return Message(payload, values)


def _measured(connector: Connector) -> list[tuple[str, str, str]]:
    """Return measurand, value and unit of what a meter gives."""
    volts, phases = (BATTERY_VOLTS, 1) if connector.plug.is_dc else (PHASE_VOLTS, PHASES)
    measured = [
        ("Energy.Active.Import.Register", f"{connector.register_wh:.1f}", "Wh"),
        ("Power.Active.Import", f"{connector.power:.1f}", "W"),
        ("Current.Import", f"{connector.power / volts / phases:.2f}", "A"),
        ("Voltage", f"{volts:.1f}", "V"),
    ]
    return [*measured, ("SoC", f"{connector.soc:.0f}", "Percent")] if connector.plug.is_dc else measured


def _metrics_of(measured: list[tuple[str, str, str]]) -> Json:
    return {f"metrics.{METRICS[measurand]}": float(text) for measurand, text, _ in measured}
