"""Builds the one bundle that all Lambda functions run from, without Docker, and byte for byte the same everywhere.

`uv` installs the locked wheels for the stage's own Python and processor, whatever this machine has. The byte
code for Lambda is made by CPython in WebAssembly (npm's `pyodide`, pinned in package.json): another patch
release of CPython writes other bytes for the same source, and this one is the same on every machine.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from uv import find_uv_bin

from telemetry_stack.constructs.pruning import PruningError, prune
from telemetry_stack.stages import BundleTarget

ROOT = Path(__file__).resolve().parents[2]
LAMBDAS = ROOT / "lambdas"
REQUIREMENTS = LAMBDAS / "requirements.txt"
COMPILER = Path(__file__).with_name("compile_bundle.mjs")
PRUNING = Path(__file__).with_name("pruning.py")
NPM_LOCK = ROOT / "package-lock.json"

# Lambda's python3.14 runs on Amazon Linux 2023, whose glibc is 2.34: wheels for any older one load there.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
LAMBDA_PLATFORMS = {"arm64": "aarch64-manylinux_2_34", "x86_64": "x86_64-manylinux_2_34"}
# Where Lambda unpacks the bundle, and so what a traceback should say.
LAMBDA_ROOT = "/var/task"


class BundlingError(Exception):
    """The bundle could not be built; the message says why, on one line."""


@jsii.implements(ILocalBundling)
class LambdaBundle:
    """The packages of `lambdas/` with their locked dependencies, byte-compiled.

    Args:
        target: what the functions run on.
    """

    def __init__(self, target: BundleTarget) -> None:
        self._target = target
        self.failure: BundlingError | None = None
        """Why `try_bundle` failed: the exception itself does not come back through the CDK."""

    def code(self) -> lambda_.Code:
        """Return the bundle for functions to share. It is built once, and only when a command needs it."""
        return lambda_.Code.from_asset(
            str(LAMBDAS),
            # Over the inputs: a hash over the output would need a build at each synth to be known.
            asset_hash_type=AssetHashType.CUSTOM,
            asset_hash=self.input_hash(),
            # The CDK wants an image, and never uses it: `try_bundle` builds the bundle or raises.
            # jsii calls it with two positional arguments, whatever the interface's stub says.
            bundling=BundlingOptions(image=DockerImage.from_registry("none"), local=cast("ILocalBundling", self)),
        )

    def input_hash(self) -> str:
        """Return a hash, in hex, over all that decides what is in the bundle, and nothing else."""
        npm_packages = json.loads(NPM_LOCK.read_text())["packages"]
        recipe = {
            "target": self._target.model_dump(),
            "uv": importlib.metadata.version("uv"),
            "pyodide": npm_packages["node_modules/pyodide"]["integrity"],
            "bundler": _file_hash(Path(__file__)),
            "pruning": _file_hash(PRUNING),
            "compiler": _file_hash(COMPILER),
            "requirements": _file_hash(REQUIREMENTS),
            "sources": {path.relative_to(LAMBDAS).as_posix(): _file_hash(path) for path in _sources()},
        }
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()

    def try_bundle(self, output_dir: str, *_options: object) -> bool:
        """Build the bundle for the CDK, which gives a directory that is there and empty.

        Raises:
            BundlingError: always in place of returning False, which would make the CDK try Docker.
        """
        try:
            self.build(Path(output_dir))
        except BundlingError as error:
            self.failure = error
            raise
        return True

    def build(self, directory: Path) -> None:
        """Make the bundle in a directory that is empty or not yet there.

        Raises:
            BundlingError: a program is missing or failed.
        """
        install, compile_all = self._installer(directory), self._compiler(directory)
        _run(install, hint="is the Python package index reachable?")
        try:
            prune(directory)
        except PruningError as error:
            raise BundlingError(str(error)) from error
        for source in _sources():
            copy = directory / source.relative_to(LAMBDAS)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
        _run(compile_all, hint="is node_modules made? scripts/run.sh --cdk makes it")
        for path in directory.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def _installer(self, directory: Path) -> list[str]:
        """Return the command that installs the locked dependencies."""
        try:
            uv = find_uv_bin()
        except FileNotFoundError:
            raise BundlingError("uv is not installed; scripts/run.sh makes the environment that has it") from None
        command = [uv, "--color", "never", "pip", "install", "--quiet", "--python", sys.executable]
        if self._target.host is None:
            command += ["--python-version", self._target.python]
            command += ["--python-platform", LAMBDA_PLATFORMS[self._target.architecture]]
        command += ["--target", str(directory), "--link-mode", "copy", "--only-binary", ":all:", "--require-hashes"]
        return [*command, "--requirements", str(REQUIREMENTS)]

    def _compiler(self, directory: Path) -> list[str]:
        """Return the command that writes the byte code."""
        if self._target.host is not None:
            command = [sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
            return [*command, "-s", str(directory), "-p", LAMBDA_ROOT, str(directory)]
        node = shutil.which("node")
        if node is None:
            raise BundlingError("node is not on PATH; scripts/cdk.sh runs the CDK in an environment that has it")
        return [node, str(COMPILER), str(directory), LAMBDA_ROOT, self._target.python]


def _file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _sources() -> list[Path]:
    """Return the files of the packages in `lambdas/`, in a fixed order."""
    return [
        path
        for package in sorted(LAMBDAS.iterdir())
        if package.is_dir()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _run(command: list[str], *, hint: str) -> None:
    # Sets of strings are in an order that hangs on the seed, in byte code too.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr + done.stdout).split()) or "it said nothing"
        raise BundlingError(f"{Path(command[0]).name} failed: {said[:500]} ({hint})")
