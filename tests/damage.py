"""Damaged GGUF files: what a bad disk, a cut transfer or a wrong conversion makes of a good one, and worse.

    python tests/damage.py [--loads N] [--first SEED] [FILE …]

loads N damaged files each as metadata, as vocabulary and as model, in processes that are forked for it, and prints
what came of it. The exit status is 1 if a process ended. Without files, it damages small models of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

# Of tensors' types: the elements in a block, and its bytes.
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 9: (32, 36), 12: (256, 144), 15: (256, 292), 20: (32, 18),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 30: (1, 2), 34: (256, 54), 39: (32, 17),
}  # fmt: skip

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}

COUNTS = (
    0,
    1,
    2,
    3,
    100,
    2**16,
    2**20,
    2**30,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**40,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
NUMBERS = (0, 1, 2, 3, 4, 5, 7, 16, 31, 64, 255, 1000, 4096, 65535, 2**20, 2**31 - 1, 2**31, 2**32 - 1)

ARCHITECTURES = [
    "llama",
    "llama4",
    "falcon",
    "gpt2",
    "gptj",
    "gptneox",
    "mpt",
    "starcoder",
    "refact",
    "bert",
    "nomic-bert",
    "modern-bert",
    "bloom",
    "stablelm",
    "qwen",
    "qwen2",
    "qwen2moe",
    "qwen2vl",
    "qwen3",
    "qwen3moe",
    "qwen3next",
    "phi2",
    "phi3",
    "phimoe",
    "plamo",
    "plamo2",
    "codeshell",
    "orion",
    "internlm2",
    "minicpm",
    "minicpm3",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3n",
    "starcoder2",
    "mamba",
    "mamba2",
    "jamba",
    "xverse",
    "command-r",
    "cohere2",
    "dbrx",
    "olmo",
    "olmo2",
    "olmoe",
    "openelm",
    "arctic",
    "deepseek",
    "deepseek2",
    "chatglm",
    "glm4",
    "glm4moe",
    "bitnet",
    "t5",
    "t5encoder",
    "jais",
    "nemotron",
    "exaone",
    "exaone4",
    "rwkv6",
    "rwkv7",
    "arwkv7",
    "granite",
    "granitemoe",
    "granitehybrid",
    "chameleon",
    "wavtokenizer-dec",
    "plm",
    "bailingmoe",
    "dots1",
    "arcee",
    "ernie4_5",
    "hunyuan-moe",
    "smollm3",
    "gpt-oss",
    "lfm2",
    "dream",
    "llada",
    "seed_oss",
    "grovemoe",
    "apertus",
    "clip",
    "nonsense",
]
TOKENIZERS = [
    "llama",
    "bert",
    "gpt2",
    "t5",
    "rwkv",
    "plamo2",
    "none",
    "no_vocab",
    "test",
    "hybriddna",
    "whitespace",
    "gemma4",
    "nonsense",
]
PRE_TOKENIZERS = [
    "default",
    "llama-bpe",
    "gpt-2",
    "qwen2",
    "deepseek-llm",
    "kimi-k2",
    "jina-v1-en",
    "whitespace",
    "gemma4",
    "tekken",
    "nonsense",
]
HYPERPARAMETERS = [
    "vocab_size",
    "context_length",
    "embedding_length",
    "embedding_length_out",
    "features_length",
    "block_count",
    "leading_dense_block_count",
    "feed_forward_length",
    "expert_feed_forward_length",
    "expert_shared_feed_forward_length",
    "use_parallel_residual",
    "tensor_data_layout",
    "expert_count",
    "expert_used_count",
    "expert_shared_count",
    "expert_group_count",
    "expert_group_used_count",
    "expert_weights_scale",
    "expert_weights_norm",
    "expert_gating_func",
    "moe_every_n_layers",
    "nextn_predict_layers",
    "pooling_type",
    "logit_scale",
    "decoder_start_token_id",
    "decoder_block_count",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "swin_norm",
    "rescale_every_n_layers",
    "time_mix_extra_dim",
    "time_decay_extra_dim",
    "residual_scale",
    "embedding_scale",
    "token_shift_count",
    "interleave_moe_layer_step",
    "full_attention_interval",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.max_alibi_bias",
    "attention.clamp_kqv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "attention.group_norm_epsilon",
    "attention.group_norm_groups",
    "attention.causal",
    "attention.q_lora_rank",
    "attention.kv_lora_rank",
    "attention.relative_buckets_count",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.scale",
    "attention.key_length_mla",
    "attention.value_length_mla",
    "attention.shared_kv_layers",
    "rope.dimension_count",
    "rope.dimension_count_swa",
    "rope.dimension_sections",
    "rope.freq_base",
    "rope.freq_base_swa",
    "rope.scale_linear",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.attn_factor",
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "rope.scaling.yarn_log_multiplier",
    "rope.scaling.yarn_beta_fast",
    "ssm.conv_kernel",
    "ssm.inner_size",
    "ssm.state_size",
    "ssm.time_step_rank",
    "ssm.group_count",
    "wkv.head_size",
    "posnet.embedding_length",
    "posnet.block_count",
    "convnext.embedding_length",
    "convnext.block_count",
    "classifier.output_labels",
    "shortconv.l_cache",
]
TOKENIZER_KEYS = [
    "bos",
    "eos",
    "eot",
    "eom",
    "unknown",
    "seperator",
    "padding",
    "mask",
    "fim_pre",
    "fim_suf",
    "fim_mid",
    "fim_pad",
    "fim_rep",
    "fim_sep",
    "prefix",
    "suffix",
    "middle",
]


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


class File:
    """The parts of a GGUF file; values are kept as the file has them."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0
        magic, self.version, n_tensors, n_kv = self._read("4sIQQ")
        assert magic == b"GGUF"
        self.values: dict[bytes, tuple[int, bytes]] = {}
        for _ in range(n_kv):
            key = self._text()
            (type_,) = self._read("I")
            start = self.at
            self._skip(type_)
            self.values[key] = (type_, content[start : self.at])
        self.tensors: list[tuple[bytes, list[int], int, int]] = []
        for _ in range(n_tensors):
            name = self._text()
            (n_dims,) = self._read("I")
            dims = list(self._read(f"{n_dims}Q"))
            self.tensors.append((name, dims, *self._read("IQ")))
        alignment = 32
        if b"general.alignment" in self.values:
            (alignment,) = struct.unpack("<I", self.values[b"general.alignment"][1])
        self.alignment = alignment
        self.data = content[(self.at + alignment - 1) // alignment * alignment :] if n_tensors else b""

    def _read(self, form: str) -> Any:
        found = struct.unpack_from("<" + form, self.content, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def _text(self) -> bytes:
        (length,) = self._read("Q")
        self.at += length
        return self.content[self.at - length : self.at]

    def _skip(self, type_: int) -> None:
        if type_ == STRING:
            self._text()
        elif type_ == ARRAY:
            item, n = self._read("IQ")
            if item == STRING:
                for _ in range(n):
                    self._text()
            else:
                self.at += n * struct.calcsize(FORMATS[item])
        else:
            self.at += struct.calcsize(FORMATS[type_])

    def head(self, n_tensors: int | None = None, n_kv: int | None = None, version: int | None = None) -> bytes:
        def given(value: int | None, otherwise: int) -> int:
            return otherwise if value is None else value

        return b"GGUF" + struct.pack(
            "<IQQ",
            given(version, self.version),
            given(n_tensors, len(self.tensors)),
            given(n_kv, len(self.values)),
        )

    def write(self, head: bytes = b"") -> bytes:
        parts = [head or self.head()]
        for key, (type_, value) in self.values.items():
            parts += [text(key), struct.pack("<I", type_), value]
        for name, dims, type_, offset in self.tensors:
            numbers = [number % 2**64 for number in (*dims, offset)]
            parts += [text(name), struct.pack(f"<I{len(dims)}QIQ", len(dims), *numbers[:-1], type_, numbers[-1])]
        content = b"".join(parts)
        return content + bytes(-len(content) % self.alignment) + self.data

    def strings(self, key: bytes) -> list[bytes]:
        self.content, self.at = self.values[key][1], 12
        (n,) = struct.unpack_from("<Q", self.content, 4)
        return [self._text() for _ in range(n)]


def strings(each: list[bytes]) -> tuple[int, bytes]:
    return ARRAY, struct.pack("<IQ", STRING, len(each)) + b"".join(map(text, each))


def number(type_: int, value: int) -> tuple[int, bytes]:
    """A number of this type; as much of it as there is room for."""
    if type_ in (F32, F64):
        return type_, struct.pack("<" + FORMATS[type_], float(value))
    return type_, (value % 2**64).to_bytes(8, "little")[: struct.calcsize(FORMATS[type_])]


def random_value(rng: random.Random) -> tuple[int, bytes]:
    kind = rng.randrange(8)
    if kind < 3:
        return number(U32, rng.choice(NUMBERS))
    if kind == 3:
        return number(rng.choice(list(FORMATS)), rng.choice(COUNTS))
    if kind == 4:
        return F32, struct.pack("<f", rng.choice((0.0, -1.0, 1e-5, 1.0, 1e4, 1e38, float("nan"), float("inf"))))
    if kind == 5:
        return STRING, text(rng.choice((b"", b"x", b"none", b"linear", b"yarn", b"longrope", b"\xff\xfe", b"%s%n")))
    if kind == 6:
        return number(BOOL, rng.randrange(2))
    item = rng.choice((U32, I32, F32, BOOL, STRING))
    n = rng.choice((0, 1, 2, 3, 4, 64, 512, 513))
    if item == STRING:
        return strings([b"x"] * n)
    return ARRAY, struct.pack("<IQ", item, n) + b"".join(number(item, rng.choice(NUMBERS))[1] for _ in range(n))


# Kinds of damage. Each changes the file's parts, and returns nothing; or returns the damaged file.


def flipped_bits(file: File, rng: random.Random) -> bytes:
    content = bytearray(file.write())
    end = len(content) - len(file.data) if rng.random() < 0.8 else len(content)
    start = rng.choice((0, 0, end * 3 // 4))
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        content[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
    return bytes(content)


def overwritten(file: File, rng: random.Random) -> bytes:
    content = bytearray(file.write())
    at = rng.randrange(len(content) - len(file.data))
    n = rng.choice((1, 4, 8, 64, 4096))
    content[at : at + n] = rng.choice((bytes(n), b"\xff" * n, bytes(rng.randrange(256) for _ in range(n))))
    return bytes(content)


def cut(file: File, rng: random.Random) -> bytes:
    content = file.write()
    kept = rng.choice((rng.randrange(64), rng.randrange(len(content)), len(content) - rng.randrange(1, 64)))
    return content[:kept]


def cut_out(file: File, rng: random.Random) -> bytes:
    content = file.write()
    at, n = rng.randrange(len(content)), rng.choice((1, 4, 32, 1000))
    return content[:at] + content[at + n :]


def head(file: File, rng: random.Random) -> bytes:
    n = rng.choice(COUNTS)
    which = rng.choice(("n_tensors", "n_kv", "version"))
    return file.write(file.head(**{which: n % 2**32 if which == "version" else n}))


def near_head(file: File, rng: random.Random) -> bytes:
    which, n = rng.choice((("n_tensors", len(file.tensors)), ("n_kv", len(file.values))))
    return file.write(file.head(**{which: max(0, n + rng.choice((-2, -1, 1, 2)))}))


def _key(file: File, rng: random.Random) -> bytes:
    return rng.choice(list(file.values))


def wrong_type(file: File, rng: random.Random) -> None:
    key = _key(file, rng)
    file.values[key] = (rng.choice((*range(14), 2**31, 2**32 - 1)), file.values[key][1])


def other_value(file: File, rng: random.Random) -> None:
    file.values[_key(file, rng)] = random_value(rng)


def missing_key(file: File, rng: random.Random) -> None:
    del file.values[_key(file, rng)]


def renamed_key(file: File, rng: random.Random) -> None:
    key = _key(file, rng)
    file.values[rng.choice((b"x", key.upper(), key[:-1], b"\0", b"a" * 70000))] = file.values.pop(key)


def empty_key(file: File, rng: random.Random) -> None:
    file.values[b""] = file.values.pop(_key(file, rng))


def doubled_key(file: File, rng: random.Random) -> bytes:
    key = _key(file, rng)
    type_, value = file.values[key]
    content = file.write(file.head(n_kv=len(file.values) + 1))
    return content[:24] + text(key) + struct.pack("<I", type_) + value + content[24:]


def hyperparameter(file: File, rng: random.Random) -> None:
    """Another number of the same type."""
    prefix = _architecture(file) + b"."
    numbers = [key for key, (type_, _) in file.values.items() if type_ in FORMATS and key.startswith(prefix)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if numbers:
            key = rng.choice(numbers)
            type_, value = file.values[key]
            (was,) = struct.unpack("<" + FORMATS[type_], value)
            changed = (was + 1, was - 1, was * 2, was // 2) if isinstance(was, int) else (-1,)
            file.values[key] = number(type_, rng.choice((*NUMBERS, *changed)))


def more_hyperparameters(file: File, rng: random.Random) -> None:
    """Those that the file need not have."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        key = _architecture(file) + b"." + rng.choice(HYPERPARAMETERS).encode()
        file.values[key] = random_value(rng)


def _architecture(file: File) -> bytes:
    type_, value = file.values.get(b"general.architecture", (STRING, text(b"llama")))
    return value[8:] if type_ == STRING else b"llama"


def other_architecture(file: File, rng: random.Random) -> None:
    """Under the name of another, and its hyperparameters with it."""
    was, now = _architecture(file), rng.choice(ARCHITECTURES).encode()
    file.values[b"general.architecture"] = (STRING, text(now))
    if rng.random() < 0.9:
        file.values = {key.replace(was + b".", now + b"."): value for key, value in file.values.items()}
    if rng.random() < 0.7:
        more_hyperparameters(file, rng)


def other_tokenizer(file: File, rng: random.Random) -> None:
    file.values[b"tokenizer.ggml.model"] = (STRING, text(rng.choice(TOKENIZERS).encode()))
    if rng.random() < 0.5:
        file.values[b"tokenizer.ggml.pre"] = (STRING, text(rng.choice(PRE_TOKENIZERS).encode()))


def token_ids(file: File, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 2, 4))):
        key = f"tokenizer.ggml.{rng.choice(TOKENIZER_KEYS)}_token_id".encode()
        file.values[key] = number(U32, rng.choice((*NUMBERS, 511, 512, 513)))


def tokens(file: File, rng: random.Random) -> None:
    """Texts that are missing, doubled, empty, no UTF-8 or very long."""
    key = b"tokenizer.ggml.tokens"
    if file.values.get(key, (0, b""))[1][:4] == struct.pack("<I", STRING):
        each = file.strings(key)
        for _ in range(rng.choice((1, 3, 100))):
            if each:
                at = rng.randrange(len(each))
                each[at] = rng.choice(
                    (b"", b"\xff", b"\xe2\x96", b"a" * 10000, rng.choice(each), b"<0x0A>", b"\0", b"\xf4\x90\x80\x80")
                )
        n = len(each)
        if rng.random() < 0.5:
            each = each[: rng.choice((0, 1, n // 2, max(0, n - 1), n))] + [b"new"] * rng.choice((0, 0, 1, 50))
        file.values[key] = strings(each)


def token_arrays(file: File, rng: random.Random) -> None:
    """Scores or types that are too few, or of another type."""
    key = rng.choice((b"tokenizer.ggml.scores", b"tokenizer.ggml.token_type"))
    if key in file.values and file.values[key][0] == ARRAY:
        item, n = struct.unpack_from("<IQ", file.values[key][1])
        kept = rng.choice((0, 1, max(0, n - 1), n))
        item = rng.choice((U32, I32, F32, item))
        numbers = b"".join(number(item, rng.choice(NUMBERS))[1] for _ in range(min(kept, 600)))
        file.values[key] = ARRAY, struct.pack("<IQ", item, min(kept, 600)) + numbers


def merges(file: File, rng: random.Random) -> None:
    each = [b"", b" ", b"a", b"a b c", b" a", b"a ", b"\xff \xff", b"a" * 5000 + b" b", b"\xe2 \x96"]
    file.values[b"tokenizer.ggml.merges"] = strings([rng.choice(each) for _ in range(rng.choice((0, 1, 50)))])


def charsmap(file: File, rng: random.Random) -> None:
    """The table of a T5 tokenizer."""
    n = rng.choice((0, 3, 4, 5, 8, 100, 1000))
    size = rng.choice((0, 1, 4, n // 2, max(0, n - 5), n, 2**31, 2**32 - 4, 2**32 - 1))
    value = struct.pack("<I", size) + bytes(rng.randrange(256) for _ in range(n))
    item = rng.choice((U8, I8))
    file.values[b"tokenizer.ggml.precompiled_charsmap"] = ARRAY, struct.pack("<IQ", item, n) + value[:n]
    file.values[b"tokenizer.ggml.model"] = (STRING, text(b"t5"))


def alignment(file: File, rng: random.Random) -> None:
    kind = rng.choice((U32, U32, U32, U64, I32, F32))
    file.values[b"general.alignment"] = number(kind, rng.choice((0, 1, 2, 3, 16, 64, 2**20, 2**30, 2**31, 2**32 - 1)))


def splits(file: File, rng: random.Random) -> None:
    for key in (b"split.count", b"split.no", b"split.tensors.count"):
        if rng.random() < 0.7:
            file.values[key] = number(rng.choice((U16, U16, I32, U32)), rng.choice(NUMBERS))


def tensor(file: File, rng: random.Random) -> None:
    """One with another name, size, type or place."""
    if not file.tensors:
        return
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(file.tensors))
        name, dims, type_, offset = file.tensors[at]
        dims = list(dims)
        kind = rng.randrange(7)
        if kind == 0:
            name = rng.choice(
                (b"", b"x" * 63, b"x" * 64, b"x" * 100, name[:-1], file.tensors[0][0], b"blk.99.x.weight")
            )
        elif kind == 1:
            dims[rng.randrange(len(dims))] = rng.choice((*COUNTS, dims[0] * 2, dims[0] + 32, max(dims[0] - 1, 0)))
        elif kind == 2:
            dims = dims + [rng.choice((0, 1, 2, 2**40))] * rng.choice((1, 2, 3, 10))
        elif kind == 3:
            dims = dims[: rng.randrange(len(dims) + 1)]
        elif kind == 4:
            type_ = rng.choice((*range(45), 2**31, 2**32 - 1))
        elif kind == 5:
            offset = rng.choice((*COUNTS, offset + 32, max(0, offset - 32), offset + 1))
        else:
            other = rng.randrange(len(file.tensors))
            file.tensors[other] = (name, *file.tensors[other][1:])
            name = file.tensors[other][0]
        file.tensors[at] = (name, dims, type_, offset)


def laid_out_again(file: File, rng: random.Random) -> None:
    """Tensors of other sizes and types, at places that are right for them, with data enough."""
    size = 0
    for at, (name, dims, type_, _) in enumerate(file.tensors):
        dims = list(dims)
        if rng.random() < 0.15 and dims:
            dims[rng.randrange(len(dims))] = rng.choice((0, 1, 32, 64, 96, dims[0], dims[0] * 2, dims[-1] + 1))
        if rng.random() < 0.1:
            type_ = rng.choice(list(BLOCKS))
        if dims and dims[0] % BLOCKS.get(type_, (1, 4))[0]:
            type_ = 0
        file.tensors[at] = (name, dims, type_, size)
        count = 1
        for each in dims:
            count *= each
        block, n_bytes = BLOCKS.get(type_, (1, 4))
        size += (count // block * n_bytes + file.alignment - 1) // file.alignment * file.alignment
    if size < 2**26:
        file.data = (file.data * (size // max(1, len(file.data)) + 1))[:size]


def missing_tensors(file: File, rng: random.Random) -> None:
    """Left out, and the data after them moved up."""
    gone = rng.choice((1, 1, 2, 5))
    for _ in range(gone):
        if file.tensors:
            at = rng.randrange(len(file.tensors))
            start = file.tensors[at][3]
            end = file.tensors[at + 1][3] if at + 1 < len(file.tensors) else len(file.data)
            del file.tensors[at]
            file.data = file.data[:start] + file.data[end:]
            moved = [(name, dims, type_, offset - (end - start)) for name, dims, type_, offset in file.tensors[at:]]
            file.tensors[at:] = moved


def numbers(file: File, rng: random.Random) -> None:
    """Weights of all ones, or that are no numbers."""
    if file.data:
        data = bytearray(file.data)
        at, n = rng.randrange(len(data)), rng.choice((4, 400, len(data)))
        data[at : at + n] = (b"\xff" * len(data[at : at + n]), bytes(len(data[at : at + n])))[rng.randrange(2)]
        file.data = bytes(data)


KINDS: tuple[Callable[[File, random.Random], bytes | None], ...] = (
    flipped_bits, flipped_bits, overwritten, cut, cut_out, head, near_head, wrong_type, wrong_type, other_value,
    missing_key, renamed_key, empty_key, doubled_key, hyperparameter, hyperparameter, hyperparameter,
    more_hyperparameters, more_hyperparameters, other_architecture, other_architecture, other_tokenizer, token_ids,
    tokens, tokens, token_arrays, merges, charsmap, alignment, splits, tensor, tensor, laid_out_again, laid_out_again,
    missing_tensors, numbers,
)  # fmt: skip


def damaged(content: bytes, seed: int) -> tuple[str, bytes]:
    """This file with the damage of this number, and what kinds of damage it has."""
    rng = random.Random(seed)
    file = File(content)
    kinds = [rng.choice(KINDS) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    done: list[str] = []
    for kind in kinds:
        done.append(kind.__name__)
        try:
            result = kind(file, rng)
        except (IndexError, KeyError, struct.error):
            continue  # an earlier damage left nothing for this one
        if result is not None:
            return "+".join(done), result
    return "+".join(done), file.write()


# Loading


def as_metadata(path: bytes) -> str:
    from llamacffi import ffi, lib

    outcome = ""
    for no_alloc in (True, False):
        ggml = ffi.new("struct ggml_context **")
        params = ffi.new("struct gguf_init_params *", {"no_alloc": no_alloc, "ctx": ggml})[0]
        gguf = lib.gguf_init_from_file(path, params)
        outcome = "loaded" if gguf else _why()
        if gguf:
            for id_ in range(lib.gguf_get_n_kv(gguf)):
                lib.gguf_get_key(gguf, id_)
                lib.gguf_get_arr_n(gguf, id_)
            for id_ in range(lib.gguf_get_n_tensors(gguf)):
                lib.gguf_get_tensor_size(gguf, id_)
            lib.gguf_get_meta_size(gguf)
            lib.gguf_free(gguf)
            lib.ggml_free(ggml[0])
    return outcome


def as_vocabulary(path: bytes) -> str:
    from llamacffi import ffi, lib

    params = lib.llama_model_default_params()
    params.vocab_only = True
    model = lib.llama_model_load_from_file(path, params)
    if not model:
        return _why()
    vocab = lib.llama_model_get_vocab(model)
    room = ffi.new("llama_token[256]")
    for content in (b"Hello, world!\n 12345 \xc3\xa4\xe2\x82\xac \xff\xfe", b"", b"<s>[INST]</s><0x0A>\0"):
        lib.llama_tokenize(vocab, content, len(content), room, 256, True, True)
    piece = ffi.new("char[64]")
    n = lib.llama_vocab_n_tokens(vocab)
    for token in (*range(min(n, 600)), n - 1):
        lib.llama_token_to_piece(vocab, token, piece, 64, 0, True)
        lib.llama_vocab_get_attr(vocab, token)
        lib.llama_vocab_is_eog(vocab, token)
    for each in ("bos", "eos", "eot", "sep", "nl", "pad", "mask", "fim_pre", "fim_suf", "fim_mid", "fim_pad"):
        lib.llama_detokenize(
            vocab, ffi.new("llama_token[]", [getattr(lib, f"llama_vocab_{each}")(vocab)]), 1, piece, 64, False, True
        )
    text_ = ffi.new("char[1000]")
    lib.llama_model_desc(model, text_, 1000)
    for i in range(lib.llama_model_meta_count(model)):
        lib.llama_model_meta_val_str_by_index(model, i, text_, 1000)
    lib.llama_model_chat_template(model, ffi.NULL)
    lib.llama_model_free(model)
    return "loaded"


def as_model(path: bytes) -> str:
    from llamacffi import ffi, lib

    model = lib.llama_model_load_from_file(path, lib.llama_model_default_params())
    if not model:
        return _why()
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.n_threads_batch = 64, 32, 32, 1, 1
    ctx = lib.llama_init_from_model(model, params)
    outcome = _why() + " (context)"
    if ctx:
        tokens = ffi.new("llama_token[]", [1, 5, 100, 3])
        n = min(4, lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model)))
        decode = lib.llama_encode if lib.llama_model_has_encoder(model) else lib.llama_decode
        status = decode(ctx, lib.llama_batch_get_one(tokens, n))
        outcome = "decoded" if status == 0 else _why() + " (decode)"
        if status == 0 and lib.llama_get_logits(ctx):
            sampler = lib.llama_sampler_init_greedy()
            token = ffi.new("llama_token *", lib.llama_sampler_sample(sampler, ctx, -1))
            if decode(ctx, lib.llama_batch_get_one(token, 1)) != 0:
                outcome = _why() + " (second decode)"
            lib.llama_sampler_free(sampler)
        lib.llama_free(ctx)
    lib.llama_model_free(model)
    return outcome


WAYS = {"metadata": as_metadata, "vocabulary": as_vocabulary, "model": as_model}


def _why() -> str:
    from llamacffi import ffi, lib

    if lib.llamacffi_failed():
        error = lib.llamacffi_last_error()
        return f"kind {error.kind}: {ffi.string(error.message).decode('utf-8', 'replace')[:60]}"
    return "refused by llama.cpp"


def _batch(contents: list[bytes], first: int, last: int, folder: str, progress: int) -> None:
    """A forked process's life: load these numbers, telling which one it is at."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    path = os.path.join(folder, "damaged.gguf")
    for seed in range(first, last):
        kinds, content = damaged(contents[seed % len(contents)], seed)
        Path(path).write_bytes(content)
        for way, load in WAYS.items():
            os.write(progress, f"at {seed} {way} {kinds}\n".encode())
            start = time.monotonic()
            outcome = load(os.fsencode(path))
            taken = time.monotonic() - start
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            os.write(progress, f"did {taken:.2f} {peak} {outcome}\n".encode())


def run(
    contents: list[bytes], first: int, last: int, batch: int = 50, limit: float = 20
) -> tuple[Counter[str], list[str]]:
    """Load damaged files; returns how often what came of it, and what ended a process or took too long."""
    outcomes: Counter[str] = Counter()
    ended: list[str] = []
    seed = first
    with tempfile.TemporaryDirectory() as folder:
        while seed < last:
            stop = min(seed + batch, last)
            log = os.path.join(folder, "progress")
            progress = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            pid = os.fork()
            if not pid:
                try:
                    _batch(contents, seed, stop, folder, progress)
                    os._exit(0)
                except BaseException as error:
                    os.write(progress, f"raised {error!r}\n".encode())
                    os._exit(99)
            os.close(progress)
            status = _wait(pid, log, limit)
            lines = Path(log).read_text("utf-8").splitlines()
            at = "at nothing"
            for line in lines:
                if line.startswith("at "):
                    at = line
                elif line.startswith("did "):
                    _, taken, peak, outcome = line.split(" ", 3)
                    outcomes[f"{at.split()[2]}: {outcome}"] += 1
                    if float(taken) > 10 or int(peak) > 2000:
                        ended.append(f"{at[3:]}: {taken} s, {peak} MB")
            if status == 0:
                seed = stop
                continue
            ended.append(f"{at[3:]}: {status} {lines[-1] if lines else ''}")
            seed = int(at.split()[1]) + 1 if at != "at nothing" else stop
    return outcomes, ended


def _wait(pid: int, log: str, limit: float) -> int | str:
    size, since = -1, time.monotonic()
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if os.WIFSIGNALED(status):
                return signal.Signals(os.WTERMSIG(status)).name
            return os.WEXITSTATUS(status)
        now = os.path.getsize(log)
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > limit:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return f"no end after {limit} s"
        time.sleep(0.02)


def small_models() -> list[bytes]:
    """Those that are damaged: of the three kinds of vocabulary that llama.cpp has most code for."""
    import tiny_models

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        return [tiny_models.write_llama(path, vocab).read_bytes() for vocab in ("llama-spm", "gpt-2", "bert-bge")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--loads", type=int, default=300, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    given = parser.parse_args()
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here), str(here.parent / "tools")]
    contents = [path.read_bytes() for path in given.files] or small_models()
    outcomes, ended = run(contents, given.first, given.first + given.loads)
    for outcome, n in sorted(outcomes.items()):
        print(f"{n:6} {outcome}")
    print(f"{len(ended)} ended or took too much")
    for each in ended:
        print(f"  {each}")
    return 1 if ended else 0


if __name__ == "__main__":
    sys.exit(main())
