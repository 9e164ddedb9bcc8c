"""Tensors as arrays: ggml's types in NumPy's terms, and what is quantized as float32."""

from __future__ import annotations

from array import array as plain_array
from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any, Optional, Union

import llamacffi

from .arrays import ITEM_SIZES, numpy
from .errors import ArgumentTypeError, InvalidArgumentError, LlamaError
from .native import ffi, lib, text_of
from .types import ggml_tensor_p

# In Python's characters for types; of what Python has no type for, the bits.
_DTYPES = {
    lib.GGML_TYPE_F32: "f",
    lib.GGML_TYPE_F16: "e",
    lib.GGML_TYPE_BF16: "H",
    lib.GGML_TYPE_F64: "d",
    lib.GGML_TYPE_I8: "b",
    lib.GGML_TYPE_I16: "h",
    lib.GGML_TYPE_I32: "i",
    lib.GGML_TYPE_I64: "q",
}


def array(tensor: ggml_tensor_p) -> Any:
    """A tensor's data as an array, with the tensor's shape and strides.

    Args:
        tensor: `struct ggml_tensor *`, as a callback gets it, `ggml_get_tensor` finds it, or ggml's functions make it.

    Returns:
        A NumPy array. Its shape is the tensor's, which counts dimensions from the innermost, the other way round: a
        matrix of rows with `ne[0]` elements has the shape `(ne[1], ne[0])`. Dimensions beyond `ggml_n_dims` are left
        out. The dtype is the tensor's: float32, float16, float64, int8 to int64; uint16 for bf16, which are its bits;
        and of a quantized tensor uint8, its rows being the bytes of their blocks. `dequantize` gives floats for all.

        In main memory it is a view without a copy, which is valid as long as the tensor's memory: in an eval callback,
        until that returns. What lies on a device is copied (C: `ggml_backend_tensor_get`). Without NumPy it is a
        `memoryview`, where float16 comes as its bits, too.

    Raises:
        InvalidArgumentError: it is no tensor, has no data, or without NumPy is not contiguous.
        LlamaError: it can't be read back from its device.
    """
    n_dims = llamacffi.ggml_n_dims(tensor)
    if not tensor.data:
        raise InvalidArgumentError("this tensor has no data yet: it was not allocated or not loaded")
    dtype, shape = array_layout(tensor.type, list(tensor.ne[0:n_dims]))
    strides = [tensor.nb[dimension] for dimension in range(n_dims - 1, -1, -1)]
    if lib.ggml_is_quantized(tensor.type):
        if tensor.nb[0] != lib.ggml_type_size(tensor.type):
            raise InvalidArgumentError("the blocks of this quantized tensor's rows do not lie side by side")
        strides[-1] = 1
    size = llamacffi.ggml_nbytes(tensor)
    memory: Any = (
        ffi.buffer(ffi.cast("char *", tensor.data), size) if _is_in_main_memory(tensor) else _copied(tensor, size)
    )
    return over(memory, dtype, shape, 0, None if strides == _contiguous(shape, dtype) else strides)


def dequantize(tensor: ggml_tensor_p) -> Any:
    """A tensor's data as float32, whatever its type, in an array of its own.

    Args:
        tensor: as for `array`.

    Returns:
        A NumPy array of the tensor's shape, as `array` has it; without NumPy a `memoryview`.

    Raises:
        InvalidArgumentError: as `array`; or ggml has no conversion for this type.
    """
    n_dims = llamacffi.ggml_n_dims(tensor)
    return to_float(tensor.type, array(tensor), tuple(tensor.ne[dimension] for dimension in range(n_dims - 1, -1, -1)))


