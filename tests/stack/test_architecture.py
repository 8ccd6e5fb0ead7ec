"""The drawings of docs/architecture.md are the template."""

import copy
from typing import Any

import pytest

from tests.stack.synthesis import Synthesis
from tools import architecture

QUEUE = "Queue381943A6"


def lines(section: str, template: dict[str, Any]) -> set[str]:
    return set(architecture.sections(template)[section].splitlines())


def changed(synthesis: Synthesis) -> dict[str, Any]:
    """A template that a test may change."""
    return copy.deepcopy(synthesis.template)


def test_the_drawings_are_what_is_synthesized(prod: Synthesis) -> None:
    document = architecture.COPY.read_text()
    assert document == architecture.filled(document, prod.template), "run scripts/telemetry.sh document architecture"


def test_every_resource_of_every_stage_is_drawn_or_left_out_by_its_type(every_stage: Synthesis) -> None:
    architecture.filled(architecture.COPY.read_text(), every_stage.template)


def test_a_type_that_nobody_has_thought_of_stops_the_drawings(prod: Synthesis) -> None:
    template = changed(prod)
    template["Resources"]["Archive"] = {"Type": "AWS::S3::Bucket"}
    with pytest.raises(ValueError, match=r"neither drawn nor left out: AWS::S3::Bucket"):
        architecture.filled(architecture.COPY.read_text(), template)


def test_a_document_without_the_markers_of_a_section_is_not_written(prod: Synthesis) -> None:
    document = architecture.COPY.read_text().replace("<!-- end watching", "<!-- fin watching")
    with pytest.raises(ValueError, match="no markers of 'watching'"):
        architecture.filled(document, prod.template)


def test_a_permission_to_move_data_is_a_line(prod: Synthesis) -> None:
    template = changed(prod)
    (statement,) = (
        each
        for each in template["Resources"]["QueryPermissions75B82775"]["Properties"]["PolicyDocument"]["Statement"]
        if each["Action"] == "dynamodb:BatchGetItem"
    )
    statement["Action"] = ["dynamodb:BatchGetItem", "dynamodb:Scan"]
    assert lines("path", template) - lines("path", prod.template) == {
        '  QueryFunction -->|"BatchGetItem<br>Scan"| LatestTelemetryTable'
    }


def test_a_route_that_leads_elsewhere_is_drawn_there(prod: Synthesis) -> None:
    template = changed(prod)
    routes = template["Resources"]
    routes["ApiPostTelemetryBatch14222110"]["Properties"]["Target"] = routes["ApiGetTelemetry5EF4E931"]["Properties"][
        "Target"
    ]
    (line,) = (each for each in lines("path", template) if "POST /telemetry/batch" in each)
    assert line.endswith("QueryFunction")


def test_a_queue_that_gives_up_nothing_has_no_line_to_the_dlq(prod: Synthesis) -> None:
    template = changed(prod)
    del template["Resources"][QUEUE]["Properties"]["RedrivePolicy"]
    gone = lines("path", prod.template) - lines("path", template)
    assert [line for line in gone if line.startswith("  Queue -->") and line.endswith("QueueDeadLetters")]


def test_an_alarm_that_tells_nobody_has_no_line_to_the_topic(prod: Synthesis) -> None:
    template = changed(prod)
    template["Resources"]["MonitoringQueueBehindB85818C2"]["Properties"]["AlarmActions"] = []
    assert lines("watching", prod.template) - lines("watching", template) == {"  AlarmsQueue --> MonitoringAlarms"}


def test_an_alarm_on_what_nobody_makes_stops_the_drawings(prod: Synthesis) -> None:
    template = changed(prod)
    template["Resources"]["MonitoringApiThrottlesBA21D854"]["Properties"]["MetricName"] = "Unheard"
    with pytest.raises(ValueError, match="nothing has the metric Unheard"):
        architecture.sections(template)


def test_a_queue_without_a_key_is_not_drawn_as_encrypted(prod: Synthesis) -> None:
    template = changed(prod)
    del template["Resources"][QUEUE]["Properties"]["KmsMasterKeyId"]
    assert '  QueueKey -->|"encrypts"| Queue' in lines("keys", prod.template) - lines("keys", template)


def test_what_is_deleted_with_the_stack_is_told(prod: Synthesis) -> None:
    template = changed(prod)
    template["Resources"][QUEUE]["DeletionPolicy"] = "Delete"
    assert "| Queue | SQS FIFO queue | 14 days at most | goes |" in lines("state", template)
