"""Wrong and right calls of ggml-backend.h, ggml-opt.h, ggml-rpc.h and the other backends' headers."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from typing import Any

from llamacffi import ffi, lib
from world import World

HUGE = 2**62


# --- what the cases are made of ---------------------------------------------------------------------------------------


def no_alloc(w: World, size: int = 1 << 20) -> Any:
    """A context for tensors without data."""
    return lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": size, "no_alloc": True})[0])


def new_tensor(w: World, ctx: Any, *ne: int, type_: Any = None) -> Any:
    type_ = lib.GGML_TYPE_F32 if type_ is None else type_
    return lib.ggml_new_tensor(ctx, type_, len(ne), ffi.new("int64_t[]", ne))


def allocated(w: World, *ne: int, type_: Any = None) -> tuple[Any, Any]:
    """A tensor in a buffer of the CPU's backend, and the buffer."""
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, *ne, type_=type_)
    return tensor, lib.ggml_backend_alloc_ctx_tensors(ctx, w.backend)


def filled(w: World, *values: float) -> Any:
    tensor, _ = allocated(w, len(values))
    lib.ggml_backend_tensor_set(tensor, ffi.new("float[]", values), 0, 4 * len(values))
    return tensor


def values(w: World, tensor: Any) -> list[float]:
    data = ffi.new("float[]", lib.ggml_nelements(tensor))
    lib.ggml_backend_tensor_get(tensor, data, 0, lib.ggml_nbytes(tensor))
    return list(data)


def sum_graph(w: World, n: int = 2) -> tuple[Any, Any, Any]:
    """A graph without memory that adds filled tensors of n ones; the sum; and its context."""
    ctx = no_alloc(w)
    ones = filled(w, *[1.0] * n)
    total = lib.ggml_add(ctx, ones, filled(w, *[2.0] * n))
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, total)
    return graph, total, ctx


def backends(w: World, *each: Any) -> Any:
    return ffi.new("ggml_backend_t[]", each)


def repacked(w: World, type_: Any) -> tuple[Any, Any]:
    """A tensor in a buffer in which the CPU keeps a layout of its own, and the buffer; None where there is none."""
    find = lib.ggml_backend_reg_get_proc_address(
        lib.ggml_backend_dev_backend_reg(w.device), b"ggml_backend_dev_get_extra_bufts"
    )
    types = ffi.cast("ggml_backend_buffer_type_t *(*)(ggml_backend_dev_t)", find)(w.device)
    i = 0
    while types[i]:
        if ffi.string(lib.ggml_backend_buft_name(types[i])) == b"CPU_REPACK":
            ctx = no_alloc(w)
            tensor = new_tensor(w, ctx, 256, 256, type_=type_)
            return tensor, lib.ggml_backend_alloc_ctx_tensors_from_buft(ctx, types[i])
        i += 1
    return None, None


class Net:
    """A linear model: 4 datapoints of 3 numbers to 4 of 2, parameters of 3 times 2."""

    def __init__(self, w: World, n: int = 4, weight: Any = None, sched: Any = None) -> None:
        self.w = w
        self.fixed = no_alloc(w)
        self.inputs = new_tensor(w, self.fixed, 3, n)
        self.weight = new_tensor(w, self.fixed, 3, 2, type_=weight)
        lib.ggml_set_input(self.inputs)
        lib.ggml_set_param(self.weight)
        self.buffer = lib.ggml_backend_alloc_ctx_tensors(self.fixed, w.backend)
        self.ctx = no_alloc(w, 16 << 20)
        self.outputs = lib.ggml_mul_mat(self.ctx, self.weight, self.inputs)
        self.sched = sched or lib.ggml_backend_sched_new(
            backends(w, w.backend), ffi.NULL, 1, lib.GGML_DEFAULT_GRAPH_SIZE, False, True
        )

    def params(self, loss: str = "MEAN_SQUARED_ERROR", **fields: Any) -> Any:
        params = lib.ggml_opt_default_params(self.sched, getattr(lib, f"GGML_OPT_LOSS_TYPE_{loss}"))
        params.ctx_compute, params.inputs, params.outputs = self.ctx, self.inputs, self.outputs
        for name, value in fields.items():
            setattr(params, name, value)
        return params

    def opt(self, loss: str = "MEAN_SQUARED_ERROR", **fields: Any) -> Any:
        opt = lib.ggml_opt_init(self.params(loss, **fields))
        assert opt
        return opt

    def dataset(self, ndata: int = 8, shard: int = 1, ne: int = 3, labels: int = 2) -> Any:
        f32 = lib.GGML_TYPE_F32
        dataset = lib.ggml_opt_dataset_init(f32, f32, ne, labels, ndata, shard)
        data = lib.ggml_opt_dataset_data(dataset)
        lib.ggml_backend_tensor_memset(data, 0, 0, lib.ggml_nbytes(data))
        if labels:
            data = lib.ggml_opt_dataset_labels(dataset)
            lib.ggml_backend_tensor_memset(data, 0, 0, lib.ggml_nbytes(data))
        return dataset

    def fit(self, c: Any, dataset: Any, **arguments: Any) -> None:
        given = {
            "sched": self.sched,
            "ctx": self.ctx,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "loss": lib.GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR,
            "optimizer": lib.GGML_OPT_OPTIMIZER_TYPE_ADAMW,
            "pars": ffi.addressof(lib, "ggml_opt_get_default_optimizer_params"),
            "nepoch": 2,
            "nbatch": 4,
            "val_split": 0.0,
            **arguments,
        }
        c.ggml_opt_fit(
            given["sched"], given["ctx"], given["inputs"], given["outputs"], dataset, given["loss"],
            given["optimizer"], given["pars"], given["nepoch"], given["nbatch"], given["val_split"], True,
        )  # fmt: skip


class DynamicNet(Net):
    """The same, with a graph for each evaluation."""

    def opt(self, loss: str = "MEAN_SQUARED_ERROR", **fields: Any) -> Any:
        params = self.params(loss, **fields)
        params.ctx_compute = params.inputs = params.outputs = ffi.NULL
        opt = lib.ggml_opt_init(params)
        assert opt
        return opt

    def graph(self) -> Any:
        graph = lib.ggml_new_graph_custom(self.ctx, lib.GGML_DEFAULT_GRAPH_SIZE, True)
        lib.ggml_build_forward_expand(graph, self.outputs)
        return graph

    def prepare(self, opt: Any) -> None:
        """A new context for a new graph, as it must be for each evaluation."""
        self.ctx = no_alloc(self.w, 16 << 20)
        self.outputs = lib.ggml_mul_mat(self.ctx, self.weight, self.inputs)
        lib.ggml_opt_prepare_alloc(opt, self.ctx, self.graph(), self.inputs, self.outputs)


# --- devices and modules ----------------------------------------------------------------------------------------------


def wrong_device_index(c: Any, w: World) -> None:
    """ggml_backend_dev_get: NativeAssertionError"""
    c.ggml_backend_dev_get(lib.ggml_backend_dev_count())


def wrong_device_index_huge(c: Any, w: World) -> None:
    """ggml_backend_dev_get: NativeAssertionError"""
    c.ggml_backend_dev_get(HUGE)


def wrong_registry_index(c: Any, w: World) -> None:
    """ggml_backend_reg_get: NativeAssertionError"""
    c.ggml_backend_reg_get(lib.ggml_backend_reg_count())


def wrong_device_of_registry(c: Any, w: World) -> None:
    """ggml_backend_reg_dev_get: InvalidArgumentError"""
    c.ggml_backend_reg_dev_get(lib.ggml_backend_dev_backend_reg(w.device), 1)


def wrong_device_of_rpc(c: Any, w: World) -> None:
    """ggml_backend_reg_dev_get: InvalidArgumentError"""
    c.ggml_backend_reg_dev_get(lib.ggml_backend_reg_by_name(b"RPC"), 0)


def wrong_device_null(c: Any, w: World) -> None:
    """ggml_backend_dev_name: InvalidArgumentError"""
    c.ggml_backend_dev_name(ffi.NULL)


def wrong_device_of_unknown_name(c: Any, w: World) -> None:
    """ggml_backend_dev_init: InvalidArgumentError"""
    c.ggml_backend_dev_init(lib.ggml_backend_dev_by_name(b"CUDA0"), ffi.NULL)


def wrong_device_memory_null(c: Any, w: World) -> None:
    """ggml_backend_dev_memory: InvalidArgumentError"""
    c.ggml_backend_dev_memory(w.device, ffi.new("size_t *"), ffi.NULL)


def wrong_device_props_null(c: Any, w: World) -> None:
    """ggml_backend_dev_get_props: InvalidArgumentError"""
    c.ggml_backend_dev_get_props(w.device, ffi.NULL)


def wrong_device_type(c: Any, w: World) -> None:
    """ggml_backend_dev_by_type: InvalidArgumentError"""
    c.ggml_backend_dev_by_type(7)


def wrong_init_name_null(c: Any, w: World) -> None:
    """ggml_backend_init_by_name: InvalidArgumentError"""
    c.ggml_backend_init_by_name(ffi.NULL, ffi.NULL)


def wrong_registry_name_null(c: Any, w: World) -> None:
    """ggml_backend_reg_by_name: InvalidArgumentError"""
    c.ggml_backend_reg_by_name(ffi.NULL)


def wrong_proc_address_null(c: Any, w: World) -> None:
    """ggml_backend_reg_get_proc_address: InvalidArgumentError"""
    c.ggml_backend_reg_get_proc_address(lib.ggml_backend_dev_backend_reg(w.device), ffi.NULL)


def wrong_device_register_null(c: Any, w: World) -> None:
    """ggml_backend_device_register: InvalidArgumentError"""
    c.ggml_backend_device_register(ffi.NULL)


def wrong_unload_cpu(c: Any, w: World) -> None:
    """ggml_backend_unload: InvalidArgumentError"""
    c.ggml_backend_unload(lib.ggml_backend_dev_backend_reg(w.device))


def wrong_unload_null(c: Any, w: World) -> None:
    """ggml_backend_unload: InvalidArgumentError"""
    c.ggml_backend_unload(ffi.NULL)


def wrong_unload_with_model(c: Any, w: World) -> None:
    """ggml_backend_unload: InvalidArgumentError"""
    assert w.model
    c.ggml_backend_unload(lib.ggml_backend_reg_by_name(b"RPC"))


def wrong_unloaded_registry(c: Any, w: World) -> None:
    """ggml_backend_reg_name: FreedHandleError"""
    lib.llama_model_free(w.model)
    del w.__dict__["model"]
    reg = lib.ggml_backend_reg_by_name(b"RPC")
    lib.ggml_backend_unload(reg)
    assert not lib.llamacffi_failed()
    c.ggml_backend_reg_name(reg)


def wrong_load_null(c: Any, w: World) -> None:
    """ggml_backend_load: InvalidArgumentError"""
    c.ggml_backend_load(ffi.NULL)


def wrong_meta_without_devices(c: Any, w: World) -> None:
    """ggml_backend_meta_device: InvalidArgumentError"""
    split = ffi.callback("ggml_backend_meta_get_split_state_t", lambda *_: None, error=None)
    c.ggml_backend_meta_device(ffi.new("ggml_backend_dev_t[]", [w.device]), 0, split, ffi.NULL)


def wrong_meta_of_null(c: Any, w: World) -> None:
    """ggml_backend_meta_device: InvalidArgumentError"""
    split = ffi.cast("ggml_backend_meta_get_split_state_t", 1)
    c.ggml_backend_meta_device(ffi.new("ggml_backend_dev_t[]", [w.device, ffi.NULL]), 2, split, ffi.NULL)


def wrong_meta_without_split(c: Any, w: World) -> None:
    """ggml_backend_meta_device: InvalidArgumentError"""
    c.ggml_backend_meta_device(ffi.new("ggml_backend_dev_t[]", [w.device]), 1, ffi.NULL, ffi.NULL)


def wrong_meta_too_many(c: Any, w: World) -> None:
    """ggml_backend_meta_device: NativeAssertionError"""
    split = ffi.cast("ggml_backend_meta_get_split_state_t", 1)
    c.ggml_backend_meta_device(ffi.new("ggml_backend_dev_t[]", [w.device] * 17), 17, split, ffi.NULL)


def wrong_split_axis(c: Any, w: World) -> None:
    """ggml_backend_meta_split_axis_name: InvalidArgumentError"""
    c.ggml_backend_meta_split_axis_name(5)


