"""What is compared: our functions and the two references, each in a bundle that Lambda would take."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from uv import find_uv_bin

from benchmarks.errors import BenchmarkError
from telemetry_stack.constructs.bundling import COMPILER, LAMBDA_PLATFORMS, LAMBDA_ROOT, BundlingError, LambdaBundle
from telemetry_stack.stages import BundleTarget

Function = Literal["ingest", "processor", "query"]
FUNCTIONS: tuple[Function, ...] = ("ingest", "processor", "query")

REFERENCE = Path(__file__).with_name("reference")
# Beside those that Lambda itself sets, the ones of the stack: a test compares them with the template.
OWN_VARIABLES: dict[Function, dict[str, str]] = {
    "ingest": {"CHARGERS_CLAIM": "chargers", "TOKENS_WITHOUT_CLAIM": "refused"},
    "processor": {},
    "query": {"CHARGERS_CLAIM": "chargers", "TOKENS_WITHOUT_CLAIM": "refused", "STALE_AFTER_MINUTES": "20"},
}


@dataclass(frozen=True)
class Variant:
    """One implementation of the three functions.

    Attributes:
        name: what it is called.
        bundle: the folder that it runs from.
        module: the module of a function's handler, with `{}` for the function's name.
    """

    name: str
    bundle: Path
    module: str

    def queue_url(self, endpoint: str) -> str:
        """Return where its events go."""
        return f"{endpoint}/123456789012/{self.name}.fifo"

    def variables(self, function: Function, endpoint: str) -> dict[str, str]:
        """Return the environment that a function starts with: what Lambda sets, what the stack does, and AWS's URL."""
        return {
            # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.14",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_NAME": f"Telemetry-{function}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_REGION": "eu-central-1",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SESSION_TOKEN": "a" * 600,
            # So that no settings of the user's are read.
            "HOME": os.devnull,
            "LAMBDA_TASK_ROOT": str(self.bundle),
            "LANG": "en_US.UTF-8",
            "PATH": os.defpath,
            "TZ": ":UTC",
            "_X_AMZN_TRACE_ID": "Root=1-6742a2c1-1a2b3c4d5e6f708192a3b4c5;Parent=53995c3f42cd8ad8;Sampled=1",
            **self.stack_variables(function, endpoint),
            "AWS_ENDPOINT_URL": endpoint,
        }

    def stack_variables(self, function: Function, endpoint: str) -> dict[str, str]:
        """Return the variables that the stack sets."""
        queue = {"QUEUE_URL": self.queue_url(endpoint)}
        table = {"TABLE_NAME": f"{self.name}-latest"}
        dead_letters = {"DEAD_LETTER_QUEUE_URL": f"{endpoint}/123456789012/{self.name}-dead.fifo"}
        resources = {"ingest": queue, "processor": queue | table | dead_letters, "query": table}
        return {
            "STAGE": "prod",
            "POWERTOOLS_SERVICE_NAME": function,
            "POWERTOOLS_METRICS_NAMESPACE": "Telemetry",
            **resources[function],
            **OWN_VARIABLES[function],
        }


def build_ours(target: BundleTarget, directory: Path) -> None:
    """Build the bundle that the stack deploys.

    Raises:
        BenchmarkError: it could not be built.
    """
    try:
        LambdaBundle(target).build(directory)
    except BundlingError as error:
        raise BenchmarkError(str(error)) from error


def build_reference(target: BundleTarget, directory: Path) -> None:
    """Install what the references need, with them, and byte-compile all as ours is.

    Raises:
        BenchmarkError: it could not be built.
    """
    install = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(directory)]
    if target.host is None:
        platform = LAMBDA_PLATFORMS[target.architecture]
        install += ["--python-version", target.python, "--python-platform", platform]
    requirements = str(REFERENCE / "requirements.txt")
    _run(
        [*install, "--link-mode", "copy", "--only-binary", ":all:", "--require-hashes", "--requirements", requirements]
    )
    shutil.rmtree(directory / "bin", ignore_errors=True)
    for package in ("straightforward", "bare"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REFERENCE / package, directory / package, ignore=ignored)
    if target.host is None:
        _run([shutil.which("node") or "node", str(COMPILER), str(directory), LAMBDA_ROOT, target.python])
    else:
        hashed = ["-q", "-f", "--invalidation-mode", "unchecked-hash"]
        _run([sys.executable, "-m", "compileall", *hashed, "-s", str(directory), "-p", LAMBDA_ROOT, str(directory)])


def without_byte_code(bundle: Path, directory: Path) -> None:
    """Copy a bundle without its byte code."""
    shutil.copytree(bundle, directory, ignore=shutil.ignore_patterns("__pycache__"))


def trust(bundle: Path, authority: bytes) -> None:
    """Let a bundle trust one more authority, beside as many as it trusts on AWS: each costs time to load."""
    for roots in bundle.rglob("*.pem"):
        roots.write_bytes(roots.read_bytes() + b"\n" + authority)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr + done.stdout).split())
        raise BenchmarkError(f"{Path(command[0]).name} failed at the reference: {said[:500]}")
