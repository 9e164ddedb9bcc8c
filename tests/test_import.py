"""What importing does and does not do, and how the backends are found and loaded."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import llamacffi
from fixture_types import Run

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")

# Prints the names of the backends that are loaded once a device is needed.
BACKENDS = """
from llamacffi import backends, lib
lib.ggml_backend_dev_count()
print(*(backend.name for backend in backends.backends()))
"""

# Prints the files of this process's memory map that have "ggml" in their name.
MAPPED = """
def mapped():
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return {line.split(None, 5)[5].rstrip() for line in maps if "ggml" in line.rpartition("/")[2]}
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the installed package, in a folder with spaces and letters that are not ASCII."""
    package = tmp_path / "a folder, größer 日本" / "llamacffi"
    shutil.copytree(Path(llamacffi.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package


def modules_of(package: Path, name: str) -> list[Path]:
    """The files of a backend in a copy of the package."""
    found = list((package / "lib").glob(f"*ggml-{name}*"))
    return [path for path in found if "llamacffi-" not in path.name]


# --- import -------------------------------------------------------------------------------------------------------


def test_prints_nothing(run_python: Run) -> None:
    done = run_python("-W", "error", "-c", "import llamacffi")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@linux_only
def test_loads_no_backend(run_python: Run) -> None:
    code = (
        f"{MAPPED}\nimport llamacffi\nnames = {{path.rpartition('/')[2] for path in mapped()}}\nprint(*sorted(names))"
    )
    done = run_python("-c", code)
    assert done.stdout.split() == ["libllamacffi-ggml-base.so", "libllamacffi-ggml.so"]
    used = run_python("-c", f"{code}; llamacffi.lib.ggml_backend_dev_count(); print(*mapped())")
    assert "libggml-cpu" in used.stdout


def test_imports_nothing_else(run_python: Run) -> None:
    done = run_python(
        "-c", "import sys; before = set(sys.modules); import llamacffi; print(*set(sys.modules) - before)"
    )
    others = {name for name in done.stdout.split() if name.partition(".")[0] != "llamacffi"}
    assert "llamacffi" in done.stdout.split()
    # What the interpreter has built in, and PyPy has with any extension.
    assert others <= {"__future__", "_cffi_backend", "atexit", "faulthandler", "cpyext"}


def test_runs_no_thread_and_starts_no_process(run_python: Run) -> None:
    code = """
import os, threading
import llamacffi
assert threading.active_count() == 1
if os.path.isdir("/proc/self/task"):
    assert len(os.listdir("/proc/self/task")) == 1
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child")
"""
    assert run_python("-c", code).stdout == "no child\n"


def test_works_without_standard_streams(run_python: Run) -> None:
    code = (
        "import sys; sys.stdout = sys.stderr = None; import llamacffi; assert not llamacffi.lib.ggml_backend_cuda_reg()"
    )
    assert run_python("-c", code, LLAMACFFI_BACKENDS="cpu").returncode == 0


def test_everything_is_in_python_mode_optimized_and_isolated(run_python: Run) -> None:
    done = run_python("-I", "-OO", "-c", BACKENDS)
    assert done.returncode == 0, done.stderr
    assert "cpu" in done.stdout.split()


# --- which backends -----------------------------------------------------------------------------------------------


def test_all_backends_are_loaded_and_the_cpu_last(run_python: Run) -> None:
    names = run_python("-c", BACKENDS).stdout.split()
    assert "rpc" in names
    assert names[-1] == "cpu"


@pytest.mark.parametrize(
    ("asked", "names"),
    [("cpu", ["cpu"]), ("rpc", ["rpc", "cpu"]), (" RPC , cpu", ["rpc", "cpu"]), ("cpu,cpu", ["cpu"]), (",", ["cpu"])],
)
def test_selected_backends(run_python: Run, asked: str, names: list[str]) -> None:
    done = run_python("-c", BACKENDS, LLAMACFFI_BACKENDS=asked)
    assert done.stdout.split() == names


def test_unknown_backend_is_named_with_those_there_are(run_python: Run) -> None:
    code = """
