"""Wrong and right calls of gguf.h."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from llamacffi import ffi, lib
from world import World


def build(w: World) -> Any:
    """A context with a key of each kind and two tensors without data, "a" (8 x 4, F32) and "b" (64, F32)."""
    ctx = lib.gguf_init_empty()
    for name, value in (
        ("u8", 1), ("i8", -1), ("u16", 2), ("i16", -2), ("u32", 3), ("i32", -3), ("u64", 4), ("i64", -4),
        ("f32", 0.5), ("f64", 0.25), ("bool", True), ("str", b"text"),
    ):  # fmt: skip
        getattr(lib, f"gguf_set_val_{name}")(ctx, name.encode(), value)
    lib.gguf_set_arr_data(ctx, b"ints", lib.GGUF_TYPE_INT32, ffi.new("int32_t[]", [1, 2, 3]), 3)
    texts = [ffi.new("char[]", text) for text in (b"a", b"long enough to be on the heap")]
    lib.gguf_set_arr_str(ctx, b"texts", ffi.new("const char *[]", texts), 2)
    lib.gguf_set_arr_str(ctx, b"none", ffi.NULL, 0)
    for name, ne in (("a", (8, 4)), ("b", (64,))):
        lib.gguf_add_tensor(ctx, tensor(w, name, *ne))
    return ctx


def tensor(w: World, name: str, *ne: int) -> Any:
    """A tensor without data, in a context of its own."""
    params = ffi.new("struct ggml_init_params *", {"mem_size": 4096, "no_alloc": True})[0]
    made = lib.ggml_new_tensor(lib.ggml_init(params), lib.GGML_TYPE_F32, len(ne), ffi.new("int64_t[]", ne))
    return lib.ggml_set_name(made, name.encode())


def key(w: World, ctx: Any, name: bytes) -> int:
    found = lib.gguf_find_key(ctx, name)
    assert found >= 0
    return int(found)


def params(w: World, ctx: Any = None, no_alloc: bool = True) -> Any:
    return ffi.new("struct gguf_init_params *", {"no_alloc": no_alloc, "ctx": ctx or ffi.NULL})[0]


def file(w: World) -> bytes:
    """A file with that context's metadata, and zeros for the tensors."""
    path = w.tmp / "metadata.gguf"
    ctx = build(w)
    data = [ffi.new("float[]", 64) for _ in "ab"]
    lib.gguf_set_tensor_data(ctx, b"a", data[0])
    lib.gguf_set_tensor_data(ctx, b"b", data[1])
    assert lib.gguf_write_to_file(ctx, str(path).encode(), False)
    lib.gguf_free(ctx)
    return str(path).encode()


def opened(w: World) -> Any:
    ctx = lib.gguf_init_from_file(file(w), params(w))
    assert ctx
    return ctx


def freed(w: World) -> Any:
    ctx = build(w)
    lib.gguf_free(ctx)
    return ctx


# Numbers of keys


def wrong_key_missing(c: Any, w: World) -> None:
    """gguf_get_val_u32: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_val_u32(ctx, lib.gguf_find_key(ctx, b"llama.block_count"))


def wrong_key_missing_str(c: Any, w: World) -> None:
    """gguf_get_val_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_val_str(ctx, lib.gguf_find_key(ctx, b"general.name"))


def wrong_key_behind_last(c: Any, w: World) -> None:
    """gguf_get_key: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_key(ctx, lib.gguf_get_n_kv(ctx))


def wrong_key_of_empty_context(c: Any, w: World) -> None:
    """gguf_get_key: InvalidArgumentError"""
    c.gguf_get_key(lib.gguf_init_empty(), 0)


def wrong_key_huge(c: Any, w: World) -> None:
    """gguf_get_key: InvalidArgumentError"""
    c.gguf_get_key(build(w), 2**62)


def wrong_key_least(c: Any, w: World) -> None:
    """gguf_get_kv_type: InvalidArgumentError"""
    c.gguf_get_kv_type(build(w), -(2**63))


def wrong_key_type(c: Any, w: World) -> None:
    """gguf_get_kv_type: InvalidArgumentError"""
    c.gguf_get_kv_type(build(w), -1)


def wrong_key_array_type(c: Any, w: World) -> None:
    """gguf_get_arr_type: InvalidArgumentError"""
    c.gguf_get_arr_type(build(w), -1)


def wrong_key_array_n(c: Any, w: World) -> None:
    """gguf_get_arr_n: InvalidArgumentError"""
    c.gguf_get_arr_n(build(w), -1)


def wrong_key_array_data(c: Any, w: World) -> None:
    """gguf_get_arr_data: InvalidArgumentError"""
    c.gguf_get_arr_data(build(w), 1000)


def wrong_key_array_str(c: Any, w: World) -> None:
    """gguf_get_arr_str: InvalidArgumentError"""
    c.gguf_get_arr_str(build(w), -1, 0)


def wrong_key_val_data(c: Any, w: World) -> None:
    """gguf_get_val_data: InvalidArgumentError"""
    c.gguf_get_val_data(build(w), -1)


def wrong_key_removed(c: Any, w: World) -> None:
    """gguf_get_key: InvalidArgumentError"""
    ctx = build(w)
    last = lib.gguf_get_n_kv(ctx) - 1
    lib.gguf_remove_key(ctx, b"none")
    c.gguf_get_key(ctx, last)


# Accessors of the wrong type


def wrong_type_u8(c: Any, w: World) -> None:
    """gguf_get_val_u8: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_u8(ctx, key(w, ctx, b"u32"))


