"""Generated from llama.cpp's headers by tools/header_gen."""

from collections.abc import Sequence
from typing import Any, overload

from typing_extensions import Never, TypeAlias

from ._cffi import AnyPointer as AnyPointer
from ._cffi import BufferLike as BufferLike
from ._cffi import CData as CData
from ._cffi import CField as CField
from ._cffi import CType as CType
from ._cffi import FunctionPointer as FunctionPointer
from ._cffi import Member as Member
from ._cffi import Null as Null
from ._cffi import Number as Number
from ._cffi import Pointer as Pointer
from ._cffi import Sized as Sized
from ._cffi import Struct as Struct
from ._cffi import void_p as void_p

class _llama_inner_members:
    c: bytes
    """char c

    llama.h:3"""
    d: float
    """double d

    llama.h:3"""

class llama_inner(_llama_inner_members, Struct[llama_inner_p]):
    """struct llama_inner

    llama.h:3"""

class _llama_named_members:
    n: int
    """int n

    llama.h:24"""

class llama_named(_llama_named_members, Struct[llama_named_p]):
    """struct llama_named

    llama.h:24"""

class _llama_either_members:
    i: int
    """int i

    llama.h:25"""
    d: float
    """double d

    llama.h:25"""
    text: Member[char_array, char_array | Sequence[bytes] | bytes]
    """char text[5]

    llama.h:25"""

class llama_either(_llama_either_members, Struct[llama_either_p]):
    """union llama_either

    llama.h:25"""

class _llama_outer_pixels(CData):
    """two rows

    llama.h:17"""
    r: int
    """uint8_t r

    llama.h:16"""
    g: int
    """uint8_t g

    llama.h:16"""
    b: int
    """uint8_t b

    llama.h:16"""

class _llama_outer_nested_value_parts_deep(CData):
    """llama.h:20"""
    x: int
    """int8_t x

    llama.h:20"""

class _llama_outer_nested_value_parts(CData):
    """llama.h:20"""
    a: int
    """int32_t a

    llama.h:20"""
    deep: Member[Sequence[_llama_outer_nested_value_parts_deep], Sequence[_llama_outer_nested_value_parts_deep] | dict[str, Any] | Sequence[Any]]
    """struct

    llama.h:20"""

class _llama_outer_nested_value(CData):
    """llama.h:20"""
    whole: int
    """int64_t whole

    llama.h:20"""
    parts: Member[_llama_outer_nested_value_parts, _llama_outer_nested_value_parts | dict[str, Any] | Sequence[Any]]
    """struct

    llama.h:20"""

class _llama_outer_nested(CData):
    """llama.h:21"""
    id: int
    """int32_t id

    llama.h:19"""
    value: Member[_llama_outer_nested_value, _llama_outer_nested_value | dict[str, Any] | Sequence[Any]]
    """union

    llama.h:20"""

class _llama_outer_members:
    first: int
    """uint8_t first

    llama.h:6"""
    number: int
    """int32_t number

    llama.h:8"""
    real: float
    """float real

    llama.h:9"""
    low: int
    """int16_t low

    llama.h:11"""
    high: int
    """int16_t high

    llama.h:12"""
    pixels: Member[Sequence[_llama_outer_pixels], Sequence[_llama_outer_pixels] | dict[str, Any] | Sequence[Any]]
    """struct

    two rows

    llama.h:17"""
    nested: Member[_llama_outer_nested, _llama_outer_nested | dict[str, Any] | Sequence[Any]]
    """struct

    llama.h:21"""
    inner: Member[llama_inner, llama_inner | dict[str, Any]]
    """struct llama_inner inner

    llama.h:22"""
    inners: Member[llama_inner_array, llama_inner_array | Sequence[llama_inner | dict[str, Any]]]
    """struct llama_inner inners[2]

    llama.h:23"""
    named: Member[llama_named, llama_named | dict[str, Any]]
    """struct llama_named named

    llama.h:24"""
    either: Member[llama_either, llama_either | dict[str, Any]]
    """union llama_either either

    llama.h:25"""
    next: Member[llama_outer_p, llama_outer_p | Null]
    """struct llama_outer *next

    llama.h:26"""
    fixed: Member[llama_inner_p_p, llama_inner_p_p | Null]
    """const struct llama_inner *const *fixed

    llama.h:27"""

