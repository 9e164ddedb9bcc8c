"""Headers to plain C: what the compiler's preprocessor leaves, without system headers, attributes and bodies.

Which headers take part is decided here, too: a public header that is not valid C is left out whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from compiler import Compiler, Complaint
from model import Skipped

_MARKER = re.compile(r'#\s*(?:line\s+)?(\d+)\s+"((?:[^"\\]|\\.)*)"')
_DEFINE = re.compile(r"#\s*define\s+(\w+)(\()?\s*(.*)")
_UNDEF = re.compile(r"#\s*undef\s+(\w+)")
# Extensions that say nothing about the ABI, with the parenthesis that follows some of them.
_EXTENSION = re.compile(
    r"\b(?:__attribute__|__attribute|__declspec|__asm__|__asm|asm|_Static_assert|static_assert)\s*(?=\()"
    r"|\b(?:__extension__|__inline__|__inline|inline|__restrict__|__restrict|restrict|_Noreturn|__volatile__)\b"
    r"|\[\["
)
_DEPRECATED = re.compile(r"\b_*deprecated_*\b")
_FUNCTION = re.compile(r"(\w+)\s*\((?!\s*\*)")


@dataclass
class Macro:
    name: str
    header: str
    line: int
    body: str
    takes_arguments: bool


@dataclass
class Preprocessed:
    """What the headers say.

    text: C, with line markers whose file is the header's name.
    macros: the macros that are defined at the end.
    deprecated: names of what an attribute calls deprecated, with what it says of it.
    files: each header by its name, those included with a public header too.
    """

    text: str
    macros: list[Macro]
    deprecated: dict[str, str]
    files: dict[str, Path]


def include_all(names: list[str]) -> str:
    return "".join(f'#include "{name}"\n' for name in names)


def valid_headers(compiler: Compiler, names: list[str]) -> tuple[list[str], list[Skipped]]:
    """The headers that compile as C, after those before them; the others with the compiler's own message."""
    valid = list(names)
    skipped: list[Skipped] = []
    while found := _first_invalid(compiler, valid):
        index, complaint = found
        name, at_end = valid.pop(index), complaint.file == "<stdin>"
        place = (name, 0) if at_end else (complaint.file, complaint.line)
        skipped.append(Skipped("header", name, *place, f"not valid C: {complaint.message}"))
    return valid, skipped


def _first_invalid(compiler: Compiler, names: list[str]) -> Optional[tuple[int, Complaint]]:
    complaint = compiler.complaint(include_all(names))
    if not complaint:
        return None
    index = min(complaint.source_line, len(names)) - 1  # one line for each header
    # A header that lacks its last bracket makes the compiler complain about another one, further down.
    return (_first_invalid(compiler, names[:index]) if index else None) or (index, complaint)


def preprocess(compiler: Compiler, names: list[str], ours: Callable[[Path], bool]) -> Preprocessed:
    """What the files say that are `ours`; what system headers say is dropped."""
    kept: list[str] = []
    macros: dict[str, Macro] = {}
    inside: dict[str, str] = {}  # file as the preprocessor names it -> header's name, "" for a system header
    files: dict[str, Path] = {}
    header, line = "", 0
    for text in compiler.preprocess(include_all(names)).splitlines():
        marker = _MARKER.match(text)
        if marker:
            if marker[2] not in inside:
                path = _unquoted(marker[2])
                inside[marker[2]] = path.name if path.is_file() and ours(path) else ""
                files[inside[marker[2]]] = path
            header, line = inside[marker[2]], int(marker[1])
            if header:
                kept.append(f'# {line} "{header}"')
            continue
        if header:
            if text.startswith("#"):
                _note_macro(text, header, line, macros)
                kept.append("")  # the line counts, its text does not
            else:
                kept.append(text)
        line += 1
    deprecated: dict[str, str] = {}
    plain = _strip_bodies(_strip_extensions("\n".join(kept), deprecated))
    return Preprocessed(plain, list(macros.values()), deprecated, files)


