"""The whole C API is there, and the compiler agrees with what cffi knows of it.

What is expected comes from the shipped libraries, the shipped headers and the C compiler, read here in plain ways of
our own, and not through the generator.
"""

from __future__ import annotations

import ctypes
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import llamacffi
from llamacffi import BackendError, backends, ffi, lib

PACKAGE = Path(llamacffi.__file__).parent
INCLUDE = Path(llamacffi.get_include())
API: dict[str, Any] = json.loads((PACKAGE / "api.json").read_text("utf-8"))
MODULES = {function["name"]: function["module"] for function in API["functions"]}
ABSENT = sorted(name for name, module in MODULES.items() if module and module not in ("cpu", "rpc"))

# Names that begin so are llama.cpp's.
OURS_TO_COVER = re.compile(r"\b((?:llama|ggml|gguf|mtmd)_[a-z]\w*)\s*\(")


def header_text() -> str:
    """The C headers that ship, without comments."""
    texts = [(INCLUDE / name).read_text("utf-8") for name in API["headers"]]
    return re.sub(r"//[^\n]*|/\*.*?\*/", " ", "\n".join(texts), flags=re.DOTALL)


def test_every_header_is_taken_or_left_out_for_a_reason() -> None:
    left_out = {each["name"] for each in API["skipped"] if each["kind"] == "header" and each["reason"]}
    cxx = {path.name for path in INCLUDE.glob("*-cpp.h")}
    assert {path.name for path in INCLUDE.glob("*.h")} == {*API["headers"], *left_out, *cxx, "llamacffi.h"}
    assert {"llama.h", "ggml.h", "gguf.h", "mtmd.h", "ggml-backend.h", "ggml-cpu.h"} <= set(API["headers"])


def test_every_function_of_the_table_can_be_called_in_both_ways() -> None:
    assert len(API["functions"]) > 1000
    names = [function["name"] for function in API["functions"]]
    assert [name for name in names if not callable(getattr(lib, name, None))] == []
    assert [name for name in names if not callable(getattr(llamacffi, name, None))] == []


def test_every_exported_function_of_the_headers_is_there() -> None:
    backends.load_backends()
    libraries = [path for path in Path(llamacffi.get_library_dir()).iterdir() if "llamacffi-" in path.name]
    shipped = [ctypes.CDLL(str(path)) for path in libraries] + [ctypes.CDLL(each.path) for each in backends.backends()]
    declared = set(OURS_TO_COVER.findall(header_text()))
    exported = sorted(name for name in declared if any(hasattr(library, name) for library in shipped))
    assert len(exported) > 1000
    assert [name for name in exported if not hasattr(lib, name)] == []
    for name in exported:
        if MODULES[name] in ("cpu", "rpc"):
            assert backends.find(MODULES[name], name)  # or it raises


@pytest.fixture
def absent() -> list[str]:
    there = {backend.name for backend in backends.backends()} | set(backends._modules())
    return [name for name in ABSENT if MODULES[name] not in there]


def zero(type_: ffi.CType) -> Any:
    """A value of the type, all zeros."""
    if type_.kind == "pointer" or type_.kind == "function":
        return ffi.NULL
    if type_.kind in ("struct", "union"):
        return ffi.new(ffi.getctype(type_, "*"))[0]
    return 0


def test_function_of_an_absent_backend_raises(absent: list[str]) -> None:
    assert len(absent) > 50
    for name in absent:
        with pytest.raises(BackendError) as raised:
            getattr(llamacffi, name)(*[zero(type_) for type_ in ffi.typeof(getattr(lib, name)).args])
        assert name in str(raised.value)
        assert f"needs the {MODULES[name]}" in str(raised.value)
        assert f"-DGGML_{MODULES[name].upper()}=ON" in str(raised.value)


