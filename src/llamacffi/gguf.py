"""GGUF files: their metadata and tensors, read and written."""

from __future__ import annotations

import mmap
import os
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Any, Optional, TypeVar, Union, cast

import llamacffi

from . import tensors
from .arrays import numpy
from .errors import FreedHandleError, InvalidArgumentError, LlamaError, reason
from .files import check_file, path_name, replacing
from .gguf_values import NAMES, NUMBERS, TYPES, as_c, as_key, chosen_type, kept_type
from .native import encode_path, ffi, lib, text_of
from .owner import Owner
from .types import ggml_context_p, gguf_context_p

Path = Union[str, "os.PathLike[str]"]
"""A file's name."""

Function = TypeVar("Function", bound=Callable[..., Any])


class _File:
    """What tensors are read from.

    Attributes:
        lock: held by whoever reads or changes anything of the GGUF: C's functions don't look out for each other.
        data: a map of the file, or its bytes; None if it is not known.
        is_shown: whether an array over it was handed out.
        is_closed: whether the GGUF was closed.
    """

    __slots__ = ("_status", "data", "is_closed", "is_shown", "lock")

    def __init__(self) -> None:
        self.lock: threading.RLock = threading.RLock()
        self.data: Any = None
        self.is_shown: bool = False
        self.is_closed: bool = False
        self._status: Optional[os.stat_result] = None

    def map(self, name: Path) -> None:
        """Have a file's bytes as they are asked for; those of one that can't be mapped at once."""
        with open(name, "rb") as file:
            self._status = os.fstat(file.fileno())
            try:
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError):
                self.data = file.read()

    def is_at(self, path: Path) -> bool:
        """Whether it is this file, by whatever name."""
        return self._status is not None and os.path.exists(path) and os.path.samestat(os.stat(path), self._status)

    def let_go(self) -> bool:
        """Close the map, unless an array shows it; whether that is done."""
        # NumPy's arrays don't keep a map from being closed under them.
        if self.is_shown or not isinstance(self.data, mmap.mmap):
            return False
        try:
            self.data.close()
        except BufferError:  # a memoryview does
            return False
        self.data = None
        return True

    def close(self) -> None:
        self.let_go()
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
        self.name: str = name
        self.type: str = tensors.type_name(number)
        self.shape: tuple[int, ...] = shape
        self.offset: Optional[int] = offset
        self._file = file
        self._number = number
        self._data = data
        _, laid_out = tensors.array_layout(number, shape[::-1])
        self.size: int = tensors.size_of(tensors.dtype_of(number), laid_out)

    def array(self) -> Any:
        """Its data, as `llamacffi.tensors.array` has it: of a quantized tensor its blocks' bytes, of bf16 the bits.

        Of a file it is a view of the mapped file, which can't be written to and stays valid when the GGUF is closed:
        the map lives as long as the arrays. Else it is what was given to `add_tensor`.

        Raises:
            FreedHandleError: the GGUF was closed.
            LlamaError: the file ends before the data does.
        """
        with self._file.lock:
            made = self._array()
            self._file.is_shown |= self.offset is not None
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
        with self._file.lock:
            return tensors.to_float(self._number, self._array(), self.shape)

    def __repr__(self) -> str:
        return f"<llamacffi.gguf.Tensor {self.name}: {self.type} {self.shape}>"


def _alone(method: Function) -> Function:
    """A method that waits until no other thread uses the file."""

    @wraps(method)
    def locked(self: GGUF, *args: Any, **options: Any) -> Any:
        with self._file.lock:
            return method(self, *args, **options)

    return cast("Function", locked)


