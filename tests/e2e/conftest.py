"""One local cloud for all end-to-end tests, deployed once by `scripts/local.sh up` on a port of its own."""

import uuid
from collections.abc import Generator

import pytest

from tests.e2e.harness import Api, Cloud, Shell, free_port


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloud]:
    shell = Shell(directory=tmp_path_factory.mktemp("local"), port=free_port())
    try:
        up = shell("up")
        # A stack that was deployed but does not work is for the tests to find, each under its name.
        assert (shell.directory / "env").exists(), up.stdout + up.stderr
        yield Cloud(shell, up)
    finally:
        shell("down")


@pytest.fixture
def api(cloud: Cloud) -> Api:
    """Return the API for a token that may do everything."""
    return Api(cloud.variables["TELEMETRY_API_URL"], cloud.variables["TELEMETRY_TOKEN"])


@pytest.fixture
def charger_id() -> str:
    """Return the id of a charger that nobody else uses."""
    return f"E2E-{uuid.uuid4().hex}"
