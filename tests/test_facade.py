"""The C names as the package's own, and the documented low-level API."""

from __future__ import annotations

import inspect
import json
import pickle
import pydoc
import threading
from pathlib import Path
from typing import Any

import pytest

import llamacffi
from fixture_types import Run
from llamacffi import FreedHandleError, InvalidArgumentError, LlamaError, NativeAssertionError, facade, ffi, lib
from llamacffi.errors import ArgumentRangeError, ArgumentTypeError
from llamacffi.types import llama_model_p
from untyped import unchecked

API: dict[str, Any] = json.loads((Path(llamacffi.__file__).parent / "api.json").read_text("utf-8"))
FUNCTIONS_OF_C = [each["name"] for each in API["functions"] if each["name"] != "llama_model_save_to_file"]  # ours

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
    of_model = llamacffi.llama_model_default_params()
    of_model.n_gpu_layers, of_model.vocab_only = 7, True
    assert (of_model.n_gpu_layers, of_model.vocab_only) == (7, True)
    of_context = llamacffi.llama_context_default_params()
    of_context.n_ctx, of_context.rope_freq_base = 1234, 0.5
    assert (of_context.n_ctx, of_context.rope_freq_base) == (1234, 0.5)
    of_quantize = llamacffi.llama_model_quantize_default_params()
    of_quantize.nthread, of_quantize.pure = 3, True
    assert (of_quantize.nthread, of_quantize.pure) == (3, True)


def test_documented_results() -> None:
    assert unchecked.llama_backend_init() is None
    assert unchecked.llama_numa_init(llamacffi.GGML_NUMA_STRATEGY_DISABLED) is None
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
    assert found["llama_n_ctx"] is llamacffi.llama_n_ctx
    with pytest.raises(ImportError, match="llama_no_such_function"):
        exec("from llamacffi import llama_no_such_function", {})


def test_names_are_listed() -> None:
    listed = dir(llamacffi)
    assert listed == sorted(set(listed))
    assert set(DOCUMENTED) <= set(listed)
    assert {name for name in dir(lib) if not name.lower().startswith("llamacffi_")} <= set(listed)
    assert {"ffi", "lib", "get_include", "get_library_dir", "LlamaError", "BackendError", "last_error"} <= set(listed)
    assert [name for name in listed if name.startswith("llamacffi_") or not hasattr(llamacffi, name)] == []


def test_star_import() -> None:
    found: dict[str, object] = {}
    exec("from llamacffi import *", found)
    assert set(DOCUMENTED) <= set(found)
    assert found["lib"] is lib
    assert found["llama_n_ctx"] is llamacffi.llama_n_ctx
    assert not {"facade", "native", "errors", "annotations"} & set(found)


