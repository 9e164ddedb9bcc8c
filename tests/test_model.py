"""`Model`: what it is loaded from, what it says of itself, and when it ends."""

from __future__ import annotations

import gc
import io
import os
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import pytest

import tiny_models
from llamacffi import FreedHandleError, InvalidArgumentError, LlamaError, Model, Vocab, ffi, lib
from llamacffi.handles import is_freed
from llamacffi.types import AnyPointer
from untyped import unchecked

TEXT = "The quick brown fox"


@pytest.fixture(scope="module")
def real(model_path: str) -> Iterator[Model]:
    with Model(model_path) as model:
        yield model


@pytest.fixture
def tiny(tiny_path: Path) -> Iterator[Model]:
    with Model(tiny_path) as model:
        yield model


# --- what it says -------------------------------------------------------------------------------------------------


def test_what_it_says_of_itself(real: Model) -> None:
    assert real.description == "llama 256M Q4_1"
    assert (real.n_params, real.size) == (134_515_008, 96_576_768)
    assert (real.n_ctx_train, real.n_embd, real.n_layer, real.n_head, real.n_head_kv) == (8192, 576, 30, 9, 3)
    assert (real.n_swa, real.ftype, real.rope_type, real.rope_freq_scale_train) == (0, "Q4_1", "norm", 1.0)
    assert (real.has_encoder, real.has_decoder) == (False, True)
    assert (real.is_recurrent, real.is_hybrid, real.is_diffusion) == (False, False, False)
    assert real.decoder_start_token is None
    assert real.classifier_labels == []
    assert repr(real) == "<llamacffi.Model>"


def test_metadata(real: Model) -> None:
    metadata = real.metadata
    assert isinstance(metadata, MappingProxyType)
    assert len(metadata) == lib.llama_model_meta_count(real.handle) > 20
    assert metadata["general.architecture"] == "llama"
    assert metadata["llama.context_length"] == "8192"
    # Whatever its length: the first guess of the room for it is 256.
    assert len(metadata["tokenizer.chat_template"]) > 256
    assert metadata["tokenizer.chat_template"] == real.chat_template()
    assert "no.such.key" not in metadata


@pytest.mark.parametrize("length", [1, 254, 255, 256, 257, 511, 70_000])
def test_metadata_of_any_length(length: int, tmp_path: Path) -> None:
    values = {**tiny_models.vocabulary("llama-spm"), "general.architecture": "llama", "some.text": "ä" * length}
    path = tiny_models.write(tmp_path / "x.gguf", values, {})
    with Model(path, vocab_only=True) as model:
        assert model.metadata["some.text"] == "ä" * length


def test_chat_template(real: Model, tiny: Model) -> None:
    assert "<|im_start|>" in str(real.chat_template())
    assert real.chat_template("tool_use") is None
    assert tiny.chat_template() is None


def test_classifier_labels(tmp_path: Path) -> None:
    labels: dict[str, Any] = {"classifier.output_labels": ["nö", "yes"]}
    path = tiny_models.write_llama(tmp_path / "x.gguf", **labels)
    with Model(path) as model:
        assert model.classifier_labels == ["nö", "yes"]


def test_handle_serves_the_other_tiers(real: Model) -> None:
    assert ffi.typeof(real.handle).cname == "struct llama_model *"
    assert lib.llama_model_n_embd(real.handle) == real.n_embd


# --- loading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [str, Path])
def test_kinds_of_paths(kind: type, tiny_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "größe 🦙.gguf"
    path.write_bytes(tiny_path.read_bytes())
    with Model(kind(path)) as model:
        assert model.n_embd == tiny_models.N_EMBD


def test_progress(model_path: str) -> None:
    parts: list[float] = []
    Model(model_path, progress=parts.append).close()  # which returns None
    assert parts == sorted(parts)
    assert len(parts) > 10
    assert (parts[0], parts[-1]) == (0.0, 1.0)


def test_progress_cancels(model_path: str) -> None:
    parts: list[float] = []

    def cancel(part: float) -> bool:
        parts.append(part)
        return part < 0.5

    with pytest.raises(LlamaError, match=r"loading was cancelled$"):
        Model(model_path, progress=cancel)
    assert 0.5 <= parts[-1] < 1


def test_progress_that_is_no_function(model_path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="progress = 5: must be a function, or None"):
        unchecked.Model(model_path, progress=5)


def test_exception_in_progress(model_path: str) -> None:
    def fail(part: float) -> bool:
        raise KeyError(part)

    with pytest.raises(KeyError):
        Model(model_path, progress=fail)


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
        "folder.gguf": "is a folder, and not a file",
    }


