"""Embeddings of texts, and how well documents answer a query."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Union

import llamacffi

from . import arrays
from .batch import Batch
from .checks import several
from .context import Context
from .errors import InvalidArgumentError
from .native import ffi
from .params import field_names

if TYPE_CHECKING:
    from .model import Model
    from .vocab import Vocab

_TOGETHER = 512  # how many tokens a context of our own computes together, unless a text has more


class Ranked(NamedTuple):
    """A document and how well it answers the query.

    Attributes:
        index: its index among the documents that were given.
        score: the higher, the better. What it means is the model's affair: with most, a logit.
        document: itself.
    """

    index: int  # type: ignore[assignment]
    score: float
    document: str


def embed(
    source: Union[Context, Model], texts: Union[str, Sequence[str]], *, normalize: bool = False, **params: Any
) -> Any:
    """The embeddings of texts, computed many at once.

    Args:
        source: a model, or a context that makes embeddings (`embeddings=True`). What a context remembers is forgotten.
        texts: the texts; a single one is taken as a list of one.
        normalize: whether to give each embedding the length 1 (L2), so that the scalar product of two is the cosine of
            the angle between them.
        **params: of a model, what its context is to have: `pooling_type="mean"`, `n_threads=4`, …

    Returns:
        A float32 array of shape (texts, `n_embd`), which is the caller's own. If tokens are not pooled, as with a model
        that says nothing of it, a list with an array of shape (tokens, `n_embd`) for each text. Without NumPy, a
        `memoryview` each.

    Raises:
        InvalidArgumentError: a text has no tokens, or more than can be computed at once; see `n_ubatch` and `n_ctx`.
        LlamaError: the context makes no embeddings, or computing failed.

    C: `llama_decode` or `llama_encode`, `llama_get_embeddings_seq`, `llama_get_embeddings_ith`.
    """
    texts = [texts] if isinstance(texts, (str, bytes)) else several("texts", texts, "a single one is a str")
    vocab = source.model.vocab if isinstance(source, Context) else source.vocab
    prompts = [vocab.tokenize(text, parse_special=True) for text in texts]
    with _context(source, prompts, params) as context:
        if context.pooling_type != "none":
            embeddings = _pooled(context, prompts)
            return _normalized(embeddings) if normalize else embeddings
        each = _unpooled(context, prompts)
        return [_normalized(embeddings) for embeddings in each] if normalize else each


def rerank(source: Union[Context, Model], query: str, documents: Sequence[str], **params: Any) -> list[Ranked]:
    """How well documents answer a query, by a model that was made for that.

    Args:
        source: a reranker, or a context over one with `embeddings=True`, `pooling_type="rank"`. What a context
            remembers is forgotten. Of a model that is no reranker the scores mean nothing.
        query: what is asked.
        documents: the texts.
        **params: of a model, what its context is to have.

    Returns:
        The documents with their scores, the best first.

    Raises:
        InvalidArgumentError: the context ranks nothing, or a document with the query has more tokens than can be
            computed at once.
        LlamaError: the context makes no embeddings, or computing failed.

    The model sees its own template "rerank" if it has one (`Model.chat_template("rerank")`), or else query and document
    between the special tokens that its vocabulary asks for, as in llama.cpp's server.

    C: `llama_decode` or `llama_encode`, `llama_get_embeddings_seq`.
    """
    documents = several("documents", documents, "a single one goes into a list")
    model = source.model if isinstance(source, Context) else source
    template = model.chat_template("rerank")
    prompts = [_pair(model.vocab, template, query, document) for document in documents]
    if not isinstance(source, Context):
        params = {"pooling_type": "rank", **params}
    with _context(source, prompts, params) as context:
        if context.pooling_type != "rank":
            raise InvalidArgumentError(
                f'pooling_type is {context.pooling_type}: make the context with embeddings=True, pooling_type="rank"'
            )
        scores = memoryview(_pooled(context, prompts))
    ranked = [Ranked(i, scores[i, 0], document) for i, document in enumerate(documents)]
    return sorted(ranked, key=lambda each: -each.score)


def _pair(vocab: Vocab, template: Union[str, None], query: str, document: str) -> list[int]:
    if template is not None:
        parts = {"{query}": query, "{document}": document}
        text = re.sub(r"\{query\}|\{document\}", lambda match: parts[match.group()], template)
        return vocab.tokenize(text, add_special=False, parse_special=True)
    end = vocab.sep if vocab.eos is None else vocab.eos
    after = [end] if vocab.add_eos else []
    between = [*after, vocab.sep] if vocab.add_sep else after
    tokens = [
        *([vocab.bos] if vocab.add_bos else []),
        *vocab.tokenize(query, add_special=False),
        *between,
        *vocab.tokenize(document, add_special=False),
        *after,
    ]
    return [token for token in tokens if token is not None]


@contextmanager
def _context(source: Union[Context, Model], prompts: list[list[int]], params: dict[str, Any]) -> Generator[Context]:
    """A context for these prompts: the one that is given, or one of our own."""
    if isinstance(source, Context):
        if params:
            raise InvalidArgumentError(f"{', '.join(params)}: the context is there already; set it when making that")
        yield source
        return
    longest = max(map(len, prompts), default=0)
    if longest > source.n_ctx_train:
        i = max(range(len(prompts)), key=lambda i: len(prompts[i]))
        raise InvalidArgumentError(
            f"text {i} has {longest} tokens, and the model was trained on {source.n_ctx_train} at most: shorten it"
        )
    n_seq_max = max(1, min(len(prompts), llamacffi.llama_max_parallel_sequences()))
    n = max(longest, min(sum(map(len, prompts)), _TOGETHER), 1)
    n = math.ceil(n / n_seq_max) * n_seq_max  # otherwise llama.cpp asserts where it pools the mean
    # All sequences in one cache, so that they can be computed together whatever their lengths.
    unified = {"kv_unified": True} if "kv_unified" in field_names("struct llama_context_params") else {}
    chosen = {"embeddings": True, "n_ctx": n, "n_batch": n, "n_ubatch": n, "n_seq_max": n_seq_max, **unified, **params}
    with Context(source, **chosen) as context:
        yield context


def _pooled(context: Context, prompts: list[list[int]]) -> Any:
    """The prompts' pooled embeddings, of shape (prompts, numbers)."""
    n = context._n_pooled
    result = arrays.empty((len(prompts), n))
    target: Any = ffi.from_buffer("float[]", result, require_writable=True) if prompts else None
    for i, seq, _ in _computed(context, prompts):
        ffi.memmove(target + i * n, context._embeddings_of(seq), 4 * n)
    return result


