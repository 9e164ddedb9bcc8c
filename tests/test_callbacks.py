"""Python functions that native code calls: those of `llamacffi.callback`, of every type, and `ffi.callback`'s own."""

from __future__ import annotations

import gc
import os
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

import greedy
import llamacffi
from fixture_types import MakeContext, Run
from greedy import tokenize
from llamacffi import callback, ffi, lib, take_exception
from llamacffi.native import encode_path
from llamacffi.types import (
    char_p,
    float_p,
    ggml_backend_buffer_type_p,
    ggml_backend_p,
    ggml_cgraph_p,
    ggml_context_p,
    ggml_opt_context_p,
    ggml_opt_dataset_p,
    ggml_opt_result_p,
    ggml_tensor_p,
    gguf_context_p,
    llama_context_p,
    llama_model_p,
    llama_sampler_p,
    llama_token_data_array_p,
    mtmd_helper_embd_batch_p,
    void_p,
)
from pinned import ROOT
from untyped import unchecked

PROMPT = "1, 2, 3, 4,"


@pytest.fixture
def tokens(model: llama_model_p) -> list[int]:
    return tokenize(lib.llama_model_get_vocab(model), PROMPT)


class Trouble(Exception):
    """What the callbacks of these tests raise."""


def fail(*_: Any) -> Any:
    raise Trouble


def function_names(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def collect() -> None:
    for _ in range(4):  # PyPy needs several
        gc.collect()


# --- log, by ffi.callback ---------------------------------------------------------------------------------------------


@pytest.fixture
def logged(native_log: list[object]) -> list[tuple[int, str]]:
    """The level and text of what native code logs during the test."""
    lines: list[tuple[int, str]] = []

    @ffi.callback("void(enum ggml_log_level, const char *, void *)")
    def log(level: int, text: char_p, user_data: void_p) -> None:
        assert ffi.from_handle(user_data) is lines
        lines.append((level, ffi.string(text).decode("utf-8", "replace")))

    handle = ffi.new_handle(lines)
    native_log += [log, handle]
    lib.llama_log_set(log, handle)
    return lines


def test_log_lines_arrive(logged: list[tuple[int, str]], make_context: MakeContext) -> None:
    make_context(n_ctx=512)
    assert any("n_ctx" in text and "512" in text for _, text in logged)
    assert {level for level, _ in logged} <= set(range(lib.GGML_LOG_LEVEL_NONE, lib.GGML_LOG_LEVEL_CONT + 1))
    assert lib.GGML_LOG_LEVEL_INFO in {level for level, _ in logged}


def test_errors_are_logged_as_such(logged: list[tuple[int, str]], tmp_path: Path) -> None:
    path = tmp_path / "größer.gguf"
    assert not lib.llama_model_load_from_file(encode_path(str(path)), lib.llama_model_default_params())
    errors = [text for level, text in logged if level == lib.GGML_LOG_LEVEL_ERROR]
    assert any("größer.gguf" in text for text in errors)


def test_exception_in_a_log_callback_does_no_harm(native_log: list[object], make_context: MakeContext) -> None:
    failures: list[int] = []

    def fail(*_: Any) -> None:
        failures.append(1)
        raise KeyError("in the log")

    callback = ffi.callback("void(enum ggml_log_level, const char *, void *)", fail, onerror=lambda *_: None)
    native_log.append(callback)
    lib.llama_log_set(callback, ffi.NULL)
    make_context()
    assert failures


# --- progress, by ffi.callback ----------------------------------------------------------------------------------------


def test_progress_callback_cancels_the_load(model_path: str) -> None:
    parts: list[float] = []

    @ffi.callback("llama_progress_callback")
    def report(part: float, user_data: void_p) -> bool:
        parts.append(part)
        return part < 0.3

    params = lib.llama_model_default_params()
    params.progress_callback = report
    assert not lib.llama_model_load_from_file(encode_path(model_path), params)
    assert 0.3 <= parts[-1] < 1


def test_progress_callback_that_fails_cancels_the_load(model_path: str) -> None:
    kept: list[BaseException] = []

    def keep(kind: type, error: BaseException, traceback: Any) -> None:
        kept.append(error)

    @ffi.callback("llama_progress_callback", error=False, onerror=keep)
    def report(part: float, user_data: void_p) -> bool:
        raise KeyError(part)

    params = lib.llama_model_default_params()
    params.progress_callback = report
    assert not lib.llama_model_load_from_file(encode_path(model_path), params)
    assert len(kept) == 1
    assert isinstance(kept[0], KeyError)


# --- abort, by ffi.callback -------------------------------------------------------------------------------------------


def test_abort_callback_stops_decoding(make_context: MakeContext, tokens: list[int]) -> None:
    asked: list[object] = []

    @ffi.callback("ggml_abort_callback")
    def abort(data: void_p) -> bool:
        asked.append(ffi.from_handle(data))
        return len(asked) > 50

    handle = ffi.new_handle("mine")
    ctx = make_context()
    lib.llama_set_abort_callback(ctx, abort, handle)
    assert greedy.decode(ctx, tokens) == 2
    assert len(asked) == 51  # none of the nodes behind was computed
    assert set(asked) == {"mine"}


def test_abort_callback_that_never_aborts_changes_nothing(make_context: MakeContext, tokens: list[int]) -> None:
    ctx, other = make_context(), make_context()
    callback = ffi.callback("ggml_abort_callback", lambda *_: False)
    lib.llama_set_abort_callback(ctx, callback, ffi.NULL)
    assert greedy.continuation(ctx, tokens, 5) == greedy.continuation(other, tokens, 5)


def test_context_goes_on_after_an_abort(make_context: MakeContext, tokens: list[int]) -> None:
    ctx, other = make_context(), make_context()
    callback = ffi.callback("ggml_abort_callback", lambda *_: True)
    lib.llama_set_abort_callback(ctx, callback, ffi.NULL)
    assert greedy.decode(ctx, tokens) == 2
    lib.llama_set_abort_callback(ctx, ffi.NULL, ffi.NULL)
    lib.llama_memory_clear(lib.llama_get_memory(ctx), True)
    assert greedy.continuation(ctx, tokens, 5) == greedy.continuation(other, tokens, 5)


# --- eval, by ffi.callback --------------------------------------------------------------------------------------------


class Watcher:
    """A scheduler's eval callback that keeps the values of the tensors with these names."""

    def __init__(self, *wanted: str, until: str = "") -> None:
        self.wanted = wanted
        self.until = until
        self.seen: list[str] = []
        self.values: dict[str, list[float]] = {}
        self.callback = ffi.callback("ggml_backend_sched_eval_callback", self.watch)

    def watch(self, tensor: ggml_tensor_p, ask: bool, user_data: void_p) -> bool:
        name = ffi.string(lib.ggml_get_name(tensor)).decode()
        if ask:
            self.seen.append(name)
            return name in self.wanted or name == self.until
        values = ffi.new("float[]", lib.ggml_nelements(tensor))
        lib.ggml_backend_tensor_get(tensor, values, 0, ffi.sizeof(values))
        self.values[name] = list(values)
        return name != self.until


def test_eval_callback_sees_the_tensors(make_context: MakeContext, tokens: list[int], model: llama_model_p) -> None:
    watcher = Watcher("l_out-0", "result_output")
    ctx = make_context(cb_eval=watcher.callback)
    assert greedy.decode(ctx, tokens) == 0
    n_vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    assert watcher.values["result_output"] == ffi.unpack(lib.llama_get_logits_ith(ctx, -1), n_vocab)
    assert len(watcher.values["l_out-0"]) == len(tokens) * lib.llama_model_n_embd(model)
    assert any(watcher.values["l_out-0"])
    assert {f"l_out-{layer}" for layer in range(lib.llama_model_n_layer(model))} <= set(watcher.seen)


def test_eval_callback_changes_no_result(make_context: MakeContext, tokens: list[int]) -> None:
    watched = make_context(cb_eval=Watcher("result_output").callback)
    assert greedy.continuation(watched, tokens, 5) == greedy.continuation(make_context(), tokens, 5)


def test_eval_callback_stops_the_graph(make_context: MakeContext, tokens: list[int]) -> None:
    watcher = Watcher("result_output", until="l_out-1")
    greedy.decode(make_context(cb_eval=watcher.callback), tokens)
    assert list(watcher.values) == ["l_out-1"]
    assert "l_out-2" not in watcher.seen


# --- threads, by ffi.callback -----------------------------------------------------------------------------------------


def test_callbacks_on_several_threads(model: llama_model_p, make_context: MakeContext, tokens: list[int]) -> None:
    """Each thread decodes in a context of its own, and its callback is called on that very thread."""
    contexts = [make_context(n_threads=1, n_threads_batch=1) for _ in range(3)]
    callers: list[set[int]] = [set() for _ in contexts]
    results: list[Any] = [None for _ in contexts]

    def work(number: int) -> None:
        def abort(data: void_p) -> bool:
            callers[number].add(threading.get_ident())
            return False

        callback = ffi.callback("ggml_abort_callback", abort)
        lib.llama_set_abort_callback(contexts[number], callback, ffi.NULL)
        results[number] = greedy.continuation(contexts[number], tokens, 4)
        assert callers[number] == {threading.get_ident()}

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(contexts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results[0]
    assert results[0] == results[1] == results[2]
    assert len(set[int]().union(*callers)) == len(contexts)


def test_callback_of_a_sampler(model: llama_model_p, make_context: MakeContext, tokens: list[int]) -> None:
    """A sampler written in Python: it takes the second likeliest token."""
    own_name = ffi.new("char[]", b"second")
    types = {field_name: field.type for field_name, field in ffi.typeof("struct llama_sampler_i").fields}

    @ffi.callback(types["apply"])
    def apply(sampler: llama_sampler_p, candidates: llama_token_data_array_p) -> None:
        order = sorted(range(candidates.size), key=lambda i: -candidates.data[i].logit)
        candidates.selected = order[1]

    @ffi.callback(types["name"])
    def name(sampler: llama_sampler_p) -> char_p:
        return own_name

    interface = ffi.new("struct llama_sampler_i *", {"apply": apply, "name": name})
    sampler = lib.llama_sampler_init(interface, ffi.NULL)
    assert ffi.string(lib.llama_sampler_name(sampler)) == b"second"
    ctx = make_context()
    assert greedy.decode(ctx, tokens) == 0
    logits = ffi.unpack(lib.llama_get_logits_ith(ctx, -1), lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model)))
    second = sorted(range(len(logits)), key=lambda i: -logits[i])[1]
    assert lib.llama_sampler_sample(sampler, ctx, -1) == second
    lib.llama_sampler_free(sampler)


