"""How the commands read their arguments, and how they end."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.command_line import decimal, file_to_write, started_apart, whole_number

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("text", ["0.4", "10.1", "nan", "inf", "-1", "soon", ""])
def test_a_number_that_is_none_or_out_of_its_range_is_told_with_the_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        decimal(0.5, 10)(text)
    assert str(refused.value) == f"{text!r} is not a number from 0.5 to 10"


def test_both_ends_of_a_range_belong_to_it() -> None:
    assert [decimal(0.5, 10)(text) for text in ("0.5", "1e1")] == [0.5, 10.0]
    assert [whole_number(1, 10)(text) for text in ("1", "10")] == [1, 10]


def test_a_large_range_is_told_in_digits() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"from 0\.001 to 604,800$"):
        decimal(0.001, 604_800)("week")


def test_a_file_that_can_be_written_is_one_in_a_folder_or_one_to_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "old.svg").touch()
    (tmp_path / "folder.svg").mkdir()
    for name in ("new.svg", "old.svg"):
        assert file_to_write(".svg")(str(tmp_path / name)) == tmp_path / name
    for name in ("none/new.svg", "new.png", "svg", "folder.svg"):
        with pytest.raises(argparse.ArgumentTypeError, match=name):
            file_to_write(".svg")(str(tmp_path / name))


def test_what_a_terminal_has_no_character_for_is_told_all_the_same() -> None:
    program = (
        "from tools.command_line import run_to_its_end\n"
        "run_to_its_end('x.sh', lambda: print('\\N{ELECTRIC PLUG} CP-7') or 0)"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("? CP-7\n", "")


def has_a_session_of_its_own() -> bool:
    program = "import os, sys; sys.exit(os.getsid(0) != os.getpid())"
    return subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_is_started_apart_has_a_session_of_its_own_and_what_comes_after_has_none() -> None:
    with started_apart():
        assert has_a_session_of_its_own()
    assert not has_a_session_of_its_own()


@pytest.mark.parametrize("at_the_end", [True, False], ids=["at the end", "in between"])
def test_a_command_whose_reader_has_gone_cleans_up_and_ends_in_silence(tmp_path: Path, *, at_the_end: bool) -> None:
    # What Python holds back is written at the end.
    told = 1 if at_the_end else 100_000
    program = (
        "import pathlib, sys\nfrom tools.command_line import run_to_its_end\n"
        "def command():\n    try:\n"
        f"        print('told ' * {told})\n        return 0\n"
        f"    finally:\n        pathlib.Path({str(tmp_path / 'cleaned-up')!r}).touch()\n"
        "sys.exit(run_to_its_end('x.sh', command))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
    assert (tmp_path / "cleaned-up").exists()
