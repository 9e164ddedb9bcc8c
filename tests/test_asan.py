"""The extension's own C and C++ under AddressSanitizer and UBSan: no run of it may bring a report.

llama.cpp's libraries are the package's own, and not instrumented. What they do wrong with memory that they allocate, or
that they hand to memcpy and its like, is reported all the same, and a guard has let it come to that.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import pytest

import cycles
import llamacffi
import manifest
import stress
import vendor
from llamacffi import _llamacffi
from pinned import ROOT

PACKAGE = Path(llamacffi.__file__).parent
GENERATOR = ROOT / "tools" / "header_gen"
RUNNER = ROOT / "tests" / "wrong_calls" / "runner.py"

# Without what needs the types of objects that llama.cpp's libraries have made, which keep those to themselves; and
# without enums, whose wrong values are there to be looked at. A report ends the process.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize=vptr,enum", "-fno-sanitize-recover=undefined"]
FLAGS = ["-O0", "-g1", "-w", "-fPIC", *SANITIZERS]
REPORTS = ("ERROR: AddressSanitizer", "runtime error:")

# ASan's operator new ends the process where the real one throws, and the guards catch what it throws.
NEW = """
#include <cstdlib>
#include <new>
void * operator new(size_t size) {
    if (void * memory = std::malloc(size ? size : 1)) return memory;
    throw std::bad_alloc();
}
void * operator new[](size_t size) { return operator new(size); }
void operator delete(void * memory) noexcept { std::free(memory); }
void operator delete[](void * memory) noexcept { std::free(memory); }
void operator delete(void * memory, size_t) noexcept { std::free(memory); }
void operator delete[](void * memory, size_t) noexcept { std::free(memory); }
"""


def runtime(name: str) -> Optional[str]:
    """The file of a library of GCC's."""
    if not shutil.which("gcc"):
        return None
    path = subprocess.run(["gcc", f"-print-file-name={name}"], stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()
    return path if os.path.isabs(path) else None


pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="preloads the sanitizer as Linux does"),
    pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy does not run under AddressSanitizer"),
    pytest.mark.skipif(
        not (runtime("libasan.so") and runtime("libubsan.so") and shutil.which("g++")), reason="needs GCC with libasan"
    ),
]


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        list(map(str, command)), check=True, encoding="utf-8", **options
    )
    return done


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables with which Python runs a copy of the package whose extension is instrumented."""
    folder = tmp_path_factory.mktemp("asan")
    package = folder / "package" / "llamacffi"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    extension = package / Path(_llamacffi.__file__).name
    build(folder, package, extension)
    options = [
        "detect_leaks=0",  # Python leaves much behind at its end; for leaks there is test_memory.py
        "allocator_may_return_null=1",  # as malloc does, asked for the absurd
        "verify_asan_link_order=0",  # our operator new comes before its own
        "alloc_dealloc_mismatch=0",  # for ours is malloc to it
        "handle_segv=0",  # Python's fault handler shows more
    ]
    yield {
        **os.environ,
        "PYTHONPATH": str(package.parent),
        "PYTHONMALLOC": "malloc",  # so that the ends of Python's own buffers are watched, too
        # libstdc++ behind it: libasan looks for its __cxa_throw at the start, and Python has none.
        "LD_PRELOAD": f"{folder / 'new.so'} {runtime('libasan.so')} {runtime('libstdc++.so')}",
        "ASAN_OPTIONS": ":".join(options),
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    shutil.rmtree(folder, ignore_errors=True)


def build(folder: Path, package: Path, extension: Path) -> None:
    """As setup.py does, but instrumented."""
    run(sys.executable, GENERATOR, "--source", vendor.obtain(ROOT), "--out", folder, stdout=subprocess.DEVNULL)
    told = json.loads((package / "manifest.json").read_text("utf-8"))["told"]
    (folder / "told.h").write_text(manifest.told_h(told), "ascii")
    code = folder / "extension.c"
    emit = "import pathlib, sys, build_ffi; build_ffi.emit(*map(pathlib.Path, sys.argv[1:3]))"
    sources = "import pathlib, sys, build_ffi; print(*build_ffi.cxx_sources(pathlib.Path(sys.argv[1])), sep='\\n')"
    run(sys.executable, "-c", emit, folder, code, cwd=ROOT)
    listed = run(sys.executable, "-c", sources, folder, cwd=ROOT, stdout=subprocess.PIPE).stdout.splitlines()
    includes = [folder, ROOT / "src" / "native", package / "include", sysconfig.get_path("include")]
    flags = [*FLAGS, *(f"-I{each}" for each in includes)]
    commands: list[list[object]] = [["gcc", *flags, "-c", code, "-o", folder / "extension.o"]]
    for source in map(Path, listed):
        cxx_flags = [*flags, "-std=c++17", "-fvisibility=hidden"]
        commands.append(["g++", *cxx_flags, "-c", source, "-o", folder / f"{source.stem}.o"])

    def compile_one(command: list[object]) -> None:
        run(*command)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_one, commands))
    (folder / "new.cpp").write_text(NEW, "ascii")
    run("g++", "-shared", "-fPIC", "-O1", "-o", folder / "new.so", folder / "new.cpp")
    libraries = sorted((package / "lib").glob("libllamacffi-*"))
    run("g++", "-shared", *SANITIZERS, "-o", extension, *folder.glob("*.o"), *libraries, "-Wl,-rpath,$ORIGIN/lib")


def reports(output: str) -> list[str]:
    return [line for line in output.splitlines() if any(report in line for report in REPORTS)]


@pytest.mark.parametrize("kind", cycles.CYCLES)
def test_cycles(environment: dict[str, str], kind: str) -> None:
    command = [sys.executable, cycles.__file__, kind, "20"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", errors="replace")
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_calls(environment: dict[str, str]) -> None:
    """Those of two topics: the others take minutes."""
    command = [sys.executable, RUNNER, "gguf.*", "ggml.*"]
    done = subprocess.run(
        list(map(str, command)),
        env=environment,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        timeout=900,
    )
    assert done.returncode == 0
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) > 500
    for result in results:
        assert not reports(result["output"]), f"{result['case']} through {result['tier']}\n{result['output']}"
        assert result["status"] in (0, 1), result


def test_random_calls(environment: dict[str, str], tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    log = tmp_path / "calls"
    command = [sys.executable, stress.__file__, "--seed", str(seed), "--child", "20"]
    done = subprocess.run(
        command,
        env={**environment, "STRESS_LOG": str(log)},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=300,
    )
    assert done.returncode == 0, f"from seed {seed}\n{log.read_text()[-2000:]}\n{done.stderr}"
