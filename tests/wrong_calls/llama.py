"""llama.h, called wrongly and rightly."""

from __future__ import annotations

import gc
import os
import shutil
from typing import Any

import greedy
from llamacffi import ffi, lib
from llamacffi import types as t
from world import World

NULL = ffi.NULL


# --- handles ------------------------------------------------------------------------------------------------------


def wrong_null_model(c: Any, w: World) -> None:
    """llama_model_n_params: InvalidArgumentError"""
    c.llama_model_n_params(NULL)


def wrong_null_context(c: Any, w: World) -> None:
    """llama_n_ctx: InvalidArgumentError"""
    c.llama_n_ctx(NULL)


def wrong_null_vocab(c: Any, w: World) -> None:
    """llama_vocab_n_tokens: InvalidArgumentError"""
    c.llama_vocab_n_tokens(NULL)


def wrong_null_sampler(c: Any, w: World) -> None:
    """llama_sampler_name: InvalidArgumentError"""
    c.llama_sampler_name(NULL)


def wrong_null_path(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    c.llama_model_load_from_file(NULL, lib.llama_model_default_params())


def wrong_freed_model(c: Any, w: World) -> None:
    """llama_model_n_embd: FreedHandleError"""
    model = w.load(w.vocab_path("llama-spm"), vocab_only=True)
    lib.llama_model_free(model)
    c.llama_model_n_embd(model)


def wrong_model_freed_twice(c: Any, w: World) -> None:
    """llama_model_free: FreedHandleError"""
    model = w.load(w.vocab_path("llama-spm"), vocab_only=True)
    lib.llama_model_free(model)
    c.llama_model_free(model)


def wrong_model_freed_before_its_context(c: Any, w: World) -> None:
    """llama_model_free: FreedHandleError"""
    w.ctx  # noqa: B018
    c.llama_model_free(w.model)


def wrong_vocab_of_a_freed_model(c: Any, w: World) -> None:
    """llama_vocab_get_text: FreedHandleError"""
    model = w.load(w.vocab_path("llama-spm"), vocab_only=True)
    vocab = lib.llama_model_get_vocab(model)
    lib.llama_model_free(model)
    c.llama_vocab_get_text(vocab, 0)


def wrong_freed_context(c: Any, w: World) -> None:
    """llama_decode: FreedHandleError"""
    ctx = w.context()
    batch = w.batch(w.tokens)
    lib.llama_free(ctx)
    c.llama_decode(ctx, batch)


def wrong_context_freed_twice(c: Any, w: World) -> None:
    """llama_free: FreedHandleError"""
    ctx = w.context()
    lib.llama_free(ctx)
    c.llama_free(ctx)


def wrong_memory_of_a_freed_context(c: Any, w: World) -> None:
    """llama_memory_clear: FreedHandleError"""
    ctx = w.context()
    memory = lib.llama_get_memory(ctx)
    lib.llama_free(ctx)
    c.llama_memory_clear(memory, True)


def wrong_pointer_that_is_no_context(c: Any, w: World) -> None:
    """llama_n_ctx: FreedHandleError"""
    c.llama_n_ctx(ffi.cast("struct llama_context *", w.keep(ffi.new("char[]", 4096))))


def wrong_model_taken_for_a_context(c: Any, w: World) -> None:
    """llama_n_batch: FreedHandleError"""
    c.llama_n_batch(ffi.cast("struct llama_context *", w.model))


def right_null_is_freed(c: Any, w: World) -> None:
    c.llama_free(NULL)
    c.llama_model_free(NULL)
    c.llama_free_model(NULL)
    c.llama_sampler_free(NULL)
    c.llama_adapter_lora_free(NULL)
    c.llama_batch_ext_free(NULL)


# --- models -------------------------------------------------------------------------------------------------------


def load(c: Any, w: World, **fields: Any) -> Any:
    params = lib.llama_model_default_params()
    for name, value in fields.items():
        setattr(params, name, value)
    return c.llama_model_load_from_file(w.vocab_path("llama-spm"), params)


def wrong_kv_overrides_without_an_end(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    overrides = w.keep(ffi.new("struct llama_model_kv_override[4]"))
    ffi.memmove(overrides, b"\xff" * ffi.sizeof(overrides), ffi.sizeof(overrides))
    overrides[0].tag, overrides[0].key = lib.LLAMA_KV_OVERRIDE_TYPE_INT, b"general.file_type\0"
    load(c, w, vocab_only=True, kv_overrides=overrides)


def wrong_kv_override_of_an_unknown_type(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    overrides = w.keep(ffi.new("struct llama_model_kv_override[2]"))
    ffi.cast("int *", overrides)[0] = 17
    overrides[0].key = b"general.file_type"
    load(c, w, vocab_only=True, kv_overrides=overrides)


def wrong_kv_overrides_at_a_wild_address(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    load(c, w, vocab_only=True, kv_overrides=ffi.cast("struct llama_model_kv_override *", 0x1234))


def wrong_devices_without_an_end(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    devices = w.keep(ffi.new("ggml_backend_dev_t[2]", [w.device, ffi.cast("ggml_backend_dev_t", 0x31)]))
    load(c, w, vocab_only=True, devices=devices)


def wrong_buffer_types_without_an_end(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    pattern = w.keep(ffi.new("char[]", b"blk"))
    overrides = w.keep(ffi.new("struct llama_model_tensor_buft_override[2]", [(pattern, w.buffer_type)]))
    overrides[1].pattern = ffi.cast("char *", 1)
    load(c, w, tensor_buft_overrides=overrides)


def wrong_buffer_type_null(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    pattern = w.keep(ffi.new("char[]", b"blk"))
    overrides = w.keep(ffi.new("struct llama_model_tensor_buft_override[2]", [(pattern, NULL)]))
    load(c, w, tensor_buft_overrides=overrides)


def wrong_tensor_split_at_a_wild_address(c: Any, w: World) -> None:
    """llama_model_load_from_file: InvalidArgumentError"""
    load(c, w, tensor_split=ffi.cast("float *", 64))


def wrong_splits_with_a_null_among_them(c: Any, w: World) -> None:
    """llama_model_load_from_splits: InvalidArgumentError"""
    paths = ffi.new("const char *[2]", [w.keep(ffi.new("char[]", w.model_path))])
    c.llama_model_load_from_splits(paths, 2, lib.llama_model_default_params())


def wrong_splits_absurdly_many(c: Any, w: World) -> None:
    """llama_model_load_from_splits: InvalidArgumentError"""
    paths = ffi.new("const char *[1]", [w.keep(ffi.new("char[]", w.model_path))])
    c.llama_model_load_from_splits(paths, 2**61, lib.llama_model_default_params())


def wrong_init_from_user_without_a_function(c: Any, w: World) -> None:
    """llama_model_init_from_user: InvalidArgumentError"""
    c.llama_model_init_from_user(w.gguf, NULL, NULL, lib.llama_model_default_params())


def wrong_load_mode_name(c: Any, w: World) -> None:
    """llama_load_mode_from_str: NativeExceptionError"""
    c.llama_load_mode_from_str(b"fast")


def wrong_load_mode(c: Any, w: World) -> None:
    """llama_load_mode_name: InvalidArgumentError"""
    c.llama_load_mode_name(77)


def wrong_flash_attention_type(c: Any, w: World) -> None:
    """llama_flash_attn_type_name: InvalidArgumentError"""
    c.llama_flash_attn_type_name(2)


def wrong_numa_strategy(c: Any, w: World) -> None:
    """llama_numa_init: InvalidArgumentError"""
    c.llama_numa_init(lib.GGML_NUMA_STRATEGY_COUNT)


def wrong_buffer_for_a_description(c: Any, w: World) -> None:
    """llama_model_desc: InvalidArgumentError"""
    c.llama_model_desc(w.model, NULL, 100)


def wrong_buffer_for_metadata(c: Any, w: World) -> None:
    """llama_model_meta_val_str: InvalidArgumentError"""
    c.llama_model_meta_val_str(w.model, b"general.name", NULL, 64)


def right_model_facts(c: Any, w: World) -> None:
    buffer = ffi.new("char[]", 128)
    n = c.llama_model_meta_count(w.model)
    assert n > 0
    assert c.llama_model_meta_key_by_index(w.model, n - 1, buffer, len(buffer)) > 0
    assert c.llama_model_meta_key_by_index(w.model, n, buffer, len(buffer)) == -1
    assert c.llama_model_meta_val_str(w.model, b"no such key", buffer, len(buffer)) == -1
    assert c.llama_model_meta_val_str(w.model, b"general.architecture", NULL, 0) == len("llama")
    assert c.llama_model_desc(w.model, buffer, 4) > 4
    assert ffi.string(buffer, 4) == ffi.string(buffer)
    assert not c.llama_model_meta_key_str(99)
    assert c.llama_model_cls_label(w.model, 10**6) == NULL
    assert ffi.string(c.llama_ftype_name(c.llama_model_ftype(w.model)))
    assert c.llama_model_chat_template(w.model, NULL)
    assert not c.llama_model_chat_template(w.model, b"no such template")


def right_file_that_is_missing(c: Any, w: World) -> None:
    assert not c.llama_model_load_from_file(w.path("missing.gguf"), lib.llama_model_default_params())
    assert not c.llama_model_load_from_splits(ffi.new("const char *[1]"), 0, lib.llama_model_default_params())


def right_model_parameters(c: Any, w: World) -> None:
    overrides = ffi.new("struct llama_model_kv_override[3]")
    overrides[0].tag, overrides[0].key = lib.LLAMA_KV_OVERRIDE_TYPE_BOOL, b"tokenizer.ggml.add_bos_token"
    overrides[0].val_bool = True
    overrides[1].tag, overrides[1].key = lib.LLAMA_KV_OVERRIDE_TYPE_STR, b"general.name"
    overrides[1].val_str = b"another"
    pattern = ffi.new("char[]", rb"blk\.1\..*")
    buffers = ffi.new("struct llama_model_tensor_buft_override[2]", [(pattern, w.buffer_type)])
    params = lib.llama_model_default_params()
    params.kv_overrides, params.tensor_buft_overrides = overrides, buffers
    params.devices = devices = ffi.new("ggml_backend_dev_t[2]", [w.device])
    params.tensor_split = split = ffi.new("float[]", c.llama_max_devices())
    model = c.llama_model_load_from_file(w.model_path, params)
    assert model
    assert devices is not None
    assert split is not None
    assert c.llama_vocab_get_add_bos(c.llama_model_get_vocab(model))
    ctx = c.llama_init_from_model(model, w.context_params())
    assert greedy.continuation(ctx, w.tokens, 2)
    c.llama_free(ctx)
    c.llama_model_free(model)


# --- quantizing ---------------------------------------------------------------------------------------------------


def quantize(c: Any, w: World, out: bytes = b"", **fields: Any) -> Any:
    params = ffi.new("llama_model_quantize_params *", lib.llama_model_quantize_default_params())
    params.nthread = 2
    params.allow_requantize = True
    params.ftype = lib.LLAMA_FTYPE_MOSTLY_Q8_0
    for name, value in fields.items():
        setattr(params, name, value)
    return c.llama_model_quantize(w.model_path, out or w.path("quantized.gguf"), params)


def wrong_quantize_into_its_own_input(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    copy = w.tmp / "model.gguf"
    shutil.copyfile(os.fsdecode(w.model_path), copy)
    params = ffi.new("llama_model_quantize_params *", lib.llama_model_quantize_default_params())
    params.allow_requantize = True
    c.llama_model_quantize(w.path("model.gguf"), w.path("model.gguf"), params)


def wrong_quantize_without_parameters(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    c.llama_model_quantize(w.model_path, w.path("out.gguf"), NULL)


def wrong_quantize_to_integers(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    quantize(c, w, output_tensor_type=lib.GGML_TYPE_I32)


def wrong_quantize_embeddings_to_no_type(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    quantize(c, w, token_embedding_type=lib.GGML_TYPE_Q8_K)


def wrong_quantize_without_the_weights_that_a_type_needs(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    quantize(c, w, token_embedding_type=lib.GGML_TYPE_IQ2_XXS)


def wrong_quantize_with_absurdly_many_threads(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    quantize(c, w, nthread=10**6)


def wrong_quantize_type_override_without_an_end(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    pattern = w.keep(ffi.new("char[]", b"ffn"))
    overrides = w.keep(ffi.new("struct llama_model_tensor_override[2]", [(pattern, lib.GGML_TYPE_Q4_0)]))
    overrides[1].pattern = ffi.cast("char *", 5)
    quantize(c, w, tt_overrides=overrides)


def wrong_quantize_type_override_to_no_type(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    pattern = w.keep(ffi.new("char[]", b"ffn"))
    overrides = w.keep(ffi.new("struct llama_model_tensor_override[2]", [(pattern, lib.GGML_TYPE_F64)]))
    quantize(c, w, tt_overrides=overrides)


def wrong_quantize_layers_without_an_end(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    quantize(c, w, prune_layers=w.keep(ffi.new("int32_t[]", [1, 2, 2**30])))


def wrong_quantize_imatrix_of_null(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    name = w.keep(ffi.new("char[]", b"blk.0.ffn_up.weight"))
    quantize(c, w, imatrix=w.keep(ffi.new("struct llama_model_imatrix_data[2]", [(name, NULL, 576)])))


def wrong_quantize_imatrix_without_an_end(c: Any, w: World) -> None:
    """llama_model_quantize: InvalidArgumentError"""
    name = w.keep(ffi.new("char[]", b"blk.0.ffn_up.weight"))
    data = w.keep(ffi.new("float[]", 576))
    entries = w.keep(ffi.new("struct llama_model_imatrix_data[2]", [(name, data, 576)]))
    entries[1].name = ffi.cast("char *", 99)
    quantize(c, w, imatrix=entries)


def right_quantize(c: Any, w: World) -> None:
    assert quantize(c, w, dry_run=True) == 0
    assert quantize(c, w, ftype=9999, dry_run=True) == 1
    assert quantize(c, w, ftype=lib.LLAMA_FTYPE_MOSTLY_IQ1_S, dry_run=True) == 0
    assert quantize(c, w, nthread=0, only_copy=True) == 0
    params = lib.llama_model_default_params()
    model = c.llama_model_load_from_file(w.path("quantized.gguf"), params)
    assert model
    assert c.llama_model_size(model) == c.llama_model_size(w.model)
    c.llama_model_free(model)


# --- making contexts ----------------------------------------------------------------------------------------------


def wrong_absurdly_many_threads(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(n_threads=10**6))


def wrong_absurdly_many_threads_set_later(c: Any, w: World) -> None:
    """llama_set_n_threads: InvalidArgumentError"""
    c.llama_set_n_threads(w.ctx, 2, 100_000)


def wrong_cache_of_integers(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(type_k=lib.GGML_TYPE_I32))


def wrong_cache_of_no_type(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(type_v=4))


def wrong_cache_of_a_type_that_can_only_be_read(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(type_k=lib.GGML_TYPE_IQ2_XXS, flash_attn_type=0))


def wrong_batch_of_nothing(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(n_batch=0))


def wrong_batch_smaller_than_the_sequences(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(n_batch=1, n_seq_max=4))


def wrong_context_larger_than_memory(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(n_ctx=2**31 - 1))


def wrong_context_of_negative_length(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    c.llama_init_from_model(w.model, w.context_params(n_ctx=2**32 - 1, kv_unified=True))


def wrong_batch_larger_than_memory(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    # As it is with causal attention, n_ctx would limit it.
    params = w.context_params(n_batch=2**32 - 1, attention_type=lib.LLAMA_ATTENTION_TYPE_NON_CAUSAL)
    params.n_ctx = 2**31
    c.llama_init_from_model(w.model, params)


def wrong_flash_attention_type_of_a_context(c: Any, w: World) -> None:
    """llama_init_from_model: NativeAssertionError"""
    c.llama_init_from_model(w.model, w.context_params(flash_attn_type=9))


def wrong_pooling_of_no_type(c: Any, w: World) -> None:
    """llama_init_from_model: NativeAssertionError"""
    c.llama_init_from_model(w.model, w.context_params(pooling_type=99, embeddings=True))


def wrong_samplers_null(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    configs = w.keep(ffi.new("struct llama_sampler_seq_config[1]"))
    c.llama_init_from_model(w.model, w.context_params(samplers=configs, n_samplers=1))


def wrong_samplers_that_are_no_chains(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    configs = w.keep(ffi.new("struct llama_sampler_seq_config[1]", [(0, lib.llama_sampler_init_greedy())]))
    c.llama_init_from_model(w.model, w.context_params(samplers=configs, n_samplers=1))


def wrong_samplers_freed(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    chain = w.new_chain(lib.llama_sampler_init_greedy())
    lib.llama_sampler_free(chain)
    configs = w.keep(ffi.new("struct llama_sampler_seq_config[1]", [(0, chain)]))
    c.llama_init_from_model(w.model, w.context_params(samplers=configs, n_samplers=1))


def wrong_one_sampler_for_two_sequences(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    configs = w.keep(ffi.new("struct llama_sampler_seq_config[2]", [(0, w.chain), (1, w.chain)]))
    c.llama_init_from_model(w.model, w.context_params(samplers=configs, n_samplers=2))


def wrong_other_context_freed(c: Any, w: World) -> None:
    """llama_init_from_model: InvalidArgumentError"""
    other = w.context()
    lib.llama_free(other)
    c.llama_init_from_model(w.model, w.context_params(ctx_other=other))


def right_contexts_of_many_kinds(c: Any, w: World) -> None:
    expected = greedy.continuation(w.ctx, w.tokens, 3)
    kinds: list[dict[str, Any]] = [
        {"n_ctx": 0},
        {"n_ubatch": 0},
        {"n_threads": 0, "n_threads_batch": -1},
        {"n_seq_max": 0},
        {"n_seq_max": 3, "kv_unified": True},
        {"flash_attn_type": lib.LLAMA_FLASH_ATTN_TYPE_DISABLED},
        {"type_k": lib.GGML_TYPE_F32, "type_v": lib.GGML_TYPE_F32},
        {"type_k": lib.GGML_TYPE_BF16, "type_v": lib.GGML_TYPE_BF16},
        {"n_outputs_max": 8, "n_outputs_max_per_seq": 2},
    ]
    for fields in kinds:
        ctx = c.llama_init_from_model(w.model, w.context_params(**fields))
        assert ctx, fields
        assert len(greedy.continuation(ctx, w.tokens, 3)) == len(expected)
        c.llama_free(ctx)


def right_quantized_caches(c: Any, w: World) -> None:
    for name in ("Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "IQ4_NL"):
        type_ = getattr(lib, f"GGML_TYPE_{name}")
        ctx = c.llama_init_from_model(w.model, w.context_params(type_k=type_, type_v=type_))
        assert ctx, type_
        assert greedy.continuation(ctx, w.tokens, 3)
        c.llama_free(ctx)


def right_context_that_is_refused_by_c(c: Any, w: World) -> None:
    assert not c.llama_init_from_model(w.model, w.context_params(n_seq_max=1000))
    assert not c.llama_init_from_model(w.model, w.context_params(ctx_type=lib.LLAMA_CONTEXT_TYPE_MTP))


def right_context_without_weights(c: Any, w: World) -> None:
    ctx = c.llama_init_from_model(w.vocab_model, w.context_params())
    assert ctx
    assert c.llama_n_ctx(ctx) == 256 * 2 or c.llama_n_ctx(ctx) == 256
    assert not c.llama_get_memory(ctx)
    assert not c.llama_get_logits(ctx)
    c.llama_set_n_threads(ctx, 1, 1)
    c.llama_free(ctx)


# --- batches ------------------------------------------------------------------------------------------------------


def wrong_batch_without_weights(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    ctx = lib.llama_init_from_model(w.vocab_model, w.context_params())
    tokens = ffi.new("llama_token[]", [1])
    c.llama_decode(ctx, lib.llama_batch_get_one(tokens, 1))


def wrong_more_tokens_than_n_batch(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    tokens = ffi.new("llama_token[]", [1] * 65)
    c.llama_decode(w.ctx, lib.llama_batch_get_one(tokens, 65))


def wrong_absurdly_many_tokens(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    tokens = ffi.new("llama_token[]", [1])
    c.llama_decode(w.ctx, lib.llama_batch_get_one(tokens, 2**31 - 1))


def wrong_more_tokens_than_the_batch_has_room_for(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens[:2])
    batch.n_tokens = 40
    c.llama_decode(w.ctx, batch)


def wrong_no_sequence(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    batch.n_seq_id[0] = 0
    c.llama_decode(w.ctx, batch)


def wrong_negative_number_of_sequences(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    batch.n_seq_id[1] = -1
    c.llama_decode(w.ctx, batch)


def wrong_absurdly_many_sequences(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    batch.n_seq_id[1] = 10**9
    c.llama_decode(w.ctx, batch)


def wrong_sequences_null(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    batch.seq_id[0] = NULL
    c.llama_decode(w.ctx, batch)


def wrong_sequence_out_of_range_without_positions(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens, seq_id=10**6)
    batch.pos = NULL
    c.llama_decode(w.ctx, batch)


def wrong_negative_sequence_without_positions(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens, seq_id=-7)
    batch.pos = NULL
    c.llama_decode(w.ctx, batch)


def wrong_position_of_minus_one(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    c.llama_decode(w.ctx, w.batch(w.tokens, first=-1))


def wrong_freed_batch(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    lib.llama_batch_free(batch)
    c.llama_decode(w.ctx, batch)


def wrong_embeddings_of_another_length(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    batch = lib.llama_batch_init(4, 10, 1)
    batch.n_tokens = 4
    for i in range(4):
        batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = i, 1, 0, 1
    c.llama_decode(w.ctx, batch)


def wrong_encode_without_an_encoder(c: Any, w: World) -> None:
    """llama_encode: InvalidArgumentError"""
    c.llama_encode(w.ctx, w.batch(w.tokens))


def wrong_batch_of_get_one_freed(c: Any, w: World) -> None:
    """llama_batch_free: InvalidArgumentError"""
    tokens = w.keep(ffi.new("llama_token[]", [1, 2, 3]))
    c.llama_batch_free(lib.llama_batch_get_one(tokens, 3))


def wrong_batch_freed_twice(c: Any, w: World) -> None:
    """llama_batch_free: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    lib.llama_batch_free(batch)
    c.llama_batch_free(batch)


def wrong_batch_freed_with_an_array_of_ones_own(c: Any, w: World) -> None:
    """llama_batch_free: InvalidArgumentError"""
    batch = w.batch(w.tokens)
    batch.token = w.keep(ffi.new("llama_token[]", w.tokens))
    c.llama_batch_free(batch)


def wrong_batch_of_negative_length(c: Any, w: World) -> None:
    """llama_batch_init: InvalidArgumentError"""
    c.llama_batch_init(-1, 0, 1)


def wrong_batch_larger_than_all_memory(c: Any, w: World) -> None:
    """llama_batch_init: InvalidArgumentError"""
    c.llama_batch_init(2**31 - 1, 0, 256)


def wrong_batch_of_negative_embeddings(c: Any, w: World) -> None:
    """llama_batch_init: InvalidArgumentError"""
    c.llama_batch_init(4, -4, 1)


def wrong_batch_without_sequences(c: Any, w: World) -> None:
    """llama_batch_init: InvalidArgumentError"""
    c.llama_batch_init(4, 0, 0)


def right_batches(c: Any, w: World) -> None:
    batch = w.batch(w.tokens)
    assert c.llama_decode(w.ctx, batch) == 0
    first = greedy.likeliest(w.ctx)
    c.llama_memory_clear(w.memory, True)
    pos, batch.pos = batch.pos, NULL
    assert c.llama_decode(w.ctx, batch) == 0
    assert greedy.likeliest(w.ctx) == first
    c.llama_memory_clear(w.memory, True)
    n_seq_id, seq_id, logits = batch.n_seq_id, batch.seq_id, batch.logits
    batch.n_seq_id = batch.seq_id = batch.logits = NULL
    assert c.llama_decode(w.ctx, batch) == 0
    assert greedy.likeliest(w.ctx) == first
    batch.pos, batch.n_seq_id, batch.seq_id, batch.logits = pos, n_seq_id, seq_id, logits
    c.llama_batch_free(batch)
    for _ in range(50):  # at the addresses of freed ones
        again = w.batch(w.tokens, first=len(w.tokens), seq_id=0)
        c.llama_memory_seq_rm(w.memory, 0, len(w.tokens), -1)
        assert c.llama_decode(w.ctx, again) == 0
        c.llama_batch_free(again)


def right_batch_of_ones_own_arrays(c: Any, w: World) -> None:
    n = len(w.tokens)
    ids = ffi.new("llama_seq_id[]", [0, 1])
    token, pos = ffi.new("llama_token[]", w.tokens), ffi.new("llama_pos[]", list(range(n)))
    n_seq_id, seq_id = ffi.new("int32_t[]", [2] * n), ffi.new("llama_seq_id *[]", [ids] * n)
    logits = ffi.new("int8_t[]", [1] * n)
    batch = ffi.new("struct llama_batch *", [n, token, NULL, pos, n_seq_id, seq_id, logits])[0]
    ctx = w.context(kv_unified=True)
    assert c.llama_decode(ctx, batch) == 0
    assert c.llama_memory_seq_pos_max(lib.llama_get_memory(ctx), 1) == n - 1
    assert c.llama_get_logits_ith(ctx, 0)


def right_batches_that_c_refuses(c: Any, w: World) -> None:
    """llama_decode returns -1, as documented."""
    one = ffi.new("llama_token[]", [1])
    empty = c.llama_batch_get_one(NULL, 0)
    assert c.llama_decode(w.ctx, empty) == -1
    assert c.llama_decode(w.ctx, c.llama_batch_get_one(one, -5)) == -1
    assert c.llama_decode(w.ctx, c.llama_batch_get_one(NULL, 1)) == -1
    one[0] = -1
    assert c.llama_decode(w.ctx, c.llama_batch_get_one(one, 1)) == -1
    one[0] = 10**9
    assert c.llama_decode(w.ctx, c.llama_batch_get_one(one, 1)) == -1
    assert c.llama_decode(w.ctx, w.batch(w.tokens, seq_id=2)) == -1
    assert greedy.decode(w.ctx, w.tokens) == 0
    assert c.llama_decode(w.ctx, w.batch(w.tokens, first=100)) == -1
    batch = w.batch(w.tokens)
    batch.pos[0], batch.pos[1] = 1, 0
    assert c.llama_decode(w.ctx, batch) == -1


def right_embeddings_as_input(c: Any, w: World) -> None:
    n_embd = c.llama_model_n_embd(w.model)
    batch = c.llama_batch_init(3, n_embd, 1)
    batch.n_tokens = 3
    for i in range(3):
        batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = i, 1, 0, 1
    ffi.memmove(batch.embd, bytes(12 * n_embd), 12 * n_embd)
    assert c.llama_decode(w.ctx, batch) == 0
    assert c.llama_get_logits_ith(w.ctx, 2)
    c.llama_batch_free(batch)


def right_cache_that_is_full(c: Any, w: World) -> None:
    for first in range(0, 256, 64):
        assert c.llama_decode(w.ctx, w.batch([1] * 64, first)) == 0
    assert c.llama_decode(w.ctx, w.batch([1], 256)) == 1


# --- llama_batch_ext ----------------------------------------------------------------------------------------------


def filled(w: World) -> t.llama_batch_ext_p:
    for i, token in enumerate(w.tokens):
        assert lib.llama_batch_ext_add_token(w.batch_ext, 0, token) == i
        assert lib.llama_batch_ext_set_pos(w.batch_ext, i, ffi.new("llama_pos[]", [i]))
    assert lib.llama_batch_ext_set_output_logits(w.batch_ext, len(w.tokens) - 1, True)
    return w.batch_ext


def wrong_negative_position_in_a_batch_ext(c: Any, w: World) -> None:
    """llama_process: InvalidArgumentError"""
    batch = filled(w)
    lib.llama_batch_ext_set_pos(batch, 0, ffi.new("llama_pos[]", [-1]))
    c.llama_process(w.ctx, lib.LLAMA_PROCESS_TYPE_DECODE, batch)


def wrong_batch_ext_of_another_context(c: Any, w: World) -> None:
    """llama_process: InvalidArgumentError"""
    c.llama_process(w.context(), lib.LLAMA_PROCESS_TYPE_DECODE, filled(w))


def wrong_batch_ext_of_a_freed_context(c: Any, w: World) -> None:
    """llama_batch_ext_add: FreedHandleError"""
    ctx = w.context()
    batch = lib.llama_batch_ext_init(ctx)
    lib.llama_free(ctx)
    c.llama_batch_ext_add(batch, 0)


def wrong_batch_ext_freed_twice(c: Any, w: World) -> None:
    """llama_batch_ext_free: FreedHandleError"""
    batch = lib.llama_batch_ext_init(w.ctx)
    lib.llama_batch_ext_free(batch)
    c.llama_batch_ext_free(batch)


def wrong_process_of_no_type(c: Any, w: World) -> None:
    """llama_process: InvalidArgumentError"""
    c.llama_process(w.ctx, 5, filled(w))


def wrong_process_without_an_encoder(c: Any, w: World) -> None:
    """llama_process: InvalidArgumentError"""
    c.llama_process(w.ctx, lib.LLAMA_PROCESS_TYPE_ENCODE, filled(w))


def wrong_position_null_in_a_batch_ext(c: Any, w: World) -> None:
    """llama_batch_ext_set_pos: InvalidArgumentError"""
    c.llama_batch_ext_set_pos(filled(w), 0, NULL)


def right_batch_ext(c: Any, w: World) -> None:
    batch = c.llama_batch_ext_init(w.ctx)
    assert c.llama_batch_ext_add(batch, -1) == -3
    assert c.llama_batch_ext_add(batch, 2) == -3
    assert c.llama_batch_ext_add_token(batch, 0, -5) == -2
    assert c.llama_batch_ext_add_embd(batch, 0, {"data": NULL, "n_rows": 1, "n_embd": 576}) == -2
    assert not c.llama_batch_ext_set_pos(batch, 99, ffi.new("llama_pos[4]"))
    assert not c.llama_batch_ext_add_seq(batch, 0, 17)
    c.llama_batch_ext_clear(batch)
    assert c.llama_process(w.ctx, lib.LLAMA_PROCESS_TYPE_DECODE, batch) == -1
    c.llama_batch_ext_free(batch)
    assert c.llama_process(w.ctx, lib.LLAMA_PROCESS_TYPE_DECODE, filled(w)) == 0
    assert greedy.likeliest(w.ctx) >= 0


def right_batch_ext_freed_after_its_context(c: Any, w: World) -> None:
    ctx = w.context()
    batch = c.llama_batch_ext_init(ctx)
    c.llama_free(ctx)
    c.llama_batch_ext_free(batch)


# --- outputs ------------------------------------------------------------------------------------------------------


def right_outputs(c: Any, w: World) -> None:
    for index in (0, -1, 1, 10**6, -(2**31), 2**31 - 1):
        assert not c.llama_get_logits_ith(w.ctx, index)
        assert not c.llama_get_embeddings_ith(w.ctx, index)
        assert c.llama_get_sampled_token_ith(w.ctx, index) == -1
        assert not c.llama_get_sampled_probs_ith(w.ctx, index)
    assert greedy.decode(w.ctx, w.tokens) == 0
    assert c.llama_get_logits_ith(w.ctx, -1) == c.llama_get_logits_ith(w.ctx, len(w.tokens) - 1)
    for index in (0, -2, len(w.tokens), 10**6, -(2**31), 2**31 - 1):
        assert not c.llama_get_logits_ith(w.ctx, index)
    assert c.llama_get_logits(w.ctx)
    assert not c.llama_get_embeddings(w.ctx)
    assert not c.llama_get_embeddings_seq(w.ctx, 10**6)


# --- memory -------------------------------------------------------------------------------------------------------


def wrong_sequence_removed(c: Any, w: World) -> None:
    """llama_memory_seq_rm: NativeAssertionError"""
    c.llama_memory_seq_rm(w.memory, 10**6, 0, -1)


def wrong_sequence_copied(c: Any, w: World) -> None:
    """llama_memory_seq_cp: NativeAssertionError"""
    c.llama_memory_seq_cp(w.memory, 0, 2, 0, -1)


def wrong_part_of_a_sequence_copied(c: Any, w: World) -> None:
    """llama_memory_seq_cp: NativeAssertionError"""
    w.decoded  # noqa: B018
    c.llama_memory_seq_cp(w.memory, 0, 1, 2, 4)


def wrong_sequence_kept(c: Any, w: World) -> None:
    """llama_memory_seq_keep: NativeAssertionError"""
    c.llama_memory_seq_keep(w.memory, -5)


def wrong_sequence_moved(c: Any, w: World) -> None:
    """llama_memory_seq_add: NativeAssertionError"""
    c.llama_memory_seq_add(w.memory, -1, 0, -1, 3)


def wrong_positions_divided_by_zero(c: Any, w: World) -> None:
    """llama_memory_seq_div: InvalidArgumentError"""
    w.decoded  # noqa: B018
    c.llama_memory_seq_div(w.memory, 0, 0, -1, 0)


def wrong_positions_divided_by_a_negative_number(c: Any, w: World) -> None:
    """llama_memory_seq_div: InvalidArgumentError"""
    w.decoded  # noqa: B018
    c.llama_memory_seq_div(w.memory, 0, 0, -1, -2)


def wrong_positions_moved_in_a_cache_of_bfloat16(c: Any, w: World) -> None:
    """llama_memory_seq_add: InvalidArgumentError"""
    ctx = w.context(type_k=lib.GGML_TYPE_BF16)
    assert greedy.decode(ctx, w.tokens) == 0
    c.llama_memory_seq_add(lib.llama_get_memory(ctx), 0, 2, -1, 3)


def wrong_position_of_an_unknown_sequence(c: Any, w: World) -> None:
    """llama_memory_seq_pos_max: NativeAssertionError"""
    c.llama_memory_seq_pos_max(w.memory, 300)


def right_memory(c: Any, w: World) -> None:
    n = len(w.tokens)
    assert w.decoded
    assert c.llama_memory_seq_pos_max(w.memory, 0) == n - 1
    c.llama_memory_seq_cp(w.memory, 0, 1, -1, -1)
    assert c.llama_memory_seq_pos_max(w.memory, 1) == n - 1
    c.llama_memory_seq_add(w.memory, 0, 0, -1, 2)
    c.llama_memory_seq_add(w.memory, 0, 0, -1, -2)
    c.llama_memory_seq_div(w.memory, 0, 0, -1, 2)
    assert c.llama_memory_seq_rm(w.memory, -1, -1, -1)
    assert c.llama_memory_seq_pos_max(w.memory, 0) == -1
    assert c.llama_memory_can_shift(w.memory)
    for memory in (NULL, w.memory):
        c.llama_memory_clear(memory, True)
        assert c.llama_memory_seq_pos_max(memory, 0) == -1
    assert greedy.continuation(w.ctx, w.tokens, 2)


# --- states -------------------------------------------------------------------------------------------------------


def wrong_state_into_less_memory_than_said(c: Any, w: World) -> None:
    """llama_state_get_data: InvalidArgumentError"""
    w.decoded  # noqa: B018
    address = ffi.cast("uint8_t *", 0x1000)
    c.llama_state_get_data(w.ctx, address, lib.llama_state_get_size(w.ctx))


def wrong_state_copied_to_a_wild_address(c: Any, w: World) -> None:
    """llama_copy_state_data: InvalidArgumentError"""
    w.decoded  # noqa: B018
    c.llama_copy_state_data(w.ctx, ffi.cast("uint8_t *", 0x1000))


def wrong_state_that_is_none(c: Any, w: World) -> None:
    """llama_state_set_data: InvalidArgumentError"""
    c.llama_state_set_data(w.ctx, ffi.new("uint8_t[]", b"\xff" * 100), 100)


def wrong_file_that_is_no_state(c: Any, w: World) -> None:
    """llama_state_load_file: InvalidArgumentError"""
    header = ffi.new("uint32_t[]", [lib.LLAMA_SESSION_MAGIC, lib.LLAMA_SESSION_VERSION, 0, 2**32 - 1])
    (w.tmp / "a.state").write_bytes(bytes(ffi.buffer(header)))
    c.llama_state_load_file(w.ctx, w.path("a.state"), ffi.new("llama_token[8]"), 8, ffi.new("size_t *"))


def wrong_state_of_absurd_length(c: Any, w: World) -> None:
    """llama_state_set_data: InvalidArgumentError"""
    c.llama_state_set_data(w.ctx, w.state, 2**62)


def wrong_state_of_one_sequence_of_absurd_length(c: Any, w: World) -> None:
    """llama_state_seq_set_data: InvalidArgumentError"""
    c.llama_state_seq_set_data(w.ctx, w.state, 2**40, 0)


def wrong_state_without_length_that_is_none(c: Any, w: World) -> None:
    """llama_set_state_data: InvalidArgumentError"""
    c.llama_set_state_data(w.ctx, w.keep(ffi.new("uint8_t[]", b"\xff" * 4096)))


def wrong_state_of_an_unknown_sequence(c: Any, w: World) -> None:
    """llama_state_seq_set_data: NativeAssertionError"""
    size = lib.llama_state_seq_get_size(w.decoded, 0)
    data = ffi.new("uint8_t[]", size)
    assert lib.llama_state_seq_get_data(w.ctx, data, size, 0) == size
    c.llama_state_seq_set_data(w.ctx, data, size, 99)


def wrong_tokens_null_with_a_capacity(c: Any, w: World) -> None:
    """llama_state_load_file: InvalidArgumentError"""
    path = w.path("a.state")
    assert lib.llama_state_save_file(w.decoded, path, ffi.new("llama_token[]", w.tokens), len(w.tokens))
    c.llama_state_load_file(w.ctx, path, NULL, 100, ffi.new("size_t *"))


def wrong_more_tokens_saved_than_there_are(c: Any, w: World) -> None:
    """llama_state_save_file: InvalidArgumentError"""
    c.llama_state_save_file(w.ctx, w.path("a.state"), ffi.new("llama_token[]", w.tokens), 2**40)


def wrong_tokens_null_saved(c: Any, w: World) -> None:
    """llama_state_seq_save_file: InvalidArgumentError"""
    c.llama_state_seq_save_file(w.ctx, w.path("a.state"), 0, NULL, 3)


def wrong_number_of_tokens_to_null(c: Any, w: World) -> None:
    """llama_state_load_file: InvalidArgumentError"""
    c.llama_state_load_file(w.ctx, w.path("a.state"), ffi.new("llama_token[8]"), 8, NULL)


def on_device(w: World) -> t.uint8_t_array:
    flags = lib.LLAMA_STATE_SEQ_FLAGS_ON_DEVICE
    size = lib.llama_state_seq_get_size_ext(w.decoded, 0, flags)
    data = ffi.new("uint8_t[]", size)
    assert lib.llama_state_seq_get_data_ext(w.ctx, data, size, 0, flags) == size
    return data


def wrong_state_on_the_device_that_is_outdated(c: Any, w: World) -> None:
    """llama_state_seq_set_data_ext: InvalidArgumentError"""
    old = on_device(w)
    assert greedy.decode(w.ctx, [1, 2, 3]) == 0
    on_device(w)
    c.llama_state_seq_set_data_ext(w.ctx, old, len(old), 0, lib.LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)


def wrong_state_on_the_device_with_another_length(c: Any, w: World) -> None:
    """llama_state_seq_set_data_ext: InvalidArgumentError"""
    data = on_device(w)
    longer = ffi.new("uint8_t[]", bytes(data) + b"more")
    c.llama_state_seq_set_data_ext(w.ctx, longer, len(longer) - 1, 0, lib.LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)


def wrong_state_on_the_device_that_is_garbage(c: Any, w: World) -> None:
    """llama_state_seq_set_data_ext: InvalidArgumentError"""
    garbage = ffi.new("uint8_t[]", bytes(range(100)))
    c.llama_state_seq_set_data_ext(w.decoded, garbage, 100, 0, lib.LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)


def wrong_quantized_state_on_the_device(c: Any, w: World) -> None:
    """llama_state_seq_get_data_ext: InvalidArgumentError"""
    ctx = w.context(type_k=lib.GGML_TYPE_Q8_0, type_v=lib.GGML_TYPE_Q8_0)
    assert greedy.decode(ctx, w.tokens) == 0
    data = ffi.new("uint8_t[]", 10**6)
    c.llama_state_seq_get_data_ext(ctx, data, len(data), 0, lib.LLAMA_STATE_SEQ_FLAGS_ON_DEVICE)


def right_state_on_the_device(c: Any, w: World) -> None:
    flags = lib.LLAMA_STATE_SEQ_FLAGS_ON_DEVICE
    data = on_device(w)
    expected = greedy.continuation(w.ctx, [5], 3)
    assert c.llama_state_seq_set_data_ext(w.ctx, data, len(data), 0, flags) == len(data)
    assert greedy.continuation(w.ctx, [5], 3) == expected
    assert c.llama_state_seq_set_data_ext(w.ctx, data, len(data), 1, flags) == len(data)
    assert c.llama_memory_seq_pos_max(w.memory, 1) == len(w.tokens) - 1


def right_states(c: Any, w: World) -> None:
    state, size = w.state, len(w.state)
    assert c.llama_state_get_size(w.ctx) == c.llama_get_state_size(w.ctx) == size
    assert c.llama_state_get_data(w.ctx, state, 100) == 0
    assert c.llama_copy_state_data(w.ctx, state) == size
    expected = greedy.continuation(w.ctx, [5], 3)
    assert c.llama_state_set_data(w.ctx, state, size) == size
    assert greedy.continuation(w.ctx, [5], 3) == expected
    assert c.llama_set_state_data(w.ctx, state) == size
    assert greedy.continuation(w.ctx, [5], 3) == expected
    for data in (b"", b"\5\0\0\0 state", bytes(state)[: size // 2], bytes(state)[:20]):
        copy = ffi.new("uint8_t[]", data + b"\0")
        assert c.llama_state_set_data(w.ctx, copy, len(data)) == 0
        c.llama_memory_clear(w.memory, True)
    assert greedy.continuation(w.ctx, w.tokens, 2)


def right_state_files(c: Any, w: World) -> None:
    tokens, room, count = ffi.new("llama_token[]", w.tokens), ffi.new("llama_token[100]"), ffi.new("size_t *")
    path = w.path("a.state")
    assert c.llama_state_seq_save_file(w.decoded, path, 0, tokens, len(tokens))
    assert c.llama_state_seq_load_file(w.ctx, path, 1, NULL, 0, count)
    assert count[0] == len(tokens)
    assert c.llama_state_seq_load_file(w.ctx, path, 1, room, len(room), count)
    assert c.llama_memory_seq_pos_max(w.memory, 1) == len(tokens) - 1
    assert c.llama_state_save_file(w.ctx, path, NULL, 0)
    assert c.llama_state_load_file(w.ctx, path, NULL, 0, count)
    assert not c.llama_state_save_file(w.ctx, w.path("no/such/folder"), tokens, 1)
    assert not c.llama_state_load_file(w.ctx, w.path("missing"), room, 100, count)


# --- adapters -----------------------------------------------------------------------------------------------------


def adapter_file(w: World) -> bytes:
    """A LoRA of rank 2 for one weight of the model."""
    n = lib.llama_model_n_embd(w.model)
    gguf = lib.gguf_init_empty()
    for key, value in (("general.type", "adapter"), ("general.architecture", "llama"), ("adapter.type", "lora")):
        lib.gguf_set_val_str(gguf, key.encode(), value.encode())
    lib.gguf_set_val_f32(gguf, b"adapter.lora.alpha", 2.0)
    for suffix, ne in ((b"a", (n, 2)), (b"b", (2, n))):
        tensor = w.tensor(lib.GGML_TYPE_F32, *ne)
        lib.ggml_set_name(tensor, b"blk.0.attn_q.weight.lora_" + suffix)
        lib.gguf_add_tensor(gguf, tensor)
    assert lib.gguf_write_to_file(gguf, w.path("lora.gguf"), False)
    lib.gguf_free(gguf)
    return w.path("lora.gguf")


def adapter(w: World) -> t.llama_adapter_lora_p:
    loaded = lib.llama_adapter_lora_init(w.model, adapter_file(w))
    assert loaded
    return loaded


def wrong_adapter_in_use_freed(c: Any, w: World) -> None:
    """llama_adapter_lora_free: FreedHandleError"""
    lora = adapter(w)
    adapters, scales = ffi.new("struct llama_adapter_lora *[]", [lora]), ffi.new("float[]", [1.0])
    assert lib.llama_set_adapters_lora(w.ctx, adapters, 1, scales) == 0
    c.llama_adapter_lora_free(lora)


def wrong_adapter_freed_twice(c: Any, w: World) -> None:
    """llama_adapter_lora_free: FreedHandleError"""
    lora = adapter(w)
    lib.llama_adapter_lora_free(lora)
    c.llama_adapter_lora_free(lora)


def wrong_adapter_of_a_freed_model(c: Any, w: World) -> None:
    """llama_adapter_lora_free: FreedHandleError"""
    model = w.load(w.model_path)
    lora = lib.llama_adapter_lora_init(model, adapter_file(w))
    lib.llama_model_free(model)
    c.llama_adapter_lora_free(lora)


def wrong_adapter_that_was_freed(c: Any, w: World) -> None:
    """llama_set_adapters_lora: InvalidArgumentError"""
    lora = adapter(w)
    lib.llama_adapter_lora_free(lora)
    adapters, scales = ffi.new("struct llama_adapter_lora *[]", [lora]), ffi.new("float[]", [1.0])
    c.llama_set_adapters_lora(w.ctx, adapters, 1, scales)


def wrong_adapter_of_another_model(c: Any, w: World) -> None:
    """llama_set_adapters_lora: InvalidArgumentError"""
    lora = lib.llama_adapter_lora_init(w.load(w.model_path), adapter_file(w))
    adapters, scales = ffi.new("struct llama_adapter_lora *[]", [lora]), ffi.new("float[]", [1.0])
    c.llama_set_adapters_lora(w.ctx, adapters, 1, scales)


def wrong_adapters_without_scales(c: Any, w: World) -> None:
    """llama_set_adapters_lora: InvalidArgumentError"""
    c.llama_set_adapters_lora(w.ctx, ffi.new("struct llama_adapter_lora *[]", [adapter(w)]), 1, NULL)


def wrong_adapter_null_among_them(c: Any, w: World) -> None:
    """llama_set_adapters_lora: InvalidArgumentError"""
    c.llama_set_adapters_lora(w.ctx, ffi.new("struct llama_adapter_lora *[1]"), 1, ffi.new("float[]", [1.0]))


def wrong_adapters_absurdly_many(c: Any, w: World) -> None:
    """llama_set_adapters_lora: InvalidArgumentError"""
    adapters = ffi.new("struct llama_adapter_lora *[]", [adapter(w)])
    c.llama_set_adapters_lora(w.ctx, adapters, 2**61, ffi.new("float[]", [1.0]))


def wrong_adapter_for_a_model_without_weights(c: Any, w: World) -> None:
    """llama_adapter_lora_init: InvalidArgumentError"""
    path = adapter_file(w)
    c.llama_adapter_lora_init(w.vocab_model, path)


def wrong_control_vector_longer_than_it_is(c: Any, w: World) -> None:
    """llama_set_adapter_cvec: InvalidArgumentError"""
    n = lib.llama_model_n_embd(w.model)
    c.llama_set_adapter_cvec(w.ctx, ffi.cast("float *", 0x2000), n * 29, n, 1, 29)


def right_adapters(c: Any, w: World) -> None:
    lora = adapter(w)
    adapters, scales = ffi.new("struct llama_adapter_lora *[]", [lora]), ffi.new("float[]", [1.0])
    expected = greedy.continuation(w.ctx, w.tokens, 2)
    for n in (1, 1, 0):
        assert c.llama_set_adapters_lora(w.ctx, adapters, n, scales) == 0
        c.llama_memory_clear(w.memory, True)
        assert greedy.continuation(w.ctx, w.tokens, 2) == expected  # it is all 0
    assert c.llama_set_adapters_lora(w.ctx, adapters, 1, scales) == 0
    assert c.llama_set_adapters_lora(w.ctx, NULL, 0, NULL) == 0
    assert c.llama_adapter_meta_count(lora) == 4
    assert c.llama_adapter_meta_val_str_by_index(lora, 99, NULL, 0) == -1
    c.llama_adapter_lora_free(lora)
    model = w.load(w.model_path)
    assert c.llama_adapter_lora_init(model, w.path("lora.gguf"))
    c.llama_model_free(model)  # and the adapter with it


def right_adapter_that_can_not_be_loaded(c: Any, w: World) -> None:
    assert not c.llama_adapter_lora_init(w.model, w.path("missing.gguf"))
    assert not c.llama_adapter_lora_init(w.model, w.model_path)


def right_control_vectors(c: Any, w: World) -> None:
    n, layers = c.llama_model_n_embd(w.model), c.llama_model_n_layer(w.model)
    data = ffi.new("float[]", n * (layers - 1))
    assert c.llama_set_adapter_cvec(w.ctx, data, len(data), n, 1, layers) == 0
    assert c.llama_set_adapter_cvec(w.ctx, data, n, n, -5, 10**6) == 0
    assert c.llama_set_adapter_cvec(w.ctx, data, n, n + 1, 1, 2) == -1
    assert c.llama_set_adapter_cvec(w.ctx, NULL, 0, 0, 0, 0) == 0
    assert greedy.continuation(w.ctx, w.tokens, 2)


# --- vocabularies, texts and tokens ---------------------------------------------------------------------------------


def wrong_token_out_of_range(c: Any, w: World) -> None:
    """llama_vocab_get_text: InvalidArgumentError"""
    c.llama_vocab_get_text(w.vocab, 10**6)


def wrong_token_negative(c: Any, w: World) -> None:
    """llama_vocab_get_score: InvalidArgumentError"""
    c.llama_vocab_get_score(w.vocab, -1)


def wrong_token_of_a_call_without_a_check(c: Any, w: World) -> None:
    """llama_vocab_is_control: InvalidArgumentError"""
    c.llama_vocab_is_control(w.vocab, 2**31 - 1)


def wrong_token_by_the_old_name(c: Any, w: World) -> None:
    """llama_token_is_control: InvalidArgumentError"""
    c.llama_token_is_control(w.vocab, -(2**31))


def wrong_token_behind_the_last(c: Any, w: World) -> None:
    """llama_token_get_attr: InvalidArgumentError"""
    c.llama_token_get_attr(w.vocab, lib.llama_vocab_n_tokens(w.vocab))


def wrong_token_to_piece(c: Any, w: World) -> None:
    """llama_token_to_piece: InvalidArgumentError"""
    c.llama_token_to_piece(w.vocab, 10**9, ffi.new("char[8]"), 8, 0, False)


def wrong_room_of_negative_size_for_a_piece(c: Any, w: World) -> None:
    """llama_token_to_piece: InvalidArgumentError"""
    c.llama_token_to_piece(w.vocab, 5, ffi.new("char[8]"), -1, 0, False)


def wrong_room_null_for_a_piece(c: Any, w: World) -> None:
    """llama_token_to_piece: InvalidArgumentError"""
    c.llama_token_to_piece(w.vocab, 500, NULL, 32, 0, False)


def wrong_text_of_negative_length(c: Any, w: World) -> None:
    """llama_tokenize: InvalidArgumentError"""
    c.llama_tokenize(w.vocab, b"Hello", -1, ffi.new("llama_token[8]"), 8, True, True)


def wrong_text_of_absurd_length(c: Any, w: World) -> None:
    """llama_tokenize: InvalidArgumentError"""
    c.llama_tokenize(w.vocab, b"Hello", 2**31 - 1, ffi.new("llama_token[8]"), 8, True, True)


def wrong_room_null_for_tokens(c: Any, w: World) -> None:
    """llama_tokenize: InvalidArgumentError"""
    c.llama_tokenize(w.vocab, b"Hello", 5, NULL, 8, True, True)


def wrong_tokens_in_a_detokenized_text(c: Any, w: World) -> None:
    """llama_detokenize: InvalidArgumentError"""
    tokens = ffi.new("llama_token[]", [1, 2, 10**6])
    c.llama_detokenize(w.vocab, tokens, 3, ffi.new("char[64]"), 64, False, False)


def wrong_room_of_negative_size_for_a_text(c: Any, w: World) -> None:
    """llama_detokenize: InvalidArgumentError"""
    c.llama_detokenize(w.vocab, ffi.new("llama_token[]", [5]), 1, ffi.new("char[64]"), -64, False, False)


def wrong_absurdly_many_tokens_to_a_text(c: Any, w: World) -> None:
    """llama_detokenize: InvalidArgumentError"""
    c.llama_detokenize(w.vocab, ffi.new("llama_token[]", [5]), 2**31 - 1, ffi.new("char[64]"), 64, False, False)


def right_first_and_last_token(c: Any, w: World) -> None:
    last = c.llama_vocab_n_tokens(w.vocab) - 1
    for token in (0, last):
        assert ffi.string(c.llama_vocab_get_text(w.vocab, token))
        assert c.llama_vocab_get_attr(w.vocab, token)
        assert not c.llama_vocab_is_eog(w.vocab, last)
    assert not c.llama_vocab_is_eog(w.vocab, -1)
    assert not c.llama_vocab_is_eog(w.vocab, 10**9)


def right_texts_and_tokens(c: Any, w: World) -> None:
    n = -c.llama_tokenize(w.vocab, b"Hello world", 11, NULL, 0, False, False)
    tokens = ffi.new("llama_token[]", n)
    assert c.llama_tokenize(w.vocab, b"Hello world", 11, tokens, n, False, False) == n
    assert c.llama_tokenize(w.vocab, b"Hello world", 11, tokens, 1, False, False) == -n
    assert c.llama_tokenize(w.vocab, b"", 0, tokens, n, False, False) == 0
    assert c.llama_tokenize(w.vocab, b"\xff\xfe\x80", 3, ffi.new("llama_token[16]"), 16, False, False) > 0
    text = ffi.new("char[64]")
    assert c.llama_detokenize(w.vocab, tokens, n, text, 64, False, False) == 11
    assert c.llama_detokenize(w.vocab, tokens, n, NULL, 0, False, False) == -11
    assert c.llama_detokenize(w.vocab, NULL, 0, text, 64, True, True) == 0
    assert c.llama_token_to_piece(w.vocab, tokens[0], NULL, 0, 0, False) < 0
    assert c.llama_token_to_piece(w.vocab, tokens[0], text, 64, 10**6, False) > 0


def right_long_texts(c: Any, w: World) -> None:
    """These vocabularies split texts by regular expressions, which call themselves for each character."""
    for name in ("deepseek-llm", "deepseek-coder", "gpt-neox", "falcon", "aquila", "llama-bpe"):
        model = w.load(w.vocab_path(name), vocab_only=True)
        vocab = c.llama_model_get_vocab(model)
        for text in (b"1" * 60_000, b"!" * 60_000, b"a" * 60_000):
            tokens = ffi.new("llama_token[]", len(text) + 2)
            assert c.llama_tokenize(vocab, text, len(text), tokens, len(tokens), True, True) > 0
        c.llama_model_free(model)


# --- chat templates, split paths ------------------------------------------------------------------------------------


def messages(w: World, *pairs: tuple[bytes, bytes]) -> t.llama_chat_message_array:
    texts = [[w.keep(ffi.new("char[]", text)) for text in pair] for pair in pairs]
    return w.keep(ffi.new("struct llama_chat_message[]", texts))


def wrong_role_null(c: Any, w: World) -> None:
    """llama_chat_apply_template: InvalidArgumentError"""
    chat = messages(w, (b"user", b"Hello"))
    chat[0].role = NULL
    c.llama_chat_apply_template(b"chatml", chat, 1, True, ffi.new("char[100]"), 100)


def wrong_content_null(c: Any, w: World) -> None:
    """llama_chat_apply_template: InvalidArgumentError"""
    chat = messages(w, (b"user", b"Hello"))
    chat[0].content = NULL
    c.llama_chat_apply_template(NULL, chat, 1, True, ffi.new("char[100]"), 100)


def wrong_messages_null(c: Any, w: World) -> None:
    """llama_chat_apply_template: InvalidArgumentError"""
    c.llama_chat_apply_template(b"chatml", NULL, 3, True, ffi.new("char[100]"), 100)


def wrong_messages_absurdly_many(c: Any, w: World) -> None:
    """llama_chat_apply_template: InvalidArgumentError"""
    c.llama_chat_apply_template(b"chatml", messages(w, (b"user", b"Hello")), 2**60, True, NULL, 0)


def wrong_room_for_a_chat(c: Any, w: World) -> None:
    """llama_chat_apply_template: InvalidArgumentError"""
    c.llama_chat_apply_template(b"chatml", messages(w, (b"user", b"Hi")), 1, True, ffi.new("char[100]"), 2**31 - 1)


def wrong_room_null_for_templates(c: Any, w: World) -> None:
    """llama_chat_builtin_templates: InvalidArgumentError"""
    c.llama_chat_builtin_templates(NULL, 10)


def wrong_room_null_for_a_split_path(c: Any, w: World) -> None:
    """llama_split_path: InvalidArgumentError"""
    c.llama_split_path(NULL, 64, b"model", 0, 2)


def wrong_prefix_null(c: Any, w: World) -> None:
    """llama_split_path: InvalidArgumentError"""
    c.llama_split_path(ffi.new("char[64]"), 64, NULL, 0, 2)


def wrong_room_for_a_prefix(c: Any, w: World) -> None:
    """llama_split_prefix: InvalidArgumentError"""
    c.llama_split_prefix(ffi.new("char[64]"), 2**50, b"model-00001-of-00002.gguf", 0, 2)


def right_chat(c: Any, w: World) -> None:
    chat = messages(w, (b"system", b"Be brief."), (b"user", b"Hello"))
    buffer = ffi.new("char[200]")
    n = c.llama_chat_apply_template(NULL, chat, 2, True, buffer, 200)
    assert ffi.string(buffer)[:n].startswith(b"<|im_start|>system")
    assert c.llama_chat_apply_template(NULL, chat, 2, True, buffer, 3) == n
    assert c.llama_chat_apply_template(NULL, chat, 2, True, NULL, 0) == n
    assert c.llama_chat_apply_template(b"no such template", chat, 2, True, buffer, 200) == -1
    count = c.llama_chat_builtin_templates(NULL, 0)
    names = ffi.new("const char *[]", count + 5)
    assert c.llama_chat_builtin_templates(names, count + 5) == count
    for i in range(count):
        for n_messages in (0, 1, 2):
            c.llama_chat_apply_template(names[i], chat, n_messages, False, buffer, 200)


def right_split_paths(c: Any, w: World) -> None:
    buffer = ffi.new("char[64]")
    assert c.llama_split_path(buffer, 64, b"model", 1, 4) == len("model-00002-of-00004.gguf")
    assert c.llama_split_path(buffer, 5, b"model", 1, 4) == 0
    assert c.llama_split_path(NULL, 0, b"model", 1, 4) == 0
    assert c.llama_split_path(buffer, 64, b"%s%n%d", 2**31 - 1, -(2**31))
    assert c.llama_split_prefix(buffer, 64, b"model-00002-of-00004.gguf", 1, 4) == len("model")
    assert ffi.string(buffer) == b"model"
    assert c.llama_split_prefix(buffer, 3, b"model-00002-of-00004.gguf", 1, 4) == len("model")
    assert c.llama_split_prefix(buffer, 64, b"x", -(2**31), 2**31 - 1) == 0


# --- samplers -----------------------------------------------------------------------------------------------------


def wrong_sampler_added_to_what_is_no_chain(c: Any, w: World) -> None:
    """llama_sampler_chain_add: InvalidArgumentError"""
    c.llama_sampler_chain_add(lib.llama_sampler_init_greedy(), lib.llama_sampler_init_temp(0.8))


def wrong_sampler_added_twice(c: Any, w: World) -> None:
    """llama_sampler_chain_add: InvalidArgumentError"""
    sampler = lib.llama_sampler_init_temp(0.8)
    lib.llama_sampler_chain_add(w.chain, sampler)
    c.llama_sampler_chain_add(w.new_chain(), sampler)


def wrong_chain_added_to_itself(c: Any, w: World) -> None:
    """llama_sampler_chain_add: InvalidArgumentError"""
    c.llama_sampler_chain_add(w.chain, w.chain)


def wrong_circle_of_chains(c: Any, w: World) -> None:
    """llama_sampler_chain_add: InvalidArgumentError"""
    outer = w.new_chain(w.new_chain(w.chain))
    c.llama_sampler_chain_add(w.chain, outer)


def wrong_chains_in_chains_without_end(c: Any, w: World) -> None:
    """llama_sampler_chain_add: InvalidArgumentError"""
    chain = w.new_chain()
    for _ in range(90):
        chain = w.new_chain(chain)
    other = w.new_chain()
    for _ in range(90):
        other = w.new_chain(other)
    innermost = other
    while lib.llama_sampler_chain_n(innermost):
        innermost = lib.llama_sampler_chain_get(innermost, 0)
    c.llama_sampler_chain_add(innermost, chain)


def wrong_sampler_null_added(c: Any, w: World) -> None:
    """llama_sampler_chain_add: InvalidArgumentError"""
    c.llama_sampler_chain_add(w.chain, NULL)


def wrong_sampler_of_a_chain_freed(c: Any, w: World) -> None:
    """llama_sampler_free: FreedHandleError"""
    c.llama_sampler_free(lib.llama_sampler_chain_get(w.chain, 0))


def wrong_sampler_freed_with_its_chain(c: Any, w: World) -> None:
    """llama_sampler_name: FreedHandleError"""
    sampler = lib.llama_sampler_init_greedy()
    lib.llama_sampler_free(w.new_chain(sampler))
    c.llama_sampler_name(sampler)


def wrong_sampler_freed_twice(c: Any, w: World) -> None:
    """llama_sampler_free: FreedHandleError"""
    sampler = lib.llama_sampler_init_top_k(40)
    lib.llama_sampler_free(sampler)
    c.llama_sampler_free(sampler)


def wrong_sampler_that_was_freed(c: Any, w: World) -> None:
    """llama_sampler_sample: FreedHandleError"""
    sampler = lib.llama_sampler_init_greedy()
    lib.llama_sampler_free(sampler)
    c.llama_sampler_sample(sampler, w.decoded, -1)


def wrong_number_of_samplers_in_what_is_no_chain(c: Any, w: World) -> None:
    """llama_sampler_chain_n: InvalidArgumentError"""
    c.llama_sampler_chain_n(lib.llama_sampler_init_greedy())


def wrong_sampler_removed_from_what_is_no_chain(c: Any, w: World) -> None:
    """llama_sampler_chain_remove: InvalidArgumentError"""
    c.llama_sampler_chain_remove(lib.llama_sampler_init_dist(1), 0)


def wrong_performance_of_what_is_no_chain(c: Any, w: World) -> None:
    """llama_perf_sampler: InvalidArgumentError"""
    c.llama_perf_sampler(lib.llama_sampler_init_greedy())


def wrong_chain_that_selects_nothing(c: Any, w: World) -> None:
    """llama_sampler_sample: NativeAssertionError"""
    c.llama_sampler_sample(w.new_chain(lib.llama_sampler_init_temp(0.8)), w.decoded, -1)


def wrong_empty_chain(c: Any, w: World) -> None:
    """llama_sampler_sample: NativeAssertionError"""
    c.llama_sampler_sample(w.new_chain(), w.decoded, -1)


def wrong_sample_before_decoding(c: Any, w: World) -> None:
    """llama_sampler_sample: NativeAssertionError"""
    c.llama_sampler_sample(w.chain, w.ctx, -1)


def wrong_sample_of_a_token_without_logits(c: Any, w: World) -> None:
    """llama_sampler_sample: NativeAssertionError"""
    c.llama_sampler_sample(w.chain, w.decoded, 0)


def wrong_candidates_null(c: Any, w: World) -> None:
    """llama_sampler_apply: InvalidArgumentError"""
    array = ffi.new("llama_token_data_array *", {"size": 5})
    c.llama_sampler_apply(w.chain, array)


def wrong_candidates_absurdly_many(c: Any, w: World) -> None:
    """llama_sampler_apply: InvalidArgumentError"""
    array = w.candidates(1, 2, 3)
    array.size = 2**60
    c.llama_sampler_apply(lib.llama_sampler_init_dist(1), array)


def wrong_candidates_none(c: Any, w: World) -> None:
    """llama_sampler_apply: InvalidArgumentError"""
    array = w.candidates(1)
    array.size = 0
    c.llama_sampler_apply(lib.llama_sampler_init_typical(0.5, 1), array)


def wrong_candidate_that_is_no_token(c: Any, w: World) -> None:
    """llama_sampler_apply: NativeExceptionError"""
    grammar = lib.llama_sampler_init_grammar(w.vocab, b'root ::= "a"', b"root")
    c.llama_sampler_apply(grammar, w.candidates(5, 10**6))


def wrong_token_accepted_by_a_grammar(c: Any, w: World) -> None:
    """llama_sampler_accept: NativeExceptionError"""
    grammar = lib.llama_sampler_init_grammar(w.vocab, b'root ::= "a"', b"root")
    c.llama_sampler_accept(grammar, 10**6)


def wrong_grammar_of_a_freed_model(c: Any, w: World) -> None:
    """llama_sampler_apply: FreedHandleError"""
    model = w.load(w.vocab_path("llama-spm"), vocab_only=True)
    grammar = lib.llama_sampler_init_grammar(lib.llama_model_get_vocab(model), b'root ::= "a"', b"root")
    lib.llama_model_free(model)
    c.llama_sampler_apply(grammar, w.candidates(1))


def wrong_chain_with_a_grammar_of_a_freed_model(c: Any, w: World) -> None:
    """llama_sampler_apply: InvalidArgumentError"""
    model = w.load(w.vocab_path("llama-spm"), vocab_only=True)
    grammar = lib.llama_sampler_init_grammar(lib.llama_model_get_vocab(model), b'root ::= "a"', b"root")
    copy = lib.llama_sampler_clone(w.new_chain(grammar))
    lib.llama_model_free(model)
    c.llama_sampler_apply(copy, w.candidates(1))


def wrong_grammar_that_counts_backwards(c: Any, w: World) -> None:
    """llama_sampler_init_grammar: InvalidArgumentError"""
    c.llama_sampler_init_grammar(w.vocab, b'root ::= "a"{5, 2}', b"root")


def wrong_root_null(c: Any, w: World) -> None:
    """llama_sampler_init_grammar: InvalidArgumentError"""
    c.llama_sampler_init_grammar(w.vocab, b'root ::= "a"', NULL)


def wrong_pattern_null(c: Any, w: World) -> None:
    """llama_sampler_init_grammar_lazy_patterns: InvalidArgumentError"""
    patterns = ffi.new("const char *[1]")
    c.llama_sampler_init_grammar_lazy_patterns(w.vocab, b'root ::= "a"', b"root", patterns, 1, NULL, 0)


def wrong_pattern(c: Any, w: World) -> None:
    """llama_sampler_init_grammar_lazy_patterns: NativeExceptionError"""
    patterns = ffi.new("const char *[1]", [w.keep(ffi.new("char[]", b"(("))])
    c.llama_sampler_init_grammar_lazy_patterns(w.vocab, b'root ::= "a"', b"root", patterns, 1, NULL, 0)


def wrong_trigger_tokens_null(c: Any, w: World) -> None:
    """llama_sampler_init_grammar_lazy_patterns: InvalidArgumentError"""
    c.llama_sampler_init_grammar_lazy_patterns(w.vocab, b'root ::= "a"', b"root", NULL, 0, NULL, 4)


def wrong_trigger_word_null(c: Any, w: World) -> None:
    """llama_sampler_init_grammar_lazy: InvalidArgumentError"""
    words = ffi.new("const char *[2]", [w.keep(ffi.new("char[]", b"a"))])
    c.llama_sampler_init_grammar_lazy(w.vocab, b'root ::= "a"', b"root", words, 2, NULL, 0)


def wrong_history_larger_than_memory(c: Any, w: World) -> None:
    """llama_sampler_init_penalties: InvalidArgumentError"""
    c.llama_sampler_init_penalties(49152, 2**31 - 1, 1.1, 0.0, 0.0)


def wrong_history_of_dry_larger_than_memory(c: Any, w: World) -> None:
    """llama_sampler_init_dry: InvalidArgumentError"""
    c.llama_sampler_init_dry(w.vocab, 1.0, 1.75, 2, 2**31 - 1, NULL, 0)


def wrong_breakers_absurdly_many(c: Any, w: World) -> None:
    """llama_sampler_init_dry: InvalidArgumentError"""
    breakers = ffi.new("const char *[1]")
    c.llama_sampler_init_dry(w.vocab, 1.0, 1.75, 2, 64, breakers, 2**61)


def wrong_bias_null(c: Any, w: World) -> None:
    """llama_sampler_init_logit_bias: InvalidArgumentError"""
    c.llama_sampler_init_logit_bias(49152, 3, NULL)


def wrong_biases_absurdly_many(c: Any, w: World) -> None:
    """llama_sampler_init_logit_bias: InvalidArgumentError"""
    c.llama_sampler_init_logit_bias(49152, 2**31 - 1, ffi.new("llama_logit_bias[1]"))


def wrong_copy_of_another_kind(c: Any, w: World) -> None:
    """llama_sampler_copy: NativeAssertionError"""
    c.llama_sampler_copy(lib.llama_sampler_init_greedy(), lib.llama_sampler_init_dist(1))


def wrong_iface_null(c: Any, w: World) -> None:
    """llama_sampler_init: InvalidArgumentError"""
    c.llama_sampler_init(NULL, NULL)


def wrong_sampler_without_apply(c: Any, w: World) -> None:
    """llama_sampler_sample: NativeAssertionError"""
    iface = w.keep(ffi.new("struct llama_sampler_i *"))
    c.llama_sampler_sample(lib.llama_sampler_init(iface, NULL), w.decoded, -1)


def wrong_sampler_without_a_name(c: Any, w: World) -> None:
    """llama_sampler_name: InvalidArgumentError"""
    iface = w.keep(ffi.new("struct llama_sampler_i *"))
    c.llama_sampler_name(lib.llama_sampler_init(iface, NULL))


def wrong_sampler_that_can_not_be_cloned(c: Any, w: World) -> None:
    """llama_sampler_clone: NativeAssertionError"""
    iface = w.keep(ffi.new("struct llama_sampler_i *"))
    c.llama_sampler_clone(lib.llama_sampler_init(iface, w.keep(ffi.new("int *"))))


def wrong_sampler_of_a_context_that_is_no_chain(c: Any, w: World) -> None:
    """llama_set_sampler: InvalidArgumentError"""
    c.llama_set_sampler(w.ctx, 0, lib.llama_sampler_init_greedy())


def wrong_sampler_of_a_context_freed(c: Any, w: World) -> None:
    """llama_sampler_free: FreedHandleError"""
    assert lib.llama_set_sampler(w.ctx, 0, w.chain)
    c.llama_sampler_free(w.chain)


def wrong_sampler_of_a_context_for_a_larger_vocabulary(c: Any, w: World) -> None:
    """llama_set_sampler: InvalidArgumentError"""
    bias = lib.llama_sampler_init_logit_bias(10**6, 1, ffi.new("llama_logit_bias[]", [(999_999, 1.0)]))
    c.llama_set_sampler(w.ctx, 0, w.new_chain(bias, lib.llama_sampler_init_greedy()))


def wrong_token_accepted_by_the_sampler_of_a_context(c: Any, w: World) -> None:
    """llama_sampler_accept: InvalidArgumentError"""
    penalties = lib.llama_sampler_init_penalties(lib.llama_vocab_n_tokens(w.vocab), 8, 1.1, 0.0, 0.0)
    chain = w.new_chain(penalties, lib.llama_sampler_init_greedy())
    assert lib.llama_set_sampler(w.ctx, 0, chain)
    c.llama_sampler_accept(chain, 10**6)


def right_chains(c: Any, w: World) -> None:
    chain = w.new_chain(c.llama_sampler_init_top_k(40), c.llama_sampler_init_temp(0.8), c.llama_sampler_init_dist(1))
    assert c.llama_sampler_chain_n(chain) == 3
    assert c.llama_sampler_chain_get(chain, -1) == chain
    for i in (3, -2, 2**31 - 1, -(2**31)):
        assert not c.llama_sampler_chain_get(chain, i)
        assert not c.llama_sampler_chain_remove(chain, i)
    assert not c.llama_sampler_chain_get(NULL, 0)
    assert not c.llama_sampler_chain_get(c.llama_sampler_init_greedy(), -1)
    removed = c.llama_sampler_chain_remove(chain, 0)
    assert ffi.string(c.llama_sampler_name(removed)) == b"top-k"
    other = w.new_chain(removed)
    copy = c.llama_sampler_clone(chain)
    first = c.llama_sampler_chain_remove(copy, 0)
    c.llama_sampler_free(first)
    c.llama_sampler_free(copy)
    c.llama_sampler_free(other)
    assert c.llama_sampler_sample(chain, w.decoded, -1) >= 0
    c.llama_perf_sampler_reset(chain)
    assert c.llama_perf_sampler(chain).n_sample == 0
    c.llama_sampler_reset(chain)
    assert c.llama_sampler_get_seed(chain) == 1
    c.llama_sampler_free(chain)


def right_samplers_of_every_kind(c: Any, w: World) -> None:
    n_vocab = c.llama_vocab_n_tokens(w.vocab)
    breakers = ffi.new("const char *[3]", [w.keep(ffi.new("char[]", b"\n")), NULL, w.keep(ffi.new("char[]", b""))])
    bias = ffi.new("llama_logit_bias[]", [(5, 1.0), (-1, 2.0), (10**8, 1.0)])
    samplers = [
        c.llama_sampler_init_logit_bias(n_vocab, 3, bias),
        c.llama_sampler_init_logit_bias(n_vocab, 0, NULL),
        c.llama_sampler_init_penalties(n_vocab, 64, 1.1, 0.1, 0.1),
        c.llama_sampler_init_penalties(n_vocab, -1, 1.1, 0.1, 0.1),
        c.llama_sampler_init_penalties(0, 2**31 - 1, 1.0, 0.0, 0.0),
        c.llama_sampler_init_dry(w.vocab, 0.8, 1.75, 2, 64, breakers, 3),
        c.llama_sampler_init_dry(w.vocab, 0.0, 1.75, 2, 2**31 - 1, NULL, 0),
        c.llama_sampler_init_top_n_sigma(2.0),
        c.llama_sampler_init_top_k(2**31 - 1),
        c.llama_sampler_init_top_k(50),
        c.llama_sampler_init_typical(0.9, 2**63),
        c.llama_sampler_init_top_p(0.95, 0),
        c.llama_sampler_init_min_p(0.05, 10**9),
        c.llama_sampler_init_xtc(0.5, 0.1, 1, 7),
        c.llama_sampler_init_temp_ext(0.8, 0.5, 1.0),
        c.llama_sampler_init_grammar(w.vocab, NULL, NULL),
        c.llama_sampler_init_grammar(w.vocab, b'root ::= [a-zA-Z ,.]+ "{" # {5,2}\nother ::= "(" root{2,5}', b"root"),
    ]
    chain = w.new_chain(*samplers, c.llama_sampler_init_dist(3))
    copy = c.llama_sampler_clone(chain)
    assert w.decoded
    for sampler in (chain, copy):
        token = c.llama_sampler_sample(sampler, w.ctx, -1)
        assert 0 <= token < n_vocab
    c.llama_sampler_copy(chain, copy)
    for last in (
        c.llama_sampler_init_mirostat(n_vocab, 1, 5.0, 0.1, 100),
        c.llama_sampler_init_mirostat(0, 1, 5.0, 0.1, 0),
        c.llama_sampler_init_mirostat_v2(1, 5.0, 0.1),
        c.llama_sampler_init_adaptive_p(0.5, 0.9, 1),
    ):
        assert 0 <= c.llama_sampler_sample(last, w.ctx, -1) < n_vocab
    infill = w.new_chain(
        c.llama_sampler_init_top_k(10), c.llama_sampler_init_infill(w.vocab), c.llama_sampler_init_greedy()
    )
    assert c.llama_sampler_sample(infill, w.ctx, -1) >= 0


def right_clone_between_choosing_and_accepting(c: Any, w: World) -> None:
    sampler = c.llama_sampler_init_adaptive_p(0.5, 0.9, 1)
    array = w.candidates(3, 4, 5)
    c.llama_sampler_apply(sampler, array)
    chain = w.new_chain(sampler)
    copy = c.llama_sampler_clone(chain)
    c.llama_sampler_accept(copy, array.data[array.selected].id)
    c.llama_sampler_accept(chain, array.data[array.selected].id)


def right_grammar_nested_deeply(c: Any, w: World) -> None:
    n = 50_000
    assert c.llama_sampler_init_grammar(w.vocab, b"root ::= " + b"(" * n + b'"a"' + b")" * n, b"root")
    rules = "".join(f"a{i} ::= a{i + 1}\n" for i in range(n))
    assert c.llama_sampler_init_grammar(w.vocab, f'root ::= a0\n{rules}a{n} ::= "x"\n'.encode(), b"root")


def right_grammars_that_c_refuses(c: Any, w: World) -> None:
    assert not c.llama_sampler_init_grammar(w.vocab, b"root := a", b"root")
    assert not c.llama_sampler_init_grammar(w.vocab, b'root ::= "a"', b"other")
    assert not c.llama_sampler_init_grammar(w.vocab, b'root ::= root "a"', b"root")
    assert not c.llama_sampler_init_grammar(w.vocab, b'root ::= "a"{3001}', b"root")


def right_samplers_of_a_context(c: Any, w: World) -> None:
    n_vocab = c.llama_vocab_n_tokens(w.vocab)
    plain = w.new_chain(c.llama_sampler_init_greedy())
    assert c.llama_set_sampler(w.ctx, 0, w.chain)
    assert greedy.decode(w.ctx, w.tokens) == 0
    token = c.llama_get_sampled_token_ith(w.ctx, -1)
    assert c.llama_sampler_sample(w.chain, w.ctx, -1) == token
    assert c.llama_set_sampler(w.ctx, 0, NULL)
    assert c.llama_set_sampler(w.ctx, 1, NULL)
    c.llama_memory_clear(w.memory, True)
    assert greedy.decode(w.ctx, w.tokens) == 0
    assert c.llama_sampler_sample(plain, w.ctx, -1) == token
    c.llama_sampler_free(w.chain)
    del w.chain
    penalties = c.llama_sampler_init_penalties(n_vocab, 8, 1.1, 0.0, 0.0)
    chain = w.new_chain(penalties, c.llama_sampler_init_greedy())
    configs = ffi.new("struct llama_sampler_seq_config[1]", [(0, chain)])
    ctx = c.llama_init_from_model(w.model, w.context_params(samplers=configs, n_samplers=1))
    tokens = w.tokens
    for _ in range(4):
        assert greedy.decode(ctx, tokens) == 0
        tokens = [c.llama_sampler_sample(chain, ctx, -1)]
    c.llama_free(ctx)
    c.llama_sampler_free(chain)


def right_sampler_of_python(c: Any, w: World) -> None:
    types = {name: field.type for name, field in ffi.typeof("struct llama_sampler_i").fields}

    def choose(sampler: t.llama_sampler_p, candidates: t.llama_token_data_array_p) -> None:
        candidates.selected = 7

    apply = ffi.callback(types["apply"], choose)
    iface = ffi.new("struct llama_sampler_i *", {"apply": apply})
    sampler = c.llama_sampler_init(iface, NULL)
    assert c.llama_sampler_sample(sampler, w.decoded, -1) == 7
    copy = c.llama_sampler_clone(sampler)
    c.llama_sampler_reset(copy)
    chain = w.new_chain(sampler)
    assert c.llama_sampler_sample(chain, w.ctx, -1) == 7
    c.llama_sampler_free(chain)
    c.llama_sampler_free(copy)
    gc.collect()


# --- thread pools -------------------------------------------------------------------------------------------------


def pool(w: World) -> t.ggml_threadpool_p:
    params = ffi.new("struct ggml_threadpool_params *", lib.ggml_threadpool_params_default(2))
    return lib.ggml_threadpool_new(params)


def wrong_thread_pool_in_use_freed(c: Any, w: World) -> None:
    """ggml_threadpool_free: FreedHandleError"""
    threads = pool(w)
    lib.llama_attach_threadpool(w.ctx, threads, NULL)
    c.ggml_threadpool_free(threads)


def wrong_thread_pool_that_was_freed(c: Any, w: World) -> None:
    """llama_attach_threadpool: FreedHandleError"""
    threads = pool(w)
    lib.ggml_threadpool_free(threads)
    c.llama_attach_threadpool(w.ctx, threads, NULL)


def right_thread_pools(c: Any, w: World) -> None:
    one, other = pool(w), pool(w)
    c.llama_attach_threadpool(w.ctx, one, other)
    assert greedy.continuation(w.ctx, w.tokens, 2)
    c.llama_attach_threadpool(w.ctx, other, NULL)
    c.ggml_threadpool_free(one)
    c.llama_detach_threadpool(w.ctx)
    c.ggml_threadpool_free(other)


# --- training -----------------------------------------------------------------------------------------------------


def training(w: World, **fields: Any) -> t.llama_opt_params:
    params = ffi.new("struct llama_opt_params *")
    params.param_filter = ffi.addressof(lib, "llama_opt_param_filter_all")
    params.get_opt_pars = ffi.addressof(lib, "ggml_opt_get_default_optimizer_params")
    for name, value in fields.items():
        setattr(params, name, value)
    return params[0]


def wrong_training_of_a_mapped_file(c: Any, w: World) -> None:
    """llama_opt_init: InvalidArgumentError"""
    c.llama_opt_init(w.ctx, w.model, training(w))


def wrong_training_of_another_model(c: Any, w: World) -> None:
    """llama_opt_init: InvalidArgumentError"""
    c.llama_opt_init(w.ctx, w.vocab_model, training(w))


def trainable(w: World) -> tuple[t.llama_model_p, t.llama_context_p]:
    model = w.load(w.model_path, load_mode=lib.LLAMA_LOAD_MODE_NONE, use_extra_bufts=False)
    return model, lib.llama_init_from_model(model, w.context_params())


def wrong_training_without_a_filter(c: Any, w: World) -> None:
    """llama_opt_init: InvalidArgumentError"""
    model, ctx = trainable(w)
    c.llama_opt_init(ctx, model, training(w, param_filter=NULL))


def wrong_training_without_parameters(c: Any, w: World) -> None:
    """llama_opt_init: InvalidArgumentError"""
    model, ctx = trainable(w)
    c.llama_opt_init(ctx, model, training(w, get_opt_pars=NULL))


def wrong_training_for_more_than_the_context(c: Any, w: World) -> None:
    """llama_opt_init: InvalidArgumentError"""
    model, ctx = trainable(w)
    c.llama_opt_init(ctx, model, training(w, n_ctx_train=2**20))


def wrong_optimizer(c: Any, w: World) -> None:
    """llama_opt_init: InvalidArgumentError"""
    model, ctx = trainable(w)
    c.llama_opt_init(ctx, model, training(w, optimizer_type=2))


def wrong_epoch_without_training(c: Any, w: World) -> None:
    """llama_opt_epoch: InvalidArgumentError"""
    n = lib.llama_n_ctx(w.ctx)
    dataset = lib.ggml_opt_dataset_init(lib.GGML_TYPE_I32, lib.GGML_TYPE_I32, n, n, 2, 1)
    c.llama_opt_epoch(w.ctx, dataset, NULL, NULL, 1, NULL, NULL)


# --- the rest -----------------------------------------------------------------------------------------------------


def wrong_log_callback_to_null(c: Any, w: World) -> None:
    """llama_log_get: InvalidArgumentError"""
    c.llama_log_get(NULL, ffi.new("void **"))


def right_small_functions(c: Any, w: World) -> None:
    assert c.llama_max_devices() > 0
    assert c.llama_time_us() > 0
    assert ffi.string(c.llama_print_system_info()) is not None
    assert c.llama_vocab_get_suppress_tokens(w.vocab, NULL) is not None
    assert c.llama_opt_param_filter_all(w.floats(1), NULL)
    c.llama_set_embeddings(w.ctx, True)
    assert greedy.decode(w.ctx, w.tokens) == 0
    assert c.llama_get_embeddings(w.ctx)
    c.llama_set_embeddings(w.ctx, False)
    c.llama_set_causal_attn(w.ctx, True)
    c.llama_set_warmup(w.ctx, False)
    c.llama_synchronize(w.ctx)
    c.llama_perf_context_reset(w.ctx)
    assert c.llama_perf_context(w.ctx).n_eval >= 0
    assert ffi.string(c.llama_version())
    assert lib.llama_supports_mmap()
