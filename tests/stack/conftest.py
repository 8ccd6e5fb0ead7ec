"""One synthesis for each stage, or variant of one, and one bundle, in a session."""

from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry_stack.constructs.bundling import LambdaBundle
from telemetry_stack.stages import BundleTarget
from tests.stack.synthesis import EVERY_STAGE, Synthesis, settings_of, synthesize

LAMBDA = BundleTarget(python="3.14", architecture="arm64")


@pytest.fixture(scope="session")
def lambda_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as it goes to AWS, to look at."""
    directory = tmp_path_factory.mktemp("bundle")
    LambdaBundle(LAMBDA).build(directory)
    return directory


@pytest.fixture(scope="session")
def synthesis_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Synthesis]:
    """Give the synthesis of a stage, or of a variant: see `settings_of`."""
    done: dict[str, Synthesis] = {}

    def give(name: str) -> Synthesis:
        if name not in done:
            done[name] = synthesize(settings_of(name), tmp_path_factory.mktemp(name))
        return done[name]

    return give


@pytest.fixture(params=EVERY_STAGE)
def every_stage(request: pytest.FixtureRequest, synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    """Each stage as it stands in stages.py, and as it might."""
    return synthesis_of(request.param)


@pytest.fixture
def local(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("local")


@pytest.fixture
def twin(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    """Stage `local` as it would be on AWS."""
    return synthesis_of("twin")


@pytest.fixture
def prod(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("prod")


@pytest.fixture
def full(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("full")


@pytest.fixture
def bare(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("bare")


@pytest.fixture
def cognito(synthesis_of: Callable[[str], Synthesis]) -> Synthesis:
    return synthesis_of("cognito")
