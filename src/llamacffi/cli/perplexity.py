"""How well a model foretells a text, measured as llama-perplexity does it.

The text is cut into chunks of the context's size. What counts is the second half of each, so that every token that
counts has at least half a context before it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import llamacffi

from .. import arrays
from ..batch import Batch
from ..context import Context
from ..errors import LlamaError
from ..params import padded
from . import shared, terminal


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model(command)
    shared.add_text(command, "the text")
    shared.add_context(command, n_ctx=512)
    command.add_argument("--chunks", type=shared.count, metavar="N", help="how many chunks to compute at most (all)")
    shared.add_json(command)
    command.set_defaults(refuse=command.error)


def run(options: argparse.Namespace) -> None:
    n_ctx = options.ctx_size
    if n_ctx < 3:
        options.refuse("argument -c/--ctx-size: in fewer than 3 tokens there is none that could count")
    text = shared.read_text(options)
    estimate = Estimate()
    with shared.load_model(options) as model:
        tokens = model.vocab.tokenize(text)
        if len(tokens) < 2 * n_ctx:
            raise LlamaError(
                f"the text has {len(tokens)} tokens; with a context of {n_ctx} it must have {2 * n_ctx}: "
                "give a longer text, or a smaller --ctx-size"
            )
        n_chunks = min(len(tokens) // n_ctx, options.chunks or len(tokens))
        n_seq = min(max(1, options.batch_size // n_ctx), n_chunks, llamacffi.llama_max_parallel_sequences())
        params = {**shared.context_params(options), "n_batch": n_seq * min(options.batch_size, n_ctx)}
        watched: Any = terminal.progress("computing") if options.json else nullcontext()
        room = n_ctx if n_seq == 1 else n_seq * padded(n_ctx)
        with model.context(n_ctx=room, n_seq_max=n_seq, **params) as ctx, watched as report:
            for number, losses in enumerate(chunk_losses(ctx, tokens, n_ctx, n_chunks), 1):
                estimate.add(losses)
                if report:
                    report(number / n_chunks)
                if not options.json:
                    terminal.write(f"[{number}]{estimate.perplexity:.4f},")
    if options.json:
        terminal.write_json(
            {
                "perplexity": estimate.perplexity,
                "error": estimate.error,
                "n_tokens": estimate.count,
                "n_chunks": n_chunks,
                "n_ctx": n_ctx,
            }
        )
    else:
        terminal.write(f"\nPPL = {estimate.perplexity:.4f} +/- {estimate.error:.5f}\n")


class Estimate:
    """The perplexity of all tokens so far, and its standard error."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = self._sum_of_squares = 0.0

    def add(self, losses: Sequence[float]) -> None:
        self.count += len(losses)
        self._sum += math.fsum(losses)
        self._sum_of_squares += math.fsum(loss * loss for loss in losses)

    @property
    def perplexity(self) -> float:
        return math.exp(self._sum / self.count)

    @property
    def error(self) -> float:
        mean = self._sum / self.count
        variance = self._sum_of_squares / self.count - mean * mean
        return math.sqrt(max(0.0, variance) / max(1, self.count - 1)) * self.perplexity


def chunk_losses(ctx: Context, tokens: list[int], n_ctx: int, n_chunks: int) -> Iterator[list[float]]:
    """What each token that counts costs, -log p, chunk by chunk.

    Args:
        ctx: a context in which each sequence has room for `n_ctx` tokens. As many chunks as it has sequences are
            computed at once.
        tokens: the text's.
        n_ctx: a chunk's size. At its beginning stands the model's BOS token, if it wants one.
        n_chunks: how many chunks to compute.
    """
    vocab = ctx.model.vocab
    first, last = n_ctx // 2, n_ctx - 1
    step = min(ctx.n_batch // ctx.n_seq_max, n_ctx)
    with Batch(ctx.n_seq_max * step) as batch:
        for number in range(0, n_chunks, ctx.n_seq_max):
            chunks = [tokens[i * n_ctx : (i + 1) * n_ctx] for i in range(number, min(number + ctx.n_seq_max, n_chunks))]
            losses: list[list[float]] = [[] for _ in chunks]
            ctx.memory.clear()
            for begin in range(0, n_ctx, step):
                end = min(begin + step, n_ctx)
                batch.clear()
                for seq, chunk in enumerate(chunks):
                    part = chunk[begin:end]
                    if begin == 0 and vocab.add_bos and vocab.bos is not None:
                        part[0] = vocab.bos
                    wanted = [first <= pos < last for pos in range(begin, end)]
                    batch.add(part, seq=seq, pos=begin, logits=wanted)
                ctx.decode(batch)
                for seq, chunk in enumerate(chunks):
                    for pos in range(max(begin, first), min(end, last)):
                        row = seq * (end - begin) + pos - begin
                        losses[seq].append(loss(ctx.logits(row), chunk[pos + 1]))
            yield from losses


def loss(logits: Any, token: int) -> float:
    """-log p of a token: the log-softmax of one row of logits. Without NumPy it takes some 50 times as long."""
    numpy = arrays.numpy()
    if numpy:
        most = float(logits.max())
        total = float(numpy.exp(logits - most).sum(dtype=numpy.float64))
    else:
        most = max(logits)
        total = math.fsum(math.exp(each - most) for each in logits)
    return most + math.log(total) - float(logits[token])
