"""Damaged model files are refused, and good ones are not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

import damage
import tiny_models
from fixture_types import Run
from llamacffi import (
    ffi,
    lib,
    llama_adapter_lora_init,
    llama_init_from_model,
    llama_model_load_from_file,
    mtmd_init_from_file,
)
from llamacffi.errors import InvalidArgumentError
from llamacffi.native import encode_path

posix_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.write_llama(tmp_path_factory.mktemp("tiny") / "model.gguf")


@posix_only
def test_damaged_files(run_python: Run) -> None:
    """A few; a long run is `python tests/damage.py --loads 3000`."""
    done = run_python(damage.__file__, "--loads", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 ended" in done.stdout
    assert "decoded" in done.stdout


def test_damage_is_the_same_each_time(tiny: Path) -> None:
    content = tiny.read_bytes()
    assert damage.File(content).write() == content
    for seed in range(20):
        assert damage.damaged(content, seed) == damage.damaged(content, seed)


@pytest.mark.parametrize("path", sorted(tiny_models.VOCABULARIES.glob("ggml-vocab-*.gguf")), ids=lambda path: path.stem)
def test_vocabularies_are_good(path: Path) -> None:
    params = lib.llama_model_default_params()
    params.vocab_only = True
    lib.llama_model_free(llama_model_load_from_file(encode_path(str(path)), params))


@pytest.mark.parametrize("vocab", ["llama-spm", "gpt-2", "bert-bge"])
def test_small_models_are_good(tmp_path: Path, vocab: str) -> None:
    assert damage.as_model(encode_path(str(tiny_models.write_llama(tmp_path / "x.gguf", vocab)))) == "decoded"


def changed(tiny: Path, to: Path, change: Callable[[damage.File], None]) -> bytes:
    file = damage.File(tiny.read_bytes())
    change(file)
    to.write_bytes(file.write())
    return encode_path(str(to))


def test_tokens_that_rwkv_never_gets_past(tiny: Path, tmp_path: Path) -> None:
    def to_rwkv(file: damage.File) -> None:
        file.values[b"tokenizer.ggml.model"] = (damage.STRING, damage.text(b"rwkv"))

    with pytest.raises(InvalidArgumentError, match="first byte"):
        llama_model_load_from_file(changed(tiny, tmp_path / "x.gguf", to_rwkv), lib.llama_model_default_params())


def test_divisor_of_zero(tiny: Path, tmp_path: Path) -> None:
    """As a hyperparameter of the file, and as one that overrides it."""

    def to_qwen(file: damage.File) -> None:
        file.values = {key.replace(b"llama.", b"qwen35."): value for key, value in file.values.items()}
        file.values[b"general.architecture"] = (damage.STRING, damage.text(b"qwen35"))
        file.values[b"qwen35.full_attention_interval"] = damage.number(damage.U32, interval)

    params = lib.llama_model_default_params()
    interval = 0
    with pytest.raises(InvalidArgumentError, match="full_attention_interval"):
        llama_model_load_from_file(changed(tiny, tmp_path / "x.gguf", to_qwen), params)
    interval = 4
    overrides = ffi.new("struct llama_model_kv_override[2]")
    overrides[0].tag, overrides[0].key = lib.LLAMA_KV_OVERRIDE_TYPE_INT, b"qwen35.full_attention_interval"
    params.kv_overrides = overrides
    with pytest.raises(InvalidArgumentError, match="full_attention_interval"):
        llama_model_load_from_file(changed(tiny, tmp_path / "y.gguf", to_qwen), params)


def test_weights_that_no_kernel_takes(tiny: Path, tmp_path: Path) -> None:
    def to_integers(file: damage.File) -> None:
        names = [name for name, *_ in file.tensors]
        at = names.index(b"blk.0.attn_q.weight")
        name, dims, _, offset = file.tensors[at]
        file.tensors[at] = (name, dims, 26, offset)

    path = changed(tiny, tmp_path / "x.gguf", to_integers)
    model = llama_model_load_from_file(path, lib.llama_model_default_params())
    with pytest.raises(InvalidArgumentError, match="no kernel for Qcur-0"):
        llama_init_from_model(model, lib.llama_context_default_params())
    lib.llama_model_free(model)


def test_numbers_that_no_kernel_takes(tiny: Path, tmp_path: Path) -> None:
    def to_negative(file: damage.File) -> None:
        file.values[b"llama.attention.layer_norm_rms_epsilon"] = damage.number(damage.F32, -1)

    path = changed(tiny, tmp_path / "x.gguf", to_negative)
    model = llama_model_load_from_file(path, lib.llama_model_default_params())
    with pytest.raises(InvalidArgumentError, match="RMS_NORM"):
        llama_init_from_model(model, lib.llama_context_default_params())
    lib.llama_model_free(model)


def test_adapter_that_no_kernel_takes(tiny: Path, tmp_path: Path) -> None:
    values: dict[str, tiny_models.Value] = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": 16.0,
    }
    name = "blk.0.attn_q.weight.lora_"
    good = tiny_models.write(tmp_path / "good.gguf", values, {f"{name}a": (32, 4), f"{name}b": (4, 32)})

    def to_integers(file: damage.File) -> None:
        file.tensors = [(name, dims, 26, offset) for name, dims, _, offset in file.tensors]

    model = llama_model_load_from_file(encode_path(str(tiny)), lib.llama_model_default_params())
    assert llama_adapter_lora_init(model, encode_path(str(good)))
    with pytest.raises(InvalidArgumentError, match="i32"):
        llama_adapter_lora_init(model, changed(good, tmp_path / "bad.gguf", to_integers))
    lib.llama_model_free(model)


def test_projector_without_a_tensor(tiny: Path, tmp_path: Path) -> None:
    good = tiny_models.write_projector(tmp_path / "good.gguf", tiny_models.N_EMBD)
    params = lib.mtmd_context_params_default()
    params.use_gpu = False
    model = llama_model_load_from_file(encode_path(str(tiny)), lib.llama_model_default_params())
    lib.mtmd_free(mtmd_init_from_file(encode_path(str(good)), model, params))

    def without(file: damage.File) -> None:
        file.tensors = [
            (name.replace(b"attn_k", b"attn_x"), dims, type_, offset) for name, dims, type_, offset in file.tensors
        ]

    with pytest.raises(InvalidArgumentError, match="attn_k"):
        mtmd_init_from_file(changed(good, tmp_path / "bad.gguf", without), model, params)
    lib.llama_model_free(model)
