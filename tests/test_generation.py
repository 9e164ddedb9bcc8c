"""Text from a model: one at a time."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import greedy
import tiny_models
from fixture_types import MakeContext
from known_text import COUNTED, COUNTING, N_COUNTED
from llamacffi import (
    BusyError,
    Context,
    FreedHandleError,
    Generation,
    InvalidArgumentError,
    LlamaError,
    Model,
    Sampler,
    lib,
)

Run = Callable[..., Any]

CHAT = "<|im_start|>user\nSay only: yes<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture
def context(owner: Model) -> Iterator[Context]:
    with owner.context(n_ctx=512, n_threads=2) as context:
        yield context


@pytest.fixture
def tiny_context(tiny: Model) -> Iterator[Context]:
    with tiny.context(n_ctx=1024, n_threads=1) as context:
        yield context


class Forced:
    """A sampler that chooses given tokens, one after the other."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)
        self.place = 0

    def apply(self, candidates: Any) -> None:
        wanted = self.tokens[self.place]
        self.place += 1
        candidates.selected = next(i for i in range(candidates.size) if candidates.data[i].id == wanted)

    def clone(self) -> Forced:
        return Forced(self.tokens)


def until(part: float) -> Callable[[float], bool]:
    """A callback of progress that cancels at this part."""
    return lambda done: done < part


def forced(context: Context, tokens: Sequence[int], **options: Any) -> Generation:
    from llamacffi import sampler

    handle = sampler(Forced(tokens))
    made = Sampler.from_handle(handle)
    made._owned = True
    return context.generate([1], sampler=made, max_tokens=len(tokens), ignore_eog=True, closes=made, **options)


# --- what comes out -----------------------------------------------------------------------------------------------


def test_known_text(context: Context) -> None:
    generation = context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0)
    assert generation.text() == COUNTED
    assert generation.stop_reason == "length"
    assert len(generation.tokens) == N_COUNTED
    assert context.model.vocab.detokenize(generation.tokens) == COUNTED
    assert generation.prompt == context.model.vocab.tokenize(COUNTING)
    assert generation.prompt_seconds > 0
    assert generation.text_seconds > 0


def test_same_text_as_from_the_plain_loop(context: Context, make_context: MakeContext) -> None:
    prompt = "Once upon a time"
    text = context.generate(prompt, max_tokens=24, temperature=0).text()
    assert text == greedy.text_behind(make_context(), prompt, 24)


def test_same_text_as_from_a_loop_with_a_chain(context: Context) -> None:
    options: dict[str, Any] = {
        "temperature": 1.5,
        "top_k": 100,
        "top_p": 0.99,
        "min_p": 0.0,
        "seed": 11,
        "repeat_penalty": 1.3,
    }
    text = context.generate("Once upon a time", max_tokens=24, **options)
    text.text()
    with Sampler(context.model, **options) as sampler:
        context.memory.clear()
        tokens = context.model.vocab.tokenize("Once upon a time")
        for token in tokens:
            sampler.accept(token)
        found: list[int] = []
        for _ in range(24):
            context.decode(tokens)
            tokens = [sampler.sample(context)]
            found += tokens
    assert found == text.tokens


def test_seed_decides(tiny_context: Context) -> None:
    def text(**options: Any) -> list[int]:
        generation = tiny_context.generate([1, 5, 7], max_tokens=24, ignore_eog=True, **options)
        generation.text()
        return generation.tokens

    first = text(seed=7)
    assert text(seed=7) == first
    assert text(seed=8) != first
    assert text() != text()
    with Sampler(tiny_context.model, seed=7) as sampler:  # reset at the beginning: the same again
        assert text(sampler=sampler) == text(sampler=sampler) == first


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_number_of_tokens(context: Context, n: int) -> None:
    generation = context.generate(COUNTING, max_tokens=n, temperature=0)
    assert COUNTED.startswith(generation.text())
    assert len(generation.tokens) == n
    assert generation.stop_reason == "length"


def test_ends_where_the_model_ends(context: Context) -> None:
    generation = context.generate(CHAT, temperature=0, max_tokens=200)
    assert "<|im_end|>" not in generation.text()
    assert generation.stop_reason == "eog"
    assert 0 < len(generation.tokens) < 200
    longer = context.generate(CHAT, temperature=0, max_tokens=len(generation.tokens) + 5, ignore_eog=True)
    longer.text()
    assert longer.stop_reason == "length"
    assert longer.tokens[: len(generation.tokens)] == generation.tokens


