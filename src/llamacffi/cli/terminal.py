"""What commands write: text as it comes, JSON, and where a person watches, progress bars and tables (rich)."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional, TextIO

Report = Callable[[float], bool]


class OutputError(Exception):
    """Standard output takes no more."""


@contextmanager
def _output() -> Generator[None]:
    """What is written in this `with` block is standard output's, and has gone out at its end.

    Raises:
        OutputError: it has not; the cause is the OSError.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error.strerror) from error


def attended(stream: Optional[TextIO]) -> bool:
    """Whether this is a terminal that takes, and may be given, more than plain text."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream is not None and stream.isatty() and not plain


def write(text: str) -> None:
    """To standard output, at once.

    Raises:
        OutputError: it takes no more; so do the other functions that write there.
    """
    with _output():
        sys.stdout.write(text)


def write_json(value: Any, indent: Optional[int] = None) -> None:
    """One document to standard output, UTF-8 whatever the terminal's encoding is; numbers that JSON lacks are null."""
    text = json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    if hasattr(sys.stdout, "buffer"):
        with _output():
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    else:  # a program's own, which takes any text
        write(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    several: Any = value
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in several.items()}
    return list(map(_finite, several)) if isinstance(value, (list, tuple)) else value


@contextmanager
def progress(what: str) -> Generator[Optional[Report]]:
    """A bar on standard error, which is wiped at the end of the `with` block.

    Args:
        what: what is being done: "loading".

    Returns:
        The function to call with the part done, 0 to 1. The bar appears with the first part that is not all. None if
        nobody watches, or rich is not installed.
    """
    bar = None
    if attended(sys.stderr):
        try:
            from rich.console import Console
            from rich.progress import Progress
        except ImportError:
            pass
        else:
            bar = Progress(console=Console(stderr=True), transient=True)
    if bar is None:
        yield None
        return
    task = bar.add_task(what, total=1.0)

    def report(part: float) -> bool:
        if part < 1 and not bar.live.is_started:
            bar.start()
        bar.update(task, completed=part)
        return True

    try:
        yield report
    finally:
        bar.stop()


def write_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """To standard output, in columns.

    Args:
        headings: the columns' names.
        rows: their cells.
        right: those columns that are written at the right, as numbers are.
    """
    if attended(sys.stdout):
        try:
            from rich import box
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            pass
        else:
            table = Table(box=box.SIMPLE_HEAD)
            for heading in headings:
                table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
            for row in rows:
                table.add_row(*map(Text, row))
            with _output():
                Console().print(table)
            return
    lines = [headings, *rows]
    text = ""
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for cell, width, heading in zip(line, widths, headings)
        ]
        text += "  ".join(cells).rstrip() + "\n"
    write(text)
