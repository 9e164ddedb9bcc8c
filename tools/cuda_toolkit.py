"""A CUDA toolkit out of NVIDIA's packages on PyPI, arranged as CMake expects one."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from native_build import BuildError

_PARTS = ("bin", "include", "lib", "nvvm")


def make(source: Path, toolkit: Path, major: int) -> dict[str, str]:
    """Make the tree, of links into the installed packages; one that is there is made anew.

    Args:
        source: llama.cpp's source, which tells what the driver's library must have.
        toolkit: the tree's folder.
        major: CUDA's major version.

    Returns:
        The variables by which CMake finds it.

    Raises:
        BuildError: a package is missing, or the C compiler failed.
    """
    packages = _packages(major)
    shutil.rmtree(toolkit, ignore_errors=True)
    # Real folders: nvcc looks for its parts in those around the link that it was called by.
    for name in ("bin", "include", "nvvm"):
        shutil.copytree(packages / name, toolkit / name, copy_function=os.symlink)
    libraries = toolkit / "lib64"
    libraries.mkdir()
    for path in (packages / "lib").iterdir():
        if path.is_file():
            (libraries / path.name).symlink_to(path)
            if ".so." in path.name:  # a linker looks for the name without a version, which the packages leave out
                (libraries / f"{path.name.partition('.so.')[0]}.so").symlink_to(path)
    _stub(source, libraries / "stubs")
    return {"CMAKE_CUDA_COMPILER": str(toolkit / "bin" / "nvcc"), "CUDAToolkit_ROOT": str(toolkit)}


def _packages(major: int) -> Path:
    """The folder that NVIDIA's packages share."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder, f"cu{major}") for folder in (spec and spec.submodule_search_locations) or []]
    for folder in folders:
        if all((folder / part).is_dir() for part in _PARTS) and (folder / "bin" / "nvcc").is_file():
            return folder
    raise BuildError(
        f"CUDA {major} was not found among the installed Python packages: install what backends/cuda/pyproject.toml "
        "requires for a build, or leave pip's build isolation on"
    )


def _stub(source: Path, folder: Path) -> None:
    """A libcuda to link with. The driver brings the real one, which no package has."""
    code = "\n".join(path.read_text("utf-8") for path in (source / "ggml" / "src" / "ggml-cuda").glob("*.cu*"))
    names = sorted(set(re.findall(r"\b(cu[A-Z]\w+)\s*\(", code)))
    folder.mkdir()
    stub = folder / "stub.c"
    stub.write_text("".join(f"int {name}(void) {{ return 999; }}\n" for name in names), "utf-8")
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    command = [*compiler, "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", str(folder / "libcuda.so"), str(stub)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"compiling a stub of libcuda failed:\n{done.stderr.strip()}")
