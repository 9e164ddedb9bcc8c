"""The backends of a libllama that is the user's own: those that are linked with it, and the folder of its modules.

ggml's own search looks for modules in the current folder as well: it is left for where they are in none of the usual
places.
"""

from __future__ import annotations

import os
import re
from typing import Any

from .native import ffi, get_library_dir, lib, text_of

# On macOS, too: they are modules, not libraries.
_MODULE = re.compile(r"libggml-([a-z0-9]+)(?:-(\w+))?\.so")

__all__ = ["linked", "modules"]


def linked() -> dict[str, tuple[str, Any]]:
    """The backends that ggml knows before any module is loaded: name to file, and a handle of it."""
    found: dict[str, tuple[str, Any]] = {}
    index = 0
    while True:
        registered = lib.llamacffi_registered(index)
        if not registered:
            return found
        name = text_of(lib.ggml_backend_reg_name(registered)).lower()
        # The registration lies in the library that it is of.
        file = lib.llamacffi_file_of(registered)
        found[name] = (
            os.fsdecode(ffi.string(file)) if file else "",
            lib.llamacffi_module_open(file) if file else ffi.NULL,
        )
        index += 1


def modules() -> dict[str, dict[str, str]]:
    """The backends that are there: name to variant to file.

    Those that are linked with the libraries, or the modules where they are usually installed; there is one or the
    other, as GGML_BACKEND_DL is for all. If there is neither, those that ggml itself finds and loads, in the
    GGML_BACKEND_DIR of its build, which it tells nobody.
    """
    found = {name: {"": path} for name, (path, _) in linked().items()}
    if "cpu" in found:
        return found
    library = get_library_dir()
    above = os.path.dirname(library)
    usual = [library, os.path.join(library, "ggml"), *_below(os.path.join(library, "ggml"))]
    usual += [os.path.join(folder, name) for folder in (above, os.path.dirname(above)) for name in ("bin", "libexec")]
    for folder in usual:
        names = [_MODULE.fullmatch(os.path.basename(path)) for path in _below(folder)]
        if any(name and name[1] == "cpu" for name in names):
            for name in filter(None, names):
                if name[1] != "base":
                    found.setdefault(name[1], {})[name[2] or ""] = os.path.join(folder, name[0])
            return found
    lib.llamacffi_load_all()
    return {name: {"": path} for name, (path, _) in linked().items()}


def _below(folder: str) -> list[str]:
    try:
        return sorted(os.path.join(folder, name) for name in os.listdir(folder))
    except OSError:
        return []