def test_name_is_kept_after_its_first_use(run_python: Run) -> None:
    code = """
import llamacffi
assert "llama_time_us" not in vars(llamacffi)
kept = llamacffi.llama_time_us
assert vars(llamacffi)["llama_time_us"] is kept is llamacffi.llama_time_us
llamacffi.LLAMA_MAX_DEVICES
assert "LLAMA_MAX_DEVICES" in vars(llamacffi)
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_function_has_cs_parameters() -> None:
    """Each is made, and takes as many arguments as C does, by names that are all different."""
    for name in FUNCTIONS_OF_C:
        parameters = inspect.signature(getattr(llamacffi, name)).parameters
        type_ = ffi.typeof(getattr(lib, name))
        assert len(parameters) == len(type_.args) + type_.ellipsis, name


def test_every_size_can_be_computed() -> None:
    """Whatever the expression in sizes.toml is, it is one of numbers that are parameters, or of handles."""
    counted = 0
    for name in FUNCTIONS_OF_C:
        scope = getattr(llamacffi, name).__globals__
        function = scope["_adapt"].__self__
        for parameter, need in function.needs.items():
            values = [ffi.NULL if each.type.kind == "pointer" else 0 for each in function.parameters]
            assert isinstance(need(*values), int), (name, parameter)
            counted += 1
    assert counted > 100


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match=r"'llama_no_such_function': llama.cpp .* has no such function"):
        _ = unchecked.llama_no_such_function
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


def test_successor_serves_when_c_drops_a_name(monkeypatch: pytest.MonkeyPatch, model: llama_model_p) -> None:
    monkeypatch.setitem(facade.SUCCESSORS, "llama_dropped_name", "llama_model_n_embd")
    assert facade.resolve("llama_dropped_name")(model) == lib.llama_model_n_embd(model)
    assert "llama_dropped_name" in facade.names()


# --- help ---


def test_help_shows_the_signature_and_the_comment() -> None:
    function = llamacffi.llama_vocab_is_eog
    assert str(inspect.signature(function)) == "(vocab, token)"
    documentation = inspect.getdoc(function)
    assert documentation
    signature, empty, comment, *_, place = documentation.split("\n")
    assert signature == "bool llama_vocab_is_eog(const struct llama_vocab *vocab, llama_token token);"
    assert not empty
    assert comment == "Check if the token is supposed to end generation (end-of-generation, eg. EOS, EOT, etc.)"
    assert place.startswith("llama.h:")
    assert (function.__name__, function.__qualname__) == ("llama_vocab_is_eog", "llama_vocab_is_eog")
    assert function.__module__ == "llamacffi"
    assert str(inspect.getdoc(llamacffi.llama_model_save_to_file)).startswith("Write a model to a file")
    shown = pydoc.plain(pydoc.render_doc(llamacffi.llama_tokenize))
    assert "llama_tokenize(vocab, text, text_len, tokens, n_tokens_max, add_special, parse_special)" in shown
    assert "Convert the provided text into tokens." in shown


def test_documentation_is_the_api_tables() -> None:
    for entry in API["functions"]:
        if entry["name"] in FUNCTIONS_OF_C:
            lines = getattr(llamacffi, entry["name"]).__doc__.split("\n")
            assert lines[-1] == f"{entry['header']}:{entry['line']}"
            assert lines[2:-2] == (entry["comment"].split("\n") if entry["comment"] else [])
            assert f"{entry['name']}(" in lines[0]


# --- failures ---


def test_wrong_arguments_raise() -> None:
    with pytest.raises(TypeError):
        unchecked.llama_n_ctx()
    with pytest.raises(TypeError):
        unchecked.llama_n_ctx("context")
    with pytest.raises(OverflowError):
        llamacffi.llama_sampler_init_top_k(2**31)


def test_failed_call_raises(model: llama_model_p) -> None:
    vocab = lib.llama_model_get_vocab(model)
    with pytest.raises(InvalidArgumentError) as raised:
        llamacffi.llama_vocab_get_text(vocab, 10**6)
    error = raised.value
    assert (error.function, error.argument) == ("llama_vocab_get_text", "token")
    assert str(error).startswith("llama_vocab_get_text: token = 1000000: ")
    assert isinstance(error, (LlamaError, ValueError))
    assert error.__suppress_context__ or error.__context__ is None


def test_failed_call_through_lib(model: llama_model_p) -> None:
    vocab = lib.llama_model_get_vocab(model)
    assert lib.llama_vocab_get_text(vocab, -5) == ffi.NULL
    error = llamacffi.last_error()
    assert type(error) is InvalidArgumentError
    assert str(error).startswith("llama_vocab_get_text: token = -5: ")
    # It is no failure of the calls that follow, and stays to be read.
    assert ffi.string(llamacffi.llama_vocab_get_text(vocab, 1))
    assert str(llamacffi.last_error()) == str(error)


def test_no_failure_in_a_new_thread(model: llama_model_p) -> None:
    vocab = lib.llama_model_get_vocab(model)
    lib.llama_vocab_get_text(vocab, -1)
    found: list[object] = []

    def call() -> None:
        found.append(llamacffi.last_error())
        found.append(llamacffi.llama_vocab_n_tokens(vocab))  # while the other thread's failure has not been looked at
        lib.llama_vocab_get_text(vocab, -2)
        found.append(str(llamacffi.last_error()))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert found[:2] == [None, lib.llama_vocab_n_tokens(vocab)]
    assert "token = -2" in str(found[2])
    assert "token = -1" in str(llamacffi.last_error())


def test_failed_assertion_raises() -> None:
    context = lib.ggml_init({"mem_size": 1 << 16})
    tensor = llamacffi.ggml_new_tensor_2d(context, lib.GGML_TYPE_F32, 2, 3)
    with pytest.raises(NativeAssertionError) as raised:
        llamacffi.ggml_reshape_1d(context, tensor, 7)
    error = raised.value
    assert error.function == "ggml_reshape_1d"
    assert "GGML_ASSERT" in error.native
    assert error.native in str(error)
    lib.ggml_free(context)


def test_freed_handle_raises() -> None:
    context = llamacffi.ggml_init({"mem_size": 1 << 16})
    llamacffi.ggml_free(context)
    with pytest.raises(FreedHandleError, match=r"^ggml_used_mem: ctx: ") as raised:
        llamacffi.ggml_used_mem(context)
    assert raised.value.argument == "ctx"
    with pytest.raises(FreedHandleError):
        llamacffi.ggml_free(context)


def test_what_c_returns_for_failure_is_returned(model: llama_model_p) -> None:
    vocab = lib.llama_model_get_vocab(model)
    assert llamacffi.llama_tokenize(vocab, b"Hello world", 11, ffi.NULL, 0, False, False) < 0
    assert not llamacffi.gguf_init_from_file("/no/such/file.gguf", {"no_alloc": True})


def test_exception_in_a_callback_is_raised_itself(model_path: str) -> None:
    class Stop(Exception):
        pass

    def progress(part: float) -> bool:
        raise Stop

    made = llamacffi.callback("llama_progress_callback", progress)
    params = llamacffi.llama_model_default_params()
    params.progress_callback, params.progress_callback_user_data = made
    with pytest.raises(Stop) as raised:
        llamacffi.llama_model_load_from_file(model_path, params)
    assert [entry.name for entry in raised.traceback][-1] == "progress"


def test_saving_what_is_no_model(tmp_path: Path) -> None:
    context = lib.ggml_init({"mem_size": 1 << 16})
    freed = ffi.cast("struct llama_model *", context)
    wrong: Any
    for wrong in (None, ffi.NULL, "model", context, freed):
        with pytest.raises(LlamaError, match=r"^llama_model_save_to_file: model") as raised:
            llamacffi.llama_model_save_to_file(wrong, tmp_path / "model.gguf")
        assert (raised.value.function, raised.value.argument) == ("llama_model_save_to_file", "model")
    lib.ggml_free(context)
    assert not list(tmp_path.iterdir())


def test_saving_under_what_is_no_name(model: llama_model_p) -> None:
    wrong: Any
    for wrong in (None, ffi.NULL, 5.0, "a\0b", b"a\0b"):
        with pytest.raises(InvalidArgumentError, match=r"^llama_model_save_to_file: fname"):
            llamacffi.llama_model_save_to_file(model, wrong)


@pytest.mark.parametrize(
    "kind",
    [
        LlamaError,
        InvalidArgumentError,
        ArgumentTypeError,
        ArgumentRangeError,
        FreedHandleError,
        llamacffi.BusyError,
        NativeAssertionError,
        llamacffi.NativeExceptionError,
        llamacffi.BackendError,
    ],
)
def test_errors_can_be_pickled(kind: type[LlamaError]) -> None:
    error = kind("f: x = 1: wrong", "f", "x", "native words")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert str(copy) == str(error) == "f: x = 1: wrong: native words"
    assert str(kind("wrong")) == "wrong"
    assert (kind("wrong").function, kind("wrong").argument, kind("wrong").native) == ("", "", "")
    assert str(kind("f: wrong", "f", native="two\nlines")) == "f: wrong:\ntwo\nlines"


def test_first_use_is_quick(run_python: Run) -> None:
    """The table of all functions' names and comments must not be felt. It takes a millisecond or two."""
    code = """
import time, llamacffi
start = time.perf_counter()
llamacffi.llama_max_devices()
print((time.perf_counter() - start) * 1e3)
"""
    assert min(float(run_python("-c", code).stdout) for _ in range(5)) < 30
