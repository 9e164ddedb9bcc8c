"""llama.cpp's whole C API for Python, through cffi.

`lib` and `ffi` are cffi's own objects over the compiled extension. Every C function and constant is also
`llamacffi.<name>`, looked up when it is first used and kept in the module from then on.
"""

from __future__ import annotations

from . import facade
from .errors import BackendError, LlamaError
from .native import ffi, get_include, get_library_dir, lib, llama_cpp_commit, llama_cpp_version

__version__ = "0.1.0"

_PUBLIC = [
    *("BackendError", "LlamaError", "__version__", "ffi", "get_include", "get_library_dir", "lib"),
    *("llama_cpp_commit", "llama_cpp_version"),
]


def __getattr__(name: str) -> object:
    # Kept: asking again costs several times what the call itself does.
    value = globals()[name] = _PUBLIC + facade.names() if name == "__all__" else facade.resolve(name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC, *facade.names()})
