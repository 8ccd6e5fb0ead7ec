"""What simulated chargers say, and what the service understands of it."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from processor.folding import fold, sample_of
from telemetry.envelope import seal
from telemetry.event import TelemetryEvent
from telemetry.exact_json import parse
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
        values: dict[str, object] = {f"metrics.{name}": float(each) for name, each in understood.metrics.values.items()}
        values |= {"chargerStatus": understood.charger_status} if understood.charger_status else {}
        sent = ("chargerStatus", "locationId", "connectorId")
        values |= {name: event.body[name] for name in sent if name in event.body}
        assert values == pytest.approx(dict(event.values))
        names |= event.values.keys()
    assert len(names) >= 5


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.shape.__name__)
def test_a_charger_that_behaves_has_no_finding_but_its_own_fault(model: Model) -> None:
    latest, codes = None, set[object]()
    for event in events(model):
        sent = TelemetryEvent.model_validate(parse(json.dumps(event.body)))
        ingested_at = datetime.fromisoformat(sent.timestamp) + timedelta(seconds=1)
        latest = fold(latest, [sample_of(seal(sent, ingested_at).open())], "local").latest
        codes |= {finding["code"] for finding in latest.findings}
    assert codes <= {"CHARGER_FAULT"}
