"""Medians, spreads and tables. Knows no server."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Least and most."""
    return f"{min(values):.2f}–{max(values):.2f}"


def ratio(values: Sequence[float], of: Sequence[float]) -> float:
    """The median of the ratios within each round: what drifts from round to round cancels out."""
    return median([value / base for value, base in zip(values, of, strict=True)])


def broken_promises(
    cpu_us: Mapping[str, Sequence[float]], promises: Iterable[tuple[str, str, float]], per: str
) -> list[str]:
    """Ratios of CPU time above what they may be, as sentences; (row, of which row, the most)."""
    broken = []
    for name, base, most in promises:
        if name in cpu_us and base in cpu_us:
            found = ratio(cpu_us[name], cpu_us[base])
            if found > most:
                broken.append(f"{name}: {found:.2f} of the CPU per {per} of {base}, and {most} is the most")
    return broken


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head, the first column is text and the others are figures."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join(
        "-" * (width + 2) if index == 0 else "-" * (width + 1) + ":" for index, width in enumerate(widths)
    )
    return "\n".join([line(rows[0]), rule + "|", *(line(row) for row in rows[1:])])
