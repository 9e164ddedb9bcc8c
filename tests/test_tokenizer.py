"""Tokenizing, against the pairs of texts and tokens that llama.cpp itself is tested with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vendor
from carrier import ROOT
from llamacffi import ffi, lib
from llamacffi.generate import piece, tokenize
from llamacffi.native import encode_path

MODELS = vendor.obtain(ROOT) / "models"
VOCABULARIES = sorted(path for path in MODELS.glob("ggml-vocab-*.gguf") if Path(f"{path}.inp").exists())


@pytest.fixture
def load_vocab() -> Iterator[Callable[[Path], ffi.CData]]:
    """A function that loads a model's vocabulary; it is freed when the test ends."""
    loaded = []

    def load(path: Path) -> ffi.CData:
        params = lib.llama_model_default_params()
        params.vocab_only = True
        model = lib.llama_model_load_from_file(encode_path(str(path)), params)
        assert model
        loaded.append(model)
        return lib.llama_model_get_vocab(model)

    yield load
    for model in loaded:
        lib.llama_model_free(model)


def plain_tokens(vocab: ffi.CData, text: bytes) -> list[int]:
    """The tokens of a text and no others, as llama.cpp's own test takes them."""
    room = len(text) + 1
    tokens = ffi.new("llama_token[]", room)
    n = lib.llama_tokenize(vocab, text, len(text), tokens, room, False, False)
    assert n >= 0
    return list(tokens[0:n])


def test_there_are_vocabularies() -> None:
    assert len(VOCABULARIES) >= 10


@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem[len("ggml-vocab-") :])
def test_vocabulary(path: Path, load_vocab: Callable[[Path], ffi.CData]) -> None:
    separator = b"\n__ggml_vocab_test__\n"
    texts = Path(f"{path}.inp").read_bytes().split(separator)
    if not texts[-1]:  # some files end with a separator
        texts.pop()
    expected = [[int(token) for token in line.split()] for line in Path(f"{path}.out").read_text("ascii").splitlines()]
    assert len(texts) == len(expected) > 40
    vocab = load_vocab(path)
    assert [plain_tokens(vocab, text) for text in texts] == expected


@pytest.fixture(scope="module")
def vocab(model: ffi.CData) -> ffi.CData:
    return lib.llama_model_get_vocab(model)


def test_special_tokens(vocab: ffi.CData) -> None:
    end = tokenize(vocab, "<|im_end|>")
    assert end == [lib.llama_vocab_eos(vocab)]
    assert lib.llama_vocab_is_eog(vocab, end[0])
    assert piece(vocab, end[0]) == b""  # a control token has no text of its own
    assert len(plain_tokens(vocab, b"<|im_end|>")) > 1


def test_long_text_and_long_piece(vocab: ffi.CData) -> None:
    text = "the quick brown fox " * 5000
    tokens = tokenize(vocab, text)
    assert b"".join(piece(vocab, token) for token in tokens).decode() == text
    longest = max(range(lib.llama_vocab_n_tokens(vocab)), key=lambda token: len(piece(vocab, token)))
    assert len(piece(vocab, longest)) > 8


# Other characters have bytes that this model has no token for.
CHARACTERS = st.characters(max_codepoint=0xFFFF, blacklist_categories=["Cs", "Cc"]) | st.sampled_from("🦙👩\u200d🔬𝄞")


@settings(max_examples=300, deadline=None)
@given(text=st.text(CHARACTERS, min_size=1, max_size=60))
def test_text_comes_back_from_its_tokens(vocab: ffi.CData, text: str) -> None:
    tokens = plain_tokens(vocab, text.encode())
    assert b"".join(piece(vocab, token) for token in tokens) == text.encode()
    buffer = ffi.new("char[]", 4 * len(text) + 8)
    array = ffi.new("llama_token[]", tokens)
    n = lib.llama_detokenize(vocab, array, len(array), buffer, len(buffer), False, True)
    assert bytes(ffi.buffer(buffer, n)) == text.encode()