def test_log_callback_from_another_library_function(logged: list[tuple[int, str]]) -> None:
    """ggml's and gguf's messages go to the same place as llama's."""
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    assert not lib.gguf_init_from_file(encode_path(str(ROOT / "README.md")), params[0])
    assert any("gguf" in text for level, text in logged if level == lib.GGML_LOG_LEVEL_ERROR)


# --- making one -------------------------------------------------------------------------------------------------------


def test_only_callbacks_are_types_of_callback() -> None:
    for c_type in ("llama_token", "no_such_type", "ggml_vec_dot_t"):
        with pytest.raises(TypeError, match=c_type):
            callback(c_type, fail)
    with pytest.raises(TypeError, match="can't be called"):
        unchecked.callback("ggml_abort_callback", 3)


def test_pair() -> None:
    made = callback("ggml_abort_callback", bool)
    function, user_data = made
    assert ffi.typeof(function) is ffi.typeof("ggml_abort_callback")
    assert (function, user_data) == (made.function, made.user_data)
    assert function(user_data) is False


def test_callbacks_without_user_data_are_apart() -> None:
    asked: list[str] = []

    def asks(name: str) -> Callable[[str], None]:
        return lambda text: asked.append(name + text)

    made = {name: callback("ggml_abort_callback_t", asks(name)) for name in "ab"}
    for each in made.values():
        each.function(b"?")
    assert asked == ["a?", "b?"]


def test_places_for_callbacks_without_user_data_are_free_again() -> None:
    for _ in range(100):
        assert callback("ggml_abort_callback_t", fail).function
        collect()
    with pytest.raises(RuntimeError, match="too many"):
        [callback("ggml_abort_callback_t", fail) for _ in range(100)]


# --- progress ---------------------------------------------------------------------------------------------------------


def load(model_path: str, progress: Callable[[float], Optional[bool]]) -> llama_model_p:
    params = lib.llama_model_default_params()
    params.progress_callback, params.progress_callback_user_data = callback("llama_progress_callback", progress)
    return llamacffi.llama_model_load_from_file(encode_path(model_path), params)


def test_progress(model_path: str) -> None:
    parts: list[float] = []
    model = load(model_path, parts.append)
    lib.llama_model_free(model)
    assert parts == sorted(parts)
    assert len(parts) > 10
    assert parts[-1] == 1


def test_progress_cancels(model_path: str) -> None:
    parts: list[float] = []

    def report(part: float) -> bool:
        parts.append(part)
        return part < 0.3

    assert not load(model_path, report)
    assert 0.3 <= parts[-1] < 1


def test_exception_in_progress_is_raised_with_its_traceback(model_path: str) -> None:
    parts: list[float] = []

    def raises(part: float) -> None:
        parts.append(part)
        if part > 0.3:
            raise Trouble(part)

    with pytest.raises(Trouble) as caught:
        load(model_path, raises)
    assert 0.3 < parts[-1] < 1
    assert caught.value.args == (parts[-1],)
    assert "raises" in function_names(caught.value)


