"""Models of some hundred kilobytes, whole and right but untrained, written with gguf's and ggml's own functions."""

from __future__ import annotations

import array
import os
import random
from pathlib import Path
from typing import Any, Union

from llamacffi import ffi, lib
from llamacffi.native import encode_path
from pinned import ROOT

Value = Union[bool, int, float, str, "list[int]", "list[float]", "list[str]", "array.array[int]"]

VOCABULARIES = ROOT / "vendor" / "llama.cpp" / "models"

N_EMBD, N_LAYER, N_HEAD, N_HEAD_KV, N_FF = 32, 2, 4, 2, 64
N_CTX, N_VOCAB = 128, 512


def write(path: Path, values: dict[str, Value], tensors: dict[str, tuple[int, ...]]) -> Path:
    """Write a file with these keys, and tensors of these sizes with random numbers.

    Integers are stored as u32 (lists: i32, arrays: u32), floats as f32.
    """
    gguf = lib.gguf_init_empty()
    for key, value in values.items():
        _set(gguf, key.encode(), value)
    size = sum(lib.ggml_tensor_overhead() + 64 + 4 * _count(ne) for ne in tensors.values())
    ggml = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": size})[0])
    numbers = random.Random(0)
    for name, ne in tensors.items():
        tensor = lib.ggml_new_tensor(ggml, lib.GGML_TYPE_F32, len(ne), ffi.new("int64_t[]", ne))
        lib.ggml_set_name(tensor, name.encode())
        data = array.array("f", (numbers.gauss(0, 0.3) for _ in range(_count(ne))))
        ffi.memmove(tensor.data, data, 4 * len(data))
        lib.gguf_add_tensor(gguf, tensor)
    written = lib.gguf_write_to_file(gguf, encode_path(os.fspath(path)), False)
    lib.gguf_free(gguf)
    lib.ggml_free(ggml)
    assert written
    return path


def _count(ne: tuple[int, ...]) -> int:
    count = 1
    for each in ne:
        count *= each
    return count


def _set(gguf: Any, key: bytes, value: Value) -> None:
    if isinstance(value, bool):
        lib.gguf_set_val_bool(gguf, key, value)
    elif isinstance(value, int):
        lib.gguf_set_val_u32(gguf, key, value)
    elif isinstance(value, float):
        lib.gguf_set_val_f32(gguf, key, value)
    elif isinstance(value, str):
        lib.gguf_set_val_str(gguf, key, value.encode())
    elif isinstance(value, array.array):
        lib.gguf_set_arr_data(gguf, key, lib.GGUF_TYPE_UINT32, ffi.from_buffer(value), len(value))
    elif isinstance(value[0], str):
        texts = [ffi.new("char[]", str(text).encode()) for text in value]
        lib.gguf_set_arr_str(gguf, key, ffi.new("const char *[]", texts), len(texts))
    elif isinstance(value[0], float):
        lib.gguf_set_arr_data(gguf, key, lib.GGUF_TYPE_FLOAT32, ffi.new("float[]", value), len(value))
    else:
        lib.gguf_set_arr_data(gguf, key, lib.GGUF_TYPE_INT32, ffi.new("int32_t[]", value), len(value))


def vocabulary(name: str, n_tokens: int = N_VOCAB) -> dict[str, Value]:
    """The keys of the first tokens of one of llama.cpp's vocabularies: `llama-spm`, `gpt-2`, `bert-bge`, …"""
    path = encode_path(os.fspath(VOCABULARIES / f"ggml-vocab-{name}.gguf"))
    gguf = lib.gguf_init_from_file(path, ffi.new("struct gguf_init_params *", {"no_alloc": True})[0])
    assert gguf
    values: dict[str, Value] = {}
    for id_ in range(lib.gguf_get_n_kv(gguf)):
        key = ffi.string(lib.gguf_get_key(gguf, id_)).decode()
        if key.startswith("tokenizer.ggml."):
            values[key] = _get(gguf, id_, None if key.endswith(".merges") else n_tokens)
    lib.gguf_free(gguf)
    if "tokenizer.ggml.merges" in values:
        known = set(_texts(values["tokenizer.ggml.tokens"]))
        merges = _texts(values["tokenizer.ggml.merges"])
        values["tokenizer.ggml.merges"] = [merge for merge in merges if merge.replace(" ", "") in known]
    for key, value in values.items():
        if key.endswith("_token_id") and isinstance(value, int) and value >= n_tokens:
            values[key] = 0
    return values


def _texts(value: Value) -> list[str]:
    assert isinstance(value, list)
    return [str(each) for each in value]


