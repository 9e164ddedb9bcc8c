"""The stubs say what is true at run time: the same names, the same parameters, the C types that cffi has.

What type checkers make of them is in tests/typing.
"""

from __future__ import annotations

import ast
import inspect
import keyword
from pathlib import Path
from typing import Any, Union

import pytest

import llamacffi
from llamacffi import facade, ffi, lib, types

PACKAGE = Path(llamacffi.__file__).parent
Definition = Union[ast.FunctionDef, ast.ClassDef, ast.AnnAssign]

# C's numbers, as Python has them.
NUMBERS = {"int": int, "float": float, "bool": bool, "None": None}


def definitions(name: str) -> dict[str, Definition]:
    """What a stub defines, by name, without overloads."""
    tree = ast.parse((PACKAGE / name).read_text("utf-8"))
    found: dict[str, Definition] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found


def first(annotation: ast.expr) -> str:
    """The type that C itself has in an annotation, which comes before what else may be given."""
    while isinstance(annotation, ast.BinOp):
        annotation = annotation.left
    return ast.unparse(annotation).replace("t.", "")


TYPES = definitions("types.pyi")
LIB = definitions("_lib.pyi")
CHECKED = definitions("_checked.pyi")
FUNCTIONS = {name: node for name, node in LIB.items() if isinstance(node, ast.FunctionDef)}


def alias(name: str) -> str:
    """What a type is another name of."""
    node = TYPES[name]
    assert isinstance(node, ast.AnnAssign)
    assert node.value
    return ast.unparse(node.value)


def c_type(name: str) -> Any:
    """The C type that a class or an alias in types.pyi stands for, by the C in its docstring; None for a number."""
    node = TYPES[name]
    if isinstance(node, ast.AnnAssign):
        to = ast.unparse(node.value) if node.value else ""
        return None if to in NUMBERS else c_type(to)
    text = (ast.get_docstring(node) or "").split("\n")[0]
    if text.startswith("typedef "):
        return ffi.typeof(name)
    return ffi.typeof(text.replace(" (opaque)", "").replace("An array; as a pointer, ", ""))


def test_every_name_is_there() -> None:
    assert set(LIB) == set(dir(lib))
    dropped = {name for name in facade.SUCCESSORS if not hasattr(lib, name)}
    own = {*facade.TYPES, "llama_model_save_to_file", "LLAMA_MAX_DEVICES"}  # in __init__.py
    assert set(CHECKED) == set(facade.names()) - dropped - own


@pytest.mark.parametrize("kind", ["parameters", "result"])
def test_the_types_are_those_that_cffi_has(kind: str) -> None:
    compared = 0
    for name, node in FUNCTIONS.items():
        type_ = ffi.typeof(getattr(lib, name))
        given = [first(each.annotation) for each in node.args.posonlyargs if each.annotation]
        assert len(given) == len(type_.args) == len(node.args.posonlyargs), name
        pairs = (
            list(zip(given, type_.args))
            if kind == "parameters"
            else [(ast.unparse(node.returns or node), type_.result)]
        )
        for spelled, expected in pairs:
            spelled = spelled.replace("t.", "")
            where = f"{name}: {spelled} for {expected.cname}"
            if spelled == "AnyPointer" or spelled == "void_p":
                assert expected is ffi.typeof("void *"), where
            elif spelled == "FunctionPointer":
                assert expected.kind == "function", where
            elif spelled in NUMBERS or c_type(spelled) is None:
                assert expected.kind in ("primitive", "enum", "void"), where
                floating = expected.cname in ("float", "double")
                plain = spelled if spelled in NUMBERS else alias(spelled)
                assert (plain == "float") == floating, where
                assert (plain == "bool") == (expected.cname == "_Bool"), where
                assert (plain == "None") == (expected.kind == "void"), where
            else:
                assert c_type(spelled) is expected, where
                compared += 1
    assert compared > 300


def test_checked_functions_have_c_s_parameters() -> None:
    for name, node in CHECKED.items():
        if isinstance(node, ast.FunctionDef):
            parameters = inspect.signature(getattr(llamacffi, name)).parameters.values()
            variadic = [each.name for each in parameters if each.kind is each.VAR_POSITIONAL]
            named = [each.name for each in parameters if each.name not in variadic]
            assert [each.arg for each in node.args.args] == named, name
            assert ([node.args.vararg.arg] if node.args.vararg else []) == variadic, name


def test_documentation_is_that_of_help() -> None:
    for name, node in CHECKED.items():
        if isinstance(node, ast.FunctionDef):
            shown, there = inspect.getdoc(getattr(llamacffi, name)), ast.get_docstring(node)
            assert shown is not None
            assert there is not None
            assert shown.split() == there.split(), name


def test_constants_have_the_type_of_their_values() -> None:
    kinds = {int: "int", float: "float", bytes: "bytes"}
    for name, node in CHECKED.items():
        if isinstance(node, ast.AnnAssign):
            assert ast.unparse(node.annotation) == f"Final[{kinds[type(getattr(llamacffi, name))]}]", name


@pytest.mark.parametrize("name", [name for name in TYPES if name.endswith("_members")])
def test_structs_have_their_fields(name: str) -> None:
    node = TYPES[name]
    assert isinstance(node, ast.ClassDef)
    struct = c_type(name[1 : -len("_members")])
    fields = {
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    expected: set[str] = set()
    for field, described in struct.fields:
        expected |= {field} if field else {inner for inner, _ in described.type.fields}
    assert fields == {field for field in expected if not keyword.iskeyword(field)}


def test_types_can_be_imported_at_run_time() -> None:
    for made in (types.llama_model_p, types.float_array):
        assert made is ffi.CData
    assert isinstance(ffi.new("float *"), types.float_p)
    name = "_nothing"
    with pytest.raises(AttributeError, match=name):
        getattr(types, name)