import llamacffi
for _ in range(2):
    try:
        llamacffi.ggml_backend_dev_count()
    except llamacffi.BackendError as error:
        print(error)
"""
    done = run_python("-c", code, LLAMACFFI_BACKENDS="cpu,warp")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
    for line in done.stdout.splitlines():
        assert line.startswith("LLAMACFFI_BACKENDS=cpu,warp: there is no backend 'warp' in ")
        assert line.endswith("only cpu, rpc")


def test_unknown_backend_through_lib(run_python: Run) -> None:
    code = """
from llamacffi import last_error, lib
for function in (lib.ggml_backend_dev_count, lib.llama_supports_gpu_offload):
    assert not function()
    print(type(last_error()).__name__, last_error())
"""
    done = run_python("-c", code, LLAMACFFI_BACKENDS="warp")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("BackendError LLAMACFFI_BACKENDS=warp: there is no backend 'warp'") == 2


def test_unknown_backend_on_the_command_line(run_python: Run) -> None:
    done = run_python("-m", "llamacffi", "info", LLAMACFFI_BACKENDS="warp")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("llamacffi: LLAMACFFI_BACKENDS=warp: there is no backend 'warp'")
    assert done.stderr.count("\n") == 1


def test_function_of_a_backend_that_is_left_out(run_python: Run) -> None:
    code = """
import llamacffi
try:
    llamacffi.ggml_backend_rpc_reg()
except llamacffi.BackendError as error:
    print(error)
"""
    done = run_python("-c", code, LLAMACFFI_BACKENDS="cpu")
    assert "ggml_backend_rpc_reg needs the rpc backend" in done.stdout
    assert "LLAMACFFI_BACKENDS=cpu leaves it out" in done.stdout


def test_one_more_module_as_in_llama_cpp(run_python: Run, copied: Path) -> None:
    (rpc,) = modules_of(copied, "rpc")
    code = "from llamacffi import ffi, lib; print(bool(lib.ggml_backend_reg_by_name(b'RPC')))"
    assert run_python("-c", code, LLAMACFFI_BACKENDS="cpu").stdout == "False\n"
    assert run_python("-c", code, LLAMACFFI_BACKENDS="cpu", GGML_BACKEND_PATH=str(rpc)).stdout == "True\n"


def test_first_calls_from_many_threads_load_once(run_python: Run) -> None:
    code = """
import logging, threading
from llamacffi import backends, lib
logging.basicConfig(level=logging.INFO)
ready, counts = threading.Barrier(16), []

def call():
    ready.wait()
    counts.append(lib.ggml_backend_reg_count())