def right_devices(c: Any, w: World) -> None:
    assert c.ggml_backend_dev_count() >= 1
    device = c.ggml_backend_dev_get(c.ggml_backend_dev_count() - 1)
    free, total = ffi.new("size_t *"), ffi.new("size_t *")
    c.ggml_backend_dev_memory(device, free, total)
    assert 0 < free[0] <= total[0]
    props = ffi.new("struct ggml_backend_dev_props *")
    c.ggml_backend_dev_get_props(device, props)
    assert ffi.string(props.name) == ffi.string(c.ggml_backend_dev_name(device))
    assert c.ggml_backend_dev_backend_reg(device) == c.ggml_backend_reg_by_name(b"cpu")
    assert not c.ggml_backend_dev_host_buffer_type(device)


def right_unknown_names(c: Any, w: World) -> None:
    assert not c.ggml_backend_dev_by_name(b"no such device")
    assert not c.ggml_backend_reg_by_name(b"no such backend")
    assert not c.ggml_backend_init_by_name(b"no such device", ffi.NULL)
    assert not c.ggml_backend_init_by_type(lib.GGML_BACKEND_DEVICE_TYPE_META, ffi.NULL)
    assert not c.ggml_backend_reg_get_proc_address(lib.ggml_backend_dev_backend_reg(w.device), b"no such function")


def right_backends(c: Any, w: World) -> None:
    for backend in (
        c.ggml_backend_init_best(),
        c.ggml_backend_init_by_name(b"CPU", ffi.NULL),
        c.ggml_backend_init_by_type(lib.GGML_BACKEND_DEVICE_TYPE_CPU, b""),
        c.ggml_backend_dev_init(w.device, ffi.NULL),
    ):
        assert ffi.string(c.ggml_backend_name(backend)) == b"CPU"
        assert c.ggml_backend_guid(backend)
        assert c.ggml_backend_get_device(backend) == w.device
        assert not c.ggml_backend_is_rpc(backend)
        c.ggml_backend_synchronize(backend)
        c.ggml_backend_free(backend)


def right_null_backend(c: Any, w: World) -> None:
    c.ggml_backend_free(ffi.NULL)
    c.ggml_backend_buffer_free(ffi.NULL)
    c.ggml_backend_sched_free(ffi.NULL)
    c.ggml_backend_event_free(ffi.NULL)
    c.ggml_opt_free(ffi.NULL)
    c.ggml_opt_result_free(ffi.NULL)
    assert ffi.string(c.ggml_backend_name(ffi.NULL)) == b"NULL"
    assert not c.ggml_backend_guid(ffi.NULL)
    assert not c.ggml_backend_is_cpu(ffi.NULL)
    assert not c.ggml_backend_event_new(ffi.NULL)
    assert not c.ggml_backend_event_new(w.device)


def right_register_again(c: Any, w: World) -> None:
    count = c.ggml_backend_reg_count()
    c.ggml_backend_register(lib.ggml_backend_dev_backend_reg(w.device))
    c.ggml_backend_device_register(w.device)
    assert c.ggml_backend_reg_count() == count


def right_load_no_library(c: Any, w: World) -> None:
    path = w.tmp / "libggml-nothing.so"
    path.write_bytes(b"no library")
    assert not c.ggml_backend_load(str(path).encode())
    assert not c.ggml_backend_load(w.path("missing.so"))
    c.ggml_backend_load_all_from_path(w.path("missing"))


def right_unload_and_load(c: Any, w: World) -> None:
    import llamacffi

    lib.llama_model_free(w.model)
    del w.__dict__["model"]
    count = c.ggml_backend_reg_count()
    path = next(each.path for each in llamacffi.backends.backends() if each.name == "rpc")
    c.ggml_backend_unload(c.ggml_backend_reg_by_name(b"RPC"))
    assert c.ggml_backend_reg_count() == count - 1
    reg = c.ggml_backend_load(w.path("x").replace(b"x", b"") and llamacffi.native.encode_path(path))
    assert ffi.string(c.ggml_backend_reg_name(reg)) == b"RPC"
    assert c.ggml_backend_reg_count() == count


# --- backends and buffers ---------------------------------------------------------------------------------------------


def wrong_backend_freed(c: Any, w: World) -> None:
    """ggml_backend_synchronize: FreedHandleError"""
    backend = lib.ggml_backend_init_best()
    lib.ggml_backend_free(backend)
    c.ggml_backend_synchronize(backend)


def wrong_backend_freed_twice(c: Any, w: World) -> None:
    """ggml_backend_free: FreedHandleError"""
    backend = lib.ggml_backend_init_best()
    lib.ggml_backend_free(backend)
    c.ggml_backend_free(backend)


def wrong_backend_freed_name(c: Any, w: World) -> None:
    """ggml_backend_name: FreedHandleError"""
    backend = lib.ggml_backend_init_best()
    lib.ggml_backend_free(backend)
    c.ggml_backend_name(backend)


def wrong_backend_null(c: Any, w: World) -> None:
    """ggml_backend_alloc_buffer: InvalidArgumentError"""
    c.ggml_backend_alloc_buffer(ffi.NULL, 64)


def wrong_backend_not_one(c: Any, w: World) -> None:
    """ggml_backend_get_device: FreedHandleError"""
    c.ggml_backend_get_device(ffi.cast("ggml_backend_t", w.keep(ffi.new("char[256]"))))


def wrong_backend_of_scheduler(c: Any, w: World) -> None:
    """ggml_backend_free: FreedHandleError"""
    assert w.sched
    c.ggml_backend_free(w.backend)


def wrong_buffer_freed_twice(c: Any, w: World) -> None:
    """ggml_backend_buffer_free: FreedHandleError"""
    buffer = lib.ggml_backend_alloc_buffer(w.backend, 64)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_buffer_free(buffer)


def wrong_buffer_freed(c: Any, w: World) -> None:
    """ggml_backend_buffer_get_size: FreedHandleError"""
    buffer = lib.ggml_backend_alloc_buffer(w.backend, 64)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_buffer_get_size(buffer)


def wrong_buffer_freed_clear(c: Any, w: World) -> None:
    """ggml_backend_buffer_clear: FreedHandleError"""
    buffer = lib.ggml_backend_alloc_buffer(w.backend, 64)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_buffer_clear(buffer, 0)


def wrong_buffer_null(c: Any, w: World) -> None:
    """ggml_backend_buffer_get_base: InvalidArgumentError"""
    c.ggml_backend_buffer_get_base(ffi.NULL)


def wrong_buffer_usage(c: Any, w: World) -> None:
    """ggml_backend_buffer_set_usage: InvalidArgumentError"""
    c.ggml_backend_buffer_set_usage(w.buffer, 3)


def wrong_buffer_type_null(c: Any, w: World) -> None:
    """ggml_backend_buft_alloc_buffer: InvalidArgumentError"""
    c.ggml_backend_buft_alloc_buffer(ffi.NULL, 64)


def wrong_buffer_from_null(c: Any, w: World) -> None:
    """ggml_backend_cpu_buffer_from_ptr: InvalidArgumentError"""
    c.ggml_backend_cpu_buffer_from_ptr(ffi.NULL, 64)


def wrong_buffer_from_unaligned(c: Any, w: World) -> None:
    """ggml_backend_cpu_buffer_from_ptr: NativeAssertionError"""
    base = ffi.cast("char *", lib.ggml_backend_buffer_get_base(w.buffer))
    c.ggml_backend_cpu_buffer_from_ptr(base + 1, 64)


def wrong_buffer_from_too_long(c: Any, w: World) -> None:
    """ggml_backend_cpu_buffer_from_ptr: InvalidArgumentError"""
    c.ggml_backend_cpu_buffer_from_ptr(lib.ggml_backend_buffer_get_base(w.buffer), HUGE)


def wrong_buffer_from_host_null(c: Any, w: World) -> None:
    """ggml_backend_dev_buffer_from_host_ptr: InvalidArgumentError"""
    c.ggml_backend_dev_buffer_from_host_ptr(w.device, ffi.NULL, 64, 64)


def wrong_buffer_from_host_too_long(c: Any, w: World) -> None:
    """ggml_backend_dev_buffer_from_host_ptr: InvalidArgumentError"""
    c.ggml_backend_dev_buffer_from_host_ptr(w.device, lib.ggml_backend_buffer_get_base(w.buffer), 2**40, 64)


def meta_device(w: World) -> Any:
    """A device that stands for the CPU's, with everything on each."""

    def split(tensor: Any, data: Any) -> Any:
        state = ffi.new("struct ggml_backend_meta_split_state *")
        state.axis = lib.GGML_BACKEND_SPLIT_AXIS_MIRRORED
        state.n_segments = state.nr[0] = 1
        return state[0]

    callback = w.keep(ffi.callback("ggml_backend_meta_get_split_state_t", split))
    return lib.ggml_backend_meta_device(ffi.new("ggml_backend_dev_t[]", [w.device]), 1, callback, ffi.NULL)


def wrong_meta_buffer_from_host(c: Any, w: World) -> None:
    """ggml_backend_dev_buffer_from_host_ptr: InvalidArgumentError"""
    base = lib.ggml_backend_buffer_get_base(w.buffer)
    c.ggml_backend_dev_buffer_from_host_ptr(meta_device(w), base, 64, 64)


def wrong_meta_plan(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_create: InvalidArgumentError"""
    backend = lib.ggml_backend_dev_init(meta_device(w), ffi.NULL)
    assert backend
    c.ggml_backend_graph_plan_create(backend, w.graph())


def meta_tensor(w: World) -> tuple[Any, Any]:
    """A tensor in such a device's memory, and a backend of it."""
    backend = lib.ggml_backend_dev_init(meta_device(w), ffi.NULL)
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 2)
    assert lib.ggml_backend_alloc_ctx_tensors(ctx, backend)
    return tensor, backend


def wrong_meta_copy(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy: InvalidArgumentError"""
    tensor, _ = meta_tensor(w)
    c.ggml_backend_tensor_copy(tensor, filled(w, 1, 2))


def wrong_meta_graph_copy(c: Any, w: World) -> None:
    """ggml_backend_graph_copy: InvalidArgumentError"""
    graph, _ = computed(w)
    c.ggml_backend_graph_copy(lib.ggml_backend_dev_init(meta_device(w), ffi.NULL), graph)


def wrong_meta_memory_in_sched(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    tensor, _ = meta_tensor(w)
    ctx = no_alloc(w)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, lib.ggml_add(ctx, tensor, filled(w, 1, 2)))
    c.ggml_backend_sched_graph_compute(w.sched, graph)


def wrong_meta_async_without_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_set_async: InvalidArgumentError"""
    _, backend = meta_tensor(w)
    c.ggml_backend_tensor_set_async(backend, w.floats(1, 2), ffi.new("float[2]"), 0, 8)


def right_meta(c: Any, w: World) -> None:
    device = meta_device(w)
    assert c.ggml_backend_dev_type(device) == lib.GGML_BACKEND_DEVICE_TYPE_META
    backend = c.ggml_backend_dev_init(device, ffi.NULL)
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 8)
    buffer = c.ggml_backend_alloc_ctx_tensors(ctx, backend)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[]", [1.0] * 8), 0, 32)
    assert values(w, tensor) == [1.0] * 8
    c.ggml_backend_buffer_free(buffer)
    c.ggml_backend_free(backend)


def right_buffers(c: Any, w: World) -> None:
    buffer = c.ggml_backend_alloc_buffer(w.backend, 1000)
    assert c.ggml_backend_buffer_get_size(buffer) >= 1000
    assert c.ggml_backend_buffer_is_host(buffer)
    alignment = c.ggml_backend_buffer_get_alignment(buffer)
    assert int(ffi.cast("uintptr_t", c.ggml_backend_buffer_get_base(buffer))) % alignment == 0
    c.ggml_backend_buffer_set_usage(buffer, lib.GGML_BACKEND_BUFFER_USAGE_WEIGHTS)
    assert c.ggml_backend_buffer_get_usage(buffer) == lib.GGML_BACKEND_BUFFER_USAGE_WEIGHTS
    c.ggml_backend_buffer_clear(buffer, 0)
    c.ggml_backend_buffer_reset(buffer)
    mapped = c.ggml_backend_cpu_buffer_from_ptr(c.ggml_backend_buffer_get_base(buffer), 512)
    c.ggml_backend_buffer_free(mapped)
    mapped = c.ggml_backend_dev_buffer_from_host_ptr(w.device, c.ggml_backend_buffer_get_base(buffer), 512, 512)
    c.ggml_backend_buffer_free(mapped)
    c.ggml_backend_buffer_free(buffer)


def right_empty_buffer(c: Any, w: World) -> None:
    buffer = c.ggml_backend_buft_alloc_buffer(w.buffer_type, 0)
    assert c.ggml_backend_buffer_get_size(buffer) == 0
    assert not c.ggml_backend_buffer_get_base(buffer)
    c.ggml_backend_buffer_clear(buffer, 1)
    c.ggml_backend_buffer_free(buffer)


