"""Wrong and right calls of ggml.h, ggml-cpu.h and ggml-alloc.h."""

from __future__ import annotations

import threading
import time
from typing import Any

from llamacffi import ffi, lib
from world import World


def context(w: World, size: int = 1 << 20, no_alloc: bool = False) -> Any:
    made = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": size, "no_alloc": no_alloc})[0])
    assert made
    return made


def f32(w: World, *ne: int) -> Any:
    return w.tensor(lib.GGML_TYPE_F32, *ne)


def i32(w: World, *values: int) -> Any:
    tensor = w.tensor(lib.GGML_TYPE_I32, len(values))
    ffi.memmove(tensor.data, ffi.new("int32_t[]", values), 4 * len(values))
    return tensor


def values(w: World, tensor: Any) -> list[float]:
    return list(ffi.cast("float *", tensor.data)[0 : lib.ggml_nelements(tensor)])


def plan_of(w: World, graph: Any, n_threads: int = 2, pool: Any = None) -> Any:
    """A plan with memory to work in, which the world keeps."""
    plan = ffi.new("struct ggml_cplan *", lib.ggml_graph_plan(graph, n_threads, pool or ffi.NULL))
    if plan.work_size:
        plan.work_data = w.keep(ffi.new("uint8_t[]", plan.work_size))
    return plan


def compute(w: World, *outputs: Any) -> int:
    return int(lib.ggml_graph_compute_with_ctx(w.ggml, w.graph(*outputs), 2))


def pool(w: World, n_threads: int = 2) -> Any:
    made = lib.ggml_threadpool_new(
        ffi.new("struct ggml_threadpool_params *", lib.ggml_threadpool_params_default(n_threads))
    )
    assert made
    return made


def unallocated(w: World) -> tuple[Any, Any, Any]:
    """A context, a tensor in it and a graph that squares it, none of which has data."""
    ctx = context(w, no_alloc=True)
    tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 8)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, lib.ggml_sqr(ctx, tensor))
    return ctx, tensor, graph


# ---- types


def wrong_type_name(c: Any, w: World) -> None:
    """ggml_type_name: InvalidArgumentError"""
    c.ggml_type_name(99)


def wrong_type_name_of_count(c: Any, w: World) -> None:
    """ggml_type_name: InvalidArgumentError"""
    c.ggml_type_name(lib.GGML_TYPE_COUNT)


def wrong_type_size(c: Any, w: World) -> None:
    """ggml_type_size: InvalidArgumentError"""
    c.ggml_type_size(2**31)


def wrong_blck_size(c: Any, w: World) -> None:
    """ggml_blck_size: InvalidArgumentError"""
    c.ggml_blck_size(12345)


def wrong_type_traits(c: Any, w: World) -> None:
    """ggml_get_type_traits: InvalidArgumentError"""
    c.ggml_get_type_traits(1000)


def wrong_type_traits_cpu(c: Any, w: World) -> None:
    """ggml_get_type_traits_cpu: InvalidArgumentError"""
    c.ggml_get_type_traits_cpu(1000)


def wrong_op_name(c: Any, w: World) -> None:
    """ggml_op_name: InvalidArgumentError"""
    c.ggml_op_name(lib.GGML_OP_COUNT)


def wrong_unary_op_name(c: Any, w: World) -> None:
    """ggml_unary_op_name: InvalidArgumentError"""
    c.ggml_unary_op_name(4000)


def wrong_row_size_of_part_of_a_block(c: Any, w: World) -> None:
    """ggml_row_size: InvalidArgumentError"""
    c.ggml_row_size(lib.GGML_TYPE_Q4_K, 100)


def wrong_row_size_of_removed_type(c: Any, w: World) -> None:
    """ggml_row_size: InvalidArgumentError"""
    c.ggml_row_size(4, 32)


def wrong_row_size_negative(c: Any, w: World) -> None:
    """ggml_row_size: InvalidArgumentError"""
    c.ggml_row_size(lib.GGML_TYPE_F32, -1)


def wrong_ftype_unknown(c: Any, w: World) -> None:
    """ggml_ftype_to_ggml_type: NativeAssertionError"""
    c.ggml_ftype_to_ggml_type(lib.GGML_FTYPE_UNKNOWN)


def right_types_in_a_loop(c: Any, w: World) -> None:
    for each in range(lib.GGML_TYPE_COUNT):
        assert ffi.string(c.ggml_type_name(each))
        assert (c.ggml_blck_size(each) == 0) == (c.ggml_type_size(each) == 0)
        assert c.ggml_get_type_traits(each).blck_size == c.ggml_blck_size(each)
    for op in range(lib.GGML_OP_COUNT):
        assert ffi.string(c.ggml_op_name(op))


def right_status_to_string(c: Any, w: World) -> None:
    assert b"success" in ffi.string(c.ggml_status_to_string(lib.GGML_STATUS_SUCCESS))


# ---- rows of numbers


def wrong_fp16_row_much_too_long(c: Any, w: World) -> None:
    """ggml_fp16_to_fp32_row: InvalidArgumentError"""
    c.ggml_fp16_to_fp32_row(ffi.new("ggml_fp16_t[4]"), ffi.new("float[4]"), 2**40)


def wrong_fp16_row_negative(c: Any, w: World) -> None:
    """ggml_fp32_to_fp16_row: InvalidArgumentError"""
    c.ggml_fp32_to_fp16_row(ffi.new("float[4]"), ffi.new("ggml_fp16_t[4]"), -1)


def wrong_bf16_row_null(c: Any, w: World) -> None:
    """ggml_fp32_to_bf16_row: InvalidArgumentError"""
    c.ggml_fp32_to_bf16_row(ffi.NULL, ffi.new("ggml_bf16_t[4]"), 4)


def wrong_cpu_row_much_too_long(c: Any, w: World) -> None:
    """ggml_cpu_fp32_to_bf16: InvalidArgumentError"""
    c.ggml_cpu_fp32_to_bf16(ffi.new("float[4]"), ffi.new("ggml_bf16_t[4]"), 2**62)


def right_fp16_row(c: Any, w: World) -> None:
    half, back = ffi.new("ggml_fp16_t[3]"), ffi.new("float[3]")
    c.ggml_fp32_to_fp16_row(ffi.new("float[]", [1, 2.5, -3]), half, 3)
    c.ggml_fp16_to_fp32_row(half, back, 3)
    assert list(back) == [1, 2.5, -3]


def wrong_quantize_empty_rows(c: Any, w: World) -> None:
    """ggml_quantize_chunk: InvalidArgumentError"""
    c.ggml_quantize_chunk(lib.GGML_TYPE_Q8_0, ffi.new("float[32]"), ffi.new("char[64]"), 0, 1, 0, ffi.NULL)


def wrong_quantize_part_of_a_block(c: Any, w: World) -> None:
    """ggml_quantize_chunk: InvalidArgumentError"""
    c.ggml_quantize_chunk(lib.GGML_TYPE_Q4_K, ffi.new("float[32]"), ffi.new("char[64]"), 0, 1, 32, ffi.NULL)


def wrong_quantize_to_integers(c: Any, w: World) -> None:
    """ggml_quantize_chunk: InvalidArgumentError"""
    c.ggml_quantize_chunk(lib.GGML_TYPE_I32, ffi.new("float[32]"), ffi.new("char[128]"), 0, 1, 32, ffi.NULL)


def wrong_quantize_without_the_imatrix_it_needs(c: Any, w: World) -> None:
    """ggml_quantize_chunk: NativeAssertionError"""
    c.ggml_quantize_chunk(lib.GGML_TYPE_IQ2_XXS, ffi.new("float[256]"), ffi.new("char[256]"), 0, 1, 256, ffi.NULL)


def wrong_quantize_more_rows_than_there_are(c: Any, w: World) -> None:
    """ggml_quantize_chunk: InvalidArgumentError"""
    c.ggml_quantize_chunk(lib.GGML_TYPE_Q8_0, ffi.new("float[32]"), ffi.new("char[64]"), 0, 2**40, 32, ffi.NULL)


def wrong_quantize_from_a_negative_start(c: Any, w: World) -> None:
    """ggml_quantize_chunk: InvalidArgumentError"""
    c.ggml_quantize_chunk(lib.GGML_TYPE_Q8_0, ffi.new("float[32]"), ffi.new("char[64]"), -32, 1, 32, ffi.NULL)


def right_quantize(c: Any, w: World) -> None:
    out = ffi.new("char[]", 2 * lib.ggml_row_size(lib.GGML_TYPE_Q8_0, 64))
    numbers = ffi.new("float[]", [i / 100 for i in range(128)])
    assert c.ggml_quantize_chunk(lib.GGML_TYPE_Q8_0, numbers, out, 0, 2, 64, ffi.NULL) == len(out)
    assert c.ggml_validate_row_data(lib.GGML_TYPE_Q8_0, out, len(out))


def wrong_validate_more_than_there_is(c: Any, w: World) -> None:
    """ggml_validate_row_data: InvalidArgumentError"""
    c.ggml_validate_row_data(lib.GGML_TYPE_F32, ffi.new("float[4]"), 2**44)


# ---- contexts


def wrong_init_without_so_much_memory(c: Any, w: World) -> None:
    """ggml_init: NativeAssertionError"""
    c.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 2**62})[0])


def wrong_init_in_misaligned_memory(c: Any, w: World) -> None:
    """ggml_init: NativeAssertionError"""
    memory = w.keep(ffi.new("char[4096]"))
    c.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 4000, "mem_buffer": memory + 1})[0])


def wrong_init_in_less_memory_than_said(c: Any, w: World) -> None:
    """ggml_init: InvalidArgumentError"""
    memory = w.keep(ffi.new("char[4096]"))
    c.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 2**40, "mem_buffer": memory})[0])


def right_init_with_nothing(c: Any, w: World) -> None:
    ctx = c.ggml_init(ffi.new("struct ggml_init_params *")[0])
    assert ctx
    c.ggml_free(ctx)
    c.ggml_free(ffi.NULL)
    c.ggml_reset(ffi.NULL)


