"""What the checked facade takes where C takes a pointer, a text, a struct or a function.

A call is tried first with the arguments as they are; only what cffi does not take comes here. Python's own objects
are adapted without a copy wherever they have memory of their own, and live through the call; what can't be adapted
is refused by the argument's name. Of memory whose size is known, the size is checked as well.
"""

from __future__ import annotations

import os
import sys

from . import buffers, callbacks, native
from .errors import ArgumentRangeError, ArgumentTypeError, InvalidArgumentError, LlamaError, compose
from .native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable
    from typing import Any, NoReturn, Optional, Union

    from .types import char_p

    Text = Union[str, bytes, bytearray, memoryview, os.PathLike[str], ctypes.c_char_p, char_p]
    """What a checked function takes for a text."""
    CTypesPointer = Union[
        ctypes._Pointer[Any],
        ctypes._CArgObject,  # pyright: ignore[reportGeneralTypeIssues]  # which it allows in annotations alone
        ctypes.c_void_p,
    ]
    """What of ctypes' a checked function takes for an array or a `void *`."""

UNFIT = (TypeError, OverflowError, ValueError, LookupError, ffi.error)
"""What cffi raises when it can't convert an argument; nothing has been called then."""

_VOID = ffi.typeof("void")
_LISTS: tuple[type[Any], ...] = (list, tuple)
_CHAR = ffi.typeof("char")
_OWNER = type(ffi.new("int *"))
_OWNERS_HAVE_A_TYPE = type(ffi.cast("int *", 0)) is not _OWNER  # not on PyPy


class Parameter:
    """One parameter of a C function.

    Args:
        mark: the name and what the API table says of it, as tools/header_gen/reference.py writes it.
        type_: the C type.

    Attributes:
        name: as Python has it.
        type: the C type.
        item: what a data pointer points to, None for anything else.
        written: whether C writes to where it points.
        path: whether it is a file's name.
        callback: the type of function that it points to, by its C name, "" if it points to no function.
        keeps: as long as what C keeps the address; "" for the call.
        size: how many elements there must be, an expression over the parameters; "" if it says nothing.
    """

    __slots__ = ("callback", "item", "keeps", "name", "path", "size", "type", "written")

    def __init__(self, mark: str, type_: ffi.CType) -> None:
        rest, _, size = mark.partition(":")
        self.size: str = size
        rest, _, keeps = rest.partition(">")
        self.keeps: str = keeps
        self.path: bool = rest.endswith("/")
        rest, _, callback = rest.rstrip("/").partition("@")
        self.callback: str = callback
        self.written: bool = rest.endswith("!")
        self.name: str = rest.rstrip("!")
        self.type: ffi.CType = type_
        self.item: Any = type_.item if type_.kind == "pointer" else None
        if not self.size and self.is_array() and not self.is_text():
            self.size = "1"

    def is_text(self) -> bool:
        """Whether this is a text that NUL ends."""
        return self.item is _CHAR and not self.written and not self.size

    def is_array(self) -> bool:
        """Whether this points to numbers or pointers, or to as many bytes or structs as another parameter says."""
        if self.item is None or self.item.kind == "function":
            return False
        return bool(self.size) or self.item.kind in ("primitive", "enum", "pointer", "array")

    def is_struct(self) -> bool:
        """Whether this points to one struct with known fields. Tensors do not count: their guards look closely."""
        if self.item is None or self.item.kind not in ("struct", "union") or self.size:
            return False
        return self.item_size() > 0 and bool(self.item.cname != "struct ggml_tensor")

    def item_size(self) -> int:
        """The size of an element; 1 for bytes of any meaning, 0 for what can't be known."""
        if self.item is _VOID:
            return 1
        try:
            return int(ffi.sizeof(self.item))
        except ffi.error:
            return 0


class Kept:
    """What lives through a call.

    Attributes:
        things: anything that memory belongs to.
        buffers: cffi's holds on Python's buffers, by the parameter's name.
    """

    def __init__(self) -> None:
        self.things: list[Any] = []
        self.buffers: dict[str, ffi.CData] = {}

    def release(self) -> None:
        """Let go of the buffers; the garbage collector of CPython crashes on a memoryview that cffi still holds."""
        for buffer in self.buffers.values():
            ffi.release(buffer)


