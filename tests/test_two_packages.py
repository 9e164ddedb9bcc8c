"""llamacffi and llama-cpp-python in one process: two llama.cpps that must not be mixed up."""

from __future__ import annotations

import sys

import pytest

import llama_cpp_python
from fixture_types import Run

# The same greedy loop for both; each step of one is followed by a step of the other.
PROGRAM = """
import ctypes, os, sys

def ours(path):
    from llamacffi import ffi, lib
    model = lib.llama_model_load_from_file(path, lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx = 64
    params.n_threads = params.n_threads_batch = 1
    context = lib.llama_init_from_model(model, params)
    vocab = lib.llama_model_get_vocab(model)
    tokens = ffi.new("llama_token[64]")
    n = lib.llama_tokenize(vocab, PROMPT, len(PROMPT), tokens, 64, True, False)
    sampler = lib.llama_sampler_init_greedy()
    piece = ffi.new("char[64]")
    while True:
        assert lib.llama_decode(context, lib.llama_batch_get_one(tokens, n)) == 0
        tokens[0], n = lib.llama_sampler_sample(sampler, context, -1), 1
        size = lib.llama_token_to_piece(vocab, tokens[0], piece, 64, 0, False)
        if (yield bytes(ffi.buffer(piece, size))):
            break
    lib.llama_sampler_free(sampler)
    lib.llama_free(context)
    lib.llama_model_free(model)
    yield b""

def theirs(path):
    from llama_cpp import llama_cpp as lib
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(path, lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx = 64
    params.n_threads = params.n_threads_batch = 1
    context = lib.llama_init_from_model(model, params)
    vocab = lib.llama_model_get_vocab(model)
    tokens = (lib.llama_token * 64)()
    n = lib.llama_tokenize(vocab, PROMPT, len(PROMPT), tokens, 64, True, False)
    sampler = lib.llama_sampler_init_greedy()
    piece = ctypes.create_string_buffer(64)
    while True:
        assert lib.llama_decode(context, lib.llama_batch_get_one(tokens, n)) == 0
        tokens[0], n = lib.llama_sampler_sample(sampler, context, -1), 1
        size = lib.llama_token_to_piece(vocab, tokens[0], piece, 64, 0, False)
        if (yield piece.raw[:size]):
            break
    lib.llama_sampler_free(sampler)
    lib.llama_free(context)
    lib.llama_model_free(model)
    yield b""

PROMPT = b"1, 2, 3, 4,"
first, second = [{"ours": ours, "theirs": theirs}[name](os.fsencode(sys.argv[1])) for name in sys.argv[2:4]]
texts = [b"", b""]
for _ in range(15):
    texts = [texts[0] + next(first), texts[1] + next(second)]
first.send(True)
texts[1] += next(second)  # the other goes on
second.send(True)
print(*(text.decode() for text in texts), sep="\\n")
"""


@pytest.fixture(scope="module")
def other() -> str:
    return str(llama_cpp_python.obtain())


@pytest.mark.parametrize("order", [("ours", "theirs"), ("theirs", "ours")], ids=" ".join)
def test_both_generate(run_python: Run, model_path: str, other: str, order: tuple[str, str]) -> None:
    done = run_python("-c", PROGRAM, model_path, *order, PYTHONPATH=other)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == " 5, 6, 7, 8, 9,\n 5, 6, 7, 8, 9, \n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")
def test_each_has_libraries_of_its_own(run_python: Run, other: str) -> None:
    code = """
import llamacffi
from llama_cpp import llama_cpp
llamacffi.lib.ggml_backend_dev_count()
llama_cpp.llama_backend_init()
with open("/proc/self/maps") as maps:
    print(*sorted({line.rpartition("/")[2].strip() for line in maps if "ggml" in line or "libllama" in line}))
"""
    names = run_python("-c", code, PYTHONPATH=other).stdout.split()
    for stem in ("ggml", "ggml-base", "llama"):
        assert any(name.startswith(f"lib{stem}.so") for name in names), names
        assert f"libllamacffi-{stem}.so" in names
    assert any(name.startswith("libggml-cpu.so") for name in names)  # linked with theirs
    assert any(name.startswith("libggml-cpu-") for name in names)  # ours


def test_registries_are_apart(run_python: Run, other: str) -> None:
    """Theirs knows the CPU; ours has the RPC backend, too."""
    code = """
import ctypes, pathlib
from llama_cpp import llama_cpp
import llamacffi
theirs = ctypes.CDLL(str(next(pathlib.Path(llama_cpp.__file__).parent.glob("lib/libggml.so"))))
llama_cpp.llama_backend_init()
print(theirs.ggml_backend_reg_count(), llamacffi.lib.ggml_backend_reg_count(), theirs.ggml_backend_reg_count())
"""
    done = run_python("-c", code, PYTHONPATH=other)
    assert done.stdout.split() == ["1", "2", "1"], done.stderr


def test_log_callbacks_are_apart(run_python: Run, model_path: str, other: str) -> None:
    code = """
import ctypes, sys
from llama_cpp import llama_cpp
from llamacffi import ffi, lib
ours, theirs = [], []
keep = ffi.callback("ggml_log_callback", lambda level, text, data: ours.append(text))
keep_too = llama_cpp.llama_log_callback(lambda level, text, data: theirs.append(text))
lib.llama_log_set(keep, ffi.NULL)
llama_cpp.llama_log_set(keep_too, ctypes.c_void_p())
assert not lib.llama_model_load_from_file(b"/no/such/file", lib.llama_model_default_params())
print(bool(ours), bool(theirs))
ours.clear()
assert not llama_cpp.llama_model_load_from_file(b"/no/such/file", llama_cpp.llama_model_default_params())
print(bool(ours), bool(theirs))
"""
    done = run_python("-c", code, PYTHONPATH=other)
    assert done.stdout.split() == ["True", "False", "False", "True"], done.stderr
