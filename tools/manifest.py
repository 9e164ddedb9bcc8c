"""What a build of the package is made of: `manifest.json`, for the package and its add-ons to compare.

version   llama.cpp's, as `llama_version()` tells it
commit    llama.cpp's, "unknown" if its source did not say
abi       a fingerprint of what a backend's module and the core must agree on; "" if libllama is the user's own
written_for  if this is another llama.cpp than the package is written for: that one's release, "llama-cpp-python 0.3.36"
prefix    where libllama is, if it is the user's own: the folders `include` and `library`
told      what the libraries tell of themselves, by function: versions, commit, a size
names     what they call the values of enums: function to value to name

Sizes, values and functions are in api.json.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import vendor
from native_build import BuildError
from pinned import ROOT

__all__ = ["abi", "facts", "package_version", "tell", "told_h", "write", "written_for"]


def package_version() -> str:
    """The package's own version: `__version__` in src/llamacffi/__init__.py."""
    tree = ast.parse((ROOT / "src" / "llamacffi" / "__init__.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(name, "id", "") for name in node.targets] == ["__version__"]:
            return str(ast.literal_eval(node.value))
    raise LookupError("src/llamacffi/__init__.py has no __version__")


def written_for() -> str:
    """The pinned release, whatever the package is built with.

    Raises:
        BuildError: the pin can't be read.
    """
    try:
        return str(vendor.read_pin(ROOT / "vendor" / "requirements.txt"))
    except vendor.VendorError as error:
        raise BuildError(str(error)) from None


def facts(source: Path, version: str, commit: str) -> dict[str, Any]:
    """What manifest.json says of a build.

    Args:
        source: llama.cpp's source.
        version: llama.cpp's version, as CMake found it.
        commit: the commit that the source is.
    """
    release = written_for()
    pinned = str(vendor.read_stamp(source)) == release
    return {"version": version, "commit": commit, "abi": abi(source), "written_for": "" if pinned else release}


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


def tell(api: Path, libraries: list[Path]) -> dict[str, Any]:
    """What the libraries tell of themselves: `told` and `names`.

    In a process of their own, whose end they may be: then it is what they told before.

    Raises:
        BuildError: they can't be loaded.
    """
    variable = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    path = os.pathsep.join(filter(None, [str(libraries[0].parent), os.environ.get(variable)]))
    command = [sys.executable, str(ROOT / "tools" / "told.py"), str(api), *map(str, libraries)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env={**os.environ, variable: path})
    answers = dict(json.loads(line) for line in done.stdout.splitlines())
    if not answers:
        raise BuildError(f"{libraries[0]} can't be loaded, or does not work:\n{done.stderr.strip()[-1000:]}")
    return {
        "told": {name: answer for name, answer in answers.items() if isinstance(answer, str)},
        "names": {name: answer for name, answer in answers.items() if isinstance(answer, dict)},
    }


def told_h(told: dict[str, str]) -> str:
    """C that keeps it in the extension, to compare with when that is loaded."""
    text = ", ".join(f"{name} {value}" for name, value in sorted(told.items()))
    return f"#define LLAMACFFI_TOLD {json.dumps(text)}\n"


def write(path: Path, manifest: dict[str, Any]) -> None:
    """Write the file, sorted, so that the same build has the same bytes."""
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