def to_float(type_: int, data: Any, shape: Sequence[int]) -> Any:
    """Data of one of ggml's types as float32 (C: `to_float` of `ggml_get_type_traits`).

    Args:
        type_: `GGML_TYPE_…`.
        data: as `array` gives it.
        shape: of the result.

    Raises:
        InvalidArgumentError: ggml has no conversion for this type.
    """
    np = numpy()
    if type_ in _DTYPES and type_ != lib.GGML_TYPE_BF16 and np is not None:
        return data.astype(np.float32)
    n = prod(shape)
    made: Any = np.empty(shape, np.float32) if np is not None else memoryview(plain_array("f", bytes(4 * n)))
    if type_ == lib.GGML_TYPE_F32:
        made.cast("B")[:] = data.cast("B")
    else:
        convert = llamacffi.ggml_get_type_traits(type_).to_float
        if not convert:
            raise InvalidArgumentError(f"ggml converts no {type_name(type_)} to floats")
        source = np.ascontiguousarray(data) if np is not None else data
        if n:
            # In one call: each row has whole blocks.
            convert(ffi.from_buffer(source), ffi.from_buffer("float[]", made, require_writable=True), n)
    return made if np is not None else made.cast("B").cast("f", tuple(shape))


def quantize(values: Any, type_: Union[str, int], imatrix: Any = None) -> Any:
    """Floats as one of ggml's types (C: `ggml_quantize_chunk`). Needs NumPy.

    Args:
        values: an array of numbers; its last dimension is a row.
        type_: "q4_0", "f16", … or `GGML_TYPE_…`.
        imatrix: how much each element of a row matters: floats, as many as a row has, 0 or more. Some types need it.

    Returns:
        An array as `array` gives it for a tensor of that type.

    Raises:
        InvalidArgumentError: there is no such type, ggml does not make it from floats, its blocks do not fit the
            rows, it needs an imatrix, or that has another length than a row.
    """
    np = _needed_numpy()
    number = type_number(type_)
    name = type_name(number)
    try:
        source = np.ascontiguousarray(values, np.float32)
        weights = None if imatrix is None else np.ascontiguousarray(imatrix, np.float32)
    except (TypeError, ValueError) as error:
        raise ArgumentTypeError(f"quantize: an array of numbers is needed: {error}") from None
    if not source.size:
        raise InvalidArgumentError("quantize: there are no values")
    n_per_row = source.shape[-1] if source.ndim else 1
    dtype, shape = array_layout(number, source.shape[::-1] or (1,))
    if weights is None and lib.ggml_quantize_requires_imatrix(number):
        raise InvalidArgumentError(f"quantize: {name} needs an imatrix")
    if weights is not None and weights.shape != (n_per_row,):
        raise InvalidArgumentError(f"quantize: the imatrix has shape {weights.shape}, and rows {n_per_row} elements")
    made = np.empty(shape, dtype)
    n_rows = source.size // n_per_row
    llamacffi.ggml_quantize_chunk(number, source.ravel(), made.ravel(), 0, n_rows, n_per_row, weights)
    return made


def type_name(type_: int) -> str:
    """ggml's name of a type: "f32", "q4_0", … (C: `ggml_type_name`)."""
    return text_of(llamacffi.ggml_type_name(type_))


def type_number(type_: Union[str, int]) -> int:
    """`GGML_TYPE_…` of a name, in letters of either case.

    Raises:
        InvalidArgumentError: there is no such type; the message lists those there are.
    """
    by_name = {name.lower(): number for name, number in _types().items()}
    number = by_name.get(type_.lower(), -1) if isinstance(type_, str) else type_
    if number not in by_name.values():
        raise InvalidArgumentError(f"{type_!r} is none of ggml's types: {', '.join(_types())}")
    return number


@cache
def _types() -> dict[str, int]:
    """The numbers by name; those that are no longer used have a size of 0."""
    return {
        type_name(number): number
        for number in range(lib.GGML_TYPE_COUNT)
        if llamacffi.ggml_get_type_traits(number).type_size
    }


def dtype_of(type_: int) -> str:
    """The dtype of `array`'s results for a type, as a character of Python's `struct`."""
    return _DTYPES.get(type_, "B")


