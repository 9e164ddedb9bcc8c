"""The generated files' texts: cdef, API table, and the C that forwards calls to backends."""

from __future__ import annotations

import json
from typing import Any

from model import (
    API,
    Array,
    Constant,
    Declaration,
    Enum,
    Field,
    Function,
    Inline,
    Pointer,
    Record,
    Type,
    inline_of,
    spell,
)
from policy import Policy


def cdef(api: API, policy: Policy) -> str:
    """cffi's declarations. Values, sizes and offsets are left to the compiler with `...` wherever cffi allows it."""
    lines: list[str] = []
    for type_ in api.types:
        if isinstance(type_, Enum):
            lines.append(_enum(type_))
        elif isinstance(type_, Record):
            lines.append(_record(type_))
        else:
            lines.append(f"typedef {spell(type_.type, type_.name)};")
    records = {record.c_name for record in api.records}
    lines += [f"typedef {to}{name};" for name, to in policy.typedefs.items() if to.rstrip(" *") in records]
    lines += map(_constant, api.constants)
    lines += [f"{spell(function.signature, function.name)};" for function in api.functions]
    return "\n".join(lines) + "\n"


def _constant(constant: Constant) -> str:
    # cffi reads an integer macro's value from the compiler; another kind is a constant of a type.
    if isinstance(constant.value.value, int) and constant.type is None:
        return f"#define {constant.name} ..."
    kind = constant.type or ("char *" if isinstance(constant.value.value, bytes) else "double")
    return f"static {kind} const {constant.name};"


def _enum(enum: Enum) -> str:
    names = ", ".join(enumerator.name for enumerator in enum.enumerators)
    if not enum.name:
        return "\n".join(f"#define {enumerator.name} ..." for enumerator in enum.enumerators)
    if not enum.tagged:
        return f"typedef enum {{ {names}, ... }} {enum.name};"
    return f"enum {enum.name} {{ {names}, ... }};"


def _record(record: Record) -> str:
    if record.fields is None:
        return f"{record.c_name};"
    # cffi lays out bit-fields itself, and holds its result against the compiler's.
    rest = [] if any(field.bits for field in record.fields) else ["...;"]
    body = " ".join(["{", *map(_member, record.fields), *rest, "}"])
    if not record.tagged:
        return f"typedef {record.keyword} {body} {record.name};"
    return f"{record.c_name} {body};"


def _member(field: Field) -> str:
    name = f"{field.name} : {field.bits.integer}".lstrip() if field.bits else field.name
    base, declarator = field.type, name
    while isinstance(base, Array):
        declarator += f"[{'' if base.length is None else base.length.integer}]"
        base = base.of
    if isinstance(base, Inline):
        members = " ".join(map(_member, base.record.fields or []))
        return f"{base.record.keyword} {{ {members} }} {declarator};".replace(" ;", ";")
    return f"{spell(field.type, name)};"


