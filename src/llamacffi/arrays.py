"""Views of native memory: NumPy arrays, or `memoryview`s where there is no NumPy.

The only file that imports NumPy, and only when the first array is asked for.

A view has no memory of its own. What it shows is gone when the object that the memory belongs to computes again, or is
freed, whichever way that is called. Each object has a number in native code that moves on then, and each view
remembers which number it was made at: a view that is stale raises `FreedHandleError` when it is read, written, sliced
or computed with. `copy()` makes an array of one's own. NumPy asks nobody in `np.asarray(view)` and `memoryview(view)`,
nor do `memoryview`s, which serve where there is no NumPy: these must not be used longer than what they show is there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import prod
from typing import Any, Optional, Union

from .errors import FreedHandleError, InvalidArgumentError
from .handles import struct_name
from .native import ffi, lib

ITEM_SIZES = {"b": 1, "B": 1, "?": 1, "e": 2, "h": 2, "H": 2, "f": 4, "i": 4, "I": 4, "d": 8, "q": 8, "Q": 8}
"""The bytes of an element, by Python's characters for types."""


@cache
def numpy() -> Any:
    """The module, None if it is not installed."""
    try:
        import numpy as module
    except ImportError:
        return None
    return module


def version_of(handle: ffi.CData) -> Any:
    """The number that moves on when what an object has computed, or the object itself, is gone.

    Args:
        handle: a pointer to one of llama.cpp's structs, `struct llama_context *` for instance.

    Returns:
        Something whose element 0 is the number as it is now. It can be read for ever.

    Raises:
        InvalidArgumentError: no such object is known.
    """
    pointer = lib.llamacffi_version(struct_name(handle), ffi.cast("void *", handle))
    if not pointer:
        raise InvalidArgumentError(f"{handle!r} is not an object that llamacffi knows")
    # A memoryview is quicker in CPython, and in PyPy a pointer is.
    return memoryview(ffi.buffer(pointer, 4)).cast("I") if sys.implementation.name == "cpython" else pointer


def view(
    pointer: ffi.CData,
    shape: Union[int, Sequence[int]],
    dtype: str = "f",
    *,
    strides: Optional[Sequence[int]] = None,
    version: Any = None,
    writable: bool = True,
) -> Any:
    """Native memory as an array, without a copy.

    Args:
        pointer: where it begins.
        shape: how many elements there are, in each dimension.
        dtype: their type, a character of Python's `struct`: "f" is float32, "i" int32, "B" uint8, "e" float16, …
        strides: how many bytes each dimension's elements are apart; None if they lie one behind the other, the last
            dimension's side by side.
        version: what `version_of` gives for the object whose memory it is; None if nothing makes the view stale.
        writable: whether the array may be written to.

    Returns:
        A NumPy array; without NumPy a `memoryview`, which does not know when it is stale.

    Raises:
        InvalidArgumentError: there is no NumPy, and a `memoryview` can't have these strides.
    """
    dimensions = (shape,) if isinstance(shape, int) else tuple(shape)
    now = version[0] if version is not None else 0
    array = _bare(pointer, dimensions, dtype, strides, writable)
    return array if version is None else stamping()(array, version, now)


def _bare(pointer: Any, shape: tuple[int, ...], dtype: str, strides: Optional[Sequence[int]], writable: bool) -> Any:
    size = ITEM_SIZES[dtype]
    if strides is None:
        extent = size * prod(shape)
    else:
        extent = size + sum((n - 1) * stride for n, stride in zip(shape, strides)) if all(shape) else 0
    memory: Any = ffi.buffer(ffi.cast("char *", pointer), extent)
    np = numpy()
    if np is not None:
        array = np.ndarray(shape, dtype, memory, 0, strides)
        if not writable:
            array.flags.writeable = False
        return array
    if strides is not None:
        raise InvalidArgumentError(f"an array with strides {tuple(strides)} needs NumPy: pip install numpy")
    memory = memoryview(memory)
    memory = memory if writable else memory.toreadonly()
    if extent == 0:  # which cast() does not take
        return memory.cast("B").cast(dtype)
    return memory.cast("B").cast(dtype, shape)


def empty(shape: Sequence[int]) -> Any:
    """A new float32 array, of Python's own memory: NumPy's, or a `memoryview`."""
    np = numpy()
    if np is not None:
        return np.empty(shape, np.float32)
    n = prod(shape)
    flat: Any = memoryview(bytearray(4 * n))
    return flat.cast("f", shape) if n else flat.cast("f")


