"""Programs that are built on an installed wheel, in C, CMake, Cython, cffi and C++: each runs the real model."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import greedy
from greedy import tokenize
from llamacffi import lib
from llamacffi.types import llama_model_p
from pinned import ROOT

PROGRAMS = ROOT / "examples" / "sdk"
PROMPT = "The capital of France is"
CC = shlex.split(os.environ.get("CC", "cc"))
CXX = shlex.split(os.environ.get("CXX", "c++"))

# To be found as a backend's module by one who looks in the wrong folder.
PLANTED = """
#include <stdio.h>
__attribute__((constructor)) static void loaded(void) { puts("planted"); fflush(stdout); }
int ggml_backend_score(void) { return 1000000; }
"""

needs_pkg_config = pytest.mark.skipif(not shutil.which("pkg-config"), reason="pkg-config is not installed")


def run(*command: str, cwd: Path, **env: str) -> str:
    """Run a command that must succeed; what it writes to standard output."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LLAMACFFI_", "GGML_"))}
    path = os.pathsep.join([os.environ["PATH"], os.path.dirname(sys.executable)])  # cmake may be this environment's
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, "PATH": path, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=500,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def python() -> Iterator[str]:
    """The interpreter of a new environment that has the wheel which LLAMACFFI_WHEEL names, or one that is built now."""
    folder = Path(tempfile.mkdtemp(prefix="llamacffi-sdk-"))
    pip = ("-m", "pip", "--disable-pip-version-check")
    wheel = os.environ.get("LLAMACFFI_WHEEL")
    if not wheel:
        run(sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", str(folder / "wheel"), str(ROOT), cwd=folder)
        wheel = str(next((folder / "wheel").glob("*.whl")))
    run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    python = str(folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(python, *pip, "install", str(Path(wheel).resolve()), "cython>=3", "setuptools", cwd=folder)
    yield python
    shutil.rmtree(folder)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The example programs, in a folder to build them in."""
    return Path(shutil.copytree(PROGRAMS, tmp_path / "programs"))


@pytest.fixture(scope="session")
def expected(model: llama_model_p) -> list[int]:
    """The likeliest tokens behind the prompt, as Python gets them."""
    params = lib.llama_context_default_params()
    params.n_ctx = 256
    params.n_threads = params.n_threads_batch = 2
    ctx = lib.llama_init_from_model(model, params)
    tokens = greedy.continuation(ctx, tokenize(lib.llama_model_get_vocab(model), PROMPT), 8)
    lib.llama_free(ctx)
    return tokens


def flags(python: str, *options: str, cwd: Path) -> list[str]:
    return shlex.split(run(python, "-m", "llamacffi", *options, cwd=cwd))


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split()]


# --- C ------------------------------------------------------------------------------------------------------------


def test_c(python: str, programs: Path, tmp_path: Path, model_path: str, expected: list[int]) -> None:
    options = flags(python, "--cflags", "--libs", cwd=tmp_path)
    run(*CC, "-Wall", "-Werror", "greedy.c", *options, "-o", "greedy", cwd=programs)
    assert numbers(run(str(programs / "greedy"), model_path, PROMPT, cwd=tmp_path)) == expected


@pytest.mark.parametrize("module", ["libggml-cpu-best.so", "libggml-cpu.so", "libggml-cuda.so"])
def test_c_loads_nothing_from_other_folders(
    python: str, programs: Path, tmp_path: Path, model_path: str, expected: list[int], module: str
) -> None:
    (tmp_path / "planted.c").write_text(PLANTED, "utf-8")
    run(*CC, "-shared", "-fPIC", "planted.c", "-o", module, cwd=tmp_path)
    shutil.copy(tmp_path / module, programs)
    run(*CC, "greedy.c", *flags(python, "--cflags", "--libs", cwd=tmp_path), "-o", "greedy", cwd=programs)
    # The current folder is one that has the module, and so is the program's.
    assert numbers(run(str(programs / "greedy"), model_path, PROMPT, cwd=tmp_path)) == expected


@needs_pkg_config
def test_pkg_config(python: str, programs: Path, tmp_path: Path, model_path: str, expected: list[int]) -> None:
    (folder,) = run(python, "-m", "llamacffi", "--pkgconfigdir", cwd=tmp_path).splitlines()
    options = run("pkg-config", "--cflags", "--libs", "llamacffi", cwd=tmp_path, PKG_CONFIG_PATH=folder)
    run(*CC, "greedy.c", *shlex.split(options), "-o", "greedy", cwd=programs)
    assert numbers(run(str(programs / "greedy"), model_path, PROMPT, cwd=tmp_path)) == expected
    version = run("pkg-config", "--modversion", "llamacffi", cwd=tmp_path, PKG_CONFIG_PATH=folder).strip()
    assert version == run(python, "-c", "import llamacffi; print(llamacffi.__version__)", cwd=tmp_path).strip()


def test_cmake(python: str, programs: Path, tmp_path: Path, model_path: str, expected: list[int]) -> None:
    (folder,) = run(python, "-m", "llamacffi", "--cmakedir", cwd=tmp_path).splitlines()
    run("cmake", "-B", "build", f"-Dllamacffi_DIR={folder}", cwd=programs)
    run("cmake", "--build", "build", cwd=programs)
    assert numbers(run(str(programs / "build" / "greedy"), model_path, PROMPT, cwd=tmp_path)) == expected


@pytest.mark.parametrize(
    "command",
    [
        # What is printed is for a shell to read, and without eval a shell does not.
        'eval "{cc} greedy.c $("$PYTHON" -m llamacffi --cflags --libs) -o greedy"',
        pytest.param('eval "{cc} greedy.c $(pkg-config --cflags --libs llamacffi) -o greedy"', marks=needs_pkg_config),
        'cmake -B build -Dllamacffi_DIR="$PACKAGE/cmake" && cmake --build build && mv build/greedy greedy',
    ],
    ids=["flags", "pkg-config", "cmake"],
)
def test_folder_with_spaces(
    python: str, programs: Path, tmp_path: Path, model_path: str, expected: list[int], command: str
) -> None:
    """The package may be moved, and its folder be called what one likes."""
    installed = run(python, "-c", "import llamacffi; print(llamacffi.__path__[0])", cwd=tmp_path).strip()
    site = tmp_path / "a moved folder"
    package = shutil.copytree(installed, site / "llamacffi")
    for grafted in Path(installed).parent.glob("llamacffi.libs"):  # auditwheel's
        shutil.copytree(grafted, site / grafted.name)
    env = {"PYTHONPATH": str(site), "PYTHON": python, "PACKAGE": str(package)}
    env["PKG_CONFIG_PATH"] = str(package / "pkgconfig")
    run("sh", "-c", command.format(cc=shlex.join(CC)), cwd=programs, **env)
    assert numbers(run(str(programs / "greedy"), model_path, PROMPT, cwd=tmp_path)) == expected
    if sys.platform == "linux":
        assert str(site) in run("ldd", str(programs / "greedy"), cwd=tmp_path)


@needs_pkg_config
def test_commands_of_the_guide(python: str, programs: Path, model_path: str, expected: list[int]) -> None:
    guide = (ROOT / "docs" / "c-sdk.md").read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    commands = [line[2:] for block in blocks for line in block.splitlines()]
    runs = [command for command in commands if "model.gguf" in command]
    os.symlink(model_path, programs / "model.gguf")
    path = os.pathsep.join([os.path.dirname(python), os.environ["PATH"], os.path.dirname(sys.executable)])
    said = run("sh", "-e", "-c", "\n".join(commands), cwd=programs, PATH=path)
    printed = [int(line) for line in said.splitlines() if line.isdecimal()]
    assert runs
    assert printed == expected * len(runs)


# --- Cython and cffi ----------------------------------------------------------------------------------------------

CYTHON = """
import json, sys
import cython_greedy, llamacffi

path, prompt = sys.argv[1], sys.argv[2].encode()
model = llamacffi.llama_model_load_from_file(path, llamacffi.llama_model_default_params())
ours = cython_greedy.continuation(llamacffi.address_of(model), prompt)
llamacffi.llama_model_free(model)

address = cython_greedy.load(path.encode())
model = llamacffi.from_address("struct llama_model *", address)
theirs = cython_greedy.continuation(llamacffi.address_of(model), prompt)
n_vocab = llamacffi.llama_vocab_n_tokens(llamacffi.llama_model_get_vocab(model))
llamacffi.llama_model_free(model)
print(json.dumps([ours, theirs, n_vocab, llamacffi.ggml_backend_reg_count()]))
"""


def test_cython(python: str, programs: Path, model_path: str, expected: list[int], model: llama_model_p) -> None:
    run(python, "cython_setup.py", "build_ext", "--inplace", cwd=programs)
    ours, theirs, n_vocab, n_backends = json.loads(run(python, "-c", CYTHON, model_path, PROMPT, cwd=programs))
    assert ours == theirs == expected
    assert n_vocab == lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    assert n_backends == lib.ggml_backend_reg_count()  # and none of them twice


# Imports the dependent module first, and that imports ours. Python finds the likeliest tokens in the logits, too.
CFFI = """
import json, sys
import ban
import llamacffi
from llamacffi import ffi

assert ban.ffi.typeof("struct llama_sampler *") is ffi.typeof("struct llama_sampler *")
assert ban.lib.llama_max_devices() == llamacffi.lib.llama_max_devices()
model = llamacffi.llama_model_load_from_file(sys.argv[1], llamacffi.llama_model_default_params())
vocab = llamacffi.llama_model_get_vocab(model)
params = llamacffi.llama_context_default_params()
params.n_ctx, params.n_threads, params.n_threads_batch = 256, 2, 2
ctx = llamacffi.llama_init_from_model(model, params)
tokens = llamacffi.Vocab.from_handle(vocab).tokenize(sys.argv[2])
llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(ffi.new("llama_token[]", tokens), len(tokens)))
logits = ffi.unpack(llamacffi.llama_get_logits_ith(ctx, -1), llamacffi.llama_vocab_n_tokens(vocab))
order = sorted(range(len(logits)), key=logits.__getitem__, reverse=True)

banned = llamacffi.adopt(ban.lib.ban(order[0]))
chain = llamacffi.llama_sampler_chain_init(llamacffi.llama_sampler_chain_default_params())
llamacffi.llama_sampler_chain_add(chain, banned)
llamacffi.llama_sampler_chain_add(chain, llamacffi.llama_sampler_init_greedy())
chosen = [llamacffi.llama_sampler_sample(chain, ctx, -1) for _ in range(3)]
name = ffi.string(llamacffi.llama_sampler_name(banned)).decode()
count = ban.lib.ban_count(banned)
llamacffi.llama_sampler_free(chain)
try:
    llamacffi.llama_sampler_name(banned)
    freed = "alive"
except llamacffi.FreedHandleError:
    freed = "freed"
llamacffi.llama_free(ctx)
llamacffi.llama_model_free(model)
print(json.dumps([order[:2], chosen, name, count, freed]))
"""


def test_cffi(python: str, programs: Path, model_path: str, expected: list[int]) -> None:
    run(python, "ban_build.py", cwd=programs)
    order, chosen, name, count, freed = json.loads(run(python, "-c", CFFI, model_path, PROMPT, cwd=programs))
    assert order[0] == expected[0]
    assert chosen == [order[1]] * 3
    assert (name, count, freed) == ("ban", 3, "freed")


# --- C++ ----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy is not embedded through Python.h")
def test_cpp_embeds_python(python: str, programs: Path, tmp_path: Path, model_path: str, expected: list[int]) -> None:
    known = sysconfig.get_config_vars()
    libraries = [f"-L{known['LIBDIR']}", f"-L{known['LIBPL']}", f"-Wl,-rpath,{known['LIBDIR']}"]
    libraries += [f"-lpython{known['LDVERSION']}"]
    libraries += f"{known['LIBS']} {known['SYSLIBS']} {known['LINKFORSHARED']}".split()  # where that one is static
    includes = [f"-I{known['INCLUDEPY']}"]
    options = flags(python, "--cflags", "--libs", cwd=tmp_path)
    run(*CXX, "-std=c++17", "embed.cpp", *includes, *options, *libraries, "-o", "embed", cwd=programs)
    lines = run(str(programs / "embed"), python, model_path, PROMPT, cwd=tmp_path).splitlines()
    said = {line.split()[0]: numbers(line.partition(" ")[2]) for line in lines}
    assert said["python"] == said["c++"] == expected
    before, during, after = said["backends"]
    assert before == during == after >= 2  # loaded from C, and not again from Python
