"""What the benchmarks run on: the bundles, the loopback in place of AWS, and the functions' processes."""

import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import trustme

from benchmarks.errors import BenchmarkError
from benchmarks.events import Fleet, Json
from benchmarks.samples import in_turn
from benchmarks.variants import Function, Variant, build_ours, build_reference, trust, without_byte_code
from telemetry_stack.stages import BundleTarget, prod

ROOT = Path(__file__).resolve().parents[1]
# Neither this project's folder nor its environment's packages, and no byte code written.
INTERPRETER = [sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name("runtime.py"))]
GOOD_STATUSES = {200, 202}

Sample = TypeVar("Sample")


@dataclass(frozen=True)
class Answered:
    """What a call of a function came to.

    Attributes:
        seconds: of CPU that the calls took.
        since_start: seconds of CPU that the process has had since it began.
    """

    seconds: float
    since_start: float


class Process:
    """A function that runs, until it is closed."""

    def __init__(self, variables: Mapping[str, str], bundle: Path, *module: str) -> None:
        self._name = " ".join([bundle.name, *module])
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it lives as long as the process
        self._process = subprocess.Popen(
            [*INTERPRETER, str(bundle), *module],
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            # Ctrl-C is for the bench, which ends what it started.
            start_new_session=True,
        )

    def call(self, events: Sequence[Json]) -> Answered:
        """Call the function with each of the events.

        Raises:
            BenchmarkError: it died, or did not do what it was asked for.
        """
        assert self._process.stdin  # noqa: S101 - pipes, as they were asked for
        assert self._process.stdout  # noqa: S101
        try:
            self._process.stdin.write(json.dumps(events) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise BenchmarkError(f"{self._name} died: {(self._errors.readlines() or ['it said nothing'])[-1].strip()}")
        answer = json.loads(line)
        for event, returned in zip(events, answer["returned"], strict=True):
            good = returned.get("statusCode") in GOOD_STATUSES or returned in ({"batchItemFailures": []}, event)
            if not good:
                raise BenchmarkError(f"{self._name} answered {json.dumps(returned)[:300]}")
        return Answered(answer["seconds"], answer["since_start"])

    def close(self) -> None:
        """End it, and wait until it has."""
        with suppress(BrokenPipeError):
            self._process.communicate()
        self._errors.close()


class Bench:
    """The bundles, built anew in a folder of its own, and what runs from them, until it is left.

    Args:
        short: whether to take few samples.
        once: whether to take one sample of each, which tells that all runs and nothing else.
    """

    def __init__(self, *, short: bool = False, once: bool = False) -> None:
        self.short = short
        self.once = once
        self.fleet = Fleet()
        self._processes: dict[tuple[str, Function], Process] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Start the loopback.

        Raises:
            BenchmarkError: it does not start.
        """
        self._folder = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="telemetry-bench-")))
        self._authority = trustme.CA()
        certificate = self._folder / "loopback.pem"
        self._authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        command = [sys.executable, "-m", "benchmarks.loopback", str(certificate)]
        loopback = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._closing.callback(loopback.communicate)
        assert loopback.stdout  # noqa: S101 - a pipe, as it was asked for
        ports = loopback.stdout.readline()
        if not ports:
            raise BenchmarkError("the loopback that answers for AWS did not start; it says above why")
        self._port, self._tls_port = json.loads(ports)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all that was started, and remove the bundles."""
        for process in self._processes.values():
            process.close()
        self._closing.close()

    @cached_property
    def ours(self) -> Variant:
        """Our functions."""
        directory = self._folder / "ours"
        build_ours(BundleTarget.of_this_machine(), directory)
        trust(directory, self._authority.cert_pem.bytes())
        return Variant("ours", directory, "{}.handler")

    @cached_property
    def reference(self) -> Variant:
        """The reference that ratios are to."""
        directory = self._folder / "reference"
        build_reference(BundleTarget.of_this_machine(), directory)
        trust(directory, self._authority.cert_pem.bytes())
        return Variant("straightforward", directory, "straightforward.{}")

    @cached_property
    def bare(self) -> Variant:
        """The floor, from the same bundle as the reference."""
        return Variant("bare", self.reference.bundle, "bare.{}")

    @cached_property
    def reference_without_byte_code(self) -> Variant:
        """The reference as `pip install --no-compile` leaves it."""
        directory = self._folder / "without-byte-code"
        without_byte_code(self.reference.bundle, directory)
        return Variant(self.reference.name, directory, self.reference.module)

    @cached_property
    def deployed(self) -> tuple[Path, Path]:
        """The bundle that goes to AWS, and the reference's for the same machine."""
        ours, reference = self._folder / "deployed-ours", self._folder / "deployed-reference"
        build_ours(prod().bundle_target, ours)
        build_reference(prod().bundle_target, reference)
        return ours, reference

    def rounds(self, full: int, short: int) -> int:
        """Return how many samples are to be taken."""
        return 1 if self.once else short if self.short else full

    def in_turn(self, measures: Mapping[str, Callable[[], Sample]], full: int, short: int) -> dict[str, list[Sample]]:
        """Return so many samples of each measure, taken in turn."""
        return in_turn(measures, rounds=self.rounds(full, short), uncounted=0 if self.once else 1)

    @property
    def folder(self) -> Path:
        """Where files may be written that go with the bench."""
        return self._folder

    def call(self, variant: Variant, function: Function, events: Sequence[Json]) -> Answered:
        """Call a function that has started already, or starts now."""
        if (variant.name, function) not in self._processes:
            variables = variant.variables(function, f"http://127.0.0.1:{self._port}")
            process = Process(variables, variant.bundle, variant.module.format(function))
            self._processes[variant.name, function] = process
        return self._processes[variant.name, function].call(events)

    def start(self, variant: Variant | None, function: Function, event: Json) -> tuple[float, float]:
        """Start a function afresh, over TLS; return the CPU and the wall seconds until it answered its first event.

        With no variant, the interpreter alone starts and answers.
        """
        of = variant or self.ours
        module = [variant.module.format(function)] if variant else []
        variables = of.variables(function, f"https://127.0.0.1:{self._tls_port}")
        started = time.perf_counter()
        process = Process(variables, of.bundle, *module)
        try:
            cpu = process.call([event]).since_start
            return cpu, time.perf_counter() - started
        finally:
            process.close()

    def take_messages(self, variant: Variant) -> list[Json]:
        """Return, and remove, the messages of a variant's queue."""
        endpoint = f"http://127.0.0.1:{self._port}"
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        call = json.dumps({"QueueUrl": variant.queue_url(endpoint)})
        connection.request("POST", "/", body=call, headers={"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
        messages: list[dict[str, Any]] = json.loads(connection.getresponse().read())["Messages"]
        connection.close()
        return messages
