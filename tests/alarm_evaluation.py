"""Whether an alarm rings, by what AWS documents of it: MiniStack looks at neither periods nor missing data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any, Literal, Self

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
# What a metric was given in each minute, the oldest first.
Minutes = Sequence[Sequence[float]]

# CloudWatch looks further back than it was asked to, so that late data counts; how far it does not say: in the examples
# of its documentation, by two periods.
FURTHER_BACK = 2

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Sum": fsum,
    "Average": lambda values: fsum(values) / len(values),
    "Maximum": max,
    "p99": lambda values: percentile(values, 99),
}


@dataclass(frozen=True, kw_only=True)
class MetricAlarm:
    """An alarm on one metric.

    Attributes:
        statistic: of the values of a period.
        period: in minutes.
        periods: how many of them are looked at, all of which have to breach.
        breaches: tells whether a period's value does.
        missing: what a period without values counts as.
    """

    statistic: Callable[[Sequence[float]], float]
    period: int
    periods: int
    breaches: Callable[[float], bool]
    missing: Literal["breaching", "notBreaching", "ignore"]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Self:
        """Return the alarm with these properties, as a template has them; one that is not read here is an error."""
        known = {
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "ComparisonOperator",
            "Dimensions",
            "EvaluationPeriods",
            "ExtendedStatistic",
            "MetricName",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "Tags",
            "Threshold",
            "TreatMissingData",
        }
        assert set(properties) <= known, set(properties) - known
        compare, threshold = COMPARISONS[properties["ComparisonOperator"]], properties["Threshold"]
        # Whatever an alarm says: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        of_dynamodb = properties["Namespace"] == "AWS/DynamoDB"
        return cls(
            statistic=STATISTICS[properties.get("ExtendedStatistic") or properties["Statistic"]],
            period=properties["Period"] // 60,
            periods=properties["EvaluationPeriods"],
            breaches=lambda value: compare(value, threshold),
            missing="ignore" if of_dynamodb else properties["TreatMissingData"],
        )

    def states(self, minutes: Minutes) -> list[State]:
        """Return the state after each of the minutes, of an alarm that was made at the first of them."""
        states: list[State] = []
        for end in range(1, len(minutes) + 1):
            starts = (end - (back + 1) * self.period for back in range(self.periods + FURTHER_BACK))
            points = [self._point(minutes[max(0, start) : max(0, start + self.period)]) for start in starts]
            states.append(self.state_after(points[::-1], states[-1] if states else "INSUFFICIENT_DATA"))
        return states

    def state_after(self, points: Sequence[bool | None], before: State) -> State:
        """Return the state after periods that breach, do not breach, or have no data (None), the oldest first."""
        real = [point for point in points if point is not None][-self.periods :]
        lacking = self.periods - len(real)
        if self.missing == "ignore" and lacking and (not real or all(real)):
            return before
        breaching = sum(real) + (lacking if self.missing == "breaching" else 0)
        return "ALARM" if breaching == self.periods else "OK"

    def _point(self, minutes: Minutes) -> bool | None:
        values = [value for minute in minutes for value in minute]
        return self.breaches(self.statistic(values)) if values else None


def percentile(values: Sequence[float], percent: float) -> float:
    """Return what so many percent of the values are not above, between the two nearest values in proportion."""
    ordered = sorted(values)
    rank = percent / 100 * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (rank - low) * (ordered[high] - ordered[low])
