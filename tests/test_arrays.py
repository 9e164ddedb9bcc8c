"""Views of native memory: what they show, and that they know when it is gone."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import llamacffi
import tiny_models
from fixture_types import Run
from llamacffi import Batch, Context, FreedHandleError, InvalidArgumentError, Model, arrays, ffi, lib
from untyped import unchecked

np = pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def tiny(tiny_path: Path) -> Iterator[Model]:
    with Model(tiny_path) as model:
        yield model


@pytest.fixture
def context(tiny: Model) -> Iterator[Context]:
    with tiny.context(n_ctx=64, n_threads=1) as context:
        context.decode([1, 2, 3])
        yield context


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def is_stale(view: Any) -> bool:
    try:
        view[0]
    except FreedHandleError as error:
        return "stale" in str(error) and "copy()" in str(error)
    return False


# --- what they show ---


def test_view_has_the_memory_itself(context: Context) -> None:
    logits = context.logits()
    assert isinstance(logits, np.ndarray)
    assert logits.dtype == np.float32
    assert logits.shape == (tiny_models.N_VOCAB,)
    pointer = lib.llama_get_logits_ith(context.handle, -1)
    assert address(logits) == int(ffi.cast("uintptr_t", pointer))
    assert logits.tolist() == list(pointer[0 : tiny_models.N_VOCAB])
    logits[7] = 123.5
    assert pointer[7] == 123.5


def test_asking_again_gives_the_same_view(context: Context) -> None:
    assert context.logits() is context.logits()
    assert context.logits(2) is context.logits(2)
    before = context.logits()
    context.decode([4])
    assert context.logits() is not before
    assert context.logits() is context.logits()


def test_rows(context: Context) -> None:
    with Batch(3) as batch:
        batch.set([5, 6, 7], pos=3, logits=[1, 0, 1])
        context.decode(batch)
    rows = context.logits_all()
    assert rows.shape == (2, tiny_models.N_VOCAB)
    assert rows[0].tolist() == context.logits(0).tolist()
    assert rows[1].tolist() == context.logits(2).tolist() == context.logits(-1).tolist()
    assert [row[0] for row in rows] == rows[:, 0].tolist()


def test_any_type_and_shape() -> None:
    numbers = ffi.new("int16_t[12]", list(range(12)))
    assert arrays.view(numbers, (3, 4), "h").tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert arrays.view(numbers, 12, "h").dtype == np.int16
    strided = arrays.view(numbers, (2, 3), "h", strides=(8, 4))
    assert strided.tolist() == [[0, 2, 4], [4, 6, 8]]
    assert arrays.view(numbers, (0, 3), "h").shape == (0, 3)
    fixed = arrays.view(numbers, 12, "h", writable=False)
    with pytest.raises(ValueError, match="read-only"):
        fixed[0] = 1


def test_version_of_what_is_no_object() -> None:
    with pytest.raises(InvalidArgumentError, match="not an object"):
        arrays.version_of(ffi.cast("struct llama_context *", 4096))


# --- when it is gone ---


def by_list(context: Context) -> None:
    context.decode([4])


def by_lib(context: Context) -> None:
    assert lib.llama_decode(context.handle, lib.llama_batch_get_one(ffi.new("llama_token[]", [4]), 1)) == 0


def by_facade(context: Context) -> None:
    batch = llamacffi.llama_batch_get_one(ffi.new("llama_token[]", [4]), 1)
    assert llamacffi.llama_decode(context.handle, batch) == 0


def by_loop(context: Context) -> None:
    context.generate([4, 5], max_tokens=2, ignore_eog=True).text()


def by_state(context: Context) -> None:
    context.set_state(context.state())


def by_state_of_a_sequence(context: Context) -> None:
    context.set_state(context.state(seq=0), seq=0)


def by_close(context: Context) -> None:
    context.close()


def by_free(context: Context) -> None:
    lib.llama_free(context.handle)
    context._owned = False


@pytest.mark.parametrize(
    "replace", [by_list, by_lib, by_facade, by_loop, by_state, by_state_of_a_sequence, by_close, by_free]
)
def test_view_is_stale_when_its_content_is_gone(context: Context, replace: Callable[[Context], None]) -> None:
    logits = context.logits()
    part, turned, rows = logits[10:20], logits.reshape(2, -1).T, context.logits_all()
    kept = logits.copy()
    assert not logits.stale
    replace(context)
    assert logits.stale
    assert all(map(is_stale, [logits, part, turned, rows]))
    assert "stale" in repr(logits)
    assert kept.shape == (tiny_models.N_VOCAB,)


def test_what_leaves_the_outputs_leaves_the_views(context: Context) -> None:
    logits = context.logits()
    context.memory.copy(0, 0)
    context.memory.remove(0, 2)
    context.state()
    context.perf_reset()
    context.synchronize()
    with llamacffi.Sampler(temperature=0) as sampler:
        sampler.sample(context)
    assert not is_stale(logits)


def test_another_context_is_another_matter(tiny: Model, context: Context) -> None:
    logits = context.logits()
    with tiny.context(n_ctx=64, n_threads=1) as other:
        other.decode([1])
    assert not is_stale(logits)


def test_call_that_is_refused_leaves_the_views(context: Context) -> None:
    logits = context.logits()
    with pytest.raises(llamacffi.LlamaError):
        unchecked.llama_decode(ffi.NULL, lib.llama_batch_get_one(ffi.NULL, 0))
    assert not is_stale(logits)


def test_new_context_at_the_address_revives_nothing(tiny: Model) -> None:
    views: dict[int, list[Any]] = {}
    for _ in range(40):
        with tiny.context(n_ctx=64, n_threads=1) as context:
            context.decode([1, 2, 3])
            assert not is_stale(context.logits())
            at = llamacffi.address_of(context.handle)
            assert all(map(is_stale, views.setdefault(at, [])))
            views[at].append(context.logits())
    assert max(map(len, views.values())) > 1  # an address was used again


def test_view_taken_while_computing_is_stale_afterwards(tiny: Model) -> None:
    taken: list[Any] = []

    def look(tensor: Any, ask: bool) -> bool:
        with contextlib.suppress(llamacffi.LlamaError):  # there is none yet, the first time
            taken.append(watched.logits())
        return False

    with tiny.context(n_ctx=64, n_threads=1, cb_eval=look) as watched:
        watched.decode([1])
        before = len(taken)
        watched.decode([2])
        assert len(taken) > before
        assert all(map(is_stale, taken))


USES: list[Callable[[Any], Any]] = [
    lambda view: view[0],
    lambda view: view[1:3],
    lambda view: view.__setitem__(0, 1.0),
    lambda view: list(view),
    lambda view: view.copy(),
    lambda view: view.tolist(),
    lambda view: view.tobytes(),
    lambda view: view.astype(int),
    lambda view: view.argmax(),
    lambda view: view.sort(),
    lambda view: view.fill(0),
    lambda view: view.reshape(2, -1),
    lambda view: view.view(np.int32),
    lambda view: view.T,
    lambda view: view.real,
    lambda view: view.flat,
    lambda view: view.data,
    lambda view: view.__array_interface__,
    lambda view: setattr(view, "flat", 0),
    lambda view: view.sum(),
    lambda view: view @ view,
    lambda view: view + 1,
    lambda view: 1 - view,
    lambda view: np.arange(len(view), dtype=np.float32) * view,
    lambda view: view.__iadd__(1),
    lambda view: view > 0,
    lambda view: -view,
    lambda view: 0.5 in view,
    lambda view: np.exp(view),
    lambda view: np.add.reduce(view),
    lambda view: np.add(1, 2, out=view[:1]),
    lambda view: np.copyto(view, 1),
    lambda view: np.argmax(view),
    lambda view: np.concatenate([np.zeros(1), view]),
    lambda view: np.where(view > 0, view, 0),
    lambda view: copy.copy(view),
    lambda view: copy.deepcopy(view),
    lambda view: pickle.dumps(view),
]


@pytest.mark.parametrize("use", USES)
def test_stale_view_can_not_be_used(context: Context, use: Callable[[Any], Any]) -> None:
    with np.errstate(all="ignore"):
        use(context.logits())
    view = context.logits()
    context.decode([4])
    with pytest.raises(FreedHandleError, match="stale"):
        use(view)


def test_what_was_computed_from_a_view_stays(context: Context) -> None:
    logits = context.logits()
    kept = [
        logits.copy(),
        logits + 1,
        np.exp(logits),
        np.sort(logits),
        logits.argsort(),
        np.concatenate([logits, logits]),
        logits[[1, 2]],
        logits.astype(np.float64),
        copy.deepcopy(logits),
        pickle.loads(pickle.dumps(logits)),
        logits > 0,
    ]
    assert all(type(each) is np.ndarray for each in kept)
    expected = [each.tolist() for each in kept]
    context.decode([4])
    assert [each.tolist() for each in kept] == expected


def test_writing_through_a_view(context: Context) -> None:
    logits = context.logits()
    expected = np.array(logits)
    logits += 1
    logits[::2] *= 2
    np.negative(logits, out=logits)
    logits.reshape(2, -1)[1, 3] = 9
    expected += 1
    expected[::2] *= 2
    expected = -expected
    expected[len(expected) // 2 + 3] = 9
    pointer = lib.llama_get_logits_ith(context.handle, -1)
    assert list(pointer[0 : len(expected)]) == expected.tolist()


def test_batches_views_end_with_it() -> None:
    with Batch(4) as batch:
        batch.set([1, 2, 3])
        tokens = batch.token
        batch.set([7, 8, 9])
        assert tokens.tolist() == [7, 8, 9]
        tokens[1] = 5
        assert batch.token.tolist() == [7, 5, 9]
    assert is_stale(tokens)


def test_first_view_after_the_class_of_arrays_was_referred_to(run_python: Run) -> None:
    """As isinstance() with an abstract class does: PyPy then has an attribute of the class for it."""
    code = """
