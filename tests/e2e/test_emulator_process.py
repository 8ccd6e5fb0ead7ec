"""The emulator's process, without a stack: started, found, stopped, and mourned."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.e2e.harness import PROJECT, free_port, linux_only
from tools.local_cloud.emulator import Emulator, RunningEmulator, wait_until
from tools.local_cloud.errors import LocalCloudError

REGION = "us-east-1"


@pytest.fixture
def emulator_in() -> Generator[Callable[[Path], Emulator]]:
    """Make emulators that are stopped when the test ends."""
    made: list[Emulator] = []

    def make(directory: Path) -> Emulator:
        directory.mkdir(exist_ok=True)
        made.append(Emulator(directory=directory, python=PROJECT / ".local" / "emulator" / "bin" / "python"))
        return made[-1]

    yield make
    for emulator in made:
        running = emulator.running()
        if running:
            emulator.stop(running)


@pytest.fixture
def emulator(emulator_in: Callable[[Path], Emulator], tmp_path: Path) -> Emulator:
    return emulator_in(tmp_path)


def kill(emulator: Emulator, running: RunningEmulator) -> None:
    os.kill(running.pid, signal.SIGKILL)
    assert wait_until(lambda: emulator.running() is None, seconds=5)


def test_a_started_emulator_is_found_by_who_looks_into_its_directory(emulator: Emulator, tmp_path: Path) -> None:
    started = emulator.start(port=free_port(), region=REGION)
    assert started.answers()
    assert Emulator(directory=tmp_path, python=Path()).running() == started


def test_a_stopped_emulator_ends_and_leaves_no_temporary_files(emulator: Emulator, tmp_path: Path) -> None:
    running = emulator.start(port=free_port(), region=REGION)
    assert emulator.stop(running)
    assert emulator.running() is None
    assert not running.answers()
    assert not (tmp_path / "tmp").exists()


def test_a_killed_emulator_is_known_to_have_been_killed(emulator: Emulator) -> None:
    running = emulator.start(port=free_port(), region=REGION)
    assert not emulator.was_killed()
    kill(emulator, running)
    assert emulator.was_killed()


def test_after_it_was_killed_it_starts_again_and_empty(emulator: Emulator, tmp_path: Path) -> None:
    port = free_port()
    running = emulator.start(port=port, region=REGION)
    left_behind = tmp_path / "state" / str(port) / "half-written"
    left_behind.touch()
    kill(emulator, running)
    assert emulator.start(port=port, region=REGION).answers()
    assert not left_behind.exists()


def test_a_clean_stop_keeps_the_state(emulator: Emulator, tmp_path: Path) -> None:
    port = free_port()
    emulator.stop(emulator.start(port=port, region=REGION))
    kept = tmp_path / "state" / str(port) / "kept"
    kept.touch()
    emulator.start(port=port, region=REGION)
    assert kept.exists()


def test_a_process_that_took_over_its_id_is_not_taken_for_it(emulator: Emulator, tmp_path: Path) -> None:
    running = emulator.start(port=free_port(), region=REGION)
    kill(emulator, running)
    (tmp_path / "emulator.json").write_text(f'{{"pid": {os.getpid()}, "port": {running.port}}}')
    assert emulator.running() is None


def test_two_run_side_by_side_and_one_is_stopped(emulator_in: Callable[[Path], Emulator], tmp_path: Path) -> None:
    first, second = emulator_in(tmp_path / "first"), emulator_in(tmp_path / "second")
    running = first.start(port=free_port(), region=REGION)
    other = second.start(port=free_port(), region=REGION)
    first.stop(running)
    assert other.answers()


def test_a_suspended_emulator_is_stopped_all_the_same(emulator: Emulator) -> None:
    running = emulator.start(port=free_port(), region=REGION)
    os.kill(running.pid, signal.SIGSTOP)
    assert emulator.stop(running)
    assert emulator.running() is None


@linux_only
def test_an_emulator_whose_directory_was_deleted_is_told_with_the_command_that_ends_it(
    emulator: Emulator, tmp_path: Path
) -> None:
    lost = emulator.start(port=free_port(), region=REGION)
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()

    with pytest.raises(
        LocalCloudError, match=f"port {lost.port} is taken by an emulator that this checkout lost"
    ) as told:
        emulator.start(port=lost.port, region=REGION)

    (command,) = re.findall(r"`(kill .*)`", str(told.value))
    subprocess.run(["sh", "-c", command], check=True)
    # It is our child: it is gone when it was asked for.
    assert wait_until(lambda: emulator.running() is None and not Path(f"/proc/{lost.pid}").exists(), seconds=5)
    assert emulator.start(port=lost.port, region=REGION).answers()


def test_an_emulator_that_can_not_start_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such module'\nexit 1\n")
    broken.chmod(0o755)
    emulator = Emulator(directory=tmp_path, python=broken)
    with pytest.raises(LocalCloudError, match="no such module"):
        emulator.start(port=free_port(), region=REGION)
    assert not emulator.was_killed()
