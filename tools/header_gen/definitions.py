"""Which declared functions exist, and where: read from llama.cpp's own sources."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

_SUFFIXES = {".c", ".cc", ".cpp", ".cxx", ".cu", ".m", ".mm"}
_BETWEEN = re.compile(rb"(?:\s|//[^\n]*|/\*.*?\*/|const\b|noexcept\b|try\b)*\{", re.DOTALL)
_BACKEND = re.compile(r"ggml/src/ggml-([a-z0-9]+)/")


def find(source: Path, folders: Iterable[str], names: Iterable[str]) -> dict[str, list[str]]:
    """The modules that define each function.

    Args:
        source: llama.cpp's tree.
        folders: the folders below it whose sources make the libraries.
        names: the declared functions.

    Returns:
        For each name that some source defines, the backends whose folder (`ggml/src/ggml-<backend>/`) has the
        definition; "" stands for the core libraries. None of the names: no sources are there to look at.
    """
    wanted = {name.encode() for name in names}
    prefixes = sorted({name.split(b"_")[0] for name in wanted})
    if not prefixes:
        return {}
    call = re.compile(rb"\b(?:" + b"|".join(map(re.escape, prefixes)) + rb")_\w*(?=\s*\()")
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted(Path(source, folder).rglob("*")):
            if path.suffix not in _SUFFIXES:
                continue
            backend = _BACKEND.search(str(PurePosixPath(path.relative_to(source).as_posix())))
            module = backend[1] if backend else ""
            text = path.read_bytes()
            for match in call.finditer(text):
                if match[0] in wanted and _is_definition(text, match.end()):
                    modules = found.setdefault(match[0].decode(), [])
                    if module not in modules:
                        modules.append(module)
    return found


def _is_definition(text: bytes, at: int) -> bool:
    """Whether the parameter list that begins at `at` is followed by a body: a call's is not."""
    depth = 0
    for found in re.compile(rb"[()]|;").finditer(text, at):
        if found[0] == b";":
            return False
        depth += 1 if found[0] == b"(" else -1
        if not depth:
            return bool(_BETWEEN.match(text, found.end()))
    return False
