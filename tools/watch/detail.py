"""One charger: how it stands, how its metrics changed while it was watched, and what it sent last."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from tools.service import JsonObject, object_of
from tools.watch.chargers import Charger, Finding, Place, text_of
from tools.watch.plot import Axes, plot
from tools.watch.table import MARKS, finding_style, footer, silence_of, status_of
from tools.watch.view import Change, Changes, View
from tools.watch.words import amount, cell, duration

# What is asked for first; others follow in the order of their names.
FIRST = ("powerW", "energySessionWh", "energyImportWh", "currentA", "voltageV", "temperatureC", "socPercent")
# What stands before a plot: name, value now, what it ranged over, and what is between them.
LABELS_WIDTH = 60
SHORTEST_PLOT = 10
PLOT_STYLE = "cyan"
# A single place has room for plots of two lines.
TALL = 2


def screen(view: View, charger_id: str, now: datetime, *, width: int, height: int | None) -> RenderableType:
    """Return all about one charger, cut where the terminal ends.

    Args:
        view: what is known, with the charger's changes.
        charger_id: whose.
        now: what silence is counted to, and where plots end.
        width: of the terminal, in columns.
        height: of the terminal, in lines; None for all.
    """
    charger = view.chargers.get(charger_id)
    if charger is None:
        return Group(cell(charger_id, "bold"), footer(view, now))
    lines = list(_head(charger, now))
    for place in charger.places:
        lines += _place(charger, place, view.changes.get(charger_id, {}), now, width)
    lines += _payload(charger.latest)
    if height is not None and len(lines) > height - 1:
        lines = [*lines[: height - 2], cell(f"{len(lines) - height + 2} more lines: make the window higher", "italic")]
    if view.is_old:
        for line in lines:
            line.style = "dim"
    return Group(*lines, footer(view, now))


def _head(charger: Charger, now: datetime) -> Iterator[Text]:
    head = cell(charger.charger_id, "bold")
    silence = charger.silence(now)
    if silence is None or charger.is_silent(now):
        head.append("  ").append(silence_of(charger, now))
    else:
        head.append(f"  heard {duration(silence.total_seconds())} ago")
    for field in ("locationId", "firmwareVersion"):
        known = object_of(object_of(charger.latest.get("lastKnown")).get(field))
        if known:
            head.append(f"  {field} ").append(cell(text_of(known.get("value"))))
    yield head
    if charger.is_missing:
        yield cell("nothing was received from it, or it has expired")
        return
    yield cell(
        f"measured {text_of(charger.latest.get('timestamp'))}, accepted {text_of(charger.latest.get('ingestedAt'))}",
        "dim",
    )
    if len(charger.places) > 1:
        yield from _findings(charger.own_findings)


def _place(charger: Charger, place: Place, changes: Changes, now: datetime, width: int) -> Iterator[Text]:
    if charger.is_missing:
        return
    title = cell(f"connector {place.connector}  " if place.connector else "status  ", "bold")
    title.append(status_of(place, now))
    if place.status:
        title.append(cell(f"  told {place.status.timestamp}", "dim"))
    yield from (cell(""), title)
    yield from _findings(place.findings)
    begun = min((seen[0].seen_at for seen in changes.values()), default=now)
    height = TALL if len(charger.places) == 1 else 1
    axes = Axes(begun, now, max(width - LABELS_WIDTH, SHORTEST_PLOT), height)
    if place.metrics and axes.seconds >= 1:
        yield cell(f"{'':<{LABELS_WIDTH}}the last {duration(axes.seconds)}", "dim")
    for metric in sorted(place.metrics, key=_order):
        known = place.metrics[metric].number
        if known is not None:
            told = amount(metric, known)
            shown = told if place.is_current(metric, now) else f"({told})"
            seen = changes.get((place.connector, metric), ())
            yield from _plotted(f"  {metric:<18} {shown:>12}", metric, seen, axes)


def _order(metric: str) -> tuple[int, str]:
    return (FIRST.index(metric), "") if metric in FIRST else (len(FIRST), metric)


def _plotted(label: str, metric: str, seen: Sequence[Change], axes: Axes) -> Iterator[Text]:
    if not seen or axes.seconds < 1:
        yield cell(label)
        return
    label += f"  {_range(metric, [change.value for change in seen])}"
    *above, last = plot(seen, axes)
    for line in above:
        yield cell(" " * LABELS_WIDTH).append(line, PLOT_STYLE)
    yield cell(f"{label:<{LABELS_WIDTH}}").append(last, PLOT_STYLE)


def _range(metric: str, values: Sequence[float]) -> str:
    lowest, greatest = min(values), max(values)
    if lowest == greatest:
        return "unchanged"
    ends = [amount(metric, lowest), amount(metric, greatest)]
    # A register that has counted for years hardly changes.
    return " to ".join(ends) if ends[0] != ends[1] else f"within {amount(metric, greatest - lowest)}"


def _findings(findings: Sequence[Finding]) -> Iterator[Text]:
    for finding in findings:
        told = f"{text_of(finding.observed)}, expected {text_of(finding.expected)}"
        told = f"{MARKS.get(finding.severity, ''):>4} {finding.code}: {told}"
        yield cell(told, finding_style(finding)).append(cell(f"  since {finding.since}", "dim"))


def _payload(latest: JsonObject) -> Iterator[Text]:
    if "payload" not in latest:
        return
    connector = text_of(latest.get("connectorId"))
    yield from (cell(""), cell(f"payload of {f'connector {connector}' if connector else 'the newest event'}", "bold"))
    yield from map(cell, json.dumps(latest["payload"], indent=2, ensure_ascii=False).splitlines())
