"""Draws what commands show on a terminal: `docs/pictures/NAME.svg`, from a real run of each.

Run it with `scripts/telemetry.sh pictures [NAME...]`. To draw another command, add
it to `PICTURES`. A picture holds no token and no path of this machine, and needs no font from elsewhere.
"""

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tools.command_line import CommandError, OneLineParser, run_to_its_end
from tools.environment.commands import called

NAME = "pictures"
ROOT = Path(__file__).resolve().parents[1]
DIRECTORY = ROOT / "docs" / "pictures"
COLUMNS = 112
# More than any command prints, so that nothing scrolls away.
MOST_ROWS = 500
CHUNK = 65_536
# As tokens are in JWT's form: two parts of JSON, of which the first begins like this, and a signature.
TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+")
WITHOUT_TOKEN = b"(a token)"
PLACE = b"~/telemetry-foundation"
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace'
FONT_FACE = re.compile(r"\s*@font-face \{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A command to draw.

    Attributes:
        command: as somebody types it, in the root of the repository.
        until: once this is on the screen, it is drawn and the command is interrupted; None for a command that ends.
        beside: another command, which runs meanwhile and is not drawn; none where empty.
        rows: the height of the terminal.
        first: so many lines are shown of what it printed.
        last: so many lines are shown of its end, where it printed more.
    """

    command: str
    until: re.Pattern[str] | None = None
    beside: str = ""
    rows: int = 40
    first: int = MOST_ROWS
    last: int = 0


PICTURES = {
    "local-up": Picture(command="scripts/local.sh up", first=18, last=14),
    "fleet": Picture(command="scripts/fleet.sh --chargers 200 --duration 60 --flaws 0.2"),
    "watch": Picture(
        command="scripts/watch.sh",
        beside="scripts/fleet.sh --chargers 30 --interval 3 --duration 40 --flaws 0.2",
        until=re.compile(r"[1-9]\d charging.* findings.*! warning", re.DOTALL),
        rows=30,
    ),
}


def main(arguments: list[str]) -> int:
    """Draw the pictures that are named, or all; return the exit code: 0, 1 where a command failed, 2 for usage."""
    options = parser()
    names: list[str] = options.parse_args(arguments).name
    if unknown := sorted(set(names) - PICTURES.keys()):
        options.error(f"no picture {', '.join(unknown)}")
    return run_to_its_end(f"telemetry.sh {NAME}", lambda: _draw(names or list(PICTURES)))


def parser() -> OneLineParser:
    """Return what reads the arguments."""
    options = OneLineParser(prog=called(NAME), description="Draw what commands show on a terminal.")
    options.add_argument("name", nargs="*", help=f"which of {', '.join(PICTURES)}; all where none is named")
    return options


def _draw(names: Sequence[str]) -> int:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
