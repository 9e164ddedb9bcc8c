"""LLAMACFFI_PREFIX: the package over an installed libllama, and what is said where another one is loaded."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import llamacffi
import upstream
from fixture_types import Run

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="LD_PRELOAD, /proc, libraries' file names")

PACKAGE = Path(llamacffi.__file__).parent
PROGRAMS = Path(__file__).resolve().parents[1] / "examples" / "sdk"
RUNNER = Path(__file__).resolve().parent / "wrong_calls" / "runner.py"

# What no public function tells: llama.cpp itself must notice, or nobody does.
UNKNOWN = {
    "ggml.wrong_reserve_leafs_in_a_buffer_that_is_not_there",
    "llama.wrong_adapter_of_another_model",
    "llama.wrong_negative_position_in_a_batch_ext",
    "llama.wrong_training_of_a_mapped_file",
}

# Libraries for LD_PRELOAD. Other commits and sizes than the loaded ones' and ours.
COMMIT = 'const char * ggml_commit(void) { return "deadbeef0"; }\n'
SIZE = """
#define llama_model_default_params as_declared
#include "llama.h"
#undef llama_model_default_params
struct larger { struct llama_model_params params; void * more[2]; };
struct larger llama_model_default_params(void) {
    struct larger params = {0};
    params.more[1] = &params;
    return params;
}
"""
# One type less, so that all after it have the value before.
ENUM = f"""
{COMMIT}
const char * ggml_type_name(int type) {{
    return type == 0 ? "f32" : type == 1 ? "f16" : type == 2 ? "q4_1" : type == 3 ? "q5_0" : 0;
}}
"""
TENSOR = "#include <stddef.h>\nsize_t ggml_tensor_overhead(void) { return 432; }\n"


class Installation:
    """An installed llama.cpp, and the package over it."""

    def __init__(self, folder: Path) -> None:
        self.prefix, self.site = folder / "prefix", folder / "site"

    @property
    def include(self) -> Path:
        return self.prefix / "include"

    @property
    def libraries(self) -> Path:
        return self.prefix / "lib"


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The CPU's backend is linked with libggml, and there is no mtmd."""
    folder = tmp_path_factory.mktemp("linked")
    made = Installation(folder)
    upstream.install(upstream.linked(made.prefix), made.site, folder / "work")
    return made