def test_function_of_an_absent_backend_through_lib_says_so(absent: list[str]) -> None:
    for name in absent:
        function = getattr(lib, name)
        assert not function(*[zero(type_) for type_ in ffi.typeof(function).args])
        error = llamacffi.last_error()
        assert isinstance(error, BackendError)
        assert error.function == name
        assert str(error).startswith(f"{name} needs the {MODULES[name]}")


def test_function_of_the_cpu_module() -> None:
    assert lib.ggml_cpu_has_sse3() in (0, 1)
    assert llamacffi.ggml_cpu_has_sse3() == lib.ggml_cpu_has_sse3()
    features = ffi.string(llamacffi.llama_print_system_info()).decode()
    assert "CPU" in features
    assert ("SSE3 = 1" in features) == bool(lib.ggml_cpu_has_sse3())


def test_function_of_the_rpc_module() -> None:
    registration = llamacffi.ggml_backend_rpc_reg()
    assert ffi.string(llamacffi.ggml_backend_reg_name(registration)) == b"RPC"


def test_function_reached_by_its_address() -> None:
    """As C code gets it: a pointer to a function of the core, and to the stand-in for one of a module."""
    assert ffi.addressof(lib, "llama_max_devices")() == lib.llama_max_devices()
    assert ffi.addressof(lib, "ggml_cpu_has_sse3")() == lib.ggml_cpu_has_sse3()


def test_variadic_function() -> None:
    context = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 16, "no_alloc": True})[0])
    tensor = lib.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 1)
    lib.ggml_format_name(tensor, b"%s %d", ffi.new("char[]", b"layer"), ffi.cast("int", 7))
    assert ffi.string(lib.ggml_get_name(tensor)) == b"layer 7"
    lib.ggml_free(context)


# --- what the compiler says ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ask_c(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that has C print expressions: their values, in the same order."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "the tests need a C compiler"
    folder = tmp_path_factory.mktemp("c")

    def ask(expressions: list[str]) -> list[int]:
        lines = [f'#include "{name}"' for name in ["stddef.h", "stdio.h", *API["headers"]]]
        lines += ["int main(void) {"]
        lines += [f'    printf("%lld\\n", (long long)({expression}));' for expression in expressions]
        lines += ["    return 0;", "}"]
        (folder / "ask.c").write_text("\n".join(lines), "utf-8")
        command = [compiler, "-w", "-I", str(INCLUDE), "-o", str(folder / "ask"), str(folder / "ask.c")]
        subprocess.run(command, check=True)
        done = subprocess.run([str(folder / "ask")], check=True, capture_output=True, text=True)
        return [int(line) for line in done.stdout.split()]

    return ask


def is_ours(name: str) -> bool:
    """Whether the extension has a name for the package alone."""
    return name.lower().startswith("llamacffi_")


def test_integer_constants(ask_c: Any) -> None:
    names = [name for name in dir(lib) if type(getattr(lib, name)) is int and not is_ours(name)]
    assert len(names) > 450
    assert {name: getattr(lib, name) for name in names} == dict(zip(names, ask_c(names)))


def test_string_constants() -> None:
    text = header_text()
    named = dict(re.findall(r'^#define +(\w+) +"([^"\n]*)"$', text, re.MULTILINE))
    assert "GGUF_MAGIC" in named
    for name, value in named.items():
        assert ffi.string(getattr(lib, name)).decode() == value
        assert getattr(llamacffi, name).decode() == value


def test_every_enumerator_and_macro_is_there() -> None:
    text = header_text()
    names: set[str] = set()
    for body in re.findall(r"\benum\b[\w\s]*\{(.*?)\}", text, re.DOTALL):
        names.update(re.findall(r"(?:^|,)\s*([A-Za-z_]\w*)", re.sub(r"\([^()]*\)", "", body)))
    assert len(names) > 400
    names.update(re.findall(r"^#define +((?:LLAMA|GGML|GGUF)_\w+) +\(?-?(?:0x)?[0-9]", text, re.MULTILINE))
    assert sorted(name for name in names if not hasattr(lib, name)) == []


