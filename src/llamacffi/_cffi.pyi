"""What is cffi's own in the types of `llamacffi.ffi` and `llamacffi.types`, and does not depend on any header.

The `.pyi` files beside it, which speak of llama.cpp's names, are generated (tools/header_gen/stubs.py).
"""

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Generic, Literal, TypeVar, overload

from typing_extensions import Buffer, Self

from .types import char_p

_Item = TypeVar("_Item")  # what reading an element gives
_Value = TypeVar("_Value")  # what may be written to it
_Array = TypeVar("_Array")  # what a slice is
_StructPointer = TypeVar("_StructPointer")
_Any = TypeVar("_Any")
_Owned = TypeVar("_Owned", bound=CData)

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
    def __setitem__(self, index: slice, value: Iterable[_Value] | Buffer, /) -> None: ...
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
    offset: int
    bitshift: int
    bitsize: int
    flags: int

class CType:
    """A C type, as `ffi.typeof` gives it. Which attributes there are depends on `kind`."""

    kind: Literal["primitive", "bool", "enum", "pointer", "array", "void", "struct", "union", "function"]
    cname: str
    item: CType
    length: int
    fields: list[tuple[str, CField]]
    args: tuple[CType, ...]
    result: CType
    ellipsis: bool
    abi: int
    elements: dict[int, str]
    relements: dict[str, int]

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
errno: int

def typeof(cdecl: str | CData | Callable[..., Any], /) -> CType: ...
def sizeof(cdecl: str | CData | CType, /) -> int: ...
def alignof(cdecl: str | CData | CType, /) -> int: ...
def offsetof(cdecl: str | CType, /, *fields: str | int) -> int: ...
def getctype(cdecl: str | CType, replace_with: str = "") -> str: ...
def string(cdata: CData, maxlen: int = -1) -> bytes: ...
@overload
def unpack(cdata: char_p, length: int) -> bytes: ...  # pyright: ignore[reportOverlappingOverload]
@overload
def unpack(cdata: Pointer[_Item, Any, Any], length: int) -> list[_Item]: ...
@overload
def addressof(cdata: Struct[_StructPointer], /) -> _StructPointer: ...
@overload
def addressof(cdata: CData | ModuleType, /, *fields: str | int) -> Any: ...
def memmove(dest: AnyPointer | Buffer, src: AnyPointer | Buffer, n: int) -> None: ...
def gc(cdata: _Owned, destructor: Callable[[_Owned], object] | None, size: int = 0) -> _Owned: ...
def release(cdata: CData, /) -> None: ...
def new_handle(x: object, /) -> void_p: ...
def from_handle(x: AnyPointer, /) -> Any: ...
@overload
def callback(
    cdecl: str | CType,
    python_callable: Callable[..., Any],
    error: Any = None,
    onerror: Callable[..., Any] | None = None,
) -> Any: ...
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
) -> Callable[..., Any]: ...
def init_once(func: Callable[[], _Any], tag: object) -> _Any: ...
def list_types() -> tuple[list[str], list[str], list[str]]: ...
def def_extern(
    name: str = ..., error: Any = None, onerror: Callable[..., Any] | None = None
) -> Callable[[_Any], _Any]: ...
