"""Text from a model: the plain loop over the C API."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, Callable, Optional

import llamacffi

from .errors import LlamaError, reason
from .native import encode_path, ffi

_N_BATCH = 512


def load(path: str, progress: Optional[Callable[[float], bool]] = None, **devices: Any) -> ffi.CData:
    """Load a model.

    Args:
        path: a GGUF file.
        progress: called with the part done, 0 to 1; returning False cancels.
        **devices: which devices to use and how, as `choose_devices` takes it: device, gpu_layers, …

    Returns:
        `struct llama_model *`, to be freed with `llama_model_free`.

    Raises:
        LlamaError: there is no such file, it is not a GGUF file, or llama.cpp can't load it; there is no such device.
        Anything that `progress` raises.
    """
    _check_file(path)
    llamacffi.llama_backend_init()
    params = llamacffi.llama_model_default_params()
    llamacffi.choose_devices(params, **devices)
    report = llamacffi.callback("llama_progress_callback", progress) if progress else None
    if report:
        params.progress_callback, params.progress_callback_user_data = report.function, report.user_data
    model = llamacffi.llama_model_load_from_file(encode_path(path), params)
    if not model:
        raise LlamaError(f"{path}: llama.cpp could not load this model", native=reason())
    return model


def _check_file(path: str) -> None:
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise LlamaError(f"{path}: is a folder, and not a model file")
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise LlamaError(f"{path}: {error.strerror}") from None
    if not magic:
        raise LlamaError(f"{path}: is empty")
    if magic != llamacffi.GGUF_MAGIC:
        raise LlamaError(f"{path}: is not a GGUF file")


def generate(
    model: ffi.CData,
    prompt: str,
    n_predict: int,
    temperature: float = 0.8,
    seed: Optional[int] = None,
    n_threads: Optional[int] = None,
) -> Iterator[bytes]:
    """Continue a prompt.

    Args:
        model: `struct llama_model *`.
        prompt: the text; special tokens in it are taken as such.
        n_predict: how many tokens at most.
        temperature: 0 takes the likeliest token each time.
        seed: of the random choice; None takes another one each time.
        n_threads: how many threads compute; None takes as many as there are processors for this process.

    Yields:
        Each token's text as it comes, bytes: a character may come in several pieces.

    Raises:
        LlamaError: the prompt is longer than the model takes, memory is short, or decoding fails.
    """
    vocab = llamacffi.llama_model_get_vocab(model)
    tokens = tokenize(vocab, prompt)
    n_ctx = len(tokens) + n_predict
    n_ctx_train = llamacffi.llama_model_n_ctx_train(model)
    if n_ctx > n_ctx_train:
        raise LlamaError(
            f"the prompt's {len(tokens)} tokens and {n_predict} more are {n_ctx}; this model takes {n_ctx_train}"
        )
    params = llamacffi.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = min(_N_BATCH, n_ctx)
    params.n_threads = params.n_threads_batch = n_threads or processors()
    ctx = llamacffi.llama_init_from_model(model, params)
    if not ctx:
        raise LlamaError(f"llama.cpp could not make a context of {n_ctx} tokens", native=reason())
    sampler = _sampler(temperature, llamacffi.LLAMA_DEFAULT_SEED if seed is None else seed)
    try:
        n_batch = llamacffi.llama_n_batch(ctx)
        for start in range(0, len(tokens), n_batch):
            _decode(ctx, ffi.new("llama_token[]", tokens[start : start + n_batch]))
        latest = ffi.new("llama_token[1]")
        for left in range(n_predict - 1, -1, -1):
            latest[0] = llamacffi.llama_sampler_sample(sampler, ctx, -1)
            if llamacffi.llama_vocab_is_eog(vocab, latest[0]):
                return
            yield piece(vocab, latest[0])
            if left:
                _decode(ctx, latest)
    finally:
        llamacffi.llama_sampler_free(sampler)
        llamacffi.llama_free(ctx)


def tokenize(vocab: ffi.CData, text: str) -> list[int]:
    """The tokens of a text, with those that the model wants around it (C: `llama_tokenize`)."""
    data = text.encode("utf-8", "surrogateescape")
    room = len(data) + 2
    while True:
        tokens = ffi.new("llama_token[]", room)
        n = llamacffi.llama_tokenize(vocab, data, len(data), tokens, room, True, True)
        if n >= 0:
            if not n:
                raise LlamaError("the prompt is empty, and this model has no token to begin with")
            return list(tokens[0:n])
        room = -n


def piece(vocab: ffi.CData, token: int) -> bytes:
    """A token's text (C: `llama_token_to_piece`)."""
    room = 32
    while True:
        buffer = ffi.new("char[]", room)
        n = llamacffi.llama_token_to_piece(vocab, token, buffer, room, 0, False)
        if n >= 0:
            return bytes(ffi.buffer(buffer, n))
        room = -n


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _decode(ctx: ffi.CData, tokens: ffi.CData) -> None:
    status = llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(tokens, len(tokens)))
    if status:
        raise LlamaError(f"llama_decode failed with status {status}", native=reason())


def _sampler(temperature: float, seed: int) -> ffi.CData:
    """llama.cpp's usual chain, or the likeliest token at temperature 0."""
    chain = llamacffi.llama_sampler_chain_init(llamacffi.llama_sampler_chain_default_params())
    if temperature <= 0:
        steps = [llamacffi.llama_sampler_init_greedy()]
    else:
        steps = [
            llamacffi.llama_sampler_init_top_k(40),
            llamacffi.llama_sampler_init_top_p(0.95, 1),
            llamacffi.llama_sampler_init_min_p(0.05, 1),
            llamacffi.llama_sampler_init_temp(temperature),
            llamacffi.llama_sampler_init_dist(seed),
        ]
    for step in steps:
        llamacffi.llama_sampler_chain_add(chain, step)
    return chain
