"""GGUF files: their metadata and tensors, read and written."""

from __future__ import annotations

import mmap
import os
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from functools import wraps
from types import MappingProxyType
from typing import Any, Optional, TypeVar, Union, cast

import llamacffi

from . import tensors
from .arrays import numpy
from .errors import ArgumentTypeError, FreedHandleError, InvalidArgumentError, LlamaError, reason
from .files import check_file, path_name, replacing
from .native import encode_path, ffi, lib
from .owner import Owner

Path = Union[str, "os.PathLike[str]"]
Function = TypeVar("Function", bound=Callable[..., Any])

# By gguf_type_name: how C names it in gguf_get_val_… and gguf_set_val_…, and Python's character for the numbers.
_NUMBERS = {
    "u8": "B",
    "i8": "b",
    "u16": "H",
    "i16": "h",
    "u32": "I",
    "i32": "i",
    "f32": "f",
    "u64": "Q",
    "i64": "q",
    "f64": "d",
}
_TYPES = {
    "u8": lib.GGUF_TYPE_UINT8,
    "i8": lib.GGUF_TYPE_INT8,
    "u16": lib.GGUF_TYPE_UINT16,
    "i16": lib.GGUF_TYPE_INT16,
    "u32": lib.GGUF_TYPE_UINT32,
    "i32": lib.GGUF_TYPE_INT32,
    "f32": lib.GGUF_TYPE_FLOAT32,
    "bool": lib.GGUF_TYPE_BOOL,
    "str": lib.GGUF_TYPE_STRING,
    "u64": lib.GGUF_TYPE_UINT64,
    "i64": lib.GGUF_TYPE_INT64,
    "f64": lib.GGUF_TYPE_FLOAT64,
}
_NAMES = {number: name for name, number in _TYPES.items()}


class _File:
    """What tensors are read from.

    Attributes:
        data: a map of the file, or its bytes; None if it is not known.
        is_shown: whether an array over it was handed out.
        is_closed: whether the GGUF was closed.
    """

    __slots__ = ("data", "is_closed", "is_shown")

    def __init__(self, data: Any) -> None:
        self.data = data
        self.is_shown = False
        self.is_closed = False

    def close(self) -> None:
        # NumPy's arrays don't keep a map from being closed under them.
        if isinstance(self.data, mmap.mmap) and not self.is_shown:
            with suppress(BufferError):  # a memoryview does
                self.data.close()
        self.data = None
        self.is_closed = True


class Tensor:
    """A tensor of a GGUF file, or one that is to be written to it.

    Attributes:
        name: its name.
        type: its type, by ggml's name: "f32", "q4_0", …
        shape: its elements in each dimension as NumPy has them, the innermost, ggml's first, being the last.
        offset: where its data begins in the file, in bytes; None if it is in none yet.
        size: how many bytes its data has.
    """

    __slots__ = ("_data", "_file", "_number", "name", "offset", "shape", "size", "type")

    def __init__(
        self, file: _File, name: str, number: int, shape: tuple[int, ...], offset: Optional[int], data: Any = None
    ) -> None:
        self.name = name
        self.type = tensors.type_name(number)
        self.shape = shape
        self.offset = offset
        self._file = file
        self._number = number
        self._data = data
        _, laid_out = tensors.array_layout(number, shape[::-1])
        self.size = tensors.size_of(tensors.dtype_of(number), laid_out)

    def array(self) -> Any:
        """Its data, as `llamacffi.tensors.array` has it: of a quantized tensor its blocks' bytes, of bf16 the bits.

        Of a file it is a view of the mapped file, which can't be written to and stays valid when the GGUF is closed:
        the map lives as long as the arrays. Else it is what was given to `add_tensor`.

        Raises:
            FreedHandleError: the GGUF was closed.
            LlamaError: the file ends before the data does.
        """
        made = self._array()
        self._file.is_shown = True
        return made

    def _array(self) -> Any:
        dtype, shape = tensors.array_layout(self._number, self.shape[::-1])
        if self._file.is_closed:
            raise FreedHandleError(f"the GGUF that {self.name} is of was closed")
        if self.offset is None:
            return tensors.over(self._data, dtype, shape)
        data = self._file.data
        if data is None:
            raise LlamaError(f"the data of {self.name} is not here: read its file with GGUF(path)")
        if self.offset + self.size > len(data):
            raise LlamaError(
                f"the file is cut off: {self.name} needs bytes {self.offset} to {self.offset + self.size}, and it has "
                f"{len(data)}"
            )
        return tensors.over(data, dtype, shape, self.offset)

    def dequantize(self) -> Any:
        """Its data as float32, in an array of its own, by ggml's conversion.

        Raises:
            FreedHandleError: the GGUF was closed.
            LlamaError: the file ends before the data does; or ggml has no conversion for this type.
        """
        return tensors.to_float(self._number, self._array(), self.shape)

    def __repr__(self) -> str:
        return f"<llamacffi.gguf.Tensor {self.name}: {self.type} {self.shape}>"


