"""Builds what the package needs from llama.cpp's source: its libraries (CMake), the declarations (tools/header_gen)
and the extension (build_ffi.py). All static metadata is in pyproject.toml.

Environment: `LLAMACFFI_SOURCE_DIR`, a llama.cpp tree of your own to build instead of the pinned one; for `CMAKE_ARGS`
and `LLAMACFFI_CPU_VARIANTS` see tools/native_build.py.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import build_ffi  # noqa: E402

import manifest  # noqa: E402
import native_build  # noqa: E402
import vendor  # noqa: E402

del sys.path[:2]  # what runs after us must find its own modules

# The stable ABI: one wheel for every CPython from 3.9 on. Free-threaded CPython has none, and PyPy is not CPython.
ABI3 = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

# cffi's casts between const and plain pointers are as it means them to be, and what is deprecated is there, too.
C_FLAGS = ["-O1", "-w"]
CXX_FLAGS = ["-O2", "-std=c++17", "-fvisibility=hidden", "-Wno-deprecated-declarations"]


class BuildExtension(build_ext):
    def run(self) -> None:
        try:
            source, commit = vendor.choose(ROOT)
            installed = native_build.build(source, commit, ROOT / "build")
            generated = ROOT / "build" / "generated"
            self._generate(source, generated)
            self._prepare(self.extensions[0], generated, installed)
        except (vendor.VendorError, native_build.BuildError) as error:
            raise SystemExit(f"llamacffi: {error}") from None
        super().run()
        package = Path(self.get_ext_fullpath(build_ffi.MODULE)).parent
        for name in ("lib", "include", "licenses"):
            shutil.rmtree(package / name, ignore_errors=True)
            shutil.copytree(installed / name, package / name)
        for name in ("api.json", "reference.txt"):
            shutil.copy(generated / name, package)
        facts = manifest.facts(source, native_build.llama_version(installed), commit)
        manifest.write(package / "manifest.json", facts)

    def _generate(self, source: Path, out: Path) -> None:
        command = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(source), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
        if done.returncode:
            raise native_build.BuildError(done.stderr.strip() or f"header_gen failed with status {done.returncode}")
        print(done.stdout.strip(), flush=True)

    def _prepare(self, extension: Extension, generated: Path, installed: Path) -> None:
        """Tell the compiler about what exists only now."""
        code = Path(self.build_temp) / f"{build_ffi.MODULE}.c"
        code.parent.mkdir(parents=True, exist_ok=True)
        build_ffi.emit(generated, code)
        extension.sources = [str(code), *(os.path.relpath(path) for path in build_ffi.cxx_sources(generated))]
        headers = [*generated.glob("*.h*"), *build_ffi.NATIVE.glob("*.h*"), *build_ffi.NATIVE.glob("checks/*.hpp")]
        extension.depends = list(map(str, headers))
        extension.include_dirs = [str(installed / "include"), str(build_ffi.NATIVE), str(generated)]
        extension.library_dirs = [str(installed / "lib")]
        extension.libraries = sorted(
            {path.stem.replace("lib", "", 1) for path in (installed / "lib").glob("*llamacffi-*")}
        )

    def build_extensions(self) -> None:
        compile_one = getattr(self.compiler, "_compile", None)
        if compile_one and self.compiler.compiler_type == "unix":  # which has one list of flags for both languages

            def with_flags(obj: str, src: str, ext: str, cc_args: Any, extra: list[str], pp_opts: Any) -> None:
                compile_one(obj, src, ext, cc_args, [*extra, *(CXX_FLAGS if ext == ".cpp" else C_FLAGS)], pp_opts)

            self.compiler._compile = with_flags
            # PyPy does not say how C++ is compiled and linked.
            cxx = shlex.split(os.environ.get("CXX", "")) or ["c++"]
            for step, like in (
                ("compiler_cxx", "compiler"),
                ("compiler_so_cxx", "compiler_so"),
                ("linker_so_cxx", "linker_so"),
            ):
                if not getattr(self.compiler, step, None):
                    setattr(self.compiler, step, [*cxx, *getattr(self.compiler, like)[1:]])
        if shutil.which("ccache") and self.compiler.compiler_type == "unix":
            for step in ("compiler_so", "compiler_so_cxx"):
                command = getattr(self.compiler, step, None)
                if command and "ccache" not in Path(command[0]).name:
                    setattr(self.compiler, step, ["ccache", *command])
        super().build_extensions()


class SourceDistribution(sdist):
    """Carries llama.cpp's source, so that installing from it downloads nothing."""

    def run(self) -> None:
        try:
            vendor.obtain(ROOT)
        except vendor.VendorError as error:
            raise SystemExit(f"llamacffi: {error}") from None
        super().run()


def extension() -> Extension:
    """The extension, as far as it is known before the build."""
    unix = sys.platform != "win32"
    origin = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
    return Extension(
        build_ffi.MODULE,
        sources=[],
        py_limited_api=ABI3,
        extra_compile_args=["-g0"] if unix else ["/std:c++17", "/EHsc"],
        extra_link_args=[f"-Wl,-rpath,{origin}/lib"] if unix else [],
    )


setup(
    ext_modules=[extension()],
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    options={"bdist_wheel": {"py_limited_api": "cp39"}} if ABI3 else {},
    # The GPU backends' wheels in backends/, each for this very version.
    extras_require={
        "vulkan": [f"llamacffi-vulkan=={manifest.package_version()}"],
        "cuda13": [f"llamacffi-cuda13=={manifest.package_version()}"],
    },
)
