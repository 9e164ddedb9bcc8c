"""What programs in C, C++ and Cython and other cffi modules need to build on this package."""

from __future__ import annotations

import os
import sys

from .native import get_include, get_library_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cffi import FFI

__all__ = ["cflags", "extension_options", "ffi_builder", "get_cmake_dir", "get_pkgconfig_dir", "libs"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__))

# A library before those that it needs, as static linkers want them.
_LIBRARIES = ("mtmd", "llama", "ggml", "ggml-base")


def get_cmake_dir() -> str:
    """The folder of the CMake package, for `cmake -Dllamacffi_DIR=…` and `find_package(llamacffi)`."""
    return os.path.join(_PACKAGE, "cmake")


def get_pkgconfig_dir() -> str:
    """The folder of `llamacffi.pc`, for `PKG_CONFIG_PATH`."""
    return os.path.join(_PACKAGE, "pkgconfig")


def extension_options() -> dict[str, list[str]]:
    """What a compiled module needs to use the headers and the libraries.

    Returns:
        Keyword arguments for setuptools' `Extension` and for cffi's `FFI.set_source`: `include_dirs`, `library_dirs`,
        `libraries` and `extra_link_args`, by which the module finds the libraries at run time. They name the folders of
        this installation; a wheel of your own needs an rpath relative to the module instead.
    """
    return {
        "include_dirs": [get_include()],
        "library_dirs": [get_library_dir()],
        "libraries": _libraries(),
        "extra_link_args": _rpath(),
    }


def cflags() -> list[str]:
    """The arguments for a C compiler, as `python -m llamacffi --cflags` prints them."""
    return [f"-I{get_include()}"]


def libs() -> list[str]:
    """The arguments for linking a program, as `python -m llamacffi --libs` prints them."""
    return [f"-L{get_library_dir()}", *_rpath(), *(f"-l{name}" for name in _libraries())]


def _rpath() -> list[str]:
    # On Windows the folder must be on PATH, or be named to os.add_dll_directory, as importing llamacffi does.
    return [] if sys.platform == "win32" else [f"-Wl,-rpath,{get_library_dir()}"]


def _libraries() -> list[str]:
    """The names to link with; llama.cpp of before 2025 has no mtmd."""
    files = os.listdir(get_library_dir())
    return [f"llamacffi-{name}" for name in _LIBRARIES if any(f"llamacffi-{name}." in file for file in files)]


def ffi_builder() -> FFI:
    """The builder of another out-of-line module of cffi's that includes this package: `ffi.include(ffi_builder())`.

    That module then has llama.cpp's types, the same as `llamacffi.ffi`, and importing it imports `llamacffi`. Its C
    code must include `llamacffi.h`, which is all of llama.cpp's headers, and be linked with `extension_options()`.

    Returns:
        A new `cffi.FFI` with all declarations; parsing them takes about a second.

    Raises:
        ImportError: cffi's builder or pycparser is not installed.
    """
    import cffi

    builder = cffi.FFI()
    with open(os.path.join(_PACKAGE, "cdef.h"), encoding="utf-8") as file:
        builder.cdef(file.read())
    builder.set_source("llamacffi._llamacffi", "")
    return builder
