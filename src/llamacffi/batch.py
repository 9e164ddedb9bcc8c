"""Batches: the tokens of one `decode()`, with their positions and sequences."""

from __future__ import annotations

import array
import operator
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Optional, Union

import llamacffi

from . import arrays
from .errors import BusyError, InvalidArgumentError
from .native import ffi, lib
from .owner import Owner
from .tokens import as_tokens
from .types import llama_batch

if TYPE_CHECKING:
    from .tokens import Tokens
    from .types import BufferLike

_SEQUENCES = ffi.typeof("llama_seq_id[]")
_ONE_SEQUENCE = {seq: ffi.new(_SEQUENCES, [seq]) for seq in range(8)}
_BUSY = "this Batch is in use, by another thread or by what has called this"
_OUTPUTS = {"none": 0, "last": 1, "all": 2}


class Batch(Owner[llama_batch]):
    """Room for tokens or embeddings that are decoded together; made once, it serves any number of times.

    What is written to it goes there in blocks: a NumPy array or an `array.array` of 32-bit integers costs no loop in
    Python.

    Args:
        n_tokens: for how many tokens there is room.
        n_seq_max: in how many sequences a token can be.
        n_embd: 0 for tokens; for embeddings in their place, how many numbers each has (`Model.n_embd`).

    Raises:
        InvalidArgumentError: a number that is negative, or too large.

    C: `llama_batch_init`, `llama_batch_free`; the handle is a `struct llama_batch`.
    """

    _free = "llama_batch_free"

    def __init__(self, n_tokens: int, *, n_seq_max: int = 1, n_embd: int = 0) -> None:
        handle = llamacffi.llama_batch_init(n_tokens, n_embd, n_seq_max)
        self._begin(handle, n_tokens, n_seq_max, n_embd)

    @classmethod
    def from_handle(cls, handle: llama_batch, n_tokens: int, *, n_seq_max: int = 1, n_embd: int = 0) -> Batch:
        """A batch that `llama_batch_init` has made, and that its maker frees.

        Args:
            handle: `struct llama_batch`. Its `n_tokens` changes with what this writes.
            n_tokens, n_seq_max, n_embd: what it was made with.
        """
        batch = cls.__new__(cls)
        batch._begin(handle, n_tokens, n_seq_max, n_embd)
        batch._owned = False
        return batch

    def _begin(self, handle: Any, n_tokens: int, n_seq_max: int, n_embd: int) -> None:
        super().__init__(handle)
        self._pointer = ffi.addressof(handle)
        self._n_tokens = n_tokens
        self._n_seq_max = n_seq_max
        self._n_embd = n_embd
        self._use_locks()
        self._closings = array.array("I", [0])  # the version of its memory

    def _make_locks(self) -> None:
        self._lock = threading.Lock()

    def _close_handle(self) -> None:
        with self.in_use():
            # First forgotten, as a Ctrl-C may come between: C would not notice that it is freed twice.
            handle, self._handle = self._handle, None
            if self._owned and handle is not None:
                llamacffi.llama_batch_free(handle)
            self._closings[0] += 1

    @contextmanager
    def in_use(self) -> Generator[None]:
        """While it is written to, computed or freed, nothing else does any of that.

        Raises:
            BusyError: something does.
        """
        if not self._lock.acquire(blocking=False):
            raise BusyError(_BUSY)
        try:
            yield
        finally:
            self._lock.release()

    # --- writing ---

    def set(
        self,
        tokens: Union[Tokens, int],
        *,
        pos: Union[Tokens, int] = 0,
        seq: Union[int, tuple[int, ...]] = 0,
        logits: Union[str, Sequence[Any], BufferLike] = "last",
    ) -> None:
        """Replace the content.

        Args:
            tokens: ids: a NumPy array of integers, `array.array`, list or any other sequence, or a single one. For a
                batch of embeddings: a float32 array of shape (number, `n_embd`).
            pos: the first one's position in its sequence, the others following; or an array with that of each.
            seq: the sequence that they are in; several: in all of these.
            logits: which of them get an output, logits or embeddings: "last", "all", "none", or an array with a truth
                value for each.

        Raises:
            InvalidArgumentError: there is no room for so many; these are no ids, or embeddings of another shape; there
                are not as many positions or truth values as tokens. Nothing has changed then.
            FreedHandleError: the batch was closed.
        """
        self._write(0, tokens, pos, seq, logits)

    def add(
        self,
        tokens: Union[Tokens, int],
        *,
        pos: Union[Tokens, int, None] = None,
        seq: Union[int, tuple[int, ...]] = 0,
        logits: Union[str, Sequence[Any], BufferLike] = "last",
    ) -> int:
        """Append tokens or embeddings.

        Args:
            tokens, seq, logits: as in `set()`.
            pos: as there; None continues behind the last one in the batch that is in the same (first) sequence, and
                begins at 0 where there is none.

        Returns:
            The last one's index in the batch, by which `Context.logits()` finds its output.

        Raises:
            InvalidArgumentError, FreedHandleError: as there.
        """
        self._write(len(self), tokens, pos, seq, logits)
        return len(self) - 1

    def clear(self) -> None:
        """Take everything out.

        Raises:
            FreedHandleError: the batch was closed.
        """
        self.handle.n_tokens = 0

    def _write(self, at: int, tokens: Any, pos: Any, seq: Any, logits: Any) -> None:
        if self._n_embd:
            data, n = self._embeddings(tokens)
            ids: Any = ffi.NULL
        else:
            data = None
            ids, n = as_tokens(tokens, single=True)
        if at + n > self._n_tokens:
            held = f", and {at} are taken" if at else ""
            raise InvalidArgumentError(f"{n} tokens: the batch has room for {self._n_tokens}{held}")
        seqs, n_seqs = self._sequences(seq)
        positions = flags = None
        first = pos
        if type(pos) is not int or not 0 <= pos < 2**31:
            first, positions = _positions(pos, n)
        outputs = _OUTPUTS.get(logits) if type(logits) is str else None
        if outputs is None:
            outputs, flags = _flags(logits, n)
        if not self._lock.acquire(False):  # in_use(), at half its cost
            raise BusyError(_BUSY)
        try:
            handle = self._handle or self.handle
            lib.llamacffi_batch_write(self._pointer, at, ids, n, first, seqs, n_seqs, outputs)
            if data is not None:
                ffi.memmove(handle.embd + at * self._n_embd, data, 4 * n * self._n_embd)
            if positions is not None:
                ffi.memmove(handle.pos + at, positions, 4 * n)
            if flags is not None:
                ffi.memmove(handle.logits + at, flags, n)
        finally:
            self._lock.release()

    def _sequences(self, seq: Any) -> tuple[Any, int]:
        known = _ONE_SEQUENCE.get(seq) if type(seq) is int else None
        if known is not None:
            return known, 1
        try:
            given: Any = seq
            seqs = list(map(operator.index, given if isinstance(seq, (tuple, list)) else [given]))
        except TypeError as error:
            raise InvalidArgumentError(f"seq = {seq!r}: sequences are numbered: {error}") from None
        if not seqs or len(seqs) > self._n_seq_max:
            raise InvalidArgumentError(f"seq = {seq!r}: the batch takes from 1 to {self._n_seq_max} sequences a token")
        if min(seqs) < 0 or max(seqs) >= 2**31:
            raise InvalidArgumentError(f"seq = {seq!r}: sequences are numbered from 0, by 32-bit integers")
        return ffi.new(_SEQUENCES, seqs), len(seqs)

    def _embeddings(self, value: Any) -> tuple[Any, int]:
        try:
            memory = memoryview(value)
        except TypeError:
            raise InvalidArgumentError(
                f"the batch takes a float32 array of shape (number, {self._n_embd}), and not {type(value).__name__}"
            ) from None
        shape = memory.shape or ()
        shape = (1, *shape) if len(shape) == 1 else shape
        if len(shape) != 2 or shape[1] != self._n_embd or memory.format != "f":
            raise InvalidArgumentError(
                f"the batch takes float32 embeddings of shape (number, {self._n_embd}), and not of shape "
                f"{memory.shape} and format {memory.format!r}"
            )
        return dense(value), shape[0]

    # --- reading ---

    def __len__(self) -> int:
        return int(self.handle.n_tokens)

    @property
    def n_tokens_max(self) -> int:
        """For how many tokens there is room."""
        return self._n_tokens

    @property
    def n_seq_max(self) -> int:
        """In how many sequences a token can be."""
        return self._n_seq_max

    @property
    def n_embd(self) -> int:
        """How many numbers each embedding has; 0, if the batch is one of tokens."""
        return self._n_embd

    @property
    def token(self) -> Any:
        """The tokens' ids: a view, int32, of shape (len,). None in a batch of embeddings.

        It may be written to, shows what later calls write to the batch, and is stale once this is closed.
        """
        return None if self._n_embd else self._view("token", "i")

    @property
    def embd(self) -> Any:
        """The embeddings: such a view, float32, of shape (len, `n_embd`). None in a batch of tokens."""
        return self._view("embd", "f", self._n_embd) if self._n_embd else None

    @property
    def pos(self) -> Any:
        """Their positions: such a view, int32, of shape (len,)."""
        return self._view("pos", "i")

    @property
    def n_seq_id(self) -> Any:
        """How many sequences each is in: such a view, int32, of shape (len,)."""
        return self._view("n_seq_id", "i")

    @property
    def logits(self) -> Any:
        """Which of them get an output, 0 or 1: such a view, int8, of shape (len,)."""
        return self._view("logits", "b")

    @property
    def seq_id(self) -> list[tuple[int, ...]]:
        """The sequences that each is in, a copy."""
        with self.in_use():
            handle = self.handle
            return [tuple(handle.seq_id[i][0 : handle.n_seq_id[i]]) for i in range(handle.n_tokens)]

    def _view(self, name: str, dtype: str, *more: int) -> Any:
        handle = self.handle
        return arrays.view(getattr(handle, name), (handle.n_tokens, *more), dtype, version=self._closings)

    def parts(self, n: int) -> Iterator[llama_batch]:
        """The content in batches of at most `n` tokens: `struct llama_batch`es over parts of this one's memory."""
        handle = self.handle
        for start in range(0, handle.n_tokens, n):
            part = ffi.new("struct llama_batch *", {"n_tokens": min(n, handle.n_tokens - start)})
            for name in ("token", "pos", "n_seq_id", "seq_id", "logits"):
                field = getattr(handle, name)
                setattr(part, name, field + start if field else field)
            if handle.embd:
                part.embd = handle.embd + start * self._n_embd
            yield part[0]