def right_context_in_own_memory(c: Any, w: World) -> None:
    memory = ffi.new("char[]", 65536)
    start = memory + -int(ffi.cast("uintptr_t", memory)) % 16
    ctx = c.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 65536 - 16, "mem_buffer": start})[0])
    tensor = c.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 16)
    assert start <= ffi.cast("char *", tensor) < start + 65536
    c.ggml_free(ctx)


def wrong_free_twice(c: Any, w: World) -> None:
    """ggml_free: FreedHandleError"""
    ctx = context(w)
    lib.ggml_free(ctx)
    c.ggml_free(ctx)


def wrong_tensor_in_a_freed_context(c: Any, w: World) -> None:
    """ggml_new_tensor_1d: FreedHandleError"""
    ctx = context(w)
    lib.ggml_free(ctx)
    c.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)


def wrong_use_of_a_freed_contexts_tensor(c: Any, w: World) -> None:
    """ggml_nelements: FreedHandleError"""
    ctx = context(w)
    tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)
    lib.ggml_free(ctx)
    c.ggml_nelements(tensor)


def wrong_use_of_a_tensor_after_reset(c: Any, w: World) -> None:
    """ggml_nelements: FreedHandleError"""
    ctx = context(w)
    tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)
    lib.ggml_reset(ctx)
    c.ggml_nelements(tensor)


def wrong_use_of_a_graph_after_reset(c: Any, w: World) -> None:
    """ggml_graph_n_nodes: FreedHandleError"""
    ctx = context(w)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_reset(ctx)
    c.ggml_graph_n_nodes(graph)


def right_context_after_reset(c: Any, w: World) -> None:
    ctx = context(w)
    for _ in range(3):
        first = c.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)
        graph = c.ggml_new_graph(ctx)
        c.ggml_build_forward_expand(graph, c.ggml_sqr(ctx, first))
        assert c.ggml_graph_n_nodes(graph) == 1
        c.ggml_reset(ctx)
        assert c.ggml_get_first_tensor(ctx) == ffi.NULL
    c.ggml_free(ctx)


def wrong_tensor_is_null(c: Any, w: World) -> None:
    """ggml_nbytes: InvalidArgumentError"""
    c.ggml_nbytes(ffi.NULL)


def wrong_context_is_null(c: Any, w: World) -> None:
    """ggml_new_tensor_1d: InvalidArgumentError"""
    c.ggml_new_tensor_1d(ffi.NULL, lib.GGML_TYPE_F32, 1)


def wrong_tensor_is_garbage(c: Any, w: World) -> None:
    """ggml_nbytes: FreedHandleError"""
    c.ggml_nbytes(ffi.cast("struct ggml_tensor *", 0x1000))


def wrong_tensor_in_the_midst_of_another(c: Any, w: World) -> None:
    """ggml_nbytes: FreedHandleError"""
    c.ggml_nbytes(ffi.cast("struct ggml_tensor *", ffi.cast("char *", f32(w, 64)) + 16))


def wrong_next_tensor_of_another_context(c: Any, w: World) -> None:
    """ggml_get_next_tensor: InvalidArgumentError"""
    c.ggml_get_next_tensor(context(w), f32(w, 4))


def wrong_new_buffer_without_room(c: Any, w: World) -> None:
    """ggml_new_buffer: InvalidArgumentError"""
    c.ggml_new_buffer(context(w, 1024), 4096)


def wrong_new_buffer_of_absurd_size(c: Any, w: World) -> None:
    """ggml_new_buffer: InvalidArgumentError"""
    c.ggml_new_buffer(w.ggml, 2**64 - 1)


def right_tensors_one_by_one(c: Any, w: World) -> None:
    ctx = context(w)
    made = [c.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, i + 1) for i in range(3)]
    c.ggml_new_buffer(ctx, 100)
    c.ggml_set_name(made[1], b"second")
    found = c.ggml_get_first_tensor(ctx)
    for each in made:
        assert found == each
        found = c.ggml_get_next_tensor(ctx, found)
    assert not found
    assert c.ggml_get_tensor(ctx, b"second") == made[1]
    assert not c.ggml_get_tensor(ctx, b"no such tensor")


# ---- new tensors


def wrong_tensor_of_removed_type(c: Any, w: World) -> None:
    """ggml_new_tensor_1d: InvalidArgumentError"""
    c.ggml_new_tensor_1d(w.ggml, 4, 32)


def wrong_tensor_of_no_type(c: Any, w: World) -> None:
    """ggml_new_tensor_2d: InvalidArgumentError"""
    c.ggml_new_tensor_2d(w.ggml, 1000, 32, 2)


def wrong_tensor_of_negative_length(c: Any, w: World) -> None:
    """ggml_new_tensor_1d: InvalidArgumentError"""
    c.ggml_new_tensor_1d(w.ggml, lib.GGML_TYPE_F32, -4)


def wrong_tensor_of_negative_length_without_data(c: Any, w: World) -> None:
    """ggml_new_tensor_2d: InvalidArgumentError"""
    c.ggml_new_tensor_2d(w.ggml_no_alloc, lib.GGML_TYPE_F32, 4, -1)


def wrong_tensor_whose_size_overflows(c: Any, w: World) -> None:
    """ggml_new_tensor_1d: InvalidArgumentError"""
    c.ggml_new_tensor_1d(w.ggml, lib.GGML_TYPE_F32, 2**62)


def wrong_tensor_whose_elements_overflow(c: Any, w: World) -> None:
    """ggml_new_tensor_4d: InvalidArgumentError"""
    c.ggml_new_tensor_4d(w.ggml_no_alloc, lib.GGML_TYPE_I8, 2**30, 2**30, 2**30, 2**30)


def wrong_tensor_larger_than_the_context(c: Any, w: World) -> None:
    """ggml_new_tensor_1d: NativeAssertionError"""
    c.ggml_new_tensor_1d(w.ggml, lib.GGML_TYPE_F32, 2**30)


def wrong_tensor_of_part_of_a_block(c: Any, w: World) -> None:
    """ggml_new_tensor_2d: InvalidArgumentError"""
    c.ggml_new_tensor_2d(w.ggml, lib.GGML_TYPE_Q4_0, 33, 2)


def wrong_tensor_of_no_dimensions(c: Any, w: World) -> None:
    """ggml_new_tensor: InvalidArgumentError"""
    c.ggml_new_tensor(w.ggml, lib.GGML_TYPE_F32, 0, ffi.new("int64_t[4]", [1, 1, 1, 1]))


def wrong_tensor_of_five_dimensions(c: Any, w: World) -> None:
    """ggml_new_tensor: InvalidArgumentError"""
    c.ggml_new_tensor(w.ggml, lib.GGML_TYPE_F32, 5, ffi.new("int64_t[5]", [1, 1, 1, 1, 1]))


def wrong_tensor_with_its_shape_null(c: Any, w: World) -> None:
    """ggml_new_tensor: InvalidArgumentError"""
    c.ggml_new_tensor(w.ggml, lib.GGML_TYPE_F32, 2, ffi.NULL)


def right_empty_tensor(c: Any, w: World) -> None:
    empty = c.ggml_new_tensor_2d(w.ggml, lib.GGML_TYPE_F32, 0, 3)
    assert c.ggml_is_empty(empty)
    assert c.ggml_nbytes(empty) == 0
    assert c.ggml_new_f32(w.ggml, 2.5).type == lib.GGML_TYPE_F32


def wrong_new_f32_without_data(c: Any, w: World) -> None:
    """ggml_new_f32: NativeAssertionError"""
    c.ggml_new_f32(w.ggml_no_alloc, 1.0)


# ---- names


def wrong_name_is_null(c: Any, w: World) -> None:
    """ggml_set_name: InvalidArgumentError"""
    c.ggml_set_name(f32(w, 4), ffi.NULL)


def wrong_format_is_null(c: Any, w: World) -> None:
    """ggml_format_name: InvalidArgumentError"""
    c.ggml_format_name(f32(w, 4), ffi.NULL)


def right_names(c: Any, w: World) -> None:
    tensor = f32(w, 4)
    assert c.ggml_set_name(tensor, b"x" * 200) == tensor
    assert ffi.string(c.ggml_get_name(tensor)) == b"x" * 63
    c.ggml_format_name(tensor, b"layer %d of %s", ffi.cast("int", 3), ffi.new("char[]", b"model"))
    assert ffi.string(c.ggml_get_name(tensor)) == b"layer 3 of model"


# ---- elements


def wrong_element_past_the_end(c: Any, w: World) -> None:
    """ggml_get_f32_1d: InvalidArgumentError"""
    c.ggml_get_f32_1d(f32(w, 4), 4)


def wrong_element_before_the_start(c: Any, w: World) -> None:
    """ggml_set_f32_1d: InvalidArgumentError"""
    c.ggml_set_f32_1d(f32(w, 4), -1, 1.0)


def wrong_element_far_away(c: Any, w: World) -> None:
    """ggml_set_i32_1d: InvalidArgumentError"""
    c.ggml_set_i32_1d(f32(w, 4), 2**31 - 1, 1)


def wrong_element_in_one_dimension(c: Any, w: World) -> None:
    """ggml_get_i32_nd: InvalidArgumentError"""
    c.ggml_get_i32_nd(f32(w, 4, 2), 0, 2, 0, 0)


def wrong_element_in_a_dimension_that_is_not_there(c: Any, w: World) -> None:
    """ggml_set_f32_nd: InvalidArgumentError"""
    c.ggml_set_f32_nd(f32(w, 4, 2), 0, 0, 0, 1, 1.0)


def wrong_element_without_data(c: Any, w: World) -> None:
    """ggml_get_f32_1d: InvalidArgumentError"""
    c.ggml_get_f32_1d(unallocated(w)[1], 0)


def wrong_fill_without_data(c: Any, w: World) -> None:
    """ggml_set_f32: InvalidArgumentError"""
    c.ggml_set_f32(unallocated(w)[1], 1.0)


def wrong_element_of_quantized_tensor(c: Any, w: World) -> None:
    """ggml_get_f32_1d: InvalidArgumentError"""
    c.ggml_get_f32_1d(w.tensor(lib.GGML_TYPE_Q8_0, 32), 0)


def wrong_fill_of_quantized_tensor(c: Any, w: World) -> None:
    """ggml_set_i32: InvalidArgumentError"""
    c.ggml_set_i32(w.tensor(lib.GGML_TYPE_Q4_0, 32), 1)