def test_full_context_ends_the_text(tiny: Model) -> None:
    with tiny.context(n_ctx=256) as context:
        generation = context.generate([1] * 250, ignore_eog=True, temperature=0)
        generation.text()
        assert generation.stop_reason == "length"
        assert len(generation.tokens) == 256 - 250 + 1  # the last one need not fit
        assert len(context.generate([1] * 256, ignore_eog=True).text()) >= 0


def test_prompt_longer_than_a_batch(owner: Model) -> None:
    prompt = "".join(f"{number}, " for number in range(1, 60)) + "60,"
    with owner.context(n_ctx=512, n_batch=64, n_threads=2) as context:
        parts: list[float] = []
        generation = context.generate(prompt, max_tokens=3, temperature=0, progress=parts.append)
        assert generation.text() == " 61"
        n = len(generation.prompt)
        assert parts == [64 * (i + 1) / n for i in range((n - 1) // 64)]


@pytest.mark.parametrize(
    "prompt", ["Grüße, 世界! 🦙", "a\tb\r\nc", " ", "\udcff", b"bytes\xff\x00", [1, 2, 3], (4,), range(9)]
)
def test_any_text_or_tokens_are_a_prompt(context: Context, prompt: Any) -> None:
    generation = context.generate(prompt, max_tokens=2, ignore_eog=True)
    generation.text()
    assert len(generation.tokens) == 2


def test_pieces_have_as_many_tokens_as_asked_for(tiny_context: Context) -> None:
    generation = tiny_context.generate([1], max_tokens=10, ignore_eog=True, seed=1, step=4)
    seen: list[int] = []
    for _ in generation:
        seen.append(len(generation.tokens))
    assert seen == [4, 8, 10]
    by_one = tiny_context.generate([1], max_tokens=10, ignore_eog=True, seed=1, step=1)
    assert "".join(by_one) == generation.text()
    assert len(by_one.tokens) == 10


# --- pieces and stops ---------------------------------------------------------------------------------------------


def byte_tokens(model: Model, text: bytes) -> list[int]:
    """Tokens that are a byte each."""
    vocab = model.vocab
    of_byte = {vocab.piece(token): token for token in reversed(range(vocab.n_tokens)) if len(vocab.piece(token)) == 1}
    return [of_byte[text[i : i + 1]] for i in range(len(text))]


def test_characters_are_not_split(tiny_context: Context) -> None:
    text = "aé世🦙b Grüße"
    pieces = list(forced(tiny_context, byte_tokens(tiny_context.model, text.encode()), step=1))
    assert pieces == list(text)


@pytest.mark.parametrize(
    ("data", "pieces"),
    [
        (b"a\xffb", ["a", "\ufffd", "b"]),
        (b"a\xc3", ["a", "\ufffd"]),
        (b"\xe4\xb8", ["\ufffd"]),
        (b"\x80\x80\x80\x80", ["\ufffd"] * 4),
        (b"\xf0\x9f\xa6A", ["\ufffdA"]),
    ],
)
def test_what_is_no_text_is_shown_as_such(tiny_context: Context, data: bytes, pieces: list[str]) -> None:
    assert list(forced(tiny_context, byte_tokens(tiny_context.model, data), step=1)) == pieces


@pytest.mark.parametrize(
    ("text", "stop", "pieces", "reason"),
    [
        ("abSTOPcd", "STOP", ["a", "b"], "stop"),
        ("abSTcd", "STOP", ["a", "b", "STc", "d"], "length"),
        ("abSSTOPcd", ["STOP"], ["a", "b", "S"], "stop"),
        ("abcd", ["bcX", "bc"], ["a"], "stop"),
        ("abcd", ["d", "cd"], ["a", "b"], "stop"),
        ("aaab", "aab", ["a"], "stop"),
        ("ab", "bc", ["a", "b"], "length"),
        ("x世y", "世", ["x"], "stop"),
        ("abcd", b"c", ["a", "b"], "stop"),
    ],
)
def test_stop_texts(tiny_context: Context, text: str, stop: Any, pieces: list[str], reason: str) -> None:
    generation = forced(tiny_context, byte_tokens(tiny_context.model, text.encode()), stop=stop, step=1)
    assert list(generation) == pieces
    assert generation.stop_reason == reason


def test_any_stop_text_in_any_text(tiny_context: Context) -> None:
    import random

    numbers = random.Random(5)
    for _ in range(60):
        text = "".join(numbers.choice("ab") for _ in range(12))
        stops = ["".join(numbers.choice("ab") for _ in range(numbers.randint(1, 5))) for _ in range(2)]
        # The first place where a stop text is complete; of several that are there, what begins first.
        ends = [i for i in range(1, 13) if any(text[:i].endswith(stop) for stop in stops)]
        shown = text if not ends else text[: min(text[: ends[0]].find(s) for s in stops if s in text[: ends[0]])]
        generation = forced(tiny_context, byte_tokens(tiny_context.model, text.encode()), stop=stops)
        assert generation.text() == shown, (text, stops)
        assert (generation.stop_reason == "stop") == bool(ends)


def test_stop_tokens(context: Context) -> None:
    vocab = context.model.vocab
    (comma,) = vocab.tokenize(",", add_special=False)
    generation = context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0, stop=[comma, "never"])
    assert generation.text() == " 5"
    assert generation.stop_reason == "stop"
    assert comma not in generation.tokens


# --- ending it ----------------------------------------------------------------------------------------------------


def test_cancel_in_the_text(tiny_context: Context) -> None:
    generation = tiny_context.generate([1], ignore_eog=True, step=1)
    next(generation)
    generation.cancel()
    assert len("".join(generation)) < 200
    assert generation.stop_reason == "cancelled"
    generation.cancel()


def test_cancel_in_the_prompt_from_another_thread(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    generation = context.generate(list(range(100, 600)), max_tokens=1)
    timer = threading.Timer(0.2, generation.cancel)
    timer.start()
    assert generation.text() == ""
    timer.join()
    assert generation.stop_reason == "cancelled"
    assert not caplog.records  # it is no error
    assert context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0).text() == COUNTED


def test_deadline(context: Context) -> None:
    generation = context.generate(list(range(100, 600)), deadline=0.2)
    assert generation.text() == ""
    assert generation.stop_reason == "deadline"
    generation = context.generate(COUNTING, ignore_eog=True, deadline=0.0)
    assert (generation.text(), generation.stop_reason) == ("", "deadline")
    assert context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0, deadline=1000).text() == COUNTED


