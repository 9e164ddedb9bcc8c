"""`llama_model_save_to_file` as it is documented: C's returns nothing, and ends the process where it can't save."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import llamacffi

from .errors import ArgumentTypeError, LlamaError, compose
from .files import replacing
from .native import encode_path, ffi, lib, report
from .types import llama_model_p

if TYPE_CHECKING:
    from .arguments import Text

_NAME = "llama_model_save_to_file"


def llama_model_save_to_file(model: llama_model_p, fname: Text, **kwargs: Any) -> bool:
    """Write a model to a file (C: `llama_model_save_to_file`, which returns nothing).

    The file appears under its name once it is whole; a failure leaves what was there before.

    Args:
        model: `struct llama_model *`.
        fname: the file to write: bytes in the file system's encoding, a string or a path.
        **kwargs: accepted as documented, and without effect.

    Returns:
        Whether the file was written. Not, if there is no such folder, it can't be written to, or the disk is full;
        nor if the model's weights can't be read back, which standard error is told.

    Raises:
        LlamaError: it is no model, or no file's name.
    """
    _require_model(model)
    target = _file_name(fname)
    if not lib.llamacffi_can_save(model):
        report(
            "llama_model_save_to_file: a device keeps weights of this model in a layout of its own, which can't be "
            "read back: load the model with use_extra_bufts = false to save it"
        )
        return False
    try:
        with replacing(target) as fresh:
            lib.llama_model_save_to_file(model, encode_path(fresh))
            if not _is_whole(fresh):
                raise OSError
    except OSError:
        return False
    return True


def _require_model(model: llama_model_p) -> None:
    """Raise in the name of `llama_model_save_to_file` what a call with no model raises."""
    try:
        llamacffi.llama_model_n_params(model)
    except LlamaError as error:
        problem = str(error.args[0]).replace(error.function, _NAME)
        raise type(error)(problem, _NAME, error.argument, error.native) from None


def _file_name(fname: object) -> str:
    if isinstance(fname, ffi.CData) and fname and ffi.typeof(fname).cname.startswith("char"):
        fname = ffi.string(fname)
    try:
        name = os.fsdecode(fname)  # type: ignore[arg-type]
    except TypeError as error:
        raise _refused(str(error)) from None
    if "\0" in name:
        raise _refused(f"= {name!r}: has a NUL character")
    return name


def _refused(problem: str) -> ArgumentTypeError:
    return ArgumentTypeError(compose(_NAME, "fname", problem), _NAME, "fname")


def _is_whole(path: str) -> bool:
    """Whether a GGUF file has all the data that its header speaks of."""
    # Not a dict in the call: cffi leaves the fields that it does not name as they happen to be on the stack.
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    gguf = lib.gguf_init_from_file(encode_path(path), params[0])
    if not gguf:
        return False
    tensors = range(lib.gguf_get_n_tensors(gguf))
    end = max((lib.gguf_get_tensor_offset(gguf, i) + lib.gguf_get_tensor_size(gguf, i) for i in tensors), default=0)
    whole = bool(os.path.getsize(path) >= lib.gguf_get_data_offset(gguf) + end)
    lib.gguf_free(gguf)
    return whole
