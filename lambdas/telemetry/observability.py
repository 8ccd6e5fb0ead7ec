"""Logs as JSON lines, and metrics in CloudWatch's embedded format: one line an invocation, one more a reason."""

import traceback
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

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


def cause_of(error: BaseException) -> str | None:
    """Return what made an error happen, for a log line: what AWS said, or else which error, and where in our code.

    The text of any other error may repeat what a charger sent, which no log may hold.
    """
    cause = error.__cause__
    if cause is None:
        return None
    if isinstance(cause, ClientError) and cause.response.get("Error", {}).get("Code") != "ValidationException":
        return repr(cause)
    if isinstance(cause, BotoCoreError):
        return repr(cause)
    frames = traceback.extract_tb(cause.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(cause).__name__}{place}"


def measure_milliseconds(name: str, value: float) -> None:
    """Add a duration to a metric."""
    _metrics().add_metric(name, MetricUnit.Milliseconds, value)


def measure_share(name: str, *, belongs: bool) -> None:
    """Add one event to a metric whose average is the share of those that belong to a kind."""
    _metrics().add_metric(name, MetricUnit.Count, int(belongs))


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
