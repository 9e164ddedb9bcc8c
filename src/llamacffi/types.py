"""The C types for annotations: `llama_model_p` is `struct llama_model *`, `llama_batch` the struct itself, `float_p` is
`float *`, and `float_array` an array of them.

Type checkers know each as a class of its own, from a stub that is generated from llama.cpp's headers. At run time cffi
has one class for all C values, and each of these names is that class, `ffi.CData`.
"""

from __future__ import annotations

from .native import ffi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return ffi.CData
