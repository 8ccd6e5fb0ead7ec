"""Chargers that behave: what each sends, and when."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from tools.fleet.charging import Connector, Plug
from tools.fleet.plan import Plan
from tools.fleet.shapes import Json, Message, flat_kilowatts, ocpp16, ocpp201, wall_connector

# By which rules know what they are: `lambdas/telemetry/rules/profiles.py`.
AC_SITE, DC_SITE = "fleet-ac", "fleet-dc"

Shape = Callable[[Connector, str], Message]


@dataclass(frozen=True)
class Model:
    """A kind of charger.

    Attributes:
        connectors: how many it has.
        names_connector: whether its events name one.
        tells_status: whether its events have a status beside the payload, which has none.
    """

    shape: Shape
    plug: Plug
    connectors: int = 2
    names_connector: bool = True
    tells_status: bool = False


MODELS = (
    Model(ocpp16, Plug(11_000, is_dc=False)),
    Model(ocpp16, Plug(50_000, is_dc=True)),
    Model(ocpp201, Plug(22_000, is_dc=False)),
    Model(ocpp201, Plug(150_000, is_dc=True)),
    Model(flat_kilowatts, Plug(7_400, is_dc=False), tells_status=True),
    Model(wall_connector, Plug(7_400, is_dc=False), connectors=1, names_connector=False),
)


@dataclass(frozen=True)
class Event:
    """An event that a charger sends.

    Attributes:
        at: when it is due, in seconds from the beginning.
        body: what is posted.
        flaw: what is done to it, empty where nothing is.
        values: what it says under `lastKnown`, by path, e.g. `metrics.powerW`.
    """

    at: float
    body: Json
    flaw: str = ""
    values: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def charger_id(self) -> str:
        """The charger's id."""
        return self.body["chargerId"]

    def moved(self, seconds: float) -> "Event":
        """Return it with a clock that is so far ahead."""
        moment = datetime.fromisoformat(self.body["timestamp"]) + timedelta(seconds=seconds)
        return replace(self, body={**self.body, "timestamp": text_of(moment)})


def events_of(charger_id: str, number: int, chance: random.Random, plan: Plan) -> Iterator[Event]:
    """Yield what a charger sends while nothing goes wrong, in order; its connectors take turns.

    It begins at any time of its interval, so that nothing comes of one whose turn does not come within the duration.

    Args:
        charger_id: the charger's id.
        number: its number in the fleet, which decides on its model.
        chance: what its cars and faults depend on.
        plan: the fleet's.
    """
    model = MODELS[number % len(MODELS)]
    connectors = [Connector(each, model.plug, chance) for each in range(1, model.connectors + 1)]
    at = chance.uniform(0, plan.interval)
    turn = 0
    while at < plan.duration:
        connector = connectors[turn % len(connectors)]
        connector.step(plan.interval * len(connectors))
        timestamp = text_of(plan.begun + timedelta(seconds=at))
        message = model.shape(connector, timestamp)
        body: Json = {"chargerId": charger_id, "timestamp": timestamp, "payload": message.payload}
        beside: Json = {"locationId": DC_SITE if model.plug.is_dc else AC_SITE}
        if model.tells_status:
            beside["chargerStatus"] = connector.status
        if model.names_connector:
            beside["connectorId"] = connector.number
        yield Event(at, body | beside, values=message.values | beside)
        at += plan.interval * chance.uniform(0.9, 1.1)
        turn += 1


def text_of(moment: datetime) -> str:
    """Return a time as the contract's canonical form has it, in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
