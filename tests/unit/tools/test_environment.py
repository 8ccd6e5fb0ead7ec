"""The environment is made from locks, once, and says in one line what stands in its way."""

import importlib.util
import os
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The module, with a virtual environment of its own that is still empty and a PATH without programs."""
    path = ROOT / "tools" / "environment" / "__main__.py"
    spec = importlib.util.spec_from_file_location("environment_under_test", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("VENV", "NODE_MODULES"):
        (tmp_path / name / "bin").mkdir(parents=True)
        monkeypatch.setattr(module, name, tmp_path / name)
    (tmp_path / "system").mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "system"), "/bin", "/usr/sbin"]))
    return module


def program(path: Path, *, prints: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)


def test_a_node_that_the_cdk_supports_is_used_as_it_is(environment: ModuleType) -> None:
    program(environment.VENV.parent / "system" / "node", prints="v22.0.0")

    assert environment.supported_node() == "22.0.0"


def test_an_old_node_is_replaced_by_the_packaged_one_and_the_reason_is_told(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program(environment.VENV.parent / "system" / "node", prints="v20.20.2")

    def install(venv: Path, lock: Path, *, exact: bool) -> None:
        assert (lock.name, exact) == ("node.txt", False)
        program(venv / "bin" / "node", prints="v24.19.0")

    monkeypatch.setattr(environment, "pip_install", install)

    assert environment.supported_node() == "24.19.0"
    assert "Node 20.20.2 is older than 22" in capsys.readouterr().err


def test_one_line_tells_what_to_do_where_no_supported_node_can_be_had(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(environment.VENV.parent / "system" / "node", prints="v18.1.0")

    def install_nothing(venv: Path, lock: Path, *, exact: bool) -> None:
        assert (venv, lock.name, exact) == (environment.VENV, "node.txt", False)

    monkeypatch.setattr(environment, "pip_install", install_nothing)

    with pytest.raises(SystemExit, match=r"^environment: Node 18\.1\.0 is older than 22.*Install Node 22 or newer"):
        environment.supported_node()


def test_a_failed_installation_ends_with_its_last_line_and_a_hint(environment: ModuleType) -> None:
    command = ["sh", "-c", "echo working; echo 'error: no route to the index' >&2; exit 2"]

    with pytest.raises(SystemExit) as ended:
        environment.run(command, hint="is the index reachable?")

    assert ended.value.code == "environment: sh failed: error: no route to the index; is the index reachable?"


def test_a_stamp_holds_until_its_lock_changes(environment: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("one==1")
    path = tmp_path / ".stamp"
    assert not environment.Stamp(path, [lock]).holds()

    environment.Stamp(path, [lock]).write()
    assert environment.Stamp(path, [lock]).holds()

    lock.write_text("one==2")
    assert not environment.Stamp(path, [lock]).holds()


def test_an_environment_whose_python_was_removed_is_made_again(environment: ModuleType, tmp_path: Path) -> None:
    stamp = environment.Stamp(environment.VENV / ".stamp", [])
    stamp.write()
    python = environment.VENV / "bin" / "python"
    python.symlink_to(tmp_path / "python3.11")
    assert not stamp.holds()

    (tmp_path / "python3.11").touch()
    assert stamp.holds()


def test_without_a_new_enough_python_one_line_says_so(tmp_path: Path) -> None:
    for name in ("dirname",):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    program(tmp_path / "python3", prints="Python 2.7")
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")

    done = subprocess.run(
        ["/bin/sh", ROOT / "scripts" / "run.sh"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "run.sh: no Python 3.11 or newer on PATH; install one from your system's packages or python.org"
    ]


def test_what_stands_after_the_dashes_is_the_command(environment: ModuleType) -> None:
    assert environment.split_at_dashes(["--dev", "--", "cdk", "--", "x"]) == (["--dev"], ["cdk", "--", "x"])


def test_every_lock_pins_by_hash() -> None:
    locks = [*ROOT.glob("requirements*.txt"), *ROOT.glob("lambdas/*.txt"), *ROOT.glob("tools/environment/*.txt")]
    assert len(locks) == 6
    for lock in locks:
        lines = [line for line in lock.read_text().splitlines() if line and not line.lstrip().startswith("#")]
        names = [number for number, line in enumerate(lines) if not line.startswith(" ")]
        assert names
        for number in names:
            assert "==" in lines[number], lines[number]
            assert lines[number + 1].lstrip().startswith("--hash=sha256:"), lines[number]


def test_the_app_the_tests_and_the_functions_share_one_version_of_each_package() -> None:
    def pins(lock: str) -> dict[str, str]:
        lines = (ROOT / lock).read_text().splitlines()
        return dict(line.split(" ")[0].split("==") for line in lines if "==" in line and line[0].isalnum())

    functions, app, development = (
        pins(f"{lock}.txt") for lock in ("lambdas/requirements", "requirements", "requirements-dev")
    )
    assert functions
    assert app
    assert functions.items() <= development.items()
    assert app.items() <= development.items()
