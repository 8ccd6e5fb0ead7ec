"""How values, times and texts read in a terminal, whatever chargers sent."""

from rich.text import Text

from tools.command_line import printable

# By the end of a metric's name, as docs/metrics.md has them; the longer comes first.
UNITS = {"Wh": "Wh", "Percent": "%", "Hz": "Hz", "W": "W", "V": "V", "A": "A", "C": "°C"}
# What is large is told in thousands or millions of these.
SCALED = {"W", "Wh"}
# Greater than any number that the table holds, and small enough to be added up.
LARGEST_NUMBER = 10**130
NOTHING = "-"


def cell(text: str, style: str = "") -> Text:
    """Return text to show as it is, on one line; `Text` takes square brackets for what they are."""
    return Text(printable(text), style, no_wrap=True, overflow="ellipsis")


def number_of(value: object) -> float | None:
    """Return a value of JSON where it is a number that can be drawn; None for any other."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -LARGEST_NUMBER < value < LARGEST_NUMBER else None


def amount(metric: str, value: float) -> str:
    """Return the value of a metric with its unit, e.g. `7.40 kW` for `powerW` and 7400."""
    unit = next((unit for ending, unit in UNITS.items() if metric.endswith(ending)), "")
    prefix = ""
    if unit in SCALED:
        prefix, value = next(
            ((prefix, value / size) for prefix, size in (("M", 1e6), ("k", 1e3)) if abs(value) >= size), ("", value)
        )
    return f"{_short(value, decimals=bool(prefix))} {prefix}{unit}".rstrip()


def _short(value: float, *, decimals: bool) -> str:
    size = abs(value)
    if size >= 1e6:  # noqa: PLR2004 - what comes from a broken sensor has no end
        return f"{value:.3g}"
    if decimals:
        return f"{value:.2f}" if size < 10 else f"{value:.1f}"  # noqa: PLR2004 - three digits or so
    return f"{value:.5g}"


def duration(seconds: float) -> str:
    """Return how long something takes, in its largest unit that leaves two or more of it."""
    seconds = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
