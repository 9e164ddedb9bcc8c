"""What is cffi's own in the types of `llamacffi.ffi` and `llamacffi.types`, and does not depend on any header.

The `.pyi` files beside it, which speak of llama.cpp's names, are generated (tools/header_gen/stubs.py).
"""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Generic, Literal, Protocol, TypeVar, overload

from typing_extensions import Buffer, Self, TypeAlias

from .types import char_p

_Item = TypeVar("_Item")  # what reading an element gives
_Value = TypeVar("_Value")  # what may be written to it
_Array = TypeVar("_Array")  # what a slice is
_StructPointer = TypeVar("_StructPointer")
_Any = TypeVar("_Any")
_Owned = TypeVar("_Owned", bound=CData)

class HasArray(Protocol):
    """NumPy's arrays, which checkers know as buffers from Python 3.12 on alone, and others' like them."""

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Where the array's memory is, and what lies there."""

BufferLike: TypeAlias = Buffer | HasArray
"""What has memory of its own: bytes, bytearray, memoryview, `array.array`, NumPy's arrays."""

class CData:
    """A C value. Only cffi makes any."""

    def __bool__(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __lt__(self, other: CData, /) -> bool: ...
    def __le__(self, other: CData, /) -> bool: ...
    def __gt__(self, other: CData, /) -> bool: ...
    def __ge__(self, other: CData, /) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...

class Number(CData):
    """A number of a C type, which `ffi.cast` makes."""

    def __int__(self) -> int: ...
    def __float__(self) -> float: ...

class Null(CData):
    """The type of `ffi.NULL`."""

    def __bool__(self) -> Literal[False]: ...

class AnyPointer(CData):
    """A pointer or an array: what C takes for a `void *`."""

class void_p(AnyPointer):
    """`void *`"""

class Pointer(AnyPointer, Generic[_Item, _Value, _Array]):
    """`T *`: reading an element gives `_Item`, writing one takes `_Value`, a slice is an `_Array`."""

    @overload
    def __getitem__(self, index: int, /) -> _Item: ...
    @overload
    def __getitem__(self, index: slice, /) -> _Array: ...
    @overload
    def __setitem__(self, index: int, value: _Value, /) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[_Value] | BufferLike, /) -> None: ...
    def __add__(self, n: int, /) -> Self: ...
    @overload
    def __sub__(self, n: int, /) -> Self: ...
    @overload
    def __sub__(self, other: Self, /) -> int: ...

class Sized(Generic[_Item]):
    """What an array has beside what a pointer has."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_Item]: ...

class Struct(CData, Generic[_StructPointer]):
    """A struct or union by value; `ffi.addressof` of it is a `_StructPointer`."""

class FunctionPointer(CData):
    """A pointer to a function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class Member(Generic[_Item, _Value]):
    """A field of a struct: reading it gives `_Item`, and it takes a `_Value`."""

    def __get__(self, instance: object, owner: Any = ..., /) -> _Item: ...
    def __set__(self, instance: object, value: _Value, /) -> None: ...

class CField:
    """A field in a `CType`."""

    type: CType
    """The field's type."""
    offset: int
    """Where it begins in the struct, in bytes."""
    bitshift: int
    """Of a bit-field, its first bit; -1 for others."""
    bitsize: int
    """Of a bit-field, how many bits it has; -1 for others."""
    flags: int
    """cffi's own."""

class CType:
    """A C type, as `ffi.typeof` gives it. Which attributes there are depends on `kind`."""

    kind: Literal["primitive", "bool", "enum", "pointer", "array", "void", "struct", "union", "function"]
    """What kind of type it is."""
    cname: str
    """Its name in C."""
    item: CType
    """Of a pointer or an array, what it points to or is made of."""
    length: int
    """Of an array, how many elements it has; None if the type leaves that open."""
    fields: list[tuple[str, CField]]
    """Of a struct or union, its fields by name, in order."""
    args: tuple[CType, ...]
    """Of a function, its parameters' types."""
    result: CType
    """Of a function, its result's type."""
    ellipsis: bool
    """Of a function, whether it takes further arguments."""
    abi: int
    """Of a function, cffi's number of how it is called."""
    elements: dict[int, str]
    """Of an enum, the names by value."""
    relements: dict[str, int]
    """Of an enum, the values by name."""