class llama_outer(_llama_outer_members, Struct[llama_outer_p]):
    """struct llama_outer

    llama.h:5"""

class _llama_any_members:
    inner: Member[llama_inner, llama_inner | dict[str, Any]]
    """struct llama_inner inner

    llama.h:31"""
    bytes: Member[char_array, char_array | Sequence[bytes] | bytes]
    """char bytes[20]

    llama.h:32"""

class llama_any(_llama_any_members, Struct[llama_any_p]):
    """union llama_any

    llama.h:30"""

class _llama_unnamed_items_members:
    ...

class llama_unnamed_items(_llama_unnamed_items_members, Struct[llama_unnamed_items_p]):
    """struct llama_unnamed_items

    In an array of unnamed ones a struct's layout would have to be left to the compiler: cffi can't.

    llama.h:36"""

class _llama_flexible_members:
    n: int
    """int32_t n

    llama.h:42"""
    data: Member[float_array, float_array | Sequence[float]]
    """float data[]

    llama.h:43"""

class llama_flexible(_llama_flexible_members, Struct[llama_flexible_p]):
    """struct llama_flexible

    A size that no member shows.

    llama.h:41"""

class char_p(Pointer[bytes, bytes, char_array]):
    """char *"""

class char_array(char_p, Sized[bytes]):
    """An array; as a pointer, char *"""

class bool_p(Pointer[bool, bool, bool_array]):
    """bool *"""

class bool_array(bool_p, Sized[bool]):
    """An array; as a pointer, bool *"""

class float_p(Pointer[float, float, float_array]):
    """float *"""

class float_array(float_p, Sized[float]):
    """An array; as a pointer, float *"""

class double_p(Pointer[float, float, double_array]):
    """double *"""

class double_array(double_p, Sized[float]):
    """An array; as a pointer, double *"""

class int_p(Pointer[int, int, int_array]):
    """int *"""

class int_array(int_p, Sized[int]):
    """An array; as a pointer, int *"""

class long_long_p(Pointer[int, int, long_long_array]):
    """long long *"""

class long_long_array(long_long_p, Sized[int]):
    """An array; as a pointer, long long *"""

class size_t_p(Pointer[int, int, size_t_array]):
    """size_t *"""

class size_t_array(size_t_p, Sized[int]):
    """An array; as a pointer, size_t *"""

class intptr_t_p(Pointer[int, int, intptr_t_array]):
    """intptr_t *"""

class intptr_t_array(intptr_t_p, Sized[int]):
    """An array; as a pointer, intptr_t *"""

class uintptr_t_p(Pointer[int, int, uintptr_t_array]):
    """uintptr_t *"""

class uintptr_t_array(uintptr_t_p, Sized[int]):
    """An array; as a pointer, uintptr_t *"""

class int8_t_p(Pointer[int, int, int8_t_array]):
    """int8_t *"""

class int8_t_array(int8_t_p, Sized[int]):
    """An array; as a pointer, int8_t *"""

class int16_t_p(Pointer[int, int, int16_t_array]):
    """int16_t *"""

class int16_t_array(int16_t_p, Sized[int]):
    """An array; as a pointer, int16_t *"""

class int32_t_p(Pointer[int, int, int32_t_array]):
    """int32_t *"""

class int32_t_array(int32_t_p, Sized[int]):
    """An array; as a pointer, int32_t *"""

class int64_t_p(Pointer[int, int, int64_t_array]):
    """int64_t *"""

class int64_t_array(int64_t_p, Sized[int]):
    """An array; as a pointer, int64_t *"""

class uint8_t_p(Pointer[int, int, uint8_t_array]):
    """uint8_t *"""

class uint8_t_array(uint8_t_p, Sized[int]):
    """An array; as a pointer, uint8_t *"""

class uint16_t_p(Pointer[int, int, uint16_t_array]):
    """uint16_t *"""

class uint16_t_array(uint16_t_p, Sized[int]):
    """An array; as a pointer, uint16_t *"""

class uint32_t_p(Pointer[int, int, uint32_t_array]):
    """uint32_t *"""

class uint32_t_array(uint32_t_p, Sized[int]):
    """An array; as a pointer, uint32_t *"""

class uint64_t_p(Pointer[int, int, uint64_t_array]):
    """uint64_t *"""

