"""What simulated chargers say, and what the service understands of it."""

import json
import random
from collections.abc import Iterator
from decimal import Decimal

import pytest

from telemetry.normalisation import normalise
from tests.unit.tools.fleet.plans import plan
from tools.fleet.chargers import MODELS, Event, Model, events_of


def events(model: Model) -> Iterator[Event]:
    number = MODELS.index(model)
    return events_of("F-1", number, random.Random(number), plan(duration=1000))  # noqa: S311 - the same in each run


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.shape.__name__)
def test_the_service_understands_of_each_payload_the_values_that_the_charger_knows(model: Model) -> None:
    names: set[str] = set()
    for event in events(model):
        understood = normalise(json.loads(json.dumps(event.body["payload"]), parse_float=Decimal))
        status = event.body.get("chargerStatus", understood.charger_status)
        values = {f"metrics.{name}": float(value) for name, value in understood.metrics.values.items()}
        assert values | ({"chargerStatus": status} if status else {}) == pytest.approx(dict(event.values))
        names |= event.values.keys()
    assert len(names) >= 5