def _unquoted(quoted: str) -> Path:
    """The path in a line marker; Clang writes what is not ASCII as octal numbers."""
    name = re.sub(
        rb"\\([0-7]{3}|.)",
        lambda escape: bytes([int(escape[1], 8)]) if len(escape[1]) == 3 else escape[1],
        quoted.encode("utf-8", "surrogateescape"),
    )
    return Path(os.fsdecode(name))


def is_under(path: Path, folder: Path) -> bool:
    """Whether a file is in the tree, if only as a link to somewhere else."""
    return folder in Path(os.path.normpath(path)).parents or folder in path.resolve().parents


def _note_macro(directive: str, header: str, line: int, macros: dict[str, Macro]) -> None:
    undefined, defined = _UNDEF.match(directive), _DEFINE.match(directive)
    if undefined:
        macros.pop(undefined[1], None)
    if defined:
        macros.pop(defined[1], None)  # so that the order is that of the definitions that hold
        macros[defined[1]] = Macro(defined[1], header, line, defined[3].strip(), bool(defined[2]))


def _close(text: str, opening: int) -> int:
    """The index behind the bracket that closes the one at `opening`; strings and characters are passed over."""
    depth, at = 0, opening
    while at < len(text):
        char = text[at]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if not depth:
                return at + 1
        elif char in "\"'":
            at += 1
            while at < len(text) and text[at] != char:
                at += 2 if text[at] == "\\" else 1
        at += 1
    return len(text)


def _blank(text: str) -> str:
    """White space that keeps the lines of `text`."""
    return "\n" * text.count("\n") or " "


def _strip_extensions(text: str, deprecated: dict[str, str]) -> str:
    """`text` without attributes and their like; names of what they call deprecated are added to `deprecated`."""
    out: list[str] = []
    at = 0
    while found := _EXTENSION.search(text, at):
        end = found.end()
        out.append(text[at : found.start()])
        if found[0] == "[[" or text.startswith("(", end):
            end = _close(text, found.start() if found[0] == "[[" else end)
            # `_Static_assert (…)` leaves its semicolon behind, which C allows and pycparser takes.
            if _DEPRECATED.search(text, found.start(), end):
                deprecated[_declared_around(text, found.start(), end)] = _said(text[found.start() : end])
        out.append(_blank(text[found.start() : end]))
        at = end
    out.append(text[at:])
    return "".join(out)


def _said(attribute: str) -> str:
    """The text of the strings in an attribute."""
    strings = re.findall(r'"((?:\\.|[^"\\])*)"', attribute)
    return re.sub(r"\\(.)", r"\1", "".join(strings))


def _declared_around(text: str, start: int, end: int) -> str:
    """The name of the function that the attribute at `start`, which ends at `end`, belongs to; "" for other things.

    It stands behind the parameters, `int f ( … ) <attribute>`, or before the whole: `<attribute> int f ( … )`.
    """
    declaration = text[max(text.rfind(char, 0, start) for char in ";{}") + 1 : start]
    before = _FUNCTION.search(_strip_extensions(declaration, {}))
    if before:
        return before[1]
    rest = re.compile(r"[^;{}]*").match(text, end)
    after = _FUNCTION.search(_strip_extensions(rest[0], {})) if rest else None
    return after[1] if after else ""


def _strip_bodies(text: str) -> str:
    """`text` with the body of every function replaced by a semicolon: the compiler has it, we only call it."""
    out: list[str] = []
    at = 0
    for opening in re.finditer(r"[{(]", text):
        if opening.start() < at:
            continue
        end = _close(text, opening.start())
        before = text[at : opening.start()]
        if opening[0] == "{" and before.strip() == "" and out and out[-1].rstrip().endswith(")"):
            out += [before, ";", _blank(text[opening.start() : end])]
        else:
            out += [before, text[opening.start() : end]]
        at = end
    out.append(text[at:])
    return "".join(out)
