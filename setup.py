"""Builds what the package needs from llama.cpp's source: its libraries (CMake), the declarations (tools/header_gen)
and the extension (build_ffi.py). All static metadata is in pyproject.toml.

Environment: `LLAMACFFI_SOURCE_DIR`, a llama.cpp tree of your own to build instead of the pinned one; for `CMAKE_ARGS`
and `LLAMACFFI_CPU_VARIANTS` see tools/native_build.py, for `LLAMACFFI_PREFIX`, which builds no llama.cpp at all,
tools/installed.py.
"""

from __future__ import annotations

import json
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
from setuptools.errors import CompileError

ROOT = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import build_ffi  # noqa: E402

import installed  # noqa: E402
import manifest  # noqa: E402
import native_build  # noqa: E402
import vendor  # noqa: E402

del sys.path[:2]  # what runs after us must find its own modules

# The stable ABI: one wheel for every CPython from 3.9 on. Free-threaded CPython has none, and PyPy is not CPython.
ABI3 = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

# cffi's casts between const and plain pointers are as it means them to be, and what is deprecated is there, too.
C_FLAGS = ["-O1", "-w"]
CXX_FLAGS = ["-O2", "-std=c++17", "-fvisibility=hidden", "-Wno-deprecated-declarations"]

# The folders of the package that the native build fills.
SHIPPED = ("lib", "include", "licenses", "cmake", "pkgconfig")


class BuildExtension(build_ext):
    def run(self) -> None:
        try:
            own = installed.find()
            facts = self._prepare_own(own) if own else self._prepare()
        except (vendor.VendorError, native_build.BuildError) as error:
            raise SystemExit(f"llamacffi: {error}") from None
        try:
            super().run()
        except CompileError as error:
            if own is None:
                raise
            raise SystemExit(
                f"{error}\nllamacffi: the checks in src/native do not compile with the headers in {own.include}, of "
                f"llama.cpp {facts['version']}; the compiler's errors are above. It is too old or too new: install "
                "another one, or build without LLAMACFFI_PREFIX"
            ) from None
        package = Path(self.get_ext_fullpath(build_ffi.MODULE)).parent
        for name in SHIPPED:
            shutil.rmtree(package / name, ignore_errors=True)
        for name, source in self._shipped.items():
            shutil.copytree(source, package / name)
        (package / "include" / "llamacffi.h").write_text(build_ffi.include_all(self._generated), "utf-8")
        for earlier in self._generated.glob("llamacffi-earlier.h"):
            shutil.copy(earlier, package / "include")
        for name in ("api.json", "cdef.h", "reference.txt", *(path.name for path in self._generated.glob("*.pyi"))):
            shutil.copy(self._generated / name, package)
        manifest.write(package / "manifest.json", facts)

    def _prepare(self) -> dict[str, Any]:
        """Build llama.cpp, and have the extension linked with that; what manifest.json is to say."""
        source, commit = vendor.choose(ROOT)
        built = native_build.build(source, commit, ROOT / "build")
        self._shipped = {name: built / name for name in SHIPPED}
        libraries = sorted((built / "lib").glob("*llamacffi-*"))
        linked = [f"--linked={name}" for name in native_build.linked(built)]
        told = self._generate(ROOT / "build" / "generated", ["--source", str(source), *linked], libraries)
        extension = self._describe(built / "include", native_build.internal(built))
        extension.library_dirs = [str(built / "lib")]
        extension.libraries = sorted({path.stem.replace("lib", "", 1) for path in libraries})
        if sys.platform != "win32":
            origin = "@loader_path" if sys.platform == "darwin" else "$ORIGIN"
            extension.extra_link_args += [f"-Wl,-rpath,{origin}/lib"]
        return {**manifest.facts(source, native_build.llama_version(built), commit), **told}

    def _prepare_own(self, own: installed.Installed) -> dict[str, Any]:
        """As _prepare, with the user's own libllama."""
        print(f"llamacffi: libllama in {own.library}, its headers in {own.include}", flush=True)
        generated = ROOT / "build" / "generated-prefix"
        libraries = [f"--library={path}" for path in [*own.core, *own.backends]]
        told = self._generate(generated, ["--include", str(own.include), *libraries], own.core)
        self._shipped = {"include": self._copy_headers(own.include)}  # to be compared with others
        extension = self._describe(own.include, [])
        extension.extra_link_args += own.link_arguments()
        facts = told["told"]
        return {
            "version": facts.get("llama_version", "unknown"),
            "commit": facts.get("ggml_commit", "unknown"),
            "abi": "",
            "written_for": manifest.written_for(),
            "prefix": {"include": str(own.include), "library": str(own.library)},
            **told,
        }

    def _copy_headers(self, include: Path) -> Path:
        copies = Path(self.build_temp) / "include"
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir(parents=True)
        for name in json.loads((self._generated / "api.json").read_text("utf-8"))["headers"]:
            if (include / name).exists():  # else it is the generated one
                shutil.copy(include / name, copies)
        return copies

    def _generate(self, out: Path, place: list[str], libraries: list[Path]) -> dict[str, Any]:
        """Generate the declarations; what the libraries tell of themselves."""
        self._generated = out
        command = [sys.executable, str(ROOT / "tools" / "header_gen"), *place, "--out", str(out)]
        command += ["--cdef", str(build_ffi.NATIVE / "ours.cdef.h")]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
        if done.returncode:
            raise native_build.BuildError(done.stderr.strip() or f"header_gen failed with status {done.returncode}")
        print(done.stdout.strip(), flush=True)
        told = manifest.tell(out / "api.json", libraries)
        (out / "told.h").write_text(manifest.told_h(told["told"]), "ascii")
        return told

    def _describe(self, include: Path, internal: list[str]) -> Extension:
        """Tell the compiler about what exists only now; `internal` are the parts of our C++ that libllama has."""
        code = Path(self.build_temp) / f"{build_ffi.MODULE}.c"
        code.parent.mkdir(parents=True, exist_ok=True)
        build_ffi.emit(self._generated, code)
        sources = build_ffi.cxx_sources(self._generated, internal)
        headers = [*self._generated.rglob("*.h*"), *build_ffi.NATIVE.glob("*.h*")]
        extension: Extension = self.extensions[0]
        extension.sources = [str(code), *map(os.path.relpath, sources)]
        extension.depends = list(map(str, headers))
        extension.define_macros += [(f"LLAMACFFI_KNOWS_{part}", None) for part in internal]
        # The checks in src/native are those that header_gen has left of them.
        extension.include_dirs = [str(self._generated), str(build_ffi.NATIVE), str(include)]
        return extension

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
    # A function that the loaded library lacks is to be known at once, and not when it is called.
    now = ["-Wl,-z,now"] if unix and sys.platform != "darwin" else []
    return Extension(
        build_ffi.MODULE,
        sources=[],
        py_limited_api=ABI3,
        extra_compile_args=["-g0"] if unix else ["/std:c++17", "/EHsc"],
        extra_link_args=now,
    )


setup(
    ext_modules=[extension()],
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    options={"bdist_wheel": {"py_limited_api": "cp39"}} if ABI3 else {},
    extras_require={
        "numpy": ["numpy"],
        "cli": ["rich", "prompt_toolkit"],  # for people at a terminal
        # The GPU backends' wheels in backends/, each for this very version.
        "vulkan": [f"llamacffi-vulkan=={manifest.package_version()}"],
        "cuda13": [f"llamacffi-cuda13=={manifest.package_version()}"],
    },
)
