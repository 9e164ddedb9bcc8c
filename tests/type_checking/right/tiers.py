"""What both checkers must accept: the three tiers, with all that they take."""

from __future__ import annotations

import ctypes
import os
from array import array
from pathlib import Path

import numpy as np

import llamacffi
from llamacffi import Batch, Context, Model, Sampler, ffi, lib
from llamacffi.types import CData, llama_batch, llama_context_p, llama_model_p, llama_vocab_p


def through_lib(path: str) -> int:
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    params.vocab_only = True
    model = lib.llama_model_load_from_file(os.fsencode(path), params)
    if model == ffi.NULL:
        raise OSError(path)
    vocab: llama_vocab_p = lib.llama_model_get_vocab(model)
    tokens = ffi.new("llama_token[]", 32)
    n: int = lib.llama_tokenize(vocab, b"text", 4, tokens, 32, True, False)
    first: int = tokens[0]
    lib.llama_model_free(model)
    return n + first + len(tokens)


def checked(path: Path) -> str:
    model = llamacffi.llama_model_load_from_file(path, llamacffi.llama_model_default_params())
    ctx = llamacffi.llama_init_from_model(model=model, params=llamacffi.llama_context_default_params())
    vocab = llamacffi.llama_model_get_vocab(model)
    room = array("i", [0] * 32)
    llamacffi.llama_tokenize(vocab, "text", 4, np.zeros(32, np.int32), 32, True, False)
    ffi.memmove(ffi.from_buffer("float[]", np.zeros(4, np.float32)), np.ones(4, np.float32), 16)
    n = llamacffi.llama_tokenize(vocab, "text", 4, room, len(room), True, False)
    batch = llamacffi.llama_batch_get_one(room, n)
    if llamacffi.llama_decode(ctx, batch):
        raise llamacffi.LlamaError("no")
    logits = llamacffi.llama_get_logits_ith(ctx, -1)
    best = max(range(llamacffi.llama_vocab_n_tokens(vocab)), key=lambda i: logits[i])
    llamacffi.llama_free(ctx)
    llamacffi.llama_free(None)
    llamacffi.llama_free(ffi.NULL)
    text: bytes = ffi.string(llamacffi.llama_vocab_get_text(vocab, best))
    return text.decode()


def classes(path: str) -> list[str]:
    with Model(path, gpu_layers="all", progress=lambda part: part < 1) as model, model.context(n_ctx=256) as context:
        handle: llama_model_p = model.handle
        assert llamacffi.llama_model_n_params(handle) > 0
        context.n_threads = 2
        sampler = Sampler(model, temperature=0.5, top_k=20)
        pieces: list[str] = list(context.generate("Once", sampler=sampler, stop=["\n"]))
        with Batch(16) as batch:
            batch.add([1, 2, 3], logits="all")
            batch.add(np.array([1, 2], np.int32), pos=3)
            whole: llama_batch = batch.handle
            assert whole.n_tokens == 5
            context.decode(batch)
        return [*pieces, model.generate("Once", max_tokens=4).text()]


def callbacks() -> None:
    lines: list[str] = []

    def log(level: int, text: str) -> None:
        lines.append(f"{level} {text}")

    llamacffi.llama_log_set(log, None)
    llamacffi.llama_log_set(lambda level, text: lines.append(text * level), None)
    llamacffi.llama_log_set(None, None)
    function, user_data = llamacffi.callback("ggml_log_callback", log)
    lib.llama_log_set(function, user_data)


def structs() -> int:
    batch = ffi.new("struct llama_batch *", {"n_tokens": 1})
    batch.token = ffi.new("llama_token[]", [1])
    batch.token[0] = 3
    batch[0].n_tokens = 2
    params = ffi.new("struct llama_model_params *")
    llamacffi.choose_devices(params, device="none")
    return batch.n_tokens + batch.token[0] + ffi.sizeof("struct llama_batch")


def across(model: llama_model_p, ctx: llama_context_p) -> bool:
    address: int = llamacffi.address_of(model)
    same: llama_model_p = llamacffi.from_address("struct llama_model *", ctypes.c_void_p(address))
    any_value: CData = same
    return llamacffi.adopt(ctx) == ctx and any_value == model


async def asynchronous(context: Context) -> list[str]:
    return [piece async for piece in context.generate("Once")]