def wrong_fill_of_transposed_tensor(c: Any, w: World) -> None:
    """ggml_set_f32: InvalidArgumentError"""
    c.ggml_set_f32(lib.ggml_transpose(w.ggml, f32(w, 4, 300)), 1.0)


def wrong_element_of_empty_tensor(c: Any, w: World) -> None:
    """ggml_get_f32_1d: InvalidArgumentError"""
    c.ggml_get_f32_1d(lib.ggml_new_tensor_1d(w.ggml, lib.GGML_TYPE_F32, 0), 0)


def wrong_element_of_a_freed_buffer(c: Any, w: World) -> None:
    """ggml_get_f32_1d: FreedHandleError"""
    ctx, tensor, _ = unallocated(w)
    lib.ggml_backend_buffer_free(lib.ggml_backend_alloc_ctx_tensors(ctx, w.backend))
    c.ggml_get_f32_1d(tensor, 0)


def wrong_zero_without_data(c: Any, w: World) -> None:
    """ggml_set_zero: NativeAssertionError"""
    c.ggml_set_zero(unallocated(w)[1])


def wrong_unravel_of_empty_tensor(c: Any, w: World) -> None:
    """ggml_unravel_index: InvalidArgumentError"""
    index = ffi.new("int64_t *")
    c.ggml_unravel_index(lib.ggml_new_tensor_1d(w.ggml, lib.GGML_TYPE_F32, 0), 0, index, index, index, index)


def right_elements(c: Any, w: World) -> None:
    tensor = f32(w, 3, 2)
    c.ggml_set_f32(tensor, 2.0)
    c.ggml_set_f32_1d(tensor, 5, 7.0)
    c.ggml_set_f32_nd(tensor, 1, 1, 0, 0, 3.0)
    assert values(w, tensor) == [2, 2, 2, 2, 3, 7]
    assert c.ggml_get_f32_1d(tensor, 5) == 7.0
    assert c.ggml_get_i32_nd(tensor, 1, 1, 0, 0) == 3
    turned = lib.ggml_transpose(w.ggml, tensor)
    assert c.ggml_get_f32_1d(turned, 3) == c.ggml_get_f32_nd(turned, 1, 1, 0, 0) == 3.0
    at = [ffi.new("int64_t *") for _ in range(2)]
    c.ggml_unravel_index(tensor, 4, at[0], at[1], ffi.NULL, ffi.NULL)
    assert (at[0][0], at[1][0]) == (1, 1)


def right_fill_of_rows(c: Any, w: World) -> None:
    tensor = f32(w, 4, 3)
    rows = lib.ggml_view_2d(w.ggml, tensor, 2, 3, tensor.nb[1], 0)
    c.ggml_set_f32(rows, 1.0)
    assert values(w, tensor) == [1, 1, 0, 0] * 3


# ---- views


def wrong_view_past_the_end(c: Any, w: World) -> None:
    """ggml_view_1d: InvalidArgumentError"""
    c.ggml_view_1d(w.ggml, f32(w, 8), 4, 20)


def wrong_view_whose_offset_wraps(c: Any, w: World) -> None:
    """ggml_view_1d: InvalidArgumentError"""
    c.ggml_view_1d(w.ggml, f32(w, 8), 4, 2**64 - 16)


def wrong_view_of_negative_length(c: Any, w: World) -> None:
    """ggml_view_1d: InvalidArgumentError"""
    c.ggml_view_1d(w.ggml, f32(w, 8), -4, 16)


def wrong_view_whose_rows_are_too_far(c: Any, w: World) -> None:
    """ggml_view_2d: InvalidArgumentError"""
    c.ggml_view_2d(w.ggml, f32(w, 4, 4), 4, 4, 1 << 20, 0)


def wrong_view_whose_planes_are_too_far(c: Any, w: World) -> None:
    """ggml_view_3d: InvalidArgumentError"""
    c.ggml_view_3d(w.ggml, f32(w, 4, 4, 4), 4, 4, 4, 16, 2**63, 0)


def wrong_view_of_a_view_past_the_end(c: Any, w: World) -> None:
    """ggml_view_4d: InvalidArgumentError"""
    view = lib.ggml_view_1d(w.ggml, f32(w, 8), 4, 16)
    c.ggml_view_4d(w.ggml, view, 2, 2, 1, 1, 16, 16, 16, 8)


def wrong_view_larger_than_its_source(c: Any, w: World) -> None:
    """ggml_view_1d: InvalidArgumentError"""
    c.ggml_view_1d(w.ggml, f32(w, 8), 9, 0)


def right_views(c: Any, w: World) -> None:
    tensor = w.floats(*range(12))
    assert values(w, c.ggml_view_1d(w.ggml, tensor, 4, 32)) == [8, 9, 10, 11]
    rows = c.ggml_view_2d(w.ggml, tensor, 2, 3, 16, 8)
    assert c.ggml_get_f32_nd(rows, 1, 2, 0, 0) == 11
    windows = c.ggml_view_2d(w.ggml, tensor, 3, 4, 4, 0)  # they overlap
    assert c.ggml_get_f32_nd(windows, 2, 3, 0, 0) == 5
    assert c.ggml_is_empty(c.ggml_view_1d(w.ggml, tensor, 0, 48))
    assert c.ggml_is_view(c.ggml_view_3d(w.ggml, tensor, 2, 2, 3, 8, 16, 0))
    assert c.ggml_view_4d(w.ggml, tensor, 1, 2, 3, 2, 4, 8, 24, 0)
    one = c.ggml_view_2d(w.ggml, tensor, 12, 1, 1 << 40, 0)  # the stride of a single row is never used
    assert c.ggml_nelements(one) == 12


def wrong_permute_to_the_same_axis(c: Any, w: World) -> None:
    """ggml_permute: NativeAssertionError"""
    c.ggml_permute(w.ggml, f32(w, 4, 2), 0, 0, 2, 3)


def wrong_permute_to_no_axis(c: Any, w: World) -> None:
    """ggml_permute: NativeAssertionError"""
    c.ggml_permute(w.ggml, f32(w, 4, 2), 0, 1, 2, 4)


def wrong_reshape_to_another_size(c: Any, w: World) -> None:
    """ggml_reshape_2d: NativeAssertionError"""
    c.ggml_reshape_2d(w.ggml, f32(w, 6), 2, 2)


def wrong_reshape_to_negative_dimensions(c: Any, w: World) -> None:
    """ggml_reshape_2d: InvalidArgumentError"""
    c.ggml_reshape_2d(w.ggml, f32(w, 6), -2, -3)


def wrong_reshape_through_blocks(c: Any, w: World) -> None:
    """ggml_reshape_2d: InvalidArgumentError"""
    c.ggml_reshape_2d(w.ggml, w.tensor(lib.GGML_TYPE_Q8_0, 64), 16, 4)


def wrong_reshape_of_transposed(c: Any, w: World) -> None:
    """ggml_reshape_1d: NativeAssertionError"""
    c.ggml_reshape_1d(w.ggml, lib.ggml_transpose(w.ggml, f32(w, 3, 2)), 6)


def wrong_cont_to_another_size(c: Any, w: World) -> None:
    """ggml_cont_3d: NativeAssertionError"""
    c.ggml_cont_3d(w.ggml, f32(w, 6), 3, 3, 1)


def wrong_cast_to_part_of_a_block(c: Any, w: World) -> None:
    """ggml_cast: InvalidArgumentError"""
    c.ggml_cast(w.ggml, f32(w, 5), lib.GGML_TYPE_Q4_0)


# ---- operations: what the calling thread asserts


def wrong_add_of_other_shape(c: Any, w: World) -> None:
    """ggml_add: NativeAssertionError"""
    c.ggml_add(w.ggml, f32(w, 4), f32(w, 3))


def wrong_mul_mat_of_other_rows(c: Any, w: World) -> None:
    """ggml_mul_mat: NativeAssertionError"""
    c.ggml_mul_mat(w.ggml, f32(w, 4, 2), f32(w, 3, 2))


def wrong_mul_mat_of_transposed(c: Any, w: World) -> None:
    """ggml_mul_mat: NativeAssertionError"""
    c.ggml_mul_mat(w.ggml, lib.ggml_transpose(w.ggml, f32(w, 2, 4)), f32(w, 4, 2))


def wrong_concat_along_no_dimension(c: Any, w: World) -> None:
    """ggml_concat: NativeAssertionError"""
    c.ggml_concat(w.ggml, f32(w, 4), f32(w, 4), 4)


def wrong_cpy_to_another_size(c: Any, w: World) -> None:
    """ggml_cpy: NativeAssertionError"""
    c.ggml_cpy(w.ggml, f32(w, 4), f32(w, 5))


def wrong_get_rows_by_floats(c: Any, w: World) -> None:
    """ggml_get_rows: NativeAssertionError"""
    c.ggml_get_rows(w.ggml, f32(w, 4, 4), f32(w, 2))


def wrong_repeat_to_no_multiple(c: Any, w: World) -> None:
    """ggml_repeat_4d: NativeAssertionError"""
    c.ggml_repeat_4d(w.ggml, f32(w, 4), 6, 1, 1, 1)


def wrong_scale_of_transposed(c: Any, w: World) -> None:
    """ggml_scale: NativeAssertionError"""
    c.ggml_scale(w.ggml, lib.ggml_transpose(w.ggml, f32(w, 3, 2)), 2.0)


def wrong_soft_max_of_transposed(c: Any, w: World) -> None:
    """ggml_soft_max: NativeAssertionError"""
    c.ggml_soft_max(w.ggml, lib.ggml_transpose(w.ggml, f32(w, 3, 2)))


def wrong_soft_max_with_bias_and_no_mask(c: Any, w: World) -> None:
    """ggml_soft_max_ext: NativeAssertionError"""
    c.ggml_soft_max_ext(w.ggml, f32(w, 4), ffi.NULL, 1.0, 8.0)


def wrong_roll_too_far(c: Any, w: World) -> None:
    """ggml_roll: NativeAssertionError"""
    c.ggml_roll(w.ggml, f32(w, 4), 4, 0, 0, 0)


def wrong_argmax_of_three_dimensions(c: Any, w: World) -> None:
    """ggml_argmax: NativeAssertionError"""
    c.ggml_argmax(w.ggml, f32(w, 4, 2, 2))


