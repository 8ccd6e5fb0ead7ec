"""What a log may say of an error: which it is and where, and never a value that came in from outside."""

import json
import re
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError

import ingest.handler
import processor.handler
import query.handler
from telemetry.http_api import HttpRequest
from telemetry.observability import UnforeseenError, cause_of
from tests.unit.conftest import EVENTS, Printed
from tests.unit.test_handlers import Context

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MARK = "52.5163N-13.3777E"


def caused_by(attempt: Callable[[], object]) -> str | None:
    """Return what is logged as the cause of an error that what an attempt raises has led to."""
    try:
        attempt()
    except (BotoCoreError, ClientError) as cause:
        error = RuntimeError("ours")
        error.__cause__ = cause
        return cause_of(error)
    raise AssertionError("it raised nothing")


def test_a_parameter_that_botocore_refuses_is_not_repeated(moto_dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(BotoCoreError, match=MARK):
        moto_dynamodb.get_item(TableName="latest", Key=MARK)  # pyright: ignore[reportArgumentType] - the point of the test
    said = caused_by(lambda: moto_dynamodb.get_item(TableName="latest", Key=MARK))  # pyright: ignore[reportArgumentType] - as above
    assert re.fullmatch(r"ParamValidationError at \S+validate\.py:\d+", said or "")


@pytest.mark.parametrize(
    ("code", "repeated"), [("ValidationException", False), ("ProvisionedThroughputExceededException", True)]
)
def test_what_aws_says_is_repeated_unless_it_may_hold_a_value(code: str, *, repeated: bool) -> None:
    def refused() -> None:
        raise ClientError({"Error": {"Code": code, "Message": f"wrong: {MARK}"}}, "PutItem")

    said = caused_by(refused) or ""
    assert (MARK in said) == repeated
    assert said.startswith("ClientError(" if repeated else "ClientError at ")


def test_what_the_network_says_is_repeated_and_not_what_was_sent() -> None:
    def no_connection() -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs.test", error="refused")

    def no_request() -> None:
        raise HTTPClientError(error=f"Invalid header value {MARK}")

    assert "https://sqs.test" in (caused_by(no_connection) or "")
    assert (caused_by(no_request) or "").startswith("HTTPClientError at ")


@pytest.mark.parametrize("service", ["ingest", "query", "processor"])
def test_what_nothing_foresaw_fails_the_invocation_and_shows_no_value(
    service: str, post: HttpRequest, get: HttpRequest, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise KeyError(MARK) from ValueError(MARK)

    monkeypatch.setattr(f"{service}.handler.{'_processor' if service == 'processor' else '_settings'}", failing)
    invoke = {
        "ingest": lambda: ingest.handler.handler(post, Context()),
        "query": lambda: query.handler.handler(get, Context()),
        "processor": lambda: processor.handler.handler(json.loads((EVENTS / "sqs_batch.json").read_text()), Context()),
    }
    with pytest.raises(UnforeseenError) as raised:
        invoke[service]()
    # As Lambda's runtime, or any other that follows the chain, writes it down.
    written = "".join(traceback.format_exception(raised.value))
    assert re.search(r"UnforeseenError: KeyError at \S+test_observability\.py:\d+$", written)
    assert "in failing" in written
    (line,) = printed.logs
    assert (line["level"], line["message"]) == ("ERROR", "failed by what nothing foresaw")
    assert re.fullmatch(r"KeyError at \S+test_observability\.py:\d+", line["cause"])
    assert MARK not in written + printed.text