def test_progress_cancels_or_raises(owner: Model) -> None:
    with owner.context(n_ctx=512, n_batch=32, n_threads=2) as context:
        generation = context.generate(list(range(100, 400)), progress=until(0.2))
        assert (generation.text(), generation.stop_reason) == ("", "cancelled")

        def fail(part: float) -> bool:
            raise KeyError(part)

        generation = context.generate(list(range(100, 400)), progress=fail)
        with pytest.raises(KeyError):
            generation.text()
        generation.close()


def test_the_next_one_takes_over(tiny_context: Context) -> None:
    first = tiny_context.generate([1, 5], ignore_eog=True, step=1)
    next(first)
    second = tiny_context.generate([1, 5, 7], max_tokens=3, ignore_eog=True)
    assert first.closed
    assert second.reused == 2
    second.text()
    assert len(second.tokens) == 3
    with tiny_context.model.context(n_ctx=512, n_seq_max=2) as context:  # each in a sequence of its own: by turns
        both = [context.generate([1, 5], max_tokens=9, temperature=0, ignore_eog=True, seq=i, step=1) for i in (0, 1)]
        assert list(zip(*both))
        assert both[0].tokens[:8] == both[1].tokens[:8]


def test_closed_in_the_middle(tiny_context: Context) -> None:
    with tiny_context.generate([1], ignore_eog=True, step=1) as generation:
        first = next(generation)
    assert generation.closed
    assert generation.stop_reason == "cancelled"
    assert list(generation) == []
    assert generation.text().startswith(first)
    generation.close()


def test_dropped_in_the_middle(tiny: Model, recwarn: pytest.WarningsRecorder) -> None:
    with tiny.context(n_ctx=512) as context:
        for _ in context.generate([1], ignore_eog=True):
            break
        gc.collect()
        context.generate([1], ignore_eog=True)
        gc.collect()
        assert context.generate([1], max_tokens=3, ignore_eog=True).text() is not None
    assert not [each for each in recwarn if each.category is ResourceWarning]