def wrong_type_i8(c: Any, w: World) -> None:
    """gguf_get_val_i8: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_i8(ctx, key(w, ctx, b"u8"))


def wrong_type_u16(c: Any, w: World) -> None:
    """gguf_get_val_u16: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_u16(ctx, key(w, ctx, b"str"))


def wrong_type_i16(c: Any, w: World) -> None:
    """gguf_get_val_i16: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_i16(ctx, key(w, ctx, b"f32"))


def wrong_type_u32(c: Any, w: World) -> None:
    """gguf_get_val_u32: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_u32(ctx, key(w, ctx, b"str"))


def wrong_type_i32(c: Any, w: World) -> None:
    """gguf_get_val_i32: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_i32(ctx, key(w, ctx, b"ints"))


def wrong_type_u64(c: Any, w: World) -> None:
    """gguf_get_val_u64: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_u64(ctx, key(w, ctx, b"bool"))


def wrong_type_i64(c: Any, w: World) -> None:
    """gguf_get_val_i64: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_i64(ctx, key(w, ctx, b"texts"))


def wrong_type_f32(c: Any, w: World) -> None:
    """gguf_get_val_f32: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_f32(ctx, key(w, ctx, b"u32"))


def wrong_type_f64(c: Any, w: World) -> None:
    """gguf_get_val_f64: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_f64(ctx, key(w, ctx, b"f32"))


def wrong_type_bool(c: Any, w: World) -> None:
    """gguf_get_val_bool: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_bool(ctx, key(w, ctx, b"u8"))


def wrong_type_str(c: Any, w: World) -> None:
    """gguf_get_val_str: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_str(ctx, key(w, ctx, b"u32"))


def wrong_value_of_array(c: Any, w: World) -> None:
    """gguf_get_val_str: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_str(ctx, key(w, ctx, b"texts"))


def wrong_value_of_empty_array(c: Any, w: World) -> None:
    """gguf_get_val_str: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_str(ctx, key(w, ctx, b"none"))


def wrong_val_data_of_string(c: Any, w: World) -> None:
    """gguf_get_val_data: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_data(ctx, key(w, ctx, b"str"))


def wrong_val_data_of_array(c: Any, w: World) -> None:
    """gguf_get_val_data: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_val_data(ctx, key(w, ctx, b"ints"))


def wrong_array_type_of_number(c: Any, w: World) -> None:
    """gguf_get_arr_type: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_arr_type(ctx, key(w, ctx, b"u32"))


def wrong_array_data_of_strings(c: Any, w: World) -> None:
    """gguf_get_arr_data: NativeAssertionError"""
    ctx = build(w)
    c.gguf_get_arr_data(ctx, key(w, ctx, b"texts"))


def wrong_array_str_of_numbers(c: Any, w: World) -> None:
    """gguf_get_arr_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_arr_str(ctx, key(w, ctx, b"ints"), 0)


def wrong_array_str_behind_last(c: Any, w: World) -> None:
    """gguf_get_arr_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_arr_str(ctx, key(w, ctx, b"texts"), 2)


def wrong_array_str_huge(c: Any, w: World) -> None:
    """gguf_get_arr_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_arr_str(ctx, key(w, ctx, b"texts"), 2**64 - 1)


def wrong_array_str_of_empty_array(c: Any, w: World) -> None:
    """gguf_get_arr_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_arr_str(ctx, key(w, ctx, b"none"), 0)


