"""The C names as the package's own: `llamacffi.<name>`, made on first use.

A function is one of Python's with C's parameters. It calls cffi's own with the arguments as they are, looks whether
a call has failed, and raises if it was its own; arguments that cffi does not take are adapted (arguments.py). The
names of the documented low-level API that C does not have are supplied here.
"""

from __future__ import annotations

import os
import sys

import _cffi_backend

from . import arguments, native
from .arguments import Function, Parameter
from .errors import ArgumentTypeError, LlamaError, compose, failure
from .native import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

# The documented names that upstream has deprecated, and their successors: where C drops one, the other serves.
SUCCESSORS = {
    "llama_new_context_with_model": "llama_init_from_model",
    "llama_n_embd": "llama_model_n_embd",
}

# The documented types. cffi takes a type by its C name wherever it takes one: in ffi.new, ffi.cast, ffi.typeof.
TYPES = ("llama_model_p", "llama_context_p", "llama_token")


def _is_ours(name: str) -> bool:
    """Whether the extension has a name for the package alone."""
    return name[:10] in ("llamacffi_", "LLAMACFFI_")


def names() -> list[str]:
    """Every C function and constant, and the documented names, sorted."""
    c_names = {name for name in dir(lib) if not _is_ours(name)}
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
    value = None if _is_ours(c_name) else getattr(lib, c_name, None)
    if value is None:
        raise AttributeError(f"module 'llamacffi' has no attribute {name!r}{_why_not(name)}")
    if isinstance(value, ffi.CData) and ffi.typeof(value).kind == "pointer":  # a constant that is a string
        return ffi.string(value)
    return _function(c_name, value) if callable(value) else value


# What cffi can't convert raises one of UNFIT before anything is called.
_SOURCE = """\
def {name}({head}):
{first}    try:
{checks}        _result = _call({arguments})
    except _Unfit as _error:
        _result = _adapt(_error, ({given}))
{keeps}    if _pending[0] and _failed():
        raise _failure()
    return _result
"""
_CHECK = """\
        if {room} < ({need}) * {size}:
            _check_room({index}, {name}, {need})
"""
_KEEP = """\
    else:
        _keep({owner}, [{name}])
"""
# Not 0 while a failed call of some thread has not been looked at. A memoryview is quicker in CPython, and in PyPy
# a pointer is.
_PENDING = ffi.addressof(lib, "llamacffi_pending")
if sys.implementation.name == "cpython":
    _PENDING = memoryview(ffi.buffer(_PENDING)).cast("i")


