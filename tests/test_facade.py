"""The C names as the package's own, and the documented low-level API."""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable

import pytest

import llamacffi
from llamacffi import facade, ffi, lib

# The documented low-level API: what programs for llama_cpp.llama_cpp rely on.
_FUNCTIONS = """
    llama_backend_init llama_backend_free llama_numa_init llama_model_load_from_file llama_model_free
    llama_model_save_to_file llama_model_default_params llama_model_quantize_default_params
    llama_new_context_with_model llama_free llama_context_default_params llama_supports_mmap llama_supports_mlock
    llama_supports_gpu_offload llama_max_devices llama_time_us llama_n_ctx llama_n_embd
"""
CONSTANTS = {
    "LLAMA_DEFAULT_SEED": 0xFFFFFFFF,
    "LLAMA_TOKEN_NULL": -1,
    "LLAMA_VOCAB_TYPE_NONE": 0,
    "LLAMA_VOCAB_TYPE_SPM": 1,
    "LLAMA_VOCAB_TYPE_BPE": 2,
    "LLAMA_VOCAB_TYPE_WPM": 3,
    "LLAMA_VOCAB_TYPE_UGM": 4,
    "LLAMA_VOCAB_TYPE_RWKV": 5,
    # Four letters each, the first in the highest byte.
    "LLAMA_FILE_MAGIC_GGLA": int.from_bytes(b"ggla", "big"),
    "LLAMA_FILE_MAGIC_GGSN": int.from_bytes(b"ggsn", "big"),
    "LLAMA_FILE_MAGIC_GGSQ": int.from_bytes(b"ggsq", "big"),
    "LLAMA_SESSION_MAGIC": int.from_bytes(b"ggsn", "big"),
    "LLAMA_STATE_SEQ_MAGIC": int.from_bytes(b"ggsq", "big"),
    # The file format's own numbers, which no version may change.
    "GGML_TYPE_F32": 0,
    "GGML_TYPE_F16": 1,
    "GGML_TYPE_Q4_0": 2,
    "GGML_TYPE_Q8_0": 8,
    "GGML_TYPE_Q4_K": 12,
    "GGML_TYPE_I8": 24,
    "GGML_TYPE_IQ1_M": 29,
}
_TENSOR_TYPES = """
    F32 F16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS
    IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS IQ1_M I8 I16 I32 I64
"""
OTHER_CONSTANTS = ["LLAMA_MAX_DEVICES", "LLAMA_SESSION_VERSION", "LLAMA_STATE_SEQ_VERSION"]
FUNCTIONS = _FUNCTIONS.split()
TENSOR_TYPES = _TENSOR_TYPES.split()
TYPES = ["llama_model_p", "llama_context_p", "llama_token"]
DOCUMENTED = [*FUNCTIONS, *CONSTANTS, *(f"GGML_TYPE_{name}" for name in TENSOR_TYPES), *OTHER_CONSTANTS, *TYPES]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_documented_function(name: str) -> None:
    assert callable(getattr(llamacffi, name))
    assert getattr(llamacffi, name).__name__ == name


@pytest.mark.parametrize("name", CONSTANTS)
def test_documented_constant(name: str) -> None:
    assert getattr(llamacffi, name) == CONSTANTS[name]


def test_other_documented_constants() -> None:
    assert llamacffi.LLAMA_MAX_DEVICES == llamacffi.llama_max_devices() >= 1
    assert llamacffi.LLAMA_SESSION_VERSION >= 1
    assert llamacffi.LLAMA_STATE_SEQ_VERSION >= 1


@pytest.mark.parametrize("name", TENSOR_TYPES)
def test_tensor_type_has_the_name_that_ggml_gives_it(name: str) -> None:
    own_name = ffi.string(llamacffi.ggml_type_name(getattr(llamacffi, f"GGML_TYPE_{name}"))).decode()
    assert own_name.upper() == name


def test_documented_types_in_cffi() -> None:
    assert ffi.typeof(llamacffi.llama_model_p) is ffi.typeof("struct llama_model *")
    assert ffi.typeof(llamacffi.llama_context_p) is ffi.typeof("struct llama_context *")
    assert ffi.typeof(llamacffi.llama_token) is ffi.typeof("int32_t")
    assert ffi.sizeof(llamacffi.llama_token) == 4
    tokens = ffi.new(f"{llamacffi.llama_token}[4]", [1, -2])
    assert list(tokens) == [1, -2, 0, 0]
    assert int(ffi.cast(llamacffi.llama_token, 2**31)) == -(2**31)
    models = ffi.new(f"{llamacffi.llama_model_p}[2]")
    assert models[1] == ffi.NULL
    assert not ffi.cast(llamacffi.llama_context_p, 0)
    assert ffi.new(f"{llamacffi.llama_context_p} *")[0] == ffi.cast(llamacffi.llama_context_p, 0)


def test_documented_parameters_are_writable() -> None:
    params = llamacffi.llama_model_default_params()
    params.n_gpu_layers, params.vocab_only = 7, True
    assert (params.n_gpu_layers, params.vocab_only) == (7, True)
    params = llamacffi.llama_context_default_params()
    params.n_ctx, params.rope_freq_base = 1234, 0.5
    assert (params.n_ctx, params.rope_freq_base) == (1234, 0.5)
    params = llamacffi.llama_model_quantize_default_params()
    params.nthread, params.pure = 3, True
    assert (params.nthread, params.pure) == (3, True)


