"""The stubs for type checkers and editors: `types.pyi`, `_lib.pyi`, `_checked.pyi` and `_ffi.pyi`.

    types      the C types, a class for each (python_types.py)
    _lib       `llamacffi.lib`: what cffi takes and gives
    _checked   `llamacffi.<C name>`: what the facade takes (src/llamacffi/arguments.py), with C's parameters by name
    _ffi       `llamacffi.ffi`: cffi's functions; `new`, `cast` and `from_buffer` know the headers' types by name

All that does not depend on the headers is in src/llamacffi/_cffi.pyi, which these import.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Callable, Optional

import defaults
from comments import Comments
from guards import Types, argument_names, nullable
from model import API, Constant, Declaration, Function, Named, Parameter, Pointer, Record, Type, spell
from parse import parse
from policy import Policy
from preprocess import Preprocessed
from python_types import HEAD, PythonTypes, docstring, documentation

_OF_FFI = """
    CData CType NULL addressof alignof buffer callback def_extern errno error from_handle gc getctype init_once
    list_types memmove new_allocator new_handle offsetof release sizeof string typeof unpack
"""
_NEW = "BufferLike of a C type, zeroed, which lives as long as this pointer or array; `init` is what it begins with."
_CAST = "A value as another C type, as a cast in C: a pointer that owns nothing, or a number."
_FROM_BUFFER = "The memory of a Python object as an array of C's, without a copy; it keeps the object alive."
_NAMES_IN_TYPES = re.compile(r"\b(?!(?:int|float|bool|bytes|str|None|dict|list|memoryview)\b)[A-Za-z_]\w*\b(?![.(])")
_VARIABLE = re.compile(r"^extern (\w+) (\w+);$", re.MULTILINE)


def stubs(api: API, policy: Policy, cdef: Optional[Path] = None) -> dict[str, str]:
    """The texts of the stubs by file name.

    Args:
        api: what the headers declare.
        policy: what a person says of it.
        cdef: further declarations that the extension has, for cffi.
    """
    more, variables = _further(cdef, api) if cdef else (API(), [])
    everything = API(
        types=[*api.types, *more.types],
        constants=[*api.constants, *more.constants],
        functions=[*api.functions, *more.functions],
    )
    writer = _Writer(everything, api, policy)
    return {
        "_lib.pyi": writer.lib(variables),
        "_checked.pyi": writer.checked(),
        "_ffi.pyi": writer.ffi(),
        "types.pyi": writer.types.emit(),
    }


def _further(cdef: Path, api: API) -> tuple[API, list[tuple[str, str]]]:
    """What declarations in cffi's language add to the API, and the variables among them: type and name."""
    text = re.sub(r"/\*.*?\*/", "", cdef.read_text("utf-8"), flags=re.DOTALL)
    variables = _VARIABLE.findall(text)
    text = _VARIABLE.sub("", text).replace('extern "Python+C" ', "")
    text = re.sub(r"\bbool\b", "_Bool", text)
    text = re.sub(r"^\s*\.\.\.;$|,\s*\.\.\.(?=\s*\})", "", text, flags=re.MULTILINE)
    known = [f"typedef int {typedef.name};" for typedef in api.typedefs]
    known += [f"typedef {record.keyword} {record.name} {record.name};" for record in api.records if not record.tagged]
    plain = Preprocessed(f'# 1 "system"\n{" ".join(known)}\n# 1 "{cdef.name}"\n{text}', [], {}, {cdef.name: cdef})
    found = parse(plain, Comments({cdef.name: cdef}), {})
    mine = {record.c_name for record in api.records}
    found.types = [
        type_
        for type_ in found.types
        if type_.header == cdef.name and not (isinstance(type_, Record) and type_.c_name in mine)
    ]
    return found, variables


