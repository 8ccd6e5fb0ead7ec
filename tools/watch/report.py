"""What is known of the watched chargers, as JSON for a program: numbers in base units, nothing left out."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from telemetry.timestamps import to_milliseconds
from tools.watch.chargers import Charger, Place
from tools.watch.view import View


def as_json(view: View, now: datetime) -> str:
    """Return all chargers, those that matter most first, as the table has them."""
    told = {
        "readAt": to_milliseconds(view.read_at) if view.read_at else None,
        "trouble": view.trouble or None,
        "chargers": [_charger(charger, now) for charger in view.in_order(now)],
    }
    return json.dumps(told, indent=2)


def _charger(charger: Charger, now: datetime) -> Mapping[str, object]:
    if charger.is_missing:
        return {"chargerId": charger.charger_id, "missing": True}
    silence = charger.silence(now)
    return {
        "chargerId": charger.charger_id,
        "missing": False,
        "silent": charger.is_silent(now),
        "silenceSeconds": int(silence.total_seconds()) if silence is not None else None,
        "lastSeenAt": charger.latest.get("lastSeenAt"),
        "staleAt": charger.latest.get("staleAt"),
        "charging": charger.is_charging(now),
        "findings": [asdict(finding) for finding in charger.findings],
        "places": [_place(place, now) for place in charger.places],
    }


def _place(place: Place, now: datetime) -> Mapping[str, object]:
    return {
        "connectorId": int(place.connector) if place.connector.isdecimal() else None,
        "status": place.says or None,
        "charging": place.is_charging(now),
        "powerW": place.number("powerW"),
        "powerIsCurrent": place.is_current("powerW", now),
        "energySessionWh": place.number("energySessionWh"),
        "energyImportWh": place.number("energyImportWh"),
        "findings": [finding.code for finding in place.findings],
    }
