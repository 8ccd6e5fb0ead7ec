"""`app.py` as the CDK CLI runs it: its own process, told the context and the directory by the environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App

from app import chosen_stage
from telemetry_stack.stage_errors import StageError
from telemetry_stack.stages import STAGE_NAMES, TokenIssuer
from tests.stack.synthesis import ROOT, cdk_context

# Where tools/environment may have put Node.
NODE = [str(Path(sys.executable).parent), str(ROOT / ".local" / "node" / "bin")]


def run_app(directory: Path, *, stage: str | None, bundle: bool = False, **environment: str) -> tuple[int, str]:
    """Run the app; return its exit code and what it said on standard error."""
    context = cdk_context()
    if bundle:
        del context["aws:cdk:bundling-stacks"]
    if stage is not None:
        context["stage"] = stage
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCAL_PORT"))}
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=ROOT,
        env={
            **inherited,
            "CDK_OUTDIR": str(directory),
            "CDK_CONTEXT_JSON": json.dumps(context),
            # jsii warns of an old Node in lines of its own: take the environment's.
            "PATH": os.pathsep.join([*NODE, os.environ["PATH"]]),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


def test_an_unknown_stage_ends_with_one_line_that_lists_the_stages(tmp_path: Path) -> None:
    code, said = run_app(tmp_path, stage="production")
    assert code == 1
    assert said.splitlines() == [
        f"app.py: there is no stage 'production'; say -c stage=STAGE with one of: {', '.join(STAGE_NAMES)}"
    ]
    assert not (tmp_path / "Telemetry.template.json").exists()


def test_the_stage_comes_from_the_context_alone() -> None:
    assert chosen_stage(App(context={"stage": "staging"})).name == "staging"
    with pytest.raises(StageError, match=rf"^no stage was given; .*{', '.join(STAGE_NAMES)}$"):
        chosen_stage(App())


def test_a_local_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_PORT", "45x66")
    with pytest.raises(StageError, match=r"^LOCAL_PORT is to be a TCP port, not '45x66'$"):
        chosen_stage(App(context={"stage": "local"}))


@pytest.mark.parametrize(("port", "authority"), [("4777", "127.0.0.1:4777"), ("", "127.0.0.1:4566")])
def test_the_issuer_of_stage_local_listens_on_the_local_port(
    monkeypatch: pytest.MonkeyPatch, port: str, authority: str
) -> None:
    monkeypatch.setenv("LOCAL_PORT", port)
    issuer = chosen_stage(App(context={"stage": "local"})).auth
    assert isinstance(issuer, TokenIssuer)
    assert issuer.url.startswith(f"http://{authority}/")


def test_an_index_that_does_not_answer_ends_with_one_line_and_no_docker(tmp_path: Path) -> None:
    code, said = run_app(
        tmp_path / "out",
        stage="prod",
        bundle=True,
        UV_DEFAULT_INDEX="http://127.0.0.1:9/simple",
        UV_HTTP_RETRIES="0",
        UV_CACHE_DIR=str(tmp_path / "cache"),
    )
    assert code == 1
    announced, line = said.splitlines()
    assert announced.startswith("Bundling asset ")
    assert line.startswith("app.py: uv failed: ")
    assert line.endswith("(is the Python package index reachable?)")
    assert "docker" not in said.lower()


def test_a_second_synthesis_into_the_same_directory_builds_no_second_bundle(tmp_path: Path) -> None:
    first_code, first_said = run_app(tmp_path, stage="local", bundle=True)
    second_code, second_said = run_app(tmp_path, stage="local", bundle=True)
    assert (first_code, second_code) == (0, 0)
    assert "Bundling asset" in first_said
    assert "Bundling asset" not in second_said
    (bundle,) = tmp_path.glob("asset.*")
    assert (bundle / "ingest" / "handler.py").exists()
