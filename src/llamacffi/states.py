"""What a context remembers, as bytes and in files."""

from __future__ import annotations

import os
import struct
from typing import Any, Optional, Union

import llamacffi

from .batch import as_tokens
from .errors import InvalidArgumentError, LlamaError, reason
from .native import encode_path, ffi

_new = ffi.new_allocator(should_clear_after_alloc=False)


def read(handle: ffi.CData, seq: Optional[int]) -> bytes:
    """The state of a context, or of one of its sequences."""
    if seq is None:
        size = llamacffi.llama_state_get_size(handle)
        data = _new("uint8_t[]", size)
        n = llamacffi.llama_state_get_data(handle, data, size)
    else:
        size = llamacffi.llama_state_seq_get_size(handle, seq)
        data = _new("uint8_t[]", size)
        n = llamacffi.llama_state_seq_get_data(handle, data, size, seq)
    if size and not n:
        raise LlamaError("llama.cpp could not save the state", native=reason())
    return bytes(ffi.buffer(data, n))


def write(handle: ffi.CData, data: Any, seq: Optional[int]) -> None:
    """Restore a state."""
    memory = ffi.from_buffer("uint8_t[]", data)
    size = len(memory)
    if seq is None:
        n = llamacffi.llama_state_set_data(handle, memory, size)
    else:
        n = llamacffi.llama_state_seq_set_data(handle, memory, size, seq)
    if n != size:
        what = "this context" if seq is None else "a sequence of this context"
        raise LlamaError(f"these {size} bytes are not a state of {what}", native=reason())


def save(handle: ffi.CData, path: Union[str, os.PathLike[str]], tokens: Any, seq: Optional[int]) -> None:
    """Write a state to a file, whole or not at all."""
    ids, n = as_tokens(tokens)
    with whole_file(path) as fresh:
        name = encode_path(fresh)
        if seq is None:
            done = llamacffi.llama_state_save_file(handle, name, ids, n)
        else:
            done = llamacffi.llama_state_seq_save_file(handle, name, seq, ids, n)
        if not done:
            raise LlamaError(f"{os.fspath(path)}: the state could not be written", native=reason())