def wrong_top_k_of_more(c: Any, w: World) -> None:
    """ggml_top_k: NativeAssertionError"""
    c.ggml_top_k(w.ggml, f32(w, 4), 5)


def wrong_unary_op_of_no_unary(c: Any, w: World) -> None:
    """ggml_get_unary_op: NativeAssertionError"""
    c.ggml_get_unary_op(f32(w, 4))


def wrong_unary_op(c: Any, w: World) -> None:
    """ggml_unary: InvalidArgumentError"""
    c.ggml_unary(w.ggml, f32(w, 4), 999)


def wrong_parameter_that_is_computed(c: Any, w: World) -> None:
    """ggml_set_param: NativeAssertionError"""
    c.ggml_set_param(lib.ggml_sqr(w.ggml, f32(w, 4)))


def wrong_loss_that_is_no_scalar(c: Any, w: World) -> None:
    """ggml_set_loss: NativeAssertionError"""
    c.ggml_set_loss(f32(w, 4))


def wrong_rope_of_other_length(c: Any, w: World) -> None:
    """ggml_rope: NativeAssertionError"""
    c.ggml_rope(w.ggml, f32(w, 8, 2, 3), i32(w, 0, 1), 8, 0)


def wrong_flash_attn_back(c: Any, w: World) -> None:
    """ggml_flash_attn_back: NativeAssertionError"""
    part = f32(w, 4, 4)
    c.ggml_flash_attn_back(w.ggml, part, part, part, part, False)


def wrong_im2col_of_less_than_the_kernel(c: Any, w: World) -> None:
    """ggml_im2col: NativeAssertionError"""
    c.ggml_im2col(w.ggml, f32(w, 5, 5, 1, 1), f32(w, 3, 3, 1, 1), 1, 1, 0, 0, 1, 1, True, lib.GGML_TYPE_F32)


def wrong_pool_larger_than_the_input(c: Any, w: World) -> None:
    """ggml_pool_1d: NativeAssertionError"""
    c.ggml_pool_1d(w.ggml, f32(w, 4), lib.GGML_OP_POOL_MAX, 6, 1, 0)


def right_work_after_a_failed_assertion(c: Any, w: World) -> None:
    assert not lib.ggml_add(w.ggml, f32(w, 4), f32(w, 3))
    assert lib.llamacffi_failed()
    total = c.ggml_add(w.ggml, w.floats(1, 2), w.floats(10, 20))
    assert compute(w, total) == lib.GGML_STATUS_SUCCESS
    assert values(w, total) == [11, 22]


# ---- operations: what nobody asserts, or kernels do


def wrong_mul_mat_with_an_empty_dimension(c: Any, w: World) -> None:
    """ggml_mul_mat: InvalidArgumentError"""
    c.ggml_mul_mat(w.ggml, lib.ggml_new_tensor_3d(w.ggml, lib.GGML_TYPE_F32, 4, 2, 0), f32(w, 4, 2, 2))


def wrong_set_rows_with_an_empty_dimension(c: Any, w: World) -> None:
    """ggml_set_rows: InvalidArgumentError"""
    index = lib.ggml_new_tensor_2d(w.ggml, lib.GGML_TYPE_I64, 2, 0)
    c.ggml_set_rows(w.ggml, f32(w, 4, 4), f32(w, 4, 2), index)


def wrong_set_of_nothing_outside(c: Any, w: World) -> None:
    """ggml_set_2d_inplace: InvalidArgumentError"""
    nothing = lib.ggml_new_tensor_4d(w.ggml, lib.GGML_TYPE_F32, 4, 1, 4, 0)
    c.ggml_set_2d_inplace(w.ggml, f32(w, 2), nothing, 2**40, 1)


def wrong_roll_by_the_least_number(c: Any, w: World) -> None:
    """ggml_roll: InvalidArgumentError"""
    c.ggml_roll(w.ggml, f32(w, 8, 4, 3, 2), 1, -(2**31), 2, 1)


def wrong_timestep_embedding_of_nothing(c: Any, w: World) -> None:
    """ggml_timestep_embedding: InvalidArgumentError"""
    c.ggml_timestep_embedding(w.ggml, lib.ggml_new_tensor_2d(w.ggml, lib.GGML_TYPE_F32, 4, 0), 8, 10000)


def wrong_conv_2d_dw_with_an_empty_kernel(c: Any, w: World) -> None:
    """ggml_conv_2d_dw: InvalidArgumentError"""
    kernel = lib.ggml_new_tensor_4d(w.ggml, lib.GGML_TYPE_F16, 3, 3, 0, 2)
    c.ggml_conv_2d_dw(w.ggml, kernel, f32(w, 8, 8, 2), 1, 1, 0, 0, 1, 1)


def wrong_acc_outside(c: Any, w: World) -> None:
    """ggml_acc: InvalidArgumentError"""
    c.ggml_acc(w.ggml, f32(w, 8), f32(w, 4), 32, 32, 32, 20)


def wrong_set_2d_outside(c: Any, w: World) -> None:
    """ggml_set_2d: InvalidArgumentError"""
    c.ggml_set_2d(w.ggml, f32(w, 4, 4), f32(w, 2, 2), 1 << 20, 0)


def wrong_set_1d_at_absurd_offset(c: Any, w: World) -> None:
    """ggml_set_1d: InvalidArgumentError"""
    c.ggml_set_1d(w.ggml, f32(w, 8), f32(w, 4), 2**63)


def right_acc_and_set(c: Any, w: World) -> None:
    total = c.ggml_acc(w.ggml, w.floats(0, 0, 1, 1), w.floats(5, 6), 16, 16, 16, 8)
    put = c.ggml_set_1d(w.ggml, w.floats(0, 0, 1, 1), w.floats(5, 6), 4)
    assert compute(w, total, put) == lib.GGML_STATUS_SUCCESS
    assert values(w, total) == [0, 0, 6, 7]
    assert values(w, put) == [0, 5, 6, 1]


def wrong_rope_of_more_than_a_row(c: Any, w: World) -> None:
    """ggml_rope: InvalidArgumentError"""
    c.ggml_rope(w.ggml, f32(w, 8, 2, 3), i32(w, 0, 1, 2), 10, 0)


def wrong_rope_of_odd_dimensions(c: Any, w: World) -> None:
    """ggml_rope_inplace: InvalidArgumentError"""
    c.ggml_rope_inplace(w.ggml, f32(w, 8, 2, 3), i32(w, 0, 1, 2), 3, 0)


def wrong_rope_mode(c: Any, w: World) -> None:
    """ggml_rope_ext: InvalidArgumentError"""
    c.ggml_rope_ext(w.ggml, f32(w, 8, 2, 3), i32(w, 0, 1, 2), ffi.NULL, 8, 6, 0, 1e4, 1, 0, 1, 0, 0)


def wrong_rope_multi_without_sections(c: Any, w: World) -> None:
    """ggml_rope_multi: InvalidArgumentError"""
    c.ggml_rope_multi(w.ggml, f32(w, 8, 2, 1), i32(w, 0, 0, 0, 0), ffi.NULL, 8, ffi.NULL, 8, 0, 1e4, 1, 0, 1, 0, 0)


def wrong_rope_multi_sections_that_add_up_to_nothing(c: Any, w: World) -> None:
    """ggml_rope_multi: InvalidArgumentError"""
    sections = ffi.new("int[4]", [1, -1, 0, 0])
    c.ggml_rope_multi(w.ggml, f32(w, 8, 2, 1), i32(w, 0, 0, 0, 0), ffi.NULL, 8, sections, 8, 0, 1e4, 1, 0, 1, 0, 0)


def right_rope(c: Any, w: World) -> None:
    rows, positions = f32(w, 8, 2, 3), i32(w, 0, 1, 2)
    turned = [c.ggml_rope(w.ggml, rows, positions, 8, mode) for mode in (0, 2)]
    turned.append(c.ggml_rope_ext(w.ggml, rows, positions, ffi.NULL, 4, 0, 0, 1e4, 1, 0, 1, 0, 0))
    sections = ffi.new("int[4]", [1, 1, 2, 0])
    turned.append(c.ggml_rope_multi(w.ggml, rows, i32(w, *range(12)), ffi.NULL, 8, sections, 8, 0, 1e4, 1, 0, 1, 0, 0))
    assert compute(w, *turned) == lib.GGML_STATUS_SUCCESS


def wrong_norm_with_negative_eps(c: Any, w: World) -> None:
    """ggml_rms_norm: InvalidArgumentError"""
    c.ggml_rms_norm(w.ggml, f32(w, 4), -1.0)


def wrong_norm_with_nan(c: Any, w: World) -> None:
    """ggml_norm: InvalidArgumentError"""
    c.ggml_norm(w.ggml, f32(w, 4), float("nan"))


def wrong_group_norm_of_absurdly_many_groups(c: Any, w: World) -> None:
    """ggml_group_norm: InvalidArgumentError"""
    c.ggml_group_norm(w.ggml, f32(w, 4, 4, 4), 2**31 - 1, 1e-5)


def wrong_group_norm_of_no_groups(c: Any, w: World) -> None:
    """ggml_group_norm: InvalidArgumentError"""
    c.ggml_group_norm(w.ggml, f32(w, 4, 4, 4), 0, 1e-5)


def wrong_diag_mask_of_negative_past(c: Any, w: World) -> None:
    """ggml_diag_mask_inf: InvalidArgumentError"""
    c.ggml_diag_mask_inf(w.ggml, f32(w, 4, 4), -1)


def wrong_conv_1d_without_stride(c: Any, w: World) -> None:
    """ggml_conv_1d: InvalidArgumentError"""
    c.ggml_conv_1d(w.ggml, w.tensor(lib.GGML_TYPE_F16, 3, 2, 2), f32(w, 8, 2), 0, 0, 1)


def wrong_conv_2d_without_stride(c: Any, w: World) -> None:
    """ggml_conv_2d: InvalidArgumentError"""
    c.ggml_conv_2d(w.ggml, w.tensor(lib.GGML_TYPE_F16, 3, 3, 2, 2), f32(w, 8, 8, 2), 1, 0, 0, 0, 1, 1)


