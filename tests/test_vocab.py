"""`Vocab`, against the pairs of texts and tokens that llama.cpp itself is tested with."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny_models
import vendor
from fixture_types import Run
from llamacffi import FreedHandleError, InvalidArgumentError, Model, Vocab, ffi, lib
from pinned import ROOT

MODELS = vendor.obtain(ROOT) / "models"
VOCABULARIES = sorted(path for path in MODELS.glob("ggml-vocab-*.gguf") if Path(f"{path}.inp").exists())
TESTS = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def vocab(model_path: str) -> Iterator[Vocab]:
    with Model(model_path, vocab_only=True) as model:
        yield model.vocab


def load(name: str) -> Model:
    return Model(MODELS / f"ggml-vocab-{name}.gguf", vocab_only=True)


def lists(arrays: list[Any]) -> list[list[int]]:
    return [each.tolist() for each in arrays]


def test_there_are_vocabularies() -> None:
    assert len(VOCABULARIES) >= 10


@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem[len("ggml-vocab-") :])
def test_vocabulary(path: Path) -> None:
    separator = b"\n__ggml_vocab_test__\n"
    texts = Path(f"{path}.inp").read_bytes().split(separator)
    if not texts[-1]:  # some files end with a separator
        texts.pop()
    expected = [[int(token) for token in line.split()] for line in Path(f"{path}.out").read_text("ascii").splitlines()]
    assert len(texts) == len(expected) > 40
    with Model(path, vocab_only=True) as model:
        vocab = model.vocab
        assert [vocab.tokenize(text, add_special=False) for text in texts] == expected
        assert lists(vocab.tokenize_many(texts, add_special=False)) == expected
        if vocab.type not in ("wpm", "ugm"):  # which keep no spaces
            back = [vocab.detokenize_bytes(tokens) for tokens in expected]
            assert [text for text, other in zip(texts, back) if text != other and vocab.type != "bpe"] == []
            assert sum(text != other for text, other in zip(texts, back)) <= 1  # falcon has no token for U+000B


# --- back and forth -----------------------------------------------------------------------------------------------

# Other characters have bytes that this model has no token for.
CHARACTERS = st.characters(max_codepoint=0xFFFF, blacklist_categories=["Cs", "Cc"]) | st.sampled_from("🦙👩\u200d🔬𝄞")


@settings(max_examples=300, deadline=None)
@given(text=st.text(CHARACTERS, max_size=60))
def test_text_comes_back_from_its_tokens(vocab: Vocab, text: str) -> None:
    tokens = vocab.tokenize(text)
    assert vocab.detokenize(tokens) == text
    assert b"".join(map(vocab.piece, tokens)) == text.encode()


@pytest.fixture(scope="module")
def spm() -> Iterator[Vocab]:
    with load("llama-spm") as model:
        yield model.vocab


# The tokenizer makes "▁" of a space, and no space again of what a broken character before it takes half of.
BYTES = st.binary(max_size=60).map(lambda data: data.replace(b" ", b""))


@settings(max_examples=300, deadline=None)
@given(data=BYTES | st.text(max_size=60).map(lambda text: text.encode("utf-8", "ignore")))
def test_bytes_come_back_from_a_vocabulary_that_has_all(spm: Vocab, data: bytes) -> None:
    data = data.replace("▁".encode(), b"")
    assert spm.detokenize_bytes(spm.tokenize(data)) == data
    text = data.decode("utf-8", "surrogateescape")
    assert spm.detokenize(spm.tokenize(text)) == text


@pytest.mark.parametrize(
    "text", ["", " ", "  two  spaces ", "x . y , z !", "it 's ' q 're", "a\0b", "\t\r\n", "\udcff"]
)
def test_what_c_would_change(spm: Vocab, text: str) -> None:
    """llama_detokenize loses the spaces of some vocabularies, and keeps one too many behind BOS."""
    assert spm.detokenize(spm.tokenize(text)) == text
    for name in ("llama-bpe", "gpt-2"):
        with load(name) as model:
            if text != "\udcff":
                assert model.vocab.detokenize(model.vocab.tokenize(text)) == text


@pytest.mark.parametrize("text", ["<s>hello", "a</s> b</s>c", "<s><s> x", "</s>"])
def test_special_tokens_come_back(spm: Vocab, text: str) -> None:
    tokens = spm.tokenize(text, add_special=False, parse_special=True)
    assert {spm.bos, spm.eos} & set(tokens)
    assert spm.detokenize(tokens, unparse_special=True) == text
    assert spm.detokenize(tokens) == text.replace("<s>", "").replace("</s>", "")


def test_special_tokens_are_removed(spm: Vocab) -> None:
    assert (spm.add_bos, spm.bos) == (True, 1)
    tokens = spm.tokenize("hello")
    assert tokens[0] == spm.bos
    assert spm.detokenize(tokens, unparse_special=True) == "<s>hello"
    assert spm.detokenize(tokens, unparse_special=True, remove_special=True) == "hello"
    assert spm.detokenize([], remove_special=True) == spm.detokenize([1], remove_special=True) == ""


def test_vocabulary_without_spaces() -> None:
    with load("bert-bge") as model:
        vocab = model.vocab
        tokens = vocab.tokenize("hello, world!")
        assert (vocab.type, tokens[0], tokens[-1]) == ("wpm", vocab.bos, vocab.sep)
        assert vocab.detokenize(tokens) == "hello, world!"


# --- tokenize -----------------------------------------------------------------------------------------------------


def test_special_tokens_in_a_text(vocab: Vocab) -> None:
    assert vocab.tokenize("<|im_end|>", parse_special=True) == [vocab.eos]
    assert len(vocab.tokenize("<|im_end|>")) > 1
    assert vocab.piece(2) == b""  # a control token has no text of its own
    assert vocab.piece(2, special=True) == b"<|im_end|>"


def test_kinds_of_texts(vocab: Vocab) -> None:
    text = "Grüße\0, 世界! 🦙"
    expected = vocab.tokenize(text)
    for kind in (bytes, bytearray, memoryview):
        assert vocab.tokenize(kind(text.encode())) == expected
    assert vocab.detokenize(expected) == text
    assert vocab.tokenize("") == vocab.tokenize(b"") == []


def test_long_text_and_long_piece(vocab: Vocab) -> None:
    text = "the quick brown fox " * 5000
    tokens = vocab.tokenize(text)
    assert vocab.detokenize(tokens) == text
    longest = max(range(len(vocab)), key=lambda token: len(vocab.piece(token)))
    assert len(vocab.piece(longest)) > 64 or longest  # more than the first guess has room for
    assert vocab.detokenize_bytes([longest] * 100) == vocab.piece(longest) * 100


@pytest.mark.parametrize("text", [None, 5, ["text"], "\ud800"])
def test_what_is_no_text(vocab: Vocab, text: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="text:"):
        vocab.tokenize(text)
    with pytest.raises(InvalidArgumentError, match="text:"):
        vocab.tokenize_many(["a", text])


# --- many ---------------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(CHARACTERS, max_size=80), max_size=20), special=st.booleans())
def test_many_are_like_one_by_one(spm: Vocab, texts: list[str], special: bool) -> None:
    arrays = spm.tokenize_many(texts, add_special=special, parse_special=special)
    assert lists(arrays) == [spm.tokenize(text, add_special=special, parse_special=special) for text in texts]


def test_arrays_of_many(vocab: Vocab) -> None:
    numpy = pytest.importorskip("numpy")
    mixed: list[Union[str, bytes]] = ["one", b"two three", "", "four"]
    arrays = vocab.tokenize_many(iter(mixed))
    assert [type(each) for each in arrays] == [numpy.ndarray] * 4
    assert {each.dtype for each in arrays} == {numpy.dtype("int32")}
    assert [len(each) for each in arrays] == [1, 2, 0, 1]
    (base,) = {id(each.base) for each in arrays}
    assert base != id(None)
    assert vocab.tokenize_many([]) == []


def test_arrays_without_numpy(vocab: Vocab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llamacffi.vocab.numpy", lambda: None)
    arrays = vocab.tokenize_many(["one", "two three", ""])
    assert [(type(each), each.format) for each in arrays] == [(memoryview, "i")] * 3
    assert lists(arrays) == [vocab.tokenize(text) for text in ("one", "two three", "")]
    assert vocab.detokenize(arrays[1]) == "two three"
    assert lists(vocab.tokenize_many(["", ""])) == [[], []]


def test_many_are_several(vocab: Vocab) -> None:
    texts: Any
    for texts in ("text", b"text"):
        with pytest.raises(InvalidArgumentError, match="must be several"):
            vocab.tokenize_many(texts)


def test_long_texts_among_many(vocab: Vocab) -> None:
    texts = ["the quick brown fox " * n for n in (1, 3000, 0, 500)]
    assert lists(vocab.tokenize_many(texts)) == [vocab.tokenize(text) for text in texts]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "ZeroDivisionError"])
def test_signals_are_served_between_texts(run_python: Run, kind: str) -> None:
    """Ctrl-C, and a handler that raises, stop it long before all is done; after that, all works."""
    code = f"""
