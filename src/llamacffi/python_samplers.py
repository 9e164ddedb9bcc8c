"""Samplers that are written in Python, as `callbacks.sampler` takes them: a user's own, and logits processors."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Optional

from .arrays import numpy
from .candidates import Lent, Unlisted, new_floats
from .errors import InvalidArgumentError, LlamaError
from .native import ffi
from .types import float_p, llama_token_data_array_p


class PythonSampler:
    """A sampler of the user's, as `callbacks.sampler` takes it.

    Args:
        sampler: a function that gets Candidates, or an object that has one by the name `apply`.
    """

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.function: Any = getattr(sampler, "apply", sampler)
        self.candidates: Lent = Lent()
        self.unlisted: Unlisted = Unlisted()
        self.copy: Optional[PythonSampler] = None

    def apply(self, array: llama_token_data_array_p) -> None:
        """Have the function look at candidates."""
        candidates = self.candidates
        candidates.lend(array)
        try:
            self.function(candidates)
        finally:
            candidates.lend(None)

    def look(self, logits: float_p, n: int) -> Unlisted:
        """The same for logits that no list of candidates was made of yet.

        Args:
            logits: `float *`, which is left as it is.
            n: how many there are.

        Returns:
            The candidates as the function has left them; `end()` is to be called.
        """
        candidates = self.unlisted
        candidates.begin(logits, n)
        try:
            self.function(candidates)
        except BaseException:
            candidates.end()
            raise
        return candidates

    def accept(self, token: int) -> None:
        """Tell the sampler which token was chosen, if it wants to know."""
        if hasattr(self.sampler, "accept"):
            self.sampler.accept(token)

    def reset(self) -> None:
        """Have the sampler begin anew, if it can."""
        if hasattr(self.sampler, "reset"):
            self.sampler.reset()

    def clone(self) -> PythonSampler:
        """A copy, by the sampler's own `clone`, if it has one."""
        self.copy = PythonSampler(self.sampler.clone() if hasattr(self.sampler, "clone") else copy.copy(self.sampler))
        return self.copy

    def take_copy(self) -> Optional[PythonSampler]:
        """What the latest `clone` made."""
        made, self.copy = self.copy, None
        return made

    def copy_state(self, source: PythonSampler) -> None:
        """Go on where another one is."""
        if hasattr(self.sampler, "copy_state"):
            self.sampler.copy_state(source.sampler)
        elif hasattr(self.sampler, "__dict__"):
            self.sampler.__dict__.update(source.sampler.__dict__)


class LogitsProcessors:
    """Functions that see the logits of all tokens, as `callbacks.sampler` takes them: one crossing from C serves all.

    Args:
        functions: each gets the tokens that were accepted until now and the logits.
    """

    def __init__(self, functions: Sequence[Callable[[Any, Any], Any]]) -> None:
        self.functions: tuple[Callable[[Any, Any], Any], ...] = tuple(functions)
        self.candidates: Lent = Lent()
        self.room: Any = _tokens(256)
        self.n: int = 0
        self.logits: Any = None
        self.memory: float_p
        self.n_logits: int = 0
        self.copy: Optional[LogitsProcessors] = None

    def apply(self, given: llama_token_data_array_p) -> None:
        """Have the functions look at candidates: all tokens, in their order."""
        size = given.size
        if given.data[0].id != 0 or given.data[size - 1].id != size - 1 or given.sorted:
            raise LlamaError("a logits processor must be the first of its chain: it sees all tokens, in their order")
        candidates = self.candidates
        candidates.lend(given)
        try:
            self._call(candidates.logit)
        finally:
            candidates.lend(None)

    def process(self, logits: float_p, n: int) -> float_p:
        """The same for logits that no list of candidates was made of yet.

        Args:
            logits: `float *`, which is left as it is.
            n: how many there are.

        Returns:
            `float *`, valid until the next call.
        """
        if n != self.n_logits:
            self.logits, self.memory = new_floats(n)
            self.n_logits = n
        ffi.memmove(self.memory, logits, 4 * n)
        self._call(self.logits)
        return self.memory

    def _call(self, logits: Any) -> None:
        tokens = self.room[: self.n]
        for function in self.functions:
            result = function(tokens, logits)
            if result is not None and result is not logits:
                _put(logits, result)

    def accept(self, token: int) -> None:
        """Add a token to those that the functions get."""
        if self.n == len(self.room):
            room = _tokens(2 * self.n)
            room[: self.n] = self.room
            self.room = room
        self.room[self.n] = token
        self.n += 1

    def reset(self) -> None:
        """Forget the tokens."""
        self.n = 0

    def clone(self) -> LogitsProcessors:
        """The same functions, with a copy of the tokens."""
        self.copy = made = LogitsProcessors(self.functions)
        made.copy_state(self)
        return made

    def take_copy(self) -> Optional[LogitsProcessors]:
        """What the latest `clone` made."""
        made, self.copy = self.copy, None
        return made

    def copy_state(self, source: LogitsProcessors) -> None:
        """Take over the tokens of another one."""
        self.n = source.n
        self.room = _tokens(len(source.room))
        self.room[:] = source.room


def _tokens(n: int) -> Any:
    """Room for `n` tokens. Views of it stay as they are when more room is needed."""
    module = numpy()
    return memoryview(array("i", bytes(4 * n))) if module is None else module.zeros(n, module.int32)


def _put(logits: Any, result: Any) -> None:
    module = numpy()
    try:
        values = array("f", result) if module is None else module.asarray(result)
        if len(values) != len(logits):
            raise ValueError(f"{len(values)} logits for {len(logits)} tokens")
        logits[:] = values
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"a logits processor returned what is no list of logits: {error}") from None