def wrong_conv_2d_direct_without_stride(c: Any, w: World) -> None:
    """ggml_conv_2d_direct: InvalidArgumentError"""
    c.ggml_conv_2d_direct(w.ggml, f32(w, 3, 3, 2, 2), f32(w, 8, 8, 2), 0, 1, 0, 0, 1, 1)


def wrong_conv_2d_direct_of_less_than_the_kernel(c: Any, w: World) -> None:
    """ggml_conv_2d_direct: InvalidArgumentError"""
    c.ggml_conv_2d_direct(w.ggml, f32(w, 5, 5, 2, 2), f32(w, 3, 3, 2), 1, 1, 0, 0, 1, 1)


def wrong_conv_3d_of_no_channels(c: Any, w: World) -> None:
    """ggml_conv_3d: InvalidArgumentError"""
    c.ggml_conv_3d(w.ggml, f32(w, 3, 3, 3, 2), f32(w, 5, 5, 5, 1), 0, 1, 1, 1, 0, 0, 0, 1, 1, 1)


def wrong_conv_3d_of_more_channels_than_there_are(c: Any, w: World) -> None:
    """ggml_conv_3d: InvalidArgumentError"""
    c.ggml_conv_3d(w.ggml, f32(w, 3, 3, 3, 4), f32(w, 5, 5, 5, 1), 2, 1, 1, 1, 0, 0, 0, 1, 1, 1)


def wrong_conv_transpose_without_stride(c: Any, w: World) -> None:
    """ggml_conv_transpose_2d_p0: InvalidArgumentError"""
    c.ggml_conv_transpose_2d_p0(w.ggml, w.tensor(lib.GGML_TYPE_F16, 3, 3, 2, 2), f32(w, 4, 4, 2), 0)


def wrong_pool_2d_without_stride(c: Any, w: World) -> None:
    """ggml_pool_2d: InvalidArgumentError"""
    c.ggml_pool_2d(w.ggml, f32(w, 8, 8), lib.GGML_OP_POOL_AVG, 2, 2, 0, 1, 0.0, 0.0)


def wrong_pool_2d_back_of_other_shape(c: Any, w: World) -> None:
    """ggml_pool_2d_back: InvalidArgumentError"""
    c.ggml_pool_2d_back(w.ggml, f32(w, 4, 4), f32(w, 16, 16), lib.GGML_OP_POOL_AVG, 2, 2, 2, 2, 0.0, 0.0)


def wrong_im2col_back_of_other_shape(c: Any, w: World) -> None:
    """ggml_im2col_back: InvalidArgumentError"""
    ne = ffi.new("int64_t[4]", [64, 64, 1, 1])
    c.ggml_im2col_back(w.ggml, f32(w, 9, 2, 2, 1), f32(w, 3, 3, 1, 1), ne, 1, 1, 0, 0, 1, 1, True)


def wrong_pad_circular_more_than_once_round(c: Any, w: World) -> None:
    """ggml_pad_ext_circular: InvalidArgumentError"""
    c.ggml_pad_ext_circular(w.ggml, f32(w, 4, 2), 9, 0, 0, 0, 0, 0, 0, 0)


def wrong_pad_away_more_than_there_is(c: Any, w: World) -> None:
    """ggml_pad: InvalidArgumentError"""
    c.ggml_pad(w.ggml, f32(w, 4, 2), -8, 0, 0, 0)


def right_pad(c: Any, w: World) -> None:
    rows = w.floats(1, 2, 3)
    padded = [
        c.ggml_pad(w.ggml, rows, 2, 0, 0, 0),
        c.ggml_pad(w.ggml, rows, -1, 0, 0, 0),
        c.ggml_pad_ext_circular(w.ggml, rows, 1, 1, 0, 0, 0, 0, 0, 0),
    ]
    assert compute(w, *padded) == lib.GGML_STATUS_SUCCESS
    assert [values(w, each) for each in padded] == [[1, 2, 3, 0, 0], [1, 2], [3, 1, 2, 3, 1]]


def wrong_arange_that_stands_still(c: Any, w: World) -> None:
    """ggml_arange: InvalidArgumentError"""
    c.ggml_arange(w.ggml, 0.0, 1.0, 0.0)


def wrong_arange_backwards(c: Any, w: World) -> None:
    """ggml_arange: InvalidArgumentError"""
    c.ggml_arange(w.ggml, 0.0, 1.0, -0.5)


def wrong_arange_to_nowhere(c: Any, w: World) -> None:
    """ggml_arange: NativeAssertionError"""
    c.ggml_arange(w.ggml, 1.0, 1.0, 0.5)


def right_arange(c: Any, w: World) -> None:
    numbers = c.ggml_arange(w.ggml, 0.0, 2.0, 0.5)
    assert compute(w, numbers) == lib.GGML_STATUS_SUCCESS
    assert values(w, numbers) == [0, 0.5, 1, 1.5]


def wrong_win_part_without_width(c: Any, w: World) -> None:
    """ggml_win_part: InvalidArgumentError"""
    c.ggml_win_part(w.ggml, f32(w, 4, 4, 4), 0)


def wrong_win_unpart_of_too_few_windows(c: Any, w: World) -> None:
    """ggml_win_unpart: InvalidArgumentError"""
    c.ggml_win_unpart(w.ggml, f32(w, 4, 2, 2, 1), 64, 64, 2)


def wrong_timestep_embedding_of_negative_length(c: Any, w: World) -> None:
    """ggml_timestep_embedding: InvalidArgumentError"""
    c.ggml_timestep_embedding(w.ggml, f32(w, 2), -8, 10000)


def wrong_flash_attn_with_fewer_values_than_keys(c: Any, w: World) -> None:
    """ggml_flash_attn_ext: InvalidArgumentError"""
    c.ggml_flash_attn_ext(w.ggml, f32(w, 8, 2, 1), f32(w, 8, 4, 1), f32(w, 8, 3, 1), ffi.NULL, 1.0, 0.0, 0.0)


def wrong_flash_attn_with_a_mask_too_small(c: Any, w: World) -> None:
    """ggml_flash_attn_ext: InvalidArgumentError"""
    mask = w.tensor(lib.GGML_TYPE_F16, 4, 1)
    c.ggml_flash_attn_ext(w.ggml, f32(w, 8, 2, 1), f32(w, 8, 4, 1), f32(w, 8, 4, 1), mask, 1.0, 0.0, 0.0)


def wrong_rwkv_with_no_sequences(c: Any, w: World) -> None:
    """ggml_rwkv_wkv6: InvalidArgumentError"""
    part = f32(w, 4, 2, 3)
    c.ggml_rwkv_wkv6(w.ggml, part, part, part, f32(w, 4, 2), part, f32(w, 32, 2))


def wrong_silu_back_of_other_shape(c: Any, w: World) -> None:
    """ggml_silu_back: InvalidArgumentError"""
    c.ggml_silu_back(w.ggml, f32(w, 64, 64), f32(w, 4))


def wrong_custom_operation_is_null(c: Any, w: World) -> None:
    """ggml_map_custom1: InvalidArgumentError"""
    c.ggml_map_custom1(w.ggml, f32(w, 4), ffi.NULL, 1, ffi.NULL)


def wrong_custom_operation_for_no_threads(c: Any, w: World) -> None:
    """ggml_map_custom1: NativeAssertionError"""
    fun = w.keep(ffi.callback("ggml_custom1_op_t", lambda *_: None))
    c.ggml_map_custom1(w.ggml, f32(w, 4), fun, 0, ffi.NULL)


def wrong_custom_operation_with_a_source_null(c: Any, w: World) -> None:
    """ggml_custom_4d: InvalidArgumentError"""
    fun = w.keep(ffi.callback("ggml_custom_op_t", lambda *_: None))
    sources = ffi.new("struct ggml_tensor *[]", [f32(w, 4), ffi.NULL])
    c.ggml_custom_4d(w.ggml, lib.GGML_TYPE_F32, 4, 1, 1, 1, sources, 2, fun, 1, ffi.NULL)


def wrong_custom_operation_with_too_many_sources(c: Any, w: World) -> None:
    """ggml_custom_4d: InvalidArgumentError"""
    fun = w.keep(ffi.callback("ggml_custom_op_t", lambda *_: None))
    sources = ffi.new("struct ggml_tensor *[]", [f32(w, 4)] * 40)
    c.ggml_custom_4d(w.ggml, lib.GGML_TYPE_F32, 4, 1, 1, 1, sources, 40, fun, 1, ffi.NULL)


def right_custom_operation(c: Any, w: World) -> None:
    def double(dst: Any, a: Any, ith: int, nth: int, user_data: Any) -> None:
        for i in range(4):
            ffi.cast("float *", dst.data)[i] = 2 * ffi.cast("float *", a.data)[i]

    fun = ffi.callback("ggml_custom1_op_t", double)
    doubled = c.ggml_map_custom1(w.ggml, w.floats(1, 2, 3, 4), fun, 1, ffi.NULL)
    graph = w.graph(doubled)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 1) == lib.GGML_STATUS_SUCCESS
    assert values(w, doubled) == [2, 4, 6, 8]


# ---- graphs


def wrong_graph_without_room(c: Any, w: World) -> None:
    """ggml_new_graph: InvalidArgumentError"""
    c.ggml_new_graph(context(w, 1024))


def wrong_graph_of_absurd_size(c: Any, w: World) -> None:
    """ggml_new_graph_custom: InvalidArgumentError"""
    c.ggml_new_graph_custom(w.ggml, 2**61, False)


def wrong_graph_dup_without_room(c: Any, w: World) -> None:
    """ggml_graph_dup: InvalidArgumentError"""
    c.ggml_graph_dup(context(w, 1024), w.graph(), False)


def wrong_graph_dup_without_room_for_gradients(c: Any, w: World) -> None:
    """ggml_graph_dup: InvalidArgumentError"""
    graph = lib.ggml_new_graph_custom(w.ggml, 64, True)
    c.ggml_graph_dup(context(w, lib.ggml_graph_overhead_custom(64, False)), graph, False)


def wrong_graph_cpy_to_a_smaller_one(c: Any, w: World) -> None:
    """ggml_graph_cpy: NativeAssertionError"""
    c.ggml_graph_cpy(w.graph(), lib.ggml_new_graph_custom(w.ggml, 0, False))


