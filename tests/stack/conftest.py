"""One synthesis for each stage, or variant of one, and session."""

from collections.abc import Callable

import pytest

from telemetry_stack.stages import STAGE_NAMES
from tests.stack.synthesis import Synthesis, settings_of, synthesize


@pytest.fixture(scope="session")
def synthesis_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesis]:
    """Give the synthesis of a stage, or of a variant.

    `open` is dev without tokens, `cognito` prod with a user pool of its own, `domain` prod with its own host name,
    `browsers` prod with pages that may use it.
    """
    done: dict[str, Synthesis] = {}

    def give(name: str) -> Synthesis:
        if name not in done:
            done[name] = synthesize(settings_of(name), tmp_path_factory.mktemp(name))
        return done[name]

    return give


@pytest.fixture(params=STAGE_NAMES)
def every_stage(request: pytest.FixtureRequest, synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of(request.param)


@pytest.fixture
def local(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("local")


@pytest.fixture
def dev(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("dev")


@pytest.fixture
def staging(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("staging")


@pytest.fixture
def prod(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("prod")
