"""What programs in C, C++ and Cython and other cffi modules need to build on this package."""

from __future__ import annotations

import os
import sys

from .errors import LlamaError
from .native import PACKAGE, get_include, get_library_dir, user_prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    from cffi import FFI

    class ExtensionOptions(TypedDict):
        """What `extension_options` returns.

        Attributes:
            include_dirs, library_dirs: folders of headers and libraries.
            libraries: the libraries' names.
            extra_link_args: by which the libraries are found at run time.
        """

        include_dirs: list[str]
        library_dirs: list[str]
        libraries: list[str]
        extra_link_args: list[str]


__all__ = ["cflags", "extension_options", "ffi_builder", "get_cmake_dir", "get_pkgconfig_dir", "libs"]

# A library before those that it needs, as static linkers want them.
_LIBRARIES = ("mtmd", "llama", "ggml", "ggml-base")


def get_cmake_dir() -> str:
    """The folder of the CMake package, for `cmake -Dllamacffi_DIR=…` and `find_package(llamacffi)`.

    Raises:
        LlamaError: libllama is the user's own (`LLAMACFFI_PREFIX`), and has its own package.
    """
    return _shipped("cmake", "CMake package")


def get_pkgconfig_dir() -> str:
    """The folder of `llamacffi.pc`, for `PKG_CONFIG_PATH`.

    Raises:
        LlamaError: libllama is the user's own (`LLAMACFFI_PREFIX`), and has its own file.
    """
    return _shipped("pkgconfig", "file for pkg-config")


def _shipped(folder: str, what: str) -> str:
    own = user_prefix()
    if own:
        raise LlamaError(f"libllama is the one in {own['library']}, built without this package: use its own {what}")
    return os.path.join(PACKAGE, folder)


def extension_options() -> ExtensionOptions:
    """What a compiled module needs to use the headers and the libraries.

    Returns:
        Keyword arguments for setuptools' `Extension` and for cffi's `FFI.set_source`: `include_dirs`, `library_dirs`,
        `libraries` and `extra_link_args`, by which the module finds the libraries at run time. They name the folders of
        this installation; a wheel of your own needs an rpath relative to the module instead.
    """
    return {
        "include_dirs": _include_dirs(),
        "library_dirs": [get_library_dir()],
        "libraries": _libraries(),
        "extra_link_args": _rpath(),
    }


def cflags() -> list[str]:
    """The arguments for a C compiler, as `python -m llamacffi --cflags` prints them."""
    return [f"-I{folder}" for folder in _include_dirs()]


def libs() -> list[str]:
    """The arguments for linking a program, as `python -m llamacffi --libs` prints them."""
    return [f"-L{get_library_dir()}", *_rpath(), *(f"-l{name}" for name in _libraries())]


def _rpath() -> list[str]:
    # On Windows the folder must be on PATH, or be named to os.add_dll_directory, as importing llamacffi does.
    return [] if sys.platform == "win32" else [f"-Wl,-rpath,{get_library_dir()}"]


def _include_dirs() -> list[str]:
    """llama.cpp's headers, and llamacffi.h."""
    return list(dict.fromkeys([get_include(), os.path.join(PACKAGE, "include")]))


def _libraries() -> list[str]:
    """The names to link with; llama.cpp of before 2025 has no mtmd."""
    prefix = "" if user_prefix() else "llamacffi-"
    files = os.listdir(get_library_dir())
    names = (prefix + name for name in _LIBRARIES)
    return [name for name in names if any(file.startswith((f"lib{name}.", f"{name}.")) for file in files)]


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
    with open(os.path.join(PACKAGE, "cdef.h"), encoding="utf-8") as file:
        builder.cdef(file.read())
    builder.set_source("llamacffi._llamacffi", "")
    return builder
