"""tools/native_build.py, over a small CMake project of llama.cpp's outline: what it builds, and how it fails."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import native_build

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the small project is for GCC and Clang")

CMAKE = """
cmake_minimum_required(VERSION 3.21)
project(small C CXX)
option(GGML_BACKEND_DL "" OFF)
option(SMALL_BREAKS "" OFF)
if(SMALL_BREAKS)
    message(FATAL_ERROR "the small project was told to break")
endif()
add_library(ggml-base SHARED base.c)
add_library(ggml SHARED ggml.c)
add_library(llama SHARED llama.c)
target_link_libraries(llama ggml ggml-base)
target_include_directories(llama PRIVATE include internal)
target_include_directories(ggml PUBLIC internal)
set(modules)
foreach(variant score IN ZIP_LISTS variants scores)
    add_library(ggml-cpu-${variant}-feats OBJECT feats.c)
    target_compile_definitions(ggml-cpu-${variant}-feats PRIVATE SCORE=${score})
    set_target_properties(ggml-cpu-${variant}-feats PROPERTIES POSITION_INDEPENDENT_CODE ON)
    add_library(ggml-cpu-${variant} MODULE module.c $<TARGET_OBJECTS:ggml-cpu-${variant}-feats>)
    list(APPEND modules ggml-cpu-${variant})
endforeach()
add_library(ggml-blas MODULE module.c)
list(APPEND modules ggml-blas)
foreach(module IN LISTS modules)
    target_link_libraries(${module} ggml-base)
    add_dependencies(ggml ${module})
