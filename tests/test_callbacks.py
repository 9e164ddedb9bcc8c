"""Python functions that native code calls, made with `ffi.callback`; those of the package's own are tested in
test_generate.py, which uses them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import greedy
from carrier import ROOT
from llamacffi import ffi, lib
from llamacffi.generate import tokenize
from llamacffi.native import encode_path

MakeContext = Callable[..., ffi.CData]

PROMPT = "1, 2, 3, 4,"


@pytest.fixture
def tokens(model: ffi.CData) -> list[int]:
    return tokenize(lib.llama_model_get_vocab(model), PROMPT)


# --- log ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def logged() -> Iterator[list[tuple[int, str]]]:
    """The level and text of what native code logs during the test."""
    lines: list[tuple[int, str]] = []

    @ffi.callback("void(enum ggml_log_level, const char *, void *)")
    def log(level: int, text: ffi.CData, user_data: ffi.CData) -> None:
        assert ffi.from_handle(user_data) is lines
        lines.append((level, ffi.string(text).decode("utf-8", "replace")))

    handle = ffi.new_handle(lines)
    before, before_data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(before, before_data)
    lib.llama_log_set(log, handle)
    yield lines
    lib.llama_log_set(before[0], before_data[0])


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


def test_exception_in_a_log_callback_does_no_harm(make_context: MakeContext) -> None:
    before, before_data = ffi.new("ggml_log_callback *"), ffi.new("void **")
    lib.llama_log_get(before, before_data)
    failures = []

    def fail(*_: Any) -> None:
        failures.append(1)
        raise KeyError("in the log")

    callback = ffi.callback("void(enum ggml_log_level, const char *, void *)", fail, onerror=lambda *_: None)
    lib.llama_log_set(callback, ffi.NULL)
    make_context()
    lib.llama_log_set(before[0], before_data[0])
    assert failures


# --- progress -----------------------------------------------------------------------------------------------------


def test_progress_callback_cancels_the_load(model_path: str) -> None:
    parts: list[float] = []

    @ffi.callback("llama_progress_callback")
    def report(part: float, user_data: ffi.CData) -> bool:
        parts.append(part)
        return part < 0.3

    params = lib.llama_model_default_params()
    params.progress_callback = report
    assert not lib.llama_model_load_from_file(encode_path(model_path), params)
    assert 0.3 <= parts[-1] < 1


def test_progress_callback_that_fails_cancels_the_load(model_path: str) -> None:
    kept = []

    def keep(kind: type, error: BaseException, traceback: Any) -> None:
        kept.append(error)

    @ffi.callback("llama_progress_callback", error=False, onerror=keep)
    def report(part: float, user_data: ffi.CData) -> bool:
        raise KeyError(part)

    params = lib.llama_model_default_params()
    params.progress_callback = report
    assert not lib.llama_model_load_from_file(encode_path(model_path), params)
    assert len(kept) == 1
    assert isinstance(kept[0], KeyError)


# --- abort --------------------------------------------------------------------------------------------------------


def test_abort_callback_stops_decoding(make_context: MakeContext, tokens: list[int]) -> None:
    asked = []

    @ffi.callback("ggml_abort_callback")
    def abort(data: ffi.CData) -> bool:
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
    callback = ffi.callback("ggml_abort_callback", lambda data: False)
    lib.llama_set_abort_callback(ctx, callback, ffi.NULL)
    assert greedy.continuation(ctx, tokens, 5) == greedy.continuation(other, tokens, 5)


def test_context_goes_on_after_an_abort(make_context: MakeContext, tokens: list[int]) -> None:
    ctx, other = make_context(), make_context()
    callback = ffi.callback("ggml_abort_callback", lambda data: True)
    lib.llama_set_abort_callback(ctx, callback, ffi.NULL)
    assert greedy.decode(ctx, tokens) == 2
    lib.llama_set_abort_callback(ctx, ffi.NULL, ffi.NULL)
    lib.llama_memory_clear(lib.llama_get_memory(ctx), True)
    assert greedy.continuation(ctx, tokens, 5) == greedy.continuation(other, tokens, 5)


# --- eval ---------------------------------------------------------------------------------------------------------


class Watcher:
    """A scheduler's eval callback that keeps the values of the tensors with these names."""

    def __init__(self, *wanted: str, until: str = "") -> None:
        self.wanted = wanted
        self.until = until
        self.seen: list[str] = []
        self.values: dict[str, list[float]] = {}
        self.callback = ffi.callback("ggml_backend_sched_eval_callback", self.watch)

    def watch(self, tensor: ffi.CData, ask: bool, user_data: ffi.CData) -> bool:
        name = ffi.string(lib.ggml_get_name(tensor)).decode()
        if ask:
            self.seen.append(name)
            return name in self.wanted or name == self.until
        values = ffi.new("float[]", lib.ggml_nelements(tensor))
        lib.ggml_backend_tensor_get(tensor, values, 0, ffi.sizeof(values))
        self.values[name] = list(values)
        return name != self.until


def test_eval_callback_sees_the_tensors(make_context: MakeContext, tokens: list[int], model: ffi.CData) -> None:
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


# --- threads ------------------------------------------------------------------------------------------------------


def test_callbacks_on_several_threads(model: ffi.CData, make_context: MakeContext, tokens: list[int]) -> None:
    """Each thread decodes in a context of its own, and its callback is called on that very thread."""
    contexts = [make_context(n_threads=1, n_threads_batch=1) for _ in range(3)]
    callers: list[set[int]] = [set() for _ in contexts]
    results: list[Any] = [None for _ in contexts]

    def work(number: int) -> None:
        def abort(data: ffi.CData) -> bool:
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
    assert len(set.union(*callers)) == len(contexts)


def test_callback_of_a_sampler(model: ffi.CData, make_context: MakeContext, tokens: list[int]) -> None:
    """A sampler written in Python: it takes the second likeliest token."""
    own_name = ffi.new("char[]", b"second")
    types = {field_name: field.type for field_name, field in ffi.typeof("struct llama_sampler_i").fields}

    @ffi.callback(types["apply"])
    def apply(sampler: ffi.CData, candidates: ffi.CData) -> None:
        order = sorted(range(candidates.size), key=lambda i: -candidates.data[i].logit)
        candidates.selected = order[1]

    @ffi.callback(types["name"])
    def name(sampler: ffi.CData) -> ffi.CData:
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