def structs() -> Iterator[tuple[str, ffi.CType]]:
    """Every struct and union with known fields, by its C name."""
    typedefs, tagged_structs, tagged_unions = ffi.list_types()
    tagged = [f"struct {name}" for name in tagged_structs] + [f"union {name}" for name in tagged_unions]
    for name in [*typedefs, *tagged]:
        type_ = ffi.typeof(name)
        if type_.kind in ("struct", "union") and is_complete(type_) and not is_ours(name.split()[-1]):
            yield name, type_


def is_complete(type_: ffi.CType) -> bool:
    try:
        ffi.sizeof(type_)
    except ffi.error:
        return False
    return True


def test_sizes_of_structs(ask_c: Any) -> None:
    sizes = {name: ffi.sizeof(type_) for name, type_ in structs()}
    assert len(sizes) > 40
    assert sizes == dict(zip(sizes, ask_c([f"sizeof({name})" for name in sizes])))


def test_offsets_and_sizes_of_fields(ask_c: Any) -> None:
    known: dict[str, int] = {}
    for name, type_ in structs():
        for field_name, field in type_.fields:
            if field_name and field.bitsize < 0:  # C can't ask about unnamed fields and bit-fields
                known[f"offsetof({name}, {field_name})"] = field.offset
                known[f"sizeof((({name} *)0)->{field_name})"] = ffi.sizeof(field.type)
    assert len(known) > 600
    assert known == dict(zip(known, ask_c(list(known))))


def test_no_field_is_left_out() -> None:
    """Between the fields of a struct there is no more room than alignment explains."""
    for name, type_ in structs():
        end = 0
        for field_name, field in type_.fields if type_.kind == "struct" else ():
            gap = field.offset - end
            assert gap < ffi.alignof(field.type), f"{gap} bytes before {name}.{field_name}"
            end = field.offset + ffi.sizeof(field.type)
        if type_.kind == "struct":
            assert ffi.sizeof(type_) - end < ffi.alignof(type_), f"{ffi.sizeof(type_) - end} bytes at the end of {name}"


def test_bit_fields_hold_values() -> None:
    for name, type_ in structs():
        for field_name, field in type_.fields:
            if field.bitsize >= 0:
                value = ffi.new(f"{name} *")
                setattr(value, field_name, 1)
                assert getattr(value, field_name) == 1


def test_kinds_of_numbers_in_structs(ask_c: Any) -> None:
    """Whether a number has a sign and a fraction; its size is tested above."""
    known: dict[str, int] = {}
    for name, type_ in structs():
        for field_name, field in type_.fields:
            if field_name and field.type.kind == "primitive" and field.bitsize < 0:
                c_type = f"__typeof__((({name} *)0)->{field_name})"
                known[f"(({c_type})-1) < 0"] = value_of(field.type, -1) < 0
                known[f"(({c_type})1.5) * 2"] = int(value_of(field.type, 1.5) * 2)
    assert len(known) > 300
    assert known == dict(zip(known, ask_c(list(known))))


def value_of(type_: ffi.CType, number: float) -> Any:
    """What Python reads where this number was written, cast to the type."""
    return ffi.new(ffi.getctype(type_, "*"), ffi.cast(type_, number))[0]


def test_a_struct_given_as_a_dict_is_zero_where_the_dict_says_nothing() -> None:
    memory = ffi.new("char[]", 1 << 16)
    full = ffi.new("struct ggml_init_params *", {"mem_size": 1 << 16, "mem_buffer": memory, "no_alloc": True})
    # What the first call leaves on the stack, the second would take up.
    lib.ggml_free(lib.ggml_init(full[0]))
    context = lib.ggml_init({"mem_size": 1 << 15})
    assert not lib.ggml_get_no_alloc(context)
    assert lib.ggml_get_mem_buffer(context) != memory
    lib.ggml_free(context)