endforeach()
set(GGML_AVAILABLE_BACKENDS "${modules}" CACHE INTERNAL "")
"""


# As much of upstream as what we compile into its libraries looks at.
LLAMA_H = """
#pragma once
#include <stdbool.h>
#define LLAMA_API
struct llama_model;
"""
GGML_BACKEND_H = """
extern "C" {
void ggml_backend_load_all(void);
void ggml_backend_load_all_from_path(const char * folder);
void * ggml_backend_reg_by_name(const char * name);
}
"""
GGML_C = """
void * ggml_backend_reg_by_name(const char * name) { return 0; }
void llamacffi_upstream_load_all_from_path(const char * folder) {}
"""
LLAMA_MODEL_H = """
#include <string>
#include <utility>
#include <vector>
struct ggml_backend_buffer { struct { void (*get_tensor)(); } iface; };
typedef ggml_backend_buffer * ggml_backend_buffer_t;
struct ggml_tensor { ggml_tensor * view_src; ggml_backend_buffer * buffer; void * data; };
struct llama_model { std::vector<std::pair<std::string, ggml_tensor *>> tensors_by_name; };
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The small project, in a folder whose name has spaces and letters beyond ASCII."""
    folder = tmp_path / "llama côpy"
    (folder / "include").mkdir(parents=True)
    (folder / "include" / "llama.h").write_text(LLAMA_H)
    (folder / "internal").mkdir()
    (folder / "internal" / "llama-model.h").write_text(LLAMA_MODEL_H)
    (folder / "internal" / "ggml-backend-impl.h").write_text("")
    (folder / "internal" / "ggml-backend.h").write_text(GGML_BACKEND_H)
    (folder / "LICENSE").write_text("small licence\n")
    lists = "set(variants old best alien)\nset(scores 1 7 0)\n"
    (folder / "CMakeLists.txt").write_text(CMAKE.replace("set(modules)", lists + "set(modules)"))
    (folder / "base.c").write_text("int ggml_base(void) { return 1; }\n")
    (folder / "ggml.c").write_text(GGML_C)
    (folder / "llama.c").write_text("int ggml_base(void);\nint llama(void) { return ggml_base(); }\n")
    (folder / "module.c").write_text("int ggml_backend_init(void) { return 0; }\n")
    (folder / "feats.c").write_text("int ggml_backend_score(void) { return SCORE; }\n")
    return folder


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment without what would change a build, and with this interpreter's cmake and ninja.

    Of what we compile into libllama there is one file: the others look at more of upstream's headers.
    """
    native = shutil.copytree(native_build.NATIVE, tmp_path / "native", ignore=shutil.ignore_patterns("internal_*"))
    package = tmp_path / "llamacffi"  # the version is read there
    package.mkdir()
    shutil.copy(native_build.NATIVE.parent / "llamacffi" / "__init__.py", package)
    monkeypatch.setattr(native_build, "NATIVE", native)
    for name in ("CMAKE_ARGS", "CMAKE_GENERATOR", "LLAMACFFI_CPU_VARIANTS", "CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return monkeypatch


def libraries(installed: Path) -> list[str]:
    return sorted(path.stem.replace("lib", "", 1) for path in (installed / "lib").iterdir())


CORE = ["llamacffi-ggml", "llamacffi-ggml-base", "llamacffi-llama"]


@pytest.mark.usefixtures("environment")
def test_builds_the_core_and_the_variant_with_the_best_score(source: Path, tmp_path: Path) -> None:
    installed = native_build.build(source, "abc123", tmp_path / "out")
    assert libraries(installed) == ["ggml-blas", "ggml-cpu-best", *CORE]
    assert (installed / "include" / "llama.h").is_file()
    assert (installed / "licenses" / "llama.cpp-LICENSE").read_text() == "small licence\n"


def test_builds_the_variants_that_are_asked_for(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LLAMACFFI_CPU_VARIANTS", "all")
    everything = native_build.build(source, "abc123", tmp_path / "out")
    assert libraries(everything) == ["ggml-blas", "ggml-cpu-alien", "ggml-cpu-best", "ggml-cpu-old", *CORE]
    # In the same folder, where the others still lie.
    environment.setenv("LLAMACFFI_CPU_VARIANTS", "old, alien")
    some = native_build.build(source, "abc123", tmp_path / "out")
    assert libraries(some) == ["ggml-blas", "ggml-cpu-alien", "ggml-cpu-old", *CORE]


def test_an_unknown_variant_is_named_with_the_known_ones(
    source: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("LLAMACFFI_CPU_VARIANTS", "pentium")
    with pytest.raises(native_build.BuildError, match=r"pentium.*old, best, alien"):
        native_build.build(source, "abc123", tmp_path / "out")


def test_no_cmake(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PATH", str(tmp_path))
    with pytest.raises(native_build.BuildError, match="pip install cmake"):
        native_build.build(source, "abc123", tmp_path / "out")


@pytest.mark.parametrize("missing", ["CC", "CXX"])
def test_no_compiler(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch, missing: str) -> None:
    environment.setenv(missing, "/no/such/compiler")
    with pytest.raises(native_build.BuildError, match=rf"/no/such/compiler.*apt install g\+\+.*{missing}"):
        native_build.build(source, "abc123", tmp_path / "out")


def test_no_compiler_on_the_path(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("cmake", "ninja"):
        program = shutil.which(name)
        assert program
        (tools / name).symlink_to(program)
    environment.setenv("PATH", str(tools))
    with pytest.raises(native_build.BuildError, match="no C compiler was found"):
        native_build.build(source, "abc123", tmp_path / "out")


def test_arguments_that_cannot_be_split(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CMAKE_ARGS", '-DX="')
    with pytest.raises(native_build.BuildError, match="CMAKE_ARGS"):
        native_build.build(source, "abc123", tmp_path / "out")


def test_cmake_arguments_reach_cmake_and_its_failure_is_shown(
    source: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CMAKE_ARGS", "-DSMALL_BREAKS=ON")
    with pytest.raises(native_build.BuildError) as failure:
        native_build.build(source, "abc123", tmp_path / "out")
    assert "the small project was told to break" in str(failure.value)
    log = Path(str(failure.value).rpartition("The whole log: ")[2])
    assert "told to break" in log.read_text()


def test_backends_must_be_modules(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CMAKE_ARGS", "-DGGML_BACKEND_DL=OFF")
    with pytest.raises(native_build.BuildError, match="GGML_BACKEND_DL"):
        native_build.build(source, "abc123", tmp_path / "out")


@pytest.mark.usefixtures("environment")
def test_a_compile_error_is_shown_and_mended_by_the_next_run(source: Path, tmp_path: Path) -> None:
    good = (source / "llama.c").read_text()
    (source / "llama.c").write_text("int llama(void) { return nothing; }\n")
    with pytest.raises(native_build.BuildError, match=r"llama\.c:1.*nothing"):
        native_build.build(source, "abc123", tmp_path / "out")
    (source / "llama.c").write_text(good)
    assert "llamacffi-llama" in libraries(native_build.build(source, "abc123", tmp_path / "out"))


@pytest.mark.usefixtures("environment")
def test_not_a_source_tree(tmp_path: Path) -> None:
    with pytest.raises(native_build.BuildError, match=r"not a llama\.cpp source tree"):
        native_build.build(tmp_path / "nothing", "abc123", tmp_path / "out")


@pytest.mark.usefixtures("environment")
def test_one_module_without_the_core(source: Path, tmp_path: Path) -> None:
    options = {"LLAMACFFI_NEIGHBOURS": "../../llamacffi/lib"}
    installed = native_build.build_module("blas", source, "abc123", tmp_path / "out", options)
    assert libraries(installed) == ["ggml-blas"]
    assert (installed / "licenses" / "llama.cpp-LICENSE").is_file()
    assert not (installed / "include").exists()
    assert not list(installed.parent.rglob("*llamacffi-llama*"))
    # Where it looks for the core's libraries.
    assert b"/../../llamacffi/lib" in next((installed / "lib").iterdir()).read_bytes()


@pytest.mark.usefixtures("environment")
def test_a_module_that_there_is_none_of(source: Path, tmp_path: Path) -> None:
    with pytest.raises(native_build.BuildError, match="no warp backend"):
        native_build.build_module("warp", source, "abc123", tmp_path / "out", {})


@pytest.mark.usefixtures("environment")
def test_the_version_of_a_llama_cpp_that_has_none(source: Path, tmp_path: Path) -> None:
    installed = native_build.build_module("blas", source, "abc123", tmp_path / "out", {})
    assert native_build.llama_version(installed) == "unknown"
    lists = source / "CMakeLists.txt"
    lists.write_text(lists.read_text().replace("set(modules)", "set(LLAMA_VERSION 7.8)\nset(modules)"))
    installed = native_build.build_module("blas", source, "abc123", tmp_path / "out", {})
    assert native_build.llama_version(installed) == "7.8"


def test_a_project_within_finds_ninja_anew(source: Path, tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """As Vulkan's shader generator, when pip's isolated environment of an earlier build is gone."""
    (source / "gen").mkdir()
    (source / "gen" / "gen.c").write_text("int gen(void) { return 3; }\n")
    (source / "gen" / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(gen C)\nadd_library(gen STATIC gen.c)\n"
    )
    with open(source / "CMakeLists.txt", "a") as file:
        file.write(
            "include(ExternalProject)\n"
            'ExternalProject_Add(gen SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/gen INSTALL_COMMAND "" BUILD_ALWAYS TRUE)\n'
            "add_dependencies(ggml-blas gen)\n"
        )
    real, path = shutil.which("ninja"), os.environ["PATH"]
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "ninja").write_text(f'#!/bin/sh\nexec "{real}" "$@"\n')
        (folder / "ninja").chmod(0o755)
        environment.setenv("PATH", f"{folder}{os.pathsep}{path}")
        installed = native_build.build_module("blas", source, "abc123", tmp_path / "out", {})
        assert libraries(installed) == ["ggml-blas"]
        shutil.rmtree(folder)