class _Writer:
    def __init__(self, everything: API, api: API, policy: Policy) -> None:
        self.types = PythonTypes(everything, policy)
        self._everything = everything
        self._api = api
        self._policy = policy
        self._guard_types = Types(api, policy)

    # --- lib ---

    def lib(self, variables: list[tuple[str, str]]) -> str:
        """`_lib.pyi`."""
        body = [self._function(function, self._lib_parameter, ", /") for function in self._everything.functions]
        body += self._constants(self._everything, "t.char_p")
        body += [f"{name}: {type_}\n" for type_, name in variables]
        return f"{_head('Sequence', 'deprecated')}from . import types as t\n\n" + "\n".join(body)

    def _lib_parameter(self, function: Function, parameter: Parameter, name: str) -> str:
        types, type_ = self.types, self.types.plain(parameter.type)
        if types.function_type(type_):
            return f"{types.value(parameter.type)} | Null"
        if not isinstance(type_, Pointer):
            return self._number(parameter.type)
        may_be_null = " | Null" if nullable(function, parameter, name, self._policy, self._guard_types) else ""
        given = types.value(parameter.type)
        if types.is_void(type_.to):
            given = "AnyPointer | bytes" if _is_const(type_.to) else "AnyPointer"
        elif given == "FILE_p":
            given += " | IO[Any]"
        elif _is_const(type_.to):
            given += " | bytes" if types.is_byte(type_.to) else ""
            if not types.is_opaque(type_.to) and not types.is_char(type_.to):
                given += f" | Sequence[{types.taken(type_.to)}]"
        return given + may_be_null

    # --- the facade ---

    def checked(self) -> str:
        """`_checked.pyi`."""
        supplied = self._policy.supplied
        functions = [function for function in self._api.functions if function.name not in supplied]
        body = [self._function(function, self._checked_parameter, "") for function in functions]
        body += self._constants(self._api, "bytes")
        return (
            f"{_head('Callable, Sequence', 'deprecated')}from . import types as t\n"
            "from ._cffi import BufferLike\n"
            "from .arguments import CTypesPointer, Text\nfrom .callbacks import Callback\n\n" + "\n".join(body)
        )

    def _checked_parameter(self, function: Function, parameter: Parameter, name: str) -> str:
        types, type_ = self.types, self.types.plain(parameter.type)
        if types.function_type(type_):
            c_type = parameter.type.name if isinstance(parameter.type, Named) else ""
            python = self._policy.callbacks.get(c_type, "Callable[..., Any]")
            # For a lambda's parameters, pyright takes the first of several types.
            return f"{python} | {types.value(parameter.type)} | Callback | Null | None"
        if not isinstance(type_, Pointer):
            pointer = f" | {types.value(Pointer(parameter.type))}" if types.is_record(type_) else ""
            return self._number(parameter.type) + pointer
        may_be_null = " | Null | None" if nullable(function, parameter, name, self._policy, self._guard_types) else ""
        counts = defaults.counts(function, argument_names(function.signature), self._policy, self._guard_types)
        sized = name in counts or name in self._policy.merged("sizes", function.name)
        written = not _is_const(type_.to) and name not in self._policy.lists("reads", function.name)
        given = types.value(parameter.type)
        if types.is_void(type_.to):
            given = f"AnyPointer | CTypesPointer{' | BufferLike' if sized else ''}"
        elif given == "FILE_p":
            given += " | IO[Any]"
        elif types.is_char(type_.to) and not written:
            given += " | Text"
        elif not types.is_opaque(type_.to):
            array = sized or not types.is_record(type_.to)
            given += f" | {types.value(type_.to)}" if types.is_record(type_.to) else ""
            given += " | CTypesPointer | BufferLike" if array else ""
            if array and not written:
                texts = types.function_type(type_.to) is None and self._is_text_pointer(type_.to)
                given += f" | Sequence[{'Text | ' if texts else ''}{types.taken(type_.to)}]"
        return given + may_be_null

    def _number(self, type_: Type) -> str:
        """What is given for a number, NumPy's included, or for a struct."""
        more = {"int": " | SupportsIndex", "float": " | SupportsFloat"}
        return self.types.taken(type_) + more.get(self.types.value(self.types.plain(type_)), "")

    def _is_text_pointer(self, type_: Type) -> bool:
        type_ = self.types.plain(type_)
        return isinstance(type_, Pointer) and self.types.is_char(type_.to)

    # --- both ---

    def _function(self, function: Function, parameter_type: Callable[[Function, Parameter, str], str], end: str) -> str:
        names = argument_names(function.signature)
        given = [
            f"{name}: {_qualified(parameter_type(function, parameter, name))}"
            for name, parameter in zip(names, function.signature.parameters)
        ]
        given += ["/"] if end and given else []
        given += ["*args: Any"] if function.signature.variadic else []
        result = _qualified(self.types.value(function.signature.result))
        text = documentation(function, f"{spell(function.signature, function.name)};")
        why = function.deprecation or f"{function.name} is deprecated in {function.header}"
        mark = f"@deprecated({json.dumps(why)})\n" if function.deprecated else ""
        return f"{mark}def {function.name}({', '.join(given)}) -> {result}:\n{docstring(text)}"

    def _constants(self, api: API, text: str) -> list[str]:
        found: dict[str, str] = {}
        every: list[tuple[Declaration, object, str]] = [
            (each, each.value.value, f"enum {enum.name}" if enum.name else "enum")
            for enum in api.enums
            for each in enum.enumerators
        ]
        every += [(each, each.value.value, _constant_kind(each)) for each in api.constants]
        for declaration, value, kind in every:
            type_ = text if isinstance(value, bytes) else "float" if isinstance(value, float) else "int"
            shown = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
            c = f"{kind} {declaration.name}" if value is None else f"{kind} {declaration.name} = {shown!r}"
            about = docstring(documentation(declaration, c), "")
            found.setdefault(declaration.name, f"{declaration.name}: Final[{type_}]\n{about}")
        return list(found.values())

    # --- ffi ---

    def ffi(self) -> str:
        """`_ffi.pyi`."""
        new: list[str] = []
        cast: list[str] = []
        buffers: list[str] = []
        spelled = {"void *", "FILE"}
        for each in self.types.spellings():
            pointed = [f"{text}{'' if text.endswith('*') else ' '}*" for text in each.texts]
            pointers = _literal(pointed)
            own = [text for text in each.texts if text not in spelled]
            spelled.update(pointed)
            arrays = _literal([f"{text}[]" for text in each.texts])
            if not each.opaque:
                one, many = _qualified(each.one), _qualified(each.many)
                new.append(f"def new(cdecl: {pointers}, init: {one} = ..., /) -> t.{each.name}_p: ...\n")
                new.append(f"def new(cdecl: {arrays}, init: {many}, /) -> t.{each.array}: ...\n")
                given = "obj: BufferLike, require_writable: bool = ..."
                buffers.append(f"def from_buffer(cdecl: {arrays}, {given}) -> t.{each.array}: ...\n")
            cast.append(f"def cast(cdecl: {pointers}, value: CData | int, /) -> t.{each.name}_p: ...\n")
            if own and each.own:
                cast.append(f"def cast(cdecl: {_literal(own)}, value: CData | int, /) -> t.{each.own}: ...\n")
            elif own and each.number:
                cast.append(f"def cast(cdecl: {_literal(own)}, value: CData | float, /) -> t.Number: ...\n")
        new.append(f"def new(cdecl: str | CType, init: Any = ..., /) -> Any:\n{docstring(_NEW)}")
        cast.append('def cast(cdecl: Literal["void *"], value: CData | int, /) -> t.void_p: ...\n')
        cast.append(f"def cast(cdecl: str | CType, value: Any, /) -> Any:\n{docstring(_CAST)}")
        buffers.insert(0, "def from_buffer(obj: BufferLike, /) -> t.char_array: ...\n")
        given = "cdecl: str | CType, obj: BufferLike, require_writable: bool = ..."
        buffers.append(f"def from_buffer({given}) -> Any:\n{docstring(_FROM_BUFFER)}")
        imports = "".join(f"from ._cffi import {name} as {name}\n" for name in _OF_FFI.split())
        overloads = "".join(f"@overload\n{each}" for each in [*new, *cast, *buffers])
        return (
            f"{HEAD}\nfrom collections.abc import Sequence\nfrom typing import Any, Literal, overload\n\n"
            f"from . import types as t\nfrom ._cffi import BufferLike\n{imports}\n{overloads}"
        )


def _head(abc: str, extensions: str) -> str:
    return (
        f"{HEAD}\nfrom collections.abc import {abc}\n"
        "from typing import IO, Any, Final, SupportsFloat, SupportsIndex\n\n"
        f"from typing_extensions import {extensions}\n\n"
    )


def _is_const(type_: Type) -> bool:
    return isinstance(type_, (Named, Pointer)) and type_.const


def _constant_kind(constant: Constant) -> str:
    return constant.type or "#define"


def _literal(texts: list[str]) -> str:
    return f"Literal[{', '.join(f'{chr(34)}{text}{chr(34)}' for text in texts)}]"


_PYTHONS = {
    *("Any", "BufferLike", "CTypesPointer", "Callable", "Callback", "IO"),
    *("Sequence", "SupportsFloat", "SupportsIndex", "Text"),
}


def _qualified(type_: str) -> str:
    """A type's spelling with the C types behind `t`."""
    return _NAMES_IN_TYPES.sub(lambda name: name[0] if name[0] in _PYTHONS else f"t.{name[0]}", type_)
