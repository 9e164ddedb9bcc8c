"""The token loop, which runs in C++ (src/native/loop.cpp), from Python: in steps, and always in order.

`Generation` (generation.py) is one text of it, `Generations` (many.py) are many at once. Python makes a `Loop` over a
context, adds a sequence for each text (`_add`), and lets it run for a step at a time (`_step`): the loop decodes,
samples, and looks for the text's end without Python's lock; a subclass then takes over what was made (`_collect`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Optional, TypeVar, Union

from .callbacks import Callback
from .checks import several, whole
from .errors import BusyError, FreedHandleError, InvalidArgumentError, LlamaError, failure, reason
from .native import ffi, lib
from .owner import Owner
from .tokens import as_tokens
from .types import llamacffi_choice_p, llamacffi_loop_p, llamacffi_sequence_p

if TYPE_CHECKING:
    from .context import Context
    from .samplers import Sampler
    from .tokens import Tokens
    from .vocab import Vocab

Prompt = Union[str, bytes, "Tokens"]
"""What is to be continued: a text, or tokens."""
Stop = Union[str, bytes, int]
"""What ends a text: a text, which is left out, or a token."""

Piece = TypeVar("Piece")

# Unless the caller chooses otherwise, a piece has all the tokens of so many microseconds: with a model that takes
# longer for each, that is one, and with a quicker one Python's part does not show.
_STEP_US = 4000
WHOLE_US = 100_000
"""The same of who wants the whole text, and no pieces."""

REASONS = {
    lib.LLAMACFFI_STOP_EOG: "eog",
    lib.LLAMACFFI_STOP_TEXT: "stop",
    lib.LLAMACFFI_STOP_LENGTH: "length",
    lib.LLAMACFFI_STOP_CANCELLED: "cancelled",
    lib.LLAMACFFI_STOP_DEADLINE: "deadline",
}
"""Why a text has ended, by C's number."""


class End(NamedTuple):
    """Where a text is to end.

    Attributes:
        n_predict: behind so many tokens.
        limit: where the prompt and the text together take so many positions.
        texts: where one of these comes up; in UTF-8.
        tokens: where one of these comes up.
        ignore_eog: whether to go on where the model would end it.
    """

    n_predict: int
    limit: int
    texts: list[bytes]
    tokens: list[int]
    ignore_eog: bool