class buffer:
    """The bytes behind a pointer or an array, without a copy."""

    def __init__(self, cdata: AnyPointer, size: int = -1) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> bytes: ...
    @overload
    def __getitem__(self, index: slice, /) -> bytes: ...
    def __setitem__(self, index: int | slice, value: bytes, /) -> None: ...

class error(Exception):
    """What cffi raises for a C type that it does not know, and the like."""

NULL: Null
"""The NULL pointer."""
errno: int
"""C's errno as the latest call has left it; it can be set."""

def typeof(cdecl: str | CData | Callable[..., Any], /) -> CType:
    """A C type by its name, or that of a C value or a function of `lib`."""

def sizeof(cdecl: str | CData | CType, /) -> int:
    """The bytes of a C type, or of a C value: of an array made by `new`, all of it."""

def alignof(cdecl: str | CData | CType, /) -> int:
    """The alignment of a C type, in bytes."""

def offsetof(cdecl: str | CType, /, *fields: str | int) -> int:
    """Where a field of a struct begins, in bytes; further fields and indices lead into it."""

def getctype(cdecl: str | CType, replace_with: str = "") -> str:
    """A C type's name as text, with something put where a variable's name stands."""

def string(cdata: CData, maxlen: int = -1) -> bytes:
    """The bytes of a `char` array or pointer up to the NUL, or the name of an enum's value.

    Args:
        cdata: it.
        maxlen: to look at so many at most.
    """

@overload
def unpack(cdata: char_p, length: int) -> bytes:  # pyright: ignore[reportOverlappingOverload]
    """So many elements as a list; of `char`s as bytes."""

@overload
def unpack(cdata: Pointer[_Item, Any, Any], length: int) -> list[_Item]: ...
@overload
def addressof(cdata: Struct[_StructPointer], /) -> _StructPointer:
    """A pointer to a struct, to one of its fields or elements, or to a function or variable of `lib`.

    The struct must live on: the pointer does not own it.
    """

@overload
def addressof(cdata: CData | ModuleType, /, *fields: str | int) -> Any: ...
def memmove(dest: AnyPointer | BufferLike, src: AnyPointer | BufferLike, n: int) -> None:
    """Copy bytes between C memory and buffers, which may overlap."""

def gc(cdata: _Owned, destructor: Callable[[_Owned], object] | None, size: int = 0) -> _Owned:
    """The same pointer as an object that calls `destructor` when it is garbage; None takes that back."""

def release(cdata: CData, /) -> None:
    """Free now what `new`, `gc` or `from_buffer` has made."""

def new_handle(x: object, /) -> void_p:
    """A `void *` that stands for a Python object, which lives as long as this."""

def from_handle(x: AnyPointer, /) -> Any:
    """The Python object for which a `void *` of `new_handle` stands."""

@overload
def callback(
    cdecl: str | CType,
    python_callable: Callable[..., Any],
    error: Any = None,
    onerror: Callable[..., Any] | None = None,
) -> Any:
    """A Python function as a C function of any type; `llamacffi.callback` makes those that llama.cpp takes."""

@overload
def callback(
    cdecl: str | CType,
    python_callable: None = None,
    error: Any = None,
    onerror: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Any]: ...
def new_allocator(
    alloc: Callable[[int], Any] | None = None,
    free: Callable[[Any], object] | None = None,
    should_clear_after_alloc: bool = True,
) -> Callable[..., Any]:
    """A function like `new` with memory from elsewhere."""

def init_once(func: Callable[[], _Any], tag: object) -> _Any:
    """What `func()` has returned when it was called the first time with this tag."""

def list_types() -> tuple[list[str], list[str], list[str]]:
    """The names of the typedefs, structs and unions."""

def def_extern(name: str = ..., error: Any = None, onerror: Callable[..., Any] | None = None) -> Callable[[_Any], _Any]:
    """A decorator for a function that C calls: the package's own."""
