"""Contexts: their parameters, computing, outputs, memory, states, adapters, threads and ends."""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import llamacffi
import tiny_models
from llamacffi import (
    Batch,
    BusyError,
    Context,
    FreedHandleError,
    InvalidArgumentError,
    LlamaError,
    LoraAdapter,
    Model,
    Sampler,
    ffi,
    lib,
)

N_VOCAB, N_EMBD = tiny_models.N_VOCAB, tiny_models.N_EMBD


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contexts")


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Iterator[Model]:
    with Model(tiny_models.write_llama(folder / "tiny.gguf", context_length=1024)) as model:
        yield model


@pytest.fixture
def context(tiny: Model) -> Iterator[Context]:
    with tiny.context(n_ctx=256, n_threads=1, n_seq_max=4, kv_unified=True) as context:
        yield context


def logits_of(model: Model, tokens: list[int]) -> np.ndarray:
    """The last one's logits, by C's functions alone."""
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = 512
    ctx = lib.llama_init_from_model(model.handle, params)
    assert lib.llama_decode(ctx, lib.llama_batch_get_one(ffi.new("llama_token[]", tokens), len(tokens))) == 0
    logits = np.array(list(lib.llama_get_logits_ith(ctx, -1)[0:N_VOCAB]), np.float32)
    lib.llama_free(ctx)
    return logits


def is_close(one: Any, other: Any) -> bool:
    """Whether these are the same but for what the sizes of batches and 16-bit numbers in the cache change."""
    return bool(np.allclose(one, other, atol=5e-3))


# --- parameters ---


def test_parameters(tiny: Model) -> None:
    with Context(
        tiny,
        n_ctx=512,
        n_batch=128,
        n_ubatch=64,
        n_seq_max=2,
        n_threads=3,
        n_threads_batch=2,
        embeddings=True,
        pooling_type="mean",
        type_k="f32",
        type_v=lib.GGML_TYPE_F16,
        flash_attn_type="enabled",
    ) as context:
        sizes = (context.n_ctx, context.n_ctx_seq, context.n_batch, context.n_ubatch, context.n_seq_max)
        assert sizes == (512, 256, 128, 64, 2)
        assert (context.n_threads, context.n_threads_batch) == (3, 2)
        assert context.pooling_type == "mean"
        assert context.n_embd == N_EMBD
        assert context.causal_attn
        assert context.model is tiny
        context.n_threads = 1
        context.n_threads_batch = 4
        assert (context.n_threads, context.n_threads_batch) == (1, 4)
        context.set_causal_attn(False)
        assert not context.causal_attn


def test_defaults_are_llama_cpps_but_for_the_threads(tiny: Model) -> None:
    from llamacffi.params import processors

    default = lib.llama_context_default_params()
    with tiny.context() as context:
        assert context.n_ctx == default.n_ctx
        assert context.n_ubatch == default.n_ubatch
        assert context.n_threads == context.n_threads_batch == processors()
    with tiny.context(n_ctx=0) as context:
        assert context.n_ctx == tiny.n_ctx_train


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_ctxx": 1}, "n_ctx"),
        ({"n_ctx": -1}, "n_ctx"),
        ({"n_ctx": "many"}, "n_ctx"),
        ({"pooling_type": "median"}, "mean"),
        ({"type_k": "q9"}, "q8_0"),
        ({"n_seq_max": 1_000_000}, "n_seq_max"),
    ],
    ids=str,
)
def test_wrong_parameters(tiny: Model, params: dict[str, Any], message: str) -> None:
    with pytest.raises(LlamaError, match=message):
        tiny.context(**params)


def test_model_without_weights_has_the_reason(folder: Path, tiny: Model) -> None:
    with Model(folder / "tiny.gguf", vocab_only=True) as model, model.context(n_ctx=64) as context:
        with pytest.raises(InvalidArgumentError, match="without its weights"):
            context.decode([1])
        assert context.n_ctx == 256


# --- computing ---

TOKENS = [1, 20, 300, 4, 50]


def in_batch(context: Context) -> None:
    with Batch(8) as batch:
        batch.set(TOKENS)
        context.decode(batch)


def in_batches(context: Context) -> None:
    with Batch(8, n_seq_max=2) as batch:
        batch.set(TOKENS[:3], seq=(0, 1), logits="none")
        context.decode(batch)
        batch.set(np.array(TOKENS[3:]), pos=3)
        context.decode(batch)