def _function(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """The checked function over cffi's own."""
    type_ = ffi.typeof(call)
    marks, documentation = _reference(name)
    if len(marks) != len(type_.args):  # a table of another build: C's parameters have no names then
        marks = [f"arg{number}" for number in range(len(type_.args))]
    parameters = [Parameter(mark, type_) for mark, type_ in zip(marks, type_.args)]
    function = Function(name, call, parameters)
    names = [parameter.name for parameter in parameters]
    rest = ["*args"] if type_.ellipsis else []
    scope = vars(type(sys)(name))  # in another dict than a module's, PyPy looks names up at each call
    scope.update(
        _Unfit=arguments.UNFIT,
        _adapt=function.adapt,
        _bytes=bytes,
        _call=call,
        _check_room=function.check_room,
        _failed=lib.llamacffi_failed,
        _failure=failure,
        _keep=arguments.keep,
        _len=len,
        _pending=_PENDING,
        _sizeof=_cffi_backend.sizeof,
        _type=type,
    )
    if type_.ellipsis:
        from .formats import check_format  # two functions need it

        scope["_check_format"] = check_format
    for each in parameters:
        if not each.size:
            continue
        code = compile(f"lambda {', '.join(names)}: {each.size}", f"<llamacffi.{name}>", "eval")
        scope.update({used: _size_function(used) for used in code.co_consts[0].co_names})
        function.needs[each.name] = eval(code, scope)
    source = _SOURCE.format(
        name=name,
        head=", ".join(names + rest),
        arguments=", ".join(names + rest),
        given="".join(f"{each}, " for each in names + rest),
        first=f"    _check_format({name!r}, {names[-1]!r}, {names[-1]}, args)\n" if rest else "",
        checks="".join(_check(index, each) for index, each in enumerate(parameters)),
        keeps="".join(
            _KEEP.format(owner="_result" if each.keeps == "result" else each.keeps, name=each.name)
            for each in parameters
            if each.keeps
        ),
    )
    exec(compile(source, f"<llamacffi.{name}>", "exec"), scope)
    made: Callable[..., Any] = scope[name]
    made.__doc__ = documentation
    made.__module__ = __package__
    return made


def _check(index: int, parameter: Parameter) -> str:
    """Python that on the way to the call raises for what cffi takes and C should not get.

    That is an array that is too short, and a list in the place of a text or a struct: cffi makes an array of it.
    """
    name = parameter.name
    room = f"_sizeof({name})"  # a TypeError for all that is no C value
    if parameter.size:
        # Bytes that C keeps are adapted: PyPy gives C a copy of them for the call alone.
        if not parameter.written and not parameter.keeps and parameter.item_size() == 1:
            room = f"(_len({name}) + 1 if _type({name}) is _bytes else {room})"
        return _CHECK.format(room=room, need=parameter.size, size=parameter.item_size(), index=index, name=name)
    if parameter.is_text():
        return f"        if _type({name}) is not _bytes:\n            {room}\n"
    return f"        {room}\n" if parameter.is_struct() else ""


def _size_function(name: str) -> Callable[..., int]:
    function: Callable[..., int] = getattr(arguments, name, None) or getattr(lib, name)
    return function


_records: dict[str, str] = {}


def _reference(name: str) -> tuple[list[str], Optional[str]]:
    """A function's parameters, with their marks, and its documentation (tools/header_gen/reference.py)."""
    if not _records:
        with open(os.path.join(os.path.dirname(__file__), "reference.txt"), encoding="utf-8") as file:
            records = (record.partition("\n") for record in file.read().split("\f\n"))
        _records.update({name: rest for name, _, rest in records})
    marks, signature, place, *comment = _records[name].split("\n")
    return marks.split(), "\n".join([signature, "", *comment, *([""] if comment else []), place])


def _why_not(name: str) -> str:
    """Why a name is not here that llama.cpp's headers have, from the API table, or may have; "" for any other."""
    if not name.lower().startswith(("llama_", "ggml_", "gguf_", "mtmd_")):
        return ""
    import json  # on this path only: the package's import must stay light

    try:
        with open(os.path.join(os.path.dirname(__file__), "api.json"), encoding="utf-8") as file:
            skipped = json.load(file)["skipped"]
        with open(os.path.join(os.path.dirname(__file__), "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
    except OSError:
        return ""
    for each in skipped:
        if each["name"] == name:
            return f": {each['header']}: {each['reason']}"
    return (
        f": llama.cpp {native.llama_cpp_version()} (commit {manifest['commit']}), which it was built with, has no such "
        "function or constant: it came later, or is gone. The package's classes and documentation are written for the "
        f"llama.cpp of {manifest['written_for']}; to have that, build without LLAMACFFI_SOURCE_DIR and LLAMACFFI_PREFIX"
    )


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

    Raises:
        LlamaError: it is no model, or no file's name.
    """
    _require_model(model)
    target = _file_name(fname)
    if not lib.llamacffi_can_save(model):
        native.report(
            "llama_model_save_to_file: a device keeps weights of this model in a layout of its own, which can't be "
            "read back: load the model with use_extra_bufts = false to save it"
        )
        return False
    from .files import replacing  # one function needs it

    try:
        with replacing(target) as fresh:
            lib.llama_model_save_to_file(model, native.encode_path(fresh))
            if not _is_whole(fresh):
                raise OSError
    except OSError:
        return False
    return True


def _require_model(model: ffi.CData) -> None:
    """Raise in the name of `llama_model_save_to_file` what a call with no model raises."""
    mine = "llama_model_save_to_file"
    try:
        resolve("llama_model_n_params")(model)
    except LlamaError as error:
        problem = str(error.args[0]).replace(error.function, mine)
        raise type(error)(problem, mine, error.argument, error.native) from None


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
    mine = "llama_model_save_to_file"
    return ArgumentTypeError(compose(mine, "fname", problem), mine, "fname")


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