class uint64_t_array(uint64_t_p, Sized[int]):
    """An array; as a pointer, uint64_t *"""

class llama_inner_p(_llama_inner_members, Pointer[llama_inner, llama_inner | dict[str, Any], llama_inner_array]):
    """struct llama_inner *"""

class llama_inner_array(llama_inner_p, Sized[llama_inner]):
    """An array; as a pointer, struct llama_inner *"""

class llama_inner_p_p(Pointer[llama_inner_p, llama_inner_p | Null, llama_inner_p_array]):
    """struct llama_inner **"""

class llama_inner_p_array(llama_inner_p_p, Sized[llama_inner_p]):
    """An array; as a pointer, struct llama_inner **"""

class llama_named_p(_llama_named_members, Pointer[llama_named, llama_named | dict[str, Any], llama_named_array]):
    """struct llama_named *"""

class llama_named_array(llama_named_p, Sized[llama_named]):
    """An array; as a pointer, struct llama_named *"""

class llama_named_p_p(Pointer[llama_named_p, llama_named_p | Null, llama_named_p_array]):
    """struct llama_named **"""

class llama_named_p_array(llama_named_p_p, Sized[llama_named_p]):
    """An array; as a pointer, struct llama_named **"""

class llama_either_p(_llama_either_members, Pointer[llama_either, llama_either | dict[str, Any], llama_either_array]):
    """union llama_either *"""

class llama_either_array(llama_either_p, Sized[llama_either]):
    """An array; as a pointer, union llama_either *"""

class llama_either_p_p(Pointer[llama_either_p, llama_either_p | Null, llama_either_p_array]):
    """union llama_either **"""

class llama_either_p_array(llama_either_p_p, Sized[llama_either_p]):
    """An array; as a pointer, union llama_either **"""

class llama_outer_p(_llama_outer_members, Pointer[llama_outer, llama_outer | dict[str, Any], llama_outer_array]):
    """struct llama_outer *"""

class llama_outer_array(llama_outer_p, Sized[llama_outer]):
    """An array; as a pointer, struct llama_outer *"""

class llama_outer_p_p(Pointer[llama_outer_p, llama_outer_p | Null, llama_outer_p_array]):
    """struct llama_outer **"""

class llama_outer_p_array(llama_outer_p_p, Sized[llama_outer_p]):
    """An array; as a pointer, struct llama_outer **"""

class llama_any_p(_llama_any_members, Pointer[llama_any, llama_any | dict[str, Any], llama_any_array]):
    """union llama_any *"""

class llama_any_array(llama_any_p, Sized[llama_any]):
    """An array; as a pointer, union llama_any *"""

class llama_any_p_p(Pointer[llama_any_p, llama_any_p | Null, llama_any_p_array]):
    """union llama_any **"""

class llama_any_p_array(llama_any_p_p, Sized[llama_any_p]):
    """An array; as a pointer, union llama_any **"""

class llama_unnamed_items_p(_llama_unnamed_items_members, Pointer[llama_unnamed_items, llama_unnamed_items | dict[str, Any], llama_unnamed_items_array]):
    """struct llama_unnamed_items *"""

class llama_unnamed_items_array(llama_unnamed_items_p, Sized[llama_unnamed_items]):
    """An array; as a pointer, struct llama_unnamed_items *"""

class llama_unnamed_items_p_p(Pointer[llama_unnamed_items_p, llama_unnamed_items_p | Null, llama_unnamed_items_p_array]):
    """struct llama_unnamed_items **"""

class llama_unnamed_items_p_array(llama_unnamed_items_p_p, Sized[llama_unnamed_items_p]):
    """An array; as a pointer, struct llama_unnamed_items **"""

class llama_flexible_p(_llama_flexible_members, Pointer[llama_flexible, llama_flexible | dict[str, Any], llama_flexible_array]):
    """struct llama_flexible *"""

class llama_flexible_array(llama_flexible_p, Sized[llama_flexible]):
    """An array; as a pointer, struct llama_flexible *"""

class llama_flexible_p_p(Pointer[llama_flexible_p, llama_flexible_p | Null, llama_flexible_p_array]):
    """struct llama_flexible **"""

class llama_flexible_p_array(llama_flexible_p_p, Sized[llama_flexible_p]):
    """An array; as a pointer, struct llama_flexible **"""