def test_exception_behind_lib_is_told_once(model_path: str) -> None:
    params = lib.llama_model_default_params()
    params.progress_callback, params.progress_callback_user_data = callback("llama_progress_callback", fail)
    assert not lib.llama_model_load_from_file(encode_path(model_path), params)
    assert "a Python callback raised" in str(llamacffi.last_error())
    assert isinstance(take_exception(), Trouble)
    assert take_exception() is None


def test_parameters_serve_again(model_path: str) -> None:
    """The Callback is nowhere but in the struct, and each load ends its use."""
    parts: list[float] = []
    params = lib.llama_model_default_params()
    params.progress_callback, params.progress_callback_user_data = callback("llama_progress_callback", parts.append)
    for _ in range(2):
        collect()
        lib.llama_model_free(lib.llama_model_load_from_file(encode_path(model_path), params))
    assert parts.count(1.0) == 2


def test_callback_that_is_gone_stops_the_call_instead(model_path: str) -> None:
    made = callback("llama_progress_callback", bool)
    params = lib.llama_model_default_params()
    params.progress_callback, params.progress_callback_user_data = made.function, made.user_data
    del made
    collect()
    with pytest.raises(ReferenceError, match="keep its Callback"):
        llamacffi.llama_model_load_from_file(encode_path(model_path), params)


# --- abort ------------------------------------------------------------------------------------------------------------


def test_abort(make_context: MakeContext, tokens: list[int]) -> None:
    asked: list[int] = []

    def abort() -> bool:
        asked.append(1)
        return len(asked) > 50

    ctx = make_context()
    lib.llama_set_abort_callback(ctx, *callback("ggml_abort_callback", abort))
    assert greedy.decode(ctx, tokens) == 2
    assert len(asked) == 51


def test_abort_in_the_parameters(make_context: MakeContext, tokens: list[int]) -> None:
    function, data = callback("ggml_abort_callback", lambda: True)
    assert greedy.decode(make_context(abort_callback=function, abort_callback_data=data), tokens) == 2


def test_exception_in_abort(make_context: MakeContext, tokens: list[int]) -> None:
    ctx = make_context()
    array = ffi.new("llama_token[]", tokens)
    lib.llama_set_abort_callback(ctx, *callback("ggml_abort_callback", fail))
    with pytest.raises(Trouble):
        llamacffi.llama_decode(ctx, lib.llama_batch_get_one(array, len(array)))
    lib.llama_set_abort_callback(ctx, ffi.NULL, ffi.NULL)
    assert greedy.continuation(ctx, tokens, 5) == greedy.continuation(make_context(), tokens, 5)


def test_abort_of_a_backend() -> None:
    backend = lib.ggml_backend_cpu_init()
    with graph_of(callback("ggml_custom1_op_t", lambda *_: None)) as graph:
        lib.ggml_backend_cpu_set_abort_callback(backend, *callback("ggml_abort_callback", lambda: True))
        assert lib.ggml_backend_graph_compute(backend, graph) == lib.GGML_STATUS_ABORTED
        lib.ggml_backend_cpu_set_abort_callback(backend, *callback("ggml_abort_callback", fail))
        with pytest.raises(Trouble):
            llamacffi.ggml_backend_graph_compute(backend, graph)
    lib.ggml_backend_free(backend)


def test_abort_of_a_plan() -> None:
    with graph_of(callback("ggml_custom1_op_t", lambda *_: None)) as graph:
        plan = ffi.new("struct ggml_cplan *", lib.ggml_graph_plan(graph, 1, ffi.NULL))
        work = ffi.new("uint8_t[]", plan.work_size + 1)
        plan.work_data = work
        assert llamacffi.ggml_graph_compute(graph, plan) == lib.GGML_STATUS_SUCCESS
        assert not plan.abort_callback
        plan.abort_callback, plan.abort_callback_data = callback("ggml_abort_callback", lambda: True)
        assert llamacffi.ggml_graph_compute(graph, plan) == lib.GGML_STATUS_ABORTED


# --- eval -------------------------------------------------------------------------------------------------------------


def test_eval(make_context: MakeContext, tokens: list[int]) -> None:
    values: list[float] = []

    def watch(tensor: ggml_tensor_p, ask: bool) -> Optional[bool]:
        if ask:
            return ffi.string(lib.ggml_get_name(tensor)) == b"result_output"
        array = ffi.new("float[]", lib.ggml_nelements(tensor))
        lib.ggml_backend_tensor_get(tensor, array, 0, ffi.sizeof(array))
        values.extend(array)
        return None

    function, data = callback("ggml_backend_sched_eval_callback", watch)
    ctx = make_context(cb_eval=function, cb_eval_user_data=data)
    assert greedy.decode(ctx, tokens) == 0
    assert values == ffi.unpack(lib.llama_get_logits_ith(ctx, -1), len(values))


@pytest.mark.parametrize("fails_when_asked", [True, False])
def test_exception_in_eval(make_context: MakeContext, tokens: list[int], fails_when_asked: bool) -> None:
    asked: list[bool] = []

    def watch(tensor: ggml_tensor_p, ask: bool) -> bool:
        asked.append(ask)
        if ask is fails_when_asked and len(asked) > 9:
            raise Trouble
        return True

    function, data = callback("ggml_backend_sched_eval_callback", watch)
    ctx = make_context(cb_eval=function, cb_eval_user_data=data)
    array = ffi.new("llama_token[]", tokens)
    with pytest.raises(Trouble):
        llamacffi.llama_decode(ctx, lib.llama_batch_get_one(array, len(array)))
    assert 9 < len(asked) < 13
    assert lib.llama_memory_seq_pos_max(lib.llama_get_memory(ctx), 0) == -1  # nothing half done is left


# --- operations -------------------------------------------------------------------------------------------------------


class graph_of:
    """A graph of three operations that are one another's input; the middle one is Python's."""

    def __init__(self, made: llamacffi.Callback, n_tasks: int = 1, backend: Optional[ggml_backend_p] = None) -> None:
        params = ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20, "no_alloc": bool(backend)})
        self.ctx = lib.ggml_init(params[0])
        first = lib.ggml_new_tensor_1d(self.ctx, lib.GGML_TYPE_F32, 4)
        self.squares = lib.ggml_sqr(self.ctx, first)
        self.own = lib.ggml_map_custom1(self.ctx, self.squares, made.function, n_tasks, made.user_data)
        self.last = lib.ggml_neg(self.ctx, self.own)
        self.graph = lib.ggml_new_graph(self.ctx)
        lib.ggml_build_forward_expand(self.graph, self.last)
        self.buffer = lib.ggml_backend_alloc_ctx_tensors(self.ctx, backend) if backend else None
        lib.ggml_set_f32(first, 2)

    def __enter__(self) -> ggml_cgraph_p:
        return self.graph

    def __exit__(self, *_: Any) -> None:
        lib.ggml_free(self.ctx)
        lib.ggml_backend_buffer_free(self.buffer or ffi.NULL)


