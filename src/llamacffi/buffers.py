"""The memory of Python's objects, buffers' and ctypes': whether its elements are what a C pointer points to."""

from __future__ import annotations

import sys

from .native import ffi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_VOID = ffi.typeof("void")
_CHAR = ffi.typeof("char")
# Python's characters for numbers in buffers, by kind (see _kind).
_FORMATS = {
    **dict.fromkeys("bhilqn", "i"),
    **dict.fromkeys("BHILQN", "u"),
    **dict.fromkeys("efdg", "f"),
    "?": "?",
    "c": "c",
    "P": "P",
}


def is_same(here: ffi.CType, there: ffi.CType) -> bool:
    """Whether two types of numbers are the same in memory; bytes of any kind are."""
    size = ffi.sizeof(here)
    return bool(size == ffi.sizeof(there)) and (size == 1 or _kind(here) == _kind(there))


def _kind(type_: ffi.CType) -> str:
    """i, u, f, ?, c: a number with a sign, without one, with a fraction, a truth value, a character."""
    zero = ffi.new(ffi.getctype(type_, "*"))[0]
    for python, kind in ((float, "f"), (bool, "?"), (bytes, "c")):
        if isinstance(zero, python):
            return kind
    return "i" if int(ffi.cast(type_, -1)) < 0 else "u"


def fits(item: ffi.CType, view: memoryview) -> bool:
    """Whether a buffer's elements are what a pointer to `item` points to."""
    if item is _VOID:
        return True
    size = ffi.sizeof(item)
    code = view.format
    if code[0] in "<>=!@":
        if size > 1 and code[0] in (">!" if sys.byteorder == "little" else "<"):
            return False
        code = code[1:]
    if view.itemsize != size:
        return False
    if item.kind in ("struct", "union"):
        return code.startswith("T{") or (size == 2 and code == "H")  # ggml_bf16_t
    if item.kind == "pointer":
        return code == "P" or code.startswith("&T{") or (code == "z" and item.item is _CHAR)
    if size == 1:
        return code in "bBc?"
    kind = _FORMATS.get(code, "")
    return kind == _kind(item) or (code == "e" and item.cname == "uint16_t")  # ggml_fp16_t


def element(view: memoryview) -> str:
    """A buffer's element in words: int32, uint8, float64; as the buffer has it if it is nothing of the kind."""
    code = view.format.lstrip("<>=!@")
    words = {"i": "int", "u": "uint", "f": "float"}
    word = words.get(_FORMATS.get(code, ""))
    order = " of the other byte order" if view.format[0] in ("<" if sys.byteorder == "big" else ">!") else ""
    return f"{word}{view.itemsize * 8}{order}" if word else f"{view.format!r}"


def ctypes_address(item: ffi.CType, value: Any) -> Optional[tuple[int, Optional[int]]]:
    """The address that a ctypes pointer has, and the bytes behind it if they are known; None if it is none, or of
    another type."""
    ctypes = sys.modules.get("ctypes")
    if not ctypes:
        return None
    room: Optional[int] = None
    if isinstance(value, (ctypes.c_void_p, ctypes.c_char_p)):
        if isinstance(value, ctypes.c_char_p) and item is not _VOID and item is not _CHAR:
            return None
    elif isinstance(value, ctypes._Pointer):  # on PyPy byref's, too
        if value and not _points_to(item, value.contents):
            return None
    elif hasattr(value, "_obj"):  # byref
        if not _points_to(item, value._obj):
            return None
        offset = (ctypes.cast(value, ctypes.c_void_p).value or 0) - ctypes.addressof(value._obj)
        room = ctypes.sizeof(value._obj) - offset
    else:
        return None
    return ctypes.cast(value, ctypes.c_void_p).value or 0, room


def _points_to(item: ffi.CType, target: Any) -> bool:
    """Whether what a ctypes pointer points to is an `item`; of an opaque struct, ctypes can know no more."""
    try:
        return item is _VOID or fits(item, memoryview(target))
    except ffi.error:
        return isinstance(target, sys.modules["ctypes"].Structure)
