"""Logs as JSON lines, and metrics in CloudWatch's embedded format: one line an invocation, one more a reason."""

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from telemetry.settings import FunctionSettings

# Lambda takes the time of a line from the line itself, where it is RFC 3339.
logger = Logger(use_rfc3339=True)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def count(name: str, value: int, **dimension: str) -> None:
    """Count `value` events under a metric; those of one value of a dimension, such as a `reason`, are kept apart."""
    if not value:
        return
    if not dimension:
        _metrics().add_metric(name, MetricUnit.Count, value)
        return
    with single_metric(name, MetricUnit.Count, value, default_dimensions=_dimensions()) as metric:
        for key, kept_apart in dimension.items():
            metric.add_dimension(key, kept_apart)


def measure_milliseconds(name: str, value: float) -> None:
    """Add a duration to a metric."""
    _metrics().add_metric(name, MetricUnit.Milliseconds, value)


def observed(handler: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return `handler` with log keys of its own for each invocation, and its metrics written when it ends."""

    @wraps(handler)
    def observed_handler(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        logger.clear_state()
        try:
            return handler(*args, **kwargs)
        finally:
            if _metrics().metric_set:
                _metrics().flush_metrics()

    return observed_handler


@cache
def _metrics() -> Metrics:
    metrics = Metrics()
    metrics.set_default_dimensions(**_dimensions())
    return metrics


@cache
def _dimensions() -> dict[str, str]:
    settings = FunctionSettings.from_environment()
    return {"service": settings.powertools_service_name, "stage": settings.stage}