threads = [threading.Thread(target=call) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert counts == [len(backends.backends())] * 16, counts
"""
    for _ in range(3):
        done = run_python("-c", code)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("loaded CPU backend") == 1
        assert done.stderr.count("loaded RPC backend") == 1


# --- what is never loaded, and what is broken ---------------------------------------------------------------------


@linux_only
@pytest.mark.parametrize(
    "call",
    [
        "llama_backend_init()",
        "llama_supports_gpu_offload()",
        "ggml_backend_dev_count()",
        "ggml_backend_load_all()",
        "ggml_backend_load_all_from_path(llamacffi.ffi.NULL)",
    ],
)
@pytest.mark.parametrize("name", ["libggml-cpu.so", "libggml-cpu-best.so", "libllamacffi-ggml-base.so"])
def test_nothing_is_loaded_from_the_current_folder(run_python: Run, tmp_path: Path, call: str, name: str) -> None:
    module = modules_of(Path(llamacffi.__file__).parent, "cpu")[0]
    shutil.copy(module, tmp_path / name)  # a real module, so that it would load
    done = run_python("-c", f"{MAPPED}\nimport llamacffi\nllamacffi.lib.{call}\nprint(*mapped(), sep='\\n')")
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert [path for path in done.stdout.splitlines() if path.startswith(str(tmp_path))] == []


def test_corrupt_cpu_module(run_python: Run, copied: Path) -> None:
    for module in modules_of(copied, "cpu"):
        module.write_bytes(b"not a library")
    code = """
import llamacffi
try:
    llamacffi.llama_supports_gpu_offload()
except llamacffi.BackendError as error:
    print(error)
"""
    done = run_python("-c", code, PYTHONPATH=str(copied.parent), LLAMACFFI_BACKENDS="cpu")
    assert done.stdout.startswith(f"the CPU backend in {copied / 'lib'} does not load: ")
    assert "libggml-cpu" in done.stdout  # the dynamic linker's own words
    assert (done.returncode, done.stderr) == (0, "")


def test_cpu_module_missing(run_python: Run, copied: Path) -> None:
    for module in modules_of(copied, "cpu"):
        module.unlink()
    done = run_python("-m", "llamacffi", "info", PYTHONPATH=str(copied.parent))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"llamacffi: there is no CPU backend in {copied / 'lib'}")
    assert "install again" in done.stderr


def test_another_corrupt_module_is_left_out(run_python: Run, copied: Path) -> None:
    (rpc,) = modules_of(copied, "rpc")
    rpc.write_bytes(b"not a library")
    done = run_python("-c", BACKENDS, PYTHONPATH=str(copied.parent))
    assert done.stdout.split() == ["cpu"]
    assert "llamacffi: the rpc backend is left out: " in done.stderr


def test_function_that_the_module_lacks(run_python: Run, copied: Path) -> None:
    """A module of another llama.cpp: the name of one that has no such function."""
    (rpc,) = modules_of(copied, "rpc")
    rpc.rename(rpc.with_name(rpc.name.replace("rpc", "blas")))
    code = """
import llamacffi
try:
    llamacffi.ggml_backend_blas_init()
except llamacffi.BackendError as error:
    print(error)
"""
    done = run_python("-c", code, PYTHONPATH=str(copied.parent))
    assert "ggml_backend_blas_init: the blas backend in " in done.stdout
    assert "has no such function" in done.stdout


# --- where the package is -----------------------------------------------------------------------------------------


# PyPy itself does not start with such letters in PYTHONPATH and none in the locale.
LOCALES = ["C.UTF-8", "C"] if sys.implementation.name == "cpython" else ["C.UTF-8"]


@pytest.mark.parametrize("locale", LOCALES)
def test_package_can_be_moved(run_python: Run, copied: Path, locale: str) -> None:
    code = "import llamacffi, os; os.write(1, os.fsencode(llamacffi.__file__) + b'\\n'); llamacffi.llama_backend_init()"
    env = {"PYTHONPATH": str(copied.parent), "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run_python("-c", f"{code}\n{BACKENDS}", **env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(copied / "__init__.py")
    assert done.stdout.splitlines()[1].endswith("cpu")


def test_folder_of_the_package_is_only_read(run_python: Run, copied: Path, model_path: str) -> None:
    def snapshot() -> dict[Path, tuple[int, int]]:
        found = {path: path.stat() for path in copied.rglob("*")}
        return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}

    before = snapshot()
    for path in [copied, *copied.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        command = ["-B", "-m", "llamacffi", "generate", "-m", model_path, "-p", "1, 2, 3, 4,", "-n", "2", "--temp", "0"]
        done = run_python(*command, PYTHONPATH=str(copied.parent))
    finally:
        for path in [copied, *copied.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.stdout == " 5\n"
    assert snapshot() == before


def test_paths_are_absolute(run_python: Run, copied: Path) -> None:
    """The package may be imported over a relative path, and the program change its folder before the first call."""
    code = f"import os, llamacffi; os.chdir({os.sep!r})\n{BACKENDS}\nprint(llamacffi.get_include())"
    done = run_python("-c", code, PYTHONPATH=".", cwd=copied.parent)
    names, include = done.stdout.splitlines()
    assert names.endswith("cpu")
    assert include == str(copied / "include")
    assert (copied / "include" / "llama.h").is_file()