def one_by_one(context: Context) -> None:
    for token in TOKENS:
        context.decode(token)


WAYS: list[Callable[[Context], None]] = [
    lambda context: context.decode(TOKENS),
    lambda context: context.decode(tuple(TOKENS)),
    lambda context: context.decode(np.array(TOKENS)),
    in_batch,
    in_batches,
    one_by_one,
]


@pytest.mark.parametrize("decode", WAYS)
def test_tokens_in_any_form_and_parts(tiny: Model, context: Context, decode: Callable[[Context], None]) -> None:
    decode(context)
    assert is_close(context.logits(), logits_of(tiny, TOKENS))
    assert context.memory.pos_max() == 4


def test_more_tokens_than_fit_a_batch(tiny: Model) -> None:
    tokens = [(7 * i) % N_VOCAB for i in range(100)]
    with tiny.context(n_ctx=256, n_batch=32, n_ubatch=16, n_threads=1) as context:
        context.decode(tokens)
        assert context.memory.pos_max() == 99
        assert is_close(context.logits(), logits_of(tiny, tokens))
        context.memory.clear()
        with Batch(100) as batch:
            batch.set(tokens)
            context.decode(batch)
            assert context.memory.pos_max() == 99
            assert is_close(context.logits(), logits_of(tiny, tokens))
            context.memory.clear()
            batch.set(tokens, logits=[i in (95, 97) for i in range(100)])
            with pytest.raises(LlamaError, match="no logits of token 95"):
                context.logits(95)
            batch.logits[3] = 1
            with pytest.raises(InvalidArgumentError, match=r"from index 96"):
                context.decode(batch)
            assert context.memory.pos_max() == -1


def test_many_sequences(tiny: Model, context: Context) -> None:
    prompts = [[5, 6, 7], [8], [9, 10, 11, 12]]
    with Batch(16) as batch:
        last = [batch.add(prompt, seq=seq) for seq, prompt in enumerate(prompts)]
        context.decode(batch)
    for prompt, i in zip(prompts, last):
        assert is_close(context.logits(i), logits_of(tiny, prompt))


def test_embeddings_in_the_place_of_tokens(tiny: Model, context: Context) -> None:
    numbers = np.random.default_rng(0).normal(size=(3, N_EMBD)).astype(np.float32)
    with Batch(4, n_embd=N_EMBD) as batch:
        batch.set(numbers)
        context.decode(batch)
        first = context.logits().copy()
        context.memory.clear()
        batch.set(numbers[:2], logits="none")
        context.decode(batch)
        batch.set(numbers[2], pos=2)
        context.decode(batch)
        assert is_close(context.logits(), first)


def test_no_room(context: Context) -> None:
    context.decode(range(250))
    with pytest.raises(LlamaError, match=r"no room for 10 more tokens .*n_ctx = 256") as raised:
        context.decode(range(10))
    assert "remove" in str(raised.value)
    assert context.memory.pos_max() == 249
    context.memory.remove(0, 200)
    context.decode(range(10))
    assert context.memory.pos_max() == 209


def test_aborted(tiny: Model) -> None:
    stop = threading.Event()
    with tiny.context(n_ctx=64, n_threads=1, abort_callback=stop.is_set) as context:
        context.decode([1])
        stop.set()
        with pytest.raises(LlamaError, match="aborted"):
            context.decode([2])
        context.set_abort_callback(None)
        context.memory.remove(0, 1)
        context.decode([2])
        context.set_abort_callback(lambda: True)
        with pytest.raises(LlamaError, match="aborted"):
            context.decode([3])


def test_exception_of_a_callback_comes_back(tiny: Model) -> None:
    class Enough(Exception):
        pass

    def fail() -> bool:
        raise Enough

    with tiny.context(n_ctx=64, n_threads=1, abort_callback=fail) as context, pytest.raises(Enough):
        context.decode([1])


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "no tokens"),
        ([N_VOCAB], "does not take this batch"),
        ([-1], "does not take this batch"),
        ("text", "tokens"),
        (None, "tokens"),
    ],
    ids=str,
)
def test_tokens_that_are_none(context: Context, tokens: Any, message: str) -> None:
    context.decode([1, 2])
    with pytest.raises(InvalidArgumentError, match=message):
        context.decode(tokens)
    assert context.memory.pos_max() == 1


