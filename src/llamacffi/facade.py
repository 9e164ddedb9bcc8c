"""The C names as the package's own: `llamacffi.<name>`, resolved on first use.

A function is cffi's own object, at cffi's own speed; one that needs a backend is checked on its first call, so
that what is missing raises. The names of the documented low-level API that C does not have are supplied here.
"""

from __future__ import annotations

import os
import stat
import sys

from . import native
from .native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The documented names that upstream has deprecated, and their successors: where C drops one, the other serves.
SUCCESSORS = {
    "llama_new_context_with_model": "llama_init_from_model",
    "llama_n_embd": "llama_model_n_embd",
}

# The documented types. cffi takes a type by its C name wherever it takes one: in ffi.new, ffi.cast, ffi.typeof.
TYPES = ("llama_model_p", "llama_context_p", "llama_token")

# What the extension has for the package alone.
_OURS = "llamacffi_"


def names() -> list[str]:
    """Every C function and constant, and the documented names, sorted."""
    c_names = {name for name in dir(lib) if not name.startswith(_OURS)}
    return sorted(c_names.union(SUCCESSORS, TYPES, _SUPPLIED))


def resolve(name: str) -> Any:
    """What `llamacffi.<name>` is.

    Raises:
        AttributeError: C has no such function or constant, and neither do we.
    """
    if name in _SUPPLIED:
        return _SUPPLIED[name]()
    if name in TYPES:
        return name
    c_name = name if hasattr(lib, name) else SUCCESSORS.get(name, name)
    value = None if c_name.startswith(_OURS) else getattr(lib, c_name, None)
    if value is None:
        raise AttributeError(f"module 'llamacffi' has no attribute {name!r}{_why_not(name)}")
    if isinstance(value, ffi.CData) and ffi.typeof(value).kind == "pointer":  # a constant that is a string
        return ffi.string(value)
    if callable(value) and lib.llamacffi_module_of(c_name.encode()):
        return _checked_first(c_name, value)
    return value


def _checked_first(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` behind a check of what it needs, which takes its own place once it has passed."""

    def checked(*args: Any) -> Any:
        native.require(name)
        package = vars(sys.modules[__package__])
        if package.get(name) is checked:
            package[name] = function
        return function(*args)

    checked.__name__ = checked.__qualname__ = name
    checked.__doc__ = function.__doc__
    checked.__module__ = __package__
    return checked


def _why_not(name: str) -> str:
    """Why a name that llama.cpp's headers have is not here, from the API table; "" if they don't have it."""
    if name.startswith("_"):
        return ""
    import json  # on this path only: the package's import must stay light

    try:
        with open(os.path.join(os.path.dirname(__file__), "api.json"), encoding="utf-8") as file:
            skipped = json.load(file)["skipped"]
    except OSError:
        return ""
    return next((f": {each['header']}: {each['reason']}" for each in skipped if each["name"] == name), "")


def llama_model_save_to_file(model: ffi.CData, fname: bytes, **kwargs: Any) -> bool:
    """Write a model to a file (C: `llama_model_save_to_file`, which returns nothing).

    The file appears under its name once it is whole; a failure leaves what was there before.

    Args:
        model: `struct llama_model *`.
        fname: the file to write: bytes in the file system's encoding, a string or a path.
        **kwargs: accepted as documented, and without effect.

    Returns:
        Whether the file was written. Not, if there is no such folder, it can't be written to, or the disk is full;
        nor if the model's weights can't be read back, which standard error is told.
    """
    if not lib.llamacffi_can_save(model):
        native.report(
            "llama_model_save_to_file: a device keeps weights of this model in a layout of its own, which can't be "
            "read back: load the model with use_extra_bufts = false to save it"
        )
        return False
    target = os.path.realpath(os.fsdecode(fname))
    fresh = f"{target}.{os.getpid()}.part"
    try:
        mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
        if mode is not None and not os.path.isfile(target):
            return False
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError:
        return False
    try:
        lib.llama_model_save_to_file(model, native.encode_path(fresh))
        if not _is_whole(fresh):
            return False
        if mode is not None:
            os.chmod(fresh, mode)
        os.replace(fresh, target)
        return True
    except OSError:
        return False
    finally:
        if os.path.exists(fresh):
            os.unlink(fresh)


def _is_whole(path: str) -> bool:
    """Whether a GGUF file has all the data that its header speaks of."""
    # Not a dict in the call: cffi leaves the fields that it does not name as they happen to be on the stack.
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    gguf = lib.gguf_init_from_file(native.encode_path(path), params[0])
    if not gguf:
        return False
    tensors = range(lib.gguf_get_n_tensors(gguf))
    end = max((lib.gguf_get_tensor_offset(gguf, i) + lib.gguf_get_tensor_size(gguf, i) for i in tensors), default=0)
    whole = bool(os.path.getsize(path) >= lib.gguf_get_data_offset(gguf) + end)
    lib.gguf_free(gguf)
    return whole


_SUPPLIED: dict[str, Callable[[], Any]] = {
    "LLAMA_MAX_DEVICES": lambda: lib.llama_max_devices(),
    "llama_model_save_to_file": lambda: llama_model_save_to_file,
}
