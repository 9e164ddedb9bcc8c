"""The headers of earlier llama.cpp releases are taken as they are, back to 2024.

The source distributions that carry them are downloaded once, into the cache folder of tools/demo_model.py.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import carriers
import demo_model
import harness
import pinned
import vendor

# What each release declares that can't be had, and the headers of it that are for C++ alone.
NOWHERE_DEFINED = {
    "0.3.0": {"ggml_threadpool_get_n_threads"},
    "0.3.8": {
        "ggml_backend_opencl_host_buffer_type",
        "ggml_graph_export",
        "ggml_graph_import",
        "ggml_threadpool_get_n_threads",
    },
    "0.3.16": {
        "ggml_backend_opencl_buffer_type",
        "ggml_backend_opencl_host_buffer_type",
        "ggml_threadpool_get_n_threads",
    },
}
NOWHERE_DEFINED["0.3.2"] = {
    "ggml_graph_export",
    "ggml_graph_import",
    "ggml_opt",
    "ggml_opt_default_params",
    "ggml_opt_init",
    "ggml_opt_resume",
    "ggml_opt_resume_g",
    "ggml_threadpool_get_n_threads",
}
NOWHERE_DEFINED["0.3.7"] = NOWHERE_DEFINED["0.3.9"] = NOWHERE_DEFINED["0.3.8"]
NOWHERE_DEFINED["0.3.20"] = NOWHERE_DEFINED["0.3.16"] | {"ggml_backend_hexagon_init"}
NOWHERE_DEFINED["0.3.28"] = NOWHERE_DEFINED["0.3.20"] | {"ggml_backend_cuda_allreduce_tensor"}
NOT_C = {
    **{key: {"ggml-opt.h"} for key in ("0.3.7", "0.3.8", "0.3.9")},
    **{key: {"ggml-openvino.h"} for key in ("0.3.20", "0.3.28")},
}
PINNED = vendor.read_pin(harness.ROOT / "vendor" / "requirements.txt")  # which test_real_headers.py has
PINS = [each.pin for each in carriers.carriers() + carriers.carriers(headers_only=True) if each.pin != PINNED]


@pytest.fixture(scope="module", params=PINS, ids=lambda pin: pin.version)
def pin(request: pytest.FixtureRequest) -> pinned.Pin:
    pin: pinned.Pin = request.param
    return pin


@pytest.fixture(scope="module")
def source(pin: pinned.Pin) -> Path:
    """That release's headers and sources."""
    tree = demo_model.cache_folder() / "carriers" / pin.sha256
    if not tree.exists():
        with pinned.workspace(tree) as work:
            if not tree.exists():  # another process may have been at it
                unpack(pinned.download(pin, work, form="sdist"), work / "tree")
                (work / "tree").rename(tree)
    return tree


def unpack(archive: Path, tree: Path) -> None:
    """The files, no links, that the generator reads; nothing here is unsafe: its hash is pinned."""
    with tarfile.open(archive) as sdist:
        for member in sdist:
            path = PurePosixPath(*PurePosixPath(member.name).parts[3:])  # below NAME-VERSION/vendor/llama.cpp
            if (
                member.isfile()
                and path.match("*.[chm]*")
                and str(path).startswith(("include/", "src/", "ggml/", "tools/"))
            ):
                content = sdist.extractfile(member)
                assert content
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                with open(tree / path, "wb") as copy:
                    shutil.copyfileobj(content, copy)


def test_nothing_is_missing(pin: pinned.Pin, source: Path, table: dict[str, Any]) -> None:
    left_out: dict[str, set[str]] = {"header": set(), "function": set(), "macro": set()}
    for each in table["skipped"]:
        left_out[each["kind"]].add(each["name"])
    assert left_out["header"] == NOT_C.get(pin.version, set())
    assert left_out["function"] == NOWHERE_DEFINED[pin.version]
    functions = {each["name"] for each in table["functions"]} | left_out["function"]
    missing = harness.declared_functions(source, table) - functions
    assert missing <= {"ggml_backend_cpu_hbm_buffer_type"}  # 2024's, inside #ifdef GGML_USE_CPU_HBM


def test_values_are_the_compilers(source: Path, out: Path, table: dict[str, Any], tmp_path: Path) -> None:
    facts = harness.facts(table)
    include = [out, *(source / folder for folder in harness.FOLDERS)]
    assert harness.values_in_c(table, facts, tmp_path, include) == facts


def test_declarations_are_the_headers(source: Path, out: Path, tmp_path: Path) -> None:
    harness.check_declarations(out, tmp_path, [out, *(source / folder for folder in harness.FOLDERS)])


def test_backends_are_modules(pin: pinned.Pin, table: dict[str, Any]) -> None:
    """Also in 2024, when a backend was one file, and the CPU's was a part of the core."""
    modules = {each["name"]: each["module"] for each in table["functions"]}
    assert modules["ggml_backend_cuda_init"] == "cuda"
    assert modules["ggml_backend_cpu_init"] == ("" if pin.version == "0.3.0" else "cpu")
    assert modules["llama_decode"] == modules["ggml_backend_alloc_ctx_tensors"] == ""


def test_cffi_module_compiles(source: Path, out: Path, tmp_path: Path) -> None:
    ffi = harness.builder(source, out, "earlier")
    code = tmp_path / "earlier.c"
    ffi.emit_c_code(str(code))
    folders = [sysconfig.get_paths()["include"], out, *(source / folder for folder in harness.FOLDERS)]
    include = [f"-I{folder}" for folder in folders]
    command = [*harness.CC, "-c", "-O0", "-w", *include, str(code), "-o", str(tmp_path / "earlier.o")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    assert done.returncode == 0, done.stderr
