"""What a run found: as a table, as JSON, as a plot."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log10
from pathlib import Path
from statistics import median
from xml.sax.saxutils import escape

from benchmarks.catalogue import Benchmark
from benchmarks.samples import Samples

PACKAGES = ("botocore", "boto3", "aws-lambda-powertools", "pydantic")

# Of the plot, in pixels; its axis is logarithmic, from a hundredth to twice the reference.
LEFT, WIDTH, LINE = 300, 560, 24
LOWEST, HIGHEST = 0.01, 2.0


@dataclass(frozen=True)
class Row:
    """What a benchmark found."""

    benchmark: Benchmark
    samples: Samples

    def as_json(self) -> dict[str, object]:
        """Return the row of the JSON: medians in `unit`, `spread` the interquartile range of the pairs' ratios."""
        found = self.samples
        return {
            "name": self.benchmark.name,
            "ratio": found.ratio,
            "target": self.benchmark.target,
            "spread": found.spread,
            "unit": self.benchmark.unit,
            "ours": median(found.ours),
            "reference": median(found.reference) if found.reference else None,
            "bare": median(found.bare) if found.bare else None,
            "samples": len(found.ours),
        }

    @property
    def verdict(self) -> str:
        """Whether the target is met; empty where there is none."""
        if self.benchmark.target is None or self.samples.ratio is None:
            return ""
        return "met" if self.samples.ratio <= self.benchmark.target else "missed"


def machine() -> str:
    """Return on what, with what and when it was measured."""
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)
    processor = f"{os.cpu_count()} x {_processor()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {processor}, {platform.system()}, {python}, {versions}"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    head = ("benchmark", "ratio", "spread", "target", "", "ours", "reference", "bare", "unit")
    lines = [head, ("---", "---:", "---:", "---:", "---", "---:", "---:", "---:", "---"), *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def plot(rows: Sequence[Row]) -> str:
    """Return, as SVG, a bar for each ratio, with a mark at its target and a line at the reference, 1."""
    ratios = [(row, row.samples.ratio) for row in rows if row.samples.ratio is not None]
    height = LINE * (len(ratios) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 90}" height="{height}">',
        "<style>text { font: 13px sans-serif }</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="8" y="16">{escape(machine())}</text>',
    ]
    for number, (row, ratio) in enumerate(ratios):
        top = LINE * (number + 1) + 4
        bar, target = _x(ratio), row.benchmark.target
        colour = "#c0504d" if row.verdict == "missed" else "#4f81bd"
        parts.append(f'<text x="{LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(row.benchmark.name)}</text>')
        parts.append(f'<rect x="{LEFT}" y="{top}" width="{bar - LEFT:.1f}" height="{LINE - 8}" fill="{colour}"/>')
        parts.append(f'<text x="{bar + 5:.1f}" y="{top + 13}">{ratio:.3g}</text>')
        if target is not None:
            parts.append(f'<path d="M{_x(target):.1f} {top - 2}v{LINE - 4}" stroke="black" stroke-width="3"/>')
    parts.append(f'<path d="M{_x(1):.1f} {LINE}V{height - LINE}" stroke="gray" stroke-dasharray="4"/>')
    parts.append(
        f'<text x="{LEFT}" y="{height - 6}">ratio to the reference (dashed: 1; bold: target), log scale</text>'
    )
    return "\n".join([*parts, "</svg>\n"])


def _x(ratio: float) -> float:
    share = log10(min(max(ratio, LOWEST), HIGHEST) / LOWEST) / log10(HIGHEST / LOWEST)
    return LEFT + max(share, 0.005) * WIDTH


def _cells(row: Row) -> tuple[str, ...]:
    def medians(values: Sequence[float]) -> str:
        return f"{median(values):.4g}" if values else ""

    found, target = row.samples, row.benchmark.target
    ratio = "" if found.ratio is None else f"{found.ratio:.3g}"
    figures = (ratio, f"{found.spread:.2g}", "" if target is None else f"{target:g}", row.verdict)
    return (row.benchmark.name, *figures, *map(medians, (found.ours, found.reference, found.bare)), row.benchmark.unit)


def _processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