def floats(tensor: ggml_tensor_p) -> float_p:
    return ffi.cast("float *", lib.ggml_get_data(tensor))


def test_operation_in_parts() -> None:
    parts: list[tuple[int, int]] = []

    def halve(dst: ggml_tensor_p, a: ggml_tensor_p, ith: int, nth: int) -> None:
        parts.append((ith, nth))
        for i in range(ith, 4, nth):
            floats(dst)[i] = floats(a)[i] / 2

    made = graph_of(callback("ggml_custom1_op_t", halve), n_tasks=2)
    with made as graph:
        assert lib.ggml_graph_compute_with_ctx(made.ctx, graph, 2) == lib.GGML_STATUS_SUCCESS
        assert ffi.unpack(floats(made.last), 4) == [-2] * 4
    assert parts == [(0, 2), (1, 2)]


def test_exception_in_an_operation() -> None:
    called: list[int] = []

    def halve(*_: Any) -> None:
        called.append(1)
        raise Trouble

    made = graph_of(callback("ggml_custom1_op_t", halve), n_tasks=2)
    with made as graph, pytest.raises(Trouble):
        llamacffi.ggml_graph_compute_with_ctx(made.ctx, graph, 2)
    assert len(called) == 1


@pytest.mark.parametrize("inputs", [0, 1, 2, 3])
def test_operations_of_all_kinds(inputs: int) -> None:
    ctx = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20})[0])
    tensors = [lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 1) for _ in range(inputs or 3)]
    for number, tensor in enumerate(tensors):
        lib.ggml_set_f32(tensor, 10**number)

    def add(dst: ggml_tensor_p, *rest: Any) -> None:
        assert rest[-2:] == (0, 1)
        found = [dst.src[i] for i in range(3)] if inputs == 0 else rest[:-2]
        floats(dst)[0] = sum(floats(tensor)[0] for tensor in found)

    made = callback(f"ggml_custom{inputs or ''}_op_t", add)
    if inputs:
        dst = getattr(lib, f"ggml_map_custom{inputs}")(ctx, *tensors, made.function, 1, made.user_data)
    else:
        sources = ffi.new("struct ggml_tensor *[]", tensors)
        dst = lib.ggml_custom_4d(ctx, lib.GGML_TYPE_F32, 1, 1, 1, 1, sources, 3, made.function, 1, made.user_data)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, dst)
    lib.ggml_graph_compute_with_ctx(ctx, graph, 1)
    assert floats(dst)[0] == sum(10**number for number in range(inputs or 3))
    lib.ggml_free(ctx)


def test_compared_graphs() -> None:
    compared: list[tuple[int, int]] = []
    backends = lib.ggml_backend_cpu_init(), lib.ggml_backend_cpu_init()
    with graph_of(callback("ggml_custom1_op_t", lambda *_: None), backend=backends[0]) as graph:

        def note(index: int, first: ggml_tensor_p, second: ggml_tensor_p) -> None:
            compared.append((index, first.op))

        function, user_data = callback("ggml_backend_eval_callback", note)
        assert llamacffi.ggml_backend_compare_graph_backend(*backends, graph, function, user_data, ffi.NULL, 0)
        assert [index for index, _ in compared] == [0, 1, 2]
        function, user_data = callback("ggml_backend_eval_callback", fail)
        with pytest.raises(Trouble):
            llamacffi.ggml_backend_compare_graph_backend(*backends, graph, function, user_data, ffi.NULL, 0)
    for backend in backends:
        lib.ggml_backend_free(backend)


# --- samplers ---------------------------------------------------------------------------------------------------------


class Second:
    """Takes the second likeliest token."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.freed = 0

    def apply(self, candidates: llama_token_data_array_p) -> None:
        order = sorted(range(candidates.size), key=lambda i: -candidates.data[i].logit)
        candidates.selected = order[1]

    def accept(self, token: int) -> None:
        self.taken.append(token)

    def reset(self) -> None:
        self.taken.clear()

    def clone(self) -> Second:
        copy = Second()
        copy.taken = list(self.taken)
        return copy

    def free(self) -> None:
        self.freed += 1


def test_sampler_in_a_chain(make_context: MakeContext, tokens: list[int]) -> None:
    second = Second()
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_top_k(40))
    lib.llama_sampler_chain_add(chain, llamacffi.sampler(second))
    ctx = make_context()
    assert greedy.decode(ctx, tokens) == 0
    logits = ffi.unpack(
        lib.llama_get_logits_ith(ctx, -1), lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model_of(ctx)))
    )
    expected = sorted(range(len(logits)), key=lambda i: -logits[i])[1]
    collect()
    assert llamacffi.llama_sampler_sample(chain, ctx, -1) == expected
    assert second.taken == [expected]
    lib.llama_sampler_free(chain)
    assert second.freed == 1


def model_of(ctx: llama_context_p) -> llama_model_p:
    return lib.llama_get_model(ctx)


def test_sampler_name_reset_clone_copy() -> None:
    second = Second()
    made = llamacffi.sampler(second)
    assert ffi.string(lib.llama_sampler_name(made)) == b"Second"
    lib.llama_sampler_accept(made, 7)
    copy = lib.llama_sampler_clone(made)
    assert ffi.string(lib.llama_sampler_name(copy)) == b"Second"
    lib.llama_sampler_reset(made)
    assert second.taken == []
    lib.llama_sampler_accept(copy, 8)
    lib.llama_sampler_copy(copy, made)
    assert second.taken == [7, 8]
    lib.llama_sampler_free(copy)
    assert not second.freed
    lib.llama_sampler_free(made)
    assert second.freed


def candidates(*logits: float) -> tuple[Any, llama_token_data_array_p]:
    data = ffi.new("llama_token_data[]", [{"id": i, "logit": logit} for i, logit in enumerate(logits)])
    return data, ffi.new("llama_token_data_array *", {"data": data, "size": len(data), "selected": -1})


def test_sampler_of_functions() -> None:
    def last(found: llama_token_data_array_p) -> None:
        found.selected = found.size - 1

    made = llamacffi.sampler(apply=last, name="last")
    assert ffi.string(lib.llama_sampler_name(made)) == b"last"
    for each in (made, lib.llama_sampler_clone(made)):
        data, found = candidates(1, 2, 3)
        lib.llama_sampler_accept(each, data[0].id)
        lib.llama_sampler_apply(each, found)
        assert found.selected == 2
        lib.llama_sampler_free(each)


def test_what_is_no_sampler() -> None:
    with pytest.raises(TypeError, match="apply"):
        llamacffi.sampler(accept=print)
    with pytest.raises(TypeError, match="apply"):
        llamacffi.sampler(object())
    with pytest.raises(TypeError, match="backend_init"):
        llamacffi.sampler(apply=print, applied=print)


def test_exception_in_a_sampler(make_context: MakeContext, tokens: list[int]) -> None:
    made = llamacffi.sampler(apply=fail, accept=fail, clone=fail, reset=fail)
    ctx = make_context()
    assert greedy.decode(ctx, tokens) == 0
    calls: list[Callable[[], object]] = [
        lambda: llamacffi.llama_sampler_sample(made, ctx, -1),
        lambda: llamacffi.llama_sampler_accept(made, 0),
        lambda: llamacffi.llama_sampler_reset(made),
        lambda: llamacffi.llama_sampler_clone(made),
    ]
    for call in calls:
        with pytest.raises(Trouble):
            call()
    lib.llama_sampler_free(made)
    assert greedy.decode(ctx, [greedy.likeliest(ctx)]) == 0


class Likeliest:
    """A sampler that takes part in the graph."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def apply(self, found: llama_token_data_array_p) -> None:
        raise AssertionError("the graph has sampled")

    def backend_init(self, buft: ggml_backend_buffer_type_p, n_outputs: int) -> bool:
        assert n_outputs == 1
        self.calls.append("init")
        return True

    def backend_apply(self, context: ggml_context_p, graph: ggml_cgraph_p, data: Any) -> None:
        self.calls.append("apply")
        data.sampled = lib.ggml_argmax(context, data.logits)
        lib.ggml_build_forward_expand(graph, data.sampled)

    def backend_set_input(self) -> None:
        self.calls.append("set_input")


