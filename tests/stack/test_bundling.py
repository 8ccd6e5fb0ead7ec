"""The bundle that the functions run from: whole, for the right machine, and the same wherever it is built."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from telemetry_stack.constructs import bundling
from telemetry_stack.constructs.bundling import BundlingError, LambdaBundle
from telemetry_stack.stages import BundleTarget
from tests.stack.conftest import LAMBDA
from tests.stack.synthesis import ROOT

# https://docs.python.org/3/library/importlib.html#importlib.util.MAGIC_NUMBER: CPython 3.14's.
MAGIC_OF_3_14 = struct.pack("<H2s", 3627, b"\r\n")
# PEP 552: by a hash of the source that is never compared, so that no file's time matters.
UNCHECKED_HASH = struct.pack("<I", 0b01)
# The field e_machine of an ELF file, at byte 18.
AARCH64 = 183


def pyodide_integrity() -> str:
    return json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/pyodide"]["integrity"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the bundle is made from, to change."""
    inputs = {
        "LAMBDAS": ROOT / "lambdas",
        "REQUIREMENTS": ROOT / "lambdas" / "requirements.txt",
        "NPM_LOCK": ROOT / "package-lock.json",
        "COMPILER": bundling.COMPILER,
        "PRUNING": bundling.PRUNING,
    }
    shutil.copytree(inputs["LAMBDAS"], tmp_path / "lambdas", ignore=shutil.ignore_patterns("__pycache__"))
    for name, original in inputs.items():
        copy = tmp_path / ("lambdas/requirements.txt" if name == "REQUIREMENTS" else original.name)
        if not copy.exists():
            shutil.copyfile(original, copy)
        monkeypatch.setattr(bundling, name, copy)
    return tmp_path


def contents(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Each file's mode and bytes, by its path."""
    return {
        path.relative_to(directory).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_two_builds_in_two_places_are_the_same_to_the_byte(lambda_bundle: Path, tmp_path: Path) -> None:
    again = tmp_path / "somewhere" / "else"
    LambdaBundle(LAMBDA).build(again)
    first, second = contents(lambda_bundle), contents(again)
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []


def test_the_bundle_holds_our_packages_and_nothing_that_is_not_run(lambda_bundle: Path) -> None:
    ours = {path.name for path in (ROOT / "lambdas").iterdir() if path.is_dir() and path.name != "__pycache__"}
    there = {path.name for path in lambda_bundle.iterdir()}
    assert {"ingest", "processor", "query", "telemetry"} <= ours <= there
    assert {"pydantic", "botocore", "aws_lambda_powertools", "simplejson"} <= there
    assert not {"requirements.txt", "tests", "bin", ".lock"} & there


def test_nothing_in_the_bundle_is_for_another_processor(lambda_bundle: Path) -> None:
    machines = {
        path.name: struct.unpack_from("<H", path.read_bytes(), offset=18)[0] for path in lambda_bundle.rglob("*.so*")
    }
    assert machines
    assert {name: machine for name, machine in machines.items() if machine != AARCH64} == {}


def test_each_module_comes_with_byte_code_that_python_3_14_takes_unchecked(lambda_bundle: Path) -> None:
    wrong: list[str] = []
    for source in lambda_bundle.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-314.pyc"
        if not compiled.exists() or compiled.read_bytes()[:8] != MAGIC_OF_3_14 + UNCHECKED_HASH:
            wrong.append(source.relative_to(lambda_bundle).as_posix())
    assert wrong == []


def test_a_traceback_names_the_file_where_lambda_has_it(lambda_bundle: Path) -> None:
    (compiled,) = (lambda_bundle / "ingest" / "__pycache__").glob("handler.*.pyc")
    assert b"/var/task/ingest/handler.py" in compiled.read_bytes()


def test_the_hash_stays_when_only_times_and_byte_code_change(project: Path) -> None:
    before = LambdaBundle(LAMBDA).input_hash()
    handler = project / "lambdas" / "ingest" / "handler.py"
    os.utime(handler, (0, 0))
    cache = handler.parent / "__pycache__"
    cache.mkdir()
    (cache / "handler.cpython-311.pyc").write_bytes(b"byte code")
    assert LambdaBundle(LAMBDA).input_hash() == before


@pytest.mark.parametrize(
    "changed",
    [
        "lambdas/ingest/handler.py",
        "lambdas/requirements.txt",
        "compile_bundle.mjs",
        "pruning.py",
        "lambdas/query/new.py",
    ],
)
def test_the_hash_changes_with_what_the_bundle_is_made_from(project: Path, changed: str) -> None:
    before = LambdaBundle(LAMBDA).input_hash()
    with (project / changed).open("a") as file:
        file.write("\n# changed\n")
    assert LambdaBundle(LAMBDA).input_hash() != before


def test_the_hash_changes_with_the_compiler(project: Path) -> None:
    before = LambdaBundle(LAMBDA).input_hash()
    lock = project / "package-lock.json"
    lock.write_text(lock.read_text().replace(pyodide_integrity(), "sha512-AAAA"))
    assert LambdaBundle(LAMBDA).input_hash() != before


def test_the_hash_changes_with_the_python_and_the_processor() -> None:
    targets = [
        LAMBDA,
        BundleTarget(python="3.12", architecture="arm64"),
        BundleTarget(python="3.14", architecture="x86_64"),
        BundleTarget.of_this_machine(),
    ]
    assert len({LambdaBundle(target).input_hash() for target in targets}) == len(targets)


def test_a_missing_uv_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_uv() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(bundling, "find_uv_bin", no_uv)
    bundle = LambdaBundle(LAMBDA)
    with pytest.raises(BundlingError, match=r"^uv is not installed; .*scripts/run\.sh"):
        bundle.try_bundle(str(tmp_path), object())
    assert isinstance(bundle.failure, BundlingError)


def test_a_missing_node_is_told_before_anything_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BundlingError, match=r"^node is not on PATH; .*scripts/cdk\.sh"):
        LambdaBundle(LAMBDA).build(tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_compiler_of_another_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("answer = 42\n")
    node = shutil.which("node")
    assert node is not None
    command = [node, str(bundling.COMPILER), str(tmp_path), "/var/task", "3.12"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "the pyodide of package.json is Python 3.14, the functions run 3.12: pin one that matches"
    ]
    assert not (tmp_path / "__pycache__").exists()