def wrong_graph_cpy_to_one_in_use(c: Any, w: World) -> None:
    """ggml_graph_cpy: InvalidArgumentError"""
    graph = w.graph()
    copy = lib.ggml_new_graph(w.ggml)
    lib.ggml_graph_cpy(graph, copy)
    c.ggml_graph_cpy(graph, copy)


def wrong_node_past_the_end(c: Any, w: World) -> None:
    """ggml_graph_node: NativeAssertionError"""
    c.ggml_graph_node(w.graph(), 1)


def wrong_node_before_the_start(c: Any, w: World) -> None:
    """ggml_graph_node: NativeAssertionError"""
    c.ggml_graph_node(w.graph(), -2)


def wrong_last_node_of_empty_graph(c: Any, w: World) -> None:
    """ggml_graph_node: NativeAssertionError"""
    c.ggml_graph_node(lib.ggml_new_graph(w.ggml), -1)


def wrong_graph_too_small(c: Any, w: World) -> None:
    """ggml_build_forward_expand: NativeAssertionError"""
    tensor = f32(w, 4)
    for _ in range(100):
        tensor = lib.ggml_sqr(w.ggml, tensor)
    c.ggml_build_forward_expand(lib.ggml_new_graph_custom(w.ggml, 16, False), tensor)


def wrong_graph_too_deep(c: Any, w: World) -> None:
    """ggml_build_forward_expand: InvalidArgumentError"""
    ctx = context(w, 600 << 20, no_alloc=True)
    tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 1)
    for _ in range(400_000):
        tensor = lib.ggml_sqr(ctx, tensor)
    c.ggml_build_forward_expand(lib.ggml_new_graph_custom(ctx, 1 << 20, False), tensor)


def wrong_graph_too_deep_from_where_it_is(c: Any, w: World) -> None:
    """ggml_build_forward_expand: InvalidArgumentError"""
    ctx = context(w, 600 << 20, no_alloc=True)
    graph = lib.ggml_new_graph_custom(ctx, 1 << 20, False)
    tensor = lib.ggml_sqr(ctx, lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 1))
    lib.ggml_build_forward_expand(graph, tensor)
    for _ in range(400_000):
        tensor = lib.ggml_sqr(ctx, tensor)
    c.ggml_build_forward_expand(graph, tensor)


def right_long_chain_bit_by_bit(c: Any, w: World) -> None:
    ctx = context(w, 64 << 20, no_alloc=True)
    graph = c.ggml_new_graph_custom(ctx, 1 << 16, False)
    for _ in range(2):
        tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 1)
        for _ in range(40_000):
            tensor = lib.ggml_sqr(ctx, tensor)
            lib.ggml_build_forward_expand(graph, tensor)
        assert c.ggml_graph_n_nodes(graph) == 40_000
        c.ggml_graph_clear(graph)
    assert c.ggml_graph_n_nodes(graph) == 0


def wrong_graph_of_a_freed_context(c: Any, w: World) -> None:
    """ggml_graph_n_nodes: FreedHandleError"""
    ctx = context(w)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_free(ctx)
    c.ggml_graph_n_nodes(graph)


