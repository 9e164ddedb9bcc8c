"""Runs the generator as a user does, builds cffi modules from what it writes, and holds them against api.json."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

from loading import load_module

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("include", "ggml/include", "tools/mtmd")  # of llama.cpp's public headers
CASES = ROOT / "tests" / "header_gen" / "cases"
NATIVE = ROOT / "src" / "native"
DECLARATIONS = ("cdef.h", "forwards.h", "api.json")
STUBS = ("types.pyi", "_lib.pyi", "_checked.pyi", "_ffi.pyi")
GUARDS = ("guards.h", "guards.cpp", "kinds.hpp", "measures.hpp", "reference.txt")
CC = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or "clang"]
CXX = shlex.split(os.environ.get("CXX", "")) or [shutil.which("c++") or shutil.which("g++") or "clang++"]

# What the extension of llamacffi has and forwards.h needs; here nothing is ever found.
STAND_INS = r"""
#include <stdio.h>
#include <string.h>
struct llamacffi_forward { const char *name, *module; };
static int llamacffi_backends_loaded;
static char asked_for[200];
static int llamacffi_load_backends(void) { strcpy(asked_for, "backends"); return 0; }
static void *llamacffi_find(const char *module, const char *name) {
    snprintf(asked_for, sizeof asked_for, "%s from %s", name, module);
    return NULL;
}
#include "forwards.h"
"""


def generate(source: Path, out: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run header_gen on a source tree."""
    command = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(source), "--out", str(out)]
    return subprocess.run(
        [*command, *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **env},
        capture_output=True,
        encoding="utf-8",
    )


def generated(source: Path, out: Path, *arguments: str) -> dict[str, Any]:
    """Run header_gen on a source tree that it must take, with the tree's own policy if it has one; the API table."""
    own = source / "policy.toml"
    done = generate(source, out, *(("--policy", str(own)) if own.exists() else ()), *arguments)
    assert done.returncode == 0, done.stderr
    return read_table(out)


def comparable(folder: Path, names: Iterable[str] = DECLARATIONS + GUARDS) -> dict[str, str]:
    """The generated files' texts, without what each compiler words in its own way."""
    texts = {name: (folder / name).read_text("utf-8") for name in names}
    return {name: re.sub(r'("reason": "not valid C: ).*"', r'\1…"', text) for name, text in texts.items()}


def expected(case: str) -> tuple[str, ...]:
    """The files in a case's expected/: the guards where it has a policy for them, and the declarations elsewhere.

    Stubs are long, and are there where it is they that matter.
    """
    stubs = tuple(name for name in STUBS if (CASES / case / "expected" / name).exists())
    return (GUARDS if (CASES / case / "policy.toml").exists() else DECLARATIONS) + stubs


def read_table(out: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((out / "api.json").read_text("utf-8"))
    return table


def builder(source: Path, out: Path, module: str) -> FFI:
    """The builder of a cffi module over generated files and the headers they come from, without any of our C."""
    sources = [path for path in sorted(source.glob("src/*.c*")) + sorted(source.glob("ggml/src/*.c")) if path.is_file()]
    ffi = FFI()
    ffi.cdef((out / "cdef.h").read_text("utf-8") + "extern int llamacffi_backends_loaded; extern char asked_for[];\n")
    ffi.set_source(
        module,
        "".join(f'#include "{name}"\n' for name in read_table(out)["headers"]) + STAND_INS,
        sources=[str(path) for path in sources if path.suffix in (".c", ".cpp")],
        include_dirs=[str(out), *(str(source / folder) for folder in FOLDERS)],
        extra_compile_args=["-O0", "-w"],
    )
    return ffi


def build(source: Path, out: Path, module: str, folder: Path) -> Any:
    """Compile that module in `folder` and import it."""
    return load_module(module, builder(source, out, module).compile(tmpdir=str(folder)))


def facts(table: dict[str, Any]) -> dict[str, Any]:
    """What the API table says, by the C expression whose value it is."""
    found: dict[str, Any] = {}

    def add(fields: list[dict[str, Any]], record: str, path: str) -> None:
        for field in flattened(fields):
            inner = f"{path}{field['name']}"
            if field["offset"] is not None:
                found[f"offsetof({record}, {inner})"] = field["offset"]
            if field["size"] is not None:
                found[f"sizeof((({record} *)0)->{inner})"] = field["size"]
            add(field.get("fields", []), record, f"{inner}{'[0]' * field['type'].count('[')}.")

    for struct in table["structs"]:
        if struct["fields"] is not None:
            found[f"sizeof({c_name(struct)})"] = struct["size"]
            found[f"_Alignof({c_name(struct)})"] = struct["align"]
            add(struct["fields"], c_name(struct), "")
    for each in [value for enum in table["enums"] for value in enum["values"]] + table["constants"]:
        found[each["name"]] = each["value"]
    return found


def code_of(source: Path, table: dict[str, Any]) -> str:
    """The headers that were taken, without comments, strings, directives, and what is for C++ alone."""
    codes: list[str] = []
    for name in table["headers"]:
        if name == "llamacffi-earlier.h":  # which is none of llama.cpp's
            continue
        (path,) = (found for folder in FOLDERS for found in (source / folder).glob(name))
        text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"", " ", path.read_text("utf-8"), flags=re.DOTALL)
        text = re.sub(r"^#ifdef\s+__cplusplus$.*?^#endif$", " ", text, flags=re.DOTALL | re.MULTILINE)
        codes.append(re.sub(r"^[ \t]*#(?:\\\n|.)*", ";", text, flags=re.MULTILINE))
    return "\n".join(codes)


