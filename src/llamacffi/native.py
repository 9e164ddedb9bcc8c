"""The door to the compiled extension, and where the libraries and headers that ship with it are.

Importing this loads the extension and llama.cpp's core libraries, and no backend.
"""

from __future__ import annotations

import faulthandler
import os
import sys

_PACKAGE = os.path.dirname(os.path.abspath(__file__))

if sys.platform == "win32":
    os.add_dll_directory(os.path.join(_PACKAGE, "lib"))

from ._llamacffi import ffi, lib  # noqa: E402  (Windows must know the folder first)

__all__ = [
    "encode_path",
    "ffi",
    "get_include",
    "get_library_dir",
    "lib",
    "llama_cpp_commit",
    "llama_cpp_version",
    "report",
]


def get_include() -> str:
    """The folder of llama.cpp's headers, for a C compiler's `-I`."""
    return os.path.join(_PACKAGE, "include")


def get_library_dir() -> str:
    """The folder of the libraries that the extension is linked with, and of the backends' modules."""
    return os.path.join(_PACKAGE, "lib")


def encode_path(path: str) -> bytes:
    """A path as llama.cpp takes it: UTF-8 on Windows, the file system's own bytes elsewhere."""
    return path.encode("utf-8") if sys.platform == "win32" else os.fsencode(path)


def llama_cpp_version() -> str:
    """The version of llama.cpp that is loaded, "0.5.0-dev"; "unknown" if it is too old to tell."""
    return _told_by("llama_version")


def llama_cpp_commit() -> str:
    """The commit of llama.cpp that is loaded, abbreviated; "unknown" if its source did not say."""
    return _told_by("ggml_commit")


def _told_by(name: str) -> str:
    function = getattr(lib, name, None)
    return ffi.string(function()).decode() if function else "unknown"


def report(problem: str) -> None:
    """Tell on standard error what a function that must not raise has no other way to tell."""
    if sys.stderr is not None:
        print(f"llamacffi: {problem}", file=sys.stderr, flush=True)


def _show_where_python_is() -> None:
    """Have Python's stack printed when native code ends the process: what no guard catches should be seen."""
    if not faulthandler.is_enabled():
        try:
            faulthandler.enable()
        except (AttributeError, OSError, RuntimeError, ValueError):  # there is no standard error, or no file behind it
            return


_show_where_python_is()
