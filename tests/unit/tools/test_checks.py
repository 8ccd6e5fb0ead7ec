"""`scripts/test.sh` and a bare pytest, in a shell that sourced `.local/env`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import checks

ROOT = Path(__file__).resolve().parents[3]
SOURCED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "us-east-1", "TELEMETRY_TOKEN": "a.b.c"}


def test_neither_the_checks_nor_the_tests_see_the_clouds_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, **SOURCED})
    seen: list[set[str]] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        seen.append(SOURCED.keys() & os.environ.keys())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)

    assert checks.main([]) == 0
    assert seen == [set()] * (len(checks.CHECKS) + 1)


def test_neither_does_a_bare_pytest() -> None:
    probe = "import os, tests.conftest; print(sorted(os.environ))"
    printed = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env={**os.environ, **SOURCED},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "PATH" in printed
    assert not any(name in printed for name in SOURCED)
