"""Text by each of the three tiers, in what every llama.cpp has: tools/carriers.py runs this with old ones, too."""

from __future__ import annotations

from typing import Any

import llamacffi
from llamacffi import Model, ffi, lib
from llamacffi.native import encode_path
from llamacffi.types import float_p

PROMPT = "1, 2, 3, 4,"
TEXT = " 5, 6, 7"
N_TOKENS = 8


def greedy(c: Any, model_path: str) -> str:
    """The likeliest text behind the prompt, by the C names that `c` has."""
    params = c.llama_model_default_params()
    model = c.llama_model_load_from_file(encode_path(model_path), params)
    assert model
    params = c.llama_context_default_params()
    params.n_ctx = params.n_batch = 64
    params.n_threads = params.n_threads_batch = 2
    ctx = c.llama_init_from_model(model, params)
    assert ctx
    vocab = c.llama_model_get_vocab(model)
    room = ffi.new("llama_token[]", 32)
    text = PROMPT.encode()
    n_tokens = c.llama_tokenize(vocab, text, len(text), room, len(room), True, True)
    assert n_tokens > 0
    made = b""
    for _ in range(N_TOKENS):
        assert c.llama_decode(ctx, c.llama_batch_get_one(room, n_tokens)) == 0
        latest: float_p = c.llama_get_logits_ith(ctx, -1)
        logits = ffi.unpack(latest, c.llama_vocab_n_tokens(vocab))
        room[0], n_tokens = logits.index(max(logits)), 1
        assert not c.llama_vocab_is_eog(vocab, room[0])
        piece = ffi.new("char[]", 64)
        made += ffi.unpack(piece, c.llama_token_to_piece(vocab, room[0], piece, len(piece), 0, False))
    c.llama_free(ctx)
    c.llama_model_free(model)
    return made.decode()


def test_lib(model_path: str) -> None:
    assert greedy(lib, model_path) == TEXT


def test_checked(model_path: str) -> None:
    assert greedy(llamacffi, model_path) == TEXT


def test_classes(model_path: str) -> None:
    with Model(model_path) as model:
        assert "".join(model.generate(PROMPT, max_tokens=N_TOKENS, temperature=0)) == TEXT
        # Chosen by chance, from the same seed, twice.
        texts = {model.generate(PROMPT, max_tokens=N_TOKENS, temperature=0.9, seed=42).text() for _ in range(2)}
        assert len(texts) == 1
