"""What the benchmarks print: tables, and figures held against their bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns, the first to the left and the others to the right."""
    lines = [list(headings), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))])
        for line in lines
    )


def verdict(what: str, value: float, bar: float, at_most: bool) -> str:
    """One line that holds a figure against its bar."""
    held = value <= bar if at_most else value >= bar
    return f"{what}: {value:.2f} (bar: {'at most' if at_most else 'at least'} {bar:g}) {'held' if held else 'MISSED'}"
