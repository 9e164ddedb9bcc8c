"""The functions in the expressions of tools/header_gen/policy/sizes.toml, which say how much memory C needs."""

from __future__ import annotations

from .native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .types import ggml_opt_dataset_p, ggml_opt_result_p, gguf_context_p


def quantized(type_: int, n: int) -> int:
    """The bytes of `n` elements of a ggml type."""
    block = lib.ggml_blck_size(type_)
    return n // block * lib.ggml_type_size(type_) if block > 0 else 0


def strided(size: int, copies: int, stride: int) -> int:
    """The bytes from the first of several pieces to the end of the last."""
    return size + (copies - 1) * stride if copies > 0 else 0


def gguf_values(type_: int, n: int) -> int:
    """The bytes of `n` values of a GGUF type."""
    wide = (lib.GGUF_TYPE_UINT64, lib.GGUF_TYPE_INT64, lib.GGUF_TYPE_FLOAT64)
    half = (lib.GGUF_TYPE_UINT16, lib.GGUF_TYPE_INT16)
    byte = (lib.GGUF_TYPE_UINT8, lib.GGUF_TYPE_INT8, lib.GGUF_TYPE_BOOL)
    return n * (8 if type_ in wide else 2 if type_ in half else 1 if type_ in byte else 4)


def gguf_tensor(gguf: gguf_context_p, name: bytes) -> int:
    """The bytes of a tensor in a GGUF context, 0 if there is none of this name."""
    index = lib.gguf_find_tensor(gguf, name)
    return int(lib.gguf_get_tensor_size(gguf, index)) if index >= 0 and gguf else 0


def labels(dataset: ggml_opt_dataset_p, n: int) -> int:
    """The bytes of the labels that go with `n` bytes of a data set's data."""
    data, labels = lib.ggml_opt_dataset_data(dataset), lib.ggml_opt_dataset_labels(dataset)
    return n * lib.ggml_nbytes(labels) // lib.ggml_nbytes(data) if data and labels else 0


def results(result: ggml_opt_result_p) -> int:
    """The number of data points in a result."""
    n = ffi.new("int64_t *")
    lib.ggml_opt_result_ndata(result, n)
    return int(n[0])
