"""LoRA adapters, and in which order they and their model may end."""

from __future__ import annotations

import array
import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny_models
from llamacffi import FreedHandleError, LlamaError, LoraAdapter, Model, lib


@pytest.fixture
def model(tiny_path: Path) -> Iterator[Model]:
    with Model(tiny_path) as model:
        yield model


@pytest.fixture
def lora_path(tmp_path: Path) -> Path:
    return tiny_models.write_lora(tmp_path / "lora.gguf", general__name="täst")


def test_metadata(model: Model, lora_path: Path) -> None:
    with model.lora(lora_path) as adapter:
        assert isinstance(adapter, LoraAdapter)
        assert adapter.metadata["general.name"] == "täst"
        assert adapter.metadata["adapter.type"] == "lora"
        assert adapter.alora_invocation_tokens == []


def test_invocation_tokens(model: Model, tmp_path: Path) -> None:
    path = tiny_models.write_lora(tmp_path / "x.gguf", adapter__alora__invocation_tokens=array.array("I", [5, 6, 300]))
    with model.lora(path) as adapter:
        assert adapter.alora_invocation_tokens == [5, 6, 300]


def test_from_a_file_object(model: Model, lora_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(b"x" * 32 + lora_path.read_bytes())
    with open(path, "rb") as file:
        file.read(32)
        with model.lora(file) as adapter:
            assert adapter.metadata["adapter.type"] == "lora"
        assert file.tell() == 32


def test_model_ends_its_adapters(model: Model, lora_path: Path) -> None:
    adapters = [model.lora(lora_path) for _ in range(2)]
    handle = adapters[0].handle
    model.close()
    assert all(adapter.closed for adapter in adapters)
    with pytest.raises(FreedHandleError, match="this LoraAdapter was closed"):
        adapters[0].metadata  # noqa: B018 - raises
    for adapter in adapters:
        adapter.close()
    assert lib.llama_adapter_meta_count(handle) == -1
    assert lib.llamacffi_failed()


def test_adapter_ends_before_its_model(model: Model, lora_path: Path) -> None:
    adapter = model.lora(lora_path)
    adapter.close()
    adapter.close()
    with model.lora(lora_path) as other:
        assert other.metadata
    with pytest.raises(FreedHandleError):
        adapter.__enter__()


def test_adapter_keeps_its_model(tiny_path: Path, lora_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        adapter = Model(tiny_path).lora(lora_path)
        gc.collect()
        assert adapter.metadata
        del adapter
        for _ in range(3):
            gc.collect()


def test_borrowed(model: Model, lora_path: Path) -> None:
    with model.lora(lora_path) as adapter:
        with LoraAdapter.from_handle(adapter.handle) as borrowed:
            assert borrowed.metadata == adapter.metadata
        assert adapter.metadata


def test_what_is_no_adapter_for_this_model(model: Model, tiny_path: Path, lora_path: Path, tmp_path: Path) -> None:
    other = tiny_models.write_lora(tmp_path / "other.gguf", tensors=("blk.7.attn_q",))
    (tmp_path / "text.gguf").write_text("nothing")
    for path, message in (
        (tmp_path / "missing.gguf", "missing.gguf: No such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "text.gguf", "text.gguf: llama.cpp could not load this adapter"),
        (tiny_path, "tiny.gguf: llama.cpp could not load this adapter: .*"),
        (other, "other.gguf: llama.cpp could not load this adapter: .*blk.7"),
    ):
        with pytest.raises(LlamaError, match=message):
            model.lora(path)
    with model.lora(lora_path) as adapter:
        assert adapter.metadata  # the model is as it was
    with Model(tiny_path, vocab_only=True) as vocab_only, pytest.raises(LlamaError, match="without its weights"):
        vocab_only.lora(lora_path)