def declared_functions(source: Path, table: dict[str, Any]) -> set[str]:
    """The functions in llama.cpp's headers, found in the crudest of ways: names before brackets, behind GGML_API."""
    api = r"\b[A-Z_]*_(?:API|CALL)\b"
    return set(re.findall(rf"{api}(?:(?!{api})[^;{{}}])*?\b([a-z]\w*)\s*\(", code_of(source, table)))


SHOW = r"""
static void show_signed(long long x) { printf("%lld\n", x); }
static void show_unsigned(unsigned long long x) { printf("%llu\n", x); }
static void show_real(double x) { printf("%.17g\n", x); }
static void show_text(const char *x) {
    printf("\"");
    for (; *x; x++) printf("\\u%04x", (unsigned char)*x);
    printf("\"\n");
}
#define SHOW(x) _Generic((x), char *: show_text, const char *: show_text, float: show_real, double: show_real, \
    unsigned: show_unsigned, unsigned long: show_unsigned, unsigned long long: show_unsigned, default: show_signed)(x)
"""


def values_in_c(table: dict[str, Any], expressions: Iterable[str], folder: Path, include: list[Path]) -> dict[str, Any]:
    """What a C program that includes the table's headers says the values of expressions are."""
    lines = [f"    SHOW({expression});" for expression in expressions]
    headers = [f"#include <{name}>" for name in ("stdio.h", "stddef.h", *table["headers"])]
    program = "\n".join([*headers, SHOW, "int main(void) {", *lines, "    return 0;", "}", ""])
    printed = run_c(program, folder, include).splitlines()
    return {expression: json.loads(text) for expression, text in zip(expressions, printed)}


def check_declarations(out: Path, folder: Path, include: list[Path]) -> None:
    """Have the compiler hold the generated declarations of functions and typedefs against those in the headers.

    C takes a declaration again if it is the same, and rejects another one.
    """
    table = read_table(out)
    lines = [f"#include <{name}>" for name in ("stdio.h", "stddef.h", "stdbool.h", *table["headers"])]
    lines += [
        line for line in (out / "cdef.h").read_text("utf-8").splitlines() if re.match(r"typedef [^{]*$|.*\);$", line)
    ]
    for function in table["functions"]:
        parameters = [f"__typeof__({parameter['type']})" for parameter in function["parameters"]]
        arguments = ", ".join(parameters + ["..."] * function["variadic"]) or "void"
        lines.append(f"__typeof__({function['returns']}) {function['name']}({arguments});")
    run_c("\n".join([*lines, "int main(void) { return 0; }", ""]), folder, include)


def check_guards(source: Path, out: Path) -> None:
    """Have the C++ compiler look at guards that need nothing of the policy."""
    (out / "checks" / "all.hpp").write_text("", "ascii")
    add_real_headers(out)
    compile_cxx(out, ["-fsyntax-only", str(out / "guards.cpp")], [out, *(source / folder for folder in FOLDERS)])


def add_real_headers(out: Path) -> None:
    """Let what guards are made of see llama.cpp's own headers beside those of a case."""
    import llamacffi

    table = json.loads(Path(llamacffi.__file__).with_name("api.json").read_text("utf-8"))
    names = sorted(each["name"] for kind in ("functions", "typedefs") for each in table[kind])
    headers = dict.fromkeys([*read_table(out)["headers"], "llama.h", "ggml.h", "ggml-backend.h", "ggml-opt.h"])
    lines = [*(f"#define LLAMACFFI_HAS_{name} 1" for name in names), *(f'#include "{name}"' for name in headers)]
    (out / "api.h").write_text("\n".join(["#pragma once", *lines, ""]), "ascii")


