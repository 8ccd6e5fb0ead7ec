"""Logs as JSON lines, and metrics in CloudWatch's embedded format: one line an invocation, one more a reason."""

import traceback
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.exceptions import ConnectionError as NoConnectionError

from telemetry.settings import FunctionSettings

# Lambda takes the time of a line from the line itself, where it is RFC 3339. Where in the code a line is written, its
# message tells as well.
logger = Logger(use_rfc3339=True, location=None)

# Their texts have the host and no more.
NETWORK_ERRORS = (NoConnectionError, ConnectionClosedError, ReadTimeoutError)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class UnforeseenError(Exception):
    """Our code failed: which error it was, and where, for Lambda to write down."""


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


def count_unforeseen_error() -> None:
    """Count an error of ours under the version of the function that made it: what is deployed is rolled back for it."""
    count("UnforeseenErrors", 1, version=FunctionSettings.from_environment().aws_lambda_function_version)


def cause_of(error: BaseException) -> str | None:
    """Return what made an error happen, for a log line, as `described` says it; None where nothing did."""
    return described(error.__cause__) if error.__cause__ else None


def described(error: BaseException) -> str:
    """Return, for a log line, what AWS or the network said, or else which error it is, and where it was raised.

    The text of any other error may repeat what a charger sent, which no log may hold. So do botocore's own when a
    parameter is not valid, and DynamoDB's `ValidationException`.
    """
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") != "ValidationException":
        return repr(error)
    if isinstance(error, NETWORK_ERRORS):
        return repr(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def measure_milliseconds(name: str, value: float) -> None:
    """Add a duration to a metric."""
    _metrics().add_metric(name, MetricUnit.Milliseconds, value)


def measure_receives(name: str, value: int) -> None:
    """Add how often a message was received to a metric."""
    _metrics().add_metric(name, MetricUnit.Count, value)


def measure_share(name: str, *, belongs: bool) -> None:
    """Add one event to a metric whose average is the share of those that belong to a kind."""
    _metrics().add_metric(name, MetricUnit.Count, int(belongs))


def observed(handler: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return `handler` with log keys of its own for each invocation, and its metrics written when it ends.

    Where it fails by what nothing foresaw, the invocation is an error to Lambda too, which writes down what was raised:
    hence one of ours in its place, with its stack, which is lines of code, and without its text, which may be anything.
    """

    @wraps(handler)
    def observed_handler(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        logger.clear_state()
        try:
            return handler(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the boundary round an invocation: it fails all the same
            what = described(error)
            logger.error("failed by what nothing foresaw", cause=what)  # noqa: TRY400 - `exception` would write its text
            raise UnforeseenError(what).with_traceback(error.__traceback__) from None
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