def _get(gguf: Any, id_: int, most: int | None) -> Value:
    type_ = lib.gguf_get_kv_type(gguf, id_)
    if type_ == lib.GGUF_TYPE_STRING:
        return str(ffi.string(lib.gguf_get_val_str(gguf, id_)).decode())
    if type_ == lib.GGUF_TYPE_BOOL:
        return bool(lib.gguf_get_val_bool(gguf, id_))
    if type_ == lib.GGUF_TYPE_UINT32:
        return int(lib.gguf_get_val_u32(gguf, id_))
    assert type_ == lib.GGUF_TYPE_ARRAY
    n = lib.gguf_get_arr_n(gguf, id_)
    if most is not None:
        n = min(n, most)
    if lib.gguf_get_arr_type(gguf, id_) == lib.GGUF_TYPE_STRING:
        texts = (ffi.string(lib.gguf_get_arr_str(gguf, id_, i)) for i in range(n))
        return [text.decode("utf-8", "replace") for text in texts]
    c_type = "float *" if lib.gguf_get_arr_type(gguf, id_) == lib.GGUF_TYPE_FLOAT32 else "int32_t *"
    return list(ffi.cast(c_type, lib.gguf_get_arr_data(gguf, id_))[0:n])


def write_llama(
    path: Path,
    vocab: str = "llama-spm",
    architecture: str = "llama",
    n_embd: int = N_EMBD,
    n_ff: int = N_FF,
    **changed: Value,
) -> Path:
    """A model that can tokenize, decode and sample. `changed` are hyperparameters without the architecture's name."""
    values: dict[str, Value] = {"general.architecture": architecture, "general.name": "tiny"}
    hyperparameters: dict[str, Value] = {
        "vocab_size": N_VOCAB,
        "context_length": N_CTX,
        "embedding_length": n_embd,
        "block_count": N_LAYER,
        "feed_forward_length": n_ff,
        "rope.dimension_count": n_embd // N_HEAD,
        "attention.head_count": N_HEAD,
        "attention.head_count_kv": N_HEAD_KV,
        "attention.layer_norm_rms_epsilon": 1e-5,
    }
    for name, value in {**hyperparameters, **changed}.items():
        values[f"{architecture}.{name}"] = value
    values.update(vocabulary(vocab))
    tensors: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (n_embd, N_VOCAB),
        "output_norm.weight": (n_embd,),
        "output.weight": (n_embd, N_VOCAB),
    }
    n_kv = n_embd * N_HEAD_KV // N_HEAD
    n_layer = changed.get("block_count", N_LAYER)
    assert isinstance(n_layer, int)
    for layer in range(n_layer):
        for name, ne in (
            ("attn_norm", (n_embd,)),
            ("attn_q", (n_embd, n_embd)),
            ("attn_k", (n_embd, n_kv)),
            ("attn_v", (n_embd, n_kv)),
            ("attn_output", (n_embd, n_embd)),
            ("ffn_norm", (n_embd,)),
            ("ffn_gate", (n_embd, n_ff)),
            ("ffn_up", (n_embd, n_ff)),
            ("ffn_down", (n_ff, n_embd)),
        ):
            tensors[f"blk.{layer}.{name}.weight"] = ne
    return write(path, values, tensors)


def write_bert(path: Path, pooling: int = 1, n_cls_out: int = 0, **more: Value) -> Path:
    """An encoder, which makes embeddings and no text; with `n_cls_out` outputs of a classifier it ranks, too.

    Its vocabulary has English words. `pooling` is one of `enum llama_pooling_type`; `more` are keys of the file.
    """
    n_vocab = 3000
    values: dict[str, Value] = {"general.architecture": "bert", "general.name": "tiny"}
    hyperparameters: dict[str, Value] = {
        "context_length": N_CTX,
        "embedding_length": N_EMBD,
        "block_count": N_LAYER,
        "feed_forward_length": N_FF,
        "attention.head_count": N_HEAD,
        "attention.layer_norm_epsilon": 1e-5,
        "attention.causal": False,
        "pooling_type": pooling,
    }
    values.update({f"bert.{name}": value for name, value in hyperparameters.items()})
    values.update(vocabulary("bert-bge", n_vocab))
    values["tokenizer.ggml.token_type_count"] = 2
    tensors: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (N_EMBD, n_vocab),
        "token_types.weight": (N_EMBD, 2),
        "position_embd.weight": (N_EMBD, N_CTX),
        "token_embd_norm.weight": (N_EMBD,),
        "token_embd_norm.bias": (N_EMBD,),
    }
    if n_cls_out:
        values["bert.classifier.output_labels"] = [f"label {i}" for i in range(n_cls_out)]
        tensors["cls.weight"] = (N_EMBD, N_EMBD)
        tensors["cls.bias"] = (N_EMBD,)
        tensors["cls.output.weight"] = (N_EMBD, n_cls_out)
        tensors["cls.output.bias"] = (n_cls_out,)
    for layer in range(N_LAYER):
        for name, ne in (
            ("attn_q", (N_EMBD, N_EMBD)),
            ("attn_k", (N_EMBD, N_EMBD)),
            ("attn_v", (N_EMBD, N_EMBD)),
            ("attn_output", (N_EMBD, N_EMBD)),
            ("attn_output_norm", (N_EMBD,)),
            ("ffn_up", (N_EMBD, N_FF)),
            ("ffn_down", (N_FF, N_EMBD)),
            ("layer_output_norm", (N_EMBD,)),
        ):
            tensors[f"blk.{layer}.{name}.weight"] = ne
            tensors[f"blk.{layer}.{name}.bias"] = ne[-1:]
    return write(path, {**values, **more}, tensors)