def test_sampler_in_the_graph(make_context: MakeContext, tokens: list[int]) -> None:
    likeliest = Likeliest()
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    lib.llama_sampler_chain_add(chain, llamacffi.sampler(likeliest))
    expected = greedy.continuation(make_context(), tokens, 1)
    config = ffi.new("struct llama_sampler_seq_config *", {"seq_id": 0, "sampler": chain})
    ctx = make_context(samplers=config, n_samplers=1)
    assert greedy.decode(ctx, tokens) == 0
    assert lib.llama_get_sampled_token_ith(ctx, -1) == expected[0]
    assert {"init", "apply", "set_input"} <= set(likeliest.calls)
    lib.llama_set_sampler(ctx, 0, ffi.NULL)
    lib.llama_sampler_free(chain)


# --- training ---------------------------------------------------------------------------------------------------------


class Line:
    """Learns a straight line: one weight, four points."""

    def __init__(self) -> None:
        self.backend = lib.ggml_backend_cpu_init()
        backends = ffi.new("ggml_backend_t[]", [self.backend])
        self.sched = lib.ggml_backend_sched_new(backends, ffi.NULL, 1, 2048, False, True)
        params = ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20, "no_alloc": True})
        self.static = lib.ggml_init(params[0])
        self.compute = lib.ggml_init(params[0])
        self.inputs = lib.ggml_new_tensor_2d(self.static, lib.GGML_TYPE_F32, 1, 1)
        self.weight = lib.ggml_new_tensor_1d(self.static, lib.GGML_TYPE_F32, 1)
        lib.ggml_set_param(self.weight)
        self.buffer = lib.ggml_backend_alloc_ctx_tensors(self.static, self.backend)
        lib.ggml_backend_tensor_set(self.weight, ffi.new("float *", 0), 0, 4)
        self.outputs = lib.ggml_mul(self.compute, self.inputs, self.weight)
        self.dataset = lib.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 1, 1, 4, 1)
        for i in range(4):
            floats(lib.ggml_opt_dataset_data(self.dataset))[i] = i + 1
            floats(lib.ggml_opt_dataset_labels(self.dataset))[i] = 3 * (i + 1)

    def optimizer(self, parameters: Callable[[Optional[int]], Any]) -> ggml_opt_context_p:
        params = lib.ggml_opt_default_params(self.sched, lib.GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR)
        params.ctx_compute, params.inputs, params.outputs = self.compute, self.inputs, self.outputs
        params.get_opt_pars, params.get_opt_pars_ud = callback("ggml_opt_get_optimizer_params", parameters)
        return lib.ggml_opt_init(params)

    def fit(self, parameters: Any) -> None:
        llamacffi.ggml_opt_fit(
            self.sched,
            self.compute,
            self.inputs,
            self.outputs,
            self.dataset,
            lib.GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR,
            lib.GGML_OPT_OPTIMIZER_TYPE_ADAMW,
            parameters,
            20,
            2,
            0.0,
            True,
        )

    def learnt(self) -> float:
        value = ffi.new("float *")
        lib.ggml_backend_tensor_get(self.weight, value, 0, 4)
        return float(value[0])

    def free(self) -> None:
        lib.ggml_opt_dataset_free(self.dataset)
        lib.ggml_backend_sched_free(self.sched)
        lib.ggml_free(self.compute)
        lib.ggml_free(self.static)
        lib.ggml_backend_buffer_free(self.buffer)
        lib.ggml_backend_free(self.backend)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.free()


def test_optimizer_parameters(line: Line) -> None:
    epochs: list[int] = []

    def parameters(epoch: Optional[int]) -> dict[str, Any]:
        assert epoch is not None
        epochs.append(epoch)
        return {"adamw": {"alpha": 0.3, "wd": 0}}

    made = callback("ggml_opt_get_optimizer_params", parameters)
    line.fit(made.function)
    assert sorted(set(epochs)) == list(range(1, 21))
    assert line.learnt() == pytest.approx(3, abs=0.3)


def test_exception_in_optimizer_parameters_ends_the_fit(line: Line) -> None:
    epochs: list[Optional[int]] = []

    def parameters(epoch: Optional[int]) -> None:
        epochs.append(epoch)
        if epoch == 3:
            raise Trouble

    made = callback("ggml_opt_get_optimizer_params", parameters)
    with pytest.raises(Trouble):
        line.fit(made.function)
    assert epochs.count(3) == 1
    assert epochs[-1] == 3


def test_epochs(line: Line) -> None:
    steps: list[tuple[Any, ...]] = []
    optimizer = line.optimizer(lambda epoch: {"adamw": {"alpha": 0.1, "wd": 0}})
    collect()

    def step(
        train: bool, context: ggml_opt_context_p, dataset: ggml_opt_dataset_p, result: ggml_opt_result_p, *counts: int
    ) -> None:
        assert (context, dataset) == (optimizer, line.dataset)
        steps.append((train, *counts[:2]))

    train, evaluate = callback("ggml_opt_epoch_callback", step), callback("ggml_opt_epoch_callback", step)
    results = lib.ggml_opt_result_init(), lib.ggml_opt_result_init()
    llamacffi.ggml_opt_epoch(optimizer, line.dataset, *results, 3, train.function, evaluate.function)
    assert steps == [(True, 1, 3), (True, 2, 3), (True, 3, 3), (False, 1, 1)]
    assert line.learnt() > 0

    failing = callback("ggml_opt_epoch_callback", fail)
    with pytest.raises(Trouble):
        llamacffi.ggml_opt_epoch(optimizer, line.dataset, *results, 3, failing.function, ffi.NULL)
    steps.clear()
    lib.ggml_opt_epoch(optimizer, line.dataset, *results, 3, train.function, ffi.NULL)
    assert len(steps) == 3
    for result in results:
        lib.ggml_opt_result_free(result)
    lib.ggml_opt_free(optimizer)


