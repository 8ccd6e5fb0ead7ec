"""What a function does while Lambda imports it."""

import pytest

from telemetry.lambda_context import initialise
from telemetry.observability import UnforeseenError


def test_a_function_is_made_ready_where_lambda_imports_it_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    initialise(lambda: made.append("elsewhere"))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "Telemetry-ingest")
    initialise(lambda: made.append("in Lambda"))
    assert made == ["in Lambda"]


def test_where_that_fails_nothing_of_the_settings_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("https://sqs.example/000000000000/private.fifo")

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "Telemetry-ingest")
    with pytest.raises(UnforeseenError, match=r"^ValueError at .*test_lambda_context\.py:\d+$") as told:
        initialise(fail)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