def array_layout(type_: int, ne: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """The dtype and the shape of a contiguous array with the data of a tensor.

    Args:
        type_: `GGML_TYPE_…`.
        ne: the tensor's elements in each dimension, the innermost first.

    Raises:
        InvalidArgumentError: the type's blocks do not fit the rows.
    """
    block = lib.ggml_blck_size(type_)
    if ne[0] % block:
        raise InvalidArgumentError(
            f"rows of {ne[0]} elements are no multiple of {type_name(type_)}'s blocks of {block}"
        )
    shape = [*reversed(ne)]
    if type_ not in _DTYPES:
        shape[-1] = shape[-1] // block * lib.ggml_type_size(type_)
    return dtype_of(type_), tuple(shape)


def over(
    memory: Any, dtype: str, shape: Sequence[int], offset: int = 0, strides: Optional[Sequence[int]] = None
) -> Any:
    """An array over memory, which lives as long as the array; a `memoryview` without NumPy, of the bits of float16."""
    np = numpy()
    if np is not None:
        return np.ndarray(shape, dtype, memory, offset, strides)
    if strides is not None:
        raise InvalidArgumentError("a tensor that is not contiguous needs NumPy: pip install numpy")
    size = size_of(dtype, shape)
    part: Any = memoryview(memory).cast("B")[offset : offset + size]
    dtype = "H" if dtype == "e" else dtype
    return part.cast(dtype, tuple(shape)) if size else part.cast(dtype)


def _contiguous(shape: Sequence[int], dtype: str) -> list[int]:
    strides = [ITEM_SIZES[dtype]]
    for each in reversed(shape[1:]):
        strides.insert(0, strides[0] * each)
    return strides


def shape_of(type_: int, laid_out: Sequence[int]) -> tuple[int, ...]:
    """A tensor's elements in each dimension, the innermost last, by the shape of the array with its data.

    Raises:
        InvalidArgumentError: the bytes of a row are not those of whole blocks.
    """
    if type_ in _DTYPES:
        return tuple(laid_out)
    size = lib.ggml_type_size(type_)
    if laid_out[-1] % size:
        raise InvalidArgumentError(
            f"rows of {laid_out[-1]} bytes are not made of {type_name(type_)}'s blocks of {size}"
        )
    return (*laid_out[:-1], laid_out[-1] // size * lib.ggml_blck_size(type_))


def size_of(dtype: str, shape: Sequence[int]) -> int:
    """The bytes of a contiguous array."""
    return ITEM_SIZES[dtype] * prod(shape)


def as_type(values: Any, type_: Union[str, int, None] = None, imatrix: Any = None) -> tuple[int, Any]:
    """An array for a tensor of one of ggml's types. Needs NumPy.

    Args:
        values: as `GGUF.add_tensor` takes them.
        type_: the type; None: the array's own.
        imatrix: as `quantize` takes it.

    Returns:
        `GGML_TYPE_…`, and a contiguous array as `array` gives it for such a tensor.

    Raises:
        InvalidArgumentError: it can't be of that type.
    """
    np = _needed_numpy()
    given = np.asarray(values)
    if type_ is None:
        found = [number for number, dtype in _DTYPES.items() if dtype != "H" and np.dtype(dtype) == given.dtype]
        if not found:
            raise InvalidArgumentError(
                f"ggml has no type for {given.dtype}: name one to convert to, or convert it before"
            )
        return found[0], np.ascontiguousarray(given)
    number = type_number(type_)
    wanted = np.dtype(dtype_of(number))
    if given.dtype == wanted:
        return number, np.ascontiguousarray(given)
    if number not in _DTYPES or number == lib.GGML_TYPE_BF16:
        return number, quantize(given, number, imatrix)
    try:
        made = np.ascontiguousarray(given.astype(wanted, casting="same_kind"))
    except TypeError as error:
        raise InvalidArgumentError(f"{type_name(number)} is asked for: {error}") from None
    if wanted.kind == "i" and not np.array_equal(made, given):
        raise InvalidArgumentError(f"{type_name(number)} has no room for some of these numbers")
    return number, made


def _needed_numpy() -> Any:
    np = numpy()
    if np is None:
        raise LlamaError("this needs NumPy: pip install numpy")
    return np


def _is_in_main_memory(tensor: ggml_tensor_p) -> bool:
    buffer = tensor.view_src.buffer if tensor.view_src else tensor.buffer
    return not buffer or bool(llamacffi.ggml_backend_buffer_is_host(buffer))


def _copied(tensor: ggml_tensor_p, size: int) -> bytearray:
    data = bytearray(size)
    llamacffi.ggml_backend_tensor_get(tensor, data, 0, size)
    return data