def test_bad_models(tmp_path: Path, model_path: str) -> None:
    for name, message in bad_models(tmp_path, model_path).items():
        path = str(tmp_path / name)
        with pytest.raises(LlamaError) as raised:
            Model(path)
        assert raised.value.args[0] == f"{path}: {message}"
        # What llama.cpp itself found is told, too, where it has looked.
        assert ("llama.cpp could not" in message) == ("failed to load model" in str(raised.value))


@pytest.mark.parametrize("path", [None, 5, b"bytes.gguf", [], "nul\0.gguf", ["x.gguf", None]])
def test_what_is_no_path(path: Any) -> None:
    with pytest.raises(LlamaError) as raised:
        Model(path)
    assert isinstance(raised.value, InvalidArgumentError) or "No such file" in str(raised.value)


# --- parameters ---------------------------------------------------------------------------------------------------


def test_parameters_of_c(tiny_path: Path) -> None:
    overrides = {"llama.context_length": 77, "tokenizer.ggml.add_bos_token": False, "general.name": "other"}
    with Model(tiny_path) as model:
        assert (model.n_ctx_train, model.vocab.add_bos) == (tiny_models.N_CTX, True)
    with Model(tiny_path, kv_overrides=overrides, load_mode="none", check_tensors=True) as model:
        assert (model.n_ctx_train, model.vocab.add_bos) == (77, False)
    with Model(tiny_path, vocab_only=True) as model:
        assert model.vocab.n_tokens == tiny_models.N_VOCAB


