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

class _llama_point_members:
    x: int
    """int x

    llama.h:9"""
    y: int
    """int y

    llama.h:9"""

class llama_point(_llama_point_members, Struct[llama_point_p]):
    """struct llama_point

    llama.h:9"""

class _llama_untagged_members:
    a: int
    """int64_t a

    llama.h:10"""
    b: bytes
    """char b

    llama.h:10"""

class llama_untagged(_llama_untagged_members, Struct[llama_untagged_p]):
    """llama_untagged

    llama.h:10"""

class _llama_bits_members:
    i: int
    """int32_t i

    llama.h:11"""
    f: float
    """float f

    llama.h:11"""

class llama_bits(_llama_bits_members, Struct[llama_bits_p]):
    """llama_bits

    llama.h:11"""

class _llama_later_members:
    id: llama_token
    """llama_token id

    llama.h:16"""
    next: Member[llama_later_p, llama_later_p | Null]
    """llama_later *next

    llama.h:16"""
    bits: Member[llama_bits, llama_bits | dict[str, Any]]
    """llama_bits bits

    llama.h:16"""

class llama_later(_llama_later_members, Struct[llama_later_p]):
    """struct llama_later

    llama.h:16"""

class _llama_uses_members:
    u: Member[llama_untagged, llama_untagged | dict[str, Any]]
    """llama_untagged u

    llama.h:21"""
    up: Member[llama_untagged_p, llama_untagged_p | Null]
    """llama_untagged_p up

    llama.h:22"""
    side: llama_side
    """llama_side side

    llama.h:23"""
    sides: Member[llama_side_p, llama_side_p | Null]
    """llama_side_p sides

    llama.h:24"""
    p: Member[llama_point_p, llama_point_p | Null]
    """llama_point_p p

    llama.h:25"""
    ids: Member[int32_t_p_p, int32_t_p_p | Null]
    """llama_ids ids

    llama.h:26"""

class llama_uses(_llama_uses_members, Struct[llama_uses_p]):
    """struct llama_uses

    llama.h:20"""

llama_side: TypeAlias = int
"""llama_side: LLAMA_LEFT, LLAMA_RIGHT

llama.h:12"""

llama_token: TypeAlias = int
"""typedef int32_t llama_token

llama.h:4"""

llama_id: TypeAlias = llama_token
"""typedef llama_token llama_id

two of them

llama.h:5"""

llama_id_p: TypeAlias = int32_t_p
"""typedef llama_token *llama_id_p

two of them

llama.h:5"""

llama_ids: TypeAlias = int32_t_p_p
"""typedef llama_id_p *llama_ids

llama.h:6"""

llama_long: TypeAlias = int
"""typedef unsigned long int llama_long

llama.h:7"""

llama_fixed_point: TypeAlias = llama_point
"""typedef const llama_point llama_fixed_point

llama.h:14"""

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

class llama_point_p(_llama_point_members, Pointer[llama_point, llama_point | dict[str, Any], llama_point_array]):
    """struct llama_point *"""

class llama_point_array(llama_point_p, Sized[llama_point]):
    """An array; as a pointer, struct llama_point *"""

class llama_point_p_p(Pointer[llama_point_p, llama_point_p | Null, llama_point_p_array]):
    """struct llama_point **"""

class llama_point_p_array(llama_point_p_p, Sized[llama_point_p]):
    """An array; as a pointer, struct llama_point **"""

class llama_untagged_p(_llama_untagged_members, Pointer[llama_untagged, llama_untagged | dict[str, Any], llama_untagged_array]):
    """llama_untagged *"""

class llama_untagged_array(llama_untagged_p, Sized[llama_untagged]):
    """An array; as a pointer, llama_untagged *"""

class llama_untagged_p_p(Pointer[llama_untagged_p, llama_untagged_p | Null, llama_untagged_p_array]):
    """llama_untagged **"""

class llama_untagged_p_array(llama_untagged_p_p, Sized[llama_untagged_p]):
    """An array; as a pointer, llama_untagged **"""

class llama_bits_p(_llama_bits_members, Pointer[llama_bits, llama_bits | dict[str, Any], llama_bits_array]):
    """llama_bits *"""

class llama_bits_array(llama_bits_p, Sized[llama_bits]):
    """An array; as a pointer, llama_bits *"""

class llama_bits_p_p(Pointer[llama_bits_p, llama_bits_p | Null, llama_bits_p_array]):
    """llama_bits **"""

class llama_bits_p_array(llama_bits_p_p, Sized[llama_bits_p]):
    """An array; as a pointer, llama_bits **"""

class llama_later_p(_llama_later_members, Pointer[llama_later, llama_later | dict[str, Any], llama_later_array]):
    """struct llama_later *"""

class llama_later_array(llama_later_p, Sized[llama_later]):
    """An array; as a pointer, struct llama_later *"""

class llama_later_p_p(Pointer[llama_later_p, llama_later_p | Null, llama_later_p_array]):
    """struct llama_later **"""

class llama_later_p_array(llama_later_p_p, Sized[llama_later_p]):
    """An array; as a pointer, struct llama_later **"""

class llama_uses_p(_llama_uses_members, Pointer[llama_uses, llama_uses | dict[str, Any], llama_uses_array]):
    """struct llama_uses *"""

class llama_uses_array(llama_uses_p, Sized[llama_uses]):
    """An array; as a pointer, struct llama_uses *"""

class llama_uses_p_p(Pointer[llama_uses_p, llama_uses_p | Null, llama_uses_p_array]):
    """struct llama_uses **"""

class llama_uses_p_array(llama_uses_p_p, Sized[llama_uses_p]):
    """An array; as a pointer, struct llama_uses **"""

class int32_t_p_p(Pointer[int32_t_p, int32_t_p | Null, int32_t_p_array]):
    """llama_token **"""

class int32_t_p_array(int32_t_p_p, Sized[int32_t_p]):
    """An array; as a pointer, llama_token **"""

class int32_t_p_p_p(Pointer[int32_t_p_p, int32_t_p_p | Null, int32_t_p_p_array]):
    """llama_id_p **"""

class int32_t_p_p_array(int32_t_p_p_p, Sized[int32_t_p_p]):
    """An array; as a pointer, llama_id_p **"""

class unsigned_long_int_p(Pointer[int, int, unsigned_long_int_array]):
    """unsigned long int *"""

class unsigned_long_int_array(unsigned_long_int_p, Sized[int]):
    """An array; as a pointer, unsigned long int *"""

class llama_side_p(Pointer[llama_side, llama_side, llama_side_array]):
    """llama_side *"""

class llama_side_array(llama_side_p, Sized[llama_side]):
    """An array; as a pointer, llama_side *"""

class llama_side_p_p(Pointer[llama_side_p, llama_side_p | Null, llama_side_p_array]):
    """llama_side **"""

class llama_side_p_array(llama_side_p_p, Sized[llama_side_p]):
    """An array; as a pointer, llama_side **"""