import os, signal, sys, threading, time
sys.path[:0] = [{str(TESTS.parent / "tools")!r}]
import demo_model
from llamacffi import Model

def handler(*_):
    1 / 0

if {kind!r} != "KeyboardInterrupt":
    signal.signal(signal.SIGINT, handler)
with Model(demo_model.obtain(), vocab_only=True) as model:
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    texts = ["The quick brown fox jumps over the lazy dog. " * 50] * 1000
    start = time.monotonic()
    try:
        while True:
            model.vocab.tokenize_many(texts * 100)
    except {kind}:
        print("stopped")
    assert [each.tolist() for each in model.vocab.tokenize_many(["one"])] == [model.vocab.tokenize("one")]
"""
    done = run_python("-c", code)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "stopped\n")


# --- detokenize ---------------------------------------------------------------------------------------------------


def test_kinds_of_tokens(vocab: Vocab) -> None:
    tokens = [504, 2365, 6354, 16438]
    expected = vocab.detokenize(tokens)
    assert expected == "The quick brown fox"
    assert vocab.detokenize(tuple(tokens)) == expected
    assert vocab.detokenize(iter(tokens)) == expected
    assert vocab.detokenize(ffi.new("llama_token[]", tokens)) == expected
    for code in "iIlq":
        assert vocab.detokenize(array.array(code, tokens)) == expected
    assert vocab.detokenize(memoryview(array.array("i", tokens))) == expected
    assert vocab.detokenize(range(300, 310)) == vocab.detokenize(list(range(300, 310)))
    numpy = pytest.importorskip("numpy")
    for dtype in ("int32", "int64", "uint16", "uint32"):
        assert vocab.detokenize(numpy.array(tokens, dtype)) == expected
    assert vocab.detokenize(numpy.array([tokens, tokens]).T[:, 0]) == expected
    assert vocab.detokenize(numpy.repeat(numpy.array(tokens, "int32"), 2)[::2]) == expected
    assert vocab.detokenize([numpy.int32(each) for each in tokens]) == expected


@pytest.mark.parametrize("tokens", [[-1], [49152], [5, 2**31], [2**70], [1.5], ["5"], "text", b"text", None, 5, [None]])
def test_what_are_no_tokens(vocab: Vocab, tokens: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        vocab.detokenize(tokens)


def test_arrays_that_are_no_tokens(vocab: Vocab) -> None:
    numpy = pytest.importorskip("numpy")
    for wrong in (
        numpy.array([1.0]),
        numpy.array([[1]]),
        numpy.array([-1]),
        numpy.array([2**40]),
        array.array("d", [1]),
    ):
        with pytest.raises(InvalidArgumentError):
            vocab.detokenize(wrong)


# --- tokens -------------------------------------------------------------------------------------------------------


def test_what_it_says_of_itself(vocab: Vocab) -> None:
    assert (len(vocab), vocab.n_tokens, vocab.type) == (49152, 49152, "bpe")
    assert (vocab.bos, vocab.eos, vocab.eot, vocab.nl, vocab.pad) == (1, 2, 0, 198, 2)
    assert (vocab.sep, vocab.mask, vocab.fim_pre, vocab.fim_suf, vocab.fim_mid) == (None, None, None, None, None)
    assert (vocab.fim_pad, vocab.fim_rep, vocab.fim_sep) == (None, 4, None)
    assert (vocab.add_bos, vocab.add_eos, vocab.add_sep) == (False, False, False)


def test_what_it_says_of_a_token(vocab: Vocab) -> None:
    assert (vocab.is_eog(2), vocab.is_eog(504)) == (True, False)
    assert (vocab.is_control(2), vocab.is_control(504)) == (True, False)
    assert (vocab.text(2), vocab.text(504), vocab.piece(504)) == ("<|im_end|>", "The", b"The")
    assert vocab.text(vocab.tokenize(" the")[0]) == "Ġthe"
    assert (vocab.attr(2), vocab.attr(504)) == ({"control"}, {"normal"})
    assert vocab.score(504) == 0


@pytest.mark.parametrize("token", [-1, 49152, 2**31, None, "x"])
def test_what_is_no_token(vocab: Vocab, token: Any) -> None:
    for method in (vocab.piece, vocab.text, vocab.score, vocab.attr, vocab.is_control):
        with pytest.raises(InvalidArgumentError):
            method(token)


def test_scores_and_bytes(spm: Vocab) -> None:
    assert spm.attr(3) == {"byte"}
    assert spm.piece(3) == b"\0"
    assert spm.score(300) < 0


def test_borrowed(tmp_path: Path) -> None:
    with Model(tiny_models.write_llama(tmp_path / "x.gguf")) as model:
        vocab = Vocab.from_handle(lib.llama_model_get_vocab(model.handle))
        assert vocab.tokenize("abc") == model.vocab.tokenize("abc")
        vocab.close()
        handle = model.vocab.handle
    with pytest.raises(FreedHandleError):
        Vocab.from_handle(handle)
