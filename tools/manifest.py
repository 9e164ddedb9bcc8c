"""What a build of the package is made of: `manifest.json`, for the package and its add-ons to compare.

version   llama.cpp's, as `llama_version()` tells it
commit    llama.cpp's, "unknown" if its source did not say
abi       a fingerprint of what a backend's module and the core must agree on
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from carrier import ROOT

__all__ = ["abi", "facts", "package_version", "write"]


def package_version() -> str:
    """The package's own version: `__version__` in src/llamacffi/__init__.py."""
    tree = ast.parse((ROOT / "src" / "llamacffi" / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(name, "id", "") for name in node.targets] == ["__version__"]:
            return str(ast.literal_eval(node.value))
    raise LookupError("src/llamacffi/__init__.py has no __version__")


def facts(source: Path, version: str, commit: str) -> dict[str, Any]:
    """What manifest.json says of a build.

    Args:
        source: llama.cpp's source.
        version: llama.cpp's version, as CMake found it.
        commit: the commit that the source is.
    """
    return {"version": version, "commit": commit, "abi": abi(source)}


def abi(source: Path) -> str:
    """A fingerprint of the headers that a backend's module shares with the core, and of what changes their meaning.

    These are ggml's public headers and the internal ones beside its sources: struct layouts, function tables, inline
    functions. A macro that they let the compiler's flags choose (`GGML_MAX_NAME`) counts as well.
    """
    digest = hashlib.sha256()
    overridable: set[str] = set()
    for folder in ("ggml/include", "ggml/src"):
        for header in sorted((source / folder).glob("*.h")):
            text = header.read_text("utf-8", "replace")
            digest.update(f"\0{folder}/{header.name}\0{text}".encode())
            overridable.update(re.findall(r"#\s*ifndef\s+(\w+)\s*#\s*define\s+\1[ \t]+\S", text))
    flags = " ".join(os.environ.get(name, "") for name in ("CFLAGS", "CXXFLAGS", "CMAKE_ARGS"))
    for name in sorted(overridable):
        for value in re.findall(rf"-D{name}\b(=[^\s'\"]*)?", flags):
            digest.update(f"\0{name}{value}".encode())
    return digest.hexdigest()[:16]


def write(path: Path, manifest: dict[str, Any]) -> None:
    """Write the file, sorted, so that the same build has the same bytes."""
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