def test_closing_what_it_needs_closes_it(tiny: Model) -> None:
    context = tiny.context(n_ctx=512)
    generation = context.generate([1], ignore_eog=True)
    next(generation)
    context.close()
    assert generation.closed
    assert list(generation) == []
    with tiny.context(n_ctx=512) as context, Sampler(tiny, temperature=0) as sampler:
        generation = context.generate([1], ignore_eog=True, sampler=sampler)
        sampler.close()
        assert generation.closed
        with pytest.raises(FreedHandleError):
            context.generate([1], sampler=sampler)


def test_context_freed_through_lib(tiny: Model) -> None:
    context = tiny.context(n_ctx=512)
    generation = context.generate([1], ignore_eog=True)
    lib.llama_free(context.handle)
    with pytest.raises(FreedHandleError):
        next(generation)
    context.close()


def test_one_thread_reads(tiny_context: Context) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        def apply(self, candidates: Any) -> None:
            begun.set()
            go_on.wait(60)
            candidates.selected = 0

    with Sampler.python(Slow()) as sampler:
        generation = tiny_context.generate([1], ignore_eog=True, sampler=sampler, max_tokens=1)
        reader = threading.Thread(target=generation.text)
        reader.start()
        begun.wait(60)
        with pytest.raises(BusyError, match="being read"):
            next(generation)
        with pytest.raises(BusyError):
            tiny_context.decode([1])
        closer = threading.Thread(target=generation.close)  # which waits
        closer.start()
        go_on.set()
        reader.join()
        closer.join()
        assert generation.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks")
def test_fork_while_a_thread_reads(run_python: Run, model_path: str) -> None:
    done = run_python(
        "-c",
        f"""if True:
        import os, threading, time
        import llamacffi
        model = llamacffi.Model({model_path!r})
        generation = model.context(n_ctx=512, n_threads=1).generate([1], max_tokens=100, ignore_eog=True, step=99)
        reader = threading.Thread(target=generation.text)
        reader.start()
        while not generation._at_work.locked():
            time.sleep(0.001)
        child = os.fork()
        if not child:
            try:
                model.close()
            except llamacffi.LlamaError:
                pass
            os._exit(0)
        reader.join()
        print(os.waitpid(child, 0)[1], generation.stop_reason)
        model.close()
        """,
    )
    assert done.stdout == "0 length\n", done.stderr


def test_closed_by_another_thread(tiny: Model) -> None:
    with tiny.context(n_ctx=512, n_threads=1, n_seq_max=2) as context:
        for _ in range(100):
            one = context.generate([1, 5], max_tokens=50, ignore_eog=True, step=1)
            closing = threading.Thread(target=one.close)
            closing.start()
            with suppress(BusyError):  # it is being closed just now
                one.text()
            closing.join()
            many = context.generate_many([[1, 5], [1, 6], [7]], max_tokens=20, ignore_eog=True, step=1)
            closing = threading.Thread(target=many.close)
            closing.start()
            with suppress(BusyError):
                many.texts()
            closing.join()
            assert one.stop_reason in ("length", "cancelled")


def test_callback_can_cancel_and_not_close(tiny_context: Context) -> None:
    problems: list[BusyError] = []

    class Meddling:
        def apply(self, candidates: Any) -> None:
            candidates.selected = 0
            for meddle in (generation.close, lambda: next(generation)):
                try:
                    meddle()
                except BusyError as error:
                    problems.append(error)
            generation.cancel()

    with Sampler.python(Meddling()) as sampler:
        generation = tiny_context.generate([1], ignore_eog=True, sampler=sampler)
        generation.text()
        assert len(problems) == 2
        assert generation.stop_reason == "cancelled"


def test_exception_of_a_sampler_comes_out(tiny_context: Context) -> None:
    class Failing:
        def apply(self, candidates: Any) -> None:
            raise KeyError("mine")

    with Sampler.python(Failing()) as sampler:
        generation = tiny_context.generate([1], sampler=sampler)
        with pytest.raises(KeyError, match="mine"):
            next(generation)
        assert generation.closed
    assert len(tiny_context.generate([1], max_tokens=3, ignore_eog=True).text()) >= 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_ctrl_c(run_python: Run, model_path: str) -> None:
    done = run_python(
        "-c",
        f"""if True:
        import os, signal, threading, time
        import llamacffi
        with llamacffi.Model({model_path!r}) as model, model.context(n_ctx=4096, n_threads=1) as context:
            generation = context.generate(list(range(100, 4000)))
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            start = time.monotonic()
            try:
                generation.text()
            except KeyboardInterrupt:
                print("interrupted", generation.closed, time.monotonic() - start < 20)
            print(context.generate("1, 2, 3, 4,", max_tokens=3, temperature=0).text())
        """,
    )
    assert (done.stdout.splitlines(), done.stderr) == (["interrupted True True", " 5,"], ""), done.stderr


