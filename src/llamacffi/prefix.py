"""The backends of a libllama that is the user's own: those that are linked with it, and the folder of its modules.

ggml's own search looks for modules in the current folder as well, which ours must not.
"""

from __future__ import annotations

import os
from typing import Any

from .native import ffi, get_library_dir, lib

__all__ = ["linked", "modules_folder"]


def linked() -> dict[str, tuple[str, Any]]:
    """The backends that ggml knows before any module is loaded: name to file, and a handle of it."""
    found: dict[str, tuple[str, Any]] = {}
    index = 0
    while True:
        registered = lib.llamacffi_registered(index)
        if not registered:
            return found
        name = ffi.string(lib.ggml_backend_reg_name(registered)).decode("utf-8", "replace").lower()
        # The registration lies in the library that it is of.
        file = lib.llamacffi_file_of(registered)
        found[name] = (os.fsdecode(ffi.string(file)) if file else "", lib.llamacffi_module_open(file) if file else ffi.NULL)
        index += 1


def modules_folder() -> str:
    """Where this ggml's modules are: GGML_BACKEND_DIR of its build, or where they are usually installed; "" if nowhere.

    It has none if the CPU's backend is linked with it: GGML_BACKEND_DL is for all or none.
    """
    if "cpu" in linked():
        return ""
    library = get_library_dir()
    above = os.path.dirname(library)
    usual = [library, os.path.join(library, "ggml"), *_below(os.path.join(library, "ggml"))]
    usual += [os.path.join(folder, name) for folder in (above, os.path.dirname(above)) for name in ("bin", "libexec")]
    return next((folder for folder in [*_compiled_in(), *usual] if _has_modules(folder)), "")


def _compiled_in() -> list[str]:
    """The paths in libggml: GGML_BACKEND_DIR, which no function tells, is one of them."""
    with open(os.fsdecode(ffi.string(lib.llamacffi_ggml_file())), "rb") as file:
        texts = file.read().split(b"\0")
    return [os.fsdecode(text) for text in texts if text.startswith(b"/") and len(text) < 4096]


def _below(folder: str) -> list[str]:
    try:
        return sorted(os.path.join(folder, name) for name in os.listdir(folder))
    except OSError:
        return []


def _has_modules(folder: str) -> bool:
    return any(os.path.basename(path).startswith("libggml-cpu") for path in _below(folder))