def test_batch_that_does_not_fit(context: Context) -> None:
    with Batch(4) as batch:
        with pytest.raises(InvalidArgumentError, match="no tokens"):
            context.decode(batch)
        batch.set([1, 2], seq=9)
        with pytest.raises(InvalidArgumentError, match="invalid seq_id"):
            context.decode(batch)
        batch.set([1, 2], pos=[4, 3])
        with pytest.raises(InvalidArgumentError):
            context.decode(batch)
    with pytest.raises(FreedHandleError, match="this Batch was closed"):
        context.decode(batch)


def test_encoding_takes_an_encoder(context: Context) -> None:
    with pytest.raises(InvalidArgumentError, match="no encoder"):
        context.encode([1])


# --- outputs ---


def test_outputs_that_there_are_not(context: Context) -> None:
    with pytest.raises(LlamaError, match="no logits"):
        context.logits()
    with pytest.raises(LlamaError, match="no logits"):
        context.logits_all()
    context.decode([1, 2, 3])
    context.logits(2)
    for i in (0, 3, -2, 1000):
        with pytest.raises(LlamaError, match=f"no logits of token {i}"):
            context.logits(i)
    with pytest.raises(LlamaError, match="no embedding of token -1"):
        context.embeddings()
    with pytest.raises(LlamaError, match=r"no embedding of sequence 0 .*none"):
        context.embeddings_seq()


def test_embeddings(tiny: Model) -> None:
    with tiny.context(n_ctx=64, n_threads=1, embeddings=True) as context:
        context.decode(TOKENS)
        rows = context.embeddings_all()
        assert rows.shape == (5, N_EMBD)
        assert [context.embeddings(i).tolist() for i in range(5)] == rows.tolist()
        kept = rows.copy()
        context.set_embeddings(False)
        context.decode([1])
        with pytest.raises(LlamaError, match="no embedding"):
            context.embeddings()
    with tiny.context(n_ctx=64, n_threads=1, embeddings=True, pooling_type="mean") as context:
        context.decode(TOKENS)
        assert is_close(context.embeddings_seq(), kept.mean(axis=0))
        assert context.embeddings_seq() is context.embeddings_seq(0)
        with pytest.raises(LlamaError, match="no embedding of sequence 1"):
            context.embeddings_seq(1)


# --- memory ---


def test_memory(tiny: Model, context: Context) -> None:
    memory = context.memory
    assert memory is context.memory
    assert (memory.pos_min(), memory.pos_max(3)) == (-1, -1)
    with Batch(10) as batch:
        batch.set(range(10), seq=1)
        context.decode(batch)
    context.decode(range(10, 20))
    memory.copy(0, 2)
    memory.copy(0, 3, 0, 4)
    assert [memory.pos_max(seq) for seq in range(4)] == [9, 9, 9, 3]
    memory.remove(1, 5, 8)
    memory.add(1, -3, 8)
    assert (memory.pos_min(1), memory.pos_max(1)) == (0, 6)
    memory.divide(1, 2, 4)
    assert memory.pos_max(1) == 3
    assert memory.can_shift
    memory.keep(0)
    assert [memory.pos_max(seq) for seq in range(4)] == [9, -1, -1, -1]
    memory.remove(p0=6)
    assert memory.pos_max() == 5
    context.decode(np.arange(16, 20))
    assert is_close(context.logits(), logits_of(tiny, list(range(10, 20))))
    memory.clear(data=True)
    assert memory.pos_max() == -1


def test_copied_sequence_is_continued(tiny: Model, context: Context) -> None:
    context.decode(TOKENS)
    context.memory.copy(0, 3)
    with Batch(4) as batch:
        batch.set([7, 8], pos=5, seq=3)
        context.decode(batch)
    assert is_close(context.logits(), logits_of(tiny, [*TOKENS, 7, 8]))
    assert context.memory.pos_max(0) == 4


def test_changed_memory_is_not_taken_for_what_it_was(tiny: Model, context: Context) -> None:
    context.generate(TOKENS, max_tokens=0).text()
    with Batch(5) as batch:
        batch.set([9, 9, 9, 9, 9], seq=1)
        context.decode(batch)
    context.generate(TOKENS, max_tokens=0).text()
    context.memory.remove(0)
    context.memory.copy(1, 0)
    again = context.generate([*TOKENS, 6], max_tokens=0)
    again.text()
    assert again.reused == 0