def test_documented_results() -> None:
    assert llamacffi.llama_backend_init() is None
    assert llamacffi.llama_numa_init(llamacffi.GGML_NUMA_STRATEGY_DISABLED) is None
    for name in ("llama_supports_mmap", "llama_supports_mlock", "llama_supports_gpu_offload"):
        assert isinstance(getattr(llamacffi, name)(), bool)
    before = llamacffi.llama_time_us()
    assert before <= llamacffi.llama_time_us() < before + 60_000_000
    model = llamacffi.llama_model_load_from_file(b"/no/such/model.gguf", llamacffi.llama_model_default_params())
    assert not model


def test_from_import() -> None:
    names = ", ".join(DOCUMENTED)
    found: dict[str, object] = {}
    exec(f"from llamacffi import {names}", found)
    assert found["llama_n_ctx"] is lib.llama_n_ctx
    with pytest.raises(ImportError, match="llama_no_such_function"):
        exec("from llamacffi import llama_no_such_function", {})


def test_names_are_listed() -> None:
    listed = dir(llamacffi)
    assert listed == sorted(set(listed))
    assert set(DOCUMENTED) <= set(listed)
    assert {name for name in dir(lib) if not name.startswith("llamacffi_")} <= set(listed)
    assert {"ffi", "lib", "get_include", "get_library_dir", "LlamaError", "BackendError"} <= set(listed)
    assert [name for name in listed if name.startswith("llamacffi_") or not hasattr(llamacffi, name)] == []


def test_star_import() -> None:
    found: dict[str, object] = {}
    exec("from llamacffi import *", found)
    assert set(DOCUMENTED) <= set(found)
    assert found["lib"] is lib
    assert found["llama_n_ctx"] is lib.llama_n_ctx
    assert not {"facade", "native", "errors", "annotations"} & set(found)


def test_function_is_cffis_own() -> None:
    assert llamacffi.llama_vocab_bos is lib.llama_vocab_bos
    assert llamacffi.ggml_nelements is lib.ggml_nelements


def test_name_is_kept_after_its_first_use(run_python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    code = """
import llamacffi
assert "llama_time_us" not in vars(llamacffi)
llamacffi.llama_time_us
assert vars(llamacffi)["llama_time_us"] is llamacffi.lib.llama_time_us
llamacffi.LLAMA_MAX_DEVICES
assert "LLAMA_MAX_DEVICES" in vars(llamacffi)
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_check_of_what_a_function_needs_steps_aside(
    run_python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """A function that needs a backend is checked on its first call, and cffi's own from then on."""
    code = """
import llamacffi
from llamacffi import ggml_cpu_has_avx, lib
kept = llamacffi.ggml_cpu_has_avx
assert kept is ggml_cpu_has_avx is not lib.ggml_cpu_has_avx
first = kept()
assert llamacffi.ggml_cpu_has_avx is lib.ggml_cpu_has_avx
assert first == kept() == ggml_cpu_has_avx() == lib.ggml_cpu_has_avx()
llamacffi.ggml_cpu_has_avx = mine = lambda: "mine"
kept()
assert llamacffi.ggml_cpu_has_avx is mine
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match=r"^module 'llamacffi' has no attribute 'llama_no_such_function'$"):
        _ = llamacffi.llama_no_such_function
    for ours in ("llamacffi_progress", "llamacffi_find", "_no_such_name", "__wrapped__"):
        assert not hasattr(llamacffi, ours)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ggml_threadpool_get_n_threads", r": ggml-cpu\.h: declared, and defined nowhere in llama\.cpp's sources$"),
        ("GGML_ASSERT", r": ggml\.h: takes arguments: code, not a value$"),
        ("GGML_RESTRICT", r": ggml\.h: not a value: restrict$"),
    ],
)
def test_skipped_name_says_why(name: str, reason: str) -> None:
    with pytest.raises(AttributeError, match=f"'{name}'{reason}"):
        getattr(llamacffi, name)


def test_successors_have_the_same_signature() -> None:
    for name, successor in facade.SUCCESSORS.items():
        assert ffi.typeof(getattr(lib, name)) is ffi.typeof(getattr(lib, successor))


def test_successor_serves_when_c_drops_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(facade.SUCCESSORS, "llama_dropped_name", "llama_model_n_embd")
    assert facade.resolve("llama_dropped_name") is lib.llama_model_n_embd
    assert "llama_dropped_name" in facade.names()


def test_successor_that_needs_a_backend_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(facade.SUCCESSORS, "ggml_dropped_name", "ggml_backend_cuda_init")
    with pytest.raises(llamacffi.BackendError, match="ggml_backend_cuda_init needs the cuda"):
        facade.resolve("ggml_dropped_name")(0)


def test_help_shows_the_signature() -> None:
    assert llamacffi.llama_n_ctx.__doc__.startswith("uint32_t llama_n_ctx(struct llama_context *);")
    assert inspect.getdoc(llamacffi.llama_model_save_to_file).startswith("Write a model to a file")


def test_wrong_arguments_raise() -> None:
    with pytest.raises(TypeError):
        llamacffi.llama_n_ctx()
    with pytest.raises(TypeError):
        llamacffi.llama_n_ctx("context")
    with pytest.raises(OverflowError):
        llamacffi.llama_sampler_init_top_k(2**31)
