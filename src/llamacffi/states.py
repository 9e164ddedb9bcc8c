"""What a context remembers, as bytes and in files."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Optional, Union

import llamacffi

from .errors import ArgumentTypeError, LlamaError, reason
from .files import path_name, replacing
from .native import encode_path, ffi
from .tokens import as_tokens
from .types import llama_context_p

if TYPE_CHECKING:
    from .tokens import Tokens
    from .types import BufferLike

_new = ffi.new_allocator(should_clear_after_alloc=False)


def read(handle: llama_context_p, seq: Optional[int]) -> bytes:
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


def write(handle: llama_context_p, data: BufferLike, seq: Optional[int]) -> None:
    """Restore a state."""
    try:
        memory = ffi.from_buffer("uint8_t[]", data)
    except TypeError as error:
        raise ArgumentTypeError(f"a state is bytes, and not {type(data).__name__}: {error}") from None
    size = len(memory)
    if seq is None:
        n = llamacffi.llama_state_set_data(handle, memory, size)
    else:
        n = llamacffi.llama_state_seq_set_data(handle, memory, size, seq)
    if not n or n != size:
        what = "this context" if seq is None else "a sequence of this context"
        raise LlamaError(f"these {size} bytes are not a state of {what}", native=reason())


def save(handle: llama_context_p, path: Union[str, os.PathLike[str]], tokens: Tokens, seq: Optional[int]) -> None:
    """Write a state to a file, whole or not at all."""
    ids, n = as_tokens(tokens)
    target = path_name(path)
    try:
        with replacing(target) as fresh:
            name = encode_path(fresh)
            if seq is None:
                size = 12 + 4 * n + llamacffi.llama_state_get_size(handle)  # behind the header that load() reads
                done = llamacffi.llama_state_save_file(handle, name, ids, n)
            else:
                size = llamacffi.llama_state_seq_save_file(handle, name, seq, ids, n)
                done = size > 0
            if not done or os.path.getsize(fresh) != size:
                raise LlamaError(f"{target}: the state could not be written", native=reason())
    except OSError as error:
        raise LlamaError(f"{target}: the state could not be written: {error.strerror or error}") from None


def load(handle: llama_context_p, path: Union[str, os.PathLike[str]], seq: Optional[int]) -> list[int]:
    """Restore a state from a file; the tokens that were saved with it."""
    name = path_name(path)
    room = _n_tokens(name, seq)
    tokens, found = ffi.new("llama_token[]", max(room, 1)), ffi.new("size_t *")
    encoded = encode_path(name)
    if seq is None:
        done = llamacffi.llama_state_load_file(handle, encoded, tokens, room, found)
    else:
        done = llamacffi.llama_state_seq_load_file(handle, encoded, seq, tokens, room, found) > 0
    if not done:
        raise LlamaError(f"{name}: the state does not fit this context, or is damaged", native=reason())
    return list(tokens[0 : found[0]])


def _n_tokens(name: str, seq: Optional[int]) -> int:
    """How many tokens a state's file has, by its header: a magic number, a version, and this number."""
    whole = llamacffi.LLAMA_SESSION_MAGIC, llamacffi.LLAMA_SESSION_VERSION
    single = llamacffi.LLAMA_STATE_SEQ_MAGIC, llamacffi.LLAMA_STATE_SEQ_VERSION
    try:
        with open(name, "rb") as file:
            header = file.read(12)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise LlamaError(f"{name}: {error.strerror}") from None
    if len(header) < 12:
        raise LlamaError(f"{name}: is no state of a context")
    magic, version, n_tokens = struct.unpack("=3I", header)
    expected, other = (whole, single) if seq is None else (single, whole)
    if magic == other[0]:
        kind, use = (
            ("a single sequence", "give its number as seq") if seq is None else ("a whole context", "leave seq out")
        )
        raise LlamaError(f"{name}: is the state of {kind}: {use}")
    if magic != expected[0]:
        raise LlamaError(f"{name}: is no state of a context")
    if version != expected[1]:
        raise LlamaError(f"{name}: was written by another llama.cpp: version {version} of the file, here {expected[1]}")
    if n_tokens * 4 > size:
        raise LlamaError(f"{name}: is damaged: it is too short for its {n_tokens} tokens")
    return int(n_tokens)
