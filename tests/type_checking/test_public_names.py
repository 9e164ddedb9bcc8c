"""Every public name has a type and a docstring: those of the package's modules, and those of its generated stubs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Union

import pytest

import llamacffi

PACKAGE = Path(llamacffi.__file__).resolve().parent
STUBS = ("_cffi.pyi", "_checked.pyi", "_ffi.pyi", "_lib.pyi", "types.pyi")
# The commands are programs: what they have is in `--help`, and no other program imports them.
MODULES = sorted(path for path in PACKAGE.glob("*.py") if path.stem != "__main__")

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


def is_public(name: str) -> bool:
    # What begins with the package's own name is C of ours, which only the package calls.
    return (name[0] != "_" and name[:10].lower() != "llamacffi_" and name != "TYPE_CHECKING") or name == "__init__"


def untyped(function: Function, is_method: bool) -> Iterator[str]:
    """The parameters without a type, and "return"."""
    given = function.args
    parameters = [*given.posonlyargs, *given.args]
    is_static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in function.decorator_list)
    if is_method and not is_static:
        parameters = parameters[1:]
    parameters += [*given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    yield from (each.arg for each in parameters if each.annotation is None)
    if function.returns is None:
        yield "return"


def targets(statement: ast.stmt) -> list[str]:
    """The names that an assignment makes."""
    if isinstance(statement, ast.Assign) and "TypeVar" in ast.dump(statement.value):
        return []  # stands for a type and is none
    if isinstance(statement, ast.AnnAssign):
        found: list[ast.expr] = [statement.target]
    else:
        found = statement.targets if isinstance(statement, ast.Assign) else []
    return [each.id for each in found if isinstance(each, ast.Name)]


def is_text(statement: object) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


class Names:
    """The public names of a module, and what they lack."""

    def __init__(self, path: Path) -> None:
        self.all: set[str] = set()
        self.undocumented: dict[str, None] = {}
        self.untyped: list[str] = []
        self._documented: set[str] = set()
        module = ast.parse(path.read_text("utf-8"))
        self._look(module.body, path.stem, "")
        if ast.get_docstring(module) is None:
            self.undocumented[path.stem] = None
        self.undocumented = {name: None for name in self.undocumented if name not in self._documented}

    def _look(self, body: list[ast.stmt], where: str, attributes: str, is_class: bool = False) -> None:
        for statement, following in zip(body, [*body[1:], None]):
            if isinstance(statement, (ast.If, ast.Try)):
                self._look([*statement.body, *statement.orelse], where, attributes, is_class)
            elif isinstance(statement, ast.ClassDef) and is_public(statement.name):
                text = ast.get_docstring(statement)
                self._add(f"{where}.{statement.name}", text is not None)
                self._look(statement.body, f"{where}.{statement.name}", text or "", True)
            elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and is_public(statement.name):
                name = f"{where}.{statement.name}"
                self.untyped += [f"{name}: {each}" for each in untyped(statement, is_class)]
                # What `__init__` does is said of its class, and what a setter does of its property.
                if statement.name != "__init__" and not self._is_setter(statement):
                    self._add(name, ast.get_docstring(statement) is not None)
            else:
                for name in filter(is_public, targets(statement)):
                    listed = any(
                        name in line.partition(":")[0].replace(",", " ").split() for line in attributes.split("\n")
                    )
                    self._add(f"{where}.{name}", listed or is_text(following))

    def _add(self, name: str, is_documented: bool) -> None:
        self.all.add(name)
        if is_documented:
            self._documented.add(name)  # of several overloads, one has it
        else:
            self.undocumented[name] = None

    @staticmethod
    def _is_setter(function: Function) -> bool:
        return any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in function.decorator_list)


@pytest.mark.parametrize("path", [*MODULES, *(PACKAGE / name for name in STUBS)], ids=lambda path: path.name)
def test_has_type_and_docstring(path: Path) -> None:
    names = Names(path)
    assert list(names.undocumented) == []
    assert names.untyped == []


def test_stubs_have_all_names() -> None:
    """What the package has at run time the stubs have, too."""
    stub = {name.rpartition(".")[2] for name in Names(PACKAGE / "_checked.pyi").all}
    c_names = {name for name in dir(llamacffi) if name.lower().startswith(("llama_", "ggml_", "gguf_", "mtmd_"))}
    c_names -= {"llama_cpp_commit", "llama_cpp_version"}  # ours
    supplied = {"llama_model_p", "llama_context_p", "llama_token", "LLAMA_MAX_DEVICES", "llama_model_save_to_file"}
    assert c_names - supplied - stub == set()
    assert {name for name in dir(llamacffi.lib) if not name.lower().startswith("llamacffi_")} - {
        name.rpartition(".")[2] for name in Names(PACKAGE / "_lib.pyi").all
    } == set()


def test_pyright_knows_all_types(tmp_path: Path) -> None:
    """pyright's own look at a package with types: all that it exports has one that is known."""
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--verifytypes", "llamacffi", "--ignoreexternal", "--outputjson"]
    # Here it takes the Python that is first on the path, and no other.
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", timeout=900)
    report = json.loads(done.stdout)["typeCompleteness"]
    exported = [each for each in report["symbols"] if each["isExported"] and ".cli" not in each["name"]]
    assert len(exported) > 2000
    assert [each["name"] for each in exported if not each["isTypeKnown"] or each["isTypeAmbiguous"]] == []