def table(api: API) -> str:
    """The API table, `api.json`."""
    content = {
        "headers": api.headers,
        "functions": [_function(function) for function in api.functions],
        "structs": [_struct(record) for record in api.records],
        "enums": [
            {
                **_place(enum),
                "tagged": enum.tagged,
                "values": [{**_place(each), "value": each.value.integer} for each in enum.enumerators],
            }
            for enum in api.enums
        ],
        "constants": [
            {**_place(constant), "type": _kind(constant.value.value), "value": _json_value(constant.value.value)}
            for constant in api.constants
        ],
        "typedefs": [{**_place(typedef), "type": spell(typedef.type)} for typedef in api.typedefs],
        "skipped": [vars(skipped) for skipped in api.skipped],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _place(declaration: Declaration) -> dict[str, Any]:
    return {
        "name": declaration.name,
        "header": declaration.header,
        "line": declaration.line,
        "comment": declaration.comment,
    }


def _function(function: Function) -> dict[str, Any]:
    signature = function.signature
    return {
        **_place(function),
        "returns": spell(signature.result),
        "parameters": [{"name": p.name, "type": spell(p.type)} for p in signature.parameters],
        "variadic": signature.variadic,
        "deprecated": function.deprecated,
        "module": function.module,
    }


def _struct(record: Record) -> dict[str, Any]:
    fields = None if record.fields is None else [_field(field) for field in record.fields]
    return {
        **_place(record),
        "kind": record.keyword,
        "tagged": record.tagged,
        "size": record.size and record.size.integer,
        "align": record.align and record.align.integer,
        "fields": fields,
    }


def _field(field: Field) -> dict[str, Any]:
    content: dict[str, Any] = {
        **_place(field),
        "type": _field_type(field.type),
        "offset": field.offset and field.offset.integer,
        "size": field.size and field.size.integer,
    }
    if field.bits:
        content["bits"] = field.bits.integer
    inner = inline_of(field.type)
    if inner:
        content["fields"] = [_field(each) for each in inner.fields or []]
    return content


def _field_type(type_: Type) -> str:
    inner = inline_of(type_)
    if not inner:
        return spell(type_)
    lengths = ""
    while isinstance(type_, Array):
        lengths += f"[{'' if type_.length is None else type_.length.integer}]"
        type_ = type_.of
    return inner.keyword + lengths


def _kind(value: object) -> str:
    kinds: dict[type, str] = {int: "int", float: "float", bytes: "str"}
    return kinds[type(value)]


def _json_value(value: object) -> object:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def forwards(api: API, policy: Policy) -> str:
    """C between cffi's calls and the functions that can't simply be linked against.

    A function that lives in a backend's module is looked up there on its first call; one that needs a device has
    the backends loaded first. Each gets a stand-in, and its name becomes a macro for the stand-in.
    """
    lines = ["/* Generated from llama.cpp's headers by tools/header_gen. */"]
    entries: list[str] = []
    for function in sorted(api.functions, key=lambda function: function.name):
        condition = policy.replaced.get(function.name)
        modules = ",".join(policy.modules.get(function.module, [function.module]))
        if function.module:
            lines.append(_stand_in(function, _looked_up(function, modules)))
        elif condition:
            lines.append(_stand_in(function, f"    if ({condition}) {{ {_LOAD}; {_give_up(function)} }}"))
        elif policy.needs_backends(function.name):
            lines.append(_stand_in(function, f"    if (!({_LOAD})) {{ {_give_up(function)} }}"))
        if function.module or policy.needs_backends(function.name):
            entries.append(f'    {{"{function.name}", "{modules}"}},')
    lines += ["static const struct llamacffi_forward llamacffi_forwards[] = {", *entries, "    {0, 0}", "};"]
    return "\n".join(lines) + "\n"


_LOAD = "llamacffi_backends_loaded || llamacffi_load_backends()"


def _stand_in(function: Function, before: str) -> str:
    """A function of the same type that calls `function` after what `before` does."""
    signature = function.signature
    name = f"llamacffi_forward_{function.name}"
    callee = "function" if function.module else function.name
    arguments = [f"a{number}" for number in range(len(signature.parameters))]
    parameters = ", ".join(spell(p.type, a) for p, a in zip(signature.parameters, arguments)) or "void"
    call = f"{'' if returns_nothing(function) else 'return '}{callee}({', '.join(arguments)});"
    head = spell(signature.result, f"{name}({parameters})")
    return f"static {head} {{\n{before}\n    {call}\n}}\n#define {function.name} {name}"


def _looked_up(function: Function, modules: str) -> str:
    """C that finds `function` in its module and keeps it."""
    type_ = Pointer(function.signature)
    found = f'({spell(type_)})llamacffi_find("{modules}", "{function.name}")'
    return (
        f"    static {spell(type_, 'function')};\n"
        f"    if (!function && !(function = {found})) {{ {_give_up(function)} }}"
    )


def returns_nothing(function: Function) -> bool:
    return spell(function.signature.result) == "void"


def _give_up(function: Function) -> str:
    """C that returns what says failure: nothing, NULL, 0."""
    if returns_nothing(function):
        return "return;"
    return f"{spell(function.signature.result, 'failed')}; memset(&failed, 0, sizeof failed); return failed;"
