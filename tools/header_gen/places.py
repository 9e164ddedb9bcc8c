"""Where headers come from, and where the functions that they declare are defined: a source tree, or an installation."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import definitions
from compiler import CompilerError
from model import Function
from policy import Policy
from preprocess import is_under

_BACKEND_HEADER = re.compile(r"ggml-(\w+)\.h")
_MAKER = re.compile(r"ggml_backend_\w+_(?:init|reg)")


class SourceTree:
    """llama.cpp's source."""

    nowhere = "declared, and defined nowhere in llama.cpp's sources"

    def __init__(self, folder: Path, linked: Iterable[str] = ()) -> None:
        self._folder = folder.resolve()
        self._linked = set(linked)  # the backends that are a part of the core, and no modules

    def __str__(self) -> str:
        return f"{self._folder}: is it llama.cpp's source?"

    def headers(self, policy: Policy) -> dict[str, Path]:
        """The C headers by name, `llama.h` first: it is what the others are read after."""
        found = (path for pattern in policy.headers for path in sorted(self._folder.glob(pattern)))
        return _for_c(found, policy)

    def has(self, path: Path) -> bool:
        """Whether a header that the others include is one of llama.cpp's."""
        return is_under(path, self._folder)

    def modules(self, functions: list[Function], policy: Policy) -> dict[str, list[str]]:
        """See definitions.find."""
        found = definitions.find(self._folder, policy.sources, [function.name for function in functions])
        return {name: [""] if self._linked & set(modules) else modules for name, modules in found.items()}


class Installation:
    """Headers in one folder, among others, and the libraries that were installed with them."""

    nowhere = "declared, and exported by none of the libraries"

    def __init__(self, include: Path, libraries: list[Path]) -> None:
        self._include = include.resolve()
        self._libraries = {path.name.partition(".")[0].replace("lib", "", 1): path for path in libraries}
        self._ours: set[Path] = set()

    def __str__(self) -> str:
        return f"{self._include}: is that the folder of llama.cpp's headers?"

    def headers(self, policy: Policy) -> dict[str, Path]:
        """As SourceTree's. Those of a library that is not there are left out."""
        patterns = [each for library, names in policy.installed.items() if library in self._libraries for each in names]
        found = _for_c((path for pattern in patterns for path in sorted(self._include.glob(pattern))), policy)
        self._ours = {path.resolve() for path in found.values()}
        return found

    def has(self, path: Path) -> bool:
        return path.resolve() in self._ours

    def modules(self, functions: list[Function], policy: Policy) -> dict[str, list[str]]:
        """For each function that the libraries export, [""]; for one in a module that is loaded later, its name."""
        exported = self._exported(policy)
        found: dict[str, list[str]] = {}
        for function in functions:
            header = _BACKEND_HEADER.fullmatch(function.header)
            if function.inline or function.name in exported:
                found[function.name] = [""]
            elif header and self._is_module(function.header, functions, exported):
                found[function.name] = [header[1]]
        return found

    def _exported(self, policy: Policy) -> set[str]:
        """What can be linked with. A backend among the libraries that the others do without may be a module."""
        names: set[str] = set()
        wanted: set[str] = set()
        backends: list[set[str]] = []
        for stem, library in self._libraries.items():
            defined, undefined = symbols(library)
            if stem in policy.installed or stem == "ggml-base":
                names |= defined
                wanted |= {name for name in undefined if name.startswith("ggml_")}
            else:
                backends.append(defined)
        return names.union(*(defined for defined in backends if defined & (wanted - names)))

    @staticmethod
    def _is_module(header: str, functions: list[Function], exported: set[str]) -> bool:
        """Whether a header is that of a backend, which is not linked with the libraries."""
        makers = {each.name for each in functions if each.header == header and _MAKER.fullmatch(each.name)}
        return bool(makers) and not makers & exported


def _for_c(found: Iterable[Path], policy: Policy) -> dict[str, Path]:
    skipped = policy.cxx_headers
    return {path.name: path for path in found if not any(fnmatch.fnmatchcase(path.name, each) for each in skipped)}


def symbols(library: Path) -> tuple[set[str], set[str]]:
    """The names that a shared library exports, and those that it takes from others.

    Raises:
        CompilerError: there is no `nm`, or it can't read the file.
    """
    nm = os.environ.get("NM") or shutil.which("nm") or shutil.which("llvm-nm")
    if not nm:
        raise CompilerError("no nm was found, which tells what a library exports: install binutils or set NM")
    table = [] if sys.platform == "darwin" else ["-D"]
    done = subprocess.run([nm, *table, "-gP", str(library)], capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        raise CompilerError(done.stderr.strip() or f"{nm} failed with status {done.returncode}")
    defined: set[str] = set()
    undefined: set[str] = set()
    for line in done.stdout.splitlines():
        name, kind = [*line.split(), "", ""][:2]
        name = name.partition("@")[0]
        (undefined if kind in "Uwv" else defined).add(name[1:] if sys.platform == "darwin" else name)
    return defined, undefined