def test_devices(tiny_path: Path) -> None:
    with Model(tiny_path, device="none", gpu_layers=0, split_mode="none") as model:
        assert model.n_layer == tiny_models.N_LAYER
    with Model(tiny_path, tensor_buft_overrides={r"blk\..*": "CPU"}) as model:
        assert model.n_layer == tiny_models.N_LAYER
    with pytest.raises(InvalidArgumentError, match="there is no such device"):
        Model(tiny_path, device="Nonesuch0")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"vocab_onyl": True}, "there is no parameter 'vocab_onyl'; did you mean vocab_only"),
        ({"n_ctx": 5}, "there is no parameter 'n_ctx'"),
        ({"vocab_only": "yes"}, "vocab_only = 'yes': C takes"),
        ({"load_mode": "nmap"}, "load_mode = 'nmap': must be one of auto, none, mmap, .*; did you mean mmap"),
        ({"kv_overrides": {"a" * 200: 1}}, "kv_overrides = "),
        ({"kv_overrides": 3}, "kv_overrides = 3"),
        ({"split_mode": "diagonal"}, "split_mode = 'diagonal'"),
    ],
)
def test_wrong_parameters(tiny_path: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        Model(tiny_path, **params)


# --- splits and files ---------------------------------------------------------------------------------------------


def test_splits(tiny_path: Path, tiny: Model, tmp_path: Path) -> None:
    named = [tmp_path / f"model-0000{number}-of-00002.gguf" for number in (1, 2)]
    free = [tmp_path / "one.gguf", tmp_path / "zwö.gguf"]
    for targets in (named, free):
        tiny_models.write_splits(tiny_path, targets)
    for path in (named[0], named, free, [str(each) for each in free]):
        with Model(path) as model:
            assert model.n_params == tiny.n_params
            assert model.vocab.tokenize(TEXT) == tiny.vocab.tokenize(TEXT)
    with Model([tiny_path]) as model:
        assert model.n_params == tiny.n_params
    with pytest.raises(LlamaError, match=r"one.gguf: llama.cpp could not load this model:"):
        Model(free[0])  # whose other part has no name that leads to it
    with pytest.raises(LlamaError, match="could not load"):
        Model(free[::-1])
    named[1].unlink()
    with pytest.raises(LlamaError, match=r"model-00001-of-00002.gguf: llama.cpp could not load"):
        Model(named[0])
    with pytest.raises(LlamaError, match=r"missing.gguf: No such file"):
        Model([free[0], tmp_path / "missing.gguf"])


@pytest.mark.parametrize("buffering", [-1, 0])
@pytest.mark.parametrize("offset", [0, 4096, 4099])
def test_file_object(tiny_path: Path, tiny: Model, tmp_path: Path, offset: int, buffering: int) -> None:
    """A model in the middle of a file; only where the offset is right for its tensors, it can be mapped."""
    path = tmp_path / "archive"
    path.write_bytes(b"x" * offset + tiny_path.read_bytes() + b"behind")
    with open(path, "rb", buffering=buffering) as file:
        assert file.read(offset) == b"x" * offset
        if offset % 32:
            with pytest.raises(LlamaError, match="cannot mmap"):
                Model(file)
        with Model(file, load_mode="none" if offset % 32 else None) as model:
            assert model.n_params == tiny.n_params
            assert model.vocab.tokenize(TEXT) == tiny.vocab.tokenize(TEXT)
        assert file.tell() == offset
        assert file.read(4) == b"GGUF"
        file.seek(-6, os.SEEK_END)
        assert file.read() == b"behind"


def test_file_objects_that_do_not_serve(tiny_path: Path, tmp_path: Path) -> None:
    with open(tiny_path, encoding="latin-1") as text, pytest.raises(InvalidArgumentError, match="open as text"):
        unchecked.Model(text)
    with pytest.raises(InvalidArgumentError, match="must be one on a disk"):
        Model(io.BytesIO(tiny_path.read_bytes()))
    with pytest.raises(InvalidArgumentError, match="closed file"):
        unchecked.Model(text)
    other = tmp_path / "other"
    other.write_bytes(b"no model at all")
    with open(other, "rb") as file, pytest.raises(LlamaError, match=r"other: llama.cpp could not load this model"):
        Model(file)
    with open(other, "wb") as file, pytest.raises(LlamaError):
        Model(file)


@pytest.mark.skipif(sys.platform == "win32", reason="no descriptors are counted there")
def test_failures_leave_nothing_open(tiny_path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(tiny_path.read_bytes()[:5000])
    process = psutil.Process()
    with open(other, "rb") as file:
        before = process.num_fds()
        for _ in range(10):
            with pytest.raises(LlamaError):
                Model(file)
            with pytest.raises(LlamaError):
                Model(other)
        assert process.num_fds() == before


# --- saving -------------------------------------------------------------------------------------------------------


def test_save(tiny_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "größer.gguf"
    with Model(tiny_path, use_extra_bufts=False) as model:
        model.save(path)
        size = model.size
    with Model(path) as model:
        assert model.size == size
    assert os.listdir(tmp_path) == [path.name]


def test_what_can_not_be_saved(tiny: Model, tmp_path: Path) -> None:
    with pytest.raises(LlamaError, match="was not written: there is no folder"):
        tiny.save(tmp_path / "no" / "x.gguf")
    with pytest.raises(LlamaError, match="was not written: that is a folder"):
        tiny.save(tmp_path)
    assert os.listdir(tmp_path) == []
    tiny.close()
    with pytest.raises(FreedHandleError):
        tiny.save(tmp_path / "x.gguf")


# --- its end ------------------------------------------------------------------------------------------------------


def test_use_after_close(tiny_path: Path) -> None:
    model = Model(tiny_path)
    vocab, handle = model.vocab, model.handle
    model.close()
    model.close()
    assert (model.closed, vocab.closed, repr(model)) == (True, True, "<llamacffi.Model (closed)>")
    for use in (
        lambda: model.handle,
        lambda: model.vocab,
        lambda: model.n_embd,
        lambda: model.metadata,
        lambda: model.description,
        lambda: model.chat_template(),
        lambda: model.__enter__(),
        lambda: vocab.tokenize(TEXT),
        lambda: vocab.detokenize([1]),
        lambda: vocab.tokenize_many([TEXT]),
        lambda: len(vocab),
    ):
        with pytest.raises(FreedHandleError, match="was closed"):
            use()
    assert lib.llama_model_n_params(handle) == 0
    assert lib.llamacffi_failed()


def test_vocabulary_is_a_part_of_its_model(tiny: Model) -> None:
    vocab = tiny.vocab
    assert isinstance(vocab, Vocab)
    assert tiny.vocab is vocab
    vocab.close()
    assert not tiny.closed
    assert tiny.vocab is not vocab
    assert tiny.vocab.n_tokens == tiny_models.N_VOCAB


def test_vocabulary_keeps_its_model(tiny_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        vocab = Model(tiny_path).vocab
        gc.collect()
        assert vocab.n_tokens == tiny_models.N_VOCAB
        handle = vocab.handle
        del vocab
        for _ in range(3):
            gc.collect()
    assert lib.llama_vocab_n_tokens(handle) == 0  # they are gone
    assert lib.llamacffi_failed()


def test_dropped_without_close(tiny_path: Path) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always", ResourceWarning)
        handle = Model(tiny_path).handle
        for _ in range(3):
            gc.collect()
    assert [str(each.message) for each in seen] == ["<llamacffi.Model> was not closed"]
    assert lib.llama_model_n_params(handle) == 0  # it is gone
    assert lib.llamacffi_failed()


def test_dropped_with_its_contexts(tiny_path: Path) -> None:
    # Garbage in a circle: when the model's turn comes, it can't find its contexts any more.
    model = Model(tiny_path)
    contexts = [model.context(n_ctx=64), model.context(n_ctx=64)]
    handles: list[AnyPointer] = [model.handle, *(context.handle for context in contexts)]
    circle: list[object] = [model, contexts]
    circle.append(circle)
    del model, contexts, circle

    def collect() -> None:
        for _ in range(3):  # PyPy takes what holds others first, and these at the next time
            gc.collect()

    with pytest.warns(ResourceWarning, match="Model"):
        collect()
    assert all(map(is_freed, handles))


def test_borrowed(tiny: Model) -> None:
    with Model.from_handle(tiny.handle) as model:
        assert model.n_embd == tiny.n_embd
        assert model.vocab.tokenize(TEXT) == tiny.vocab.tokenize(TEXT)
    assert tiny.n_embd == tiny_models.N_EMBD
    handle = tiny.handle
    tiny.close()
    with pytest.raises(FreedHandleError):
        Model.from_handle(handle)


def test_many_threads_use_one(tiny: Model) -> None:
    texts = [f"{TEXT} {number}" for number in range(64)]
    expected = [tiny.vocab.tokenize(text) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tiny.vocab.tokenize, texts)) == expected


def test_memory_is_freed(tiny_path: Path) -> None:
    process = psutil.Process()

    def load() -> int:
        for _ in range(20):
            with Model(tiny_path) as model:
                model.vocab.tokenize(TEXT)
        return process.memory_info().rss

    load()
    assert load() - load() < 2 * tiny_path.stat().st_size + 2e6


# --- text, in a context of its own --------------------------------------------------------------------------------

COUNTING = "1, 2, 3, 4,"
# The model is so sure of these that no processor's rounding changes them.
COUNTED = " 5, 6, 7, 8, 9,"
N_COUNTED = 15


def test_generate(real: Model) -> None:
    for prompt in (COUNTING, COUNTING.encode(), real.vocab.tokenize(COUNTING)):
        with real.generate(prompt, max_tokens=N_COUNTED, temperature=0, n_threads=2) as generation:
            assert generation.text() == COUNTED
    assert all(child.closed for child in real._living_children() if not isinstance(child, Vocab))


def test_room_for_a_text(real: Model, tiny: Model) -> None:
    n_ctx_train = real.n_ctx_train
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("word " * n_ctx_train, {}, rf"the prompt's \d+ tokens and 1 more are \d+; this model takes {n_ctx_train}"),
        ("word", {"max_tokens": n_ctx_train}, rf"and {n_ctx_train} more are {n_ctx_train + 1}; this model takes"),
        ("word word", {"max_tokens": 40, "n_ctx": 20}, "tokens and 40 more are 42; n_ctx = 20 has room for 20"),
    ]
    for prompt, options, message in wrong:
        with pytest.raises(LlamaError, match=message):
            real.generate(prompt, **options)
    # Without a limit, until the context is full: here, as many tokens as the model was trained with.
    with tiny.generate("word", temperature=0, ignore_eog=True) as generation:
        generation.text()
        assert len(generation.prompt) + len(generation.tokens) == pytest.approx(256, abs=1)  # llama.cpp rounds up
        assert generation.stop_reason == "length"


def test_wrong_options_leave_no_context(tiny: Model) -> None:
    wrong: list[dict[str, Any]]
    wrong = [{"temprature": 1}, {"n_batch": "x"}, {"max_tokens": -1}, {"seq": 7}, {"type_k": "q9_0"}]
    for options in wrong:
        with pytest.raises(InvalidArgumentError):
            tiny.generate("word", **options)
    with pytest.raises(InvalidArgumentError, match="temprature"):
        tiny.generate_many(["word"], temprature=1)
    with pytest.raises(InvalidArgumentError, match="must be several"):
        tiny.generate_many("word")
    assert [child for child in tiny._living_children() if not isinstance(child, Vocab)] == []


def test_empty_prompt(real: Model) -> None:
    with pytest.raises(InvalidArgumentError, match="prompt: is empty"):
        real.generate("")


def test_many_get_a_context_that_llama_cpp_does_not_change(real: Model, caplog: pytest.LogCaptureFixture) -> None:
    real.generate_many([[5, 6, 7]] * 3, max_tokens=1).texts()
    assert caplog.messages == []


def test_generate_many(real: Model) -> None:
    prompts = [COUNTING, "2, 4, 6, 8,", COUNTING]
    with real.generate_many(prompts, max_tokens=N_COUNTED, temperature=0, n_seq_max=2, n_threads=2) as generations:
        texts = generations.texts()
    assert (texts[0], texts[2]) == (COUNTED, COUNTED)
    assert texts[1].startswith(" 10, 12,")


def test_closing_the_model_ends_a_text(tiny_path: Path) -> None:
    model = Model(tiny_path)
    generation = model.generate("word", max_tokens=50, ignore_eog=True, step=1)
    next(generation)
    model.close()
    assert generation.closed
    assert generation.stop_reason == "cancelled"
