"""A stacked bar for each design, by component, as SVG."""

from collections.abc import Mapping
from html import escape

from tools.cost.model import COMPONENTS

# Told apart by people who do not see all colours: https://jfly.uni-koeln.de/color/
COLOURS: dict[str, str] = dict(
    zip(
        COMPONENTS,
        ("#0072b2", "#e69f00", "#56b4e9", "#d55e00", "#882255", "#009e73", "#cc79a7", "#f0e442", "#999999", "#555555"),
        strict=True,
    )
)
WIDTH, LEFT, BAR, GAP, TOP, PLACE_FOR_SUM = 860, 250, 28, 14, 64, 60
LEGEND_COLUMNS, LEGEND_LINE = 5, 20
STYLE = 'font-family="sans-serif" font-size="13" fill="#222"'


def stacked_bars(title: str, bars: Mapping[str, Mapping[str, float]]) -> str:
    """Return the drawing.

    Args:
        title: what the bars are, with their unit.
        bars: of each design, the amounts by component.
    """
    legend_top = TOP + len(bars) * (BAR + GAP) + GAP
    height = legend_top + LEGEND_LINE * (1 + (len(COMPONENTS) - 1) // LEGEND_COLUMNS) + GAP
    scale = (WIDTH - LEFT - PLACE_FOR_SUM) / max(sum(bar.values()) for bar in bars.values())
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{GAP}" y="32" font-weight="bold" {STYLE}>{escape(title)}</text>',
    ]
    for at, (name, bar) in enumerate(bars.items()):
        y, x = TOP + at * (BAR + GAP), float(LEFT)
        middle = y + BAR / 2 + 5
        drawn.append(f'<text x="{LEFT - GAP}" y="{middle:g}" text-anchor="end" {STYLE}>{escape(name)}</text>')
        for component, amount in bar.items():
            width = amount * scale
            told = f"{component}: {amount:.3f}"
            drawn.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{COLOURS[component]}">'
                f"<title>{escape(told)}</title></rect>"
            )
            x += width
        drawn.append(f'<text x="{x + 6:.1f}" y="{middle:g}" {STYLE}>{sum(bar.values()):.2f}</text>')
    for at, (component, colour) in enumerate(COLOURS.items()):
        x = GAP + at % LEGEND_COLUMNS * ((WIDTH - GAP) // LEGEND_COLUMNS)
        y = legend_top + at // LEGEND_COLUMNS * LEGEND_LINE
        drawn.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>')
        drawn.append(f'<text x="{x + 18}" y="{y + 11}" {STYLE}>{escape(component)}</text>')
    return "\n".join((*drawn, "</svg>", ""))
