"""The tests' evaluation of an alarm is held to what AWS documents, example by example."""

from typing import Any

import pytest

from tests.alarm_evaluation import MetricAlarm, State, percentile

PROPERTIES = {
    "Namespace": "Telemetry",
    "MetricName": "Any",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 3,
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 0,
    "TreatMissingData": "notBreaching",
}
SEEN = {"0": False, "X": True, "-": None}


def alarm(**changes: object) -> MetricAlarm:
    return MetricAlarm.of({**PROPERTIES, **changes})


# The first table of the documentation, three of three periods, five looked at: the state where missing data is ignored,
# breaching, and not breaching. None: the state that was before.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
@pytest.mark.parametrize(
    ("points", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "OK", "OK", "OK"),
        ("0 - - - -", "OK", "OK", "OK"),
        ("- - - - -", None, "ALARM", "OK"),
        ("0 X X - X", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", None, "ALARM", "OK"),
        ("X - - - -", None, "ALARM", "OK"),
        ("- - - - X", None, "ALARM", "OK"),
    ],
)
def test_missing_data_counts_as_aws_documents_it(
    points: str, ignore: State | None, breaching: State, not_breaching: State
) -> None:
    seen = [SEEN[each] for each in points.split()]
    before: State
    for before in ("OK", "ALARM", "INSUFFICIENT_DATA"):
        # Which is how alarms on DynamoDB's metrics behave whatever they say.
        assert alarm(Namespace="AWS/DynamoDB").state_after(seen, before) == (ignore or before)
        assert alarm(TreatMissingData="breaching").state_after(seen, before) == breaching
        assert alarm().state_after(seen, before) == not_breaching


def test_an_alarm_rings_with_the_last_of_its_periods_and_ends_with_the_first_that_is_well() -> None:
    """The figure in the documentation: of nine periods the third to fifth and the ninth breach."""
    periods = [0, 0, 5, 5, 5, 0, 0, 0, 5]
    minutes = [[value] for value in periods]
    states = alarm(Period=60).states(minutes)
    assert states == ["OK", "OK", "OK", "OK", "ALARM", "OK", "OK", "OK", "OK"]


def test_a_period_is_judged_by_the_statistic_of_all_its_minutes() -> None:
    once: Any = {"EvaluationPeriods": 1, "Threshold": 9}
    minutes = [[5.0], [], [5.0], [], [0.0], [0.0]]
    assert alarm(**once).states(minutes) == ["OK", "OK", "ALARM", "ALARM", "ALARM", "OK"]
    assert set(alarm(**once, Statistic="Maximum").states(minutes)) == {"OK"}
    assert set(alarm(**once, Statistic="Average").states(minutes)) == {"OK"}


def test_silence_rings_once_no_period_that_is_looked_at_has_data() -> None:
    silence = alarm(Period=60, ComparisonOperator="LessThanThreshold", Threshold=1, TreatMissingData="breaching")
    assert silence.states([[7.0], [], [], [], [], []]) == ["OK", "OK", "OK", "OK", "OK", "ALARM"]


def test_a_percentile_is_what_so_many_percent_are_not_above() -> None:
    assert percentile([7.0], 99) == 7
    assert percentile(range(101), 99) == 99
    assert percentile([0.0] * 990 + [100.0] * 10, 99) == pytest.approx(1)
    assert percentile([0.0] * 991 + [100.0] * 9, 99) == 0


def test_a_property_that_changes_when_an_alarm_rings_is_not_overlooked() -> None:
    with pytest.raises(AssertionError, match="DatapointsToAlarm"):
        alarm(DatapointsToAlarm=2)