# --- wrong use ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "options", "message"),
    [
        ("", {}, "prompt: is empty"),
        ([], {}, "prompt: is empty"),
        ([1, 10**6], {}, "prompt: 1000000 is not a token"),
        ([-1], {}, "prompt: -1 is not a token"),
        ("word " * 1000, {}, r"the prompt has 100\d tokens, and the context takes 512"),
        ("a", {"max_tokens": -1}, "max_tokens = -1"),
        ("a", {"step": 0}, "step = 0"),
        ("a", {"step": 2**40}, "step = 1099511627776: must be a whole number"),
        ("a", {"max_tokens": "3"}, "max_tokens = '3': must be a whole number from 0 on"),
        ("a", {"deadline": float("nan")}, "deadline = nan: must be a number of seconds"),
        ("a", {"deadline": "soon"}, "deadline = 'soon'"),
        ("a", {"stop": [None]}, "stop = None"),
        ("a", {"stop": [1.5]}, "stop = 1.5"),
        ("a", {"stop": 10**30}, "stop = 1000"),
        ("a", {"deadline": 10**400}, "deadline = 1000"),
        ("a", {"draft": 5}, "draft: must be another Context"),
        (None, {}, "prompt: .*NoneType"),
        ([1.5], {}, "integer"),
        (b"", {}, "prompt: is empty"),
        (7, {}, "prompt: .*int"),
        ("a", {"stop": ""}, "stop: an empty text"),
        ("a", {"progress": 5}, "progress = 5: must be a function"),
        ("a", {"seq": 1}, "seq"),
        ("a", {"seq": -1}, "seq"),
        ("a", {"temprature": 1}, "temperature"),
        ("a", {"grammar": "root ::= ["}, "grammar"),
    ],
)
def test_wrong_arguments(context: Context, prompt: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        context.generate(prompt, **options).text()
    assert not list(context._living_children()) or all(
        type(child).__name__ == "Memory" for child in context._living_children()
    )


def test_no_stop(context: Context) -> None:
    assert context.generate(COUNTING, max_tokens=N_COUNTED, stop=None, temperature=0).text() == COUNTED


def test_closed_context(tiny: Model) -> None:
    context = tiny.context(n_ctx=64)
    context.close()
    with pytest.raises(FreedHandleError):
        context.generate([1])


# --- what the context holds already -------------------------------------------------------------------------------


def test_beginning_is_not_computed_again(context: Context) -> None:
    first = context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0)
    assert (first.text(), first.reused) == (COUNTED, 0)
    n = len(first.prompt)
    again = context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0)
    assert (again.text(), again.reused) == (COUNTED, n - 1)
    longer = context.generate(COUNTING + COUNTED, max_tokens=3, temperature=0)
    assert (longer.text(), longer.reused) == (" 10", n + N_COUNTED - 1)
    other = context.generate("Once", max_tokens=3, temperature=0)
    assert (other.reused, other.text() != "") == (0, True)
    anew = context.generate("Once", max_tokens=3, temperature=0, reuse=False)
    assert anew.reused == 0


def test_reuse_after_cancelling(owner: Model) -> None:
    with owner.context(n_ctx=512, n_batch=32, n_threads=2) as context:
        tokens = list(range(100, 400))
        stopped = context.generate(tokens, progress=until(0.3))
        stopped.text()
        again = context.generate(tokens, max_tokens=2, temperature=0)
        again.text()
        assert 64 <= again.reused < 300
        fresh = context.generate(tokens, max_tokens=2, temperature=0, reuse=False)
        fresh.text()
        assert fresh.tokens == again.tokens


def test_what_others_computed_is_not_taken_for_known(tiny_context: Context) -> None:
    tokens = [1, 5, 7, 9, 11]
    tiny_context.generate(tokens, max_tokens=0).text()
    tiny_context.memory.remove(0, 3)
    tiny_context.decode([100, 200])  # as many as before
    generation = tiny_context.generate(tokens, max_tokens=1)
    assert generation.reused == 0
    generation.text()
    tiny_context.memory.clear()
    assert tiny_context.generate(tokens, max_tokens=1).reused == 0


