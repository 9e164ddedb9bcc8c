"""Batches: what is written to them, from whatever tokens come in."""

from __future__ import annotations

import array
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from llamacffi import Batch, BusyError, FreedHandleError, InvalidArgumentError, ffi, llama_batch_free, llama_batch_init

np = pytest.importorskip("numpy")


@pytest.fixture
def batch() -> Iterator[Batch]:
    with Batch(16, n_seq_max=4) as batch:
        yield batch


def content(batch: Batch) -> list[tuple[int, int, tuple[int, ...], int]]:
    """Each token with its position, its sequences, and whether it gets an output."""
    lists = (batch.token.tolist(), batch.pos.tolist(), batch.seq_id, batch.logits.tolist())
    assert batch.n_seq_id.tolist() == [len(each) for each in batch.seq_id]
    return list(zip(*lists))


TOKENS = [3, 1, 4, 1, 5]


@pytest.mark.parametrize(
    "tokens",
    [
        TOKENS,
        tuple(TOKENS),
        iter(TOKENS),
        array.array("i", TOKENS),
        array.array("q", TOKENS),
        array.array("H", TOKENS),
        memoryview(array.array("i", TOKENS)),
        np.array(TOKENS, np.uint8),
        np.array(TOKENS, np.int32),
        np.array(TOKENS, np.int64),
        np.array(TOKENS, np.uint16),
        np.array(TOKENS, ">i4"),
        np.array([TOKENS, TOKENS], np.int32).T[:, 0],
        np.array(TOKENS[::-1], np.int32)[::-1],
        [np.int64(token) for token in TOKENS],
    ],
    ids=str,
)
def test_tokens_of_any_kind(batch: Batch, tokens: Any) -> None:
    batch.set(tokens)
    assert batch.token.tolist() == TOKENS
    assert len(batch) == 5


def test_range_and_single_token(batch: Batch) -> None:
    batch.set(range(3, 6))
    assert batch.token.tolist() == [3, 4, 5]
    batch.set(7)
    assert batch.token.tolist() == [7]
    batch.set(np.int32(8))
    assert batch.token.tolist() == [8]
    batch.set(ffi.new("llama_token[]", [9, 10]))
    assert batch.token.tolist() == [9, 10]


def test_positions_sequences_and_outputs(batch: Batch) -> None:
    batch.set([7, 8, 9])
    assert content(batch) == [(7, 0, (0,), 0), (8, 1, (0,), 0), (9, 2, (0,), 1)]
    batch.set([7, 8], pos=5, seq=3, logits="all")
    assert content(batch) == [(7, 5, (3,), 1), (8, 6, (3,), 1)]
    batch.set([7, 8], pos=[4, 2], seq=(0, 2, 3), logits="none")
    assert content(batch) == [(7, 4, (0, 2, 3), 0), (8, 2, (0, 2, 3), 0)]
    batch.set([7, 8, 9], pos=np.array([1, 2, 9]), seq=11, logits=np.array([True, False, True]))
    assert content(batch) == [(7, 1, (11,), 1), (8, 2, (11,), 0), (9, 9, (11,), 1)]


def test_adding_continues_the_sequence(batch: Batch) -> None:
    assert batch.add([1, 2], seq=0) == 1
    assert batch.add(3, seq=1, logits="all") == 2
    assert batch.add(4, seq=0) == 3
    assert batch.add([5], seq=(1, 2), pos=40, logits=[0]) == 4
    assert batch.add([6, 7], seq=2, logits="none") == 6
    assert content(batch) == [
        (1, 0, (0,), 0),
        (2, 1, (0,), 1),
        (3, 0, (1,), 1),
        (4, 2, (0,), 1),
        (5, 40, (1, 2), 0),
        (6, 41, (2,), 0),
        (7, 42, (2,), 0),
    ]
    batch.clear()
    assert len(batch) == 0
    assert content(batch) == []


def test_whatever_is_written_is_there() -> None:
    numbers = random.Random(0)
    with Batch(200, n_seq_max=5) as batch:
        for _ in range(30):
            expected: list[tuple[int, int, tuple[int, ...], int]] = []
            batch.clear()
            while True:
                n = numbers.randrange(0, 40)
                if len(expected) + n > 200:
                    break
                tokens = [numbers.randrange(2**31) for _ in range(n)]
                seqs = tuple(numbers.sample(range(20), numbers.randrange(1, 6)))
                pos = [numbers.randrange(1000) for _ in range(n)]
                flags = [numbers.randrange(2) for _ in range(n)]
                batch.add(np.array(tokens, np.int32), pos=pos, seq=seqs, logits=flags)
                expected += [(token, at, seqs, flag) for token, at, flag in zip(tokens, pos, flags)]
            assert content(batch) == expected


