"""Runs commands on a terminal of their own, and draws what that shows."""

import io
import os
import re
import shlex
import signal
import subprocess
import termios
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tools.command_line import CommandError
from tools.pictures.catalogue import MOST_ROWS, PICTURES, Picture

ROOT = Path(__file__).resolve().parents[2]
DIRECTORY = ROOT / "docs" / "pictures"
COLUMNS = 112
CHUNK = 65_536
# As tokens are in JWT's form: two parts of JSON, of which the first begins like this, and a signature.
TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+")
WITHOUT_TOKEN = b"(a token)"
PLACE = b"~/telemetry-foundation"
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace'
FONT_FACE = re.compile(r"\s*@font-face \{\{.*?\}\}", re.DOTALL)


def draw(names: Sequence[str]) -> int:
    """Draw the pictures of these names; return the exit code.

    Raises:
        CommandError: a command failed.
    """
    DIRECTORY.mkdir(exist_ok=True)
    for name in names:
        picture = PICTURES[name]
        print(picture.command, flush=True)
        path = DIRECTORY / f"{name}.svg"
        with _running(picture.beside):
            path.write_text(drawn(name, picture, screen_after(printed_by(picture))))
        print(f"  drawn: {path.relative_to(ROOT)}", flush=True)
    return 0


@contextmanager
def _running(command: str) -> Generator[None]:
    """Let a command run meanwhile, where there is one, and interrupt it then."""
    if not command:
        yield
        return
    quiet = subprocess.DEVNULL
    with subprocess.Popen(shlex.split(command), cwd=ROOT, stdout=quiet, stderr=quiet, start_new_session=True) as beside:
        try:
            yield
        finally:
            os.killpg(beside.pid, signal.SIGINT)


def printed_by(picture: Picture) -> bytes:
    """Run the command of a picture on a terminal of its own; return what it printed.

    Raises:
        CommandError: it failed, or ended before it showed what it is to be drawn at.
    """
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (picture.rows, COLUMNS))
    process = subprocess.Popen(
        shlex.split(picture.command),
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    ended: Callable[[bytes], bool] = _seen(picture.until) if picture.until else lambda _: False
    shown, interrupted = b"", False
    with process:
        for chunk in _read(leader):
            # What it says to being interrupted is not drawn, but it waits for a reader.
            shown += b"" if interrupted else chunk
            if not interrupted and ended(chunk):
                os.killpg(process.pid, signal.SIGINT)
                interrupted = True
    os.close(leader)
    if not interrupted and (process.returncode or picture.until):
        last = shown.decode(errors="replace").strip().rpartition("\n")[2]
        raise CommandError(f"{picture.command} ended with {process.returncode}: {last}")
    return shown


def _read(terminal: int) -> Iterator[bytes]:
    """Yield what is printed on a terminal, until nobody has it open."""
    while True:
        try:
            chunk = os.read(terminal, CHUNK)
        except OSError:  # Linux's way to say that all have closed it
            return
        if not chunk:  # and that of others
            return
        yield chunk


def _seen(wanted: re.Pattern[str]) -> Callable[[bytes], bool]:
    """Return what tells, for each chunk that is printed, whether the screen shows what is waited for."""
    screen = pyte.Screen(COLUMNS, MOST_ROWS)
    stream = pyte.ByteStream(screen)

    def seen(chunk: bytes) -> bool:
        stream.feed(chunk)
        return bool(wanted.search("\n".join(screen.display)))

    return seen


def screen_after(printed: bytes) -> list[Text]:
    """Return the lines of a terminal's screen after it was printed on, without tokens and paths of this machine."""
    screen = pyte.Screen(COLUMNS, MOST_ROWS)
    pyte.ByteStream(screen).feed(TOKEN.sub(WITHOUT_TOKEN, printed).replace(bytes(ROOT), PLACE))
    lines = [_line(screen, row) for row in range(MOST_ROWS)]
    while lines and not lines[-1].plain:
        lines.pop()
    return lines


def _line(screen: pyte.Screen, row: int) -> Text:
    line = Text()
    cells = (screen.buffer[row][column] for column in range(COLUMNS))
    for style, run in groupby(cells, _style):
        line.append("".join(cell.data for cell in run), style)
    line.rstrip()
    return line


def _style(character: Char) -> Style:
    return Style(
        color=_colour(character.fg),
        bgcolor=_colour(character.bg),
        bold=character.bold,
        italic=character.italics,
        underline=character.underscore,
        reverse=character.reverse,
    )


def _colour(name: str) -> str | None:
    """Return a colour of pyte as rich calls it."""
    if name == "default":
        return None
    if re.fullmatch(r"[0-9a-f]{6}", name):
        return f"#{name}"
    return name.replace("brown", "yellow").replace("bright", "bright_")


def drawn(name: str, picture: Picture, lines: Sequence[Text]) -> str:
    """Return the picture as SVG: its command, and what it showed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {picture.command}", "bold"))
    for line in _shortened(lines, picture):
        console.print(line, no_wrap=True, overflow="crop")
    form = FONT_FACE.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code, monospace", FONTS)
    return console.export_svg(title=picture.command.split()[0], code_format=form, unique_id=name) + "\n"


def _shortened(lines: Sequence[Text], picture: Picture) -> list[Text]:
    if len(lines) <= picture.first + picture.last:
        return list(lines)
    end = [Text("..."), *lines[-picture.last :]] if picture.last else []
    return [*lines[: picture.first], *end]