class Loop(Owner[llamacffi_loop_p], Generic[Piece]):
    """The native loop over a context, as an iterator of what it makes, to be read by one thread at a time.

    It closes itself at its end; `close()` or the end of a `with` block end it before.

    Args:
        context: where it computes; it outlives this.
        seqs: the numbers of the sequences in the context that it uses. Another loop that uses one of them is closed.
        parents: what else must outlive it: samplers, the context of a smaller model.
        step: how many tokens a piece has; None, those that come within 4 ms, and at least one.
        deadline: when to end, in seconds from now; None, never.

    Raises:
        InvalidArgumentError: `step` or `deadline` is none.
        BusyError: another loop is at work on one of the sequences just now.
    """

    _warns: ClassVar[bool] = False  # who breaks out of a `for` loop just drops it

    def __init__(
        self,
        context: Context,
        seqs: Iterable[int],
        parents: Sequence[Owner[Any]],
        step: Optional[int],
        deadline: Optional[float],
    ) -> None:
        self._n_step = 0 if step is None else whole("step", step, 1)
        self._step_us = _STEP_US
        us = -1 if deadline is None else _microseconds(deadline)
        self._context = context
        self._seqs = frozenset(seqs)
        self._closes: list[Owner[Any]] = []
        self._callbacks: dict[int, Callback] = {}  # by sequence: what chooses in Python
        self._use_locks()
        self._take_over()
        loop = lib.llamacffi_loop_new(context.handle)
        if not loop:
            raise failure()
        super().__init__(loop, context, *parents)
        lib.llamacffi_loop_deadline(loop, us)

    def _make_locks(self) -> None:
        self._at_work = threading.Lock()  # held through a step
        self._worker: Optional[int] = None  # the thread that holds it
        self._alive = threading.Lock()  # held while the loop is used beside a step

    def _take_over(self) -> None:
        """Close those that have not ended and have a sequence which this one wants.

        Raises:
            BusyError: one of them is being read just now.
        """
        for other in list(self._context._living_children()):
            loop: Any = other
            if isinstance(other, Loop) and loop._seqs & self._seqs:
                if loop._at_work.locked():
                    raise BusyError(f"another {type(loop).__name__} is at work on this sequence of the context")
                other.close()

    def cancel(self) -> None:
        """End this as soon as can be, even within a batch of the prompt; from any thread, at any time.

        Who reads it gets what has been made until then, and the end; `stop_reason` is "cancelled".
        """
        with self._alive:
            if self._handle is not None:
                lib.llamacffi_loop_cancel(self._handle)

    def close(self) -> None:
        """End this, and free what it holds; what has been made stays readable. A step in another thread is waited for.

        Raises:
            BusyError: a callback of its own calls this.
        """
        if self._worker == threading.get_ident():
            raise BusyError(f"a callback can't close the {type(self).__name__} that has called it: use cancel()")
        self.cancel()
        with self._at_work:
            if self._handle is not None:
                # The context was freed through `lib`, or another thread computes with it: then it stays as it is.
                with suppress(FreedHandleError, BusyError):
                    self._end()
            super().close()
        while self._closes:
            self._closes.pop().close()

    def _close_handle(self) -> None:
        with self._alive:
            # First forgotten, as a Ctrl-C may come between: C would not notice that it is freed twice.
            handle, self._handle = self._handle, None
            if handle is not None:
                lib.llamacffi_loop_free(handle)

    def _end(self) -> None:
        """Leave the context in order, before the loop is freed."""
        raise NotImplementedError

    def _add(self, seq: int, tokens: Sequence[int], held: int, sampler: Sampler, end: End) -> llamacffi_sequence_p:
        """Begin a sequence.

        Args:
            seq: its number in the context.
            tokens: all of its prompt.
            held: how many of these the context holds already.
            sampler: what chooses its tokens, for this sequence alone.
            end: where it is to end.

        Returns:
            `struct llamacffi_sequence *`, which the loop owns: what a step has made is there (src/native/loop.h).
        """
        given = ffi.new("llama_token[]", tokens)
        choice = self._choice(seq, sampler)
        sequence = lib.llamacffi_loop_add(
            self.handle, seq, given, len(tokens), held, choice, end.n_predict, end.limit, end.ignore_eog
        )
        if not sequence:
            raise failure()
        for text in end.texts:
            lib.llamacffi_loop_stop_text(sequence, text, len(text))
        for token in end.tokens:
            lib.llamacffi_loop_stop_token(sequence, token)
        return sequence

    def _choice(self, seq: int, sampler: Sampler) -> llamacffi_choice_p:
        """How a sequence's tokens are to be chosen: `struct llamacffi_choice *`."""
        choice = ffi.new("struct llamacffi_choice *", {"sampler": sampler.handle})
        plan = sampler.plan
        self._callbacks.pop(seq, None)
        if not plan or self._context._samplers:
            return choice
        in_python, choice.n_members, choice.first, choice.k = plan
        if in_python:
            context = self._context
            callback = self._callbacks[seq] = Callback(partial(sampler.sample, context))
            choice.callback = callback.number
        return choice

    def _step(self) -> None:
        """Have the loop make something.

        Raises:
            BusyError: it is being read already.
            LlamaError: decoding or sampling failed; this is closed then.
            Anything that a Python callback raised.
        """
        if not self._at_work.acquire(blocking=False):
            name = type(self).__name__
            raise BusyError(
                f"this {name} is being read already, by another thread or by what a callback of it has called"
            )
        try:
            self._worker = threading.get_ident()
            error = None
            if self._prepare():
                status = lib.llamacffi_loop_step(self.handle, self._n_step, self._step_us)
                if status:
                    error = _error(status)
                else:
                    self._collect()
        except BaseException as raised:  # of a signal's handler
            error = raised
        finally:
            self._worker = None
            self._at_work.release()
        if error:
            self.close()
            raise error

    def _prepare(self) -> bool:
        """Whether there is something to do in a step."""
        return self._handle is not None

    def _collect(self) -> None:
        """Take over what a step has made: it lies in the loop, which another thread may close after the step."""
        raise NotImplementedError

    @contextmanager
    def _beginning(self) -> Generator[None]:
        """While this is being made ready, nobody else closes it."""
        with self._at_work:
            self._worker = threading.get_ident()
            try:
                yield
            finally:
                self._worker = None

    def _read(self) -> Optional[Piece]:
        """The next piece, None if there are no more."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Piece]:
        return self

    def __next__(self) -> Piece:
        piece = self._read()
        if piece is None:
            raise StopIteration
        return piece

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        reading = asyncio.get_running_loop().run_in_executor(None, self._read)
        try:
            piece = await asyncio.shield(reading)
        except asyncio.CancelledError:
            self.cancel()
            await asyncio.wait([reading])  # until then, the context is in use
            raise
        if piece is None:
            raise StopAsyncIteration
        return piece


def _error(status: int) -> BaseException:
    """What to raise for what `llamacffi_loop_step` returned."""
    if status == -1:
        return failure()
    if status == 1:
        return LlamaError(
            "the context is full: make it with a larger n_ctx, or with fewer sequences at once", "llama_decode"
        )
    if status == 2:
        return LlamaError("the abort callback stopped the work", "llama_decode")
    if status == -2:
        return LlamaError(
            "llama.cpp does not take the next tokens: was the context's memory changed meanwhile?",
            "llama_decode",
            native=reason(),
        )
    status += status < 0  # -1 is of ours
    return LlamaError(f"llama_decode failed with status {status}", "llama_decode", native=reason())


def to_tokens(vocab: Vocab, prompt: Prompt, add_special: bool, parse_special: bool) -> list[int]:
    """The tokens of a prompt, a text or tokens.

    Raises:
        InvalidArgumentError: there are none, or one that the vocabulary has not.
    """
    if isinstance(prompt, (str, bytes)):
        tokens = vocab.tokenize(prompt, add_special=add_special, parse_special=parse_special)
    else:
        ids, n = as_tokens(prompt, "prompt")
        tokens = list(ffi.unpack(ids, n))
        wrong = next((token for token in tokens if not 0 <= token < vocab.n_tokens), None)
        if wrong is not None:
            raise InvalidArgumentError(f"prompt: {wrong} is not a token: there are {vocab.n_tokens}, from 0 on")
    if not tokens:
        raise InvalidArgumentError("prompt: is empty, and this model has no token to begin with")
    return tokens


def to_prompts(vocab: Vocab, prompts: Any, add_special: bool, parse_special: bool) -> list[list[int]]:
    """The tokens of many prompts, of each as `to_tokens` has them."""
    every = several("prompts", prompts, "for a single one there is generate()")
    return [to_tokens(vocab, prompt, add_special, parse_special) for prompt in every]


def to_end(
    context: Context, max_tokens: Optional[int], stop: Union[Stop, Iterable[Stop], None], ignore_eog: bool
) -> End:
    """Where a text is to end, by the options of `generate`.

    Raises:
        InvalidArgumentError: an option is none.
    """
    stop = () if stop is None else stop
    stops = [stop] if isinstance(stop, (str, bytes)) or not isinstance(stop, Iterable) else list(stop)
    texts = [each.encode() if isinstance(each, str) else each for each in stops if isinstance(each, (str, bytes))]
    if not all(texts):
        raise InvalidArgumentError("stop: an empty text would end everything at once")
    tokens = [_stop_token(each) for each in stops if not isinstance(each, (str, bytes))]
    n_predict = 2**31 - 1 if max_tokens is None else whole("max_tokens", max_tokens)
    return End(n_predict, _room(context), texts, tokens, bool(ignore_eog))


def _stop_token(value: Any) -> int:
    if not hasattr(value, "__index__"):
        raise InvalidArgumentError(f"stop = {value!r}: must be a text, a token, or several")
    return whole("stop", value)


def _microseconds(deadline: Any) -> int:
    try:
        return int(max(0.0, min(float(deadline), 1e9)) * 1e6) if deadline == deadline else int(deadline)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgumentError(f"deadline = {deadline!r}: must be a number of seconds") from None


def _room(context: Context) -> int:
    """How many positions a text may take, so that each sequence of the context can have as many."""
    if hasattr(lib, "llama_n_ctx_seq"):
        return int(lib.llama_n_ctx_seq(context.handle))
    # Before there were as many as were asked for, llama.cpp told as many as there are cells.
    return int(context.n_ctx // context.n_seq_max if context.n_seq_max < context.n_ctx else context.n_ctx)


def check_room(prompts: list[list[int]], limit: int) -> None:
    """See that prompts take no more positions than a sequence may.

    Raises:
        InvalidArgumentError: one does.
    """
    longest = max(map(len, prompts), default=0)
    if longest > limit:
        raise InvalidArgumentError(
            f"the prompt has {longest} tokens, and the context takes {limit} of a sequence: make it with a larger n_ctx"
        )
