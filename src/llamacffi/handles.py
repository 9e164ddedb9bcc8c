"""Handles that cross to C code of the user's own, to Cython and to ctypes, and back."""

from __future__ import annotations

import sys

from .errors import FreedHandleError, InvalidArgumentError
from .native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from .types import AnyPointer

    Handle = TypeVar("Handle", bound=AnyPointer)


def address_of(handle: AnyPointer) -> int:
    """A handle's address, for code that is not cffi's: `ctypes.c_void_p(address)`, `<llama_model *><uintptr_t>address`.

    The handle still belongs to whom it belonged. If the other code frees it, it must not be used here any more, which
    this package can't know then.

    Args:
        handle: a pointer to one of llama.cpp's structs, or any other pointer of cffi's.

    Raises:
        InvalidArgumentError: it is no pointer, or NULL.
        FreedHandleError: it was freed.
    """
    kind = struct_name(handle)
    if kind is None or not handle:
        raise InvalidArgumentError(f"address_of: {handle!r} is not a pointer of cffi's, or is NULL")
    if is_freed(handle):
        raise FreedHandleError(f"address_of: this {kind.decode()} was freed")
    return int(ffi.cast("uintptr_t", handle))


def is_freed(handle: AnyPointer) -> bool:
    """Whether a handle is one that was freed through this package."""
    return bool(lib.llamacffi_is_freed(struct_name(handle), ffi.cast("void *", handle)))


def from_address(c_type: str, address: Any) -> Any:
    """A handle that other code has made or handed on, known to this package from now on, as `adopt` makes it.

    It is the inverse of `address_of`, and gives back the handle that has this address here, if there is one. If the
    other code will free it, don't free it here, and the other way round.

    Args:
        c_type: the handle's type in C, "struct llama_model *" or "llama_model_p" for instance.
        address: an integer, a `ctypes.c_void_p` or a ctypes pointer. Whether there is such an object, and whether it is
            alive, can't be checked.

    Raises:
        InvalidArgumentError: that is not the type of a handle, not an address, or NULL.
    """
    try:
        pointer = ffi.cast(c_type, _integer(address))
    except (TypeError, ffi.error) as error:
        raise InvalidArgumentError(f"from_address: {c_type!r}, {address!r}: {error}") from None
    return _adopt("from_address", pointer)


def adopt(handle: Handle) -> Handle:
    """Make a handle known that did not come out of this package's functions, as one that C code of your own made.

    Args:
        handle: a pointer to one of llama.cpp's structs, as another cffi module returns it. It must be alive, and may be
            freed through this package from now on.

    Returns:
        The same.

    Raises:
        InvalidArgumentError: it is no such pointer, or NULL.
    """
    return _adopt("adopt", handle)


def _adopt(function: str, handle: Handle) -> Handle:
    kind = struct_name(handle)
    if kind is None or not lib.llamacffi_adopt(kind, ffi.cast("void *", handle)):
        raise InvalidArgumentError(
            f"{function}: {handle!r} is not a handle: a pointer to a struct of llama.cpp's, not NULL"
        )
    return handle


def struct_name(handle: Any) -> Any:
    """The name of the C struct that a pointer points to, without "struct"; None if it is no pointer."""
    type_ = ffi.typeof(handle) if isinstance(handle, ffi.CData) else None
    return type_.item.cname.replace("struct ", "").encode() if type_ and type_.kind == "pointer" else None


def _integer(address: Any) -> int:
    from operator import index

    ctypes: Any = sys.modules.get("ctypes")  # its objects come from one who has imported it
    if ctypes and isinstance(address, (ctypes.c_void_p, ctypes._Pointer)):
        return ctypes.cast(address, ctypes.c_void_p).value or 0
    return index(address)
