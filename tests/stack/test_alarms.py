"""Each alarm of the templates rings at the fault that it is there for, and is quiet in health.

By the tests' own evaluation, since the emulator's leaves out periods and missing data: `tests/alarm_evaluation.py`.
On the emulator: `tests/e2e/test_alarms.py`.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from telemetry import aws_clients
from tests.alarm_cases import CASES
from tests.alarm_evaluation import MetricAlarm
from tests.stack.synthesis import EVERY_STAGE, ROOT, Synthesis
from tests.stack.test_monitoring import every_alarm_of, expected_of

DOCUMENT = (ROOT / "docs" / "alarms.md").read_text()
HOUR = 60
SynthesisOf = Callable[[str], Synthesis]


def each_of(name: str, synthesis_of: SynthesisOf) -> list[MetricAlarm]:
    """The alarm as each stage that has it has it."""
    stages = (every_alarm_of(synthesis_of(stage)) for stage in EVERY_STAGE)
    return [MetricAlarm.of(alarms[name]) for alarms in stages if name in alarms]


def healthy(name: str, minutes: int) -> list[Any]:
    once = CASES[name].healthy
    return [once[minute % len(once)] for minute in range(minutes)]


def rings_after(name: str, alarm: MetricAlarm) -> int:
    """After how many minutes of its fault, which follows an hour of health, an alarm rings."""
    states = alarm.states([*healthy(name, HOUR), *CASES[name].faulty])
    return states[HOUR:].index("ALARM") + 1


def test_every_alarm_has_a_fault_that_rings_it(every_stage: Synthesis) -> None:
    assert set(every_alarm_of(every_stage)) == expected_of(every_stage, CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_alarm_rings_at_its_fault(synthesis_of: SynthesisOf, name: str) -> None:
    for alarm in each_of(name, synthesis_of):
        assert rings_after(name, alarm) <= len(CASES[name].faulty)


@pytest.mark.parametrize("name", CASES)
def test_an_alarm_is_quiet_in_health(synthesis_of: SynthesisOf, name: str) -> None:
    for alarm in each_of(name, synthesis_of):
        # A stage that was just deployed has no telemetry for some time.
        states = alarm.states(healthy(name, 4 * HOUR))
        assert "ALARM" not in states
        assert states[-1] == ("INSUFFICIENT_DATA" if alarm.missing == "ignore" else "OK")


def test_a_post_is_slow_where_sqs_has_to_be_called_a_second_time(
    synthesis_of: SynthesisOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    waited = float(aws_clients.sqs().meta.config.read_timeout)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType] - botocore sets it from its options
    aws_clients.sqs.cache_clear()
    for alarm in each_of("IngestLatency", synthesis_of):
        assert [alarm.breaches(1000 * waited + more) for more in (0, 1)] == [False, True]


def test_the_table_of_alarms_says_what_these_tests_show(prod: Synthesis) -> None:
    on_the_emulator = {name: case.on_the_emulator or "no such alarm in stage `local`" for name, case in CASES.items()}
    rows = [
        f"| `{name}` | {CASES[name].fault} | {rings_after(name, MetricAlarm.of(alarm))} min | "
        f"{on_the_emulator[name]} | {CASES[name].health} |"
        for name, alarm in every_alarm_of(prod).items()
    ]
    assert sorted(re.findall(r"^\| `.*$", DOCUMENT, flags=re.MULTILINE)) == sorted(rows), "\n".join(["", *rows])


def test_the_tests_and_files_that_the_document_names_exist() -> None:
    files = re.findall(r"`((?:tests|telemetry_stack)/[\w/]+\.py)`", DOCUMENT)
    assert [file for file in files if not (ROOT / file).exists()] == []
    tests = "".join((ROOT / file).read_text() for file in files)
    named = re.findall(r"`(test_\w+)`", DOCUMENT)
    assert len(named) == 4
    assert [name for name in named if f"def {name}(" not in tests] == []
