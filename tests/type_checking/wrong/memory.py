"""Structs, their fields, pointers and arrays."""

from __future__ import annotations

import llamacffi
from llamacffi import ffi, lib
from llamacffi.types import llama_batch, llama_batch_p, llama_context_p, llama_token_data_array_p


def no_such_field() -> None:
    params = llamacffi.llama_context_default_params()
    params.n_ctxx = 4096  # WRONG


def text_in_number() -> None:
    params = llamacffi.llama_context_default_params()
    params.n_ctx = "4096"  # WRONG


def fraction_in_integer() -> None:
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0.5  # WRONG


def python_function_in_field() -> None:
    params = lib.llama_model_default_params()
    params.progress_callback = print  # WRONG


def floats_in_integers(batch: llama_batch) -> None:
    batch.token = ffi.new("float[]", 4)  # WRONG


def no_such_field_to_read(batch: llama_batch) -> int:
    return batch.n_token  # WRONG


def field_of_a_pointed_to(candidates: llama_token_data_array_p) -> int:
    return candidates.length  # WRONG


def floats_for_tokens() -> llama_batch:
    return lib.llama_batch_get_one(ffi.new("float[]", 4), 4)  # WRONG


def pointer_for_struct(ctx: llama_context_p) -> int:
    return lib.llama_decode(ctx, ffi.new("struct llama_batch *"))  # WRONG


def struct_for_pointer() -> int:
    return lib.llama_model_quantize(b"in.gguf", b"out.gguf", lib.llama_model_quantize_default_params())  # WRONG


def another_struct() -> llama_batch_p:
    return ffi.new("struct llama_model_params *")  # WRONG


def text_in_element() -> None:
    pointer = ffi.new("int32_t *")
    pointer[0] = "1"  # WRONG


def element_as_text() -> str:
    return ffi.new("float[]", 4)[0]  # WRONG


def length_of_a_pointer(batch: llama_batch) -> int:
    return len(batch.token)  # WRONG


def iterated_pointer(batch: llama_batch) -> list[int]:
    return list(batch.token)  # WRONG


def pointer_plus_text(batch: llama_batch) -> object:
    return batch.token + "1"  # WRONG


def number_as_buffer() -> object:
    return ffi.from_buffer("float[]", 4)  # WRONG