class Rows:
    """What a C function gives the address of, by index, as views of one and the same length.

    A view is made once for what the object has computed last: asking again gives the same one.

    Args:
        function: takes the object and an index, and returns a pointer; raises if there is none.
        n: how many numbers there are behind it.
        version: what `version_of` gives for the object.
    """

    __slots__ = ("_arrays", "_function", "_made_at", "_n", "_stamp", "_version", "_views")

    def __init__(self, function: Callable[[Any, int], Any], n: int, version: Any) -> None:
        self._function = function
        self._n = n
        self._version = version
        self._stamp: Any = None
        self._made_at = -1
        self._views: dict[int, Any] = {}
        self._arrays: dict[int, tuple[Any, Any]] = {}

    def get(self, owner: Any, i: int) -> Any:
        """The view of what has this index in the object: float32, 1-D."""
        now = self._version[0]
        if self._made_at == now:
            view = self._views.get(i)
            if view is not None:
                return view
        else:
            self._views.clear()
            self._made_at = now
        pointer = self._function(owner, i)
        try:
            known, array = self._arrays[i]
        except KeyError:
            known = array = None
        if known != pointer:  # nearly always it is where it was the last time
            array = _bare(pointer, (self._n,), "f", None, True)
            self._arrays[i] = pointer, array
            self._stamp = stamping()
        view = self._views[i] = self._stamp(array, self._version, now)
        return view


# What of an array's is no method that looks at its content, or must stay as it is.
_UNTOUCHED = frozenset(
    (
        *("__array_finalize__", "__array_function__", "__array_prepare__", "__array_ufunc__", "__array_wrap__"),
        *("__buffer__", "__class__", "__class_getitem__", "__delattr__", "__dir__", "__getattribute__", "__init__"),
        *("__init_subclass__", "__iter__", "__len__", "__new__", "__release_buffer__", "__repr__", "__setattr__"),
        *("__sizeof__", "__str__", "__subclasshook__", "__weakref__", "setflags"),
    )
)
_CONTENT = ("T", "__array_interface__", "__array_struct__", "ctypes", "data", "flat", "imag", "mT", "real")


@cache
def stamping() -> Callable[[Any, Any, int], Any]:
    """The function that makes of an array a view that is stale as soon as the version is another than a given one.

    Without NumPy it leaves the array, a `memoryview`, as it is.
    """
    np = numpy()
    if np is None:
        return lambda array, version, made_at: array
    ndarray = np.ndarray
    bare = ndarray.view

    class View(ndarray):  # type: ignore[misc, valid-type]
        """An array over native memory, which raises `FreedHandleError` once that shows something else, or is gone."""

        __slots__ = ("_made_at", "_version")

        @property
        def stale(self) -> bool:
            """Whether what this was a view of is gone."""
            try:
                return bool(self._version[0] != self._made_at)
            except AttributeError:  # NumPy has made it on its own, with memory of its own
                return False

        def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
            views: list[Any] = []
            result = getattr(function, method)(*strip(inputs, views), **strip(options, views))
            out = options.get("out")
            if out is None:
                return result
            return out[0] if len(out) == 1 else out

        def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
            views: list[Any] = []
            return dress(function(*strip(inputs, views), **strip(options, views)), views)

        def __iter__(self) -> Iterator[Any]:
            view: Any = self
            return (view[i] for i in range(len(view)))

        def __repr__(self) -> str:
            return f"<stale view of {self.shape}>" if self.stale else repr(bare(self, ndarray))

        __str__ = __repr__

    def strip(value: Any, views: list[Any]) -> Any:
        """The same with arrays in the place of views, which are added to `views`."""
        given: Any = value
        if isinstance(value, View):
            if value.stale:
                raise FreedHandleError(
                    "this view is stale: the object that it shows a part of has computed again, or was freed; ask for "
                    "a new view, and copy() what you want to keep"
                )
            views.append(value)
            return bare(value, ndarray)
        if type(value) in (list, tuple):
            return type(value)([strip(each, views) for each in value])
        if type(value) is dict:
            return {key: strip(each, views) for key, each in given.items()}
        return value

    def dress(value: Any, views: list[Any]) -> Any:
        """The same with views in the place of arrays that share memory with one of `views`."""
        if type(value) is ndarray:
            for each in views:
                if np.may_share_memory(value, each):
                    return make(value, each._version, each._made_at)
        elif type(value) in (list, tuple):
            return type(value)([dress(each, views) for each in value])
        return value

    def make(array: Any, version: Any, made_at: int) -> Any:
        made = bare(array, View)
        made._version = version
        made._made_at = made_at
        return made

    def looking(method: Any) -> Any:
        def call(self: Any, *arguments: Any, **options: Any) -> Any:
            views: list[Any] = []
            return dress(method(strip(self, views), *strip(arguments, views), **strip(options, views)), views)

        call.__name__, call.__doc__ = method.__name__, method.__doc__
        return call

    def looking_property(name: str) -> property:
        def get(self: Any) -> Any:
            views: list[Any] = []
            return dress(getattr(strip(self, views), name), views)

        def set_(self: Any, value: Any) -> None:
            views: list[Any] = []
            setattr(strip(self, views), name, strip(value, views))

        return property(get, set_, doc=getattr(ndarray, name).__doc__)

    for name in dir(ndarray):
        if name in _CONTENT:
            setattr(View, name, looking_property(name))
        elif name not in _UNTOUCHED and callable(getattr(ndarray, name)):
            setattr(View, name, looking(getattr(ndarray, name)))
    View.__hash__ = None  # type: ignore[assignment]
    return make