def write_lora(path: Path, tensors: tuple[str, ...] = ("blk.0.attn_q", "blk.1.attn_q"), **changed: Value) -> Path:
    """A LoRA adapter of rank 4 for the model of `write_llama`, which changes these square weights."""
    values: dict[str, Value] = {
        "general.type": "adapter",
        "general.architecture": "llama",
        "adapter.type": "lora",
        "adapter.lora.alpha": 16.0,
        **{name.replace("__", "."): value for name, value in changed.items()},
    }
    sizes: dict[str, tuple[int, ...]] = {}
    for name in tensors:
        sizes[f"{name}.weight.lora_a"], sizes[f"{name}.weight.lora_b"] = (N_EMBD, 4), (4, N_EMBD)
    return write(path, values, sizes)


def write_splits(path: Path, targets: list[Path]) -> None:
    """A model in two files: its metadata and first tensors, and the others."""
    ggml = ffi.new("struct ggml_context **")
    source = lib.gguf_init_from_file(
        encode_path(os.fspath(path)), ffi.new("struct gguf_init_params *", {"ctx": ggml})[0]
    )
    n = lib.gguf_get_n_tensors(source)
    for number, target in enumerate(targets):
        part = lib.gguf_init_empty()
        if number == 0:
            lib.gguf_set_kv(part, source)
        lib.gguf_set_val_u16(part, b"split.no", number)
        lib.gguf_set_val_u16(part, b"split.count", len(targets))
        lib.gguf_set_val_i32(part, b"split.tensors.count", n)
        for i in range(n * number // len(targets), n * (number + 1) // len(targets)):
            lib.gguf_add_tensor(part, lib.ggml_get_tensor(ggml[0], lib.gguf_get_tensor_name(source, i)))
        assert lib.gguf_write_to_file(part, encode_path(os.fspath(target)), False)
        lib.gguf_free(part)
    lib.gguf_free(source)
    lib.ggml_free(ggml[0])


def write_mamba(path: Path) -> Path:
    """A recurrent model: it has a state, which can't be shortened."""
    n_inner, n_state, n_conv, n_rank = 2 * N_EMBD, 16, 4, 8
    values: dict[str, Value] = {
        "general.architecture": "mamba",
        "mamba.context_length": 4096,
        "mamba.embedding_length": N_EMBD,
        "mamba.block_count": N_LAYER,
        "mamba.feed_forward_length": 0,
        "mamba.attention.head_count": 0,
        "mamba.attention.layer_norm_rms_epsilon": 1e-5,
        "mamba.ssm.conv_kernel": n_conv,
        "mamba.ssm.inner_size": n_inner,
        "mamba.ssm.state_size": n_state,
        "mamba.ssm.time_step_rank": n_rank,
        **vocabulary("llama-spm"),
    }
    tensors: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (N_EMBD, N_VOCAB),
        "output_norm.weight": (N_EMBD,),
        "output.weight": (N_EMBD, N_VOCAB),
    }
    for layer in range(N_LAYER):
        for name, ne in (
            ("attn_norm.weight", (N_EMBD,)),
            ("ssm_in.weight", (N_EMBD, 2 * n_inner)),
            ("ssm_conv1d.weight", (n_conv, n_inner)),
            ("ssm_conv1d.bias", (n_inner,)),
            ("ssm_x.weight", (n_inner, n_rank + 2 * n_state)),
            ("ssm_dt.weight", (n_rank, n_inner)),
            ("ssm_dt.bias", (n_inner,)),
            ("ssm_a", (n_state, n_inner)),
            ("ssm_d", (n_inner,)),
            ("ssm_out.weight", (n_inner, N_EMBD)),
        ):
            tensors[f"blk.{layer}.{name}"] = ne
    return write(path, values, tensors)