import weakref
import numpy
import llamacffi
kept = weakref.ref(numpy.ndarray)
with llamacffi.Batch(4) as batch:
    batch.set([1, 2])
    assert batch.token.tolist() == [1, 2]
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr


def test_without_numpy(run_python: Run, tiny_path: Path) -> None:
    code = f"""
import sys
sys.modules["numpy"] = None
from llamacffi import Batch, Model, lib
with Model({str(tiny_path)!r}) as model:
    with model.context(n_ctx=64, n_threads=1) as context:
        context.decode([1, 2, 3])
        logits = context.logits()
        assert type(logits) is memoryview and logits.format == "f" and logits.shape == ({tiny_models.N_VOCAB},)
        pointer = lib.llama_get_logits_ith(context.handle, -1)
        assert logits.tolist() == list(pointer[0 : len(logits)])
        logits[3] = 4.5
        assert pointer[3] == 4.5 and context.logits() is logits
        assert context.logits_all().shape == (1, {tiny_models.N_VOCAB})
        with Batch(8) as batch:
            batch.set(memoryview(bytearray(b"\\5\\0\\0\\0\\6\\0\\0\\0")).cast("i"), pos=3)
            assert batch.token.tolist() == [5, 6] and batch.pos.tolist() == [3, 4]
            batch.clear()
            assert len(batch.token) == 0
            batch.set([1, 2], pos=3)
            context.decode(batch)
        from llamacffi import arrays, ffi, InvalidArgumentError
        try:
            arrays.view(ffi.new("float[4]"), (2,), strides=(8,))
        except InvalidArgumentError as error:
            assert "NumPy" in str(error)
        else:
            raise AssertionError
    texts = ["Once upon a time", "there", "was"]
    pooled = model.embed(texts, normalize=True, pooling_type="mean")
    assert pooled.shape == (3, {tiny_models.N_EMBD}) and type(pooled) is memoryview
    each = model.embed(texts, normalize=True)
    for text, rows in zip(texts, each):
        assert rows.shape == (len(model.vocab.tokenize(text)), {tiny_models.N_EMBD})
    for rows in [pooled, *each]:
        for row in rows.tolist():
            assert abs(sum(number * number for number in row) - 1) < 1e-5
print("done")
"""
    done = run_python("-c", code)
    assert done.stdout == "done\n", done.stderr
