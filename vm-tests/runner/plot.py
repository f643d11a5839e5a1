"""Draws true clock errors over time as an SVG, seconds to microseconds in one picture. Computes nothing else."""

from __future__ import annotations

import math
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 900, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 40, 50
# Linear within ten microseconds, logarithmic outside of it.
LINEAR_SECONDS = 1e-5
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))

Series = dict[str, list[tuple[float, float]]]


def scaled(error: float) -> float:
    """A signed logarithm: decades from LINEAR_SECONDS outwards, 0 at 0."""
    return math.copysign(math.log10(1 + abs(error) / LINEAR_SECONDS), error)


def label(error: float) -> str:
    """1e-3 as `1 ms`."""
    if error == 0:
        return "0"
    for size, unit in UNITS:
        if abs(error) >= size * 0.999:
            return f"{error / size:+g} {unit}"
    return f"{error:g} s"


def amount(error: float) -> str:
    """A size as a reader wants it, such as `936 µs` or `1.2 s`."""
    size, unit = next(((size, unit) for size, unit in UNITS if abs(error) >= size), UNITS[-1])
    return f"{error / size:.3g} {unit}"


def ticks(largest: float) -> list[float]:
    """The labelled errors: 0 and the decades of both signs up to the largest."""
    decades = []
    decade = LINEAR_SECONDS
    while decade < largest * 10:
        decades.append(round(decade, 12))
        decade *= 10
    return [*(-d for d in reversed(decades)), 0.0, *decades]


def write_plot(path: Path, title: str, series: Series, bound: float) -> None:
    """Writes the picture, with what is asked of a clock as dashes; without any sample, one that says so."""
    points = [point for record in series.values() for point in record]
    end = max((moment for moment, _ in points), default=1.0)
    start = min((moment for moment, _ in points), default=0.0)
    largest = max(bound, *(abs(error) for _, error in points)) if points else bound
    span = max(end - start, 1.0)
    edges = ticks(largest)
    top = scaled(edges[-1])

    def x(moment: float) -> float:
        return LEFT + (moment - start) / span * (WIDTH - LEFT - RIGHT)

    def y(error: float) -> float:
        return TOP + (1 - scaled(error) / top) / 2 * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15">{escape(title)}{"" if points else " (no sample)"}</text>',
    ]
    for error in edges:
        shade = "#888" if error == 0 else "#ddd"
        parts.append(f'<path d="M{LEFT} {y(error):.1f}H{WIDTH - RIGHT}" stroke="{shade}"/>')
        # The innermost labels would lie upon that of 0.
        if error == 0 or abs(error) > LINEAR_SECONDS:
            parts.append(f'<text x="{LEFT - 6}" y="{y(error) + 4:.1f}" text-anchor="end">{label(error)}</text>')
    for error in (bound, -bound):
        dashes = 'stroke="#17692c" stroke-dasharray="6 4"'
        parts.append(f'<path d="M{LEFT} {y(error):.1f}H{WIDTH - RIGHT}" {dashes}/>')
    for moment in time_ticks(start, end):
        parts.append(f'<path d="M{x(moment):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        parts.append(f'<text x="{x(moment):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{moment:.0f} s</text>')
    for index, (name, record) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        line = " ".join(f"{x(moment):.1f},{y(error):.1f}" for moment, error in record)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + 110 * index}" y="{HEIGHT - 10}" fill="{colour}">{escape(name)}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]))


def time_ticks(start: float, end: float) -> list[float]:
    """Round moments, at most a dozen."""
    step = next((s for s in (5, 10, 20, 30, 60, 120, 300, 600) if (end - start) / s <= 12), 1800)
    first = math.ceil(start / step)
    return [float(step * n) for n in range(first, int(end // step) + 1)]