class GGUF(Owner[Any], MutableMapping[str, Any]):
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
    _file: _File

    def __new__(cls, *args: Any, **options: Any) -> GGUF:
        made = super().__new__(cls)
        made._file = _File()
        made._use_locks()
        return made

    def _make_locks(self) -> None:
        self._file.lock = threading.RLock()

    def __init__(self, path: Optional[Path] = None) -> None:
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
            self._file.map(name)
            self._tensors = _read_tensors(handle, self._file, ggml[0])
        except BaseException:
            self.close()
            raise
        finally:
            llamacffi.ggml_free(ggml[0])

    @classmethod
    def from_handle(cls, handle: gguf_context_p) -> GGUF:
        """The object of another tier, which still belongs to whom it belonged. It does not know where the data of its
        tensors is.

        Args:
            handle: `struct gguf_context *`.
        """
        made = cls._borrowing(handle)
        made._tensors = _read_tensors(handle, made._file)
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
            value = getattr(llamacffi, f"gguf_get_val_{NAMES[type_]}")(handle, id_)
            return text_of(value, exact=True) if type_ == lib.GGUF_TYPE_STRING else value
        n = llamacffi.gguf_get_arr_n(handle, id_)
        name = NAMES[llamacffi.gguf_get_arr_type(handle, id_)]
        if name == "str":
            return [text_of(llamacffi.gguf_get_arr_str(handle, id_, i), exact=True) for i in range(n)]
        form = "?" if name == "bool" else NUMBERS[name]
        data = llamacffi.gguf_get_arr_data(handle, id_) if n else b""
        size = n * (1 if name == "bool" else array(form).itemsize)
        plain: Any = memoryview(bytes(ffi.buffer(ffi.cast("char *", data), size)) if n else b"")
        values = plain.cast(form)
        np = numpy()
        return values.tolist() if np is None else np.array(values)

    @_alone
    def type_of(self, key: str) -> str:
        """The type that a value has in the file (C: `gguf_get_kv_type`, `gguf_get_arr_type`).

        Args:
            key: its name.

        Returns:
            "u8", "i8", "u16", "i16", "u32", "i32", "u64" or "i64": an integer of so many bits, without or with a sign;
            "f32" or "f64"; "bool"; "str". Of a list that of its elements with "[]" behind it: "str[]".

        Raises:
            KeyError: there is no such key.
            FreedHandleError: the GGUF was closed.
        """
        handle, id_ = self.handle, self._id(key)
        type_ = llamacffi.gguf_get_kv_type(handle, id_)
        if type_ == lib.GGUF_TYPE_ARRAY:
            return NAMES[llamacffi.gguf_get_arr_type(handle, id_)] + "[]"
        return NAMES[type_]

    def __setitem__(self, key: str, value: Any) -> None:
        """Set a value: `set(key, value)`, which keeps the type that the key has if the value fits it."""
        self.set(key, value)

    @_alone
    def set(self, key: str, value: Any, *, type: Optional[str] = None) -> None:
        """Set the value of a key, or add it (C: `gguf_set_val_…`, `gguf_set_arr_…`).

        Args:
            key: its name, text without a NUL.
            value: bool, int, float or str, Python's or NumPy's; or a list, tuple or other sequence of these, all of one
                kind (int and float may be mixed), or an array of one dimension. It is copied.
            type: as `type_of` has it; with or without "[]" for lists. None: the type that the key has, if the value
                fits it; otherwise by the value:

                - bool: "bool"; str: "str"; float: "f32" (give "f64" to keep all digits)
                - int: the first of "u32", "i32", "u64", "i64" that has room for it
                - a list of ints: the first of "i32", "i64", "u64" that has room for all; with a float among them "f32"
                - a NumPy array: its own; "f32" for float16

        An empty list needs a type, or a key that has one. `general.alignment` must be a "u32" that is a power of 2.

        Raises:
            InvalidArgumentError: GGUF has no such type, or the value does not fit it. What there was stays.
            FreedHandleError: the GGUF was closed.
        """
        handle = self.handle
        name = as_key(key)
        given: Any = value
        is_list = (isinstance(value, Sequence) and not isinstance(value, (str, bytes))) or getattr(given, "ndim", 0) > 0
        if getattr(given, "ndim", 1) > 1:
            raise InvalidArgumentError(f"{key}: lists have one dimension, and this array has {given.ndim}")
        plain: Any = given.tolist() if hasattr(given, "tolist") else given  # NumPy's, its numbers too
        values = list(plain) if is_list else [plain]
        before = self.type_of(key) if key in self else ""
        kind = kept_type(before, values, is_list) if type is None else type.removesuffix("[]")
        kind = kind or chosen_type(key, values, is_list, getattr(given, "dtype", None))
        if kind not in TYPES or (type is not None and type.endswith("[]") and not is_list):
            raise InvalidArgumentError(f"{key}: type {type!r}: one of {', '.join(TYPES)}; of lists, [] behind it")
        items = as_c(key, kind, values)
        if key == "general.alignment" and (kind != "u32" or is_list or items[0] < 1 or items[0] & (items[0] - 1)):
            raise InvalidArgumentError(f"{key} = {value!r}: a power of 2 is needed, of type u32")
        if not is_list:
            getattr(llamacffi, f"gguf_set_val_{kind}")(handle, name, items[0])
        elif kind == "str":
            texts = [ffi.new("char[]", item) for item in items]
            llamacffi.gguf_set_arr_str(handle, name, ffi.new("const char *[]", texts), len(texts))
        else:
            llamacffi.gguf_set_arr_data(handle, name, TYPES[kind], items, len(items))

    @_alone
    def __delitem__(self, key: str) -> None:
        """Remove a key (C: `gguf_remove_key`).

        Raises:
            KeyError: there is no such key.
        """
        self._id(key)
        llamacffi.gguf_remove_key(self.handle, as_key(key))

    @_alone
    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and "\0" not in key and llamacffi.gguf_find_key(self.handle, as_key(key)) >= 0

    @_alone
    def __iter__(self) -> Iterator[str]:
        handle = self.handle
        n = llamacffi.gguf_get_n_kv(handle)
        return iter([text_of(llamacffi.gguf_get_key(handle, id_), exact=True) for id_ in range(n)])

    @_alone
    def __len__(self) -> int:
        return int(llamacffi.gguf_get_n_kv(self.handle))

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__: Any = object.__hash__

    def _id(self, key: str) -> int:
        id_ = llamacffi.gguf_find_key(self.handle, as_key(key)) if key in self else -1
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
        encoded = as_key(name)
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
            path: the file, which may be the one that was read. Then its tensors are those of the new file from now on;
                or, if arrays of them were handed out, still those of the old one, which the arrays show.

        Raises:
            LlamaError: there is no such folder, it can't be written to, or the disk is full; or tensors can't be read
                from a file that is cut off. On Windows also if it is the one that was read and such arrays show it.
        """
        self.handle  # noqa: B018 - raises
        name, is_own, released = path_name(path), self._file.is_at(path), False
        try:
            try:
                with replacing(path) as fresh:
                    offsets = self._write_to(fresh, name)
                    # Windows replaces no file that is mapped; elsewhere the old one would take up the disk.
                    released = is_own and self._file.let_go()
            finally:
                if released:
                    self._file.map(path)
        except OSError as error:
            hint = ": arrays show the file that is there" if is_own and self._file.is_shown else ""
            raise LlamaError(f"{name}: this can't be written: {error.strerror or error}{hint}") from None
        if released:
            for each in self._tensors.values():
                each.offset = None if each.offset is None else offsets[each.name]

    def _write_to(self, path: str, name: str) -> dict[str, int]:
        """Write all to the file `path`, which is to be `name`; where each tensor's data begins in it."""
        # C writes only tensors that were added to it, and not those of a file.
        arrays = [(each, each._array()) for each in self._tensors.values()]
        with _Copy(_new(self.alignment, path)) as file:
            llamacffi.gguf_set_kv(file.handle, self.handle)
            file.add(arrays)
            if llamacffi.gguf_write_to_file(file.handle, encode_path(path), False) is False:
                raise LlamaError(f"{name}: this can't be written", "gguf_write_to_file", native=reason())
            begin = llamacffi.gguf_get_meta_size(file.handle)
            offsets = (begin + llamacffi.gguf_get_tensor_offset(file.handle, id_) for id_ in range(len(arrays)))
            return dict(zip(self._tensors, offsets))


