"""Functions and constants that there are not, arguments that are too many, too few, or of another type, results."""

from __future__ import annotations

import llamacffi
from llamacffi import ffi, lib
from llamacffi.types import llama_context_p, llama_model_p, llama_vocab_p


def text_through_lib() -> llama_model_p:
    return lib.llama_model_load_from_file("model.gguf", lib.llama_model_default_params())  # WRONG


def number_for_path() -> llama_model_p:
    return llamacffi.llama_model_load_from_file(3, llamacffi.llama_model_default_params())  # WRONG


def parameters_of_another() -> llama_model_p:
    return llamacffi.llama_model_load_from_file("model.gguf", llamacffi.llama_context_default_params())  # WRONG


def too_many(ctx: llama_context_p) -> int:
    return llamacffi.llama_n_ctx(ctx, 1)  # WRONG


def too_many_through_lib(ctx: llama_context_p) -> int:
    return lib.llama_n_ctx(ctx, 1)  # WRONG


def too_few(ctx: llama_context_p) -> int:
    return llamacffi.llama_decode(ctx)  # WRONG


def another_keyword(vocab: llama_vocab_p) -> bool:
    return llamacffi.llama_vocab_is_eog(vocab, tokens=3)  # WRONG


def keyword_through_lib(ctx: llama_context_p) -> int:
    return lib.llama_n_ctx(ctx=ctx)  # WRONG


def no_such_function(model: llama_model_p) -> None:
    lib.llama_modle_free(model)  # WRONG


def no_such_checked_function(model: llama_model_p) -> None:
    llamacffi.llama_modle_free(model)  # WRONG


def no_such_constant() -> int:
    return llamacffi.LLAMA_VOCAB_TYPE_BPF  # WRONG


def no_such_constant_in_lib() -> int:
    return lib.LLAMA_VOCAB_TYPE_BPF  # WRONG


def fraction_for_integer(ctx: llama_context_p) -> None:
    llamacffi.llama_set_n_threads(ctx, 1.5, 2)  # WRONG


def fraction_through_lib(ctx: llama_context_p) -> None:
    lib.llama_set_n_threads(ctx, 1.5, 2)  # WRONG


def text_for_integer(ctx: llama_context_p) -> None:
    llamacffi.llama_set_n_threads(ctx, "4", 2)  # WRONG


def text_for_float() -> object:
    return llamacffi.llama_sampler_init_temp("0.8")  # WRONG


def integer_as_text(ctx: llama_context_p) -> str:
    return lib.llama_n_ctx(ctx)  # WRONG


def pointer_as_text() -> str:
    return llamacffi.llama_print_system_info()  # WRONG


def bytes_as_text() -> str:
    return ffi.string(lib.llama_print_system_info())  # WRONG


def nothing_as_value(ctx: llama_context_p) -> int:
    return llamacffi.llama_synchronize(ctx)  # WRONG


def number_to_string() -> bytes:
    return ffi.string(3)  # WRONG
