"""What a context remembers of its sequences: the KV cache, or the state of a recurrent model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

import llamacffi

from . import held
from .errors import InvalidArgumentError, LlamaError, reason
from .owner import Owner
from .types import llama_memory_t

if TYPE_CHECKING:
    from .context import Context


class Memory(Owner[llama_memory_t]):
    """The memory of a context, `Context.memory`: tokens by sequence and position.

    It belongs to the context and is gone with it. A model that remembers nothing, as an encoder, has a memory that is
    always empty. Sequences are numbered from 0 to `Context.n_seq_max` - 1. A range of positions goes from `p0` up to,
    and without, `p1`; None is the sequence's beginning or end.

    Every method raises `FreedHandleError` when the context was closed, `BusyError` when another thread is using it, and
    `InvalidArgumentError` for a sequence that there is not.

    C: `llama_get_memory`, `llama_memory_*`.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(llamacffi.llama_get_memory(context.handle), context)
        self._owned = False
        self._context = context
        self._n_seq_max = context.n_seq_max

    def clear(self, *, data: bool = False) -> None:
        """Forget all sequences.

        Args:
            data: whether to overwrite the memory with zeros, too.

        C: `llama_memory_clear`.
        """
        llamacffi.llama_memory_clear(self.handle, data)
        held.changed(self._context)

    def remove(self, seq: Optional[int] = None, p0: Optional[int] = None, p1: Optional[int] = None) -> None:
        """Forget the tokens of a sequence that are in a range.

        Args:
            seq: the sequence; None, any.

        Raises:
            LlamaError: a part of this sequence can't be taken out: a recurrent model's state knows no positions.
                Nothing has changed then; all of the sequence can be removed.

        C: `llama_memory_seq_rm`.
        """
        handle = self.handle
        held.changed(self._context)
        if not llamacffi.llama_memory_seq_rm(handle, -1 if seq is None else self._seq(seq), *_range(p0, p1)):
            raise LlamaError(
                "these positions can't be removed alone from this model's memory; remove the whole sequence, and "
                "decode again what is to stay",
                native=reason(),
            )

    def copy(self, source: int, target: int, p0: Optional[int] = None, p1: Optional[int] = None) -> None:
        """Let the tokens of one sequence that are in a range belong to another one, too: it shares them, at no cost.

        A context with a cache for each sequence (`kv_unified=False`) can only copy whole ones, and raises otherwise.

        C: `llama_memory_seq_cp`.
        """
        llamacffi.llama_memory_seq_cp(self.handle, self._seq(source), self._seq(target), *_range(p0, p1))
        held.changed(self._context, target)

    def keep(self, seq: int) -> None:
        """Forget all sequences but one.

        C: `llama_memory_seq_keep`.
        """
        llamacffi.llama_memory_seq_keep(self.handle, self._seq(seq))
        others = {*self._context._held, *self._context._begun} - {seq}
        if others:
            held.changed(self._context, *others)

    def add(self, seq: int, delta: int, p0: Optional[int] = None, p1: Optional[int] = None) -> None:
        """Move the tokens of a sequence that are in a range.

        Args:
            delta: is added to their positions; what would come before position 0 is forgotten. A token that `copy()`
                lets another sequence share moves there, too.

        Raises:
            InvalidArgumentError: the memory can't do that, see `can_shift`.

        C: `llama_memory_seq_add`.
        """
        llamacffi.llama_memory_seq_add(self.handle, self._seq(seq), *_range(p0, p1), delta)
        held.changed(self._context)  # others may share what has moved

    def divide(self, seq: int, divisor: int, p0: Optional[int] = None, p1: Optional[int] = None) -> None:
        """Divide the positions of a sequence's tokens that are in a range, rounding down.

        Args:
            divisor: 1 or more.

        Raises:
            InvalidArgumentError: the memory can't do that, see `can_shift`.

        C: `llama_memory_seq_div`.
        """
        llamacffi.llama_memory_seq_div(self.handle, self._seq(seq), *_range(p0, p1), divisor)
        held.changed(self._context)

    def pos_min(self, seq: int = 0) -> int:
        """The first position that is remembered of a sequence, -1 if it is empty.

        C: `llama_memory_seq_pos_min`.
        """
        return int(llamacffi.llama_memory_seq_pos_min(self.handle, self._seq(seq)))

    def pos_max(self, seq: int = 0) -> int:
        """The last position that is remembered of a sequence, -1 if it is empty.

        C: `llama_memory_seq_pos_max`.
        """
        return int(llamacffi.llama_memory_seq_pos_max(self.handle, self._seq(seq)))

    def _seq(self, seq: int) -> int:
        """The number of a sequence that there is: C takes some others for empty ones."""
        try:
            if 0 <= seq < self._n_seq_max:
                return seq
        except TypeError:
            pass
        raise InvalidArgumentError(
            f"seq = {seq!r}: the context has {self._n_seq_max} sequences (n_seq_max), numbered from 0"
        )

    @property
    def can_shift(self) -> bool:
        """Whether positions can be moved, by `add()` and `divide()`.

        C: `llama_memory_can_shift`.
        """
        return bool(llamacffi.llama_memory_can_shift(self.handle))


def _range(p0: Optional[int], p1: Optional[int]) -> tuple[int, int]:
    """A range of positions as C takes it."""
    return -1 if p0 is None else p0, -1 if p1 is None else p1
