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

class _llama_interface_members:
    name: Member[FunctionPointer, FunctionPointer | Null]
    """const char *(*name)(const struct llama_interface *self)

    the name

    llama.h:15"""
    apply: Member[FunctionPointer, FunctionPointer | Null]
    """void (*apply)(struct llama_interface *, float *values, int n)

    llama.h:16"""
    reset: Member[FunctionPointer, FunctionPointer | Null]
    """void (*reset)(void)

    llama.h:16"""
    log: Member[llama_log_callback, llama_log_callback | Null]
    """llama_log_callback log

    llama.h:17"""
    check: Member[FunctionPointer, FunctionPointer | Null]
    """llama_check *check

    llama.h:18"""
    finder: Member[FunctionPointer, FunctionPointer | Null]
    """int (*(*finder)(const char *name))(int, ...)

    gives a variadic function

    llama.h:19"""
    handlers: Member[FunctionPointer_array, FunctionPointer_array | Sequence[FunctionPointer | Null]]
    """void (*handlers[3])(int signal)

    llama.h:20"""
    jumps: Member[FunctionPointer_array_p, FunctionPointer_array_p | Null]
    """void (*(*jumps)[2])(void)

    llama.h:21"""

class llama_interface(_llama_interface_members, Struct[llama_interface_p]):
    """struct llama_interface

    llama.h:14"""

class llama_log_callback(FunctionPointer):
    """typedef void (*llama_log_callback)(int level, const char *text, void *user_data)

    Called with each message.

    llama.h:5"""

    @overload
    def __call__(self, level: int, text: char_p | bytes | Null, user_data: AnyPointer | Null, /) -> None: ...
    @overload
    def __call__(self, *, never: Never) -> Never: ...

class llama_check(FunctionPointer):
    """typedef bool llama_check(const void *data, size_t size)

    a function's type, not a pointer to one

    llama.h:8"""

    @overload
    def __call__(self, data: AnyPointer | Null, size: int, /) -> bool: ...
    @overload
    def __call__(self, *, never: Never) -> Never: ...

class llama_factory(FunctionPointer):
    """typedef llama_log_callback (*llama_factory)(void)

    llama.h:10"""

    @overload
    def __call__(self) -> llama_log_callback: ...
    @overload
    def __call__(self, *, never: Never) -> Never: ...

class llama_compare(FunctionPointer):
    """typedef int (*llama_compare)(const void *a, const void *b)

    llama.h:12"""

    @overload
    def __call__(self, a: AnyPointer | Null, b: AnyPointer | Null, /) -> int: ...
    @overload
    def __call__(self, *, never: Never) -> Never: ...

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

class llama_interface_p(_llama_interface_members, Pointer[llama_interface, llama_interface | dict[str, Any], llama_interface_array]):
    """struct llama_interface *"""

class llama_interface_array(llama_interface_p, Sized[llama_interface]):
    """An array; as a pointer, struct llama_interface *"""

class llama_interface_p_p(Pointer[llama_interface_p, llama_interface_p | Null, llama_interface_p_array]):
    """struct llama_interface **"""

class llama_interface_p_array(llama_interface_p_p, Sized[llama_interface_p]):
    """An array; as a pointer, struct llama_interface **"""

class llama_log_callback_p(Pointer[llama_log_callback, llama_log_callback | Null, llama_log_callback_array]):
    """llama_log_callback *"""

class llama_log_callback_array(llama_log_callback_p, Sized[llama_log_callback]):
    """An array; as a pointer, llama_log_callback *"""

class llama_factory_p(Pointer[llama_factory, llama_factory | Null, llama_factory_array]):
    """llama_factory *"""

class llama_factory_array(llama_factory_p, Sized[llama_factory]):
    """An array; as a pointer, llama_factory *"""

class llama_compare_p(Pointer[llama_compare, llama_compare | Null, llama_compare_array]):
    """llama_compare *"""

class llama_compare_array(llama_compare_p, Sized[llama_compare]):
    """An array; as a pointer, llama_compare *"""

class FunctionPointer_p(Pointer[FunctionPointer, FunctionPointer | Null, FunctionPointer_array]):
    """void (**)(int signal)"""

class FunctionPointer_array(FunctionPointer_p, Sized[FunctionPointer]):
    """An array; as a pointer, void (**)(int signal)"""

class FunctionPointer_array_p(Pointer[FunctionPointer_array, FunctionPointer_array | Sequence[FunctionPointer | Null], FunctionPointer_array_array]):
    """void (*(*)[2])(void)"""

class FunctionPointer_array_array(FunctionPointer_array_p, Sized[FunctionPointer_array]):
    """An array; as a pointer, void (*(*)[2])(void)"""
