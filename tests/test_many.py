"""Texts from many prompts at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from llamacffi import Context, InvalidArgumentError, Model, Sampler

COUNTRIES = ("France", "Germany", "Italy", "Spain", "Japan", "Norway")
PROMPTS = [f"The capital of {country} is" for country in COUNTRIES]


@pytest.fixture
def context(tiny: Model) -> Iterator[Context]:
    with tiny.context(n_ctx=1024, n_seq_max=4, n_threads=1) as context:
        yield context


def test_known_texts(owner: Model) -> None:
    with owner.context(n_ctx=512, n_seq_max=3, n_threads=2) as context:
        many = context.generate_many(PROMPTS, max_tokens=2, temperature=0)
        assert many.texts() == [" Paris.", " Berlin.", " Rome.", " Madrid.", " Tokyo.", " Oslo."]
        assert many.n_shared == 3
        assert many.stop_reasons == ["length"] * 6
        assert [len(tokens) for tokens in many.tokens] == [2] * 6
        assert context.memory.pos_max(0) == -1


@pytest.mark.parametrize("shared", [0, 3])
def test_same_as_one_by_one(tiny: Model, context: Context, shared: int) -> None:
    prompts = [[1] * shared + [7 * i + k for k in range(i + 1)] for i in range(2, 12)]
    many = context.generate_many(prompts, max_tokens=9, temperature=0, ignore_eog=True)
    many.texts()
    assert many.n_shared == shared
    with tiny.context(n_ctx=256, n_threads=1) as alone:
        for prompt, tokens in zip(prompts, many.tokens):
            one = alone.generate(prompt, max_tokens=9, temperature=0, ignore_eog=True, reuse=False)
            one.text()
            assert one.tokens == tokens


def test_random_numbers_of_their_own(context: Context) -> None:
    options = {"max_tokens": 20, "ignore_eog": True, "temperature": 2.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    assert len(set(context.generate_many([[5, 6]] * 4, **options).texts())) == 4
    assert len(set(context.generate_many([[5, 6]] * 4, seed=1, **options).texts())) == 1


def test_pieces_come_with_their_prompts_number(context: Context) -> None:
    many = context.generate_many([[1, i] for i in range(2, 8)], max_tokens=6, seed=4, ignore_eog=True, step=1)
    texts = [""] * 6
    order: list[int] = []
    for index, piece in many:
        texts[index] += piece
        order.append(index)
    assert texts == many.texts()
    assert order != sorted(order)
    assert many.prompts == [[1, i] for i in range(2, 8)]


def test_prompts_in_parts(tiny: Model) -> None:
    prompts = [[1, 2, *range(5, 60 + i)] for i in range(5)]
    with tiny.context(n_ctx=1024, n_batch=32, n_ubatch=32, n_seq_max=3, n_threads=1) as context:
        found = context.generate_many(prompts, max_tokens=4, temperature=0, ignore_eog=True)
        found.texts()
    with tiny.context(n_ctx=256, n_threads=1) as context:
        for prompt, tokens in zip(prompts, found.tokens):
            one = context.generate(prompt, max_tokens=4, temperature=0, ignore_eog=True, reuse=False)
            one.text()
            assert one.tokens == tokens


def test_each_has_the_sampler_to_itself(context: Context) -> None:
    with Sampler(context.model, seed=9) as sampler:
        many = context.generate_many([[1, 5]] * 6, max_tokens=8, sampler=sampler, ignore_eog=True)
        many.texts()
        assert all(tokens == many.tokens[0] for tokens in many.tokens)
        assert not sampler.closed


def test_stops_and_lengths_of_their_own(context: Context) -> None:
    first = context.generate_many([[1, i] for i in range(6)], max_tokens=12, seed=2, ignore_eog=True)
    first.texts()
    stop = first.tokens[2][5]
    again = context.generate_many([[1, i] for i in range(6)], max_tokens=12, seed=2, ignore_eog=True, stop=stop)
    again.texts()
    for tokens, cut, reason in zip(first.tokens, again.tokens, again.stop_reasons):
        end = tokens.index(stop) if stop in tokens else len(tokens)
        assert (cut, reason) == (tokens[:end], "stop" if stop in tokens else "length")


def test_cancel_deadline_and_close(context: Context) -> None:
    prompts = [[1, i] for i in range(8)]
    many = context.generate_many(prompts, ignore_eog=True, step=1)
    next(many)
    canceller = threading.Thread(target=many.cancel)
    canceller.start()
    canceller.join()
    many.texts()
    assert many.stop_reasons == ["cancelled"] * 8
    many = context.generate_many(prompts, ignore_eog=True, deadline=0.0)
    many.texts()
    assert set(many.stop_reasons) == {"deadline"}
    with context.generate_many(prompts, ignore_eog=True) as many:
        next(many)
    assert many.stop_reasons == ["cancelled"] * 8
    for _ in context.generate_many(prompts, max_tokens=4):
        break
    assert context.generate([1], max_tokens=2, ignore_eog=True).text() is not None


def test_async(context: Context) -> None:
    async def read() -> int:
        return len([each async for each in context.generate_many([[1], [2]], max_tokens=3, ignore_eog=True, step=1)])

    assert asyncio.run(read()) > 0


def test_exception_of_a_sampler(context: Context) -> None:
    class Failing:
        def apply(self, candidates: Any) -> None:
            raise KeyError("mine")

    with Sampler.python(Failing()) as sampler, pytest.raises(KeyError, match="mine"):
        context.generate_many([[1], [2]], sampler=sampler).texts()
    assert context.generate_many([[1], [2]], max_tokens=1, ignore_eog=True).texts()


def test_wrong_use(context: Context) -> None:
    assert context.generate_many([]).texts() == []
    prompts: Any
    for prompts, message in (
        ("one", "several"),
        (None, "several, not None"),
        ([[1], []], "empty"),
        ([[1], [1] * 300], "300 tokens"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            context.generate_many(prompts).texts()
    with pytest.raises(InvalidArgumentError, match="temperature"):
        context.generate_many(["a"], temprature=1)
