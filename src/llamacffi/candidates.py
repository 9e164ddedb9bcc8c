"""What samplers that are written in Python see of the tokens to choose from, and how C calls them."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Optional

from .arrays import numpy
from .errors import FreedHandleError, InvalidArgumentError, LlamaError
from .native import ffi

_SIZE = ffi.sizeof("llama_token_data")


class Candidates:
    """The tokens that may come next, with their logits (C: `llama_token_data_array`).

    A sampler changes them in place: it lowers and raises logits, leaves tokens out by moving the others to the front
    and setting `size`, or chooses one by setting `selected`. The arrays are views of llama.cpp's memory, made without a
    copy and without regard to how often they are asked for. They have one element for each candidate and are NumPy
    arrays, or `memoryview`s where there is no NumPy. What a sampler is given is valid until it returns, and so are its
    arrays: copy what is to be kept.

    Args:
        logits: floats, one for each token from 0 on: makes candidates of one's own, for `Sampler.apply`.

    Raises:
        InvalidArgumentError: there are none, or these are no numbers.
    """

    __slots__ = ("_array", "_memory", "_room", "_seen", "_views")
    _array: Any
    _memory: Any
    _seen: Any
    _views: tuple[Any, ...]

    def __init__(self, logits: Any) -> None:
        self._clear()
        module = numpy()
        try:
            values = array("f", logits) if module is None else module.asarray(logits, module.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidArgumentError(f"Candidates: logits: {error}") from None
        if getattr(values, "ndim", 1) != 1 or not len(values):
            raise InvalidArgumentError("Candidates: logits: one or more numbers are needed, in one dimension")
        self._memory = ffi.new("llama_token_data[]", len(values))
        self._array = ffi.new("llama_token_data_array *", {"data": self._memory, "size": len(values), "selected": -1})
        self._room = len(values)
        self.id[:] = array("i", range(len(values))) if module is None else module.arange(len(values))
        self.logit[:] = values

    def _clear(self) -> None:
        self._array = None
        self._memory = None
        self._room = 0
        self._seen = None
        self._views = ()

    @property
    def handle(self) -> ffi.CData:
        """The C struct, `llama_token_data_array *`.

        Raises:
            FreedHandleError: these were a sampler's, and it has returned.
        """
        if self._array is None:
            raise FreedHandleError("these candidates are gone: they are valid until the sampler returns")
        return self._array

    def _view(self, index: int) -> Any:
        # llama.cpp uses the same memory for each token of a context: a view of it is made once.
        array = self.handle
        seen = array.data, array.size
        if seen != self._seen:
            self._views = _views_of(*seen)
            self._seen = seen
        return self._views[index]

    @property
    def data(self) -> Any:
        """A structured array with the fields `id`, `logit` and `p`, as in C; without NumPy, bytes."""
        return self._view(0)

    @property
    def id(self) -> Any:
        """The tokens, int32."""
        return self._view(1)

    @property
    def logit(self) -> Any:
        """Their logits, float32. Who raises or lowers them so that they are in no order any more sets `sorted`."""
        return self._view(2)

    @property
    def p(self) -> Any:
        """Their probabilities, float32; 0 before a sampler has computed them."""
        return self._view(3)

    @property
    def size(self) -> int:
        """How many there are. Setting it leaves out those behind it.

        Raises:
            InvalidArgumentError: it is none of 1 to the size that there was.
        """
        return int(self.handle.size)

    @size.setter
    def size(self, value: int) -> None:
        if not 1 <= value <= max(self._room, self.handle.size):
            raise InvalidArgumentError(f"size = {value}: there are {self.handle.size} candidates, and one must be left")
        self._room = max(self._room, self.handle.size)
        self.handle.size = value

    def __len__(self) -> int:
        return self.size

    @property
    def selected(self) -> int:
        """The place of the chosen token among them; -1 as long as none is.

        Raises:
            InvalidArgumentError: there is no such place.
        """
        return int(self.handle.selected)

    @selected.setter
    def selected(self, value: int) -> None:
        if not -1 <= value < self.handle.size:
            raise InvalidArgumentError(f"selected = {value}: there are {self.handle.size} candidates")
        self.handle.selected = value

    @property
    def sorted(self) -> bool:
        """Whether they are in the order of their logits, the largest first: samplers rely on it."""
        return bool(self.handle.sorted)

    @sorted.setter
    def sorted(self, value: bool) -> None:
        self.handle.sorted = value


class _Lent(Candidates):
    """The candidates of the call that is running; the same object, with its views, serves all calls of a sampler."""

    __slots__ = ()

    def __init__(self) -> None:
        self._clear()

    def lend(self, array: Optional[ffi.CData]) -> None:
        self._array = array
        self._room = 0


@cache
def _dtype() -> Any:
    fields = dict(ffi.typeof("llama_token_data").fields)
    return numpy().dtype(
        {
            "names": ["id", "logit", "p"],
            "formats": ["i4", "f4", "f4"],
            "offsets": [fields[name].offset for name in ("id", "logit", "p")],
            "itemsize": _SIZE,
        }
    )


def _views_of(data: ffi.CData, size: int) -> tuple[Any, Any, Any, Any]:
    """The whole, and its three fields."""
    memory = ffi.buffer(data, size * _SIZE)
    module = numpy()
    if module is not None:
        whole = module.frombuffer(memory, _dtype())
        return whole, whole["id"], whole["logit"], whole["p"]
    plain: Any = memoryview(memory)
    step = _SIZE // 4
    places = [dict(ffi.typeof("llama_token_data").fields)[name].offset // 4 for name in ("id", "logit", "p")]
    return plain, *(plain.cast(form)[place::step] for form, place in zip(("i", "f", "f"), places))


class PythonSampler:
    """A sampler of the user's, as `callbacks.sampler` takes it.

    Args:
        sampler: a function that gets Candidates, or an object that has one by the name `apply`.
    """

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.function = getattr(sampler, "apply", sampler)
        self.candidates = _Lent()

    def apply(self, array: ffi.CData) -> None:
        candidates = self.candidates
        candidates.lend(array)
        try:
            self.function(candidates)
        finally:
            candidates.lend(None)

    def accept(self, token: int) -> None:
        if hasattr(self.sampler, "accept"):
            self.sampler.accept(token)

    def reset(self) -> None:
        if hasattr(self.sampler, "reset"):
            self.sampler.reset()

    def clone(self) -> PythonSampler:
        return PythonSampler(self.sampler.clone() if hasattr(self.sampler, "clone") else copy.copy(self.sampler))

    def copy_state(self, source: PythonSampler) -> None:
        if hasattr(self.sampler, "copy_state"):
            self.sampler.copy_state(source.sampler)
        elif hasattr(self.sampler, "__dict__"):
            vars(self.sampler).update(vars(source.sampler))


class LogitsProcessors:
    """Functions that see the logits of all tokens, as `callbacks.sampler` takes them: one crossing from C serves all.

    Args:
        functions: each gets the tokens that were accepted until now and the logits.
    """

    def __init__(self, functions: Sequence[Callable[[Any, Any], Any]]) -> None:
        self.functions = tuple(functions)
        self.candidates = _Lent()
        self.room: Any = _tokens(256)
        self.n = 0

    def apply(self, array: ffi.CData) -> None:
        size = array.size
        if array.data[0].id != 0 or array.data[size - 1].id != size - 1 or array.sorted:
            raise LlamaError("a logits processor must be the first of its chain: it sees all tokens, in their order")
        candidates = self.candidates
        candidates.lend(array)
        try:
            logits = candidates.logit
            tokens = self.room[: self.n]
            for function in self.functions:
                result = function(tokens, logits)
                if result is not None and result is not logits:
                    _put(logits, result)
        finally:
            candidates.lend(None)

    def accept(self, token: int) -> None:
        if self.n == len(self.room):
            room = _tokens(2 * self.n)
            room[: self.n] = self.room
            self.room = room
        self.room[self.n] = token
        self.n += 1

    def reset(self) -> None:
        self.n = 0

    def clone(self) -> LogitsProcessors:
        made = LogitsProcessors(self.functions)
        made.copy_state(self)
        return made

    def copy_state(self, source: LogitsProcessors) -> None:
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
