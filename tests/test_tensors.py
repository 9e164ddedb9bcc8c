"""Tensors as arrays: dtypes, shapes, strides, and every quantized type against ggml's own conversion."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from typing import Any, Callable

import pytest

import llamacffi
from fixture_types import MakeContext
from llamacffi import ffi, lib, tensors
from llamacffi.types import ggml_context_p, ggml_tensor_p, llama_model_p

MakeTensor = Callable[..., ggml_tensor_p]

np = pytest.importorskip("numpy")

# What ggml makes from floats.
QUANTIZED = [
    "q1_0", "q2_0", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "iq2_xxs", "iq2_xs",
    "iq2_s", "iq3_xxs", "iq3_s", "iq1_s", "iq1_m", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "mxfp4", "nvfp4",
]  # fmt: skip
# ggml makes tables for these first, which takes it 2 to 12 seconds.
SLOW = {"iq2_xs", "iq2_s", "iq1_s", "iq1_m"}


@pytest.fixture
def ggml() -> Iterator[ggml_context_p]:
    params = ffi.new("struct ggml_init_params *", {"mem_size": 1 << 20})
    made = llamacffi.ggml_init(params[0])
    yield made
    llamacffi.ggml_free(made)


@pytest.fixture
def tensor(ggml: ggml_context_p) -> MakeTensor:
    """A function that makes a tensor, its bytes random or those given."""

    def make(type_: int, *ne: int, data: Any = None) -> ggml_tensor_p:
        made = llamacffi.ggml_new_tensor(ggml, type_, len(ne), ffi.new("int64_t[]", ne))
        size = lib.ggml_nbytes(made)
        given = bytes(data) if data is not None else random.Random(0).randbytes(size)
        assert len(given) == size
        ffi.memmove(made.data, given, size)
        return made

    return make


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("f32", "float32"),
        ("f16", "float16"),
        ("f64", "float64"),
        ("bf16", "uint16"),
        ("i8", "int8"),
        ("i16", "int16"),
        ("i32", "int32"),
        ("i64", "int64"),
    ],
)
def test_types_of_numbers(tensor: MakeTensor, name: str, dtype: str) -> None:
    made = tensor(tensors.type_number(name), 5, 3, 2)
    seen = tensors.array(made)
    assert seen.dtype == dtype
    assert seen.shape == (2, 3, 5)
    assert seen.tobytes() == bytes(ffi.buffer(ffi.cast("char *", made.data), lib.ggml_nbytes(made)))
    assert seen.__array_interface__["data"][0] == int(ffi.cast("uintptr_t", made.data))  # no copy
    seen[1, 2, 4] = 1
    assert tensors.array(made)[1, 2, 4] == 1


def test_what_is_a_vector_and_what_has_one_row(tensor: MakeTensor) -> None:
    assert tensors.array(tensor(lib.GGML_TYPE_F32, 7)).shape == (7,)
    assert tensors.array(tensor(lib.GGML_TYPE_F32, 7, 1)).shape == (7,)
    assert tensors.array(tensor(lib.GGML_TYPE_F32, 7, 1, 2)).shape == (2, 1, 7)


def test_views_of_tensors(ggml: ggml_context_p, tensor: MakeTensor) -> None:
    """Transposed, permuted, a part of another: by strides, and as ggml itself copies them out."""
    made = tensor(lib.GGML_TYPE_F32, 4, 3, 2, data=array("f", range(24)).tobytes())
    whole = tensors.array(made)
    assert (whole == np.arange(24).reshape(2, 3, 4)).all()
    assert (tensors.array(lib.ggml_transpose(ggml, made)) == whole.transpose(0, 2, 1)).all()
    assert (tensors.array(lib.ggml_permute(ggml, made, 2, 0, 1, 3)) == whole.transpose(2, 0, 1)).all()
    part = lib.ggml_view_2d(ggml, made, 2, 3, made.nb[1], 4)
    assert (tensors.array(part) == whole[0, :, 1:3]).all()
    assert (tensors.dequantize(part) == whole[0, :, 1:3]).all()
    tensors.array(part)[:] = -1
    assert (whole[0, :, 1:3] == -1).all()


def test_permuted_as_ggml_copies(ggml: ggml_context_p, tensor: MakeTensor) -> None:
    made = tensor(lib.GGML_TYPE_F32, 4, 3, 2, data=array("f", range(24)).tobytes())
    permuted = lib.ggml_permute(ggml, made, 1, 2, 0, 3)
    copied = lib.ggml_cont(ggml, permuted)
    graph = lib.ggml_new_graph(ggml)
    llamacffi.ggml_build_forward_expand(graph, copied)
    llamacffi.ggml_graph_compute_with_ctx(ggml, graph, 1)
    assert not tensors.array(permuted).flags.c_contiguous
    assert tensors.array(copied).flags.c_contiguous
    assert (tensors.array(permuted) == tensors.array(copied)).all()


def rows_by_ggml(ggml: ggml_context_p, made: ggml_tensor_p, n: int) -> Any:
    """A tensor's rows as the CPU's get_rows gives them."""
    indices = llamacffi.ggml_new_tensor_1d(ggml, lib.GGML_TYPE_I32, n)
    tensors.array(indices)[:] = range(n)
    rows = llamacffi.ggml_get_rows(ggml, made, indices)
    graph = lib.ggml_new_graph(ggml)
    llamacffi.ggml_build_forward_expand(graph, rows)
    llamacffi.ggml_graph_compute_with_ctx(ggml, graph, 1)
    return tensors.array(rows)


@pytest.mark.parametrize("name", [*QUANTIZED, "f16", "bf16"])
def test_dequantize_any_bytes(ggml: ggml_context_p, tensor: MakeTensor, name: str) -> None:
    made = tensor(tensors.type_number(name), 512, 3)
    floats = tensors.dequantize(made)
    assert floats.shape == (3, 512)
    assert floats.dtype == np.float32
    assert np.array_equal(floats, rows_by_ggml(ggml, made, 3), equal_nan=True)
    apart = lib.ggml_view_2d(ggml, made, 512, 2, 2 * made.nb[1], 0)  # rows that are not neighbours
    assert np.array_equal(tensors.dequantize(apart), floats[::2], equal_nan=True)


@pytest.mark.parametrize("name", [name for name in [*QUANTIZED, "f16", "bf16"] if name not in SLOW])
def test_quantize(tensor: MakeTensor, name: str) -> None:
    number = tensors.type_number(name)
    values = np.random.default_rng(0).standard_normal((3, 512)).astype(np.float32)
    imatrix = np.ones(512, np.float32)
    blocks = tensors.quantize(values, name, imatrix)
    raw = ffi.new("char[]", 3 * lib.ggml_row_size(number, 512))
    rows, weights = ffi.from_buffer("float[]", values), ffi.from_buffer("float[]", imatrix)
    assert lib.ggml_quantize_chunk(number, rows, raw, 0, 3, 512, weights) == len(raw)
    assert blocks.tobytes() == bytes(ffi.buffer(raw))
    made = tensor(number, 512, 3, data=blocks.tobytes())
    assert tensors.array(made).tobytes() == blocks.tobytes()
    assert np.corrcoef(tensors.dequantize(made).ravel(), values.ravel())[0, 1] > 0.6


def test_all_types_that_ggml_quantizes_are_tested() -> None:
    made: set[str] = set()
    for number in range(lib.GGML_TYPE_COUNT):
        with pytest.raises(llamacffi.InvalidArgumentError) as raised:
            llamacffi.ggml_quantize_chunk(number, ffi.new("float[1]"), ffi.new("char[1]"), 0, 0, 0, None)
        if raised.value.argument != "type":
            made.add(tensors.type_name(number))
    assert made == {*QUANTIZED, "f16", "bf16", "f32"}


def test_quantized_as_bytes(tensor: MakeTensor) -> None:
    made = tensor(lib.GGML_TYPE_Q8_0, 64, 3)
    seen = tensors.array(made)
    assert seen.dtype == np.uint8
    assert seen.shape == (3, 2 * 34)


def test_what_has_no_floats(tensor: MakeTensor) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match="q8_1"):
        tensors.dequantize(tensor(lib.GGML_TYPE_Q8_1, 32))


def test_what_is_no_tensor(ggml: ggml_context_p) -> None:
    null: Any = ffi.NULL
    with pytest.raises(llamacffi.LlamaError, match="tensor"):
        tensors.array(null)
    params = ffi.new("struct ggml_init_params *", {"mem_size": 4096, "no_alloc": True})
    context = llamacffi.ggml_init(params[0])
    empty = llamacffi.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 4)
    with pytest.raises(llamacffi.InvalidArgumentError, match="no data"):
        tensors.array(empty)
    llamacffi.ggml_free(context)
    with pytest.raises(llamacffi.InvalidArgumentError, match="q4_0"):
        tensors.type_number("q4")


def test_wrong_values_to_quantize() -> None:
    for values, name, reason in (
        (np.zeros((2, 33)), "q4_0", "no multiple"),
        (np.zeros((2, 0)), "q4_0", "no values"),
        (["a"], "q4_0", "numbers"),
        (np.zeros((2, 32)), "i32", "i32|quantized"),
        (np.zeros((2, 256)), "iq1_s", "imatrix"),
    ):
        with pytest.raises(llamacffi.InvalidArgumentError, match=reason):
            tensors.quantize(values, name)
    with pytest.raises(llamacffi.InvalidArgumentError, match="imatrix has shape"):
        tensors.quantize(np.zeros((2, 256)), "iq1_s", np.ones(4))


def test_tensors_in_an_eval_callback(model: llama_model_p, make_context: MakeContext) -> None:
    """Real activations: what a norm makes of its input, computed again with NumPy."""
    seen: list[tuple[Any, Any]] = []

    def look(tensor: ggml_tensor_p, ask: bool) -> bool:
        mine = ffi.string(tensor.name) == b"norm-0"
        if not ask and mine:
            seen.append((tensors.array(tensor.src[0]).copy(), tensors.array(tensor).copy()))
        return mine

    callback = llamacffi.callback("ggml_backend_sched_eval_callback", look)
    ctx = make_context(cb_eval=callback.function, cb_eval_user_data=callback.user_data)
    tokens = ffi.new("llama_token[]", [1, 2, 3, 4, 5])
    llamacffi.llama_decode(ctx, llamacffi.llama_batch_get_one(tokens, 5))
    before, after = seen[0]
    n_embd = lib.llama_model_n_embd(model)
    assert before.shape == after.shape == (5, n_embd)
    expected = before / np.sqrt((before.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    assert np.allclose(after, expected, rtol=1e-4)


def test_what_lies_on_a_device_is_copied() -> None:
    """On the CPU's device, in a buffer that a backend has allocated; a GPU's is read by the same function."""
    backend = llamacffi.ggml_backend_init_by_type(lib.GGML_BACKEND_DEVICE_TYPE_CPU, None)
    params = ffi.new("struct ggml_init_params *", {"mem_size": 4096, "no_alloc": True})
    context = llamacffi.ggml_init(params[0])
    made = llamacffi.ggml_new_tensor_2d(context, lib.GGML_TYPE_F32, 4, 2)
    buffer = llamacffi.ggml_backend_alloc_ctx_tensors(context, backend)
    llamacffi.ggml_backend_tensor_set(made, np.arange(8, dtype=np.float32), 0, 32)
    part = lib.ggml_transpose(context, made)
    assert (tensors.array(made) == np.arange(8).reshape(2, 4)).all()
    assert (tensors.array(part) == np.arange(8).reshape(2, 4).T).all()
    assert bytes(tensors._copied(made, 32)) == np.arange(8, dtype=np.float32).tobytes()
    llamacffi.ggml_backend_buffer_free(buffer)
    llamacffi.ggml_free(context)
    llamacffi.ggml_backend_free(backend)


def test_without_numpy(run_python: Callable[..., Any]) -> None:
    code = """