def test_no_tokens(batch: Batch) -> None:
    batch.set([])
    assert content(batch) == []


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        (range(17), {}, "17 tokens: the batch has room for 16"),
        (np.zeros(17, np.int32), {}, "room for 16"),
        ([1, "a"], {}, "32-bit integers"),
        ("text", {}, "32-bit integers"),
        (b"text", {}, "32-bit integers: this is bytes"),
        (None, {}, "32-bit integers"),
        ([2**31], {}, "32-bit integers"),
        (np.array([2**31]), {}, "32-bit integers"),
        ([1.5], {}, "32-bit integers"),
        (np.array([1.5]), {}, "32-bit integers"),
        (memoryview(np.zeros(2, [("a", "i4")])), {}, "32-bit integers"),
        (np.zeros((2, 2), np.int32), {}, r"shape \(2, 2\)"),
        ([1, 2], {"pos": [1]}, "1 positions for 2 tokens"),
        ([1, 2], {"pos": "a"}, "pos"),
        ([1, 2], {"pos": 2**31}, "pos"),
        ([1, 2], {"pos": -3}, "numbered from 0"),
        ([1, 2], {"seq": ()}, "from 1 to 4 sequences"),
        ([1, 2], {"seq": (0, 1, 2, 3, 4)}, "from 1 to 4 sequences"),
        ([1, 2], {"seq": -1}, "numbered from 0"),
        ([1, 2], {"seq": "a"}, "seq"),
        ([1, 2], {"seq": 2**31}, "seq"),
        ([1, 2], {"logits": [1]}, "1 truth values"),
        ([1, 2], {"logits": "first"}, '"last", "all", "none"'),
        ([1, 2], {"logits": None}, "logits"),
    ],
    ids=str,
)
def test_what_can_not_be_written_changes_nothing(batch: Batch, tokens: Any, options: Any, message: str) -> None:
    batch.set([7, 8], pos=3, seq=2)
    before = content(batch)
    with pytest.raises(InvalidArgumentError, match=message):
        batch.set(tokens, **options)
    with pytest.raises(InvalidArgumentError, match=message):
        batch.add(tokens, **options)
    assert content(batch) == before


def test_no_room_for_more(batch: Batch) -> None:
    batch.set(range(15))
    with pytest.raises(InvalidArgumentError, match="2 tokens: the batch has room for 16, and 15 are taken"):
        batch.add([1, 2])
    batch.add(1)
    assert len(batch) == batch.n_tokens_max == 16


def test_embeddings() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    with Batch(5, n_embd=4) as batch:
        assert batch.n_embd == 4
        batch.set(values, pos=2)
        assert batch.embd.tolist() == values.tolist()
        assert batch.token is None
        assert batch.pos.tolist() == [2, 3, 4]
        batch.add(values[:, ::-1][0])
        assert batch.embd.tolist() == [*values.tolist(), [3, 2, 1, 0]]
        before = batch.embd.copy()
        for wrong in (
            [1, 2, 3, 4],
            values.astype(np.float64),
            values.T,
            np.zeros((2, 2, 4), np.float32),
            values[0, :3],
        ):
            with pytest.raises(InvalidArgumentError, match="float32"):
                batch.set(wrong)
        with pytest.raises(InvalidArgumentError, match="room for 5"):
            batch.add(values)
        assert batch.embd.tolist() == before.tolist()


@pytest.mark.parametrize("wrong", [{"n_tokens": -1}, {"n_tokens": 4, "n_seq_max": 0}, {"n_tokens": 4, "n_embd": -1}])
def test_batch_that_can_not_be(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgumentError):
        Batch(**wrong)


def test_closed_batch() -> None:
    batch = Batch(4)
    batch.set([1])
    batch.close()
    batch.close()
    for use in (lambda: batch.set([1]), lambda: batch.add([1]), batch.clear, lambda: len(batch), lambda: batch.token):
        with pytest.raises(FreedHandleError, match="this Batch was closed"):
            use()


def test_borrowed_batch() -> None:
    handle = llama_batch_init(4, 0, 2)
    with Batch.from_handle(handle, 4, n_seq_max=2) as batch:
        batch.set([5, 6], seq=(0, 1))
        assert batch.token.tolist() == [5, 6]
    assert handle.n_tokens == 2
    assert handle.token[1] == 6
    llama_batch_free(handle)


def test_closed_and_written_to_by_several_threads() -> None:
    batches = [Batch(512)]

    def write() -> None:
        for _ in range(3000):
            with suppress(BusyError, FreedHandleError):
                batches[0].set(TOKENS * 100)

    writing = [threading.Thread(target=write) for _ in range(2)]
    for each in writing:
        each.start()
    while any(each.is_alive() for each in writing):
        old, batches[0] = batches[0], Batch(512)
        while not old.closed:
            with suppress(BusyError):
                old.close()
    batches[0].close()
