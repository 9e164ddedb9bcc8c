"""Quantizing a model: from one file to another, with smaller weights."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from typing import Any, Optional, Union

import llamacffi

from . import logs
from .errors import InvalidArgumentError, LlamaError, compose, failure, reason
from .files import check_model_file
from .native import encode_path, ffi, lib
from .params import enum_value, fill, processors
from .progress import Progress, Watched

_ERROR = 40  # logging's


def quantize(
    source: Union[str, os.PathLike[str]],
    target: Union[str, os.PathLike[str]],
    ftype: Union[str, int] = "Q4_K_M",
    *,
    n_threads: Optional[int] = None,
    progress: Optional[Progress] = None,
    **params: Any,
) -> None:
    """Write a model's file with quantized weights (C: `llama_model_quantize`).

    The target appears once it is whole; until then, and after a failure or Ctrl-C, what was there before still is.

    Args:
        source: a GGUF file, as a rule with weights of type F32, F16 or BF16.
        target: the file to write; one that there is will be replaced.
        ftype: the type of most weights: "Q4_K_M", "q8_0", …, one of C's `enum llama_ftype`.
        n_threads: how many threads compute; None takes as many as there are processors for this process.
        progress: called before each tensor with the part of them that is done, and with 1 at the end; returning False
            cancels, None does not. llama.cpp can be stopped between two tensors, by this or Ctrl-C.
        **params: any other field of C's `struct llama_model_quantize_params`: allow_requantize, pure,
            output_tensor_type="q8_0", imatrix={name: array}, … With keep_split, the target is the part of the files'
            names that comes before "-00001-of-00002.gguf".

    Raises:
        LlamaError: a file can't be read or written, llama.cpp can't quantize this model so, or `progress` cancelled.
        InvalidArgumentError: there is no such type or parameter, or source and target are one file.
        Anything that `progress` raises.
    """
    watched = Watched(progress)
    source = check_model_file(source)
    folder, name = _split(target, source)
    struct = llamacffi.llama_model_quantize_default_params()
    struct.nthread = n_threads or processors()
    struct.ftype = enum_value("llama_ftype", ftype, "quantize", "ftype")
    fill(struct, params, "quantize")
    llamacffi.llama_backend_init()
    callback = llamacffi.callback("llama_progress_callback", watched)
    fresh = _make_folder(folder, name)
    kept = logs.Kept()
    try:
        read, written = encode_path(source), encode_path(os.path.join(fresh, name))
        with kept:
            failed = lib.llamacffi_quantize(read, written, ffi.addressof(struct), callback.function, callback.user_data)
        if lib.llamacffi_failed():
            raise failure()
        if failed:
            if watched.cancelled:
                raise LlamaError(f"{source}: quantizing was cancelled")
            # There may be any number of warnings before it, more than are kept of a call.
            native = "\n".join(line for level, line in kept.lines if level >= _ERROR and line.strip("= \n")) or reason()
            hint = "; allow_requantize=True allows it" if "requantizing" in native else ""
            raise LlamaError(f"{source}: llama.cpp could not quantize this model{hint}", native=native.strip())
        if not watched(1.0):
            raise LlamaError(f"{source}: quantizing was cancelled")
        _move(fresh, folder, source)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        kept.pass_on()


def _split(target: Any, source: str) -> tuple[str, str]:
    """The target's folder and name, where links lead to."""
    try:
        path = os.path.realpath(os.fsdecode(target))
        if "\0" in path:
            raise ValueError("it has a NUL character")
    except (TypeError, ValueError) as error:
        raise _refused(target, f"is not a path: {error}") from None
    if os.path.exists(path) and os.path.samefile(path, source):
        raise _refused(path, "is the source")
    if os.path.isdir(path):
        raise LlamaError(f"{path}: is a folder, and not a file to be written")
    return os.path.split(path)


def _refused(target: object, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(compose("quantize", "target", f"= {target!r}: {problem}"), "quantize", "target")


def _make_folder(folder: str, name: str) -> str:
    """A folder beside the target for what is not whole yet."""
    try:
        return tempfile.mkdtemp(".part", f"{name}.", folder)
    except OSError as error:
        raise LlamaError(f"{os.path.join(folder, name)}: can't write this file: {error.strerror}") from None


def _move(fresh: str, folder: str, source: str) -> None:
    """Put the files in a folder into another, in the place of those that are there."""
    pairs = [(os.path.join(fresh, name), os.path.join(folder, name)) for name in sorted(os.listdir(fresh))]
    for _, path in pairs:
        if os.path.exists(path) and os.path.samefile(path, source):  # by the name that keep_split gives it
            raise _refused(path, "is the source")
    for each, path in pairs:
        try:
            if os.path.exists(path):
                os.chmod(each, stat.S_IMODE(os.stat(path).st_mode))
            os.replace(each, path)
        except OSError as error:
            raise LlamaError(f"{path}: can't write this file: {error.strerror}") from None
