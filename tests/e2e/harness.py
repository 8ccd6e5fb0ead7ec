"""What the end-to-end tests use to drive a local cloud and to look inside."""

import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote
from uuid import uuid4

import boto3
import httpx
import pytest

from telemetry.envelope import short_id
from telemetry_stack.constructs.telemetry_api import ROUTES
from telemetry_stack.stages import TokenIssuer, stage_settings
from tests.unit.description import check
from tools.local_cloud.tokens import LocalTokenIssuer

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

PROJECT = Path(__file__).resolve().parents[2]
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Type": "application/gzip"}
SECRET_OF_THE_USER = "not-for-the-functions"  # noqa: S105 - made up, to be searched for

# TCP_LISTEN in /proc/net/tcp.
LISTENING = "0A"

Value = TypeVar("Value")
Json = dict[str, object]
# Takes an action away from a function; what it returns gives it back.
WithoutPermission = Callable[[str, str], Callable[[], None]]

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def eventually(
    attempt: Callable[[], Value | None], *, seconds: float = 20, every: float = 0.05, what: str = "it"
) -> Value:
    """Return the first value other than None or False that the attempt gives, made again after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = attempt()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come to be within {seconds} s"
        time.sleep(every)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Shell:
    """Runs `scripts/local.sh`, or another, for one directory and port, as a user whose environment is full of AWS."""

    directory: Path
    port: int

    def __call__(self, *arguments: str, script: str = "local.sh", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self.start(*arguments, script=script, **variables) as process:
            output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    @property
    def variables(self) -> dict[str, str]:
        """An environment in which the scripts find it."""
        return {**os.environ, "LOCAL_DIRECTORY": str(self.directory), "LOCAL_PORT": str(self.port)}

    def start(self, *arguments: str, script: str = "local.sh", **variables: str) -> subprocess.Popen[str]:
        environment = {
            **self.variables,
            "AWS_PROFILE": "a-profile-that-is-nowhere",
            "AWS_ACCESS_KEY_ID": "AKIAOFTHEUSER",
            "AWS_SECRET_ACCESS_KEY": SECRET_OF_THE_USER,
            "AWS_SESSION_TOKEN": SECRET_OF_THE_USER,
            "AWS_REGION": "eu-north-1",
            **variables,
        }
        return subprocess.Popen(
            [PROJECT / "scripts" / script, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sourced(self) -> dict[str, str]:
        """Return the variables that `.local/env` gives to the programs that a shell starts after sourcing it."""
        printed = subprocess.run(
            ["sh", "-c", f". {shlex.quote(str(self.directory / 'env'))} && env -0"],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return dict(line.split("=", 1) for line in printed.split("\0") if line)

    def emulator_process(self) -> int:
        """Return the emulator's process id."""
        return json.loads((self.directory / "emulator.json").read_text())["pid"]

    def kill_emulator(self) -> None:
        """Kill the emulator as a crash would."""
        os.kill(self.emulator_process(), signal.SIGKILL)

    def kill_function(self, name: str) -> None:
        """Kill the processes that run a function, whatever they are about."""
        for process in self.processes():
            if f"AWS_LAMBDA_FUNCTION_NAME={name}\0" in _read(process / "environ"):
                os.kill(int(process.name), signal.SIGKILL)

    def processes(self) -> list[Path]:
        """Return the directories in /proc of the emulator and the functions' processes."""
        return [
            process
            for process in Path("/proc").glob("[0-9]*")
            if f"TMPDIR={self.directory}" in _read(process / "environ")
        ]