def dense(value: Any) -> Any:
    """A buffer whose elements lie side by side, the last dimension's first: `value` itself if it is one."""
    # Not the memoryview's tobytes(): PyPy's is wrong where elements lie backwards.
    return value if memoryview(value).c_contiguous else value.tobytes()


def _positions(pos: Any, n: int) -> tuple[int, Optional[Any]]:
    """The first position, and all of them if they are given one by one."""
    if pos is None:
        return -1, None  # which C understands
    if hasattr(pos, "__index__") and not getattr(pos, "shape", ()):
        pos = operator.index(pos)
        if not 0 <= pos < 2**31:
            raise InvalidArgumentError(f"pos = {pos}: positions are numbered from 0, by 32-bit integers")
        return pos, None
    positions, n_positions = as_tokens(pos, "pos")
    if n_positions != n:
        raise InvalidArgumentError(f"{n_positions} positions for {n} tokens")
    return 0, positions


def _flags(logits: Any, n: int) -> tuple[int, Any]:
    """An array of n zeros and ones."""
    if isinstance(logits, str):
        raise InvalidArgumentError(f'logits = {logits!r}: it is "last", "all", "none", or an array of truth values')
    try:
        flags = bytes([bool(each) for each in logits])
    except TypeError:
        raise InvalidArgumentError(f"logits = {logits!r}: there must be a truth value for each token") from None
    if len(flags) != n:
        raise InvalidArgumentError(f"{len(flags)} truth values in logits for {n} tokens")
    return 0, flags