def _unpooled(context: Context, prompts: list[list[int]]) -> list[Any]:
    """The embeddings of the tokens of each prompt, of shape (tokens, numbers)."""
    n = context.n_embd
    result = [arrays.empty((len(prompt), n)) for prompt in prompts]
    for i, _, first in _computed(context, prompts):
        target = ffi.from_buffer("float[]", result[i], require_writable=True)
        for j in range(len(prompts[i])):
            ffi.memmove(target + j * n, context._embeddings_at(first + j), 4 * n)
    return result


def _computed(context: Context, prompts: list[list[int]]) -> Iterator[tuple[int, int, int]]:
    """Compute prompts, as many at once as the context takes.

    Yields:
        Of each prompt, its index, the sequence that it is in the latest batch, and the index of its first token there.
    """
    room, n_seq_max = _limits(context)
    for i, prompt in enumerate(prompts):
        if not prompt:
            raise InvalidArgumentError(f"text {i} has no tokens")
        if len(prompt) > room:
            raise InvalidArgumentError(
                f"text {i} has {len(prompt)} tokens, and the context takes {room} at once: shorten it, or make the "
                "context with a larger n_ctx, n_batch and n_ubatch"
            )
    # A model with an encoder is the only one that encode() takes.
    compute = context.encode if context.model.has_encoder else context.decode
    with Batch(room) as batch:
        i = 0
        while i < len(prompts):
            batch.clear()
            firsts: list[int] = []
            while i + len(firsts) < len(prompts) and len(firsts) < n_seq_max:
                prompt = prompts[i + len(firsts)]
                if len(batch) + len(prompt) > room:
                    break
                firsts.append(len(batch))
                batch.add(prompt, pos=0, seq=len(firsts) - 1, logits="all")
            context.memory.clear()
            compute(batch)
            for seq, first in enumerate(firsts):
                yield i + seq, seq, first
            i += len(firsts)
    context.memory.clear()


def _limits(context: Context) -> tuple[int, int]:
    """How many tokens, and how many sequences, a context can compute at once."""
    # What is pooled, or sees the tokens behind it, too, can't be computed in parts.
    room, n_seq_max = min(context.n_batch, context.n_ubatch), context.n_seq_max
    if context.memory.handle:
        room = min(room, context.n_ctx_seq)
        if context.n_ctx_seq < context.n_ctx:  # a cache for each: sequences of unequal lengths would be divided
            n_seq_max = 1
    return room, n_seq_max


def _normalized(embeddings: Any) -> Any:
    """Each row, divided in its place by its length; one of zeros is left."""
    np = arrays.numpy()
    if np is not None:
        lengths = np.sqrt((embeddings.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
        embeddings /= np.where(lengths == 0, 1, lengths).astype(np.float32)
        return embeddings
    for i in range(embeddings.shape[0] if embeddings.ndim == 2 else 0):
        row = [embeddings[i, j] for j in range(embeddings.shape[1])]
        length = math.sqrt(sum(number * number for number in row)) or 1.0
        for j, number in enumerate(row):
            embeddings[i, j] = number / length
    return embeddings
