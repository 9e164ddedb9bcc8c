"""The pinned llama.cpp's own headers: nothing is missing, and every figure is what a C program says it is."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import Any

import pytest

import harness
import vendor


@pytest.fixture(scope="module")
def source() -> Path:
    return vendor.obtain(harness.ROOT)


@pytest.fixture(scope="module")
def include(source: Path) -> list[Path]:
    return [source / folder for folder in harness.FOLDERS]


def test_every_function_is_there(source: Path, table: dict[str, Any]) -> None:
    declared = harness.declared_functions(source, table)
    assert len(declared) > 1000
    skipped = {each["name"] for each in table["skipped"] if each["kind"] == "function"}
    assert declared == {each["name"] for each in table["functions"]} | skipped


def test_core_functions_are_exported(table: dict[str, Any]) -> None:
    """Those that the generator says are in the core libraries are in those that were built from the same source."""
    llamacffi = pytest.importorskip("llamacffi")
    names = ("ggml-base", "ggml", "llama", "mtmd")
    folder = Path(llamacffi.get_library_dir())
    core = [ctypes.CDLL(str(path)) for name in names for path in folder.glob(f"*llamacffi-{name}.*")]
    assert len(core) == len(names)
    declared = {each["name"]: each["module"] for each in table["functions"]}
    exported = {name for name in declared if any(hasattr(library, name) for library in core)}
    assert exported == {name for name, module in declared.items() if not module}


def test_every_struct_and_enumerator_is_there(source: Path, table: dict[str, Any]) -> None:
    code = harness.code_of(source, table)
    structs = set(re.findall(r"\bstruct\s+(\w+)\s*\{", code)) | set(
        re.findall(r"\bstruct\s*\{[^{}]*\}\s*(\w+)\s*;", code)
    )
    assert len(structs) > 40
    fields = {field["name"] for struct in table["structs"] for field in struct["fields"] or ()}
    assert structs - fields == {
        each["name"] for each in table["structs"] if each["fields"] and each["kind"] == "struct"
    }
    bodies = re.findall(r"\benum\b\s*\w*\s*\{(.*?)\}", code, re.DOTALL)
    enumerators = {part.split("=")[0].strip() for body in bodies for part in body.split(",")} - {""}
    assert len(enumerators) > 300
    assert enumerators == {value["name"] for enum in table["enums"] for value in enum["values"]}


def test_header_left_out_is_not_c(table: dict[str, Any]) -> None:
    assert {each["name"]: each["reason"] for each in table["skipped"] if each["kind"] == "header"}.keys() <= {
        "ggml-openvino.h"
    }


def test_values_are_the_compilers(table: dict[str, Any], include: list[Path], tmp_path: Path) -> None:
    facts = harness.facts(table)
    assert len(facts) > 1000
    assert harness.values_in_c(table, facts, tmp_path, include) == facts


def test_declarations_are_the_headers(out: Path, include: list[Path], tmp_path: Path) -> None:
    harness.check_declarations(out, tmp_path, include)


def test_places(source: Path, table: dict[str, Any]) -> None:
    harness.check_places(source, table)


def test_run_again(source: Path, out: Path, tmp_path: Path) -> None:
    """The same output, and no file of the source or of the last run is touched."""
    files = [*out.iterdir(), *(path for folder in harness.FOLDERS for path in (source / folder).iterdir())]
    before = {path: path.stat().st_mtime_ns for path in files}
    harness.generated(source, out)
    harness.generated(source, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in files} == before
    assert harness.comparable(tmp_path) == harness.comparable(out)