@pytest.fixture(scope="module")
def modular(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The backends are modules in a folder of their own, and there is mtmd."""
    folder = tmp_path_factory.mktemp("modular")
    made = Installation(folder)
    upstream.install(upstream.modular(made.prefix, PACKAGE), made.site, folder / "work")
    return made


@pytest.fixture
def preload(tmp_path: Path) -> Callable[[str], str]:
    """A function that compiles C to a library, to be loaded before all others."""

    def compiled(code: str) -> str:
        (tmp_path / "other.c").write_text(code, "ascii")
        library = tmp_path / "other.so"
        command = [
            "cc",
            "-shared",
            "-fPIC",
            "-I",
            str(PACKAGE / "include"),
            "-o",
            str(library),
            str(tmp_path / "other.c"),
        ]
        subprocess.run(command, check=True)
        return str(library)

    return compiled


def without(library: Path, function: str) -> bytes:
    """The library, but for one function, which it has by another name."""
    content = library.read_bytes()
    changed = content.replace(f"\0{function}\0".encode(), f"\0{function[:-1]}_\0".encode())
    assert changed != content
    return changed


def message(done: subprocess.CompletedProcess[str]) -> str:
    """The ImportError's text."""
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.search(r"^ImportError: (.*)", done.stderr, re.MULTILINE | re.DOTALL)
    assert found, done.stderr
    return found[1]


# --- the package over an installed llama.cpp ----------------------------------------------------------------------


def test_folders_are_the_prefix_s(run_python: Run, linked: Installation) -> None:
    facts = json.loads(run_python("-m", "llamacffi", "info", "--json", PYTHONPATH=str(linked.site)).stdout)
    assert (facts["libraries"], facts["headers"]) == (str(linked.libraries), str(linked.include))
    assert [backend["name"] for backend in facts["backends"]] == ["cpu"]
    package = linked.site / "llamacffi"
    assert not (package / "lib").exists()
    assert not (package / "include" / "other.h").exists()
    manifest = json.loads((package / "manifest.json").read_text("utf-8"))
    assert manifest["prefix"] == {"include": str(linked.include), "library": str(linked.libraries)}
    assert manifest["version"] == manifest["told"]["llama_version"] == llamacffi.llama_cpp_version()


def test_c_program(run_python: Run, linked: Installation, tmp_path: Path, model_path: str) -> None:
    env = {"PYTHONPATH": str(linked.site)}
    options = run_python("-m", "llamacffi", "--cflags", "--libs", **env).stdout.split()
    source = PROGRAMS / "greedy.c"
    # llamacffi.h is what modules of cffi's include.
    command = ["cc", "-include", "llamacffi.h", str(source), *options, "-o", str(tmp_path / "greedy")]
    subprocess.run(command, check=True)
    mapped = subprocess.run(["ldd", str(tmp_path / "greedy")], capture_output=True, encoding="utf-8", check=True).stdout
    assert str(linked.libraries / "libllama") in mapped
    ran = subprocess.run([str(tmp_path / "greedy"), model_path, "The capital of France is"], capture_output=True)
    assert (ran.returncode, len(ran.stdout.split())) == (0, 8)
    for option in ("--cmakedir", "--pkgconfigdir"):
        done = run_python("-m", "llamacffi", option, **env)
        assert (done.returncode, done.stdout) == (1, "")
        assert str(linked.libraries) in done.stderr


@pytest.mark.parametrize("kind", ["linked", "modular"])
def test_generates_the_same(run_python: Run, request: pytest.FixtureRequest, model_path: str, kind: str) -> None:
    site = request.getfixturevalue(kind).site
    command = [
        "-m",
        "llamacffi",
        "generate",
        "-m",
        model_path,
        "-p",
        "1, 2, 3, 4,",
        "-n",
        "12",
        "--temp",
        "0",
        "-t",
        "2",
    ]
    done = run_python(*command, PYTHONPATH=str(site))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run_python(*command).stdout


def test_what_is_not_installed(run_python: Run, linked: Installation) -> None:
    code = """
import llamacffi
print(llamacffi.ggml_cpu_has_sse3() in (0, 1), hasattr(llamacffi, "mtmd_default_marker"))
try:
    llamacffi.ggml_backend_rpc_reg()
except llamacffi.BackendError as error:
    print(error)
"""
    done = run_python("-c", code, PYTHONPATH=str(linked.site))
    assert done.stdout.startswith("True False\nggml_backend_rpc_reg needs the rpc backend; loaded is cpu; it has to be")


def test_modules(run_python: Run, modular: Installation, tmp_path: Path) -> None:
    """They are found where that llama.cpp has them, and none in the current folder."""
    modules = modular.libraries / "ggml" / "backends0"
    for module in modules.iterdir():
        shutil.copy(module, tmp_path)
    code = """
import llamacffi
assert llamacffi.ggml_backend_rpc_reg() and llamacffi.ggml_cpu_has_sse3() in (0, 1)
assert llamacffi.ffi.string(llamacffi.mtmd_default_marker())
with open("/proc/self/maps") as maps:
    print(*sorted({line.split(None, 5)[5].strip() for line in maps if "ggml-" in line}), sep="\\n")
"""
    done = run_python("-c", code, PYTHONPATH=str(modular.site), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    base = modular.libraries / "libggml-base.so"
    mapped = [Path(line) for line in done.stdout.splitlines()]
    assert {path.parent for path in mapped if path != base} == {modules}
    assert sorted(path.name.split("-")[1][:3] for path in mapped) == ["bas", "cpu", "rpc"]


def test_wrong_calls(modular: Installation) -> None:
    """Those about freed objects, batches, graphs, and several devices as one."""
    patterns = ["llama.*freed*", "llama.*batch*", "llama.*adapter*", "llama.*vocab*", "backend.*meta*", "ggml.*leaf*"]
    environment = {**os.environ, "PYTHONPATH": str(modular.site)}
    command = [sys.executable, str(RUNNER), *patterns]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 0
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) > 100
    for result in results:
        assert result["status"] == 0 or (result["status"] == 1 and result["case"] in UNKNOWN), result


# --- another library than the one that the extension was compiled for ---------------------------------------------


@pytest.mark.parametrize("kind", ["ours", "linked"])
def test_another_commit_with_the_same_declarations(
    run_python: Run, request: pytest.FixtureRequest, preload: Callable[[str], str], kind: str
) -> None:
    site = "" if kind == "ours" else str(request.getfixturevalue(kind).site)
    library = preload(COMMIT)
    done = run_python(
        "-c", "import llamacffi; print(llamacffi.llama_cpp_commit())", PYTHONPATH=site, LD_PRELOAD=library
    )
    assert done.stdout == "deadbeef0\n", done.stderr
    assert "RuntimeWarning: llamacffi was compiled for llama.cpp " in done.stderr
    same = "nothing that can be compared differs" if kind == "ours" else "their headers say the same"
    assert "(commit deadbeef0)" in done.stderr
    assert same in done.stderr


@pytest.mark.parametrize("kind", ["ours", "linked"])
@pytest.mark.parametrize(
    ("code", "difference"),
    [
        (SIZE, "struct llama_model_params: 80 bytes, and llama_model_default_params writes 96"),
        (ENUM, "enum ggml_type: GGML_TYPE_Q4_0 = 2 was 'q4_0', and ggml_type_name(2) is 'q4_1'"),
        (TENSOR, "struct ggml_tensor: ggml_tensor_overhead was 368 bytes, and is 432"),
    ],
    ids=["size", "enum", "tensor"],
)
def test_what_differs_is_named(
    run_python: Run,
    request: pytest.FixtureRequest,
    preload: Callable[[str], str],
    kind: str,
    code: str,
    difference: str,
) -> None:
    own = None if kind == "ours" else request.getfixturevalue(kind)
    done = run_python("-c", "import llamacffi", PYTHONPATH=str(own.site) if own else "", LD_PRELOAD=preload(code))
    first, *differences, advice = message(done).splitlines()
    loaded = own.libraries / "libllama.so" if own else PACKAGE / "lib" / "libllamacffi-llama.so"
    assert first.startswith("llamacffi was compiled for llama.cpp ")
    assert f"from {loaded}" in first
    assert differences == [f"  {difference}"]
    assert advice.startswith("What to do: ")
    assert (f"LLAMACFFI_PREFIX={own.prefix} pip install" if own else "LD_PRELOAD") in advice


def test_headers_of_what_was_loaded(run_python: Run, linked: Installation, preload: Callable[[str], str]) -> None:
    """An upgrade of the library and its headers: what they declare otherwise, and what they lack."""
    header = linked.include / "llama.h"
    text = header.read_text("utf-8")
    changes = [
        ("LLAMA_API uint32_t llama_n_ctx_seq ", "LLAMA_API uint32_t llama_n_ctx_sequence "),
        ("enum llama_vocab_type {", "enum llama_vocab_type { LLAMA_VOCAB_TYPE_NEW = 0, // new\n"),
        ("typedef struct llama_token_data {", "typedef struct llama_token_data { /* more */ int more;\n"),
        ("LLAMA_API int32_t llama_encode(", "LLAMA_API int64_t llama_encode("),
        ("LLAMA_API void llama_backend_init(void);", "LLAMA_API\n void llama_backend_init(void); // as before"),
    ]
    changed = text
    for old, new in changes:
        assert changed.count(old) == 1, old
        changed = changed.replace(old, new)
    header.write_text(changed, "utf-8")
    try:
        done = run_python("-c", "import llamacffi", PYTHONPATH=str(linked.site), LD_PRELOAD=preload(COMMIT))
    finally:
        header.write_text(text, "utf-8")
    _, *differences, _ = message(done).splitlines()
    assert differences == [
        f"  declared otherwise in {linked.include}: enum llama_vocab_type, struct llama_token_data, llama_encode",
        f"  not in {linked.include}: llama_n_ctx_seq",
    ]


def test_function_that_an_installed_library_lacks(run_python: Run, linked: Installation) -> None:
    library = (linked.libraries / "libllama.so").resolve()
    content = library.read_bytes()
    library.write_bytes(without(library, "llama_adapter_meta_val_str_by_index"))
    try:
        done = run_python("-c", "import llamacffi", PYTHONPATH=str(linked.site))
    finally:
        library.write_bytes(content)
    first, *differences, _ = message(done).splitlines()
    assert str(linked.libraries) in first
    assert differences == ["  missing: llama_adapter_meta_val_str_by_index"]


def test_function_that_our_library_lacks(run_python: Run, tmp_path: Path) -> None:
    """A library that is not ours, in the place of ours."""
    package = tmp_path / "llamacffi"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    library = package / "lib" / "libllamacffi-llama.so"
    library.write_bytes(without(library, "llama_adapter_meta_val_str_by_index"))
    done = run_python("-c", "import llamacffi", PYTHONPATH=str(tmp_path))
    first, *differences, advice = message(done).splitlines()
    assert f"from {library}" in first
    assert differences == ["  missing: llama_adapter_meta_val_str_by_index"]
    assert "LD_LIBRARY_PATH" in advice


def test_another_import_error_is_as_it_was(run_python: Run, tmp_path: Path) -> None:
    package = tmp_path / "llamacffi"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "lib" / "libllamacffi-llama.so").unlink()
    assert "libllamacffi-llama.so: cannot open shared object file" in message(
        run_python("-c", "import llamacffi", PYTHONPATH=str(tmp_path))
    )
