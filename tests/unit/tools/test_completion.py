"""What a shell completes, as bash does it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_stack.stages import STAGE_NAMES
from tools import completion
from tools.environment.commands import COMMANDS, doors

ROOT = Path(__file__).resolve().parents[3]
BASH = shutil.which("bash")
# Does what Tab does: finds the function of a program by its name, tells it the words, and prints what it offers.
TAB = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
read -ra how < <(complete -p "${1##*/}")
for at in "${!how[@]}"; do
  [ "${how[at]}" = -F ] && "${how[at + 1]}"
done
printf '%s\\n' "${COMPREPLY[@]}"
"""
IMPORTS = "import sys; from tools import completion; completion.main(['bash']); sys.exit('aws_cdk' in sys.modules)"


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command prints for bash, without importing the CDK, which takes a second."""
    made = tmp_path_factory.mktemp("completion") / "script.bash"
    printed = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True)
    made.write_text(printed.stdout)
    return made


def offered(script: Path, line: str) -> set[str]:
    """Return what is offered for the last word of a line."""
    assert BASH
    words = line.split(" ")
    done = subprocess.run(
        [BASH, "-c", TAB, "bash", script, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.skipif(not BASH, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("scripts/telemetry.sh ", set(COMMANDS)),
        ("scripts/telemetry.sh lo", {"local", "lock"}),
        ("scripts/telemetry.sh local ", {"up", "down", "status", "token"}),
        ("scripts/telemetry.sh local token --sc", {"--scope"}),
        ("scripts/telemetry.sh deploy ", set(STAGE_NAMES)),
        ("scripts/telemetry.sh dlq list --stage ", set(STAGE_NAMES)),
        ("scripts/telemetry.sh completion ", set(completion.SHELLS)),
        ("scripts/local.sh ", {"up", "down", "status", "token"}),
        ("local.sh s", {"status"}),
        ("scripts/follow.sh ID --stage p", {"prod"}),
        ("scripts/run.sh --d", {"--dev"}),
        ("scripts/test.sh tests/un", {"tests/unit"}),
    ],
)
def test_bash_offers_commands_subcommands_options_and_stages(script: Path, line: str, some: set[str]) -> None:
    assert offered(script, line) == some


def test_each_script_is_completed(script: Path) -> None:
    completions = [line.split()[-1] for line in script.read_text().splitlines() if line.startswith("complete -o")]
    assert completions == ["telemetry.sh", *(f"{name}.sh" for name in doors())]


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_is_told_of_each_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert completion.main([shell]) == 0
    told = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in told] == []


# Of packages that are locked for the development alone, nothing is there in a clone that was only used.
WITHOUT_DEVELOPMENT = """
import re, sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

def locked(name):
    return set(re.findall(r"^([a-z0-9._-]+)==", Path(name).read_text(), re.MULTILINE))

development = locked("requirements-dev.txt") - locked("requirements.txt")
missing = {
    module
    for module, packages in packages_distributions().items()
    if all(re.sub(r"[-_.]+", "-", each).lower() in development for each in packages)
}
assert {"pytest", "pyte"} <= missing

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from tools.environment.commands import COMMANDS
for command in COMMANDS.values():
    if not command.is_another_program:
        import_module(command.module).parser()
"""


def test_each_command_tells_its_arguments_without_the_packages_of_the_development() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_DEVELOPMENT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
