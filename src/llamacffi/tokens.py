"""Tokens as C takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union, cast

from .errors import ArgumentRangeError, ArgumentTypeError, InvalidArgumentError
from .native import ffi
from .types import int32_t_array

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .types import BufferLike

    Tokens = Union[Iterable[int], BufferLike]
    """Integers: a list, a range, an array of them, or what gives them one by one."""

_TOKENS = ffi.typeof("llama_token[]")


def as_tokens(tokens: Any, name: str = "tokens", *, single: bool = False) -> tuple[int32_t_array, int]:
    """Tokens as an array of C's, without a copy if they are 32-bit integers side by side.

    Args:
        tokens: a NumPy array of one dimension, an `array.array`, a list, a range or any other iterable of integers; or
            a `llama_token[]`. Bytes are refused: elsewhere they are a text.
        name: what they are, for messages.
        single: whether a single integer will do as well.

    Returns:
        `llama_token[]`, which keeps the memory alive, and how many there are.

    Raises:
        InvalidArgumentError: these are no 32-bit integers.
    """
    given: Any = tokens
    if type(tokens) is not list:
        if isinstance(tokens, ffi.CData):
            type_ = ffi.typeof(tokens)
            if type_.kind == "array" and type_.item is _TOKENS.item:
                array = cast("int32_t_array", tokens)
                return array, len(array)
        elif not isinstance(tokens, (bytes, bytearray)):
            try:
                memory = memoryview(tokens)
            except TypeError:  # no memory of its own
                given = [tokens] if single and hasattr(tokens, "__index__") else tokens
            else:
                if memory.ndim > 1:
                    raise InvalidArgumentError(f"{name} of shape {memory.shape}: they must be in one row")
                # "l" is what NumPy on Windows calls them.
                if memory.format in ("i", "l") and memory.itemsize == 4 and memory.c_contiguous and memory.ndim:
                    return ffi.from_buffer(_TOKENS, tokens), len(memory)
                if len(memory.format.lstrip("@=<>!")) != 1:  # structs and the like, which have no list
                    problem = f"they must be 32-bit integers, and these have the format {memory.format!r}"
                    raise ArgumentTypeError(f"{name}: {problem}", argument=name)
                values = tokens.tolist() if hasattr(tokens, "tolist") else memory.tolist()
                given = values if memory.ndim or not single else [values]
    try:
        if isinstance(tokens, (str, bytes, bytearray)):
            raise TypeError(f"this is {type(tokens).__name__}")
        ids = ffi.new(_TOKENS, given if type(given) is list else list(given))
    except OverflowError as error:
        raise ArgumentRangeError(f"{name}: they must be 32-bit integers: {error}", argument=name) from None
    except TypeError as error:
        raise ArgumentTypeError(f"{name}: they must be 32-bit integers: {error}", argument=name) from None
    return ids, len(ids)