def test_exception_in_an_epoch(line: Line) -> None:
    calls: list[int] = []

    def parameters(epoch: Optional[int]) -> dict[str, Any]:
        calls.append(1)
        if len(calls) == 2:
            raise Trouble
        return {"adamw": {"alpha": 0.1, "wd": 0}}

    optimizer = line.optimizer(parameters)
    result = lib.ggml_opt_result_init()
    with pytest.raises(Trouble):
        llamacffi.ggml_opt_epoch(optimizer, line.dataset, result, ffi.NULL, 4, ffi.NULL, ffi.NULL)
    assert len(calls) == 2
    lib.ggml_opt_epoch(optimizer, line.dataset, result, ffi.NULL, 4, ffi.NULL, ffi.NULL)
    assert len(calls) == 6
    lib.ggml_opt_result_free(result)
    lib.ggml_opt_free(optimizer)


def test_parameter_filter(model_path: str) -> None:
    model_params = lib.llama_model_default_params()
    model_params.load_mode = lib.LLAMA_LOAD_MODE_NONE
    model = lib.llama_model_load_from_file(encode_path(model_path), model_params)
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = 64
    ctx = lib.llama_init_from_model(model, params)
    names: list[bytes] = []
    training = ffi.new("struct llama_opt_params *")

    def note(tensor: ggml_tensor_p) -> None:
        names.append(ffi.string(lib.ggml_get_name(tensor)))

    training.param_filter, training.param_filter_ud = callback("llama_opt_param_filter", note)
    training.get_opt_pars, training.get_opt_pars_ud = callback("ggml_opt_get_optimizer_params", lambda *_: None)
    llamacffi.llama_opt_init(ctx, model, training[0])
    assert b"output_norm.weight" in names
    lib.llama_free(ctx)
    lib.llama_model_free(model)


# --- models and files -------------------------------------------------------------------------------------------------


def reader_of(data: bytes) -> Callable[[int, Any], int]:
    def read(offset: int, buffer: Any) -> int:
        piece = data[offset : offset + len(buffer)]
        buffer[0 : len(piece)] = piece
        return len(piece)

    return read


def init_gguf(size: int, read: Callable[[int, Any], Any]) -> gguf_context_p:
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    function, user_data = callback("gguf_reader_callback_t", read)
    return llamacffi.gguf_init_from_callback(function, user_data, 0, size, params[0])


@pytest.fixture(scope="module")
def vocabulary() -> bytes:
    return (ROOT / "vendor" / "llama.cpp" / "models" / "ggml-vocab-bert-bge.gguf").read_bytes()


def test_gguf_reader(vocabulary: bytes) -> None:
    gguf = init_gguf(len(vocabulary), reader_of(vocabulary))
    assert lib.gguf_find_key(gguf, b"tokenizer.ggml.tokens") >= 0
    lib.gguf_free(gguf)
    assert not init_gguf(100, reader_of(vocabulary[:100]))


FAILING: list[tuple[Callable[..., Any], type[Exception]]] = [
    (fail, Trouble),
    (lambda *_: None, TypeError),
    (lambda *_: 10**6, ValueError),
]


@pytest.mark.parametrize(("read", "error"), FAILING)
def test_exception_in_a_gguf_reader(read: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        init_gguf(1000, read)


def init_model(model_path: str, set_data: Callable[[ggml_tensor_p], Any]) -> llama_model_p:
    no_alloc = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    metadata = lib.gguf_init_from_file(encode_path(model_path), no_alloc[0])
    try:
        function, user_data = callback("llama_model_set_tensor_data_t", set_data)
        return llamacffi.llama_model_init_from_user(metadata, function, user_data, lib.llama_model_default_params())
    finally:
        lib.gguf_free(metadata)


def test_tensor_data(model_path: str) -> None:
    names: list[bytes] = []
    model = init_model(model_path, lambda tensor: names.append(ffi.string(lib.ggml_get_name(tensor))))
    assert b"token_embd.weight" in names
    lib.llama_model_free(model)


def test_exception_in_tensor_data(model_path: str) -> None:
    names: list[int] = []

    def set_data(tensor: ggml_tensor_p) -> None:
        names.append(1)
        if len(names) == 5:
            raise Trouble

    with pytest.raises(Trouble):
        init_model(model_path, set_data)
    assert len(names) == 5


def test_split_states() -> None:
    asked: list[bytes] = []

    def mirrored(tensor: ggml_tensor_p) -> dict[str, Any]:
        asked.append(ffi.string(lib.ggml_get_name(tensor)))
        return {"axis": lib.GGML_BACKEND_SPLIT_AXIS_MIRRORED, "n_segments": 1}

    devices = ffi.new("ggml_backend_dev_t[]", [lib.ggml_backend_dev_by_type(lib.GGML_BACKEND_DEVICE_TYPE_CPU)] * 2)
    device = lib.ggml_backend_meta_device(devices, 2, *callback("ggml_backend_meta_get_split_state_t", mirrored))
    collect()
    ctx = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20, "no_alloc": True})[0])
    tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)
    lib.ggml_set_name(tensor, b"split")
    buffer = lib.ggml_backend_alloc_ctx_tensors_from_buft(ctx, lib.ggml_backend_dev_buffer_type(device))
    assert b"split" in asked
    lib.ggml_backend_buffer_free(buffer)
    lib.ggml_free(ctx)


# --- mtmd: by hand, as there is no model that sees --------------------------------------------------------------------


def test_lazy_bitmap() -> None:
    made = callback("mtmd_bitmap_lazy_callback", [lib.mtmd_bitmap_init(1, 1, b"rgb"), "größer", None].__getitem__)
    bitmap, text = ffi.new("mtmd_bitmap **"), ffi.new("char **")
    assert made.function(0, made.user_data, bitmap, text) == 0
    assert lib.mtmd_bitmap_get_nx(bitmap[0]) == 1
    assert text[0] == ffi.NULL
    lib.mtmd_bitmap_free(bitmap[0])
    bitmap[0] = ffi.NULL
    assert made.function(1, made.user_data, bitmap, text) == 0
    assert bitmap[0] == ffi.NULL
    assert ffi.string(text[0]).decode() == "größer"
    assert made.function(2, made.user_data, bitmap, text) == -1


def test_lazy_bitmap_holds_its_callback() -> None:
    held = weakref.ref(made := callback("mtmd_bitmap_lazy_callback", fail))
    bitmap = lib.mtmd_bitmap_init_lazy(ffi.NULL, b"id", made.user_data, made.function)
    del made
    collect()
    assert held()
    lib.mtmd_bitmap_free(bitmap)
    collect()
    assert not held()


