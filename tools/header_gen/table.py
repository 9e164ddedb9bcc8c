"""api.json back to the API model: what it says of functions, types and what was left out; no sizes and offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pycparser import c_parser

from model import (
    API,
    Array,
    Asked,
    Constant,
    Enum,
    Enumerator,
    Field,
    Function,
    Inline,
    Named,
    Parameter,
    Pointer,
    Record,
    Signature,
    Skipped,
    Type,
    Typedef,
)
from parse import SYSTEM_TYPES, c_ast


def read(table: dict[str, Any]) -> API:
    """The model of what an api.json says."""
    names = [each["name"] for each in table["typedefs"]]
    names += [each["name"] for each in (*table["structs"], *table["enums"]) if each["name"] and not each["tagged"]]
    types = _types([each["type"] for each in table["typedefs"]] + list(_spelled(table)), names)
    api = API(headers=table["headers"])
    for each in table["structs"]:
        fields = None if each["fields"] is None else _fields(each["fields"], types)
        api.types.append(Record(**_place(each), keyword=each["kind"], tagged=each["tagged"], fields=fields))
    for each in table["enums"]:
        values = [Enumerator(**_place(one), value=Asked(one["name"], one["value"])) for one in each["values"]]
        api.types.append(Enum(**_place(each), tagged=each["tagged"], enumerators=values))
    api.types += [Typedef(**_place(each), type=types[each["type"]]) for each in table["typedefs"]]
    for each in table["functions"]:
        parameters = tuple(Parameter(one["name"], types[one["type"]]) for one in each["parameters"])
        signature = Signature(types[each["returns"]], parameters, each["variadic"])
        function = Function(**_place(each), signature=signature, deprecated=each["deprecated"], module=each["module"])
        api.functions.append(function)
    api.constants = [Constant(**_place(each), value=Asked(each["name"], each["value"])) for each in table["constants"]]
    api.skipped = [Skipped(**each) for each in table["skipped"]]
    return api


def _place(each: dict[str, Any]) -> dict[str, Any]:
    return {key: each[key] for key in ("name", "header", "line", "comment")}


def _fields(fields: list[dict[str, Any]], types: dict[str, Type]) -> list[Field]:
    found: list[Field] = []
    for each in fields:
        if "fields" in each:  # a struct or union without a name, or an array of them
            keyword, bracket, lengths = each["type"].partition("[")
            inner = Record("", each["header"], each["line"], keyword=keyword, fields=_fields(each["fields"], types))
            type_: Type = Inline(inner)
            for length in reversed(re.findall(r"\[(\d*)\]", bracket + lengths)):
                type_ = Array(type_, Asked(length, int(length)) if length else None)
        else:
            type_ = types[each["type"]]
        found.append(Field(**_place(each), type=type_))
    return found


def _spelled(table: dict[str, Any]) -> Iterator[str]:
    for each in table["functions"]:
        yield each["returns"]
        yield from (one["type"] for one in each["parameters"])
    for each in table["structs"]:
        yield from _spelled_fields(each["fields"] or [])


def _spelled_fields(fields: list[dict[str, Any]]) -> Iterator[str]:
    for each in fields:
        if "fields" in each:
            yield from _spelled_fields(each["fields"])
        else:
            yield each["type"]


def _types(texts: list[str], typedefs: list[str]) -> dict[str, Type]:
    """Types by their spelling."""
    texts = sorted(set(texts))
    lines = [f"typedef int {name};" for name in (*SYSTEM_TYPES, "bool", *typedefs)]
    lines += [f"int a{number} = sizeof({text});" for number, text in enumerate(texts)]
    tree: Any = c_parser.CParser().parse("\n".join(lines))
    return {text: _type(node.init.expr) for text, node in zip(texts, tree.ext[len(lines) - len(texts) :])}


def _type(node: Any) -> Type:
    if isinstance(node, c_ast.Typename):
        return _type(node.type)
    if isinstance(node, c_ast.PtrDecl):
        return Pointer(_type(node.type), "const" in node.quals)
    if isinstance(node, c_ast.ArrayDecl):
        return Array(_type(node.type), node.dim and Asked(node.dim.value, int(node.dim.value)))
    if isinstance(node, c_ast.FuncDecl):
        given: list[Any] = node.args.params if node.args else []
        named = [each for each in given if not isinstance(each, c_ast.EllipsisParam)]
        parameters = [Parameter(each.name or "", _type(each.type)) for each in named]
        takes_none = [each.type for each in parameters] == [Named("void")]
        return Signature(_type(node.type), () if takes_none else tuple(parameters), len(named) < len(given))
    base, const = node.type, "const" in node.quals
    if isinstance(base, c_ast.IdentifierType):
        return Named(" ".join(base.names), const)
    return Named(f"{type(base).__name__.lower()} {base.name}", const)