def wrong_array_str_of_string(c: Any, w: World) -> None:
    """gguf_get_arr_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_arr_str(ctx, key(w, ctx, b"str"), 1)


# Contexts and names


def wrong_context_null(c: Any, w: World) -> None:
    """gguf_get_n_kv: InvalidArgumentError"""
    c.gguf_get_n_kv(ffi.NULL)


def wrong_context_of_failed_open(c: Any, w: World) -> None:
    """gguf_get_n_tensors: InvalidArgumentError"""
    ctx = lib.gguf_init_from_file(b"/missing/model.gguf", params(w))
    c.gguf_get_n_tensors(ctx)


def wrong_context_freed(c: Any, w: World) -> None:
    """gguf_get_n_kv: FreedHandleError"""
    c.gguf_get_n_kv(freed(w))


def wrong_context_freed_find(c: Any, w: World) -> None:
    """gguf_find_key: FreedHandleError"""
    c.gguf_find_key(freed(w), b"u32")


def wrong_context_freed_set(c: Any, w: World) -> None:
    """gguf_set_val_u32: FreedHandleError"""
    c.gguf_set_val_u32(freed(w), b"u32", 1)


def wrong_context_freed_write(c: Any, w: World) -> None:
    """gguf_write_to_file: FreedHandleError"""
    c.gguf_write_to_file(freed(w), str(w.tmp / "x.gguf").encode(), True)


def wrong_context_freed_twice(c: Any, w: World) -> None:
    """gguf_free: FreedHandleError"""
    c.gguf_free(freed(w))


def wrong_context_is_something_else(c: Any, w: World) -> None:
    """gguf_get_version: FreedHandleError"""
    c.gguf_get_version(ffi.cast("struct gguf_context *", ffi.new("char[]", 4096)))


def wrong_context_is_an_address(c: Any, w: World) -> None:
    """gguf_free: FreedHandleError"""
    c.gguf_free(ffi.cast("struct gguf_context *", 0x1000))


def wrong_find_key_null(c: Any, w: World) -> None:
    """gguf_find_key: InvalidArgumentError"""
    c.gguf_find_key(build(w), ffi.NULL)


def wrong_find_tensor_null(c: Any, w: World) -> None:
    """gguf_find_tensor: InvalidArgumentError"""
    c.gguf_find_tensor(build(w), ffi.NULL)


def wrong_remove_key_null(c: Any, w: World) -> None:
    """gguf_remove_key: InvalidArgumentError"""
    c.gguf_remove_key(build(w), ffi.NULL)


def wrong_type_name(c: Any, w: World) -> None:
    """gguf_type_name: InvalidArgumentError"""
    c.gguf_type_name(lib.GGUF_TYPE_COUNT)


# Setting values


def wrong_set_key_null(c: Any, w: World) -> None:
    """gguf_set_val_u32: InvalidArgumentError"""
    c.gguf_set_val_u32(build(w), ffi.NULL, 1)


def wrong_set_key_empty(c: Any, w: World) -> None:
    """gguf_set_val_u32: NativeAssertionError"""
    c.gguf_set_val_u32(build(w), b"", 1)


def wrong_set_str_null(c: Any, w: World) -> None:
    """gguf_set_val_str: InvalidArgumentError"""
    c.gguf_set_val_str(build(w), b"general.name", ffi.NULL)


def wrong_alignment(c: Any, w: World) -> None:
    """gguf_set_val_u32: NativeAssertionError"""
    c.gguf_set_val_u32(build(w), b"general.alignment", 3)


def wrong_alignment_zero(c: Any, w: World) -> None:
    """gguf_set_val_u32: NativeAssertionError"""
    c.gguf_set_val_u32(build(w), b"general.alignment", 0)


def wrong_alignment_type(c: Any, w: World) -> None:
    """gguf_set_val_u64: NativeAssertionError"""
    c.gguf_set_val_u64(build(w), b"general.alignment", 32)


def wrong_alignment_array(c: Any, w: World) -> None:
    """gguf_set_arr_data: NativeAssertionError"""
    c.gguf_set_arr_data(build(w), b"general.alignment", lib.GGUF_TYPE_UINT32, ffi.new("uint32_t[]", 1), 1)


def wrong_set_own_key(c: Any, w: World) -> None:
    """gguf_set_val_u32: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_set_val_u32(ctx, lib.gguf_get_key(ctx, 0), 1)


def wrong_set_own_text(c: Any, w: World) -> None:
    """gguf_set_val_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_set_val_str(ctx, b"str", lib.gguf_get_val_str(ctx, key(w, ctx, b"str")))


def wrong_set_own_text_of_list(c: Any, w: World) -> None:
    """gguf_set_val_str: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_set_val_str(ctx, b"texts", lib.gguf_get_arr_str(ctx, key(w, ctx, b"texts"), 1))