class _Copy(Owner[gguf_context_p]):
    """A `struct gguf_context *` that is to be written."""

    _free = "gguf_free"

    def __init__(self, handle: gguf_context_p) -> None:
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
            llamacffi.ggml_set_name(tensor, as_key(each.name))
            self._held.append(ffi.from_buffer(data))
            tensor.data = ffi.cast("void *", self._held[-1])
            llamacffi.gguf_add_tensor(self.handle, tensor)

    def _close_handle(self) -> None:
        super()._close_handle()
        if self._ggml is not None:
            llamacffi.ggml_free(self._ggml)
        for each in self._held:
            ffi.release(each)


def _new(alignment: int, path: str) -> gguf_context_p:
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


def _read_tensors(handle: gguf_context_p, file: _File, ggml: Optional[ggml_context_p] = None) -> dict[str, Tensor]:
    """The tensors by name. `ggml` has them as C's, in the same order; without it, C tells their sizes as of late."""
    begin = llamacffi.gguf_get_data_offset(handle)
    tensor = llamacffi.ggml_get_first_tensor(ggml) if ggml else None
    made: dict[str, Tensor] = {}
    for id_ in range(llamacffi.gguf_get_n_tensors(handle)):
        name = text_of(llamacffi.gguf_get_tensor_name(handle, id_), exact=True)
        sizes = tensor.ne if tensor else llamacffi.gguf_get_tensor_ne(handle, id_)
        ne = list(sizes[0 : lib.GGML_MAX_DIMS])
        while len(ne) > 1 and ne[-1] == 1:
            ne.pop()
        offset = begin + llamacffi.gguf_get_tensor_offset(handle, id_)
        made[name] = Tensor(file, name, llamacffi.gguf_get_tensor_type(handle, id_), tuple(ne[::-1]), offset)
        if ggml and tensor:
            tensor = llamacffi.ggml_get_next_tensor(ggml, tensor)
    return made
