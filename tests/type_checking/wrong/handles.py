"""Handles in the place of others, NULL where it may not be, handles freed by another's function."""

from __future__ import annotations

import llamacffi
from llamacffi import ffi, lib
from llamacffi.types import (
    gguf_context_p,
    llama_adapter_lora_p,
    llama_batch,
    llama_context_p,
    llama_memory_t,
    llama_model_p,
    llama_sampler_p,
    llama_vocab_p,
)


def context_for_model(ctx: llama_context_p) -> int:
    return lib.llama_model_n_params(ctx)  # WRONG


def context_for_model_checked(ctx: llama_context_p) -> int:
    return llamacffi.llama_model_n_params(ctx)  # WRONG


def model_for_vocab(model: llama_model_p) -> int:
    return lib.llama_vocab_n_tokens(model)  # WRONG


def vocab_for_model(vocab: llama_vocab_p) -> int:
    return llamacffi.llama_model_n_layer(vocab)  # WRONG


def model_for_context(model: llama_model_p, batch: llama_batch) -> int:
    return llamacffi.llama_decode(model, batch)  # WRONG


def memory_for_context(memory: llama_memory_t) -> None:
    llamacffi.llama_synchronize(memory)  # WRONG


def context_in_chain(chain: llama_sampler_p, ctx: llama_context_p) -> None:
    lib.llama_sampler_chain_add(chain, ctx)  # WRONG


def freed_as_context(model: llama_model_p) -> None:
    lib.llama_free(model)  # WRONG


def freed_as_sampler(ctx: llama_context_p) -> None:
    llamacffi.llama_sampler_free(ctx)  # WRONG


def model_for_gguf(model: llama_model_p) -> int:
    return llamacffi.gguf_get_n_kv(model)  # WRONG


def gguf_for_tensor(gguf: gguf_context_p) -> int:
    return lib.ggml_nbytes(gguf)  # WRONG


def models_for_adapters(ctx: llama_context_p, models: list[llama_model_p]) -> int:
    return llamacffi.llama_set_adapters_lora(ctx, models, len(models), [1.0])  # WRONG


def adapter_of_context(ctx: llama_context_p) -> llama_adapter_lora_p:
    return llamacffi.llama_adapter_lora_init(ctx, "adapter.gguf")  # WRONG


def none_for_model() -> int:
    return llamacffi.llama_model_n_params(None)  # WRONG


def none_through_lib(model: llama_model_p) -> int:
    return lib.llama_free(None)  # WRONG


def null_for_model() -> int:
    return lib.llama_model_n_params(ffi.NULL)  # WRONG


def address_for_model() -> int:
    return llamacffi.llama_model_n_params(0x7F0000001000)  # WRONG


def cast_to_another() -> int:
    return lib.llama_n_ctx(ffi.cast("struct llama_model *", 0x7F0000001000))  # WRONG


def result_is_another() -> llama_context_p:
    return lib.llama_model_load_from_file(b"model.gguf", lib.llama_model_default_params())  # WRONG


def text_has_no_address() -> int:
    return llamacffi.address_of("model")  # WRONG


def number_to_adopt() -> object:
    return llamacffi.adopt(1)  # WRONG
