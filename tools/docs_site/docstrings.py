"""Docstrings as reStructuredText: they are Markdown, with sections (Args, Returns, Raises, …) in Google's style."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
_TITLES = {"Args": "Arguments"}
_ENTRY = re.compile(r"^(?P<names>[*\w.]+(?:, [*\w.]+)*): (?P<text>.*)$", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_MARKUP = re.compile(r"[\\*|<>]|_(?=\W|$)")


def as_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring, without what indents all of them."""
    out: list[str] = []
    for title, body in _sections(lines):
        if not title:
            out += _blocks(body)
        elif title in ("Returns", "Yields"):
            out += [f":{title}:", *(f"   {line}".rstrip() for line in _blocks(body))]
        else:
            entries = [_entry(entry) for entry in _entries(body)]
            out += [f":{_TITLES.get(title, title)}:", *(f"   * {entry}" for entry in entries), ""]
    return out


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The parts of a docstring: title and lines, without what indents them; what has no title has ""."""
    title = ""
    body: list[str] = []
    for line in lines:
        found = _SECTION.match(line)
        if found or (title and line and not line.startswith(" ")):
            yield title, body
            title, body = found[1] if found else "", [] if found else [line]
        else:
            body.append(line[4:] if title else line)
    yield title, body


def _entries(body: list[str]) -> Iterator[str]:
    """The entries of a section; the lines that go on with one are indented."""
    entry: list[str] = []
    for line in body:
        if line.strip() and not line.startswith(" ") and entry:
            yield " ".join(entry)
            entry = []
        if line.strip():
            entry.append(line.strip())
    if entry:
        yield " ".join(entry)


def _entry(text: str) -> str:
    found = _ENTRY.match(text)
    if not found:
        return _inline(text)
    names = ", ".join(f"``{name}``" for name in found["names"].split(", "))
    return f"{names}: {_inline(found['text'])}"


def _blocks(lines: list[str]) -> list[str]:
    """Paragraphs, lists and tables."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = block.split("\n")
        if rows[0].startswith("|"):
            out += _table(rows)
        elif rows[0].startswith("    "):
            out += ["::", "", *rows]
        else:
            out += _inline(block).split("\n")
        out.append("")
    return out


def _table(rows: list[str]) -> Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", "")
    for row in rows:
        if not re.fullmatch(r"[|\s:-]+", row):
            for number, cell in enumerate(row.strip().strip("|").split("|")):
                yield f"   {'*' if number == 0 else ' '} - {_inline(cell.strip())}"


def _inline(text: str) -> str:
    """Text with code in it."""
    parts: list[str] = []
    at = 0
    for code in _CODE.finditer(text):
        parts += [_MARKUP.sub(r"\\\g<0>", text[at : code.start()]), f"\\ ``{' '.join(code[1].split())}``\\ "]
        at = code.end()
    return "".join([*parts, _MARKUP.sub(r"\\\g<0>", text[at:])])
