"""What is told of work that takes a while: a line that lives on a terminal, lines elsewhere."""

import io

import pytest

from tools.progress import Progress, step

# What a terminal obeys: go to the beginning of the line and clear it.
CLEAR = "\r\x1b[2K"
COLOUR = "\x1b[3"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "40")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def test_on_a_terminal_a_line_is_written_again_and_gone_in_the_end() -> None:
    with Progress(terminal := Terminal()) as progress:
        progress.tell("10 of 20 messages")
        progress.tell("20 of 20 messages")
    told = terminal.getvalue()
    assert "10 of 20 messages" in told
    assert CLEAR in told
    assert "\x1b[2K" in told[told.rindex("20 of 20 messages") :]


def test_a_line_that_lives_never_wraps() -> None:
    with Progress(terminal := Terminal()) as progress:
        progress.tell("a" * 30 + "z" * 30)
    told = terminal.getvalue()
    assert "a" * 30 in told
    assert "z" * 10 not in told


def test_elsewhere_a_line_is_told_after_two_seconds_and_then_each_five() -> None:
    seconds = 0.0
    progress = Progress(file := io.StringIO(), clock=lambda: seconds)
    for seconds in range(10):
        progress.tell(f"{seconds} messages")
    progress.end()
    assert file.getvalue() == "  2 messages\n  7 messages\n"


def test_a_step_says_how_long_it_took_or_that_it_failed() -> None:
    with step("cdk bootstrap", stream=(file := io.StringIO())):
        assert file.getvalue() == "  cdk bootstrap ..."
    assert file.getvalue() == "  cdk bootstrap ... 0.0 s\n"
    with pytest.raises(KeyboardInterrupt), step("cdk deploy", stream=(file := io.StringIO())):
        raise KeyboardInterrupt
    assert file.getvalue() == "  cdk deploy ... failed\n"


def test_on_a_terminal_a_step_lives_and_leaves_the_same_line() -> None:
    with step("cdk [bold]", stream=(terminal := Terminal())):
        pass
    alive, _, left = terminal.getvalue().rpartition(CLEAR)
    assert "cdk [bold] 0:00:00" in alive.replace("\x1b[33m", "").replace("\x1b[0m", "")
    assert left.endswith("  cdk [bold] ... 0.0 s\n")


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_left_out_where_nobody_wants_them(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    coloured: bool,  # noqa: FBT001 - parametrized
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with step("cdk deploy", stream=(terminal := Terminal())):
        pass
    assert (COLOUR in terminal.getvalue()) is coloured


def test_a_terminal_that_can_not_write_a_line_again_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with step("cdk deploy", stream=(terminal := Terminal())):
        pass
    assert terminal.getvalue() == "  cdk deploy ... 0.0 s\n"