def compile_cxx(folder: Path, arguments: list[str], include: list[Path]) -> None:
    """Run the C++ compiler in a folder; it also finds what guards are made of, and llama.cpp's own headers."""
    import llamacffi  # rewrite.py does without

    flags = [f"-I{path}" for path in [*include, NATIVE, Path(llamacffi.get_include())]]
    command = [*CXX, "-std=c++17", "-w", "-O0", "-fPIC", *flags, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace")
    assert done.returncode == 0, done.stderr


def run_c(program: str, folder: Path, include: list[Path]) -> str:
    """Compile and run a C program; what it printed."""
    (folder / "program.c").write_text(program, "utf-8")
    flags = [f"-I{path}" for path in include]
    command = [*CC, "-std=gnu11", "-w", "-O0", *flags, str(folder / "program.c"), "-o", str(folder / "program")]
    compiled = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    assert compiled.returncode == 0, compiled.stderr
    return subprocess.run([str(folder / "program")], capture_output=True, encoding="utf-8", check=True).stdout


def check(built: Any, table: dict[str, Any]) -> None:
    """Hold what a built module says of values, layouts and types against the API table."""
    ffi, lib = built.ffi, built.lib
    values = [each for enum in table["enums"] for each in enum["values"]] + table["constants"]
    assert {each["name"]: value_of(ffi, getattr(lib, each["name"])) for each in values} == {
        each["name"]: each["value"] for each in values
    }
    for struct in table["structs"]:
        type_ = ffi.typeof(c_name(struct))
        if struct["fields"] is None:
            with pytest.raises(ffi.error, match="size of ctype"):
                ffi.sizeof(type_)
        else:
            assert (ffi.sizeof(type_), ffi.alignof(type_)) == (struct["size"], struct["align"]), struct["name"]
            check_fields(ffi, type_, struct["fields"])
    for enum in table["enums"]:
        if enum["name"]:
            type_ = ffi.typeof(c_name(enum))
            assert type_.relements == {each["name"]: each["value"] for each in enum["values"]}
    for function in table["functions"]:
        type_ = ffi.typeof(getattr(lib, function["name"]))
        assert len(type_.args) == len(function["parameters"]), function["name"]
        assert type_.ellipsis or not function["variadic"], function["name"]  # cffi sets it for records by value, too


def check_places(source: Path, table: dict[str, Any]) -> None:
    """Each thing's name must stand on the line that the API table gives for it."""
    headers = {path.name: path.read_text("utf-8").splitlines() for path in source.rglob("*.h")}
    enumerators: list[dict[str, Any]] = [each for enum in table["enums"] for each in enum["values"]]
    tagged = [each for each in table["structs"] + table["enums"] if each["tagged"]]
    fields = [each for struct in table["structs"] for each in flattened(struct["fields"] or [])]
    others: list[dict[str, Any]] = table["functions"] + table["constants"] + table["typedefs"]
    for entry in enumerators + tagged + fields + others:
        line = headers[entry["header"]][int(entry["line"]) - 1]
        assert re.search(rf"\b{entry['name']}\b", line), f"{entry['name']} is not in {line!r}"


def check_fields(ffi: Any, type_: Any, fields: list[dict[str, Any]], base: int = 0) -> None:
    """`base` is where `type_` begins in the record that the offsets in `fields` count from."""
    expected = [each for each in flattened(fields) if each["name"]]
    assert [name for name, _ in type_.fields] == [each["name"] for each in expected]
    for (_, field), each in zip(type_.fields, expected):
        where = f"{type_.cname}.{each['name']}"
        assert max(field.bitsize, 0) == each.get("bits", 0), where
        if "bits" in each:
            continue
        assert field.offset + base == each["offset"], where
        if each["size"] is not None:
            assert ffi.sizeof(field.type) == each["size"], where
        if "fields" in each:
            inner = field.type
            while inner.kind == "array":
                inner = inner.item
            check_fields(ffi, inner, each["fields"], each["offset"])


def flattened(fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The members, with those of anonymous structs and unions as C lets them be named."""
    found: list[dict[str, Any]] = []
    for field in fields:
        found += flattened(field["fields"]) if not field["name"] and "fields" in field else [field]
    return found


def value_of(ffi: Any, value: Any) -> Any:
    """A constant as api.json has it."""
    return ffi.string(value).decode("utf-8", "backslashreplace") if isinstance(value, ffi.CData) else value


def c_name(entry: dict[str, Any]) -> str:
    """What C calls a struct, union or enum of the API table."""
    return f"{entry.get('kind', 'enum')} {entry['name']}" if entry["tagged"] else str(entry["name"])
