"""What is measured by its size, or by a clock on the wall."""

import os
import socket
import subprocess
import time
import zipfile
from pathlib import Path

from benchmarks.bench import ROOT, Bench
from benchmarks.errors import BenchmarkError
from benchmarks.samples import Samples
from tools.command_line import run_whole

MEGABYTE = 1024 * 1024


def zipped(bench: Bench) -> Samples:
    """Return the megabytes of the bundles that go to AWS, zipped."""
    ours, reference = (zip_size(each) / MEGABYTE for each in bench.deployed)
    return Samples([ours], [reference])


def zip_size(bundle: Path) -> int:
    """Return the bytes of a zip file of a folder."""
    archive = bundle.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(bundle.rglob("*")):
            packed.write(path, path.relative_to(bundle))
    return archive.stat().st_size


def synth(bench: Bench) -> Samples:
    """Return the seconds of `cdk synth` of a stage, with its bundle."""
    command = [str(ROOT / "scripts" / "cdk.sh"), "synth", "--quiet", "-c", "stage=prod", "--output"]
    rounds = bench.rounds(3, 1)
    return Samples([seconds_of([*command, str(bench.folder / f"synth-{number}")]) for number in range(rounds)])


def second_up(bench: Bench) -> Samples:
    """Return the seconds of the second `scripts/local.sh up`."""
    local = str(ROOT / "scripts" / "local.sh")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    variables = {"LOCAL_PORT": port, "LOCAL_DIRECTORY": str(bench.folder / "local")}
    try:
        seconds_of([local, "up"], **variables)
        return Samples([seconds_of([local, "up"], **variables) for _ in range(bench.rounds(3, 1))])
    finally:
        seconds_of([local, "down"], **variables)


def seconds_of(command: list[str], **variables: str) -> float:
    """Run a command; return how long it took.

    Raises:
        BenchmarkError: it failed.
    """
    started = time.monotonic()
    environment = {**os.environ, **variables}
    done = run_whole(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        said = " ".join((done.stderr + done.stdout).split())
        raise BenchmarkError(f"{' '.join(command[:2])} failed: {said[-500:]}")
    return time.monotonic() - started
