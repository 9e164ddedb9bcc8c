"""The types of the values in GGUF's metadata, and Python's values as C takes them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from .errors import ArgumentTypeError, InvalidArgumentError
from .native import lib

NUMBERS = {
    "u8": "B",
    "i8": "b",
    "u16": "H",
    "i16": "h",
    "u32": "I",
    "i32": "i",
    "f32": "f",
    "u64": "Q",
    "i64": "q",
    "f64": "d",
}
"""Python's character for each of GGUF's types of numbers, by the name in C's `gguf_get_val_…` and `gguf_set_val_…`."""
TYPES = {
    "u8": lib.GGUF_TYPE_UINT8,
    "i8": lib.GGUF_TYPE_INT8,
    "u16": lib.GGUF_TYPE_UINT16,
    "i16": lib.GGUF_TYPE_INT16,
    "u32": lib.GGUF_TYPE_UINT32,
    "i32": lib.GGUF_TYPE_INT32,
    "f32": lib.GGUF_TYPE_FLOAT32,
    "bool": lib.GGUF_TYPE_BOOL,
    "str": lib.GGUF_TYPE_STRING,
    "u64": lib.GGUF_TYPE_UINT64,
    "i64": lib.GGUF_TYPE_INT64,
    "f64": lib.GGUF_TYPE_FLOAT64,
}
"""GGUF's types of single values, by name: `GGUF_TYPE_…`."""
NAMES = {number: name for name, number in TYPES.items()}
"""The names by `GGUF_TYPE_…`."""


def as_key(text: str) -> bytes:
    """A name as C takes it.

    Raises:
        InvalidArgumentError: it is no str, or has a NUL.
    """
    if not isinstance(text, str):
        raise ArgumentTypeError(f"{text!r}: a str is needed")
    if "\0" in text:
        raise InvalidArgumentError(f"{text!r}: has a NUL character")
    return text.encode("utf-8", "surrogateescape")


def as_c(key: str, kind: str, values: Sequence[Any]) -> Any:
    """Values as an array of C's: bytes for texts.

    Raises:
        InvalidArgumentError: one is of another type, or too large for this one.
    """
    try:
        if kind == "str":
            return [as_key(value) for value in values]
        if kind == "bool":
            return array("b", [(False, True).index(value) for value in values])
        if any(isinstance(value, bool) for value in values):
            raise TypeError("a bool")
        return array(NUMBERS[kind], values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"{key}: does not fit the type {kind}: {error}") from None


def kept_type(before: str, values: Sequence[Any], is_list: bool) -> str:
    """The type that a key has, if the values fit it; else ""."""
    kind = before.removesuffix("[]")
    if not before or is_list != before.endswith("[]"):
        return ""
    try:
        as_c("", kind, values)
    except InvalidArgumentError:
        return ""
    return kind


def chosen_type(key: str, values: Sequence[Any], is_list: bool, dtype: Any) -> str:
    """The type of values for which nobody has named one, by `GGUF.set`'s rules.

    Args:
        key: whose values, for messages.
        values: Python's, as a list.
        is_list: whether they are to be a list in the file, too.
        dtype: of the NumPy array that they come from; None, if they come from none.
    """
    if dtype is not None and is_list:
        kind = {"b": "bool", "U": "str"}.get(dtype.kind, f"{dtype.kind}{8 * dtype.itemsize}")
        return "f32" if kind == "f16" else kind
    kinds: set[type] = {type(value) for value in values}
    if kinds and kinds <= {int, float, bool, str}:
        if kinds in ({bool}, {str}):
            return kinds.pop().__name__
        if kinds == {int}:
            return next(
                (
                    kind
                    for kind in (("i32", "i64", "u64") if is_list else ("u32", "i32", "u64", "i64"))
                    if _fits(kind, values)
                ),
                "i64",
            )
        if kinds <= {int, float}:
            return "f32"
    raise InvalidArgumentError(f"{key} = {values!r:.200}: GGUF has bool, int, float, str, and lists of one of these")


def _fits(kind: str, values: Sequence[int]) -> bool:
    try:
        array(NUMBERS[kind], values)
    except OverflowError:
        return False
    return True