def test_restored_sequence_is_not_taken_for_what_it_was(tiny: Model, context: Context) -> None:
    with Batch(5) as batch:
        batch.set([9, 9, 9, 9, 9], seq=1)
        context.decode(batch)
    context.generate(TOKENS, max_tokens=0).text()
    context.set_state(context.state(seq=1), seq=0)
    again = context.generate([*TOKENS, 6], max_tokens=1, temperature=0, ignore_eog=True)
    again.text()
    assert again.reused == 0
    assert again.tokens == [logits_of(tiny, [*TOKENS, 6]).argmax()]


def test_wrong_sequences(context: Context) -> None:
    context.decode([1])
    memory = context.memory
    for use in (lambda: memory.pos_max(1000), lambda: memory.remove(-7), lambda: memory.copy(0, 1000)):
        with pytest.raises(LlamaError):
            use()
    assert context.memory.pos_max() == 0


# --- states ---


def test_state_in_memory(tiny: Model, context: Context) -> None:
    context.decode(TOKENS)
    state, part = context.state(), context.state(seq=0)
    assert isinstance(state, bytes)
    expected = logits_of(tiny, [*TOKENS, 6])
    for data in (state, bytearray(state), memoryview(state), np.frombuffer(state, np.uint8)):
        with tiny.context(n_ctx=256, n_threads=1, n_seq_max=4, kv_unified=True) as other:
            other.set_state(data)
            other.decode([6])
            assert is_close(other.logits(), expected)
    context.set_state(part, seq=2)
    with Batch(1) as batch:
        batch.set([6], pos=5, seq=2)
        context.decode(batch)
    assert is_close(context.logits(), expected)
    assert context.memory.pos_max(0) == 4


def test_states_that_are_none(folder: Path, context: Context) -> None:
    context.decode(TOKENS)
    state, part = context.state(), context.state(seq=0)
    for wrong in (b"", b"no state" * 100, state[:-5], state + b"\0" * 8, part):
        with pytest.raises(LlamaError):
            context.set_state(wrong)
    for wrong in (b"", b"no state" * 100, part[:-5], state):
        with pytest.raises(LlamaError):
            context.set_state(wrong, seq=1)
    text: Any = "text"
    with pytest.raises((LlamaError, TypeError)):
        context.set_state(text)
    context.set_state(state)
    assert context.memory.pos_max() == 4
    other = tiny_models.write_llama(folder / "other.gguf", block_count=1)
    with Model(other) as model, model.context(n_ctx=64, n_threads=1) as small:
        small.decode([1])
        with pytest.raises(LlamaError, match="layer"):
            small.set_state(state)


@pytest.mark.parametrize("seq", [None, 0])
def test_state_in_a_file(tiny: Model, context: Context, tmp_path: Path, seq: Any) -> None:
    context.decode(TOKENS)
    path = tmp_path / "größer.state"
    context.save_state(path, TOKENS, seq=seq)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with tiny.context(n_ctx=256, n_threads=1) as other:
        assert other.load_state(str(path), seq=seq) == TOKENS
        other.decode([6])
        assert is_close(other.logits(), logits_of(tiny, [*TOKENS, 6]))
    context.save_state(path, seq=seq)
    assert context.load_state(path, seq=seq) == []


