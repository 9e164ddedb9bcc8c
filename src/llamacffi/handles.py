"""Handles that C code of the user's own has made."""

from __future__ import annotations

from .errors import InvalidArgumentError
from .native import ffi, lib


def adopt(handle: ffi.CData) -> ffi.CData:
    """Make a handle known that did not come out of this package's functions, as one that C code of your own made.

    Args:
        handle: a pointer to one of llama.cpp's structs, `ffi.cast("struct llama_model *", address)` for instance. It
            must be alive, and be freed through this package from now on.

    Returns:
        The same.

    Raises:
        InvalidArgumentError: it is no such pointer, or NULL.
    """
    type_ = ffi.typeof(handle)
    name = type_.item.cname.replace("struct ", "") if type_.kind == "pointer" else ""
    if not lib.llamacffi_adopt(name.encode(), ffi.cast("void *", handle)):
        raise InvalidArgumentError(f"adopt: {handle!r} is not a handle: a pointer to a struct of llama.cpp's, not NULL")
    return handle
