"""What samplers that are written in Python see of the tokens to choose from."""

from __future__ import annotations

from array import array
from functools import cache, lru_cache
from typing import Any, Optional

from .arrays import numpy
from .errors import FreedHandleError, InvalidArgumentError
from .native import ffi
from .types import float_array, float_p, llama_token_data_array_p, llama_token_data_p

_SIZE = ffi.sizeof("llama_token_data")


class Candidates:
    """The tokens that may come next, with their logits (C: `llama_token_data_array`).

    A sampler changes them in place: it lowers and raises logits, leaves tokens out by moving the others to the front
    and setting `size`, or chooses one by setting `selected`. The arrays are views of the memory that the samplers after
    it read, not copies; they have one element for each candidate and are NumPy arrays, or `memoryview`s where there is
    no NumPy. What a sampler is given is valid until it returns, and so are its arrays: copy what is to be kept.

    The first sampler of a chain gets the whole vocabulary. As long as it asks for `logit` and `selected` alone, these
    lie side by side, and are quick to compute with. For all else llama.cpp's list is made, in which a token's id, logit
    and probability are neighbours; a `logit` that was asked for before then can't be written to, and is asked for anew.

    Args:
        logits: floats, one for each token from 0 on: makes candidates of one's own, for `Sampler.apply`.

    Raises:
        InvalidArgumentError: there are none, or these are no numbers.
    """

    __slots__ = ("_array", "_memory", "_room", "_seen", "_views")
    _array: Optional[llama_token_data_array_p]
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
        self.id[:] = _ids(len(values))
        self.logit[:] = values

    def _clear(self) -> None:
        self._array = None
        self._memory = None
        self._room = 0
        self._seen = None
        self._views = ()

    @property
    def handle(self) -> llama_token_data_array_p:
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


class Lent(Candidates):
    """The candidates of the call that is running; the same object, with its views, serves all calls of a sampler."""

    __slots__ = ()

    def __init__(self) -> None:
        self._clear()

    def lend(self, array: Optional[llama_token_data_array_p]) -> None:
        """Be the candidates of a call; None: it has returned."""
        self._array = array
        self._room = 0


class Unlisted(Candidates):
    """The candidates of a call where no list of them was made yet: all tokens, with their logits side by side.

    Whoever asks for more than logits makes the list. Logits that were asked for before can't be written to then.
    """

    __slots__ = ("_chosen", "_is_open", "_logits", "_n", "_struct", "floats")

    floats: float_array
    """The memory of the copy."""

    def __init__(self) -> None:
        self._clear()
        self._n = 0
        self._is_open = False

    def begin(self, logits: float_p, n: int) -> None:
        """Be the candidates of a call: a copy of `n` logits."""
        if n != self._n:
            self._logits, self.floats = new_floats(n)
            self._memory = self._seen = None
            self._n = n
        ffi.memmove(self.floats, logits, 4 * n)
        self._chosen = -1
        self._is_open = True

    def end(self) -> None:
        """The call has returned."""
        self._array = None
        self._is_open = False

    @property
    def is_listed(self) -> bool:
        """Whether the list was made."""
        return self._array is not None

    @property
    def handle(self) -> llama_token_data_array_p:
        """As there; it makes the list."""
        if self._is_open and self._array is None:
            self._make_list()
        return super().handle

    def _make_list(self) -> None:
        if self._memory is None:
            self._memory = ffi.new("llama_token_data[]", self._n)
            self._struct = ffi.new("llama_token_data_array *")
        made = self._struct
        made.data, made.size, made.selected, made.sorted = self._memory, self._n, self._chosen, False
        self._array = made
        self._room = self._n
        module = numpy()
        _, id_, logit, p = (self._view(index) for index in range(4))
        id_[:] = _ids(self._n)
        logit[:] = self._logits
        p[:] = _plain_floats(self._n) if module is None else 0
        # Who has these logits still, and writes to them, must learn that it has no effect.
        if module is None:
            self._logits.release()
        else:
            self._logits.flags.writeable = False
        self._logits = _over_floats(self.floats)

    @property
    def logit(self) -> Any:
        """As there; it makes no list."""
        return self._logits if self._is_open and self._array is None else self._view(2)

    @property
    def size(self) -> int:
        """As there; setting it makes the list."""
        return self._n if self._is_open and self._array is None else int(self.handle.size)

    @size.setter
    def size(self, value: int) -> None:
        self.handle  # noqa: B018 - makes the list
        Candidates.size.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def selected(self) -> int:
        """As there; it makes no list."""
        return self._chosen if self._is_open and self._array is None else int(self.handle.selected)

    @selected.setter
    def selected(self, value: int) -> None:
        if self._is_open and self._array is None and -1 <= value < self._n:
            self._chosen = value
        else:
            Candidates.selected.__set__(self, value)  # type: ignore[attr-defined]


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


def _views_of(data: llama_token_data_p, size: int) -> tuple[Any, Any, Any, Any]:
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


def new_floats(n: int) -> tuple[Any, float_array]:
    """Memory for `n` floats, as an array and as C has it."""
    memory = ffi.new("float[]", n)
    return _over_floats(memory), memory


def _over_floats(memory: float_array) -> Any:
    module = numpy()
    buffer: Any = ffi.buffer(memory)
    return memoryview(buffer).cast("f") if module is None else module.frombuffer(buffer, module.float32)


def _plain_floats(n: int) -> Any:
    return memoryview(array("f", bytes(4 * n)))


@lru_cache(maxsize=1)
def _ids(n: int) -> Any:
    """The numbers from 0 to `n` - 1, which must not be changed."""
    module = numpy()
    return memoryview(array("i", range(n))) if module is None else module.arange(n, dtype=module.int32)
