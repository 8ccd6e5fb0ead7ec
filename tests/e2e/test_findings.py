"""What the rules find: marked on the item, counted by code, and logged when it changes."""

import json
from typing import cast

from tests.e2e.harness import Api, Cloud, Json, event_of, eventually


def findings_of(latest: Json) -> list[Json]:
    return cast("list[Json]", latest["findings"])


def codes_of(latest: Json) -> list[object]:
    return [finding["code"] for finding in findings_of(latest)]


def settled(cloud: Cloud, latest: Json) -> None:
    """Wait for what the processor logs and counts about an event, which it does after storing it."""
    eventually(lambda: cloud.stored_lines(str(latest["eventId"])))


def counted(cloud: Cloud, code: str) -> float:
    """Return how many findings of a code the metric `Findings` has counted so far."""
    lines = [line for line in cloud.log_lines("Processor", stage="local", code=code) if "Findings" in line]
    return sum(cast("list[float]", line["Findings"])[0] for line in lines)


def test_a_finding_marks_the_event_and_its_connector_and_never_rejects(api: Api, charger_id: str) -> None:
    event = {**event_of(charger_id, temp_c=75), "connectorId": 1}
    latest = api.kept(event)
    assert latest["payload"] == {"temp_c": 75}
    high, critical = findings_of(latest)
    assert (high["code"], critical["code"]) == ("TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL")
    assert critical == {
        "code": "TEMPERATURE_CRITICAL",
        "severity": "critical",
        "observed": 75,
        "expected": "less than 71",
        "since": event["timestamp"],
    }
    assert api.latest(charger_id).json()["connectors"]["1"]["findings"] == latest["findings"]


def test_a_healthy_event_has_no_findings(api: Api, charger_id: str) -> None:
    assert api.kept(event_of(charger_id, temp_c=30, power_kw=7.4, soc=40))["findings"] == []


def test_a_clock_that_was_never_set_is_marked(api: Api, charger_id: str) -> None:
    latest = api.kept({**event_of(charger_id), "timestamp": "1970-01-01T00:00:12Z"})
    assert "CLOCK_INVALID" in codes_of(latest)


def test_findings_are_logged_when_they_change_and_only_then(cloud: Cloud, api: Api, charger_id: str) -> None:
    for seconds_ago, temperature in ((4, 30), (3, 75), (2, 76), (1, 30), (0, 31)):
        latest = api.kept(event_of(charger_id, seconds_ago=seconds_ago, temp_c=temperature))
        assert bool(latest["findings"]) == (temperature > 70)
    codes = ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]
    eventually(lambda: len(cloud.log_lines("Processor", message="stored", chargerId=charger_id)) == 5)
    lines = cloud.log_lines("Processor", message="findings changed", chargerId=charger_id)
    assert [(line["appeared"], line["cleared"]) for line in lines] == [(codes, []), ([], codes)]


def test_findings_are_counted_by_code_as_a_metric(cloud: Cloud, api: Api, charger_id: str) -> None:
    before = counted(cloud, "SOC_INVALID")
    for seconds_ago in (2, 1, 0):
        latest = api.kept(event_of(charger_id, seconds_ago=seconds_ago, soc=101))
        assert codes_of(latest) == ["SOC_INVALID"]
        settled(cloud, latest)
    assert counted(cloud, "SOC_INVALID") == before + 3
    line = cloud.log_lines("Processor", code="SOC_INVALID")[-1]
    described = json.dumps(line["_aws"])
    assert '"Name": "Findings"' in described
    assert all(f'"{dimension}"' in described for dimension in ("service", "stage", "code"))


def test_an_event_that_comes_again_is_not_judged_again(cloud: Cloud, api: Api, charger_id: str) -> None:
    event = event_of(charger_id, soc=101)
    first = api.kept(event)
    settled(cloud, first)
    before = counted(cloud, "SOC_INVALID")
    # Beside another event it is in another message, which the queue does not drop.
    results = api.post_batch([event_of(charger_id, seconds_ago=60, note="older"), event]).json()["results"]
    eventually(lambda: cloud.stored_lines(results[0]["eventId"]))
    again = api.latest(charger_id).json()
    assert (again["eventId"], again["findings"]) == (first["eventId"], first["findings"])
    assert again["ingestedAt"] > str(first["ingestedAt"])
    assert counted(cloud, "SOC_INVALID") == before


def test_events_of_a_batch_are_judged_in_the_order_of_their_time(api: Api, charger_id: str) -> None:
    # Three in a row are a finding, which begins with the first; the healthy one is the oldest.
    voltages = {40: 230, 30: 270, 20: 271, 10: 272}
    events = {age: event_of(charger_id, seconds_ago=age, voltage_v=volts) for age, volts in voltages.items()}
    answer = api.post_batch([events[age] for age in (20, 10, 40, 30)])
    latest = api.stored(charger_id, event_id=answer.json()["results"][1]["eventId"])
    [finding] = findings_of(latest)
    assert (finding["code"], finding["observed"]) == ("VOLTAGE_OUT_OF_RANGE", 272)
    assert finding["since"] == events[30]["timestamp"]