def _alone(method: Function) -> Function:
    """A method that waits until no other thread uses the file: C's functions don't look out for each other."""

    @wraps(method)
    def locked(self: GGUF, *args: Any, **options: Any) -> Any:
        with self._lock:
            return method(self, *args, **options)

    return cast("Function", locked)


class GGUF(Owner, MutableMapping[str, Any]):
    """A GGUF file: a mapping of its metadata's keys to their values, and its tensors (C: `struct gguf_context`).

    Values are bool, int, float or str; lists of str; and arrays of numbers and of bools, NumPy's where there is NumPy
    and lists elsewhere, which are copies. Text that is not UTF-8, as tokens may be, is decoded with Python's
    `surrogateescape`, and so written as it was read. Text ends where a NUL is, as everywhere in C.

    Changes are made in memory; `write` makes a file of them, which may be the one that was read. Of that, tensors are
    written byte for byte as they were.

    Args:
        path: the file to read: its metadata at once, its tensors when they are asked for. None: start with nothing.

    Raises:
        LlamaError: it can't be read, is no GGUF file, is damaged, or of the other byte order; with llama.cpp's reason.
    """

    _free = "gguf_free"
    _lock: threading.RLock

    def __new__(cls, *args: Any, **options: Any) -> GGUF:
        made = super().__new__(cls)
        made._use_locks()
        return made

    def _make_locks(self) -> None:
        self._lock = threading.RLock()

    def __init__(self, path: Optional[Path] = None) -> None:
        self._file = _File(None)
        self._tensors: dict[str, Tensor] = {}
        if path is None:
            super().__init__(llamacffi.gguf_init_empty())
            return
        name = check_file(path)
        ggml = ffi.new("struct ggml_context **")
        params = ffi.new("struct gguf_init_params *", {"no_alloc": True, "ctx": ggml})
        handle = llamacffi.gguf_init_from_file(name, params[0])
        if not handle:
            raise LlamaError(f"{name}: this can't be read as a GGUF file", "gguf_init_from_file", native=reason())
        super().__init__(handle)
        try:
            self._file = _File(_mapped(name))
            self._tensors = _read_tensors(handle, self._file, ggml[0])
        except BaseException:
            self.close()
            raise
        finally:
            llamacffi.ggml_free(ggml[0])

    @classmethod
    def from_handle(cls, handle: ffi.CData) -> GGUF:
        """The object of another tier, which still belongs to whom it belonged. It does not know where the data of its
        tensors is.

        Args:
            handle: `struct gguf_context *`.
        """
        file = _File(None)
        read = _read_tensors(handle, file)
        made = cls.__new__(cls)
        Owner.__init__(made, handle)
        made._owned = False
        made._file = file
        made._tensors = read
        return made

    @_alone
    def close(self) -> None:
        """Free the native object. Closing twice does nothing."""
        super().close()

    def _close_handle(self) -> None:
        super()._close_handle()
        self._file.close()

    @property
    @_alone
    def version(self) -> int:
        """The version of the format (C: `gguf_get_version`)."""
        return int(llamacffi.gguf_get_version(self.handle))

    @property
    def alignment(self) -> int:
        """What tensors' places in the file are multiples of, in bytes; the key `general.alignment` changes it."""
        return int(self.get("general.alignment", lib.GGUF_DEFAULT_ALIGNMENT))

    # --- metadata ---------------------------------------------------------------------------------------------------

    @_alone
    def __getitem__(self, key: str) -> Any:
        """The value of a key (C: `gguf_get_val_…`, `gguf_get_arr_…`).

        Raises:
            KeyError: there is no such key.
        """
        handle, id_ = self.handle, self._id(key)
        type_ = llamacffi.gguf_get_kv_type(handle, id_)
        if type_ != lib.GGUF_TYPE_ARRAY:
            value = getattr(llamacffi, f"gguf_get_val_{_NAMES[type_]}")(handle, id_)
            return _text(value) if type_ == lib.GGUF_TYPE_STRING else value
        n = llamacffi.gguf_get_arr_n(handle, id_)
        name = _NAMES[llamacffi.gguf_get_arr_type(handle, id_)]
        if name == "str":
            return [_text(llamacffi.gguf_get_arr_str(handle, id_, i)) for i in range(n)]
        form = "?" if name == "bool" else _NUMBERS[name]
        data = llamacffi.gguf_get_arr_data(handle, id_) if n else b""
        size = n * (1 if name == "bool" else array(form).itemsize)
        plain: Any = memoryview(bytes(ffi.buffer(ffi.cast("char *", data), size)) if n else b"")
        values = plain.cast(form)
        np = numpy()
        return values.tolist() if np is None else np.array(values)

    @_alone
    def type_of(self, key: str) -> str:
        """The type of a value: "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bool" or "str";
        of lists that of the elements and "[]".

        Raises:
            KeyError: there is no such key.
        """
        handle, id_ = self.handle, self._id(key)
        type_ = llamacffi.gguf_get_kv_type(handle, id_)
        if type_ == lib.GGUF_TYPE_ARRAY:
            return _NAMES[llamacffi.gguf_get_arr_type(handle, id_)] + "[]"
        return _NAMES[type_]

    def __setitem__(self, key: str, value: Any) -> None:
        """Set a value: `set(key, value)`, with the type that the key has."""
        self.set(key, value)

    @_alone
    def set(self, key: str, value: Any, *, type: Optional[str] = None) -> None:
        """Set the value of a key, or add it (C: `gguf_set_val_…`, `gguf_set_arr_…`).

        Args:
            key: its name.
            value: bool, int, float or str; or a sequence or array of one dimension of these.
            type: as `type_of` has it; with or without "[]" for lists. By default that which the key has. If it has
                none, or one that does not fit: of a bool "bool"; of an int "u32", or what it needs, "i32", "u64" or
                "i64"; of a float "f32"; of a list "i32" or what its ints need; of a NumPy array its own.

        Raises:
            InvalidArgumentError: GGUF has no such type, or the value does not fit it. What there was stays.
        """
        handle = self.handle
        name = _key(key)
        is_list = (isinstance(value, Sequence) and not isinstance(value, (str, bytes))) or getattr(value, "ndim", 0) > 0
        if getattr(value, "ndim", 1) > 1:
            raise InvalidArgumentError(f"{key}: lists have one dimension, and this array has {value.ndim}")
        plain = value.tolist() if hasattr(value, "tolist") else value  # NumPy's, its numbers too
        values = list(plain) if is_list else [plain]
        kind = type.removesuffix("[]") if type is not None else _kept(self._type(key), values, is_list)
        kind = kind or _chosen(key, values, is_list, getattr(value, "dtype", None))
        if kind not in _TYPES or (type is not None and type.endswith("[]") and not is_list):
            raise InvalidArgumentError(f"{key}: type {type!r}: one of {', '.join(_TYPES)}; of lists, [] behind it")
        items = _as_c(key, kind, values)
        if key == "general.alignment" and (kind != "u32" or is_list or items[0] < 1 or items[0] & (items[0] - 1)):
            raise InvalidArgumentError(f"{key} = {value!r}: a power of 2 is needed, of type u32")
        if not is_list:
            getattr(llamacffi, f"gguf_set_val_{kind}")(handle, name, items[0])
        elif kind == "str":
            texts = [ffi.new("char[]", item) for item in items]
            llamacffi.gguf_set_arr_str(handle, name, ffi.new("const char *[]", texts), len(texts))
        else:
            llamacffi.gguf_set_arr_data(handle, name, _TYPES[kind], items, len(items))

    def _type(self, key: str) -> str:
        return self.type_of(key) if key in self else ""

    @_alone
    def __delitem__(self, key: str) -> None:
        """Remove a key (C: `gguf_remove_key`).

        Raises:
            KeyError: there is no such key.
        """
        self._id(key)
        llamacffi.gguf_remove_key(self.handle, _key(key))

    @_alone
    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and "\0" not in key and llamacffi.gguf_find_key(self.handle, _key(key)) >= 0

    @_alone
    def __iter__(self) -> Iterator[str]:
        handle = self.handle
        keys = [_text(llamacffi.gguf_get_key(handle, id_)) for id_ in range(llamacffi.gguf_get_n_kv(handle))]
        return iter(keys)

    @_alone
    def __len__(self) -> int:
        return int(llamacffi.gguf_get_n_kv(self.handle))

    def __bool__(self) -> bool:
        return True

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def _id(self, key: str) -> int:
        id_ = llamacffi.gguf_find_key(self.handle, _key(key)) if key in self else -1
        if id_ < 0:
            raise KeyError(key)
        return int(id_)

    # --- tensors ----------------------------------------------------------------------------------------------------

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The tensors by name, in the order of the file; those that were added, behind them."""
        self.handle  # noqa: B018 - raises
        return MappingProxyType(self._tensors)

    @_alone
    def add_tensor(self, name: str, values: Any, type: Union[str, int, None] = None, *, imatrix: Any = None) -> Tensor:
        """Add a tensor. Needs NumPy.

        Args:
            name: its name, less than 64 bytes.
            values: an array of up to 4 dimensions, the last being ggml's first. It is copied unless it can be kept as
                it is; don't change it before `write`.
            type: ggml's name of a type, "q4_0" for instance, or `GGML_TYPE_…`: numbers are converted to it. A quantized
                type's blocks are taken as they are, an array of uint8, as are bf16's bits, one of uint16. By
                default the array's own: float32, float16, float64, int8, int16, int32 or int64.
            imatrix: as `llamacffi.tensors.quantize` takes it.

        Returns:
            It, as `tensors` has it from now on.

        Raises:
            InvalidArgumentError: the name is taken, empty or too long, the array can't be of that type, has more
                dimensions, or is empty.
        """
        self.handle  # noqa: B018 - raises
        encoded = _key(name)
        if not encoded or len(encoded) >= lib.GGML_MAX_NAME:
            raise InvalidArgumentError(f"{name!r}: a tensor's name has 1 to {lib.GGML_MAX_NAME - 1} bytes")
        if name in self._tensors:
            raise InvalidArgumentError(f"{name}: there is a tensor of that name; remove_tensor() removes it")
        number, data = tensors.as_type(values, type, imatrix)
        if not 1 <= data.ndim <= lib.GGML_MAX_DIMS or not data.size:
            raise InvalidArgumentError(f"{name}: a tensor has 1 to {lib.GGML_MAX_DIMS} dimensions and is not empty")
        made = Tensor(self._file, name, number, tensors.shape_of(number, data.shape), None, data)
        self._tensors[name] = made
        return made

    @_alone
    def remove_tensor(self, name: str) -> None:
        """Remove a tensor.

        Raises:
            KeyError: there is no such tensor.
        """
        self.handle  # noqa: B018 - raises
        del self._tensors[name]

    # --- writing ----------------------------------------------------------------------------------------------------

    @_alone
    def write(self, path: Path) -> None:
        """Write the metadata and the tensors to a file (C: `gguf_write_to_file`).

        The file appears under its name once it is whole; a failure leaves what was there before.

        Args:
            path: the file, which may be the one that was read.

        Raises:
            LlamaError: there is no such folder, it can't be written to, or the disk is full; or tensors can't be read
                from a file that is cut off.
        """
        handle = self.handle
        arrays = [(each, each._array()) for each in self._tensors.values()]
        # C writes only tensors that were added to it, and not those of a file.
        try:
            with replacing(path) as fresh, _Copy(_new(self.alignment, fresh)) as file:
                llamacffi.gguf_set_kv(file.handle, handle)
                file.add(arrays)
                if llamacffi.gguf_write_to_file(file.handle, encode_path(fresh), False) is False:
                    raise LlamaError(f"{path_name(path)}: this can't be written", "gguf_write_to_file", native=reason())
        except OSError as error:
            raise LlamaError(f"{path_name(path)}: this can't be written: {error.strerror or error}") from None


class _Copy(Owner):
    """A `struct gguf_context *` that is to be written."""

    _free = "gguf_free"

    def __init__(self, handle: ffi.CData) -> None:
        super().__init__(handle)
        self._ggml: Any = None
        self._held: list[Any] = []

    def add(self, arrays: Sequence[tuple[Tensor, Any]]) -> None:
        params = ffi.new("struct ggml_init_params *", {"no_alloc": True})
        params.mem_size = (len(arrays) + 1) * lib.ggml_tensor_overhead()
        self._ggml = llamacffi.ggml_init(params[0])
        for each, data in arrays:
            ne = ffi.new("int64_t[]", each.shape[::-1])
            tensor = llamacffi.ggml_new_tensor(self._ggml, each._number, len(each.shape), ne)
            llamacffi.ggml_set_name(tensor, _key(each.name))
            self._held.append(ffi.from_buffer(data))
            tensor.data = ffi.cast("void *", self._held[-1])
            llamacffi.gguf_add_tensor(self.handle, tensor)

    def _close_handle(self) -> None:
        super()._close_handle()
        if self._ggml is not None:
            llamacffi.ggml_free(self._ggml)
        for each in self._held:
            ffi.release(each)


def _new(alignment: int, path: str) -> ffi.CData:
    """An empty `struct gguf_context *` with this alignment, which C takes only from a file that it reads: `path`."""
    made = llamacffi.gguf_init_empty()
    if alignment == lib.GGUF_DEFAULT_ALIGNMENT:
        return made
    try:
        llamacffi.gguf_set_val_u32(made, lib.GGUF_KEY_GENERAL_ALIGNMENT, alignment)
        llamacffi.gguf_write_to_file(made, encode_path(path), True)
    finally:
        llamacffi.gguf_free(made)
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    read = llamacffi.gguf_init_from_file(encode_path(path), params[0])
    if not read:
        raise LlamaError(f"{path}: this can't be written", "gguf_write_to_file", native=reason())
    return read


def _mapped(name: Path) -> Any:
    """A file's bytes, as they are asked for; those of one that can't be mapped at once."""
    with open(name, "rb") as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return file.read()


def _read_tensors(handle: ffi.CData, file: _File, ggml: Optional[ffi.CData] = None) -> dict[str, Tensor]:
    """The tensors by name. `ggml` has them as C's, in the same order; without it, C tells their sizes as of late."""
    begin = llamacffi.gguf_get_data_offset(handle)
    tensor = llamacffi.ggml_get_first_tensor(ggml) if ggml else None
    made = {}
    for id_ in range(llamacffi.gguf_get_n_tensors(handle)):
        name = _text(llamacffi.gguf_get_tensor_name(handle, id_))
        sizes = tensor.ne if tensor else llamacffi.gguf_get_tensor_ne(handle, id_)
        ne = list(sizes[0 : lib.GGML_MAX_DIMS])
        while len(ne) > 1 and ne[-1] == 1:
            ne.pop()
        offset = begin + llamacffi.gguf_get_tensor_offset(handle, id_)
        made[name] = Tensor(file, name, llamacffi.gguf_get_tensor_type(handle, id_), tuple(ne[::-1]), offset)
        if tensor:
            tensor = llamacffi.ggml_get_next_tensor(ggml, tensor)
    return made


