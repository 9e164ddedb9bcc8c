"""The plain loop over `lib` that tests compare with: the likeliest token each time."""

from __future__ import annotations

from collections.abc import Sequence

from llamacffi import Vocab, ffi, lib
from llamacffi.types import llama_context_p, llama_vocab_p


def tokenize(vocab: llama_vocab_p, text: str) -> list[int]:
    """The tokens of a text, special ones taken as such."""
    with Vocab.from_handle(vocab) as owner:
        return owner.tokenize(text, parse_special=True)


def piece(vocab: llama_vocab_p, token: int) -> bytes:
    """A token's text."""
    with Vocab.from_handle(vocab) as owner:
        return owner.piece(token)


def decode(ctx: llama_context_p, tokens: Sequence[int]) -> int:
    """Decode the tokens behind those that the context has; llama_decode's status."""
    array = ffi.new("llama_token[]", list(tokens))
    return int(lib.llama_decode(ctx, lib.llama_batch_get_one(array, len(array))))


def likeliest(ctx: llama_context_p) -> int:
    """The token with the highest of the latest logits."""
    vocab = lib.llama_model_get_vocab(lib.llama_get_model(ctx))
    logits: list[float] = ffi.unpack(lib.llama_get_logits_ith(ctx, -1), lib.llama_vocab_n_tokens(vocab))
    return logits.index(max(logits))


def continuation(ctx: llama_context_p, tokens: Sequence[int], n_predict: int) -> list[int]:
    """The likeliest tokens behind `tokens`."""
    found: list[int] = []
    for _ in range(n_predict):
        assert decode(ctx, tokens) == 0
        tokens = [likeliest(ctx)]
        found += tokens
    return found


def text_behind(ctx: llama_context_p, prompt: str, n_predict: int) -> str:
    """The likeliest text behind a prompt."""
    vocab = lib.llama_model_get_vocab(lib.llama_get_model(ctx))
    tokens = continuation(ctx, tokenize(vocab, prompt), n_predict)
    return b"".join(piece(vocab, token) for token in tokens).decode()
