"""`scripts/lock.sh`: which locks it makes, from what, and what it says of arguments that uv does not take."""

import sys
from pathlib import Path

import pytest

from tools import lock

ROOT = Path(__file__).resolve().parents[3]
# Stands in for uv: says what it was asked to compile, and fails where it is told to.
UV = """
import sys
if "--help" in sys.argv:
    sys.exit(0)
print(*sys.argv[1:])
if "--fail" in sys.argv:
    sys.exit("error: no route\\nto the index")
"""


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "COMPILE", [sys.executable, "-c", UV])


@pytest.mark.usefixtures("uv")
def test_each_lock_that_there_is_is_made_anew_with_the_arguments(capfd: pytest.CaptureFixture[str]) -> None:
    locks = [*ROOT.glob("requirements*.txt"), *ROOT.glob("tools/environment/*.txt")]
    locks += [ROOT / "lambdas" / "requirements.txt", ROOT / "benchmarks" / "reference" / "requirements.txt"]
    assert lock.main(["--upgrade"]) == 0
    asked = [line.split() for line in capfd.readouterr().out.splitlines() if "--output-file" in line]
    assert {words[words.index("--output-file") + 1] for words in asked} == {
        str(each.relative_to(ROOT)) for each in locks
    }
    assert all(words[-1] == "--upgrade" and "--generate-hashes" in words for words in asked)


@pytest.mark.usefixtures("uv")
def test_a_lock_that_can_not_be_made_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert lock.main(["--fail"]) == 1
    assert capfd.readouterr().err == "lock.sh: lambdas/requirements.txt was not locked: error: no route to the index\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--upgarde"], "unexpected argument '--upgarde' found"), (["--upgrade-package"], "a value is required for")],
)
def test_what_uv_does_not_take_is_told_in_its_words_before_anything_is_locked(
    arguments: list[str], told: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        lock.main(arguments)
    assert ended.value.code == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"lock.sh: {told}")
    assert printed.err.endswith("; see scripts/lock.sh --help\n")