class Function:
    """A C function as the facade calls it.

    Args:
        name: its C name.
        call: cffi's function.
        parameters: its parameters, without the variable ones.
    """

    def __init__(self, name: str, call: Callable[..., Any], parameters: list[Parameter]) -> None:
        self.name = name
        self.call = call
        self.parameters = parameters
        self.needs: dict[str, Callable[..., int]] = {}

    def refuse(
        self, parameter: Parameter, problem: str, kind: type[InvalidArgumentError] = ArgumentTypeError
    ) -> NoReturn:
        """Raise an error that says what is wrong with an argument."""
        raise kind(compose(self.name, parameter.name, problem), self.name, parameter.name) from None

    # --- sizes ---

    def check_room(self, index: int, value: object, need: int) -> None:
        """Refuse an array that is known to be shorter than `need` elements."""
        parameter = self.parameters[index]
        room = _room(value)
        size = parameter.item_size()
        if room is not None and room < need * size:
            self._refuse_room(parameter, room // size, need)

    def _refuse_room(self, parameter: Parameter, room: int, need: int) -> NoReturn:
        unit = "bytes" if parameter.item is _VOID or parameter.item is _CHAR else parameter.item.cname
        has = "has room for" if parameter.written else "holds"
        by = f"{parameter.size} = {need}" if parameter.size.isidentifier() else f"C takes {need}"
        self.refuse(parameter, f"{has} {room} {unit}, and {by}", InvalidArgumentError)

    # --- the call with what cffi did not take ---

    def adapt(self, error: Exception, given: tuple[Any, ...]) -> Any:
        """Adapt the arguments, and call.

        Args:
            error: what cffi said to the arguments as they were.
            given: the arguments.

        Raises:
            InvalidArgumentError: one of them can't be adapted.
        """
        kept = Kept()
        values = list(given)
        rooms: list[Optional[int]] = [None] * len(values)
        try:
            for index, parameter in enumerate(self.parameters):
                values[index], rooms[index] = self._adapted(parameter, given[index], kept)
            self._fill_user_data(values, given)
            for index in range(len(self.parameters), len(values)):
                values[index] = _variable(given[index], kept)
            self._check_rooms(given, values, rooms)
            result = self.call(*values)
            for parameter, value, original in zip(self.parameters, values, given):
                if parameter.keeps:
                    owner = result if parameter.keeps == "result" else self._argument(parameter.keeps, values)
                    keep(owner, [original, value])
                    kept.buffers.pop(parameter.name, None)
        except LlamaError:
            raise
        except UNFIT as unfit:
            self._explain(values, unfit)
        finally:
            kept.release()
        return result

    def _argument(self, name: str, values: list[Any]) -> Any:
        return next(value for parameter, value in zip(self.parameters, values) if parameter.name == name)

    def _check_rooms(self, given: tuple[Any, ...], values: list[Any], rooms: list[Optional[int]]) -> None:
        for parameter, original, room in zip(self.parameters, given, rooms):
            if room is None or not parameter.size:
                continue
            need, size = self.needs[parameter.name](*values[: len(self.parameters)]), parameter.item_size()
            if room < need * size:
                self._refuse_room(parameter, room // size, need)
            if isinstance(original, str) and need == len(original) < room - 1:
                problem = f"has {room - 1} bytes in UTF-8, and {parameter.size} = {need} is its number of characters"
                self.refuse(parameter, problem, InvalidArgumentError)

    def _fill_user_data(self, values: list[Any], given: tuple[Any, ...]) -> None:
        """Where a Python function was given for a callback: what it comes with, in the place that C has for it."""
        for index, parameter in enumerate(self.parameters):
            if not isinstance(values[index], tuple):
                continue
            values[index], user_data = values[index]
            for other in (index + 1, index - 1):
                if 0 <= other < len(self.parameters) and self.parameters[other].item is _VOID:
                    if given[other] is not None:
                        problem = f"must be None: it is what {parameter.name}, a Python function, comes with"
                        self.refuse(self.parameters[other], problem)
                    values[other] = user_data
                    break

    def _explain(self, values: list[Any], error: Exception) -> NoReturn:
        """Find the argument that cffi does not take, and say so."""
        for parameter, value in zip(self.parameters, values):
            if value is None:
                self._refuse_type(parameter, value)
            if isinstance(value, bytes) and parameter.item is not None and parameter.item_size() == 1:
                continue  # cffi takes them in a call, and not in what follows
            try:
                ffi.new(ffi.getctype(parameter.type, "*"), value)
            except OverflowError:
                self.refuse(parameter, f"= {_shown(value)}: does not fit {parameter.type.cname}", ArgumentRangeError)
            except KeyError as unknown:
                self.refuse(parameter, f"{parameter.type.cname} has no field {unknown}")
            except UNFIT:
                self._refuse_type(parameter, value)
        raise ArgumentTypeError(f"{self.name}: {error}", self.name) from None

    def _refuse_type(self, parameter: Parameter, value: object) -> NoReturn:
        name, type_ = parameter.type.cname, type(value).__name__
        hint = ""
        if isinstance(value, ffi.CData):
            type_ = ffi.typeof(value).cname
        elif parameter.type.kind == "pointer" and isinstance(value, int):
            hint = f'; an address becomes one by ffi.cast("{name}", address)'
        elif parameter.type.kind == "pointer" and parameter.item is _VOID and not parameter.size:
            hint = "; a Python object becomes one by ffi.new_handle"
        elif parameter.is_array() and parameter.written:
            hint = f'; C writes here: give ffi.new("{ffi.getctype(parameter.item, "[]")}", n), an array or a bytearray'
        shown = f"= {_shown(value)}: " if isinstance(value, (int, float, str)) else ""
        self.refuse(parameter, f"{shown}C takes {name}, not {type_}{hint}")

    def _adapted(self, parameter: Parameter, value: Any, kept: Kept) -> tuple[Any, Optional[int]]:
        """An argument as C takes it, and the bytes that it has room for, None if they are not known."""
        kind = parameter.type.kind
        if kind not in ("pointer", "function"):
            return self._plain(parameter, value), None
        if value is None:
            return ffi.NULL, None
        if isinstance(value, ffi.CData):
            kept.things.append(value)
            return _converted(parameter, value), _room(value)
        if kind == "function":
            return self._callback(parameter, value, kept), None
        if parameter.item is _CHAR and not parameter.written:
            text = self._text(parameter, value)
            if text is not None:
                return text, len(text) + 1
        if parameter.item.kind == "pointer" and parameter.item.item is _CHAR and isinstance(value, _LISTS):
            value = self._texts(parameter, value, kept)
        if isinstance(value, _LISTS) and (parameter.is_array() or parameter.is_text()):
            return self._list(parameter, value, kept)
        address = buffers.ctypes_address(parameter.item, value)
        if address is None and "ctypes" in sys.modules and isinstance(value, sys.modules["ctypes"]._Pointer):
            self._refuse_type(parameter, value)  # its own memory is no buffer
        if address:
            kept.things.append(value)
            return ffi.cast(parameter.type, address[0]), address[1]
        return self._buffer(parameter, value, kept)

    def _plain(self, parameter: Parameter, value: Any) -> Any:
        if isinstance(value, ffi.CData) and parameter.type.kind in ("struct", "union"):
            type_ = ffi.typeof(value)
            if type_.kind == "pointer" and type_.item is parameter.type and value:
                pointer: Any = value
                return pointer[0]
        given: Any = value
        ctypes = sys.modules.get("ctypes")
        if ctypes and parameter.type.kind in ("primitive", "enum") and isinstance(value, ctypes._SimpleCData):
            return given.value
        return value

    def _callback(self, parameter: Parameter, value: Any, kept: Kept) -> Any:
        kept.things.append(value)
        ctypes = sys.modules.get("ctypes")
        if ctypes and isinstance(value, ctypes._CFuncPtr):
            return ffi.cast(parameter.type, ctypes.cast(value, ctypes.c_void_p).value or 0)
        if not callable(value) and not isinstance(value, callbacks.Callback):
            self._refuse_type(parameter, value)
        name = getattr(value, "__name__", "")
        own = getattr(lib, name, None)
        if own is not None and (value is own or getattr(value, "__module__", "") == __package__):
            return ffi.addressof(lib, name)  # a C function, of which cffi and we have made one of Python
        try:
            made = value if isinstance(value, callbacks.Callback) else callbacks.convert(parameter.callback, value)
        except TypeError as error:
            self.refuse(parameter, str(error))
        kept.things.append(made)
        return made.function, made.user_data

    def _text(self, parameter: Parameter, value: Any) -> Optional[bytes]:
        """A text's bytes, None if it is something else."""
        if isinstance(value, bytes):
            return value
        given: Any = value
        if not isinstance(value, str) and hasattr(value, "__fspath__"):
            path: Any = given.__fspath__()
            text = path if isinstance(path, bytes) else native.encode_path(path)
        elif isinstance(value, str):
            try:
                text = native.encode_path(value) if parameter.path else value.encode("utf-8", "surrogateescape")
            except UnicodeError as error:
                self.refuse(parameter, f"= {_shown(value)}: {error}", InvalidArgumentError)
        elif isinstance(value, (bytearray, memoryview)) and not parameter.size:
            text = bytes(given)
        else:
            return None
        if not parameter.size and b"\0" in text:
            problem = f"= {_shown(given)}: has a NUL character, where C takes the text to end"
            self.refuse(parameter, problem, InvalidArgumentError)
        return text

    def _texts(self, parameter: Parameter, values: Any, kept: Kept) -> list[Any]:
        """The elements of a list of texts, as pointers."""
        if parameter.written:
            self.refuse(parameter, 'C writes here, and a list would not see it: give ffi.new("char *[]", n)')
        found: list[Any] = []
        element = Parameter(parameter.name + "/" * parameter.path, ffi.typeof("char *"))
        for value in values:
            text = None if isinstance(value, ffi.CData) or value is None else self._text(element, value)
            if text is not None:
                value = ffi.new("char[]", text)
                kept.things.append(value)
            found.append(ffi.NULL if value is None else value)
        return found

    def _list(self, parameter: Parameter, values: Any, kept: Kept) -> tuple[Any, Optional[int]]:
        """A copy of a list, where C only reads."""
        item = parameter.item if parameter.item is not _VOID else None
        if parameter.written or item is None or parameter.is_text():
            self._refuse_type(parameter, values)
        if item.kind == "pointer":
            values = [ffi.NULL if value is None else value for value in values]
        try:
            array = ffi.new(ffi.getctype(item, "[]"), list(values))
        except UNFIT as error:
            kind = ArgumentRangeError if isinstance(error, OverflowError) else ArgumentTypeError
            self.refuse(parameter, f"an element is not {item.cname}: {error}", kind)
        kept.things.append(array)
        return array, ffi.sizeof(array)

    def _buffer(self, parameter: Parameter, value: Any, kept: Kept) -> tuple[Any, Optional[int]]:
        """The memory of an object that has the buffer protocol."""
        if parameter.item.cname == "FILE":
            return value, None  # cffi takes Python's files
        size = parameter.item_size()
        if isinstance(value, str) or not size or (parameter.item is _VOID and not parameter.size):
            self._refuse_type(parameter, value)
        try:
            view = memoryview(value)
        except (TypeError, ValueError, BufferError):
            self._refuse_type(parameter, value)
        if not buffers.fits(parameter.item, view):
            self.refuse(parameter, f"C takes {parameter.type.cname}, not elements that are {buffers.element(view)}")
        if not view.c_contiguous:
            self.refuse(parameter, "its elements do not lie one after another in memory: give a copy that does")
        if parameter.written and view.readonly:
            self.refuse(parameter, f"C writes here, and this {type(value).__name__} is read-only")
        item = _CHAR if parameter.item is _VOID else parameter.item
        try:
            array = ffi.from_buffer(ffi.getctype(item, "[]"), value, require_writable=parameter.written)
        except (TypeError, ValueError, BufferError):
            self._refuse_type(parameter, value)
        kept.buffers[parameter.name] = array
        return array, ffi.sizeof(array)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _room(value: Any) -> Optional[int]:
    """The bytes in an object's memory, None if they are not known: a pointer does not tell."""
    if isinstance(value, bytes):
        return len(value) + 1  # with the NUL behind them
    if not isinstance(value, ffi.CData):
        return None
    type_ = ffi.typeof(value)
    if type_.kind == "array":
        return int(ffi.sizeof(value))
    if type_.kind == "pointer" and value and _owns(value):
        return int(ffi.sizeof(type_.item))
    return None


def _owns(pointer: ffi.CData) -> bool:
    """Whether a pointer is that of `ffi.new`, with room for one element."""
    return type(pointer) is _OWNER if _OWNERS_HAVE_A_TYPE else " owning " in repr(pointer)


def _converted(parameter: Parameter, value: ffi.CData) -> Any:
    """A C value as a pointer of the parameter's type, if it is one by another name or a struct itself."""
    type_ = ffi.typeof(value)
    if type_ is parameter.item:
        return ffi.addressof(value)
    if type_.kind in ("pointer", "array") and parameter.item is not None:
        here, there = type_.item, parameter.item
        if here.kind == there.kind == "primitive" and here is not there and buffers.is_same(here, there):
            return ffi.cast(parameter.type, value)
    return value


def _variable(value: Any, kept: Kept) -> Any:
    """One of a variadic function's further arguments, for which C declares no type."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        value = ffi.new("char[]", value)
        kept.things.append(value)
    elif isinstance(value, int):
        value = ffi.cast("int" if -(2**31) <= value < 2**31 else "long long", value)
    elif isinstance(value, float):
        value = ffi.cast("double", value)
    return ffi.NULL if value is None else value


# --- what lives longer than a call ---

_kept: dict[int, tuple[object, list[Any]]] = {}


def keep(owner: ffi.CData, values: list[Any]) -> None:
    """Let the values live as long as the C object `owner`, which is Python's name for what keeps their addresses."""
    import weakref

    key = id(owner)
    if key not in _kept:
        _kept[key] = (weakref.ref(owner, lambda _: _kept.pop(key, None)), [])
    _kept[key][1].extend(values)