def test_what_is_shared_moves_as_well(tiny: Model) -> None:
    tokens = [1, 5, 7, 9, 11]
    with tiny.context(n_ctx=512, n_seq_max=2, n_threads=1, kv_unified=True) as context:
        changes: list[Callable[[Any], None]]
        changes = [lambda memory: memory.add(1, -2, 2, 4), lambda memory: memory.divide(1, 2, 0, 4)]
        for change in changes:
            context.generate(tokens, max_tokens=0).text()
            context.memory.copy(0, 1)
            change(context.memory)
            assert context.generate(tokens, max_tokens=0).reused == 0


def test_state_replaces_all_sequences(tiny: Model, tmp_path: Path) -> None:
    tokens = [1, 5, 7, 9, 11]
    with tiny.context(n_ctx=512, n_seq_max=2, n_threads=1) as context:
        context.generate([1, 4, 6, 8, 10], seq=1, max_tokens=0).text()
        context.save_state(tmp_path / "state")
        context.generate(tokens, seq=1, max_tokens=0).text()
        context.load_state(tmp_path / "state")
        assert context.generate(tokens, seq=1, max_tokens=0).reused == 0


CHANGES: dict[str, Callable[[Context], object]] = {
    "remove": lambda context: context.memory.remove(0, 1, 3),
    "clear": lambda context: context.memory.clear(),
    "keep": lambda context: context.memory.keep(1),
    "set_state": lambda context: context.set_state(context.state()),
    "set_state of one": lambda context: context.set_state(context.state(seq=1), seq=0),
    "decode": lambda context: context.decode([1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_memory_changed_meanwhile(tiny: Model, change: str) -> None:
    tokens = [1, 5, 7, 9, 11]
    with tiny.context(n_ctx=512, n_seq_max=2, n_threads=1) as context:
        context.generate([1, 4, 6, 8, 10, 12], seq=1, max_tokens=0).text()
        generation = context.generate(tokens, temperature=0, ignore_eog=True, max_tokens=9, step=1)
        next(generation)
        CHANGES[change](context)
        with suppress(LlamaError):  # what follows may not fit any more
            generation.text()
        again = context.generate(tokens, temperature=0, ignore_eog=True, max_tokens=9)
        again.text()
    with tiny.context(n_ctx=512, n_seq_max=2, n_threads=1) as context:
        fresh = context.generate(tokens, temperature=0, ignore_eog=True, max_tokens=9)
        fresh.text()
        assert again.tokens == fresh.tokens


def test_sequences_are_held_apart(tiny: Model) -> None:
    with tiny.context(n_ctx=1024, n_seq_max=2) as context:
        context.generate([1, 5, 7, 9], max_tokens=1, seq=0, ignore_eog=True).text()
        context.generate([1, 6, 8], max_tokens=1, seq=1, ignore_eog=True).text()
        assert context.generate([1, 5, 7, 9, 2], seq=0, max_tokens=0).reused == 4
        assert context.generate([1, 6, 8, 2], seq=1, max_tokens=0).reused == 3


def test_state_from_a_file_is_known(tiny: Model, tmp_path: Path) -> None:
    tokens = [1, 5, 7, 9, 11]
    with tiny.context(n_ctx=256) as context:
        context.generate(tokens, max_tokens=0).text()
        context.save_state(tmp_path / "state")
    with tiny.context(n_ctx=256) as context:
        assert context.load_state(tmp_path / "state") == tokens
        assert context.generate([*tokens, 13], max_tokens=0).reused == 5
    with tiny.context(n_ctx=512, n_seq_max=2) as context:
        context.generate(tokens, max_tokens=0).text()
        context.save_state(tmp_path / "sequence", seq=0)
        assert context.load_state(tmp_path / "sequence", seq=1) == tokens
        assert context.generate([*tokens, 13], max_tokens=0, seq=1).reused == 5


def test_a_state_that_can_not_be_shortened_is_made_anew(tmp_path: Path) -> None:
    with Model(tiny_models.write_mamba(tmp_path / "mamba.gguf")) as model, model.context(n_ctx=256) as context:
        first = context.generate([1, 5, 7], max_tokens=5, temperature=0, ignore_eog=True)
        first.text()
        held = [*first.prompt, *first.tokens[:-1]]
        longer = context.generate([*held, first.tokens[-1]], max_tokens=5, temperature=0, ignore_eog=True)
        longer.text()
        assert longer.reused == len(held)
        again = context.generate([1, 5, 7], max_tokens=10, temperature=0, ignore_eog=True)
        again.text()
        assert again.reused == 0
        assert again.tokens == first.tokens + longer.tokens
    with Model(tmp_path / "mamba.gguf") as model, model.context(n_ctx=256, n_seq_max=2) as context:
        many = context.generate_many([[1, 5, 7], [1, 5, 9], [1, 5, 7]], max_tokens=10, temperature=0, ignore_eog=True)
        many.texts()
        assert many.tokens[0] == many.tokens[2] == again.tokens


def test_model_with_an_encoder(tmp_path: Path) -> None:
    with Model(tiny_models.write_t5(tmp_path / "t5.gguf")) as model, model.context(n_ctx=256) as context:
        assert model.decoder_start_token == 3
        generation = context.generate([5, 6, 7], max_tokens=6, temperature=0, ignore_eog=True)
        generation.text()
        logits = context.logits().tobytes()
        context.memory.clear()
        context.encode([5, 6, 7])
        assert generation.tokens == greedy.continuation(context.handle, [3], 6)
        assert context.logits().tobytes() == logits
        context.generate([8, 9], max_tokens=6, temperature=0, ignore_eog=True).text()
        assert context.logits().tobytes() != logits
        with pytest.raises(InvalidArgumentError, match="encoder"):
            context.generate_many([[5], [6]])


# --- async --------------------------------------------------------------------------------------------------------


def test_async(context: Context) -> None:
    async def read() -> str:
        return "".join([piece async for piece in context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0)])

    assert asyncio.run(read()) == COUNTED


def test_others_run_meanwhile_and_can_cancel(context: Context) -> None:
    async def read(generation: Generation) -> None:
        async for _ in generation:
            pass

    async def main() -> Generation:
        generation = context.generate(list(range(100, 600)))
        reading = asyncio.create_task(read(generation))
        await asyncio.sleep(0.1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        generation.close()
        return generation

    assert asyncio.run(main()).stop_reason == "cancelled"


# --- guessing ahead -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_draft", [1, 3, 16])
def test_draft_changes_nothing(owner: Model, context: Context, n_draft: int) -> None:
    with owner.context(n_ctx=512, n_threads=2) as draft:
        generation = context.generate(COUNTING, max_tokens=N_COUNTED, temperature=0, draft=draft, n_draft=n_draft)
        assert generation.text() == COUNTED
        assert len(generation.tokens) == N_COUNTED
        assert context.memory.pos_max(0) == len(generation.prompt) + N_COUNTED - 2
        assert context.generate(COUNTING + COUNTED, max_tokens=1, temperature=0).reused > len(generation.prompt)


def test_draft_that_guesses_wrong(tiny: Model, tiny_context: Context, tmp_path: Path) -> None:
    path = tiny_models.write_llama(tmp_path / "other.gguf", context_length=4096, block_count=1, n_embd=64)
    with Model(path) as other, other.context(n_ctx=64) as draft:  # which is too small in the end, too
        plain = tiny_context.generate([1, 5], max_tokens=100, ignore_eog=True, seed=3)
        plain.text()
        guessed = tiny_context.generate([1, 5], max_tokens=100, ignore_eog=True, seed=3, draft=draft)
        guessed.text()
        assert guessed.tokens == plain.tokens


def test_draft_of_another_vocabulary(owner: Model, tiny_context: Context) -> None:
    with owner.context(n_ctx=64) as draft, pytest.raises(InvalidArgumentError, match="another vocabulary"):
        tiny_context.generate([1], draft=draft)
    with pytest.raises(InvalidArgumentError, match="another Context"):
        tiny_context.generate([1], draft=tiny_context)
    with tiny_context.model.context(n_ctx=64) as draft, pytest.raises(InvalidArgumentError, match="n_draft = 0"):
        tiny_context.generate([1], draft=draft, n_draft=0)


# --- memory -------------------------------------------------------------------------------------------------------


def test_generations_leave_nothing(tiny_context: Context) -> None:
    import psutil

    def some(n: int) -> None:
        for _ in range(n):
            tiny_context.generate([1, 2, 3], max_tokens=4, ignore_eog=True, stop=["never"]).text()

    some(200)
    gc.collect()
    before = psutil.Process().memory_info().rss
    some(1000)
    gc.collect()
    assert psutil.Process().memory_info().rss - before < 4e6