def listening_addresses(process: int) -> list[tuple[str, int]]:
    """Return the TCP addresses and ports that a process listens on (Linux)."""
    sockets = {str(each.readlink()) for each in Path(f"/proc/{process}/fd").iterdir() if each.is_symlink()}
    found: list[tuple[str, int]] = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in _read(Path(f"/proc/{process}/net/{table}")).splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENING and f"socket:[{inode}]" in sockets:
                address, port = local.split(":")
                # Words of four bytes, each in the machine's order.
                words = [struct.pack("=I", int(address[at : at + 8], 16)) for at in range(0, len(address), 8)]
                found.append((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


@dataclass(frozen=True)
class Cloud:
    """The deployed local cloud: what it printed, its files, and AWS clients to look inside."""

    shell: Shell
    up: subprocess.CompletedProcess[str]

    @cached_property
    def variables(self) -> dict[str, str]:
        return self.shell.sourced()

    @cached_property
    def outputs(self) -> dict[str, str]:
        by_stack = json.loads((self.shell.directory / "outputs.json").read_text())
        return by_stack[self.variables["TELEMETRY_STACK_NAME"]]

    @cached_property
    def issuer(self) -> LocalTokenIssuer:
        return LocalTokenIssuer(self.issuer_settings, key_file=self.shell.directory / "issuer-key.pem")

    @property
    def issuer_settings(self) -> TokenIssuer:
        settings = stage_settings("local", local_port=self.shell.port).auth
        assert isinstance(settings, TokenIssuer)
        return settings

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=self.variables["AWS_REGION"],
        )

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self._endpoint)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", endpoint_url=self._endpoint)

    @cached_property
    def iam(self) -> "IAMClient":
        return self._session.client("iam", endpoint_url=self._endpoint)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        return self._session.client("lambda", endpoint_url=self._endpoint)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self._session.client("logs", endpoint_url=self._endpoint)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch", endpoint_url=self._endpoint)

    @cached_property
    def sns(self) -> Any:  # noqa: ANN401 - there are no stubs of it
        return cast("Any", self._session.client)("sns", endpoint_url=self._endpoint)

    @property
    def _endpoint(self) -> str:
        return self.variables["AWS_ENDPOINT_URL"]

    def log_lines(self, function: str, **fields: object) -> list[dict[str, object]]:
        """Return the log lines of a function (`Ingest`, `Processor`, `Query`) that have these fields."""
        name = self.outputs[f"{function}FunctionName"]
        configuration = self.lambda_.get_function_configuration(FunctionName=name)
        group = configuration["LoggingConfig"].get("LogGroup", "")
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        messages = [event.get("message", "") for page in pages for event in page["events"]]
        lines: list[dict[str, object]] = [json.loads(each) for each in messages if each.startswith("{")]
        return [line for line in lines if fields.items() <= line.items()]

    def stored_lines(self, event_id: str) -> list[dict[str, object]]:
        """Return the processor's log lines that say that the event was processed."""
        return [
            line
            for line in self.log_lines("Processor", message="stored")
            if short_id(event_id) in str(line["eventIds"])
        ]

    def failures_of(self, charger_id: str, *, at_least: int) -> list[datetime]:
        """Return when the processor failed at the charger, once it did so often; nothing before."""
        lines = self.log_lines("Processor", chargerId=charger_id, message="to be delivered again")
        times = sorted(datetime.fromisoformat(str(line["timestamp"])) for line in lines)
        return times if len(times) >= at_least else []

    def break_item_of(self, charger_id: str) -> None:
        """Store what is no latest telemetry, at which the processor fails until it is mended."""
        broken: dict[str, AttributeValueTypeDef] = {"revision": {"N": "1"}, "lastSeenAt": {"S": "garbage"}}
        self.dynamodb.put_item(TableName=self.outputs["TableName"], Item={"chargerId": {"S": charger_id}, **broken})

    def mend_item_of(self, charger_id: str) -> None:
        """Delete what is stored of the charger."""
        self.dynamodb.delete_item(TableName=self.outputs["TableName"], Key={"chargerId": {"S": charger_id}})

    def item_of(self, charger_id: str) -> "Mapping[str, AttributeValueTypeDef]":
        """Return the charger's item as it is in the table; an empty one where it has none."""
        answer = self.dynamodb.get_item(TableName=self.outputs["TableName"], Key={"chargerId": {"S": charger_id}})
        return answer.get("Item", {})

    def put_on_the_queue(self, charger_id: str, body: str) -> None:
        """Send a message of the charger's group, past the API."""
        self.sqs.send_message(
            QueueUrl=self.outputs["QueueUrl"],
            MessageBody=body,
            MessageGroupId=charger_id,
            MessageDeduplicationId=uuid4().hex,
        )


