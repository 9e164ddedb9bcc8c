"""The extension, which build_ffi.py compiles. To type checkers `ffi` and `lib` are modules, as they nearly are."""

from . import _ffi as ffi
from . import _lib as lib

__all__ = ["ffi", "lib"]