def wrong_set_own_array(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    ctx = build(w)
    data = lib.gguf_get_arr_data(ctx, key(w, ctx, b"ints"))
    c.gguf_set_arr_data(ctx, b"ints", lib.GGUF_TYPE_INT32, data, 3)


def wrong_set_own_strings(c: Any, w: World) -> None:
    """gguf_set_arr_str: InvalidArgumentError"""
    ctx = build(w)
    own = lib.gguf_get_arr_str(ctx, key(w, ctx, b"texts"), 1)
    c.gguf_set_arr_str(ctx, b"texts", ffi.new("const char *[]", [own]), 1)


def wrong_array_of_strings(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_STRING, ffi.new("char[]", 8), 1)


def wrong_array_of_arrays(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_ARRAY, ffi.new("char[]", 8), 0)


def wrong_array_of_count(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_COUNT, ffi.new("char[]", 8), 1)


def wrong_array_of_unknown(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", 99, ffi.new("char[]", 8), 1)


def wrong_array_null(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_UINT8, ffi.NULL, 4)


def wrong_array_too_long(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_UINT8, ffi.new("char[]", 8), 2**40)


def wrong_array_overflow(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_UINT64, ffi.new("char[]", 8), 2**61)


def wrong_array_negative(c: Any, w: World) -> None:
    """gguf_set_arr_data: InvalidArgumentError"""
    c.gguf_set_arr_data(build(w), b"x", lib.GGUF_TYPE_INT32, ffi.new("char[]", 8), 2**64 - 1)


def wrong_strings_null(c: Any, w: World) -> None:
    """gguf_set_arr_str: InvalidArgumentError"""
    c.gguf_set_arr_str(build(w), b"x", ffi.NULL, 2)


def wrong_strings_entry_null(c: Any, w: World) -> None:
    """gguf_set_arr_str: InvalidArgumentError"""
    c.gguf_set_arr_str(build(w), b"x", ffi.new("const char *[]", 2), 2)


def wrong_strings_too_many(c: Any, w: World) -> None:
    """gguf_set_arr_str: InvalidArgumentError"""
    c.gguf_set_arr_str(build(w), b"x", ffi.new("const char *[]", 2), 2**40)


def wrong_strings_overflow(c: Any, w: World) -> None:
    """gguf_set_arr_str: InvalidArgumentError"""
    c.gguf_set_arr_str(build(w), b"x", ffi.new("const char *[]", 2), 2**61 + 1)


def wrong_set_kv_of_itself(c: Any, w: World) -> None:
    """gguf_set_kv: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_set_kv(ctx, ctx)


def wrong_set_kv_null(c: Any, w: World) -> None:
    """gguf_set_kv: InvalidArgumentError"""
    c.gguf_set_kv(build(w), ffi.NULL)


def wrong_set_kv_freed(c: Any, w: World) -> None:
    """gguf_set_kv: FreedHandleError"""
    c.gguf_set_kv(build(w), freed(w))


# Tensors


def wrong_tensor_missing(c: Any, w: World) -> None:
    """gguf_get_tensor_offset: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_tensor_offset(ctx, lib.gguf_find_tensor(ctx, b"output.weight"))


def wrong_tensor_behind_last(c: Any, w: World) -> None:
    """gguf_get_tensor_name: InvalidArgumentError"""
    ctx = build(w)
    c.gguf_get_tensor_name(ctx, lib.gguf_get_n_tensors(ctx))


def wrong_tensor_negative(c: Any, w: World) -> None:
    """gguf_get_tensor_size: InvalidArgumentError"""
    c.gguf_get_tensor_size(build(w), -1)


def wrong_tensor_huge(c: Any, w: World) -> None:
    """gguf_get_tensor_type: InvalidArgumentError"""
    c.gguf_get_tensor_type(build(w), 2**40)


def wrong_tensor_ne(c: Any, w: World) -> None:
    """gguf_get_tensor_ne: InvalidArgumentError"""
    c.gguf_get_tensor_ne(lib.gguf_init_empty(), 0)


def wrong_add_null(c: Any, w: World) -> None:
    """gguf_add_tensor: InvalidArgumentError"""
    c.gguf_add_tensor(build(w), ffi.NULL)


def wrong_add_twice(c: Any, w: World) -> None:
    """gguf_add_tensor: NativeAssertionError"""
    c.gguf_add_tensor(build(w), tensor(w, "a", 4))


def wrong_add_nameless_twice(c: Any, w: World) -> None:
    """gguf_add_tensor: NativeAssertionError"""
    ctx = build(w)
    lib.gguf_add_tensor(ctx, tensor(w, "", 4))
    c.gguf_add_tensor(ctx, tensor(w, "", 4))


def wrong_add_freed(c: Any, w: World) -> None:
    """gguf_add_tensor: FreedHandleError"""
    ctx = build(w)
    init = ffi.new("struct ggml_init_params *", {"mem_size": 4096, "no_alloc": True})[0]
    ggml = lib.ggml_init(init)
    made = lib.ggml_new_tensor_1d(ggml, lib.GGML_TYPE_F32, 4)
    lib.ggml_free(ggml)
    c.gguf_add_tensor(ctx, made)


def wrong_add_unending_name(c: Any, w: World) -> None:
    """gguf_add_tensor: InvalidArgumentError"""
    made = tensor(w, "x", 4)
    made.name = b"x" * len(made.name)
    c.gguf_add_tensor(build(w), made)


def wrong_set_type_of_missing(c: Any, w: World) -> None:
    """gguf_set_tensor_type: NativeAssertionError"""
    c.gguf_set_tensor_type(build(w), b"missing", lib.GGML_TYPE_F16)


def wrong_set_type_rows(c: Any, w: World) -> None:
    """gguf_set_tensor_type: InvalidArgumentError"""
    c.gguf_set_tensor_type(build(w), b"a", lib.GGML_TYPE_Q4_0)


def wrong_set_type_superblock(c: Any, w: World) -> None:
    """gguf_set_tensor_type: InvalidArgumentError"""
    c.gguf_set_tensor_type(build(w), b"b", lib.GGML_TYPE_Q4_K)


def wrong_set_type_removed(c: Any, w: World) -> None:
    """gguf_set_tensor_type: InvalidArgumentError"""
    c.gguf_set_tensor_type(build(w), b"b", 4)


def wrong_set_type_count(c: Any, w: World) -> None:
    """gguf_set_tensor_type: InvalidArgumentError"""
    c.gguf_set_tensor_type(build(w), b"b", lib.GGML_TYPE_COUNT)


def wrong_set_type_name_null(c: Any, w: World) -> None:
    """gguf_set_tensor_type: InvalidArgumentError"""
    c.gguf_set_tensor_type(build(w), ffi.NULL, lib.GGML_TYPE_F16)


def wrong_set_data_of_missing(c: Any, w: World) -> None:
    """gguf_set_tensor_data: NativeAssertionError"""
    c.gguf_set_tensor_data(build(w), b"missing", ffi.new("float[]", 64))


def wrong_set_data_null(c: Any, w: World) -> None:
    """gguf_set_tensor_data: InvalidArgumentError"""
    c.gguf_set_tensor_data(build(w), b"a", ffi.NULL)


def wrong_set_data_short(c: Any, w: World) -> None:
    """gguf_set_tensor_data: InvalidArgumentError"""
    ctx = build(w)
    lib.gguf_add_tensor(ctx, tensor(w, "large", 2**40))
    c.gguf_set_tensor_data(ctx, b"large", ffi.new("float[]", 64))


# Writing


def wrong_write_path_null(c: Any, w: World) -> None:
    """gguf_write_to_file: InvalidArgumentError"""
    c.gguf_write_to_file(build(w), ffi.NULL, True)


def wrong_write_file_null(c: Any, w: World) -> None:
    """gguf_write_to_file_ptr: InvalidArgumentError"""
    c.gguf_write_to_file_ptr(build(w), ffi.NULL, True)


def wrong_write_without_data(c: Any, w: World) -> None:
    """gguf_write_to_file: InvalidArgumentError"""
    c.gguf_write_to_file(build(w), str(w.tmp / "x.gguf").encode(), False)


def wrong_write_what_was_read(c: Any, w: World) -> None:
    """gguf_write_to_file: InvalidArgumentError"""
    c.gguf_write_to_file(opened(w), str(w.tmp / "x.gguf").encode(), False)


def wrong_write_what_was_read_with_data(c: Any, w: World) -> None:
    """gguf_write_to_file: InvalidArgumentError"""
    ctx = opened(w)
    data = ffi.new("float[]", 64)
    lib.gguf_set_tensor_data(ctx, b"a", data)
    lib.gguf_set_tensor_data(ctx, b"b", data)
    c.gguf_write_to_file(ctx, str(w.tmp / "x.gguf").encode(), False)


def wrong_write_view(c: Any, w: World) -> None:
    """gguf_write_to_file: InvalidArgumentError"""
    init = ffi.new("struct ggml_init_params *", {"mem_size": 4096, "no_alloc": False})[0]
    ggml = lib.ggml_init(init)
    transposed = lib.ggml_transpose(ggml, lib.ggml_new_tensor_2d(ggml, lib.GGML_TYPE_F32, 4, 8))
    ctx = lib.gguf_init_empty()
    lib.gguf_add_tensor(ctx, transposed)
    c.gguf_write_to_file(ctx, str(w.tmp / "x.gguf").encode(), False)


def wrong_write_after_buffer_was_freed(c: Any, w: World) -> None:
    """gguf_write_to_file: InvalidArgumentError"""
    made = tensor(w, "x", 4)
    buffer = lib.ggml_backend_buft_alloc_buffer(lib.ggml_backend_cpu_buffer_type(), 4096)
    lib.ggml_backend_tensor_alloc(buffer, made, lib.ggml_backend_buffer_get_base(buffer))
    ctx = lib.gguf_init_empty()
    lib.gguf_add_tensor(ctx, made)
    lib.ggml_backend_buffer_free(buffer)
    c.gguf_write_to_file(ctx, str(w.tmp / "x.gguf").encode(), False)


def wrong_meta_data_null(c: Any, w: World) -> None:
    """gguf_get_meta_data: InvalidArgumentError"""
    c.gguf_get_meta_data(build(w), ffi.NULL)


def wrong_meta_data_short(c: Any, w: World) -> None:
    """gguf_get_meta_data: InvalidArgumentError"""
    ctx = build(w)
    lib.gguf_set_arr_data(ctx, b"x", lib.GGUF_TYPE_UINT8, ffi.new("char[]", 2**20), 2**20)
    c.gguf_get_meta_data(ctx, ffi.cast("void *", 0x10000))


# Reading


def wrong_open_null(c: Any, w: World) -> None:
    """gguf_init_from_file: InvalidArgumentError"""
    c.gguf_init_from_file(ffi.NULL, params(w))


def wrong_open_file_null(c: Any, w: World) -> None:
    """gguf_init_from_file_ptr: InvalidArgumentError"""
    c.gguf_init_from_file_ptr(ffi.NULL, params(w))


def wrong_buffer_null(c: Any, w: World) -> None:
    """gguf_init_from_buffer: InvalidArgumentError"""
    c.gguf_init_from_buffer(ffi.NULL, 100, params(w))


def wrong_buffer_short(c: Any, w: World) -> None:
    """gguf_init_from_buffer: InvalidArgumentError"""
    c.gguf_init_from_buffer(ffi.new("char[]", b"GGUF"), 2**50, params(w))


def wrong_buffer_negative(c: Any, w: World) -> None:
    """gguf_init_from_buffer: InvalidArgumentError"""
    c.gguf_init_from_buffer(ffi.new("char[]", b"GGUF"), 2**64 - 1, params(w))


def wrong_callback_returns_too_much(c: Any, w: World) -> None:
    """gguf_init_from_callback: NativeAssertionError"""
    reader = ffi.callback("gguf_reader_callback_t", lambda *_: 2**40)
    c.gguf_init_from_callback(reader, ffi.NULL, 0, 1000, params(w))


# Right


def right_read_all(c: Any, w: World) -> None:
    ctx = build(w)
    for name, value in (
        ("u8", 1), ("i8", -1), ("u16", 2), ("i16", -2), ("u32", 3), ("i32", -3), ("u64", 4), ("i64", -4),
        ("f32", 0.5), ("f64", 0.25), ("bool", True),
    ):  # fmt: skip
        at = c.gguf_find_key(ctx, name.encode())
        assert ffi.string(c.gguf_get_key(ctx, at)) == name.encode()
        assert getattr(c, f"gguf_get_val_{name}")(ctx, at) == value
        assert c.gguf_get_val_data(ctx, at)
    assert ffi.string(c.gguf_get_val_str(ctx, key(w, ctx, b"str"))) == b"text"


def right_missing_key(c: Any, w: World) -> None:
    ctx = build(w)
    assert c.gguf_find_key(ctx, b"missing") == -1
    assert c.gguf_find_key(ctx, b"") == -1
    assert c.gguf_remove_key(ctx, b"missing") == -1
    assert c.gguf_find_tensor(ctx, b"missing") == -1


def right_types(c: Any, w: World) -> None:
    ctx = build(w)
    assert c.gguf_get_kv_type(ctx, key(w, ctx, b"u8")) == lib.GGUF_TYPE_UINT8
    assert c.gguf_get_kv_type(ctx, key(w, ctx, b"ints")) == lib.GGUF_TYPE_ARRAY
    assert c.gguf_get_arr_type(ctx, key(w, ctx, b"ints")) == lib.GGUF_TYPE_INT32
    names = [c.gguf_type_name(i) for i in range(lib.GGUF_TYPE_COUNT)]
    assert [ffi.string(name) for name in names][:2] == [b"u8", b"i8"]


def right_arrays(c: Any, w: World) -> None:
    ctx = build(w)
    ints = key(w, ctx, b"ints")
    assert c.gguf_get_arr_n(ctx, ints) == 3
    assert list(ffi.cast("int32_t *", c.gguf_get_arr_data(ctx, ints))[0:3]) == [1, 2, 3]
    texts = key(w, ctx, b"texts")
    assert ffi.string(c.gguf_get_arr_str(ctx, texts, 1)).startswith(b"long")
    assert c.gguf_get_arr_n(ctx, key(w, ctx, b"none")) == 0


def right_string_as_list(c: Any, w: World) -> None:
    """gguf_get_arr_n and gguf_get_arr_str take a single string, too."""
    ctx = build(w)
    assert c.gguf_get_arr_n(ctx, key(w, ctx, b"str")) == 1
    assert ffi.string(c.gguf_get_arr_str(ctx, key(w, ctx, b"str"), 0)) == b"text"


def right_list_of_one_as_value(c: Any, w: World) -> None:
    ctx = build(w)
    c.gguf_set_arr_data(ctx, b"one", lib.GGUF_TYPE_UINT8, ffi.new("uint8_t[]", [7]), 1)
    assert c.gguf_get_val_u8(ctx, key(w, ctx, b"one")) == 7


def right_empty_array(c: Any, w: World) -> None:
    ctx = build(w)
    c.gguf_set_arr_data(ctx, b"x", lib.GGUF_TYPE_UINT64, ffi.NULL, 0)
    c.gguf_set_arr_str(ctx, b"y", ffi.NULL, 0)
    assert c.gguf_get_arr_n(ctx, key(w, ctx, b"x")) == 0


def right_alignment(c: Any, w: World) -> None:
    ctx = build(w)
    c.gguf_set_val_u32(ctx, b"general.alignment", 64)
    assert c.gguf_get_val_u32(ctx, key(w, ctx, b"general.alignment")) == 64


def right_copied_texts(c: Any, w: World) -> None:
    """Texts of another key are read before anything changes."""
    ctx = build(w)
    c.gguf_set_val_str(ctx, b"new", lib.gguf_get_val_str(ctx, key(w, ctx, b"str")))
    c.gguf_set_val_str(ctx, b"u8", lib.gguf_get_val_str(ctx, key(w, ctx, b"str")))
    assert ffi.string(c.gguf_get_val_str(ctx, key(w, ctx, b"u8"))) == b"text"
    data = lib.gguf_get_arr_data(ctx, key(w, ctx, b"ints"))
    c.gguf_set_arr_data(ctx, b"again", lib.GGUF_TYPE_INT32, data, 3)
    assert c.gguf_get_arr_n(ctx, key(w, ctx, b"again")) == 3


def right_remove_own_key(c: Any, w: World) -> None:
    ctx = build(w)
    assert c.gguf_remove_key(ctx, lib.gguf_get_key(ctx, 3)) == 3


def right_free_null(c: Any, w: World) -> None:
    c.gguf_free(ffi.NULL)


def right_open_missing(c: Any, w: World) -> None:
    assert not c.gguf_init_from_file(b"/missing/model.gguf", params(w))
    assert not c.gguf_init_from_file(b"", params(w))
    assert not c.gguf_init_from_file(str(w.tmp).encode(), params(w))


def right_open_garbage(c: Any, w: World) -> None:
    path = w.tmp / "garbage.gguf"
    for content in (b"", b"G", b"GGUF", b"GGUF" + bytes(100), b"GGUF\3\0\0\0" + b"\xff" * 16, b"x" * 5000):
        path.write_bytes(content)
        assert not c.gguf_init_from_file(str(path).encode(), params(w))
        if content:
            assert not c.gguf_init_from_buffer(ffi.from_buffer(content), len(content), params(w))


def right_open_with_data(c: Any, w: World) -> None:
    """The ggml context with the data is the caller's, and lives on."""
    ggml = ffi.new("struct ggml_context **")
    ctx = c.gguf_init_from_file(file(w), params(w, ggml, no_alloc=False))
    c.gguf_free(ctx)
    made = lib.ggml_get_tensor(ggml[0], b"a")
    assert lib.ggml_nelements(made) == 32
    lib.ggml_free(ggml[0])


def right_open_without_data(c: Any, w: World) -> None:
    ggml = ffi.new("struct ggml_context **")
    ctx = c.gguf_init_from_file(file(w), params(w, ggml))
    assert lib.ggml_get_tensor(ggml[0], b"b")
    lib.ggml_free(ggml[0])
    assert c.gguf_get_n_tensors(ctx) == 2
    c.gguf_free(ctx)


def right_buffer(c: Any, w: World) -> None:
    content = Path(os.fsdecode(file(w))).read_bytes()
    ctx = c.gguf_init_from_buffer(ffi.from_buffer(content), len(content), params(w))
    assert c.gguf_get_n_tensors(ctx) == 2
    # Unaligned, too.
    unaligned = ffi.from_buffer(b"x" + content)
    ctx = c.gguf_init_from_buffer(unaligned + 1, len(content), params(w))
    assert c.gguf_get_n_tensors(ctx) == 2


def right_callback(c: Any, w: World) -> None:
    content = Path(os.fsdecode(file(w))).read_bytes()

    def read(userdata: Any, output: Any, offset: int, length: int) -> int:
        part = content[offset : offset + length]
        ffi.memmove(output, part, len(part))
        return len(part)

    reader = ffi.callback("gguf_reader_callback_t", read)
    for chunk in (0, 1, 7, 2**63):
        ctx = c.gguf_init_from_callback(reader, ffi.NULL, chunk, len(content), params(w))
        assert c.gguf_get_n_tensors(ctx) == 2
    assert not c.gguf_init_from_callback(reader, ffi.NULL, 0, 10, params(w))
    assert not c.gguf_init_from_callback(ffi.NULL, ffi.NULL, 0, 10, params(w))


def right_callback_ends(c: Any, w: World) -> None:
    reader = ffi.callback("gguf_reader_callback_t", lambda *_: 0)
    assert not c.gguf_init_from_callback(reader, ffi.NULL, 0, 2**63, params(w))


def right_set_kv(c: Any, w: World) -> None:
    ctx = c.gguf_init_empty()
    c.gguf_set_kv(ctx, build(w))
    c.gguf_set_kv(ctx, opened(w))
    assert c.gguf_get_n_kv(ctx) == 15


def right_tensors(c: Any, w: World) -> None:
    ctx = build(w)
    b = c.gguf_find_tensor(ctx, b"b")
    assert ffi.string(c.gguf_get_tensor_name(ctx, b)) == b"b"
    assert list(c.gguf_get_tensor_ne(ctx, b)[0:4]) == [64, 1, 1, 1]
    assert c.gguf_get_tensor_offset(ctx, b) == 128
    c.gguf_set_tensor_type(ctx, b"b", lib.GGML_TYPE_Q8_0)
    assert c.gguf_get_tensor_type(ctx, b) == lib.GGML_TYPE_Q8_0
    assert c.gguf_get_tensor_size(ctx, b) == 68


def right_write_metadata(c: Any, w: World) -> None:
    path = str(w.tmp / "x.gguf").encode()
    assert c.gguf_write_to_file(build(w), path, True)
    assert c.gguf_write_to_file(opened(w), path, True)
    assert not c.gguf_write_to_file(build(w), b"/missing/x.gguf", True)
    assert not c.gguf_write_to_file(build(w), b"", True)


def right_write_only_keys(c: Any, w: World) -> None:
    ctx = c.gguf_init_empty()
    c.gguf_set_val_u32(ctx, b"u32", 1)
    assert c.gguf_write_to_file(ctx, str(w.tmp / "x.gguf").encode(), False)


def right_write_data(c: Any, w: World) -> None:
    """From a tensor in its context's memory, from a buffer, and set by hand; the first context is gone before."""
    init = ffi.new("struct ggml_init_params *", {"mem_size": 4096, "no_alloc": False})[0]
    ggml = lib.ggml_init(init)
    here = lib.ggml_set_name(lib.ggml_new_tensor_1d(ggml, lib.GGML_TYPE_F32, 4), b"here")
    there = tensor(w, "there", 4)
    buffer = lib.ggml_backend_buft_alloc_buffer(lib.ggml_backend_cpu_buffer_type(), 4096)
    lib.ggml_backend_tensor_alloc(buffer, there, lib.ggml_backend_buffer_get_base(buffer))
    ctx = c.gguf_init_empty()
    c.gguf_add_tensor(ctx, here)
    c.gguf_add_tensor(ctx, there)
    c.gguf_add_tensor(ctx, tensor(w, "mine", 4))
    mine = ffi.new("float[]", 4)
    c.gguf_set_tensor_data(ctx, b"mine", mine)
    assert c.gguf_write_to_file(ctx, str(w.tmp / "x.gguf").encode(), False)
    lib.ggml_free(ggml)
    assert c.gguf_write_to_file(ctx, str(w.tmp / "x.gguf").encode(), True)
    lib.ggml_backend_buffer_free(buffer)
    c.gguf_free(ctx)


def right_meta_data(c: Any, w: World) -> None:
    ctx = build(w)
    size = c.gguf_get_meta_size(ctx)
    data = ffi.new("char[]", size)
    c.gguf_get_meta_data(ctx, data)
    assert ffi.buffer(data)[:4] == b"GGUF"


def right_file_pointer(c: Any, w: World) -> None:
    path = w.tmp / "x.gguf"
    file = lib.ggml_fopen(str(path).encode(), b"wb")
    assert c.gguf_write_to_file_ptr(build(w), file, True)
