"""The code in the README and the guides, which is run (test_docs.py) and looked at by type checkers (type_checking)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pinned import ROOT

GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# These are about handles, and take some as given.
OF_HANDLES = ("callbacks.md", "c-sdk.md", "wrong-calls.md")

_EXAMPLE = re.compile(
    r"^```python\n(?P<code>.*?)^```$|^\|[^\n]*\| here \|\n\|[-|]+\|\n(?P<table>(?:\|[^\n]*\n)+)",
    re.MULTILINE | re.DOTALL,
)
_CELL_CODE = re.compile(r"`([^`]+)`")


class Example(NamedTuple):
    """A piece of code in a guide.

    Attributes:
        code: Python.
        line: how many lines of the guide are above.
        is_table: whether it was in the last cells of a table, a line a row.
    """

    code: str
    line: int
    is_table: bool


def examples(path: Path) -> Iterator[Example]:
    """The code in a guide, in order: one program."""
    text = path.read_text("utf-8")
    for found in _EXAMPLE.finditer(text):
        kind = "table" if found["table"] else "code"
        code = _program(found["table"]) if found["table"] else found["code"]
        yield Example(code, text.count("\n", 0, found.start(kind)), kind == "table")


def _program(table: str) -> str:
    cells = [row.rstrip("| ").rpartition(" | ")[2] for row in table.splitlines()]
    return "\n".join("; ".join(_CELL_CODE.findall(cell)) for cell in cells)