import sys
sys.modules["numpy"] = None
import llamacffi
from llamacffi import ffi, lib, tensors
context = llamacffi.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 16})[0])
f32 = llamacffi.ggml_new_tensor_2d(context, lib.GGML_TYPE_F32, 3, 2)
ffi.memmove(f32.data, memoryview(ffi.buffer(ffi.new("float[]", [0, 1, 2, 3, 4, 5]))), 24)
seen = tensors.array(f32)
assert (seen.shape, seen.format, seen[1, 2]) == ((2, 3), "f", 5), seen
assert tensors.dequantize(f32).tolist() == [[0, 1, 2], [3, 4, 5]]
try:
    tensors.array(lib.ggml_transpose(context, f32))
except llamacffi.InvalidArgumentError as error:
    assert "NumPy" in str(error)
else:
    raise AssertionError
q8 = llamacffi.ggml_new_tensor_2d(context, lib.GGML_TYPE_Q8_0, 32, 2)
ffi.memmove(q8.data, bytes([0, 60, *range(32)]) * 2, 68)  # a scale of 1 in float16
assert tensors.array(q8).shape == (2, 34)
assert tensors.dequantize(q8).tolist() == [[float(i) for i in range(32)]] * 2
try:
    tensors.quantize([1.0] * 32, "q8_0")
except llamacffi.LlamaError as error:
    assert "NumPy" in str(error)
else:
    raise AssertionError
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
