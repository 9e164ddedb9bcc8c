"""Which tokens the sequences of a context hold, as far as is known: a prompt may begin with them.

What was computed in another way than here, or is gone since, makes it unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import llamacffi

if TYPE_CHECKING:
    from .context import Context


def tokens(context: Context, seq: int) -> list[int]:
    """The tokens of a sequence, from position 0 on; [] if they are not known."""
    _check(context)
    held = context._held.get(seq, [])
    return held if held and context.memory.pos_max(seq) == len(held) - 1 else []


def _check(context: Context) -> None:
    if context._held_version != context._version[0]:
        context._held.clear()


def changed(context: Context, *seqs: int) -> None:
    """What these sequences hold is about to be changed by hand: it is unknown from now on. None given: all of them."""
    _check(context)
    for seq in seqs or {*context._held, *context._begun}:
        context._held.pop(seq, None)
        context._begun.discard(seq)


def keep(context: Context, seq: int, tokens: Sequence[int]) -> None:
    """Take down that a sequence holds these tokens at its beginning, and remove from it what follows them.

    Unless it was changed by hand since `begin` or `forget`. The others' are as they were before those.
    """
    if seq not in context._begun:
        return
    context._begun.discard(seq)
    if not tokens or not shorten(context, seq, len(tokens)):
        forget(context, seq)
        tokens = []
    note(context, seq, tokens)


def note(context: Context, seq: int, tokens: Sequence[int]) -> None:
    """Take down that a sequence holds these tokens."""
    context._held[seq] = list(tokens)
    context._held_version = context._version[0]


def begin(context: Context, seq: int, wanted: Sequence[int]) -> int:
    """Leave of a sequence what `wanted` begins with: how many tokens that are, at least one less than there are.

    Until `keep`, nobody else should compute with the context.
    """
    held = tokens(context, seq)
    common = min(n_common([held, wanted]), len(wanted) - 1)
    context._held.pop(seq, None)
    context._begun.add(seq)
    if common and shorten(context, seq, common):
        return common
    return forget(context, seq)


def forget(context: Context, seq: int) -> int:
    """Empty a sequence; 0, which is what it holds then."""
    context._held.pop(seq, None)
    context._begun.add(seq)
    shorten(context, seq, 0)
    return 0


def shorten(context: Context, seq: int, n: int) -> bool:
    """Remove from a sequence what follows its first tokens. Whether this model's memory can do that."""
    done = llamacffi.llama_memory_seq_rm(context.memory.handle, seq, n or -1, -1)
    return bool(done)


def n_common(lists: Sequence[Sequence[int]]) -> int:
    """How many tokens they all begin with."""
    for place, tokens in enumerate(zip(*lists)):
        if tokens.count(tokens[0]) < len(tokens):
            return place
    return min(map(len, lists), default=0)
