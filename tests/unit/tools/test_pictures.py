"""Pictures of commands: what is kept of a run, and what must never be in one."""

import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools.command_line import CommandError
from tools.pictures import __main__ as command
from tools.pictures import drawing as pictures
from tools.pictures.catalogue import Picture

DRAWN = sorted(pictures.DIRECTORY.iterdir())
SVG = "{http://www.w3.org/2000/svg}"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJsb2NhbCJ9." + "s-_" * 100
# Where files are, on this machine and on others.
ROOTS = {path.name for path in Path("/").iterdir()} | {"Users", "home", "private", "root"}


def lines_of(svg: str) -> list[str]:
    """The text of a picture as it is seen."""
    lines: dict[str, list[str]] = {}
    for element in ET.fromstring(svg).iter(f"{SVG}text"):  # noqa: S314 - our own pictures
        lines.setdefault(element.get("y", "title"), []).append(element.text or "")
    return ["".join(parts).replace("\xa0", " ").rstrip() for parts in lines.values()]


def program(code: str, **how: object) -> Picture:
    return Picture(command=shlex.join([sys.executable, "-c", code]), **how)  # pyright: ignore[reportArgumentType]


def shown(picture: Picture) -> list[str]:
    return [line.plain for line in pictures.screen_after(pictures.printed_by(picture))]


def test_each_picture_is_drawn_and_no_other_is_kept() -> None:
    assert {path.name for path in DRAWN} == {f"{name}.svg" for name in pictures.PICTURES}


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_shows_its_command_and_what_it_printed(path: Path) -> None:
    lines = lines_of(path.read_text())
    assert f"$ {pictures.PICTURES[path.stem].command}" in lines
    assert len([line for line in lines if line]) >= 3


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_holds_no_token_and_no_path_of_a_machine(path: Path) -> None:
    text = "\n".join(lines_of(path.read_text()))
    assert "eyJ" not in text
    assert re.findall(rf"(?<![\w.:/~])/(?:{'|'.join(map(re.escape, sorted(ROOTS)))})/", text) == []


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.stem)
def test_a_picture_loads_nothing_from_elsewhere(path: Path) -> None:
    svg = path.read_text()
    assert "@font-face" not in svg
    assert [each for each in re.findall(r"url\(([^)]*)\)", svg) if not each.startswith("#")] == []
    assert "href" not in svg


def test_a_line_that_is_written_again_is_kept_as_it_was_last() -> None:
    assert shown(program(r"print('1 of 2', end='\r'); print('2 of 2\n'); print('done')")) == ["2 of 2", "", "done"]


def test_a_command_sees_a_terminal_of_the_pictures_width() -> None:
    code = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns)"
    assert shown(program(code)) == [f"True {pictures.COLUMNS}"]


def test_colours_and_weight_are_kept() -> None:
    picture = Picture(command="warn")
    svg = pictures.drawn("warn", picture, pictures.screen_after(b"\x1b[1;33mcareful\x1b[0m, \x1b[91mvery\x1b[0m"))
    style_of = dict(re.findall(r"\.(warn-r\d+) \{([^}]*)\}", svg))
    seen = {text: style_of[style] for style, text in re.findall(r'<text class="(warn-r\d+)"[^>]*>([^<]*)</text>', svg)}
    assert "font-weight: bold" in seen["careful"]
    assert "font-weight: bold" not in seen["very"]
    assert len({re.findall("#[0-9a-f]+", style)[0] for style in seen.values()}) == 3


def test_a_token_is_left_out_though_it_fills_several_lines() -> None:
    told = "\n".join(shown(program(f"print('Token', '{TOKEN}', 'end')")))
    assert told == "Token (a token) end"


def test_the_place_of_this_checkout_is_left_out() -> None:
    assert shown(program("import os; print(os.getcwd() + '/cdk.log')")) == ["~/telemetry-foundation/cdk.log"]


def test_of_a_long_output_the_beginning_and_the_end_are_drawn() -> None:
    picture = program("print(*range(9), sep=chr(10))", first=2, last=1)
    lines = lines_of(pictures.drawn("long", picture, pictures.screen_after(pictures.printed_by(picture))))
    assert lines[-4:] == ["0", "1", "...", "8"]


def test_a_command_that_does_not_end_is_drawn_at_what_is_waited_for_and_interrupted() -> None:
    code = """
import signal
print("ready 1", flush=True)
try:
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""
    assert shown(program(code, until=re.compile("ready 1"))) == ["ready 1"]


def test_a_command_that_ends_before_what_is_waited_for_is_told() -> None:
    with pytest.raises(CommandError, match=r"ended with 0: early$"):
        pictures.printed_by(program("print('early')", until=re.compile("late")))


def test_a_command_that_fails_is_told_with_its_last_line() -> None:
    with pytest.raises(CommandError, match=r"ended with 3: no cloud$"):
        pictures.printed_by(program("import sys; print('no cloud'); sys.exit(3)"))


def test_a_picture_that_is_not_known_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["sunset"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "telemetry.sh: no picture sunset; see scripts/telemetry.sh pictures --help"
    ]


def test_a_command_runs_beside_another_and_is_interrupted_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, interrupted = tmp_path / "begun", tmp_path / "interrupted"
    beside = f"""
import pathlib, time
try:
    pathlib.Path({str(begun)!r}).touch()
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path({str(interrupted)!r}).touch()
"""
    waiting = program(
        f"import pathlib\nwhile not pathlib.Path({str(begun)!r}).exists(): pass\nprint('seen')",
        beside=shlex.join([sys.executable, "-c", beside]),
    )
    for module in (command, pictures):
        monkeypatch.setattr(module, "PICTURES", {"both": waiting})
    monkeypatch.setattr(pictures, "DIRECTORY", tmp_path)
    monkeypatch.setattr(pictures, "ROOT", tmp_path)
    assert command.main(["both"]) == 0
    assert interrupted.exists()
    assert "seen" in lines_of((tmp_path / "both.svg").read_text())