def test_state_files_that_are_none(tiny: Model, context: Context, tmp_path: Path) -> None:
    context.decode(TOKENS)
    path = tmp_path / "a.state"
    with pytest.raises(LlamaError, match=r"a\.state: No such file"):
        context.load_state(path)
    context.save_state(path, TOKENS)
    whole = path.read_bytes()
    with pytest.raises(LlamaError, match="state of a whole context: leave seq out"):
        context.load_state(path, seq=0)
    context.save_state(path, TOKENS, seq=0)
    with pytest.raises(LlamaError, match="state of a single sequence: give its number"):
        context.load_state(path)
    for content, message in (
        (b"", "no state"),
        (b"no state at all", "no state"),
        (whole[:4] + b"\xff\0\0\0" + whole[8:], "another llama.cpp: version 255"),
        (whole[:8] + b"\0\0\0\7" + whole[12:], "too short for its"),
        (whole[:-9], "damaged"),
        (whole + b"more", "damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(LlamaError, match=message):
            context.load_state(path)
    path.write_bytes(whole)
    with tiny.context(n_ctx=256, n_threads=1, type_k="f32") as other, pytest.raises(LlamaError, match="type"):
        other.load_state(path)


def test_saving_leaves_what_was_there(context: Context, tmp_path: Path) -> None:
    context.decode(TOKENS)
    path = tmp_path / "a.state"
    path.write_text("before")
    wrong: Any = ["a"]
    with pytest.raises(InvalidArgumentError, match="32-bit"):
        context.save_state(path, wrong)
    with pytest.raises(LlamaError):
        context.save_state(path, TOKENS, seq=1000)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(LlamaError, match="could not be written"):
        context.save_state(tmp_path / "missing" / "a.state")
    with pytest.raises(LlamaError, match="not a file"):
        context.save_state(tmp_path)


# --- adapters, control vectors, samplers ---


def test_adapters(tiny: Model, context: Context, tmp_path: Path) -> None:
    def logits(adapters: dict[LoraAdapter, float]) -> Any:
        context.set_lora(adapters)
        context.memory.clear()
        context.decode(TOKENS)
        return context.logits().copy()

    path = tiny_models.write_lora(tmp_path / "lora.gguf")
    plain = logits({})
    with tiny.lora(path) as one, tiny.lora(path) as two:
        changed = logits({one: 1.0})
        assert not is_close(changed, plain)
        assert is_close(logits({one: 0.5, two: 0.5}), changed)
        assert not is_close(logits({one: 0.3}), changed)
        assert is_close(logits({}), plain)
        assert is_close(logits({two: 1}), changed)
        two.close()  # which takes it out
        context.memory.clear()
        context.decode(TOKENS)
        assert is_close(context.logits(), plain)
        with pytest.raises(FreedHandleError):
            context.set_lora({two: 1.0})
        assert is_close(logits({one: 1.0}), changed)
        wrong: Any
        for wrong in ([one], {1: 1.0}, {one: "x"}, None):
            with pytest.raises(InvalidArgumentError, match="adapters"):
                context.set_lora(wrong)
        wrong = 1
        with pytest.raises(InvalidArgumentError, match="must be a Sampler"):
            context.set_sampler(0, wrong)
    context.memory.clear()
    context.decode(TOKENS)
    assert is_close(context.logits(), plain)


def test_model_closes_what_uses_what_in_order(folder: Path, tmp_path: Path) -> None:
    path = tiny_models.write_lora(tmp_path / "lora.gguf")
    model = Model(folder / "tiny.gguf")
    context = model.context(n_ctx=64, n_threads=1)
    adapter = model.lora(path)
    context.set_lora({adapter: 1.0})
    memory = context.memory
    model.close()
    assert adapter.closed
    assert context.closed
    for use in (
        context.logits,
        memory.clear,
        lambda: context.n_ctx,
        lambda: context.memory,
        lambda: context.decode([1]),
    ):
        with pytest.raises(FreedHandleError):
            use()


def test_control_vector(tiny: Model, context: Context) -> None:
    context.decode(TOKENS)
    plain = context.logits().copy()
    vector = np.ones((tiny.n_layer, N_EMBD), np.float32)

    def logits() -> Any:
        context.memory.clear()
        context.decode(TOKENS)
        return context.logits()

    context.set_control_vector(vector)
    assert not is_close(logits(), plain)
    context.set_control_vector(None)
    assert is_close(logits(), plain)
    several: list[Any] = [np.ones(N_EMBD, np.float32), vector[:, 1:], vector.astype(np.float64), 5]
    for wrong in several:
        with pytest.raises(InvalidArgumentError, match="control vector"):
            context.set_control_vector(wrong)


@pytest.mark.parametrize(
    ("name", "argument", "message"),
    [
        ("set_lora", None, "must be a dict of LoraAdapters"),
        ("set_lora", {5: 1.0}, "must be a dict of LoraAdapters"),
        ("set_state", 5, "a state is bytes, and not int"),
        ("save_state", 5, "5: is not a path"),
        ("load_state", 5, "5: is not a path"),
        ("load_state", "a\0b", "NUL"),
        ("set_lora", 5, "must be a dict of LoraAdapters"),
    ],
)
def test_arguments_of_a_wrong_type(context: Context, name: str, argument: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        getattr(context, name)(argument)


def test_other_weights_know_no_prompts(tiny: Model, context: Context, tmp_path: Path) -> None:
    def reused() -> int:
        generation = context.generate(TOKENS, max_tokens=0)
        generation.text()
        return generation.reused

    assert (reused(), reused()) == (0, len(TOKENS) - 1)
    with tiny.lora(tiny_models.write_lora(tmp_path / "lora.gguf")) as adapter:
        context.set_lora({adapter: 1.0})
        assert (reused(), reused()) == (0, len(TOKENS) - 1)
    assert reused() == 0  # the adapter is closed
    context.set_control_vector(np.ones((tiny.n_layer, N_EMBD), np.float32))
    assert reused() == 0


def test_sampler_in_the_context(tiny: Model) -> None:
    with tiny.context(n_ctx=64, n_threads=1) as context, Sampler(temperature=0) as sampler:
        assert context.set_sampler(0, sampler)
        context.decode(TOKENS)
        expected = int(logits_of(tiny, TOKENS).argmax())
        assert context.sampled().token == expected
        assert sampler.sample(context) == expected
        sampler.close()  # which takes it out
        context.decode([1])
        assert context.sampled() == (None, None, None, None)
        with Sampler(temperature=1.0, top_k=5, top_p=1.0, min_p=0.0, seed=3) as sampler:
            context.set_sampler(0, sampler)
            context.decode([1])
            assert context.sampled().token in context.sampled().candidates
            assert context.sampled().probs.sum() == pytest.approx(1)
            context.set_sampler(0, None)


# --- performance ---


def test_perf(tiny: Model) -> None:
    with tiny.context(n_ctx=64, n_threads=1, no_perf=False) as context:
        context.decode(TOKENS)
        context.synchronize()
        context.decode([1])
        context.synchronize()
        perf = context.perf()
        assert (perf.n_p_eval, perf.n_eval) == (5, 1)
        assert perf.t_p_eval_ms > 0
        assert perf.t_eval_ms > 0
        context.perf_reset()
        assert context.perf().t_eval_ms == 0


# --- threads, ends ---


def test_another_thread_is_told_that_it_is_busy(tiny: Model) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        inside.set()
        go_on.wait(60)
        return False

    with tiny.context(n_ctx=64, n_threads=1, abort_callback=wait) as context:
        thread = threading.Thread(target=context.decode, args=([1],))
        thread.start()
        assert inside.wait(60)
        try:
            for use in (
                context.logits,
                lambda: context.decode([1]),
                context.state,
                lambda: context.memory.clear(),
                context.close,
            ):
                with pytest.raises(BusyError):
                    use()
        finally:
            go_on.set()
            thread.join()
        assert not context.closed
        context.logits()


def test_contexts_of_several_threads(tiny: Model) -> None:
    expected = logits_of(tiny, TOKENS)
    results: list[bool] = []

    def work() -> None:
        with tiny.context(n_ctx=64, n_threads=1) as context:
            for _ in range(10):
                context.memory.clear()
                context.decode(TOKENS)
                results.append(is_close(context.logits(), expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40


def test_borrowed_context(tiny: Model) -> None:
    params = lib.llama_context_default_params()
    params.n_ctx = 64
    handle = lib.llama_init_from_model(tiny.handle, params)
    with Context.from_handle(handle) as context:
        context.decode(TOKENS)
        assert is_close(context.logits(), logits_of(tiny, TOKENS))
        assert context.model.n_embd == N_EMBD
    assert lib.llama_n_ctx(handle) == context_size(handle)
    lib.llama_free(handle)
    with pytest.raises(FreedHandleError):
        Context.from_handle(handle)


def context_size(handle: Any) -> int:
    return int(llamacffi.llama_n_ctx(handle))


def test_forgotten_context_is_freed_with_a_warning(tiny: Model) -> None:
    contexts = [tiny.context(n_ctx=64, n_threads=1)]
    handle = contexts[0].handle

    context = contexts[0]
    context.decode([1])
    context.logits()
    context.memory.clear()
    del context

    def forget() -> None:
        contexts.clear()
        if sys.implementation.name != "cpython":  # which needs no collector for that
            for _ in range(3):  # one collection for each object that is held by another
                gc.collect()

    with pytest.warns(ResourceWarning, match="not closed"):
        forget()
    with pytest.raises(FreedHandleError):
        llamacffi.llama_n_ctx(handle)


def test_contexts_leave_nothing(tiny: Model) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(20):
            with tiny.context(n_ctx=64, n_threads=1) as context:
                context.decode([1])
                context.logits()
                context.memory.clear()
        assert not [child for child in tiny._living_children() if isinstance(child, Context)]
