"""An installed llama.cpp: headers among others, and the libraries that say which functions there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import harness

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="libraries are made as on Linux")

HEADERS = {
    "llama.h": '#include "ggml.h"\nint llama_decode(struct ggml_context * ctx);\nint llama_gone(void);\n',
    "ggml.h": '#include <stddef.h>\n#include "other.h"\nstruct ggml_context;\nsize_t ggml_size(size_t a);\n'
    "static inline int ggml_inline(int a) { return a; }\n",
    "ggml-backend.h": "int ggml_backend_dev_init(void);\nint ggml_backend_none(void);\n",
    "ggml-cpu.h": "int ggml_backend_cpu_init(void);\nint ggml_cpu_has_avx(void);\nint ggml_cpu_gone(void);\n",
    "ggml-vulkan.h": "int ggml_backend_vk_init(void);\nint ggml_backend_vk_count(void);\n",
    "ggml-cpp.h": "#include <vector>\n",
    "gguf.h": "int gguf_size(void);\n",
    "mtmd.h": "int mtmd_size(void);\n",
    # Other people's.
    "other.h": "int other(void);\n",
    "ggmlike.h": "int ggmlike(void);\n",
}
CODE = {
    "ggml-base": "int ggml_size(unsigned long a) { return a; } int ggml_inner(void) { return 1; }",
    "ggml-cpu": "int ggml_inner(void); int ggml_backend_cpu_init(void) { return ggml_inner(); } "
    "int ggml_cpu_has_avx(void) { return 0; }",
    "ggml": "int ggml_backend_cpu_init(void); int ggml_backend_dev_init(void) { return CPU; } "
    "int gguf_size(void) { return 1; }",
    "llama": "int llama_decode(void * ctx) { return 0; }",
}


def install(folder: Path, linked: bool) -> list[str]:
    """Install in `folder`; header_gen's arguments."""
    (folder / "include").mkdir()
    for name, text in HEADERS.items():
        (folder / "include" / name).write_text(f"#pragma once\n{text}", "ascii")
    for name, code in CODE.items():
        command = [*harness.CC, "-xc", "-shared", "-fPIC", f"-DCPU={'ggml_backend_cpu_init()' if linked else 0}", "-"]
        subprocess.run([*command, "-o", folder / f"lib{name}.so"], input=code, encoding="ascii", check=True)
    return ["--include", str(folder / "include"), *(f"--library={folder / f'lib{name}.so'}" for name in CODE)]


def generated(arguments: list[str], out: Path) -> dict[str, Any]:
    command = [sys.executable, str(harness.ROOT / "tools" / "header_gen"), *arguments, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return harness.read_table(out)


@pytest.mark.parametrize("linked", [True, False], ids=["linked", "modules"])
def test_functions_are_those_that_are_exported(tmp_path: Path, linked: bool) -> None:
    """What is not is left out, but for a backend that may be a module, which has yet to be loaded."""
    table = generated(install(tmp_path, linked), tmp_path / "out")
    assert set(table["headers"]) == {"llama.h", "ggml.h", "ggml-backend.h", "ggml-cpu.h", "ggml-vulkan.h", "gguf.h"}
    found = {each["name"]: each["module"] for each in table["functions"]}
    cpu = {"ggml_backend_cpu_init": "", "ggml_cpu_has_avx": ""}
    if not linked:
        cpu = dict.fromkeys([*cpu, "ggml_cpu_gone"], "cpu")
    core = ["llama_decode", "ggml_size", "ggml_inline", "ggml_backend_dev_init", "gguf_size"]
    vulkan = dict.fromkeys(["ggml_backend_vk_init", "ggml_backend_vk_count"], "vulkan")
    assert found == {**dict.fromkeys(core, ""), **cpu, **vulkan}
    left_out = {each["name"]: each["reason"] for each in table["skipped"] if each["kind"] == "function"}
    missing = {"llama_gone", "ggml_backend_none"} | ({"ggml_cpu_gone"} if linked else set[str]())
    assert left_out == dict.fromkeys(missing, "declared, and exported by none of the libraries")


def test_file_that_is_no_library(tmp_path: Path) -> None:
    arguments = install(tmp_path, linked=True)
    (tmp_path / "libllama.so").write_text("not a library", "ascii")
    command = [sys.executable, str(harness.ROOT / "tools" / "header_gen"), *arguments, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert done.stderr.startswith("header_gen: ")
    assert "libllama.so" in done.stderr
    assert not (tmp_path / "out").exists()


def test_folder_without_headers(tmp_path: Path) -> None:
    arguments = install(tmp_path, linked=True)
    (tmp_path / "include" / "llama.h").unlink()
    command = [sys.executable, str(harness.ROOT / "tools" / "header_gen"), *arguments, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 1
    assert f"llama.h:0: not found in {tmp_path / 'include'}: is that the folder of llama.cpp's headers?" in done.stderr
