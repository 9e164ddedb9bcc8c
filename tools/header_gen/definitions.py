"""Which declared functions exist, and where: read from llama.cpp's own sources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_SUFFIXES = {".c", ".cc", ".cpp", ".cxx", ".cu", ".m", ".mm"}
_BODY = re.compile(rb"(?:\s|//[^\n]*|/\*.*?\*/|noexcept\b|try\b)*\{", re.DOTALL)
_OUTER = re.compile(rb"\s*\)\s*(?=\()")
_BACKEND = re.compile(r"ggml/src/ggml-([a-z0-9]+)([/.])")
# What matters between the brackets of a parameter list.
_PART = re.compile(rb"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[();]""", re.DOTALL)


def find(source: Path, folders: Iterable[str], names: Iterable[str]) -> dict[str, list[str]]:
    """The modules that define each function.

    Args:
        source: llama.cpp's tree.
        folders: the folders below it whose sources make the libraries.
        names: the declared functions.

    Returns:
        For each name that some source defines, the backends that have the definition; "" stands for the core
        libraries. A backend is a folder `ggml/src/ggml-<backend>/`, in 2024 a file `ggml/src/ggml-<backend>.*`. None
        of the names: no sources are there to look at.
    """
    wanted = {name.encode() for name in names}
    prefixes = sorted({name.split(b"_")[0] for name in wanted})
    if not prefixes:
        return {}
    call = re.compile(rb"\b(?:" + b"|".join(map(re.escape, prefixes)) + rb")\w*(?=\s*\()")
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted(Path(source, folder).rglob("*")):
            if path.suffix not in _SUFFIXES:
                continue
            text = path.read_bytes()
            defined = {
                match[0].decode()
                for match in call.finditer(text)
                if match[0] in wanted and _is_definition(text, match.start(), match.end())
            }
            backend = _BACKEND.match(path.relative_to(source).as_posix())
            # A file beside the core's own is a backend if it can make one.
            is_module = backend and (backend[2] == "/" or f"ggml_backend_{backend[1]}_init" in defined)
            for name in defined:
                modules = found.setdefault(name, [])
                module = backend[1] if backend and is_module else ""
                if module not in modules:
                    modules.append(module)
    return found


def _is_definition(text: bytes, start: int, end: int) -> bool:
    """Whether the name at `start` is declared there, not called or commented on, and has a body behind `end`."""
    if b"//" in text[text.rfind(b"\n", 0, start) + 1 : start]:
        return False
    while at := _behind_parameters(text, end):
        if _BODY.match(text, at):
            return True
        outer = _OUTER.match(text, at)  # it returns a pointer to a function, whose parameters follow
        if not outer:
            return False
        end = outer.end()
    return False


def _behind_parameters(text: bytes, at: int) -> int:
    """Where the list in brackets that begins at `at` ends; 0 if that is no list of parameters."""
    depth = 0
    for part in _PART.finditer(text, at):
        if part[0] == b";":
            return 0
        depth += (part[0] == b"(") - (part[0] == b")")
        if not depth and part[0] == b")":
            return part.end()
    return 0
