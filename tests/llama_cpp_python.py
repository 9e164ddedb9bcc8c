"""llama-cpp-python as far as it concerns us: its ctypes module and, under upstream's names, libraries of its own.

Both come from the source distribution that carries llama.cpp. Installing it would compile for ten minutes and more;
what is loaded into the process is the same here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import vendor
from pinned import ROOT, download, workspace

# What its users have: one CPU backend that is linked with the rest, and shared libraries. It need not be fast.
OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_C_FLAGS_RELEASE": "-O1 -DNDEBUG",
    "CMAKE_CXX_FLAGS_RELEASE": "-O1 -DNDEBUG",
    "BUILD_SHARED_LIBS": "ON",
    "GGML_NATIVE": "OFF",
    "LLAMA_BUILD_APP": "OFF",
    "LLAMA_BUILD_COMMON": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_SERVER": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_TOOLS": "OFF",
}


def obtain() -> Path:
    """The folder from which `llama_cpp.llama_cpp` can be imported; made in build/, once."""
    pin = vendor.read_pin(ROOT / "vendor" / "requirements.txt")
    target = ROOT / "build" / f"{pin.carrier}-{pin.version}"
    with workspace(target) as work:
        if not target.exists():
            fresh = work / "fresh"
            fresh.mkdir()
            # The ctypes module and what it needs, without the package's face, which imports NumPy.
            archive = download(pin, work, form="sdist")
            unpack(archive, fresh, "llama_cpp/llama_cpp.py", "llama_cpp/_ctypes_extensions.py")
            (fresh / "llama_cpp" / "__init__.py").touch()
            (fresh / "typing_extensions.py").write_text("TypeAlias = object  # all that is used of it\n")
            libraries = _compile(target.with_name(f"{target.name}-libraries"))
            shutil.copytree(libraries, fresh / "llama_cpp" / "lib", symlinks=True)
            fresh.rename(target)
    return target


def unpack(archive: Path, folder: Path, *patterns: str) -> None:
    """Take the files out of a source distribution whose paths within it match one of the patterns."""
    with tarfile.open(archive) as sdist:
        for member in sdist:
            name = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if any(map(name.match, patterns)):
                file = sdist.extractfile(member)
                assert file
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(file.read())


def _compile(folder: Path) -> Path:
    """Build llama.cpp in `folder`; where the libraries are."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake = shutil.which("cmake", path=path)
    assert cmake, "the tests need CMake"
    options = [f"-D{name}={value}" for name, value in OPTIONS.items()]
    if shutil.which("ninja", path=path):
        options += ["-G", "Ninja"]
    if shutil.which("ccache"):
        options += ["-DCMAKE_C_COMPILER_LAUNCHER=ccache", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"]
    # The compiler cache serves any clone of the repository.
    env = {**os.environ, "PATH": path, "CCACHE_BASEDIR": str(ROOT)}
    for command in (
        ["-S", str(vendor.obtain(ROOT)), "-B", str(folder), *options],
        ["--build", str(folder), "--config", "Release", "--target", "llama", "--parallel"],
    ):
        done = subprocess.run([cmake, *command], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder / "bin"