def wrong_graph_with_tensors_of_a_freed_context(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: FreedHandleError"""
    ctx = context(w)
    graph = w.graph(lib.ggml_sqr(w.ggml, lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)))
    lib.ggml_free(ctx)
    c.ggml_graph_compute_with_ctx(w.ggml, graph, 1)


def wrong_print_of_a_graph_with_freed_tensors(c: Any, w: World) -> None:
    """ggml_graph_print: FreedHandleError"""
    ctx = context(w)
    graph = w.graph(lib.ggml_sqr(w.ggml, lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)))
    lib.ggml_free(ctx)
    c.ggml_graph_print(graph)


def wrong_dump_to_no_file(c: Any, w: World) -> None:
    """ggml_graph_dump_dot: NativeAssertionError"""
    c.ggml_graph_dump_dot(w.graph(), ffi.NULL, b"/no such folder/graph.dot")


def wrong_reset_of_a_graph_without_gradients(c: Any, w: World) -> None:
    """ggml_graph_reset: NativeAssertionError"""
    c.ggml_graph_reset(w.graph())


def wrong_backward_without_parameters(c: Any, w: World) -> None:
    """ggml_build_backward_expand: NativeAssertionError"""
    graph = lib.ggml_new_graph_custom(w.ggml, 64, True)
    lib.ggml_build_forward_expand(graph, lib.ggml_sqr(w.ggml, f32(w, 1)))
    c.ggml_build_backward_expand(w.ggml, graph, ffi.NULL)


def wrong_backward_without_gradients(c: Any, w: World) -> None:
    """ggml_build_backward_expand: NativeAssertionError"""
    c.ggml_build_backward_expand(w.ggml, w.graph(), ffi.NULL)


def wrong_select_of_a_tensor_that_is_null(c: Any, w: World) -> None:
    """ggml_build_forward_select: InvalidArgumentError"""
    tensors = ffi.new("struct ggml_tensor *[]", [f32(w, 4), ffi.NULL])
    c.ggml_build_forward_select(lib.ggml_new_graph(w.ggml), tensors, 2, 0)


def wrong_select_of_none(c: Any, w: World) -> None:
    """ggml_build_forward_select: NativeAssertionError"""
    tensors = ffi.new("struct ggml_tensor *[]", [f32(w, 4)])
    c.ggml_build_forward_select(lib.ggml_new_graph(w.ggml), tensors, 1, 1)


def right_graphs(c: Any, w: World) -> None:
    total = lib.ggml_add(w.ggml, w.floats(1, 2), w.floats(3, 4))
    lib.ggml_set_name(total, b"total")
    graph = c.ggml_new_graph(w.ggml)
    c.ggml_build_forward_expand(graph, total)
    copy = c.ggml_graph_dup(w.ggml, graph, False)
    other = c.ggml_new_graph(w.ggml)
    c.ggml_graph_cpy(graph, other)
    assert c.ggml_graph_get_tensor(other, b"total") == c.ggml_graph_node(copy, -1) == total
    assert c.ggml_graph_nodes(graph)[0] == total
    c.ggml_graph_print(graph)
    path = w.path("graph.dot")
    c.ggml_graph_dump_dot(graph, ffi.NULL, path)
    assert b"digraph" in (w.tmp / "graph.dot").read_bytes()
    c.ggml_graph_clear(other)
    assert c.ggml_graph_n_nodes(other) == 0
    c.ggml_graph_cpy(graph, other)
    c.ggml_graph_reset(ffi.NULL)


def right_gradients(c: Any, w: World) -> None:
    weights = w.floats(1, 2, 3)
    c.ggml_set_param(weights)
    loss = c.ggml_sum(w.ggml, c.ggml_sqr(w.ggml, weights))
    c.ggml_set_loss(loss)
    graph = c.ggml_new_graph_custom(w.ggml, 256, True)
    c.ggml_build_forward_expand(graph, loss)
    c.ggml_build_backward_expand(w.ggml, graph, ffi.NULL)
    c.ggml_graph_reset(graph)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 2) == lib.GGML_STATUS_SUCCESS
    assert values(w, c.ggml_graph_get_grad(graph, weights)) == [2, 4, 6]


def right_long_chain(c: Any, w: World) -> None:
    ctx = context(w, 32 << 20, no_alloc=True)
    tensor = lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 1)
    for _ in range(20_000):
        tensor = lib.ggml_sqr(ctx, tensor)
    graph = lib.ggml_new_graph_custom(ctx, 1 << 15, False)
    c.ggml_build_forward_expand(graph, tensor)
    assert c.ggml_graph_n_nodes(graph) == 20_000


# ---- computing


def wrong_compute_without_data(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    c.ggml_graph_compute_with_ctx(w.ggml, unallocated(w)[2], 1)


def wrong_compute_with_a_source_without_data(c: Any, w: World) -> None:
    """ggml_graph_compute: InvalidArgumentError"""
    graph = w.graph(lib.ggml_add(w.ggml, f32(w, 8), unallocated(w)[1]))
    c.ggml_graph_compute(graph, plan_of(w, graph))


def wrong_compute_in_a_freed_buffer(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: FreedHandleError"""
    ctx, _, graph = unallocated(w)
    lib.ggml_backend_buffer_free(lib.ggml_backend_alloc_ctx_tensors(ctx, w.backend))
    c.ggml_graph_compute_with_ctx(w.ggml, graph, 1)


def wrong_compute_in_a_freed_allocator(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: FreedHandleError"""
    graph = unallocated(w)[2]
    galloc = lib.ggml_gallocr_new(w.buffer_type)
    assert lib.ggml_gallocr_alloc_graph(galloc, graph)
    lib.ggml_gallocr_free(galloc)
    c.ggml_graph_compute_with_ctx(w.ggml, graph, 1)


def wrong_compute_of_a_type_without_kernel(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    integers = w.tensor(lib.GGML_TYPE_I32, 4)
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(lib.ggml_add(w.ggml, integers, integers)), 1)


def wrong_compute_of_half_precision_without_kernel(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    rows = lib.ggml_sum_rows(w.ggml, w.tensor(lib.GGML_TYPE_F16, 4, 2))
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(rows), 2)


def wrong_compute_of_transposed_without_kernel(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    turned = lib.ggml_transpose(w.ggml, f32(w, 4, 2))
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(lib.ggml_sqr(w.ggml, turned)), 2)


def wrong_compute_of_quantized_second_factor(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    product = lib.ggml_mul_mat(w.ggml, f32(w, 32, 2), w.tensor(lib.GGML_TYPE_Q4_0, 32, 2))
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(product), 2)


def wrong_compute_of_copy_to_what_can_only_be_read(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(lib.ggml_cast(w.ggml, f32(w, 256), lib.GGML_TYPE_IQ2_XXS)), 1)


def wrong_compute_of_rows_counted_wrongly(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    numbers = w.tensor(lib.GGML_TYPE_I32, 8, 4, 3, 2)
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(lib.ggml_count_equal(w.ggml, numbers, numbers)), 2)


def wrong_compute_of_permuted_argsort(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    turned = lib.ggml_permute(w.ggml, f32(w, 8, 3, 4, 2), 0, 2, 1, 3)
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(lib.ggml_argsort(w.ggml, turned, 0)), 2)


def wrong_compute_of_rows_that_are_not_there(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    rows = lib.ggml_get_rows(w.ggml, f32(w, 4, 3), i32(w, 0, 3))
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(rows), 2)


def wrong_compute_of_negative_rows(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    rows = lib.ggml_set_rows(w.ggml, f32(w, 4, 3), f32(w, 4, 1), i32(w, -1))
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(rows), 2)


def wrong_compute_of_experts_that_are_not_there(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    ids = lib.ggml_reshape_2d(w.ggml, i32(w, 0, 9), 2, 1)
    product = lib.ggml_mul_mat_id(w.ggml, f32(w, 4, 2, 3), f32(w, 4, 2, 1), ids)
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(product), 2)


def wrong_compute_without_room_to_work(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    graph = w.graph(lib.ggml_soft_max(w.ggml, f32(w, 4096)))
    c.ggml_graph_compute_with_ctx(context(w, 1024), graph, 2)


def wrong_compute_by_too_many_threads(c: Any, w: World) -> None:
    """ggml_graph_compute_with_ctx: InvalidArgumentError"""
    c.ggml_graph_compute_with_ctx(w.ggml, w.graph(), 100_000)


def wrong_plan_for_too_many_threads(c: Any, w: World) -> None:
    """ggml_graph_plan: InvalidArgumentError"""
    c.ggml_graph_plan(w.graph(), 2**31 - 1, ffi.NULL)


def wrong_plan_of_what_has_no_kernel(c: Any, w: World) -> None:
    """ggml_graph_plan: InvalidArgumentError"""
    c.ggml_graph_plan(w.graph(lib.ggml_sum(w.ggml, w.tensor(lib.GGML_TYPE_Q4_0, 32))), 1, ffi.NULL)


def wrong_compute_without_work_data(c: Any, w: World) -> None:
    """ggml_graph_compute: InvalidArgumentError"""
    graph = w.graph(lib.ggml_soft_max(w.ggml, f32(w, 64)))
    plan = ffi.new("struct ggml_cplan *", lib.ggml_graph_plan(graph, 2, ffi.NULL))
    assert plan.work_size
    c.ggml_graph_compute(graph, plan)


def wrong_compute_with_too_little_work_data(c: Any, w: World) -> None:
    """ggml_graph_compute: InvalidArgumentError"""
    graph = w.graph(lib.ggml_soft_max(w.ggml, f32(w, 64)))
    plan = plan_of(w, graph)
    plan.work_size = 1
    c.ggml_graph_compute(graph, plan)


def wrong_compute_with_an_empty_plan(c: Any, w: World) -> None:
    """ggml_graph_compute: InvalidArgumentError"""
    c.ggml_graph_compute(w.graph(), ffi.new("struct ggml_cplan *"))


def wrong_compute_with_another_graphs_plan(c: Any, w: World) -> None:
    """ggml_graph_compute: InvalidArgumentError"""
    plan = plan_of(w, w.graph())
    c.ggml_graph_compute(w.graph(lib.ggml_soft_max(w.ggml, f32(w, 4096))), plan)


def wrong_compute_in_a_freed_threadpool(c: Any, w: World) -> None:
    """ggml_graph_compute: FreedHandleError"""
    graph, threads = w.graph(), pool(w)
    plan = plan_of(w, graph, 2, threads)
    lib.ggml_threadpool_free(threads)
    c.ggml_graph_compute(graph, plan)


def wrong_plan_for_more_threads_than_the_pool_has(c: Any, w: World) -> None:
    """ggml_graph_plan: InvalidArgumentError"""
    c.ggml_graph_plan(w.graph(), 8, pool(w, 2))


def wrong_compute_with_more_threads_than_the_pool_has(c: Any, w: World) -> None:
    """ggml_graph_compute: InvalidArgumentError"""
    graph = w.graph()
    plan = plan_of(w, graph, 1, pool(w, 1))
    plan.n_threads = 8
    c.ggml_graph_compute(graph, plan)


def right_compute(c: Any, w: World) -> None:
    a, b = w.floats(*range(64)), w.floats(*[1.0] * 64)
    soft, product = c.ggml_soft_max(w.ggml, a), c.ggml_mul_mat(w.ggml, a, b)
    graph = w.graph(soft, product)
    threads = pool(w)
    for pool_ in (ffi.NULL, threads):
        for n in (-1, 0, 1, 2):
            plan = ffi.new("struct ggml_cplan *", c.ggml_graph_plan(graph, n, pool_))
            plan.work_data = work = ffi.new("uint8_t[]", plan.work_size)
            assert c.ggml_graph_compute(graph, plan) == lib.GGML_STATUS_SUCCESS
            assert values(w, product) == [2016]
            del work
    c.ggml_threadpool_free(threads)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 0) == lib.GGML_STATUS_SUCCESS


def right_compute_of_many_kinds(c: Any, w: World) -> None:
    ctx, matrix, half = w.ggml, f32(w, 32, 4), w.tensor(lib.GGML_TYPE_F16, 32, 4)
    quantized = c.ggml_cast(ctx, matrix, lib.GGML_TYPE_Q8_0)
    results = [
        c.ggml_add(ctx, half, matrix),
        c.ggml_mul_mat(ctx, half, matrix),
        c.ggml_mul_mat(ctx, quantized, matrix),
        c.ggml_mul_mat(ctx, matrix, half),
        c.ggml_cont(ctx, c.ggml_transpose(ctx, matrix)),
        c.ggml_cast(ctx, quantized, lib.GGML_TYPE_F32),
        c.ggml_get_rows(ctx, quantized, i32(w, 3, 0)),
        c.ggml_gelu(ctx, half),
        c.ggml_swiglu(ctx, matrix),
        c.ggml_rms_norm(ctx, matrix, 1e-6),
        c.ggml_sum_rows(ctx, matrix),
        c.ggml_argsort(ctx, matrix, lib.GGML_SORT_ORDER_ASC),
        c.ggml_pool_1d(ctx, matrix, lib.GGML_OP_POOL_AVG, 2, 2, 0),
        c.ggml_conv_1d(ctx, w.tensor(lib.GGML_TYPE_F16, 3, 4, 2), matrix, 1, 0, 1),
        c.ggml_concat(ctx, matrix, matrix, 1),
        c.ggml_upscale(ctx, matrix, 2, lib.GGML_SCALE_MODE_BILINEAR),
        c.ggml_flash_attn_ext(ctx, matrix, half, half, ffi.NULL, 1.0, 0.0, 0.0),
        c.ggml_set_rows(ctx, half, matrix, i32(w, 0, 1, 2, 3)),
    ]
    assert compute(w, *results) == lib.GGML_STATUS_SUCCESS


def right_compute_of_strided(c: Any, w: World) -> None:
    rows = c.ggml_view_4d(w.ggml, f32(w, 12, 4, 3, 2), 8, 4, 3, 2, 48, 192, 576, 0)
    results = [
        c.ggml_sqr(w.ggml, rows),
        c.ggml_l2_norm(w.ggml, c.ggml_transpose(w.ggml, rows), 1e-6),
        c.ggml_norm(w.ggml, c.ggml_permute(w.ggml, rows, 0, 2, 1, 3), 1e-6),
        c.ggml_pool_2d(w.ggml, rows, lib.GGML_OP_POOL_MAX, 2, 2, 2, 2, 0, 0),
        c.ggml_diag_mask_inf_inplace(w.ggml, rows, 0),
        c.ggml_soft_max(w.ggml, c.ggml_cont(w.ggml, rows)),
        c.ggml_mul_mat(w.ggml, rows, rows),
    ]
    assert compute(w, *results) == lib.GGML_STATUS_SUCCESS


def right_rows_numbered_by_the_graph(c: Any, w: World) -> None:
    numbers = i32(w, 99, 99)  # wrong, until the graph has written others over them
    wanted = c.ggml_cpy(w.ggml, i32(w, 2, 0), numbers)
    rows = c.ggml_get_rows(w.ggml, lib.ggml_reshape_2d(w.ggml, w.floats(5, 6, 7), 1, 3), numbers)
    graph = c.ggml_new_graph(w.ggml)
    c.ggml_build_forward_expand(graph, wanted)
    c.ggml_build_forward_expand(graph, rows)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 1) == lib.GGML_STATUS_SUCCESS
    assert values(w, rows) == [7, 5]


# ---- threadpools and the CPU backend


def wrong_threadpool_of_no_threads(c: Any, w: World) -> None:
    """ggml_threadpool_new: InvalidArgumentError"""
    c.ggml_threadpool_new(ffi.new("struct ggml_threadpool_params *", lib.ggml_threadpool_params_default(0)))


def wrong_threadpool_of_too_many_threads(c: Any, w: World) -> None:
    """ggml_threadpool_new: InvalidArgumentError"""
    c.ggml_threadpool_new(ffi.new("struct ggml_threadpool_params *", lib.ggml_threadpool_params_default(10**6)))


def wrong_threadpool_of_no_priority(c: Any, w: World) -> None:
    """ggml_threadpool_new: InvalidArgumentError"""
    params = ffi.new("struct ggml_threadpool_params *", lib.ggml_threadpool_params_default(1))
    params.prio = 77
    c.ggml_threadpool_new(params)


def wrong_threadpool_freed_twice(c: Any, w: World) -> None:
    """ggml_threadpool_free: FreedHandleError"""
    threads = pool(w)
    lib.ggml_threadpool_free(threads)
    c.ggml_threadpool_free(threads)


def wrong_pause_of_a_freed_threadpool(c: Any, w: World) -> None:
    """ggml_threadpool_pause: FreedHandleError"""
    threads = pool(w)
    lib.ggml_threadpool_free(threads)
    c.ggml_threadpool_pause(threads)


def wrong_free_of_a_backends_threadpool(c: Any, w: World) -> None:
    """ggml_threadpool_free: FreedHandleError"""
    threads = pool(w, 4)
    lib.ggml_backend_cpu_set_threadpool(w.backend, threads)
    c.ggml_threadpool_free(threads)


def wrong_backend_with_more_threads_than_its_pool(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError"""
    backend = lib.ggml_backend_cpu_init()
    lib.ggml_backend_cpu_set_threadpool(backend, pool(w, 2))
    lib.ggml_backend_cpu_set_n_threads(backend, 8)
    c.ggml_backend_graph_compute(backend, w.graph())


def wrong_compute_in_a_threadpool_that_is_at_work(c: Any, w: World) -> None:
    """ggml_graph_compute: BusyError"""
    threads, started = pool(w), threading.Event()

    def at_work(_: Any) -> bool:
        started.set()
        time.sleep(0.5)
        return False

    callback = w.keep(ffi.callback("ggml_abort_callback", at_work))
    one = plan_of(w, w.graph(), 1, threads)
    one.abort_callback = callback
    other = plan_of(w, w.graph(), 1, threads)
    graphs = w.graph(), w.graph()
    thread = threading.Thread(target=lib.ggml_graph_compute, args=(graphs[0], one), daemon=True)
    thread.start()
    started.wait()
    c.ggml_graph_compute(graphs[1], other)


def wrong_decode_with_more_threads_than_the_pool_has(c: Any, w: World) -> None:
    """llama_decode: InvalidArgumentError"""
    ctx = w.context()
    lib.llama_attach_threadpool(ctx, pool(w, 2), ffi.NULL)
    lib.llama_set_n_threads(ctx, 8, 8)
    c.llama_decode(ctx, w.batch(w.tokens))


def wrong_schedule_with_more_threads_than_the_pool_has(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    backend, graph = lib.ggml_backend_cpu_init(), unallocated(w)[2]
    lib.ggml_backend_cpu_set_n_threads(backend, 8)
    lib.ggml_backend_cpu_set_threadpool(backend, pool(w, 2))
    backends = ffi.new("ggml_backend_t[]", [backend])
    sched = lib.ggml_backend_sched_new(backends, ffi.NULL, 1, 64, False, False)
    lib.ggml_backend_sched_alloc_graph(sched, graph)
    c.ggml_backend_sched_graph_compute(sched, graph)


def right_threadpool_of_two_contexts(c: Any, w: World) -> None:
    threads, contexts = pool(w, 2), [w.context(), w.context()]
    for ctx in contexts:
        c.llama_attach_threadpool(ctx, threads, ffi.NULL)
    for ctx in contexts:
        assert c.llama_decode(ctx, w.batch(w.tokens)) == 0
        c.llama_free(ctx)
    c.ggml_threadpool_free(threads)


def wrong_backend_with_too_many_threads(c: Any, w: World) -> None:
    """ggml_backend_cpu_set_n_threads: InvalidArgumentError"""
    c.ggml_backend_cpu_set_n_threads(w.backend, 100_000)


def wrong_numa_strategy(c: Any, w: World) -> None:
    """ggml_numa_init: InvalidArgumentError"""
    c.ggml_numa_init(lib.GGML_NUMA_STRATEGY_COUNT)


def right_threadpools(c: Any, w: World) -> None:
    threads, backend = pool(w), c.ggml_backend_cpu_init()
    c.ggml_backend_cpu_set_n_threads(backend, 2)
    c.ggml_backend_cpu_set_threadpool(backend, threads)
    assert c.ggml_backend_graph_compute(backend, w.graph()) == lib.GGML_STATUS_SUCCESS
    c.ggml_threadpool_pause(threads)
    c.ggml_threadpool_resume(threads)
    c.ggml_backend_cpu_set_threadpool(backend, ffi.NULL)
    c.ggml_threadpool_free(threads)
    assert c.ggml_backend_graph_compute(backend, w.graph()) == lib.GGML_STATUS_SUCCESS
    assert c.ggml_backend_is_cpu(backend)
    assert not c.ggml_backend_is_cpu(ffi.NULL)
    c.ggml_backend_free(backend)
    c.ggml_threadpool_free(ffi.NULL)


# ---- allocators


def wrong_tensor_larger_than_the_buffer(c: Any, w: World) -> None:
    """ggml_tallocr_alloc: NativeAssertionError"""
    allocator = ffi.new("struct ggml_tallocr *", lib.ggml_tallocr_new(w.buffer))
    c.ggml_tallocr_alloc(allocator, lib.ggml_new_tensor_1d(w.ggml_no_alloc, lib.GGML_TYPE_F32, 1 << 20))


def wrong_tallocr_that_is_empty(c: Any, w: World) -> None:
    """ggml_tallocr_alloc: InvalidArgumentError"""
    c.ggml_tallocr_alloc(ffi.new("struct ggml_tallocr *"), unallocated(w)[1])


def wrong_tallocr_of_a_freed_buffer(c: Any, w: World) -> None:
    """ggml_tallocr_alloc: InvalidArgumentError | FreedHandleError"""
    buffer = lib.ggml_backend_buft_alloc_buffer(w.buffer_type, 4096)
    allocator = ffi.new("struct ggml_tallocr *", lib.ggml_tallocr_new(buffer))
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_tallocr_alloc(allocator, unallocated(w)[1])


def wrong_gallocr_of_no_buffer_types(c: Any, w: World) -> None:
    """ggml_gallocr_new_n: InvalidArgumentError"""
    c.ggml_gallocr_new_n(ffi.new("ggml_backend_buffer_type_t[]", [w.buffer_type]), 0)


def wrong_gallocr_of_a_buffer_type_that_is_null(c: Any, w: World) -> None:
    """ggml_gallocr_new_n: InvalidArgumentError"""
    c.ggml_gallocr_new_n(ffi.new("ggml_backend_buffer_type_t[]", [w.buffer_type, ffi.NULL]), 2)


def wrong_gallocr_freed_twice(c: Any, w: World) -> None:
    """ggml_gallocr_free: FreedHandleError"""
    galloc = lib.ggml_gallocr_new(w.buffer_type)
    lib.ggml_gallocr_free(galloc)
    c.ggml_gallocr_free(galloc)


def wrong_reserve_in_a_buffer_that_is_not_there(c: Any, w: World) -> None:
    """ggml_gallocr_reserve_n: InvalidArgumentError"""
    galloc, graph = lib.ggml_gallocr_new(w.buffer_type), unallocated(w)[2]
    c.ggml_gallocr_reserve_n(galloc, graph, ffi.new("int[]", [1]), ffi.new("int[]", [0]))


def wrong_reserve_leafs_in_a_buffer_that_is_not_there(c: Any, w: World) -> None:
    """ggml_gallocr_reserve_n: InvalidArgumentError"""
    galloc, graph = lib.ggml_gallocr_new(w.buffer_type), unallocated(w)[2]
    c.ggml_gallocr_reserve_n(galloc, graph, ffi.NULL, ffi.new("int[]", [-1]))


def wrong_gallocr_that_only_counted(c: Any, w: World) -> None:
    """ggml_gallocr_alloc_graph: InvalidArgumentError"""
    galloc, graph = lib.ggml_gallocr_new(w.buffer_type), unallocated(w)[2]
    lib.ggml_gallocr_reserve_n_size(galloc, graph, ffi.NULL, ffi.NULL, ffi.new("size_t[1]"))
    c.ggml_gallocr_alloc_graph(galloc, graph)


def wrong_gallocr_buffer_that_is_not_there(c: Any, w: World) -> None:
    """ggml_gallocr_get_buffer_size: NativeAssertionError"""
    c.ggml_gallocr_get_buffer_size(lib.ggml_gallocr_new(w.buffer_type), 1)


def wrong_alloc_of_a_graph_with_freed_tensors(c: Any, w: World) -> None:
    """ggml_gallocr_alloc_graph: FreedHandleError"""
    ctx = context(w)
    graph = w.graph(lib.ggml_sqr(w.ggml, lib.ggml_new_tensor_1d(ctx, lib.GGML_TYPE_F32, 4)))
    galloc = lib.ggml_gallocr_new(w.buffer_type)
    lib.ggml_free(ctx)
    c.ggml_gallocr_alloc_graph(galloc, graph)


def wrong_alloc_of_tensors_that_have_data(c: Any, w: World) -> None:
    """ggml_backend_alloc_ctx_tensors: NativeAssertionError"""
    c.ggml_backend_alloc_ctx_tensors(w.ggml, w.backend)


def right_allocators(c: Any, w: World) -> None:
    _, tensor, graph = unallocated(w)
    sizes = ffi.new("size_t[1]")
    galloc = c.ggml_gallocr_new(w.buffer_type)
    c.ggml_gallocr_reserve_n_size(galloc, graph, ffi.NULL, ffi.NULL, sizes)
    assert c.ggml_gallocr_reserve(galloc, graph)
    assert c.ggml_gallocr_alloc_graph(galloc, graph)
    assert c.ggml_gallocr_get_buffer_size(galloc, 0) >= sizes[0] > 0
    c.ggml_set_f32(tensor, 3.0)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 1) == lib.GGML_STATUS_SUCCESS
    assert c.ggml_get_f32_1d(c.ggml_graph_node(graph, -1), 7) == 9.0
    c.ggml_gallocr_free(galloc)
    c.ggml_gallocr_free(ffi.NULL)


def right_multi_buffer_allocator(c: Any, w: World) -> None:
    graph = unallocated(w)[2]
    galloc = c.ggml_gallocr_new_n(ffi.new("ggml_backend_buffer_type_t[]", [w.buffer_type] * 2), 2)
    assert not c.ggml_gallocr_alloc_graph(galloc, graph)  # C says so: reserve first
    assert c.ggml_gallocr_reserve_n(galloc, graph, ffi.new("int[]", [1]), ffi.new("int[]", [0]))
    assert c.ggml_gallocr_alloc_graph(galloc, graph)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 1) == lib.GGML_STATUS_SUCCESS
    c.ggml_gallocr_free(galloc)


def right_tensors_in_a_buffer(c: Any, w: World) -> None:
    ctx, tensor, graph = unallocated(w)
    buffer = c.ggml_backend_alloc_ctx_tensors_from_buft(ctx, w.buffer_type)
    assert buffer
    assert not c.ggml_backend_alloc_ctx_tensors_from_buft(ctx, w.buffer_type)  # all have their data
    c.ggml_set_f32(tensor, 2.0)
    assert c.ggml_graph_compute_with_ctx(w.ggml, graph, 1) == lib.GGML_STATUS_SUCCESS
    c.ggml_free(ctx)
    c.ggml_backend_buffer_free(buffer)