def _text(text: ffi.CData) -> str:
    return str(ffi.string(text).decode("utf-8", "surrogateescape"))


def _key(text: str) -> bytes:
    if not isinstance(text, str):
        raise ArgumentTypeError(f"{text!r}: a str is needed")
    if "\0" in text:
        raise InvalidArgumentError(f"{text!r}: has a NUL character")
    return text.encode("utf-8", "surrogateescape")


def _as_c(key: str, kind: str, values: Sequence[Any]) -> Any:
    """Values as an array of C's: bytes for texts.

    Raises:
        InvalidArgumentError: one is of another type, or too large for this one.
    """
    try:
        if kind == "str":
            return [_key(value) for value in values]
        if kind == "bool":
            return array("b", [(False, True).index(value) for value in values])
        if any(isinstance(value, bool) for value in values):
            raise TypeError("a bool")
        return array(_NUMBERS[kind], values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(f"{key}: does not fit the type {kind}: {error}") from None


def _kept(before: str, values: Sequence[Any], is_list: bool) -> str:
    """The type that a key has, if the values fit it; else ""."""
    kind = before.removesuffix("[]")
    if not before or is_list != before.endswith("[]"):
        return ""
    try:
        _as_c("", kind, values)
    except InvalidArgumentError:
        return ""
    return kind


def _chosen(key: str, values: Sequence[Any], is_list: bool, dtype: Any) -> str:
    if dtype is not None and is_list:
        kind = {"b": "bool", "U": "str"}.get(dtype.kind, f"{dtype.kind}{8 * dtype.itemsize}")
        return "f32" if kind == "f16" else kind
    kinds = {type(value) for value in values}
    if kinds and kinds <= {int, float, bool, str}:
        if kinds in ({bool}, {str}):
            return kinds.pop().__name__
        if kinds == {int}:
            return next(
                (
                    kind
                    for kind in (("i32", "i64", "u64") if is_list else ("u32", "i32", "u64", "i64"))
                    if _fits(kind, values)
                ),
                "i64",
            )
        if kinds <= {int, float}:
            return "f32"
    raise InvalidArgumentError(f"{key} = {values!r:.200}: GGUF has bool, int, float, str, and lists of one of these")


def _fits(kind: str, values: Sequence[int]) -> bool:
    try:
        array(_NUMBERS[kind], values)
    except OverflowError:
        return False
    return True
