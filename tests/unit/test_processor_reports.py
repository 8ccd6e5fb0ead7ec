"""What the processor logs and counts."""

import json

import pytest

from processor.folding import Sample
from telemetry.envelope import TelemetryEnvelope, short_id
from telemetry.errors import ItemRefusedError, TableUnavailableError
from tests.unit.conftest import Printed
from tests.unit.processor_bench import Bench, of, queued
from tests.unit.test_merge import envelope


def test_every_log_line_about_a_message_names_the_request_that_sent_it(bench: Bench, printed: Printed) -> None:
    bench.table.write_errors["CP-002"] = [TableUnavailableError()]
    bench.process(
        queued("a", of("CP-001", 1), of("CP-666")), queued("b", of("CP-002"), group="CP-002"), queued("c", of("CP-001"))
    )
    told = {(line["correlationId"], line["message"]) for line in printed.logs}
    assert told == {
        ("request-a", "dead-lettered"),
        ("request-a", "stored"),
        ("request-b", "to be delivered again"),
        ("request-c", "stored"),
    }


def test_of_a_message_what_was_stored_is_named_and_what_of_it_was_stale(bench: Bench, printed: Printed) -> None:
    bench.process(queued("a", envelope(sampled=3, ingested=3)))
    stale, refused, fresh = (envelope(sampled=minute, ingested=minute) for minute in (2, 4, 5))
    # The write of all together, then that of the first alone; the stale one changes nothing.
    bench.table.write_errors["CP-001"] = [ItemRefusedError(), ItemRefusedError()]
    bench.process(queued("b", fresh, refused, stale))
    dead, line = [each for each in printed.logs if each["correlationId"] == "request-b"]
    assert (dead["message"], line["message"]) == ("dead-lettered", "stored")
    assert dead["eventIds"] == [short_id(each.event_id) for each in (fresh, refused, stale)]
    assert line["eventIds"] == [short_id(each.event_id) for each in (fresh, stale)]
    assert line["staleEventIds"] == [short_id(stale.event_id)]


def test_an_event_that_breaks_the_contract_is_named_with_its_message(bench: Bench, printed: Printed) -> None:
    foreign, good = of("CP-666"), of("CP-001")
    bench.process(queued("a", foreign, good))
    told = {line["message"]: line["eventIds"] for line in printed.logs}
    of_foreign, of_good = short_id(foreign.event_id), short_id(good.event_id)
    assert told == {"dead-lettered": [of_foreign, of_good], "stored": [of_good]}


PRIVATE = "52.5163N-13.3777E"


def test_no_log_line_repeats_what_was_sent(bench: Bench, printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: TelemetryEnvelope) -> Sample:
        raise ValueError(PRIVATE)

    good = of("CP-001").as_json()
    bad = {
        "version": 1,
        "correlationId": "request-a",
        "envelopes": [{**good, "payload": PRIVATE}, {**good, "a": PRIVATE}],
    }
    bench.process(queued("a", body=json.dumps(bad)), queued("b", body=PRIVATE))
    monkeypatch.setattr("processor.storing.sample_of", failing)
    bench.process(queued("c", of("CP-001")))
    assert {line["message"] for line in printed.logs} >= {"dead-lettered", "to be delivered again"}
    assert PRIVATE not in printed.text
    (fault,) = [line for line in printed.logs if line["message"] == "to be delivered again"]
    assert "ValueError at " in fault["cause"]
    assert "test_processor_reports.py" in fault["cause"]


def test_findings_are_counted_by_code_and_told_when_they_come_and_go(bench: Bench, printed: Printed) -> None:
    hot, cool = {"temp_c": 80}, {"temp_c": 20}
    bench.process(
        queued("a", envelope(sampled=1, ingested=1, payload=hot), envelope(sampled=2, ingested=2, payload=hot)),
        queued("b", envelope(sampled=3, ingested=3, payload=cool)),
    )
    counted = {line["code"]: line["Findings"] for line in printed.lines if "Findings" in line}
    assert counted == {"TEMPERATURE_HIGH": [2], "TEMPERATURE_CRITICAL": [2]}
    both = ["TEMPERATURE_HIGH", "TEMPERATURE_CRITICAL"]
    told = [(line["appeared"], line["cleared"]) for line in printed.logs if line["message"] == "findings changed"]
    assert told == [(both, []), ([], both)]


def test_the_average_of_one_metric_is_the_share_of_judged_events_with_findings(bench: Bench, printed: Printed) -> None:
    newest = [envelope(sampled=n, ingested=n, payload={"temp_c": 80 if n > 2 else 20}) for n in range(1, 5)]
    bench.process(queued("a", *newest))
    stale, again = envelope(sampled=0, ingested=5, payload={"temp_c": 80}), newest[-1]
    bench.process(queued("b", stale, again))
    assert printed.metric("EventsWithFindings") == [([0, 0, 1, 1], None)]


def test_each_line_of_metrics_has_no_more_values_than_cloudwatch_takes(bench: Bench, printed: Printed) -> None:
    """It takes 100 of a metric in a line, and a batch of the queue can hold a thousand events."""
    many = [envelope(sampled=n, ingested=n) for n in range(250)]
    bench.process(queued("a", *many))
    values = [values for values, _ in printed.metric("EventsWithFindings")]
    assert sum(map(len, values)) == 250
    assert max(map(len, values)) <= 100
    assert sum(sum(values) for values, _ in printed.metric("EventsStored")) == 250


def test_values_of_unknown_units_are_counted(bench: Bench, printed: Printed) -> None:
    sampled = {"value": "1", "measurand": "Voltage", "unit": "furlong"}
    payload = {"meterValue": [{"timestamp": "2026-11-23T08:00:00Z", "sampledValue": [sampled]}]}
    bench.process(queued("a", envelope(sampled=1, ingested=1, payload=payload)))
    assert printed.metric("UnknownUnits") == [([1], None)]


def test_the_time_from_ingest_to_stored_is_measured_for_each_message(bench: Bench, printed: Printed) -> None:
    bench.process(
        queued("a", envelope(sampled=1, ingested=15), envelope(sampled=2, ingested=15)),
        queued("b", envelope(sampled=3, ingested=14)),
    )
    assert printed.metric("IngestToStored") == [([30123.456, 90123.456], None)]