def right_no_memory(c: Any, w: World) -> None:
    assert not c.ggml_backend_buft_alloc_buffer(w.buffer_type, HUGE)


# --- tensors' data ----------------------------------------------------------------------------------------------------


def wrong_set_without_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: NativeAssertionError"""
    tensor = new_tensor(w, no_alloc(w), 4)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[4]"), 0, 16)


def wrong_get_in_context(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: NativeAssertionError"""
    c.ggml_backend_tensor_get(w.floats(1, 2), ffi.new("float[2]"), 0, 8)


def wrong_set_too_much(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[8]"), 0, 32)


def wrong_set_behind_end(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[4]"), 8, 16)


def wrong_set_offset_overflow(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[4]"), 2**64 - 8, 8)


def wrong_get_offset_overflow(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_get(tensor, ffi.new("float[4]"), 2**64 - 16, 16)


def wrong_get_size_overflow(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_get(tensor, ffi.new("float[4]"), 4, 2**64 - 4)


def wrong_memset_overflow(c: Any, w: World) -> None:
    """ggml_backend_tensor_memset: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_memset(tensor, 0, 2**64 - 1, 1)


def wrong_memset_without_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_memset: NativeAssertionError"""
    c.ggml_backend_tensor_memset(w.floats(1, 2), 0, 0, 8)


def wrong_set_data_null(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_set(tensor, ffi.NULL, 0, 16)


def wrong_set_tensor_null(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: InvalidArgumentError"""
    c.ggml_backend_tensor_set(ffi.NULL, ffi.new("float[4]"), 0, 16)


def wrong_get_more_than_mapped(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: InvalidArgumentError"""
    tensor, _ = allocated(w, 1 << 20)
    c.ggml_backend_tensor_get(tensor, ffi.cast("void *", 4096), 0, 4 << 20)


def wrong_set_freed_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: FreedHandleError"""
    tensor, buffer = allocated(w, 4)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[4]"), 0, 16)


def wrong_get_freed_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    tensor, buffer = allocated(w, 4)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_tensor_get(tensor, ffi.new("float[4]"), 0, 16)


def wrong_get_view_of_freed_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    tensor, buffer = allocated(w, 8)
    view = lib.ggml_view_1d(no_alloc(w), tensor, 2, 8)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_tensor_get(view, ffi.new("float[2]"), 0, 8)


def wrong_get_view_of_freed_context(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 8)
    lib.ggml_backend_alloc_ctx_tensors(ctx, w.backend)
    view = lib.ggml_view_1d(no_alloc(w), tensor, 2, 8)
    lib.ggml_free(ctx)
    c.ggml_backend_tensor_get(view, ffi.new("float[2]"), 0, 8)


def wrong_get_freed_context(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 8)
    lib.ggml_backend_alloc_ctx_tensors(ctx, w.backend)
    lib.ggml_free(ctx)
    c.ggml_backend_tensor_get(tensor, ffi.new("float[8]"), 0, 32)


def wrong_get_not_a_tensor(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    c.ggml_backend_tensor_get(ffi.cast("struct ggml_tensor *", 16), ffi.new("float[8]"), 0, 32)


def wrong_get_grown_tensor(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    tensor.ne[0] = 1 << 24
    c.ggml_backend_tensor_get(tensor, ffi.new("char[]", 64 << 20), 0, 64 << 20)


def wrong_get_moved_tensor(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    tensor.data = ffi.cast("void *", 4096)
    c.ggml_backend_tensor_get(tensor, ffi.new("float[4]"), 0, 16)


def wrong_set_2d_too_far(c: Any, w: World) -> None:
    """ggml_backend_tensor_set_2d: InvalidArgumentError"""
    tensor, _ = allocated(w, 4, 4)
    c.ggml_backend_tensor_set_2d(tensor, ffi.new("float[20]"), 0, 16, 5, 16, 16)


def wrong_set_2d_overflow(c: Any, w: World) -> None:
    """ggml_backend_tensor_set_2d: InvalidArgumentError"""
    tensor, _ = allocated(w, 4, 4)
    c.ggml_backend_tensor_set_2d(tensor, ffi.new("float[20]"), 0, 16, 2, 2**64 - 16, 16)


def wrong_get_2d_strides(c: Any, w: World) -> None:
    """ggml_backend_tensor_get_2d: InvalidArgumentError"""
    tensor, _ = allocated(w, 4, 4)
    c.ggml_backend_tensor_get_2d(tensor, ffi.new("float[16]"), 0, 4, 4, 16, 2**50)


def wrong_get_2d_of_nothing_forever(c: Any, w: World) -> None:
    """ggml_backend_tensor_get_2d: InvalidArgumentError"""
    tensor, _ = allocated(w, 4, 4)
    c.ggml_backend_tensor_get_2d(tensor, ffi.new("float[16]"), 0, 0, HUGE, 16, 16)


def wrong_set_async_backend_freed(c: Any, w: World) -> None:
    """ggml_backend_tensor_set_async: FreedHandleError"""
    tensor, _ = allocated(w, 4)
    backend = lib.ggml_backend_init_best()
    lib.ggml_backend_free(backend)
    c.ggml_backend_tensor_set_async(backend, tensor, ffi.new("float[4]"), 0, 16)


def wrong_set_async_overflow(c: Any, w: World) -> None:
    """ggml_backend_tensor_set_async: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_set_async(w.backend, tensor, ffi.new("float[4]"), 2**64 - 8, 8)


def wrong_get_2d_async(c: Any, w: World) -> None:
    """ggml_backend_tensor_get_2d_async: InvalidArgumentError"""
    tensor, _ = allocated(w, 4)
    c.ggml_backend_tensor_get_2d_async(w.backend, tensor, ffi.new("float[8]"), 0, 8, 3, 8, 8)


def wrong_get_repacked(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: InvalidArgumentError"""
    tensor, _ = repacked(w, lib.GGML_TYPE_Q4_0)
    if not tensor:  # a CPU without such a layout
        c.ggml_backend_tensor_get(ffi.NULL, ffi.new("char[1]"), 0, 1)
        return
    c.ggml_backend_tensor_get(tensor, ffi.new("char[65536]"), 0, 1024)


def wrong_set_repacked(c: Any, w: World) -> None:
    """ggml_backend_tensor_set: InvalidArgumentError"""
    tensor, _ = repacked(w, lib.GGML_TYPE_F32)
    if not tensor:
        c.ggml_backend_tensor_set(ffi.NULL, ffi.new("char[1]"), 0, 1)
        return
    c.ggml_backend_tensor_set(tensor, ffi.new("char[]", 256 * 256 * 4), 0, 256 * 256 * 4)


def wrong_copy_layouts(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy: NativeAssertionError"""
    c.ggml_backend_tensor_copy(filled(w, 1, 2, 3), filled(w, 1, 2))


def wrong_copy_without_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy: InvalidArgumentError"""
    c.ggml_backend_tensor_copy(w.floats(1, 2), filled(w, 1, 2))


def wrong_copy_to_nothing(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy: InvalidArgumentError"""
    c.ggml_backend_tensor_copy(filled(w, 1, 2), new_tensor(w, no_alloc(w), 2))


def wrong_copy_from_freed(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy: FreedHandleError"""
    (tensor, buffer), other = allocated(w, 4), filled(w, 1, 2, 3, 4)
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_tensor_copy(tensor, other)


def wrong_copy_null(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy: InvalidArgumentError"""
    c.ggml_backend_tensor_copy(filled(w, 1), ffi.NULL)


def wrong_copy_async_null_backend(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy_async: InvalidArgumentError"""
    c.ggml_backend_tensor_copy_async(ffi.NULL, w.backend, filled(w, 1), filled(w, 2))


def wrong_copy_async_without_data(c: Any, w: World) -> None:
    """ggml_backend_tensor_copy_async: InvalidArgumentError"""
    c.ggml_backend_tensor_copy_async(w.backend, w.backend, filled(w, 1), new_tensor(w, no_alloc(w), 1))


def wrong_alloc_twice(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: NativeAssertionError"""
    c.ggml_backend_tensor_alloc(w.buffer, filled(w, 1), lib.ggml_backend_buffer_get_base(w.buffer))


def wrong_alloc_null(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: InvalidArgumentError"""
    c.ggml_backend_tensor_alloc(w.buffer, new_tensor(w, no_alloc(w), 4), ffi.NULL)


def wrong_alloc_elsewhere(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: InvalidArgumentError"""
    c.ggml_backend_tensor_alloc(w.buffer, new_tensor(w, no_alloc(w), 4), w.keep(ffi.new("char[64]")))


def wrong_alloc_at_end_of_memory(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: InvalidArgumentError"""
    c.ggml_backend_tensor_alloc(w.buffer, new_tensor(w, no_alloc(w), 8), ffi.cast("void *", 2**64 - 32))


def wrong_alloc_too_large(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: InvalidArgumentError"""
    base = lib.ggml_backend_buffer_get_base(w.buffer)
    c.ggml_backend_tensor_alloc(w.buffer, new_tensor(w, no_alloc(w), 1 << 20), base)


def wrong_alloc_unaligned(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: InvalidArgumentError"""
    base = ffi.cast("char *", lib.ggml_backend_buffer_get_base(w.buffer))
    c.ggml_backend_tensor_alloc(w.buffer, new_tensor(w, no_alloc(w), 4), base + 2)


def wrong_alloc_in_empty_buffer(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: InvalidArgumentError"""
    buffer = lib.ggml_backend_buft_alloc_buffer(w.buffer_type, 0)
    c.ggml_backend_tensor_alloc(buffer, new_tensor(w, no_alloc(w), 4), ffi.cast("void *", 64))


def wrong_alloc_of_view(c: Any, w: World) -> None:
    """ggml_backend_tensor_alloc: NativeAssertionError"""
    ctx = no_alloc(w)
    view = lib.ggml_view_1d(ctx, new_tensor(w, ctx, 4), 2, 0)
    c.ggml_backend_tensor_alloc(w.buffer, view, lib.ggml_backend_buffer_get_base(w.buffer))


def wrong_view_init_of_none(c: Any, w: World) -> None:
    """ggml_backend_view_init: NativeAssertionError"""
    c.ggml_backend_view_init(new_tensor(w, no_alloc(w), 4))


def wrong_view_init_unallocated(c: Any, w: World) -> None:
    """ggml_backend_view_init: NativeAssertionError"""
    ctx = no_alloc(w)
    c.ggml_backend_view_init(lib.ggml_view_1d(ctx, new_tensor(w, ctx, 4), 2, 0))


def wrong_view_init_of_freed_context(c: Any, w: World) -> None:
    """ggml_backend_view_init: FreedHandleError"""
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 4)
    view = lib.ggml_view_1d(no_alloc(w), tensor, 2, 0)
    lib.ggml_free(ctx)
    c.ggml_backend_view_init(view)


def wrong_init_tensor_of_other_buffer(c: Any, w: World) -> None:
    """ggml_backend_buffer_init_tensor: InvalidArgumentError"""
    c.ggml_backend_buffer_init_tensor(w.buffer, filled(w, 1))


def wrong_supports_op_of_freed_source(c: Any, w: World) -> None:
    """ggml_backend_supports_op: FreedHandleError"""
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 4, 4)
    product = lib.ggml_mul_mat(no_alloc(w), tensor, tensor)
    lib.ggml_free(ctx)
    c.ggml_backend_supports_op(w.backend, product)


def right_data(c: Any, w: World) -> None:
    tensor, buffer = allocated(w, 4, 4)
    c.ggml_backend_tensor_memset(tensor, 0, 0, 64)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[2]", [1, 2]), 8, 8)
    c.ggml_backend_tensor_set_async(w.backend, tensor, ffi.new("float[2]", [3, 4]), 16, 8)
    c.ggml_backend_tensor_set(tensor, ffi.new("float[1]"), 64, 0)
    c.ggml_backend_tensor_set_2d(tensor, ffi.new("float[4]", [5, 6, 7, 8]), 12, 4, 4, 16, 4)
    c.ggml_backend_tensor_set_2d_async(w.backend, tensor, ffi.new("float[4]"), 12, 4, 0, 16, 4)
    got = ffi.new("float[16]")
    c.ggml_backend_tensor_get(tensor, got, 0, 64)
    assert list(got) == [0, 0, 1, 5, 3, 4, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8]
    c.ggml_backend_tensor_get_2d(tensor, got, 8, 4, 8, 0, 4)
    assert list(got)[:8] == [1] * 8
    c.ggml_backend_tensor_get_async(w.backend, tensor, got, 60, 4)
    c.ggml_backend_tensor_get_2d_async(w.backend, tensor, got, 12, 4, 4, 16, 4)
    assert list(got)[:4] == [5, 6, 7, 8]
    view = lib.ggml_view_1d(no_alloc(w), tensor, 2, 8)
    c.ggml_backend_tensor_get(view, got, 0, 8)
    assert list(got)[:2] == [1, 5]
    assert c.ggml_backend_view_init(view) == lib.GGML_STATUS_SUCCESS
    c.ggml_backend_tensor_get(view, got, 0, 8)
    c.ggml_backend_buffer_free(buffer)


def right_copies(c: Any, w: World) -> None:
    one, two = filled(w, 1, 2, 3), filled(w, 0, 0, 0)
    c.ggml_backend_tensor_copy(one, two)
    assert values(w, two) == [1, 2, 3]
    c.ggml_backend_tensor_copy_async(w.backend, w.backend, filled(w, 4, 5, 6), two)
    assert values(w, two) == [4, 5, 6]
    c.ggml_backend_tensor_copy(two, two)


def right_alloc(c: Any, w: World) -> None:
    tensor = new_tensor(w, no_alloc(w), 4)
    base = ffi.cast("char *", lib.ggml_backend_buffer_get_base(w.buffer))
    assert c.ggml_backend_tensor_alloc(w.buffer, tensor, base + 64) == lib.GGML_STATUS_SUCCESS
    assert c.ggml_backend_buffer_init_tensor(w.buffer, tensor) == lib.GGML_STATUS_SUCCESS
    assert c.ggml_backend_buffer_get_alloc_size(w.buffer, tensor) == 16
    nothing = new_tensor(w, no_alloc(w), 0)
    assert c.ggml_backend_tensor_alloc(w.buffer, nothing, base) == lib.GGML_STATUS_SUCCESS


def right_repacked(c: Any, w: World) -> None:
    tensor, _ = repacked(w, lib.GGML_TYPE_Q4_0)
    if tensor and tensor.extra:
        size = lib.ggml_nbytes(tensor)
        c.ggml_backend_tensor_set(tensor, ffi.new("char[]", size), 0, size)


# --- graphs -----------------------------------------------------------------------------------------------------------


def wrong_compute_unallocated(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    c.ggml_backend_graph_compute(w.backend, graph)


def wrong_compute_unallocated_leaf(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError"""
    leaf = new_tensor(w, no_alloc(w), 2)
    c.ggml_backend_graph_compute(w.backend, w.graph(lib.ggml_add(w.ggml, w.floats(1, 2), leaf)))


def wrong_compute_freed_buffer(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: FreedHandleError"""
    tensor, buffer = allocated(w, 2)
    graph = w.graph(lib.ggml_add(w.ggml, w.floats(1, 2), tensor))
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_graph_compute(w.backend, graph)


def wrong_compute_freed_context(c: Any, w: World) -> None:
    """ggml_backend_graph_compute_async: FreedHandleError"""
    ctx = no_alloc(w)
    tensor = new_tensor(w, ctx, 2)
    lib.ggml_backend_alloc_ctx_tensors(ctx, w.backend)
    graph = w.graph(lib.ggml_add(w.ggml, w.floats(1, 2), tensor))
    lib.ggml_free(ctx)
    c.ggml_backend_graph_compute_async(w.backend, graph)


def wrong_compute_freed_graph(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: FreedHandleError"""
    graph, _, ctx = sum_graph(w)
    lib.ggml_free(ctx)
    c.ggml_backend_graph_compute(w.backend, graph)


def wrong_compute_null(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError"""
    c.ggml_backend_graph_compute(w.backend, ffi.NULL)


def wrong_compute_unsupported(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError"""
    target = w.tensor(lib.GGML_TYPE_IQ2_XXS, 256)
    c.ggml_backend_graph_compute(w.backend, w.graph(lib.ggml_cpy(w.ggml, w.tensor(lib.GGML_TYPE_F32, 256), target)))


def wrong_compute_in_meta_memory(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError | FreedHandleError"""
    tensor, _ = meta_tensor(w)
    c.ggml_backend_graph_compute(w.backend, w.graph(lib.ggml_add(w.ggml, w.floats(1, 2), tensor)))


def wrong_plan_freed_twice(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_free: InvalidArgumentError"""
    plan = lib.ggml_backend_graph_plan_create(w.backend, w.graph())
    lib.ggml_backend_graph_plan_free(w.backend, plan)
    c.ggml_backend_graph_plan_free(w.backend, plan)


def wrong_plan_freed_compute(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_compute: InvalidArgumentError"""
    plan = lib.ggml_backend_graph_plan_create(w.backend, w.graph())
    lib.ggml_backend_graph_plan_free(w.backend, plan)
    c.ggml_backend_graph_plan_compute(w.backend, plan)


def wrong_plan_of_other_backend(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_compute: InvalidArgumentError"""
    plan = lib.ggml_backend_graph_plan_create(w.backend, w.graph())
    c.ggml_backend_graph_plan_compute(lib.ggml_backend_init_best(), plan)


def wrong_plan_not_one(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_compute: InvalidArgumentError"""
    c.ggml_backend_graph_plan_compute(w.backend, ffi.cast("void *", w.graph()))


def wrong_plan_null(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_free: InvalidArgumentError"""
    c.ggml_backend_graph_plan_free(w.backend, ffi.NULL)


def wrong_plan_unallocated(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_create: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    c.ggml_backend_graph_plan_create(w.backend, graph)


def wrong_plan_of_freed_graph(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_compute: FreedHandleError"""
    params = ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20})[0]
    ctx = lib.ggml_init(params)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, lib.ggml_add(ctx, w.floats(1, 2), w.floats(1, 2)))
    plan = lib.ggml_backend_graph_plan_create(w.backend, graph)
    assert plan
    lib.ggml_free(ctx)
    c.ggml_backend_graph_plan_compute(w.backend, plan)


def wrong_plan_of_changed_graph(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_compute: InvalidArgumentError"""
    graph = w.graph()
    plan = lib.ggml_backend_graph_plan_create(w.backend, graph)
    lib.ggml_graph_clear(graph)
    large = w.tensor(lib.GGML_TYPE_F32, 512, 256)
    lib.ggml_build_forward_expand(graph, lib.ggml_mul_mat(w.ggml, large, large))
    c.ggml_backend_graph_plan_compute(w.backend, plan)


def wrong_plan_of_moved_graph(c: Any, w: World) -> None:
    """ggml_backend_graph_plan_compute: FreedHandleError"""
    tensor, buffer = allocated(w, 2)
    plan = lib.ggml_backend_graph_plan_create(w.backend, w.graph(lib.ggml_add(w.ggml, w.floats(1, 2), tensor)))
    assert plan
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_graph_plan_compute(w.backend, plan)


def wrong_graph_copy_unallocated(c: Any, w: World) -> None:
    """ggml_backend_graph_copy: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    c.ggml_backend_graph_copy(w.backend, graph)


def wrong_graph_copy_in_context(c: Any, w: World) -> None:
    """ggml_backend_graph_copy: InvalidArgumentError"""
    c.ggml_backend_graph_copy(w.backend, w.graph())


def computed(w: World) -> tuple[Any, Any]:
    """A graph that has been computed in memory of a scheduler's, and the scheduler."""
    graph, _, _ = sum_graph(w)
    sched = lib.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 64, False, False)
    assert lib.ggml_backend_sched_graph_compute(sched, graph) == lib.GGML_STATUS_SUCCESS
    return graph, sched


def wrong_graph_copy_freed_twice(c: Any, w: World) -> None:
    """ggml_backend_graph_copy_free: FreedHandleError"""
    graph, _ = computed(w)
    copy = lib.ggml_backend_graph_copy(w.backend, graph)
    lib.ggml_backend_graph_copy_free(copy)
    c.ggml_backend_graph_copy_free(copy)


def wrong_graph_copy_freed_compute(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: FreedHandleError"""
    graph, _ = computed(w)
    copy = lib.ggml_backend_graph_copy(w.backend, graph)
    lib.ggml_backend_graph_copy_free(copy)
    c.ggml_backend_graph_compute(w.backend, copy.graph)


def wrong_graph_copy_half_freed(c: Any, w: World) -> None:
    """ggml_backend_graph_copy_free: FreedHandleError"""
    graph, _ = computed(w)
    copy = lib.ggml_backend_graph_copy(w.backend, graph)
    lib.ggml_free(copy.ctx_allocated)
    c.ggml_backend_graph_copy_free(copy)


def wrong_compare_without_callback(c: Any, w: World) -> None:
    """ggml_backend_compare_graph_backend: InvalidArgumentError"""
    graph, _ = computed(w)
    other = lib.ggml_backend_init_best()
    c.ggml_backend_compare_graph_backend(w.backend, other, graph, ffi.NULL, ffi.NULL, ffi.NULL, 0)


def on_compare(w: World) -> Any:
    return w.keep(ffi.callback("ggml_backend_eval_callback", lambda *_: True))


def wrong_compare_nodes_null(c: Any, w: World) -> None:
    """ggml_backend_compare_graph_backend: InvalidArgumentError"""
    graph, _ = computed(w)
    other = lib.ggml_backend_init_best()
    c.ggml_backend_compare_graph_backend(w.backend, other, graph, on_compare(w), ffi.NULL, ffi.NULL, 3)


def wrong_compare_nodes_of_none(c: Any, w: World) -> None:
    """ggml_backend_compare_graph_backend: InvalidArgumentError"""
    graph, _ = computed(w)
    other = lib.ggml_backend_init_best()
    nodes = ffi.new("const struct ggml_tensor *[]", [w.floats(1)])
    c.ggml_backend_compare_graph_backend(w.backend, other, graph, on_compare(w), ffi.NULL, nodes, 1)


def wrong_compare_nodes_too_many(c: Any, w: World) -> None:
    """ggml_backend_compare_graph_backend: InvalidArgumentError"""
    graph, _ = computed(w)
    other = lib.ggml_backend_init_best()
    nodes = ffi.new("const struct ggml_tensor *[]", [lib.ggml_graph_node(graph, 0)])
    c.ggml_backend_compare_graph_backend(w.backend, other, graph, on_compare(w), ffi.NULL, nodes, HUGE)


def wrong_compare_unallocated(c: Any, w: World) -> None:
    """ggml_backend_compare_graph_backend: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    other = lib.ggml_backend_init_best()
    c.ggml_backend_compare_graph_backend(w.backend, other, graph, on_compare(w), ffi.NULL, ffi.NULL, 0)


def right_graphs(c: Any, w: World) -> None:
    graph = w.graph()
    assert c.ggml_backend_graph_compute(w.backend, graph) == lib.GGML_STATUS_SUCCESS
    assert c.ggml_backend_graph_compute_async(w.backend, graph) == lib.GGML_STATUS_SUCCESS
    c.ggml_backend_synchronize(w.backend)
    assert lib.ggml_get_f32_1d(lib.ggml_graph_node(graph, -1), 1) == 6
    plan = c.ggml_backend_graph_plan_create(w.backend, graph)
    for _ in range(2):
        assert c.ggml_backend_graph_plan_compute(w.backend, plan) == lib.GGML_STATUS_SUCCESS
    c.ggml_backend_graph_plan_free(w.backend, plan)
    assert c.ggml_backend_graph_compute(w.backend, lib.ggml_new_graph(w.ggml)) == lib.GGML_STATUS_SUCCESS


def right_graph_copy(c: Any, w: World) -> None:
    graph, sched = computed(w)
    other = c.ggml_backend_init_best()
    copy = c.ggml_backend_graph_copy(other, graph)
    assert c.ggml_backend_graph_compute(other, copy.graph) == lib.GGML_STATUS_SUCCESS
    assert values(w, lib.ggml_graph_node(copy.graph, -1)) == [3, 3]
    c.ggml_backend_graph_copy_free(copy)
    seen: list[tuple[list[float], list[float]]] = []

    def compare(i: int, a: Any, b: Any, data: Any) -> bool:
        seen.append((values(w, a), values(w, b)))
        return True

    callback = ffi.callback("ggml_backend_eval_callback", compare)
    assert c.ggml_backend_compare_graph_backend(w.backend, other, graph, callback, ffi.NULL, ffi.NULL, 0)
    nodes = ffi.new("const struct ggml_tensor *[]", [lib.ggml_graph_node(graph, 0)])
    assert c.ggml_backend_compare_graph_backend(w.backend, other, graph, callback, ffi.NULL, nodes, 1)
    assert seen == [([3, 3], [3, 3])] * 2
    c.ggml_backend_free(other)
    c.ggml_backend_sched_free(sched)


# --- the scheduler ----------------------------------------------------------------------------------------------------


def wrong_sched_no_backends(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 0, 64, False, False)


def wrong_sched_negative(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, -1, 64, False, False)


def wrong_sched_too_many(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(backends(w, *[w.backend] * 17), ffi.NULL, 17, 64, False, False)


def wrong_sched_null_entry(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(backends(w, ffi.NULL, w.backend), ffi.NULL, 2, 64, False, False)


def wrong_sched_null_array(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(ffi.NULL, ffi.NULL, 1, 64, False, False)


def wrong_sched_freed_backend(c: Any, w: World) -> None:
    """ggml_backend_sched_new: FreedHandleError"""
    backend = lib.ggml_backend_init_best()
    lib.ggml_backend_free(backend)
    c.ggml_backend_sched_new(backends(w, backend), ffi.NULL, 1, 64, False, False)


def wrong_sched_null_buffer_type(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    types = ffi.new("ggml_backend_buffer_type_t[1]")
    c.ggml_backend_sched_new(backends(w, w.backend), types, 1, 64, False, False)


def wrong_sched_last_not_cpu(c: Any, w: World) -> None:
    """ggml_backend_sched_new: NativeAssertionError"""
    meta = lib.ggml_backend_dev_init(meta_device(w), ffi.NULL)
    c.ggml_backend_sched_new(backends(w, w.backend, meta), ffi.NULL, 2, 64, False, False)


def wrong_sched_size_zero(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 0, False, False)


def wrong_sched_size_absurd(c: Any, w: World) -> None:
    """ggml_backend_sched_new: InvalidArgumentError"""
    c.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 2**40, False, False)


def wrong_sched_freed(c: Any, w: World) -> None:
    """ggml_backend_sched_reset: FreedHandleError"""
    _, sched = computed(w)
    lib.ggml_backend_sched_free(sched)
    c.ggml_backend_sched_reset(sched)


def wrong_sched_freed_twice(c: Any, w: World) -> None:
    """ggml_backend_sched_free: FreedHandleError"""
    _, sched = computed(w)
    lib.ggml_backend_sched_free(sched)
    c.ggml_backend_sched_free(sched)


def wrong_sched_graph_too_large(c: Any, w: World) -> None:
    """ggml_backend_sched_alloc_graph: NativeAssertionError"""
    sched = lib.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 1, False, False)
    graph, _, _ = sum_graph(w)
    c.ggml_backend_sched_alloc_graph(sched, graph)


def wrong_sched_reserve_too_large(c: Any, w: World) -> None:
    """ggml_backend_sched_reserve: NativeAssertionError"""
    sched = lib.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 1, False, False)
    graph, _, _ = sum_graph(w)
    c.ggml_backend_sched_reserve(sched, graph)


def wrong_sched_split_too_large(c: Any, w: World) -> None:
    """ggml_backend_sched_split_graph: NativeAssertionError"""
    sched = lib.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 1, False, False)
    graph, _, _ = sum_graph(w)
    c.ggml_backend_sched_split_graph(sched, graph)


def wrong_sched_alloc_twice(c: Any, w: World) -> None:
    """ggml_backend_sched_alloc_graph: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    assert lib.ggml_backend_sched_alloc_graph(w.sched, graph)
    other, _, _ = sum_graph(w)
    c.ggml_backend_sched_alloc_graph(w.sched, other)


def wrong_sched_other_graph(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    assert lib.ggml_backend_sched_alloc_graph(w.sched, graph)
    other, _, _ = sum_graph(w)
    c.ggml_backend_sched_graph_compute(w.sched, other)


def wrong_sched_graph_in_loop(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    graph, _, ctx = sum_graph(w)
    assert lib.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS
    lib.ggml_free(ctx)
    graph, _, _ = sum_graph(w)  # likely to be where the old one was
    c.ggml_backend_sched_graph_compute(w.sched, graph)


def wrong_sched_freed_graph(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: FreedHandleError"""
    graph, _, ctx = sum_graph(w)
    assert lib.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS
    lib.ggml_free(ctx)
    c.ggml_backend_sched_graph_compute(w.sched, graph)


def wrong_sched_split_other_graph(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    assert lib.ggml_backend_sched_alloc_graph(w.sched, graph)
    other, _, _ = sum_graph(w)
    lib.ggml_backend_sched_split_graph(w.sched, other)
    c.ggml_backend_sched_graph_compute(w.sched, other)


def wrong_sched_freed_leaf(c: Any, w: World) -> None:
    """ggml_backend_sched_alloc_graph: FreedHandleError"""
    leaf = no_alloc(w)
    ctx = no_alloc(w)
    total = lib.ggml_add(ctx, new_tensor(w, leaf, 4), new_tensor(w, leaf, 4))
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, total)
    lib.ggml_free(leaf)
    c.ggml_backend_sched_alloc_graph(w.sched, graph)


def wrong_sched_freed_weight(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: FreedHandleError"""
    weight, buffer = allocated(w, 4)
    ctx = no_alloc(w)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, lib.ggml_sqr(ctx, weight))
    lib.ggml_backend_buffer_free(buffer)
    c.ggml_backend_sched_graph_compute(w.sched, graph)


def wrong_sched_result_after_free(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    graph, sched = computed(w)
    total = lib.ggml_graph_node(graph, -1)
    lib.ggml_backend_sched_free(sched)
    c.ggml_backend_tensor_get(total, ffi.new("float[2]"), 0, 8)


def wrong_sched_result_after_larger(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError | InvalidArgumentError"""
    graph, total, _ = sum_graph(w)
    assert lib.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS
    lib.ggml_backend_sched_reset(w.sched)
    larger, _, _ = sum_graph(w, 100000)
    assert lib.ggml_backend_sched_graph_compute(w.sched, larger) == lib.GGML_STATUS_SUCCESS
    c.ggml_backend_tensor_get(total, ffi.new("float[2]"), 0, 8)


def wrong_sched_backend_index(c: Any, w: World) -> None:
    """ggml_backend_sched_get_backend: NativeAssertionError"""
    c.ggml_backend_sched_get_backend(w.sched, 1)


def wrong_sched_foreign_backend(c: Any, w: World) -> None:
    """ggml_backend_sched_get_buffer_size: NativeAssertionError"""
    c.ggml_backend_sched_get_buffer_size(w.sched, lib.ggml_backend_init_best())


def wrong_sched_foreign_backend_of_tensor(c: Any, w: World) -> None:
    """ggml_backend_sched_set_tensor_backend: NativeAssertionError"""
    c.ggml_backend_sched_set_tensor_backend(w.sched, w.floats(1), lib.ggml_backend_init_best())


def wrong_sched_foreign_buffer_type(c: Any, w: World) -> None:
    """ggml_backend_sched_get_buffer_type: NativeAssertionError"""
    c.ggml_backend_sched_get_buffer_type(w.sched, lib.ggml_backend_init_best())


def wrong_sched_tensors_without_end(c: Any, w: World) -> None:
    """ggml_backend_sched_get_tensor_backend: NativeAssertionError"""
    ctx = no_alloc(w)
    for _ in range(600):
        lib.ggml_backend_sched_get_tensor_backend(w.sched, new_tensor(w, ctx, 1))
    c.ggml_backend_sched_get_tensor_backend(w.sched, new_tensor(w, ctx, 1))


def wrong_sched_reserve_size_null(c: Any, w: World) -> None:
    """ggml_backend_sched_reserve_size: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    c.ggml_backend_sched_reserve_size(w.sched, graph, ffi.NULL)


def wrong_sched_only_measured(c: Any, w: World) -> None:
    """ggml_backend_sched_alloc_graph: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    lib.ggml_backend_sched_reserve_size(w.sched, graph, ffi.new("size_t[1]"))
    c.ggml_backend_sched_alloc_graph(w.sched, graph)


def endless_graph(w: World) -> Any:
    """A graph that needs more memory than there is."""
    ctx = no_alloc(w)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, lib.ggml_add(ctx, new_tensor(w, ctx, 2**48), filled(w, 1)))
    return graph


def wrong_sched_after_no_memory(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    graph, _, _ = sum_graph(w)
    assert not lib.ggml_backend_sched_alloc_graph(w.sched, endless_graph(w))
    lib.ggml_backend_sched_reset(w.sched)
    c.ggml_backend_sched_graph_compute(w.sched, graph)


def wrong_sched_unsupported(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    target, _ = allocated(w, 256, type_=lib.GGML_TYPE_IQ2_XXS)
    ctx = no_alloc(w)
    source = new_tensor(w, ctx, 256)
    graph = lib.ggml_new_graph(ctx)
    lib.ggml_build_forward_expand(graph, lib.ggml_cpy(ctx, source, target))
    c.ggml_backend_sched_graph_compute(w.sched, graph)


def right_sched_refuses_reset_in_callback(c: Any, w: World) -> None:
    import llamacffi

    graph, _, _ = sum_graph(w)
    errors: list[Any] = []

    def reset(tensor: Any, ask: bool, data: Any) -> bool:
        if not ask:
            try:
                c.ggml_backend_sched_reset(w.sched)
                errors.append(llamacffi.last_error())
            except llamacffi.LlamaError as error:
                errors.append(error)
        return True

    callback = ffi.callback("ggml_backend_sched_eval_callback", reset)
    lib.ggml_backend_sched_set_eval_callback(w.sched, callback, ffi.NULL)
    assert c.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS
    assert [type(error).__name__ for error in errors] == ["BusyError"]
    c.ggml_backend_sched_reset(w.sched)
    lib.ggml_backend_sched_set_eval_callback(w.sched, ffi.NULL, ffi.NULL)


def right_sched(c: Any, w: World) -> None:
    sched = c.ggml_backend_sched_new(backends(w, w.backend), ffi.NULL, 1, 64, False, True)
    assert c.ggml_backend_sched_get_n_backends(sched) == c.ggml_backend_sched_get_n_copies(sched) == 1
    assert c.ggml_backend_sched_get_backend(sched, 0) == w.backend
    assert c.ggml_backend_sched_get_buffer_type(sched, w.backend) == w.buffer_type
    measure, _, _ = sum_graph(w, 1000)
    sizes = ffi.new("size_t[1]")
    c.ggml_backend_sched_reserve_size(sched, measure, sizes)
    assert sizes[0] >= 4000
    assert c.ggml_backend_sched_reserve(sched, measure)
    assert c.ggml_backend_sched_get_buffer_size(sched, w.backend) >= 4000
    for n in (2, 100, 3):
        graph, total, ctx = sum_graph(w, n)
        c.ggml_backend_sched_reset(sched)
        assert c.ggml_backend_sched_alloc_graph(sched, graph)
        for _ in range(2):
            assert c.ggml_backend_sched_graph_compute(sched, graph) == lib.GGML_STATUS_SUCCESS
        assert values(w, total) == [3.0] * n
        lib.ggml_free(ctx)
    c.ggml_backend_sched_reset(sched)
    graph, total, _ = sum_graph(w, 5000)  # more than what was reserved
    c.ggml_backend_sched_set_tensor_backend(sched, total, w.backend)
    assert c.ggml_backend_sched_get_tensor_backend(sched, total) == w.backend
    assert c.ggml_backend_sched_graph_compute_async(sched, graph) == lib.GGML_STATUS_SUCCESS
    c.ggml_backend_sched_synchronize(sched)
    assert values(w, total) == [3.0] * 5000
    assert c.ggml_backend_sched_get_n_splits(sched) == 1
    c.ggml_backend_sched_free(sched)


def right_sched_no_memory(c: Any, w: World) -> None:
    graph, total, _ = sum_graph(w)
    assert not c.ggml_backend_sched_alloc_graph(w.sched, endless_graph(w))
    c.ggml_backend_sched_reset(w.sched)
    c.ggml_backend_sched_reset(w.sched)
    assert c.ggml_backend_sched_reserve(w.sched, graph)
    assert c.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS
    assert values(w, total) == [3, 3]


def right_sched_two_backends(c: Any, w: World) -> None:
    other = c.ggml_backend_init_best()
    sched = c.ggml_backend_sched_new(backends(w, other, w.backend), ffi.NULL, 2, 64, True, False)
    for _ in range(3):
        graph, total, _ = sum_graph(w)
        c.ggml_backend_sched_reset(sched)
        assert c.ggml_backend_sched_graph_compute(sched, graph) == lib.GGML_STATUS_SUCCESS
        assert values(w, total) == [3, 3]
    c.ggml_backend_sched_free(sched)
    c.ggml_backend_free(other)


def right_sched_callback(c: Any, w: World) -> None:
    graph, _, _ = sum_graph(w)
    seen: list[list[float]] = []

    def look(tensor: Any, ask: bool, data: Any) -> bool:
        if not ask:
            seen.append(values(w, tensor))
        return True

    callback = ffi.callback("ggml_backend_sched_eval_callback", look)
    c.ggml_backend_sched_set_eval_callback(w.sched, callback, ffi.NULL)
    assert c.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS
    assert seen == [[3, 3]]
    c.ggml_backend_sched_set_eval_callback(w.sched, ffi.NULL, ffi.NULL)


def right_sched_after_failure(c: Any, w: World) -> None:
    graph, _, _ = sum_graph(w)
    large = no_alloc(w)
    many = lib.ggml_new_graph(large)
    total = new_tensor(w, large, 1)
    for _ in range(600):
        total = lib.ggml_add(large, total, total)
    lib.ggml_build_forward_expand(many, total)
    lib.ggml_backend_sched_graph_compute(w.sched, many)
    assert lib.llamacffi_failed()
    c.ggml_backend_sched_reset(w.sched)
    assert c.ggml_backend_sched_graph_compute(w.sched, graph) == lib.GGML_STATUS_SUCCESS


# --- events -----------------------------------------------------------------------------------------------------------


def wrong_event_null(c: Any, w: World) -> None:
    """ggml_backend_event_synchronize: InvalidArgumentError"""
    c.ggml_backend_event_synchronize(lib.ggml_backend_event_new(w.device))


def wrong_event_record_null(c: Any, w: World) -> None:
    """ggml_backend_event_record: InvalidArgumentError"""
    c.ggml_backend_event_record(ffi.NULL, w.backend)


def wrong_event_not_one(c: Any, w: World) -> None:
    """ggml_backend_event_free: FreedHandleError"""
    c.ggml_backend_event_free(ffi.cast("ggml_backend_event_t", w.keep(ffi.new("char[64]"))))


# --- datasets ---------------------------------------------------------------------------------------------------------


def wrong_dataset_negative(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: NativeAssertionError"""
    c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, -3, 1, 8, 1)


def wrong_dataset_no_shard(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: NativeAssertionError"""
    c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 3, 1, 8, 0)


def wrong_dataset_large_shard(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: InvalidArgumentError"""
    c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 3, 1, 8, 9)


def wrong_dataset_partial_block(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: InvalidArgumentError"""
    c.ggml_opt_dataset_init(lib.GGML_TYPE_Q4_0, lib.GGML_TYPE_F32, 1, 1, 8, 1)


def wrong_dataset_type(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: InvalidArgumentError"""
    c.ggml_opt_dataset_init(1000, lib.GGML_TYPE_F32, 1, 1, 8, 1)


def wrong_dataset_overflow(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: InvalidArgumentError"""
    c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 2**31, 1, 2**31, 1)


def wrong_dataset_shard_overflow(c: Any, w: World) -> None:
    """ggml_opt_dataset_init: InvalidArgumentError"""
    c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 1, 0, 2**31, 2**31)


def wrong_dataset_without_memory(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch_host: InvalidArgumentError"""
    dataset = lib.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 2**40, 0, 2**15, 1)
    c.ggml_opt_dataset_get_batch_host(dataset, ffi.new("float[1]"), 0, ffi.NULL, 0)


def wrong_dataset_freed(c: Any, w: World) -> None:
    """ggml_opt_dataset_ndata: FreedHandleError"""
    dataset = Net(w).dataset()
    lib.ggml_opt_dataset_free(dataset)
    c.ggml_opt_dataset_ndata(dataset)


def wrong_dataset_freed_twice(c: Any, w: World) -> None:
    """ggml_opt_dataset_free: FreedHandleError"""
    dataset = Net(w).dataset()
    lib.ggml_opt_dataset_free(dataset)
    c.ggml_opt_dataset_free(dataset)


def wrong_dataset_free_null(c: Any, w: World) -> None:
    """ggml_opt_dataset_free: InvalidArgumentError"""
    c.ggml_opt_dataset_free(ffi.NULL)


def wrong_dataset_data_after_free(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    dataset = Net(w).dataset()
    data = lib.ggml_opt_dataset_data(dataset)
    lib.ggml_opt_dataset_free(dataset)
    c.ggml_backend_tensor_get(data, ffi.new("float[3]"), 0, 12)


def wrong_batch_negative(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_dataset_get_batch(net.dataset(labels=0), net.inputs, ffi.NULL, -1)


def wrong_batch_behind_end(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: NativeAssertionError"""
    net = Net(w)
    c.ggml_opt_dataset_get_batch(net.dataset(labels=0), net.inputs, ffi.NULL, 2)


def wrong_batch_overflow(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_dataset_get_batch(net.dataset(labels=0), net.inputs, ffi.NULL, 2**63 - 1)


def wrong_batch_without_labels(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: NativeAssertionError"""
    net = Net(w)
    c.ggml_opt_dataset_get_batch(net.dataset(), net.inputs, ffi.NULL, 0)


def wrong_batch_of_other_type(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: NativeAssertionError"""
    batch, _ = allocated(w, 3, 4, type_=lib.GGML_TYPE_F16)
    c.ggml_opt_dataset_get_batch(Net(w).dataset(labels=0), batch, ffi.NULL, 0)


def wrong_batch_unallocated(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: NativeAssertionError"""
    c.ggml_opt_dataset_get_batch(Net(w).dataset(labels=0), new_tensor(w, no_alloc(w), 3, 4), ffi.NULL, 0)


def wrong_batch_partial_shard(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch: NativeAssertionError"""
    net = Net(w, 3)
    c.ggml_opt_dataset_get_batch(net.dataset(shard=2, labels=0), net.inputs, ffi.NULL, 0)


def wrong_host_batch_negative(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch_host: InvalidArgumentError"""
    c.ggml_opt_dataset_get_batch_host(Net(w).dataset(labels=0), ffi.new("float[3]"), 12, ffi.NULL, -8)


def wrong_host_batch_null(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch_host: InvalidArgumentError"""
    c.ggml_opt_dataset_get_batch_host(Net(w).dataset(labels=0), ffi.NULL, 12, ffi.NULL, 0)


def wrong_host_batch_labels(c: Any, w: World) -> None:
    """ggml_opt_dataset_get_batch_host: NativeAssertionError"""
    c.ggml_opt_dataset_get_batch_host(Net(w).dataset(), ffi.new("float[3]"), 12, ffi.NULL, 0)


def wrong_shuffle_too_many(c: Any, w: World) -> None:
    """ggml_opt_dataset_shuffle: NativeAssertionError"""
    net = Net(w)
    c.ggml_opt_dataset_shuffle(net.opt(), net.dataset(), 9)


def wrong_shuffle_null(c: Any, w: World) -> None:
    """ggml_opt_dataset_shuffle: InvalidArgumentError"""
    c.ggml_opt_dataset_shuffle(ffi.NULL, Net(w).dataset(), -1)


def right_dataset(c: Any, w: World) -> None:
    net = Net(w, 2)
    dataset = c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 3, 2, 8, 2)
    assert c.ggml_opt_dataset_ndata(dataset) == 8
    data, labels = c.ggml_opt_dataset_data(dataset), c.ggml_opt_dataset_labels(dataset)
    c.ggml_backend_tensor_set(data, ffi.new("float[]", [float(i) for i in range(24)]), 0, 96)
    c.ggml_backend_tensor_set(labels, ffi.new("float[]", [float(i) for i in range(16)]), 0, 64)
    batch, _ = allocated(w, 2, 2)
    c.ggml_opt_dataset_get_batch(dataset, net.inputs, batch, 3)
    assert values(w, net.inputs) == [18, 19, 20, 21, 22, 23]
    assert values(w, batch) == [12, 13, 14, 15]
    rows, marks = ffi.new("float[12]"), ffi.new("float[8]")
    c.ggml_opt_dataset_get_batch_host(dataset, rows, 48, marks, 1)
    assert list(rows) == [float(i) for i in range(12, 24)]
    assert list(marks) == [float(i) for i in range(8, 16)]
    opt = net.opt()
    c.ggml_opt_dataset_shuffle(opt, dataset, 4)
    c.ggml_opt_dataset_shuffle(opt, dataset, -1)
    c.ggml_opt_free(opt)
    c.ggml_opt_dataset_free(dataset)
    bare = c.ggml_opt_dataset_init(lib.GGML_TYPE_F32, lib.GGML_TYPE_F32, 3, 0, 8, 2)
    assert not c.ggml_opt_dataset_labels(bare)
    c.ggml_opt_dataset_free(bare)


# --- training ---------------------------------------------------------------------------------------------------------


def wrong_opt_without_sched(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    c.ggml_opt_init(Net(w).params(backend_sched=ffi.NULL))


def wrong_opt_freed_sched(c: Any, w: World) -> None:
    """ggml_opt_init: FreedHandleError"""
    net = Net(w)
    params = net.params()
    lib.ggml_backend_sched_free(net.sched)
    c.ggml_opt_init(params)


def wrong_opt_loss(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    c.ggml_opt_init(Net(w).params(loss_type=9))


def wrong_opt_build(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    c.ggml_opt_init(Net(w).params(build_type=0))


def wrong_opt_optimizer(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    c.ggml_opt_init(Net(w).params(optimizer=2))


def wrong_opt_period(c: Any, w: World) -> None:
    """ggml_opt_init: NativeAssertionError"""
    c.ggml_opt_init(Net(w).params(opt_period=0))


def wrong_opt_without_pars(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    c.ggml_opt_init(Net(w).params(get_opt_pars=ffi.NULL))


def wrong_opt_without_inputs(c: Any, w: World) -> None:
    """ggml_opt_init: NativeAssertionError"""
    c.ggml_opt_init(Net(w).params(inputs=ffi.NULL))


def wrong_opt_without_context(c: Any, w: World) -> None:
    """ggml_opt_init: NativeAssertionError"""
    c.ggml_opt_init(Net(w).params(ctx_compute=ffi.NULL))


def wrong_opt_freed_context(c: Any, w: World) -> None:
    """ggml_opt_init: FreedHandleError"""
    net = Net(w)
    lib.ggml_free(net.ctx)
    c.ggml_opt_init(net.params())


def wrong_opt_freed_weights(c: Any, w: World) -> None:
    """ggml_opt_init: FreedHandleError"""
    net = Net(w)
    lib.ggml_free(net.fixed)
    c.ggml_opt_init(net.params())


def wrong_opt_freed_buffer(c: Any, w: World) -> None:
    """ggml_opt_init: FreedHandleError"""
    net = Net(w)
    lib.ggml_backend_buffer_free(net.buffer)
    c.ggml_opt_init(net.params())


def wrong_opt_half_floats(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    c.ggml_opt_init(Net(w, weight=lib.GGML_TYPE_F16).params())


def wrong_opt_outputs_of_other_type(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_init(net.params(outputs=lib.ggml_cast(net.ctx, net.outputs, lib.GGML_TYPE_F16)))


def wrong_opt_nothing_to_train(c: Any, w: World) -> None:
    """ggml_opt_init: NativeAssertionError"""
    net = Net(w)
    c.ggml_opt_init(net.params(outputs=lib.ggml_sqr(net.ctx, net.inputs)))


def wrong_opt_small_context(c: Any, w: World) -> None:
    """ggml_opt_init: InvalidArgumentError"""
    net = Net(w)
    ctx = no_alloc(w, 4096)
    outputs = lib.ggml_mul_mat(ctx, net.weight, net.inputs)
    c.ggml_opt_init(net.params(ctx_compute=ctx, outputs=outputs))


def wrong_opt_freed(c: Any, w: World) -> None:
    """ggml_opt_loss: FreedHandleError"""
    opt = Net(w).opt()
    lib.ggml_opt_free(opt)
    c.ggml_opt_loss(opt)


def wrong_opt_freed_twice(c: Any, w: World) -> None:
    """ggml_opt_free: FreedHandleError"""
    opt = Net(w).opt()
    lib.ggml_opt_free(opt)
    c.ggml_opt_free(opt)


def wrong_opt_loss_after_free(c: Any, w: World) -> None:
    """ggml_backend_tensor_get: FreedHandleError"""
    opt = Net(w).opt()
    loss = lib.ggml_opt_loss(opt)
    lib.ggml_opt_free(opt)
    c.ggml_backend_tensor_get(loss, ffi.new("float[1]"), 0, 4)


def wrong_opt_sched_freed(c: Any, w: World) -> None:
    """ggml_backend_sched_free: FreedHandleError"""
    net = Net(w)
    net.opt()
    c.ggml_backend_sched_free(net.sched)


def wrong_opt_context_freed(c: Any, w: World) -> None:
    """ggml_free: FreedHandleError"""
    net = Net(w)
    net.opt()
    c.ggml_free(net.ctx)


def wrong_alloc_small_context(c: Any, w: World) -> None:
    """ggml_opt_alloc: InvalidArgumentError"""
    net = DynamicNet(w)
    opt = net.opt()
    size = lib.ggml_graph_overhead_custom(lib.GGML_DEFAULT_GRAPH_SIZE, True) + 4 * lib.ggml_tensor_overhead()
    net.ctx = no_alloc(w, size)
    net.outputs = lib.ggml_mul_mat(net.ctx, net.weight, net.inputs)
    lib.ggml_opt_prepare_alloc(opt, net.ctx, net.graph(), net.inputs, net.outputs)
    c.ggml_opt_alloc(opt, True)


def wrong_alloc_small_context_nothing_to_train(c: Any, w: World) -> None:
    """ggml_opt_alloc: InvalidArgumentError"""
    net = DynamicNet(w)
    opt = net.opt()
    graph = lib.ggml_new_graph_custom(net.ctx, lib.GGML_DEFAULT_GRAPH_SIZE, True)
    outputs = lib.ggml_sqr(net.ctx, net.inputs)
    lib.ggml_build_forward_expand(graph, outputs)
    lib.ggml_opt_prepare_alloc(opt, no_alloc(w, 2048), graph, net.inputs, outputs)
    c.ggml_opt_alloc(opt, True)


def wrong_fit_small_context(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.ctx = no_alloc(w, 2 * lib.ggml_graph_overhead_custom(lib.GGML_DEFAULT_GRAPH_SIZE, True))
    net.outputs = lib.ggml_mul_mat(net.ctx, net.weight, net.inputs)
    net.fit(c, net.dataset())


def wrong_eval_before_alloc(c: Any, w: World) -> None:
    """ggml_opt_eval: InvalidArgumentError"""
    c.ggml_opt_eval(Net(w).opt(), ffi.NULL)


def wrong_eval_twice(c: Any, w: World) -> None:
    """ggml_opt_eval: InvalidArgumentError"""
    opt = Net(w).opt()
    lib.ggml_opt_alloc(opt, True)
    lib.ggml_opt_eval(opt, ffi.NULL)
    c.ggml_opt_eval(opt, ffi.NULL)


def wrong_alloc_before_eval(c: Any, w: World) -> None:
    """ggml_opt_alloc: NativeAssertionError"""
    opt = Net(w).opt()
    lib.ggml_opt_alloc(opt, True)
    c.ggml_opt_alloc(opt, True)


def wrong_alloc_backward_of_forward(c: Any, w: World) -> None:
    """ggml_opt_alloc: NativeAssertionError"""
    c.ggml_opt_alloc(Net(w).opt(build_type=lib.GGML_OPT_BUILD_TYPE_FORWARD), True)


def wrong_alloc_unprepared(c: Any, w: World) -> None:
    """ggml_opt_alloc: InvalidArgumentError"""
    c.ggml_opt_alloc(DynamicNet(w).opt(), True)


def wrong_alloc_prepared_once(c: Any, w: World) -> None:
    """ggml_opt_alloc: InvalidArgumentError"""
    net = DynamicNet(w)
    opt = net.opt()
    net.prepare(opt)
    lib.ggml_opt_alloc(opt, True)
    lib.ggml_opt_eval(opt, ffi.NULL)
    c.ggml_opt_alloc(opt, True)


def wrong_alloc_of_freed_graph(c: Any, w: World) -> None:
    """ggml_opt_alloc: FreedHandleError"""
    net = DynamicNet(w)
    opt = net.opt()
    net.prepare(opt)
    lib.ggml_free(net.ctx)
    c.ggml_opt_alloc(opt, True)


def wrong_eval_of_freed_graph(c: Any, w: World) -> None:
    """ggml_opt_eval: FreedHandleError"""
    net = DynamicNet(w)
    opt = net.opt()
    net.prepare(opt)
    lib.ggml_opt_alloc(opt, True)
    lib.ggml_free(net.ctx)
    c.ggml_opt_eval(opt, ffi.NULL)


def wrong_eval_of_freed_weights(c: Any, w: World) -> None:
    """ggml_opt_eval: FreedHandleError"""
    net = Net(w)
    opt = net.opt()
    lib.ggml_opt_alloc(opt, True)
    lib.ggml_free(net.fixed)
    c.ggml_opt_eval(opt, ffi.NULL)


def wrong_prepare_static(c: Any, w: World) -> None:
    """ggml_opt_prepare_alloc: NativeAssertionError"""
    net = Net(w)
    c.ggml_opt_prepare_alloc(net.opt(), net.ctx, w.graph(), net.inputs, net.outputs)


def wrong_prepare_null(c: Any, w: World) -> None:
    """ggml_opt_prepare_alloc: InvalidArgumentError"""
    net = DynamicNet(w)
    c.ggml_opt_prepare_alloc(net.opt(), net.ctx, ffi.NULL, net.inputs, net.outputs)


def wrong_eval_after_other_use(c: Any, w: World) -> None:
    """ggml_opt_eval: InvalidArgumentError"""
    net = Net(w)
    opt = net.opt()
    lib.ggml_opt_alloc(opt, True)
    lib.ggml_backend_sched_reset(net.sched)
    graph, _, _ = sum_graph(w)
    assert lib.ggml_backend_sched_alloc_graph(net.sched, graph)
    c.ggml_opt_eval(opt, ffi.NULL)


def wrong_compute_after_training(c: Any, w: World) -> None:
    """ggml_backend_sched_graph_compute: InvalidArgumentError"""
    net = Net(w)
    opt = net.opt()
    lib.ggml_opt_alloc(opt, True)
    lib.ggml_opt_eval(opt, ffi.NULL)
    lib.ggml_opt_free(opt)
    graph, _, _ = sum_graph(w)
    c.ggml_backend_sched_graph_compute(net.sched, graph)


def wrong_two_trainers_of_one_sched(c: Any, w: World) -> None:
    """ggml_opt_alloc: InvalidArgumentError"""
    net = Net(w)
    one, two = net.opt(), Net(w, sched=net.sched).opt()
    for opt in (one, two):
        lib.ggml_opt_alloc(opt, True)
        lib.ggml_opt_eval(opt, ffi.NULL)
    c.ggml_opt_alloc(one, True)


def wrong_optimizer_params(c: Any, w: World) -> None:
    """ggml_opt_eval: NativeAssertionError"""
    params = w.keep(ffi.new("struct ggml_opt_optimizer_params *"))
    net = Net(w)
    pars = ffi.addressof(lib, "ggml_opt_get_constant_optimizer_params")
    opt = net.opt(get_opt_pars=pars, get_opt_pars_ud=params)
    lib.ggml_opt_alloc(opt, True)
    c.ggml_opt_eval(opt, ffi.NULL)


def wrong_constant_params_null(c: Any, w: World) -> None:
    """ggml_opt_get_constant_optimizer_params: InvalidArgumentError"""
    c.ggml_opt_get_constant_optimizer_params(ffi.NULL)


def wrong_grad_acc_without_graph(c: Any, w: World) -> None:
    """ggml_opt_grad_acc: InvalidArgumentError"""
    net = DynamicNet(w)
    c.ggml_opt_grad_acc(net.opt(), net.weight)


def wrong_grad_acc_of_forward(c: Any, w: World) -> None:
    """ggml_opt_grad_acc: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_grad_acc(net.opt(build_type=lib.GGML_OPT_BUILD_TYPE_FORWARD), net.weight)


def wrong_result_mixed(c: Any, w: World) -> None:
    """ggml_opt_eval: NativeAssertionError"""
    result = lib.ggml_opt_result_init()
    for n in (4, 2):
        opt = Net(w, n).opt()
        lib.ggml_opt_alloc(opt, False)
        if n == 4:
            lib.ggml_opt_eval(opt, result)
    c.ggml_opt_eval(opt, result)


def wrong_result_freed(c: Any, w: World) -> None:
    """ggml_opt_eval: FreedHandleError"""
    result = lib.ggml_opt_result_init()
    lib.ggml_opt_result_free(result)
    opt = Net(w).opt()
    lib.ggml_opt_alloc(opt, False)
    c.ggml_opt_eval(opt, result)


def wrong_result_null(c: Any, w: World) -> None:
    """ggml_opt_result_loss: InvalidArgumentError"""
    c.ggml_opt_result_loss(lib.ggml_opt_result_init(), ffi.NULL, ffi.NULL)


def wrong_optimizer_name(c: Any, w: World) -> None:
    """ggml_opt_optimizer_name: InvalidArgumentError"""
    c.ggml_opt_optimizer_name(lib.GGML_OPT_OPTIMIZER_TYPE_COUNT)


def wrong_epoch_dynamic(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = DynamicNet(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(), ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_epoch_split(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(), ffi.NULL, ffi.NULL, 12, ffi.NULL, ffi.NULL)


def wrong_epoch_split_within_batch(c: Any, w: World) -> None:
    """ggml_opt_epoch: NativeAssertionError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(), ffi.NULL, ffi.NULL, 3, ffi.NULL, ffi.NULL)


def wrong_epoch_no_labels(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(labels=0), ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_epoch_labels_unused(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt("SUM"), net.dataset(), ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_epoch_datapoints(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(ne=4), ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_epoch_odd_number(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(ndata=7), ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_epoch_shards(c: Any, w: World) -> None:
    """ggml_opt_epoch: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch(net.opt(), net.dataset(shard=8), ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_epoch_freed_dataset(c: Any, w: World) -> None:
    """ggml_opt_epoch: FreedHandleError"""
    net = Net(w)
    dataset = net.dataset()
    lib.ggml_opt_dataset_free(dataset)
    c.ggml_opt_epoch(net.opt(), dataset, ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)


def wrong_progress_bar_at_zero(c: Any, w: World) -> None:
    """ggml_opt_epoch_callback_progress_bar: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch_callback_progress_bar(True, net.opt(), net.dataset(), lib.ggml_opt_result_init(), 0, 4, 0)


def wrong_progress_bar_without_result(c: Any, w: World) -> None:
    """ggml_opt_epoch_callback_progress_bar: InvalidArgumentError"""
    net = Net(w)
    c.ggml_opt_epoch_callback_progress_bar(True, net.opt(), net.dataset(), ffi.NULL, 1, 4, 0)


def wrong_progress_bar_unprepared(c: Any, w: World) -> None:
    """ggml_opt_epoch_callback_progress_bar: InvalidArgumentError"""
    net = DynamicNet(w)
    c.ggml_opt_epoch_callback_progress_bar(True, net.opt(), net.dataset(), lib.ggml_opt_result_init(), 1, 4, 0)


def wrong_fit_batch_zero(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(), nbatch=0)


def wrong_fit_batch(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(), nbatch=6)


def wrong_fit_empty_inputs(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w, 0)
    net.fit(c, net.dataset())


def wrong_fit_validation(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(), val_split=1.0)


def wrong_fit_validation_nan(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(), val_split=float("nan"))


def wrong_fit_without_pars(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(), pars=ffi.NULL)


def wrong_fit_null_sched(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(), sched=ffi.NULL)


def wrong_fit_labels(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(labels=3))


def wrong_fit_datapoints(c: Any, w: World) -> None:
    """ggml_opt_fit: InvalidArgumentError"""
    net = Net(w)
    net.fit(c, net.dataset(ne=5))


def right_training(c: Any, w: World) -> None:
    net = Net(w)
    opt = c.ggml_opt_init(net.params())
    assert c.ggml_opt_static_graphs(opt)
    assert c.ggml_opt_inputs(opt) == net.inputs
    assert c.ggml_opt_outputs(opt) == net.outputs
    assert c.ggml_opt_labels(opt)
    assert not c.ggml_opt_pred(opt)
    assert not c.ggml_opt_ncorrect(opt)
    assert c.ggml_opt_context_optimizer_type(opt) == lib.GGML_OPT_OPTIMIZER_TYPE_ADAMW
    assert ffi.string(c.ggml_opt_optimizer_name(c.ggml_opt_context_optimizer_type(opt))) == b"adamw"
    result = c.ggml_opt_result_init()
    for _ in range(3):
        c.ggml_opt_alloc(opt, True)
        c.ggml_backend_tensor_memset(net.inputs, 0, 0, 48)
        c.ggml_backend_tensor_memset(c.ggml_opt_labels(opt), 0, 0, 32)
        c.ggml_opt_eval(opt, result)
    c.ggml_opt_alloc(opt, False)
    c.ggml_opt_eval(opt, ffi.NULL)
    c.ggml_opt_reset(opt, True)
    c.ggml_opt_reset(opt, False)
    c.ggml_opt_grad_acc(opt, net.weight)
    loss, unc, ndata = ffi.new("double *"), ffi.new("double *"), ffi.new("int64_t *")
    c.ggml_opt_result_ndata(result, ndata)
    assert ndata[0] == 12
    c.ggml_opt_result_loss(result, loss, unc)
    c.ggml_opt_result_loss(result, loss, ffi.NULL)
    c.ggml_opt_result_accuracy(result, loss, ffi.NULL)
    c.ggml_opt_result_reset(result)
    c.ggml_opt_result_loss(result, loss, ffi.NULL)
    assert loss[0] == 0
    c.ggml_opt_result_pred(result, ffi.new("int32_t[1]"))
    c.ggml_opt_result_free(result)
    c.ggml_opt_free(opt)
    c.ggml_free(net.ctx)
    c.ggml_backend_sched_free(net.sched)


def right_training_of_dynamic_graphs(c: Any, w: World) -> None:
    net = DynamicNet(w)
    opt = net.opt("CROSS_ENTROPY", opt_period=2)
    result = c.ggml_opt_result_init()
    for _ in range(5):
        net.prepare(opt)
        c.ggml_opt_alloc(opt, True)
        c.ggml_backend_tensor_memset(net.inputs, 0, 0, 48)
        c.ggml_backend_tensor_memset(c.ggml_opt_labels(opt), 0, 0, 32)
        c.ggml_opt_eval(opt, result)
        predicted = ffi.new("int32_t[4]")
        c.ggml_backend_tensor_get(c.ggml_opt_pred(opt), predicted, 0, 16)
        c.ggml_free(net.ctx)
    pred = ffi.new("int32_t[20]")
    c.ggml_opt_result_pred(result, pred)
    c.ggml_opt_free(opt)


def right_epochs(c: Any, w: World) -> None:
    net = Net(w)
    dataset, opt = net.dataset(shard=2), net.opt("MEAN_SQUARED_ERROR")
    train, val = c.ggml_opt_result_init(), c.ggml_opt_result_init()
    bar = ffi.addressof(lib, "ggml_opt_epoch_callback_progress_bar")
    for callback in (ffi.NULL, bar):
        c.ggml_opt_epoch(opt, dataset, train, val, 4, callback, callback)
    c.ggml_opt_epoch(opt, dataset, ffi.NULL, ffi.NULL, -1, ffi.NULL, ffi.NULL)
    c.ggml_opt_epoch_callback_progress_bar(True, opt, ffi.NULL, train, 1, 2, 0)
    net.fit(c, net.dataset(), val_split=0.5)
    graph, _, _ = sum_graph(w)
    c.ggml_backend_sched_reset(net.sched)
    assert c.ggml_backend_sched_graph_compute(net.sched, graph) == lib.GGML_STATUS_SUCCESS


def right_training_in_tight_context(c: Any, w: World) -> None:
    """The least memory that is enough, for each loss."""
    graph = lib.ggml_graph_overhead_custom(lib.GGML_DEFAULT_GRAPH_SIZE, True)
    for loss in ("MEAN", "SUM", "MEAN_SQUARED_ERROR", "CROSS_ENTROPY"):
        for tensors in range(2, 40):
            net = Net(w)
            net.ctx = no_alloc(w, 3 * graph + tensors * lib.ggml_tensor_overhead())
            net.outputs = lib.ggml_mul_mat(net.ctx, net.weight, net.inputs)
            opt = lib.ggml_opt_init(net.params(loss))
            if opt:
                break
        else:
            raise AssertionError(loss)
        assert lib.ggml_get_mem_size(net.ctx) - lib.ggml_used_mem(net.ctx) < lib.ggml_tensor_overhead()
        c.ggml_opt_free(opt)


def right_fit(c: Any, w: World) -> None:
    net = Net(w)
    dataset = net.dataset(ndata=16)
    net.fit(c, dataset)
    net.fit(c, dataset, nbatch=8, val_split=0.5, optimizer=lib.GGML_OPT_OPTIMIZER_TYPE_SGD)
    c.ggml_opt_dataset_free(dataset)


# --- RPC --------------------------------------------------------------------------------------------------------------


def closed_port() -> bytes:
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return b"127.0.0.1:%d" % listener.getsockname()[1]


def wrong_rpc_endpoint(c: Any, w: World) -> None:
    """ggml_backend_rpc_init: InvalidArgumentError"""
    c.ggml_backend_rpc_init(b"127.0.0.1", 0)


def wrong_rpc_port(c: Any, w: World) -> None:
    """ggml_backend_rpc_add_server: InvalidArgumentError"""
    c.ggml_backend_rpc_add_server(b"127.0.0.1:port")


def wrong_rpc_refused(c: Any, w: World) -> None:
    """ggml_backend_rpc_add_server: WorkerError"""
    c.ggml_backend_rpc_add_server(closed_port())


def wrong_rpc_refused_init(c: Any, w: World) -> None:
    """ggml_backend_rpc_init: WorkerError"""
    c.ggml_backend_rpc_init(closed_port(), 0)


def wrong_rpc_refused_buffer_type(c: Any, w: World) -> None:
    """ggml_backend_rpc_buffer_type: WorkerError"""
    c.ggml_backend_rpc_buffer_type(closed_port(), 0)


def wrong_rpc_refused_memory(c: Any, w: World) -> None:
    """ggml_backend_rpc_get_device_memory: WorkerError"""
    c.ggml_backend_rpc_get_device_memory(closed_port(), 0, ffi.new("size_t *"), ffi.new("size_t *"))


def wrong_rpc_memory_null(c: Any, w: World) -> None:
    """ggml_backend_rpc_get_device_memory: InvalidArgumentError"""
    c.ggml_backend_rpc_get_device_memory(closed_port(), 0, ffi.NULL, ffi.new("size_t *"))


def wrong_rpc_null(c: Any, w: World) -> None:
    """ggml_backend_rpc_init: InvalidArgumentError"""
    c.ggml_backend_rpc_init(ffi.NULL, 0)


def wrong_rpc_server_hangs_up(c: Any, w: World) -> None:
    """ggml_backend_rpc_add_server: WorkerError"""
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
    c.ggml_backend_rpc_add_server(b"127.0.0.1:%d" % listener.getsockname()[1])


@contextlib.contextmanager
def rpc_server(w: World) -> Generator[bytes, None, None]:
    """The address of a server of this machine's CPU, in a process of its own."""
    endpoint = closed_port()
    code = (
        "from llamacffi import ffi, lib\n"
        'devices = ffi.new("ggml_backend_dev_t[]", [lib.ggml_backend_dev_by_type(0)])\n'
        f"lib.ggml_backend_rpc_start_server({endpoint!r}, ffi.NULL, 1, 1, devices)\n"
    )
    host, _, port = endpoint.decode().partition(":")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(600):
                with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
                    break
                time.sleep(0.1)
            yield endpoint
        finally:
            server.kill()


def wrong_rpc_device(c: Any, w: World) -> None:
    """ggml_backend_rpc_init: InvalidArgumentError"""
    with rpc_server(w) as endpoint:
        c.ggml_backend_rpc_init(endpoint, 1)


def wrong_rpc_buffer_type_device(c: Any, w: World) -> None:
    """ggml_backend_rpc_buffer_type: InvalidArgumentError"""
    with rpc_server(w) as endpoint:
        c.ggml_backend_rpc_buffer_type(endpoint, 2**31)


def wrong_rpc_memory_device(c: Any, w: World) -> None:
    """ggml_backend_rpc_get_device_memory: InvalidArgumentError"""
    with rpc_server(w) as endpoint:
        c.ggml_backend_rpc_get_device_memory(endpoint, 7, ffi.new("size_t *"), ffi.new("size_t *"))


def wrong_rpc_async_elsewhere(c: Any, w: World) -> None:
    """ggml_backend_tensor_set_async: InvalidArgumentError"""
    with rpc_server(w) as endpoint:
        backend = lib.ggml_backend_rpc_init(endpoint, 0)
        c.ggml_backend_tensor_set_async(backend, filled(w, 1), ffi.new("float[1]"), 0, 4)


def wrong_rpc_memory_on_cpu(c: Any, w: World) -> None:
    """ggml_backend_graph_compute: InvalidArgumentError"""
    with rpc_server(w) as endpoint:
        backend = lib.ggml_backend_rpc_init(endpoint, 0)
        ctx = no_alloc(w)
        tensor = new_tensor(w, ctx, 2)
        assert lib.ggml_backend_alloc_ctx_tensors(ctx, backend)
        c.ggml_backend_graph_compute(w.backend, w.graph(lib.ggml_add(w.ggml, w.floats(1, 2), tensor)))


def right_rpc(c: Any, w: World) -> None:
    with rpc_server(w) as endpoint:
        reg = c.ggml_backend_rpc_add_server(endpoint)
        assert c.ggml_backend_reg_dev_count(reg) == 1
        device = c.ggml_backend_reg_dev_get(reg, 0)
        free, total = ffi.new("size_t *"), ffi.new("size_t *")
        c.ggml_backend_rpc_get_device_memory(endpoint, 0, free, total)
        assert total[0]
        backend = c.ggml_backend_dev_init(device, ffi.NULL)
        assert c.ggml_backend_is_rpc(backend)
        ctx = no_alloc(w)
        tensor = new_tensor(w, ctx, 2)
        buffer = c.ggml_backend_alloc_ctx_tensors(ctx, backend)
        c.ggml_backend_tensor_set_async(backend, tensor, ffi.new("float[2]", [1, 2]), 0, 8)
        c.ggml_backend_synchronize(backend)
        c.ggml_backend_tensor_copy(tensor, filled(w, 0, 0))
        sched = c.ggml_backend_sched_new(backends(w, backend, w.backend), ffi.NULL, 2, 64, True, False)
        graph = lib.ggml_new_graph(ctx)
        double = lib.ggml_add(ctx, tensor, tensor)
        lib.ggml_build_forward_expand(graph, double)
        for _ in range(2):
            assert c.ggml_backend_sched_graph_compute(sched, graph) == lib.GGML_STATUS_SUCCESS
        assert values(w, double) == [2, 4]
        event = c.ggml_backend_event_new(device)
        c.ggml_backend_event_record(event, backend)
        c.ggml_backend_event_wait(backend, event)
        c.ggml_backend_event_synchronize(event)
        c.ggml_backend_event_free(event)
        c.ggml_backend_sched_free(sched)
        c.ggml_backend_buffer_free(buffer)
        c.ggml_backend_free(backend)


def wrong_rpc_serve_nothing(c: Any, w: World) -> None:
    """ggml_backend_rpc_start_server: InvalidArgumentError"""
    devices = ffi.new("ggml_backend_dev_t[]", [w.device])
    c.ggml_backend_rpc_start_server(b"127.0.0.1:50999", ffi.NULL, 1, 0, devices)


def wrong_rpc_serve_null(c: Any, w: World) -> None:
    """ggml_backend_rpc_start_server: InvalidArgumentError"""
    c.ggml_backend_rpc_start_server(b"127.0.0.1:50999", ffi.NULL, 1, 1, ffi.new("ggml_backend_dev_t[1]"))


def wrong_rpc_serve_endpoint(c: Any, w: World) -> None:
    """ggml_backend_rpc_start_server: InvalidArgumentError"""
    devices = ffi.new("ggml_backend_dev_t[]", [w.device])
    c.ggml_backend_rpc_start_server(b"localhost", ffi.NULL, 1, 1, devices)


def wrong_rpc_serve_threads(c: Any, w: World) -> None:
    """ggml_backend_rpc_start_server: InvalidArgumentError"""
    devices = ffi.new("ggml_backend_dev_t[]", [w.device])
    c.ggml_backend_rpc_start_server(b"127.0.0.1:50999", ffi.NULL, 10**6, 1, devices)


# --- other backends ---------------------------------------------------------------------------------------------------


def wrong_cuda(c: Any, w: World) -> None:
    """ggml_backend_cuda_init: BackendError"""
    c.ggml_backend_cuda_init(0)


def wrong_vulkan_device(c: Any, w: World) -> None:
    """ggml_backend_vk_buffer_type: BackendError"""
    c.ggml_backend_vk_buffer_type(10**6)


def wrong_sycl_description(c: Any, w: World) -> None:
    """ggml_backend_sycl_get_device_description: InvalidArgumentError | BackendError"""
    c.ggml_backend_sycl_get_device_description(0, ffi.NULL, 10)


def wrong_metal_freed(c: Any, w: World) -> None:
    """ggml_backend_metal_supports_family: FreedHandleError | BackendError"""
    backend = lib.ggml_backend_init_best()
    lib.ggml_backend_free(backend)
    c.ggml_backend_metal_supports_family(backend, 1)
