"""The door to the compiled extension, and where the libraries and headers that ship with it are.

Importing this loads the extension and llama.cpp's core libraries, and no backend.
"""

from __future__ import annotations

import faulthandler
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from .types import char_p

PACKAGE = os.path.dirname(os.path.abspath(__file__))
"""The package's folder."""

if sys.platform == "win32":
    os.add_dll_directory(os.path.join(PACKAGE, "lib"))

try:
    from ._llamacffi import ffi, lib
except ImportError as _error:
    from .manifest import explained

    raise explained(_error, PACKAGE) from None

__all__ = [
    "PACKAGE",
    "encode_path",
    "ffi",
    "get_include",
    "get_library_dir",
    "lib",
    "llama_cpp_commit",
    "llama_cpp_version",
    "report",
    "text_of",
    "told",
    "user_prefix",
]


def get_include() -> str:
    """The folder of llama.cpp's headers, for a C compiler's `-I`."""
    own = user_prefix()
    return own["include"] if own else os.path.join(PACKAGE, "include")


def get_library_dir() -> str:
    """The folder of the libraries that the extension is linked with; if they are ours, of the modules, too."""
    own = user_prefix()
    return own["library"] if own else os.path.join(PACKAGE, "lib")


def user_prefix() -> Optional[dict[str, str]]:
    """The folders `include` and `library` of the user's own libllama, which `LLAMACFFI_PREFIX` named at build time.

    None if libllama is the package's.
    """
    if os.path.isdir(os.path.join(PACKAGE, "lib")):
        return None
    from .manifest import read

    own: Optional[dict[str, str]] = read("manifest.json", PACKAGE).get("prefix")
    return own


def encode_path(path: str) -> bytes:
    """A path as llama.cpp takes it: UTF-8 on Windows, the file system's own bytes elsewhere."""
    return path.encode("utf-8") if sys.platform == "win32" else os.fsencode(path)


def text_of(string: char_p, exact: bool = False) -> str:
    """A text of C's.

    Args:
        string: `char *`, not NULL, which a NUL ends.
        exact: whether bytes that are no UTF-8 become surrogate escapes, which encode to them again: for names, metadata
            and tokens. Otherwise they are replaced: for what people read.
    """
    return str(ffi.string(string).decode("utf-8", "surrogateescape" if exact else "replace"))


def llama_cpp_version() -> str:
    """The version of llama.cpp that is loaded, "0.5.0-dev"; "unknown" if it is too old to tell."""
    return _told_by("llama_version")


def llama_cpp_commit() -> str:
    """The commit of llama.cpp that is loaded, abbreviated; "unknown" if its source did not say."""
    return _told_by("ggml_commit")


def _told_by(name: str) -> str:
    function = getattr(lib, name, None)
    return text_of(function()) if function else "unknown"


# What depends on nothing but the library's build; tools/told.py asked the same ones, and told.h has them in this order.
_TOLD = ("ggml_commit", "ggml_tensor_overhead", "ggml_version", "llama_version")


def told() -> str:
    """What the loaded libraries tell of themselves: "ggml_commit 0c1e57098, …"."""
    answers = ((name, getattr(lib, name, None)) for name in _TOLD)
    values = ((name, function()) for name, function in answers if function)
    texts = (f"{name} {value if type(value) is int else text_of(value)}" for name, value in values)
    return ", ".join(texts)


def _compare() -> None:
    """See that the loaded libraries are those that the extension was compiled for, or like them.

    Raises:
        ImportError: they are not.
    """
    measure = ffi.new("struct llamacffi_measure *")
    index, differs = 0, told() != text_of(lib.llamacffi_told())
    while not differs:
        differs = lib.llamacffi_differs(index, measure)
        if not measure.function:
            return
        index += 1
    from .manifest import compare

    compare(ffi, lib, PACKAGE)


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


_compare()
_show_where_python_is()
