"""The fleet as a table: a row for each charger, one for each connector beneath where it has several."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tools.watch.chargers import Charger, Finding, Place
from tools.watch.view import View
from tools.watch.words import NOTHING, amount, cell, duration

SEVERITY_STYLES = {"critical": "bold red", "warning": "yellow"}
MARKS = {"critical": "!!", "warning": "!"}
COLUMNS = ("charger", "status", "power", "session", "register", "silence", "findings")
NUMBERS = {"power", "session", "register"}
# Between two columns.
GAP = 2
# Of an id that is too long, its beginning and its end are shown: many differ in one of them alone.
SHORTEST_ID = 16
SHORTEST_FINDINGS = 8
# Of the rules that there are: `! POWER_WHILE_NOT_CHARGING +2`.
LONGEST_FINDINGS = 29
# Where there is too little room for the others, these are not shown, in this order.
LEFT_OUT_FIRST = ("register", "session")
# The summary, the head of the table, the line of what is not shown, the footer.
LINES_AROUND = 4

Row = tuple[Text, Text, Text, Text, Text, Text, Text]


def screen(view: View, now: datetime, *, width: int, height: int | None) -> RenderableType:
    """Return the summary, as many chargers as there is room for, and how the reading stands.

    Args:
        view: what is known.
        now: what silence is counted to.
        width: of the terminal, in columns.
        height: of the terminal, in lines; None for all chargers.
    """
    chargers = view.in_order(now)
    room = None if height is None else max(height - LINES_AROUND, 1)
    rows, shown = _rows_in(chargers, now, room)
    lines: list[RenderableType] = [summary_line(view, now), _table(rows, width, is_old=view.is_old)]
    if shown < len(chargers):
        lines.append(cell(f"{len(chargers) - shown} more that need less attention: name those to watch", "italic"))
    lines.append(footer(view, now))
    return Group(*lines)


def summary_line(view: View, now: datetime) -> Text:
    """Return all chargers in figures."""
    told = view.summary(now)
    if not told.chargers:
        return cell("no chargers yet" if view.read_at else "")
    line = cell(f"{told.chargers} charger{'s' if told.chargers > 1 else ''}", "bold")
    line.append(f"  {told.charging} charging, {amount('powerW', told.power_w)}", "green" if told.charging else "")
    critical = f", {told.critical} critical" if told.critical else ""
    style = "bold red" if told.critical else "yellow" if told.with_findings else ""
    line.append(f"  {told.with_findings} with findings{critical}", style)
    line.append(f"  {told.silent} silent", "bold red" if told.silent else "")
    if told.never_seen:
        line.append(f"  {told.never_seen} never seen")
    return line


def footer(view: View, now: datetime) -> Text:
    """Return how the reading stands, and what the marks mean."""
    age = duration((now - view.read_at).total_seconds()) if view.read_at else ""
    if view.trouble:
        told = [f"shown is what was read {age} ago"] if view.is_old and age else []
        told += [f"asks again in {duration((view.next_at - now).total_seconds())}"] if view.next_at else []
        # The reason comes last: it may be long.
        return cell(": ".join([*([", ".join(told)] if told else []), view.trouble]), "bold yellow")
    if not view.read_at:
        return cell("reading ...")
    read = f"read at {view.read_at:%H:%M:%S} UTC, {age} ago"
    return cell(f"{read}   (kW) last known, not now   !! critical   ! warning", "dim")


def finding_style(finding: Finding) -> str:
    """Return the style of a finding."""
    return SEVERITY_STYLES.get(finding.severity, "")


def power_of(place: Place, now: datetime) -> Text:
    """Return the power, in brackets where it is not that of now."""
    power = place.number("powerW")
    if power is None:
        return cell(NOTHING, "dim")
    told = amount("powerW", power)
    return cell(told) if place.is_current("powerW", now) else cell(f"({told})", "dim")


def status_of(place: Place, now: datetime) -> Text:
    """Return what it says of itself, or that it charges where it says nothing and power flows."""
    is_charging = place.is_charging(now)
    told = place.says or ("charging" if is_charging else NOTHING)
    return cell(told, "green" if is_charging else "red" if told == "Faulted" else "")


def silence_of(charger: Charger, now: datetime) -> Text:
    """Return how long nothing was heard, marked where it is too long."""
    silence = charger.silence(now)
    if charger.is_missing or silence is None:
        return cell("never seen", "dim")
    told = duration(silence.total_seconds())
    return cell(f"silent {told}", "bold red") if charger.is_silent(now) else cell(told)


def _rows_in(chargers: Sequence[Charger], now: datetime, room: int | None) -> tuple[list[Row], int]:
    """Return the rows of as many chargers as there is room for, and how many these are; of the first, what fits."""
    rows: list[Row] = []
    for shown, charger in enumerate(chargers):
        more = rows_of(charger, now)
        if room is not None and rows and len(rows) + len(more) > room:
            return rows, shown
        rows += more[:room]
    return rows, len(chargers)


def rows_of(charger: Charger, now: datetime) -> list[Row]:
    """Return the row of a charger, and those of its connectors where it has several."""
    name, silence = cell(charger.charger_id, "bold"), silence_of(charger, now)
    nothing = cell("")
    if charger.is_missing:
        return [(name, nothing, nothing, nothing, nothing, silence, nothing)]
    if len(charger.places) == 1:
        (place,) = charger.places
        return [(name, *_of_place(place, now), silence, _worst(place.findings))]
    charging = sum(place.is_charging(now) for place in charger.places)
    told = cell(f"{charging}/{len(charger.places)} charging", "green" if charging else "")
    measured = any(place.number("powerW") is not None for place in charger.places)
    power = cell(amount("powerW", charger.power(now)) if measured else NOTHING)
    rows: list[Row] = [(name, told, power, nothing, nothing, silence, _worst(charger.own_findings))]
    for place in charger.places:
        heard = cell(duration((now - place.heard).total_seconds()) if place.heard else NOTHING, "dim")
        label = cell(f"  connector {place.connector}")
        rows.append((label, *_of_place(place, now), heard, _worst(place.findings)))
    return rows


def _of_place(place: Place, now: datetime) -> tuple[Text, Text, Text, Text]:
    energies = (
        NOTHING if (energy := place.number(metric)) is None else amount(metric, energy)
        for metric in ("energySessionWh", "energyImportWh")
    )
    session, register = (cell(told, "dim" if told == NOTHING else "") for told in energies)
    return status_of(place, now), power_of(place, now), session, register


def _worst(findings: Sequence[Finding]) -> Text:
    if not findings:
        return cell("")
    worst = findings[0]
    others = f" +{len(findings) - 1}" if len(findings) > 1 else ""
    return cell(f"{MARKS.get(worst.severity, '')} {worst.code}{others}".strip(), finding_style(worst))


def _table(rows: Sequence[Row], width: int, *, is_old: bool) -> Table:
    style = "dim" if is_old else ""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    widths = _widths(rows, width)
    for name, column in widths.items():
        table.add_column(name, width=column, no_wrap=True, justify="right" if name in NUMBERS else "left")
    for row in rows:
        name, *cells = (each for column, each in zip(COLUMNS, row, strict=True) if column in widths)
        table.add_row(_shortened(name, widths[COLUMNS[0]]), *cells, style=style)
    return table


def _widths(rows: Sequence[Row], width: int) -> dict[str, int]:
    """Return the width of each column that is shown; in those, ids are cut first, and then findings."""
    ids, findings = COLUMNS[0], COLUMNS[-1]
    widths = {name: max(len(name), *(row[at].cell_len for row in rows), 0) for at, name in enumerate(COLUMNS)}
    too_long = max(widths[ids] - SHORTEST_ID, 0) + max(widths[findings] - LONGEST_FINDINGS, 0)
    for name in LEFT_OUT_FIRST:
        if sum(widths.values()) - too_long + GAP * (len(widths) - 1) > width:
            del widths[name]
    room = width - GAP * (len(widths) - 1) - sum(widths.values()) + widths[ids] + widths[findings]
    if widths[ids] + widths[findings] > room:
        widths[ids] = min(widths[ids], max(room - widths[findings], SHORTEST_ID))
        widths[findings] = max(room - widths[ids], SHORTEST_FINDINGS)
    return widths


def _shortened(name: Text, room: int) -> Text:
    if name.cell_len <= room:
        return name
    beginning = room // 3
    return cell(f"{name.plain[:beginning]}…{name.plain[beginning + 1 - room :]}", str(name.style))
