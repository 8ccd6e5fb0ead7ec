"""Which commands are drawn, and how."""

import re
from dataclasses import dataclass

# More than any command prints, so that nothing scrolls away.
MOST_ROWS = 500


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
