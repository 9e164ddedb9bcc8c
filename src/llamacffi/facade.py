"""The C names as the package's own: `llamacffi.<name>`, made on first use.

A function is one of Python's with C's parameters. It calls cffi's own with the arguments as they are, looks whether
a call has failed, and raises if it was its own; arguments that cffi does not take are adapted (arguments.py). The
names of the documented low-level API that C does not have are supplied here.
"""

from __future__ import annotations

import os
import sys

import _cffi_backend

from . import arguments, sizes
from .arguments import Function, Parameter
from .errors import failure
from .native import PACKAGE, ffi, lib, llama_cpp_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional


SUCCESSORS = {
    "llama_new_context_with_model": "llama_init_from_model",
    "llama_n_embd": "llama_model_n_embd",
}
"""The documented names that upstream has deprecated, and their successors: where C drops one, the other serves."""

TYPES = ("llama_model_p", "llama_context_p", "llama_token")
"""The documented types. cffi takes a type by its C name wherever it takes one: in ffi.new, ffi.cast, ffi.typeof."""


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
_failures = ffi.addressof(lib, "llamacffi_pending")
_PENDING = memoryview(ffi.buffer(_failures)).cast("i") if sys.implementation.name == "cpython" else _failures


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
    scope: dict[str, Any] = type(sys)(
        name
    ).__dict__  # in another dict than a module's, PyPy looks names up at each call
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
    made.__module__ = "llamacffi"
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
    function: Callable[..., int] = getattr(sizes, name, None) or getattr(lib, name)
    return function


_records: dict[str, str] = {}


def _reference(name: str) -> tuple[list[str], Optional[str]]:
    """A function's parameters, with their marks, and its documentation (tools/header_gen/reference.py)."""
    if not _records:
        with open(os.path.join(PACKAGE, "reference.txt"), encoding="utf-8") as file:
            records = (record.partition("\n") for record in file.read().split("\f\n"))
        _records.update({name: rest for name, _, rest in records})
    marks, signature, place, *comment = _records[name].split("\n")
    return marks.split(), "\n".join([signature, "", *comment, *([""] if comment else []), place])


def _why_not(name: str) -> str:
    """Why a name is not here that llama.cpp's headers have, from the API table, or may have; "" for any other."""
    if not name.lower().startswith(("llama_", "ggml_", "gguf_", "mtmd_")):
        return ""
    from .manifest import read  # on this path only: the package's import must stay light

    try:
        skipped = read("api.json", PACKAGE)["skipped"]
        manifest = read("manifest.json", PACKAGE)
    except OSError:
        return ""
    for each in skipped:
        if each["name"] == name:
            return f": {each['header']}: {each['reason']}"
    problem = f": llama.cpp {llama_cpp_version()} (commit {manifest['commit']}) has no such function or constant"
    if manifest["written_for"]:
        problem += (
            f". The package is written for the llama.cpp of {manifest['written_for']}, which may have it: build "
            "without LLAMACFFI_SOURCE_DIR and LLAMACFFI_PREFIX to have that one"
        )
    return problem


def _save_to_file() -> Callable[..., bool]:
    from .saving import llama_model_save_to_file

    return llama_model_save_to_file


_SUPPLIED: dict[str, Callable[[], Any]] = {
    "LLAMA_MAX_DEVICES": lambda: lib.llama_max_devices(),
    "llama_model_save_to_file": _save_to_file,
}
