"""Paths, files that are to be read, by us or by C, and files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, BinaryIO, Union

from .errors import ArgumentTypeError, InvalidArgumentError, LlamaError
from .native import ffi, lib
from .types import FILE_p


def path_name(path: Any) -> str:
    """A path as text.

    Raises:
        InvalidArgumentError: it is none, or has a NUL character.
    """
    try:
        name = os.fsdecode(path)
    except TypeError as error:
        raise ArgumentTypeError(f"{path!r}: is not a path: {error}") from None
    if "\0" in name:
        raise InvalidArgumentError(f"{path!r}: is not a path: it has a NUL character")
    return name


def check_model_file(path: Any) -> str:
    """A path as text, of a file that begins as a model's: llama.cpp says little of one that does not.

    Raises:
        LlamaError: it does not, or can't be read.
    """
    name = check_file(path)
    with open(name, "rb") as file:
        magic = file.read(4)
    if not magic:
        raise LlamaError(f"{name}: is empty")
    if magic != b"GGUF":
        raise LlamaError(f"{name}: is not a GGUF file")
    return name


def check_file(path: Any) -> str:
    """A path as text, of a file that can be read.

    Raises:
        LlamaError: it can't, or is a folder.
        InvalidArgumentError: it is no path.
    """
    name = path_name(path)
    try:
        if stat.S_ISDIR(os.stat(name).st_mode):
            raise LlamaError(f"{name}: is a folder, and not a file")
        with open(name, "rb"):
            return name
    except OSError as error:
        raise LlamaError(f"{name}: {error.strerror}") from None


@contextmanager
def c_file(file: BinaryIO, function: str) -> Generator[FILE_p]:
    """A Python file as a `FILE *` at the same position, which the file keeps."""
    try:
        descriptor, position = file.fileno(), file.tell()
        if "b" not in getattr(file, "mode", "b"):
            raise ValueError("it is open as text")
        here = os.lseek(descriptor, 0, os.SEEK_CUR)  # behind the position, if Python has read ahead
    except (OSError, ValueError, AttributeError) as error:
        problem = (
            f"{function}: path: can't read this file: it must be one on a disk, open to be read as binary: {error}"
        )
        raise InvalidArgumentError(problem, function, "path") from None
    stream = lib.llamacffi_open_file(descriptor, position)
    if not stream:
        raise LlamaError(f"{function}: path: can't read this file: {os.strerror(ffi.errno)}", function, "path")
    try:
        yield stream
    finally:
        lib.llamacffi_close_file(stream)
        os.lseek(descriptor, here, os.SEEK_SET)


@contextmanager
def replacing(path: Union[str, bytes, os.PathLike[str]]) -> Generator[str]:
    """A file to write in the place of another: `with replacing(path) as fresh: ...`.

    `fresh` is an empty file beside `path`. When the block ends it gets that name and the permissions of what was there
    before, which is gone. If the block raises, it is removed, and what was there before is untouched.

    Raises:
        OSError: it can't be written there, or `path` is something else than a file.
        InvalidArgumentError: `path` is no path.
    """
    target = os.path.realpath(path_name(path))
    mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
    if mode is not None and not os.path.isfile(target):
        raise OSError(f"{target} is not a file")
    fresh = f"{target}.{os.getpid()}.{get_ident()}.part"
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield fresh
        if mode is not None:
            os.chmod(fresh, mode)
        os.replace(fresh, target)
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)