@dataclass(frozen=True)
class Api:
    """The HTTP API as a client with this token sees it; without one for None."""

    url: str
    token: str | None

    def post(self, event: object) -> httpx.Response:
        return self.send("POST", "/telemetry", json=event)

    def post_text(self, body: str, *, path: str = "/telemetry") -> httpx.Response:
        """Post JSON as it is written."""
        return self.send("POST", path, content=body.encode(), headers=JSON)

    def post_batch(self, body: object) -> httpx.Response:
        return self.send("POST", "/telemetry/batch", json=body)

    def latest(self, charger_id: str, **headers: str) -> httpx.Response:
        return self.send("GET", f"/telemetry/{charger_id}", headers=headers)

    def several(self, *charger_ids: str, **headers: str) -> httpx.Response:
        query = "&".join(f"chargerId={quote(each, safe='')}" for each in charger_ids)
        return self.send("GET", f"/telemetry?{query}", headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; return the answer, after holding it to the OpenAPI description."""
        own = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(
            method,
            f"{self.url}{path}",
            json=json,
            content=content,
            headers={**own, **(headers or {})},
            timeout=30,
            trust_env=False,
        )
        route = _route_of(method, path)
        if route:
            check(route, {"statusCode": answer.status_code, "headers": dict(answer.headers), "body": answer.text})
        return answer

    def stored(self, charger_id: str, *, event_id: str, seconds: float = 20) -> dict[str, object]:
        """Return the latest telemetry of the charger as soon as it is that of the event."""

        def latest() -> dict[str, object] | None:
            answer = self.latest(charger_id)
            return answer.json() if answer.is_success and answer.json()["eventId"] == event_id else None

        return eventually(latest, seconds=seconds)

    def kept(self, event: Mapping[str, object]) -> dict[str, object]:
        """Post an event that is newer than what is stored; return the latest telemetry when it is that event."""
        answer = self.post(event)
        assert answer.status_code == 202, answer.text
        return self.stored(quote(str(event["chargerId"]), safe=""), event_id=answer.json()["eventId"])


def _route_of(method: str, path: str) -> str | None:
    """Return the route that answers a request, such as `GET /telemetry/{chargerId}`; None where none does."""
    plain = path.partition("?")[0]
    keys = {route.key for route in ROUTES}
    key = f"{method} {plain}"
    if key not in keys and plain.startswith("/telemetry/"):
        key = f"{method} /telemetry/{{chargerId}}"
    return key if key in keys else None


def problem(answer: httpx.Response) -> dict[str, object]:
    """Return the problem details of an answer, after checking that they are in the contract's form."""
    assert answer.headers["content-type"] == "application/problem+json"
    details = answer.json()
    assert details["status"] == answer.status_code
    assert {"type", "title", "detail"} <= details.keys()
    return details


def pointers(answer: httpx.Response) -> list[str]:
    """Return where an answer of 422 says that something is wrong."""
    assert answer.status_code == 422, answer.text
    problem(answer)
    return [error["pointer"] for error in answer.json()["errors"]]


def event_of(charger_id: str, *, seconds_ago: float = 0, **payload: object) -> Json:
    """Return a telemetry event."""
    return event_with(payload or {"power_kw": 7.4}, charger_id, seconds_ago=seconds_ago)


def event_with(payload: Mapping[str, object], charger_id: str, *, seconds_ago: float = 0) -> Json:
    """Return a telemetry event with this payload."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {
        "chargerId": charger_id,
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "payload": payload,
    }


def text_with(event: Mapping[str, object], payload: str) -> str:
    """Return an event as JSON whose payload is written as here."""
    return json.dumps({**event, "payload": "PAYLOAD"}).replace('"PAYLOAD"', payload)


def dead_letter_of(cloud: Cloud, charger_id: str) -> "MessageTypeDef | None":
    """Return the message of this charger's group that is in the DLQ."""
    received = cloud.sqs.receive_message(
        QueueUrl=cloud.outputs["DeadLetterQueueUrl"],
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
        VisibilityTimeout=1,
    )
    found = [each for each in received.get("Messages", []) if attribute(each, "sourceMessageGroupId") == charger_id]
    for each in found:
        cloud.sqs.delete_message(
            QueueUrl=cloud.outputs["DeadLetterQueueUrl"], ReceiptHandle=each.get("ReceiptHandle", "")
        )
    return found[0] if found else None


def attribute(message: "MessageTypeDef", name: str) -> str | None:
    attributes = message.get("MessageAttributes", {})
    return attributes[name].get("StringValue") if name in attributes else None