def test_decoded_images() -> None:
    seen: list[int] = []

    def note(batch: mtmd_helper_embd_batch_p) -> None:
        seen.append(batch.n_tokens)

    made = callback("mtmd_helper_post_decode_callback", note)
    batch = ffi.new("struct mtmd_helper_embd_batch *", {"n_tokens": 3})
    assert made.function(batch, made.user_data) == 0
    assert seen == [3]
    other = callback("mtmd_helper_post_decode_callback", lambda *_: -7)
    assert other.function(batch, other.user_data) == -7


def test_progress_of_mtmd() -> None:
    def first_half(part: float) -> bool:
        return part < 0.5

    made = callback("mtmd_progress_callback", first_half)
    assert made.function(0.1, made.user_data)
    assert not made.function(0.9, made.user_data)


def test_exception_without_a_call_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """C code of somebody else's has called: nobody would ask for it."""
    for c_type, arguments, stop in [
        ("mtmd_bitmap_lazy_callback", (0, None, ffi.NULL, ffi.NULL), -2),
        ("mtmd_helper_post_decode_callback", (ffi.NULL, None), -1),
        ("mtmd_progress_callback", (0.0, None), False),
        ("ggml_abort_callback", (None,), True),
    ]:
        made = callback(c_type, fail)
        assert made.function(*(made.user_data if each is None else each for each in arguments)) == stop
        assert "Trouble" in capsys.readouterr().err


# --- failures ---------------------------------------------------------------------------------------------------------


def test_callback_of_a_failed_assertion() -> None:
    messages: list[str] = []
    made = callback("ggml_abort_callback_t", messages.append)
    lib.ggml_set_abort_callback(made.function)
    interface = ffi.new("struct llama_sampler_i *")
    sampler = lib.llama_sampler_init(interface, ffi.cast("void *", 1))
    with pytest.raises(llamacffi.NativeAssertionError):
        llamacffi.llama_sampler_clone(sampler)
    assert "does not support cloning" in messages[0]
    assert lib.ggml_set_abort_callback(ffi.NULL) == made.function
    lib.llama_sampler_free(sampler)


# --- lifetimes --------------------------------------------------------------------------------------------------------


