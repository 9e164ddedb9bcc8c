"""Texts that C writes into a buffer, as the metadata of models and adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import llamacffi

from .native import ffi
from .types import char_array


def read_metadata(prefix: str, handle: ffi.CData) -> Mapping[str, str]:
    """The metadata of a model or adapter, whose C functions have this prefix."""
    key_at = getattr(llamacffi, f"{prefix}_meta_key_by_index")
    value_at = getattr(llamacffi, f"{prefix}_meta_val_str_by_index")
    count = getattr(llamacffi, f"{prefix}_meta_count")(handle)
    pairs = ((read_text(partial(key_at, handle, i)), read_text(partial(value_at, handle, i))) for i in range(count))
    return MappingProxyType(dict(sorted(pairs)))


def read_text(write: Callable[[char_array, int], int]) -> str:
    """The text that a C function writes to a buffer, of whatever length: it returns which one that is."""
    room = 256
    while True:
        buffer = ffi.new("char[]", room)
        n = write(buffer, room)
        if n < room:
            return str(ffi.buffer(buffer, max(n, 0))[:].decode("utf-8", "surrogateescape"))
        room = n + 1