def write_t5(path: Path) -> Path:
    """A model with an encoder and a decoder, whose texts begin with token 3."""
    n_buckets = 32
    values: dict[str, Value] = {
        "general.architecture": "t5",
        "t5.context_length": 512,
        "t5.embedding_length": N_EMBD,
        "t5.block_count": N_LAYER,
        "t5.feed_forward_length": N_FF,
        "t5.attention.head_count": N_HEAD,
        "t5.attention.key_length": N_EMBD // N_HEAD,
        "t5.attention.value_length": N_EMBD // N_HEAD,
        "t5.attention.layer_norm_rms_epsilon": 1e-5,
        "t5.attention.relative_buckets_count": n_buckets,
        "t5.decoder_start_token_id": 3,
        **vocabulary("llama-spm"),
    }
    tensors: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (N_EMBD, N_VOCAB),
        "output.weight": (N_EMBD, N_VOCAB),
        "enc.output_norm.weight": (N_EMBD,),
        "dec.output_norm.weight": (N_EMBD,),
    }
    for layer in range(N_LAYER):
        for part, attentions in (("enc", ("attn",)), ("dec", ("attn", "cross_attn"))):
            block = f"{part}.blk.{layer}"
            for attention in attentions:
                tensors[f"{block}.{attention}_norm.weight"] = (N_EMBD,)
                for name in "qkvo":
                    tensors[f"{block}.{attention}_{name}.weight"] = (N_EMBD, N_EMBD)
            tensors[f"{block}.attn_rel_b.weight"] = (N_HEAD, n_buckets)
            tensors[f"{block}.ffn_norm.weight"] = (N_EMBD,)
            tensors[f"{block}.ffn_up.weight"] = (N_EMBD, N_FF)
            tensors[f"{block}.ffn_down.weight"] = (N_FF, N_EMBD)
    return write(path, values, tensors)


def write_projector(path: Path, n_embd: int, vision: bool = True, audio: bool = False) -> Path:
    """A multimodal projector for a model with embeddings of `n_embd` numbers: images become 4 tokens, audio 375 for
    each half minute."""
    values: dict[str, Value] = {
        "general.architecture": "clip",
        "clip.has_vision_encoder": vision,
        "clip.has_audio_encoder": audio,
        "clip.use_gelu": True,
    }
    tensors: dict[str, tuple[int, ...]] = {}
    n, n_ff, n_layer = 16, 32, 2

    def encoder(kind: str, prefix: str, n_pos: int, bias: tuple[str, ...]) -> None:
        for key, value in (
            ("embedding_length", n),
            ("feed_forward_length", n_ff),
            ("block_count", n_layer),
            ("projection_dim", n_embd),
            ("attention.head_count", 2),
        ):
            values[f"clip.{kind}.{key}"] = value
        values[f"clip.{kind}.attention.layer_norm_epsilon"] = 1e-5
        tensors[f"{prefix}.position_embd.weight"] = (n, n_pos)
        for layer in range(n_layer):
            for name, ne in (
                ("attn_q", (n, n)),
                ("attn_k", (n, n)),
                ("attn_v", (n, n)),
                ("attn_out", (n, n)),
                ("ffn_up", (n, n_ff)),
                ("ffn_down", (n_ff, n)),
                ("ln1", (n,)),
                ("ln2", (n,)),
            ):
                tensors[f"{prefix}.blk.{layer}.{name}.weight"] = ne
                if name in bias:
                    tensors[f"{prefix}.blk.{layer}.{name}.bias"] = ne[-1:]

    if vision:
        values["clip.vision.projector_type"] = "mlp"
        values["clip.vision.image_size"], values["clip.vision.patch_size"] = 8, 4
        values["clip.vision.image_mean"] = values["clip.vision.image_std"] = [0.5, 0.5, 0.5]
        encoder("vision", "v", 4, ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_up", "ffn_down", "ln1", "ln2"))
        tensors["v.patch_embd.weight"] = (4, 4, 3, n)
        tensors["mm.0.weight"], tensors["mm.0.bias"] = (n, n_embd), (n_embd,)
        tensors["mm.2.weight"], tensors["mm.2.bias"] = (n_embd, n_embd), (n_embd,)
    if audio:
        values["clip.audio.projector_type"] = "ultravox"
        values["clip.audio.num_mel_bins"], values["clip.audio.projector.stack_factor"] = 80, 4
        encoder("audio", "a", 1500, ("attn_q", "attn_v", "attn_out", "ffn_up", "ffn_down", "ln1", "ln2"))
        tensors["a.conv1d.1.weight"], tensors["a.conv1d.1.bias"] = (3, 80, n), (1, n)
        tensors["a.conv1d.2.weight"], tensors["a.conv1d.2.bias"] = (3, n, n), (1, n)
        tensors["mm.a.norm_pre.weight"], tensors["mm.a.norm_mid.weight"] = (4 * n,), (16,)
        tensors["mm.a.mlp.1.weight"], tensors["mm.a.mlp.2.weight"] = (4 * n, 32), (16, n_embd)
    return write(path, values, tensors)