def hold_eval(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    def take(made: Any) -> Any:
        params = lib.llama_context_default_params()
        params.cb_eval, params.cb_eval_user_data = made
        return lib.llama_init_from_model(model, params)

    return "ggml_backend_sched_eval_callback", take, lib.llama_free


def hold_abort(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    def take(made: Any) -> Any:
        params = lib.llama_context_default_params()
        params.abort_callback, params.abort_callback_data = made
        return lib.llama_init_from_model(model, params)

    return "ggml_abort_callback", take, lib.llama_free


def hold_abort_later(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    def take(made: Any) -> Any:
        ctx = lib.llama_init_from_model(model, lib.llama_context_default_params())
        lib.llama_set_abort_callback(ctx, *made)
        return ctx

    def replace(ctx: Any) -> None:
        lib.llama_set_abort_callback(ctx, ffi.NULL, ffi.NULL)

    return "ggml_abort_callback", take, replace


def hold_operation(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    return "ggml_custom1_op_t", graph_of, lambda graph: lib.ggml_free(graph.ctx)


def hold_scheduler(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    def take(made: Any) -> Any:
        line = Line()
        lib.ggml_backend_sched_set_eval_callback(line.sched, *made)
        return line

    return "ggml_backend_sched_eval_callback", take, Line.free


def hold_optimizer(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    def take(made: Any) -> Any:
        line = Line()
        params = lib.ggml_opt_default_params(line.sched, lib.GGML_OPT_LOSS_TYPE_SUM)
        params.ctx_compute, params.inputs, params.outputs = line.compute, line.inputs, line.outputs
        params.get_opt_pars, params.get_opt_pars_ud = made
        return line, lib.ggml_opt_init(params)

    def free(owner: Any) -> None:
        lib.ggml_opt_free(owner[1])
        owner[0].free()

    return "ggml_opt_get_optimizer_params", take, free


def hold_log(model: llama_model_p) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
    def take(made: Any) -> Any:
        before = ffi.new("ggml_log_callback *"), ffi.new("void **")
        lib.llama_log_get(*before)
        lib.llama_log_set(*made)
        return before

    return "ggml_log_callback", take, lambda before: lib.llama_log_set(before[0][0], before[1][0])


@pytest.mark.parametrize(
    "holder",
    [hold_eval, hold_abort, hold_abort_later, hold_operation, hold_scheduler, hold_optimizer, hold_log],
    ids=lambda holder: holder.__name__,
)
def test_callback_lives_as_long_as_what_it_was_given_to(holder: Any, model: llama_model_p) -> None:
    c_type, take, let_go = holder(model)
    function = Second()  # an object that can be told from all others
    held = weakref.ref(function)
    owner = take(callback(c_type, function.free if c_type == "none" else Bound(function)))
    del function
    collect()
    assert held()
    let_go(owner)
    collect()
    assert not held()


class Bound:
    """A function that has an object."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __call__(self, *_: Any) -> None:
        return None


def test_sampler_lives_as_long_as_c_has_it() -> None:
    held = weakref.ref(second := Second())
    made = llamacffi.sampler(second)
    del second
    collect()
    assert held()
    lib.llama_sampler_free(made)
    collect()
    assert not held()


def test_function_given_to_a_call_is_let_go_of(vocabulary: bytes) -> None:
    held = weakref.ref(read := reader_of(vocabulary))
    params = ffi.new("struct gguf_init_params *", {"no_alloc": True})
    lib.gguf_free(llamacffi.gguf_init_from_callback(read, None, 0, len(vocabulary), params[0]))
    del read
    collect()
    assert not held()


# --- threads and calls within calls -----------------------------------------------------------------------------------


def test_each_thread_gets_its_own_exception(vocabulary: bytes) -> None:
    found: dict[int, int] = {}

    def work(number: int) -> None:
        def read(offset: int, buffer: Any) -> int:
            raise Trouble(number)

        try:
            init_gguf(1000, read)
        except Trouble as error:
            found[number] = error.args[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(8)}


def test_exception_of_a_call_within_a_callback_is_its_own(model_path: str, vocabulary: bytes) -> None:
    caught: list[Trouble] = []

    def progress(part: float) -> None:
        try:
            init_gguf(1000, fail)
        except Trouble as error:
            caught.append(error)

    model = load(model_path, progress)
    assert model
    assert len(caught) > 10
    lib.llama_model_free(model)


def test_wrong_call_within_a_callback(model_path: str) -> None:
    def progress(part: float) -> None:
        unchecked.lib.llama_n_ctx(ffi.NULL)

    model = load(model_path, progress)
    assert model
    lib.llama_model_free(model)
    with pytest.raises(llamacffi.InvalidArgumentError):
        load(model_path, lambda part: unchecked.llama_n_ctx(None))


# --- interrupts -------------------------------------------------------------------------------------------------------

LONG_DECODE = """
import os, signal, sys, threading, time
import llamacffi
from llamacffi import ffi, lib
model = lib.llama_model_load_from_file(os.fsencode(sys.argv[1]), lib.llama_model_default_params())
params = lib.llama_context_default_params()
params.n_ctx = params.n_batch = 8192
params.n_threads = params.n_threads_batch = 2
ctx = lib.llama_init_from_model(model, params)
tokens = ffi.new("llama_token[]", list(range(100, 8100)))
batch = lib.llama_batch_get_one(tokens, len(tokens))
start = time.monotonic()

def interrupt(number=signal.SIGINT):
    global start
    time.sleep(1)
    start = time.monotonic()
    os.kill(os.getpid(), number)
"""

posix_only = pytest.mark.skipif(os.name != "posix", reason="sends a signal")


@posix_only
@pytest.mark.parametrize("way", ["lib", "llamacffi"])
def test_interrupt_stops_decoding(run_python: Run, model_path: str, way: str) -> None:
    code = f"""{LONG_DECODE}
threading.Thread(target=interrupt).start()
try:
    {way}.llama_decode(ctx, batch)
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - start < 1)
lib.llama_memory_clear(lib.llama_get_memory(ctx), True)
print({way}.llama_decode(ctx, lib.llama_batch_get_one(tokens, 4)), signal.getsignal(signal.SIGINT).__name__)
"""
    done = run_python("-c", code, model_path)
    assert done.stdout == "interrupted True\n0 default_int_handler\n", done.stderr


@posix_only
def test_interrupt_is_not_lost_beside_a_callback(run_python: Run, model_path: str) -> None:
    code = f"""{LONG_DECODE}
lib.llama_set_abort_callback(ctx, *llamacffi.callback("ggml_abort_callback", lambda: False))
threading.Thread(target=interrupt).start()
try:
    lib.llama_decode(ctx, batch)
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - start < 1)
"""
    done = run_python("-c", code, model_path)
    assert done.stdout == "interrupted True\n", done.stderr


@posix_only
@pytest.mark.parametrize("way", ["lib", "llamacffi"])
def test_exception_of_a_signal_handler(run_python: Run, model_path: str, way: str) -> None:
    code = f"""{LONG_DECODE}
def on_alarm(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, 1)
try:
    {way}.llama_decode(ctx, batch)
except TimeoutError:
    print("timeout", time.monotonic() - start < 2)
"""
    done = run_python("-c", code, model_path)
    assert done.stdout == "timeout True\n", done.stderr


@posix_only
def test_signal_handler_that_returns_stops_nothing(run_python: Run, model_path: str) -> None:
    code = f"""{LONG_DECODE}
handled = []
signal.signal(signal.SIGALRM, lambda *_: handled.append(time.monotonic()))
signal.setitimer(signal.ITIMER_REAL, 0.3, 0.3)
print(lib.llama_decode(ctx, lib.llama_batch_get_one(tokens, 800)))
print(any(each < time.monotonic() - 0.1 for each in handled))
"""
    done = run_python("-c", code, model_path)
    assert done.stdout == "0\nTrue\n", done.stderr


@posix_only
@pytest.mark.parametrize("way", ["lib", "llamacffi"])
def test_interrupt_stops_loading(run_python: Run, model_path: str, way: str) -> None:
    code = f"""
import os, signal, sys
import llamacffi
from llamacffi import lib
signal.signal(signal.SIGALRM, signal.default_int_handler)
params = lib.llama_model_default_params()
params.load_mode = lib.LLAMA_LOAD_MODE_NONE
interrupted = 0
for _ in range(20):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        model = {way}.llama_model_load_from_file(os.fsencode(sys.argv[1]), params)
        signal.setitimer(signal.ITIMER_REAL, 0)
        lib.llama_model_free(model)
    except KeyboardInterrupt:
        interrupted += 1
print(interrupted > 0)
"""
    done = run_python("-c", code, model_path)
    assert done.stdout == "True\n", done.stderr


@posix_only
@pytest.mark.parametrize("way", ["lib", "llamacffi"])
def test_interrupt_while_backends_load(run_python: Run, way: str) -> None:
    """It is the caller's, and the next call loads them."""
    code = f"""
import signal
import llamacffi
from llamacffi import backends, lib
load, backends.load_backends = backends.load_backends, lambda: signal.raise_signal(signal.SIGINT)
try:
    print({way}.ggml_backend_dev_count())
except KeyboardInterrupt:
    print("interrupted")
backends.load_backends = load
print({way}.ggml_backend_dev_count() > 0)
"""
    done = run_python("-c", code)
    assert (done.stdout, done.stderr) == ("interrupted\nTrue\n", "")


@posix_only
def test_interrupt_meets_the_main_thread_alone(run_python: Run, model_path: str) -> None:
    code = f"""{LONG_DECODE}
results = []
thread = threading.Thread(target=lambda: results.append(lib.llama_decode(ctx, lib.llama_batch_get_one(tokens, 1000))))
thread.start()
try:
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    thread.join()
    print(results)
"""
    done = run_python("-c", code, model_path)
    assert done.stdout == "[0]\n", done.stderr


# --- the end, and forks -----------------------------------------------------------------------------------------------


def test_end_of_the_interpreter_while_a_thread_decodes(run_python: Run, model_path: str) -> None:
    code = f"""{LONG_DECODE}
lib.llama_set_abort_callback(ctx, *llamacffi.callback("ggml_abort_callback", lambda: False))
def work():
    lib.llama_decode(ctx, batch)
threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
print("end", flush=True)
"""
    done = run_python("-c", code, model_path)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_objects_freed_at_the_end_of_the_interpreter(run_python: Run, model_path: str) -> None:
    code = f"""{LONG_DECODE}
class Owner:
    def __del__(self):
        lib.llama_free(ctx)
        lib.llama_sampler_free(sampler)
        lib.llama_model_free(model)
sampler = llamacffi.sampler(apply=print)
lib.llama_set_abort_callback(ctx, *llamacffi.callback("ggml_abort_callback", lambda: False))
owner = sys.owner = Owner()
print("end")
"""
    done = run_python("-c", code, model_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_callbacks_in_a_forked_process(run_python: Run, model_path: str) -> None:
    code = f"""{LONG_DECODE}
asked = []
lib.llama_set_abort_callback(ctx, *llamacffi.callback("ggml_abort_callback", lambda: bool(asked.append(1))))
child = os.fork()
assert lib.llama_decode(ctx, lib.llama_batch_get_one(tokens, 4)) == 0
assert asked
if child:
    sys.exit(os.waitpid(child, 0)[1])
print("child")
"""
    done = run_python("-c", code, model_path)
    assert (done.returncode, done.stdout) == (0, "child\n"), done.stderr
