"""Text from the real model, through the Python functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import greedy
from llamacffi import LlamaError, ffi, lib
from llamacffi.generate import generate, load

COUNTING = "1, 2, 3, 4,"
# The model is so sure of these that no processor's rounding changes them, nor any interpreter.
COUNTED = " 5, 6, 7, 8, 9,"
N_COUNTED = 15


def text_of(model: ffi.CData, prompt: str, n_predict: int, **options: float) -> str:
    return b"".join(generate(model, prompt, n_predict, n_threads=2, **options)).decode("utf-8", "replace")


def test_known_text(model: ffi.CData) -> None:
    assert text_of(model, COUNTING, N_COUNTED, temperature=0) == COUNTED


def test_same_text_as_from_the_plain_loop(model: ffi.CData, make_context: Callable[..., ffi.CData]) -> None:
    prompt = "Once upon a time"
    assert text_of(model, prompt, 24, temperature=0) == greedy.text_behind(make_context(), prompt, 24)


def test_seed_decides(model: ffi.CData) -> None:
    first = text_of(model, "Once upon a time", 24, seed=7)
    assert text_of(model, "Once upon a time", 24, seed=7) == first
    assert text_of(model, "Once upon a time", 24, seed=8) != first
    assert len({text_of(model, "Once upon a time", 24) for _ in range(3)}) > 1


def test_threads_decide_nothing(model: ffi.CData) -> None:
    assert b"".join(generate(model, COUNTING, N_COUNTED, 0, n_threads=1)).decode() == COUNTED


@pytest.mark.parametrize("n_predict", [1, 2, 5])
def test_number_of_tokens(model: ffi.CData, n_predict: int) -> None:
    pieces = list(generate(model, COUNTING, n_predict, temperature=0, n_threads=2))
    assert len(pieces) == n_predict
    assert COUNTED.encode().startswith(b"".join(pieces))


def test_ends_where_the_model_ends(model: ffi.CData) -> None:
    prompt = "<|im_start|>user\nSay only: yes<|im_end|>\n<|im_start|>assistant\n"
    pieces = list(generate(model, prompt, 200, temperature=0, n_threads=2))
    assert 0 < len(pieces) < 200
    assert b"<|im_end|>" not in b"".join(pieces)


def test_prompt_longer_than_a_batch(model: ffi.CData) -> None:
    prompt = "".join(f"{number}, " for number in range(1, 150)) + "150,"
    assert text_of(model, prompt, 4, temperature=0) == " 151"


@pytest.mark.parametrize("prompt", ["Grüße, 世界! 🦙", "a\tb\r\nc", " ", "\udcff"])
def test_any_text_is_a_prompt(model: ffi.CData, prompt: str) -> None:
    assert len(list(generate(model, prompt, 3, temperature=0, n_threads=2))) == 3


def test_model_that_adds_no_token_of_its_own_needs_a_prompt(model: ffi.CData) -> None:
    with pytest.raises(LlamaError, match="the prompt is empty"):
        list(generate(model, "", 3))


def test_prompt_that_is_too_long(model: ffi.CData) -> None:
    n_ctx_train = lib.llama_model_n_ctx_train(model)
    with pytest.raises(
        LlamaError, match=rf"the prompt's \d+ tokens and 3 more are \d+; this model takes {n_ctx_train}"
    ):
        list(generate(model, "word " * n_ctx_train, 3))
    with pytest.raises(LlamaError, match=rf"this model takes {n_ctx_train}"):
        list(generate(model, "word", n_ctx_train))


def test_generator_frees_its_context_when_closed(model: ffi.CData) -> None:
    """A context for this many tokens is 180 MB large."""
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(5):
        pieces = generate(model, COUNTING, 8000, temperature=0, n_threads=2)
        assert next(pieces) == b" "
        pieces.close()
    assert process.memory_info().rss - before < 360e6


# --- load ---------------------------------------------------------------------------------------------------------


def test_load_reports_progress(model_path: str) -> None:
    parts: list[float] = []
    model = load(model_path, lambda part: parts.append(part) or True)
    assert lib.llama_model_n_params(model) > 100_000_000
    lib.llama_model_free(model)
    assert parts == sorted(parts)
    assert len(parts) > 10
    assert (parts[0], parts[-1]) == (0.0, 1.0)


def test_load_can_be_cancelled(model_path: str) -> None:
    parts: list[float] = []

    def cancel(part: float) -> bool:
        parts.append(part)
        return part < 0.5

    with pytest.raises(LlamaError, match="could not load"):
        load(model_path, cancel)
    assert 0.5 <= parts[-1] < 1


def test_exception_in_progress_cancels_and_comes_back(model_path: str) -> None:
    def fail(part: float) -> bool:
        raise KeyError(part)

    with pytest.raises(KeyError):
        load(model_path, fail)


def bad_models(folder: Path, model_path: str) -> dict[str, str]:
    """Files that are not models, and what is said of them."""
    whole = Path(model_path).read_bytes()
    (folder / "empty.gguf").touch()
    (folder / "text.gguf").write_text("This is no model.\n" * 100)
    (folder / "short.gguf").write_bytes(b"GG")
    (folder / "header only.gguf").write_bytes(whole[:4])
    (folder / "truncated.gguf").write_bytes(whole[: len(whole) // 2])
    (folder / "half a header.gguf").write_bytes(whole[:1000])
    (folder / "damaged.gguf").write_bytes(whole[:24] + b"\xff" * 64 + whole[88:])
    (folder / "folder.gguf").mkdir()
    return {
        "missing.gguf": "No such file or directory",
        "text.gguf/deeper.gguf": "Not a directory",
        "empty.gguf": "is empty",
        "text.gguf": "is not a GGUF file",
        "short.gguf": "is not a GGUF file",
        "header only.gguf": "llama.cpp could not load this model",
        "truncated.gguf": "llama.cpp could not load this model",
        "half a header.gguf": "llama.cpp could not load this model",
        "damaged.gguf": "llama.cpp could not load this model",
        "folder.gguf": "is a folder, and not a model file",
    }


def test_bad_models(tmp_path: Path, model_path: str) -> None:
    for name, message in bad_models(tmp_path, model_path).items():
        path = str(tmp_path / name)
        with pytest.raises(LlamaError) as raised:
            load(path)
        assert raised.value.args[0] == f"{path}: {message}"
        # What llama.cpp itself found is told, too, where it has looked.
        assert ("llama.cpp could not" in message) == ("failed to load model" in str(raised.value))
