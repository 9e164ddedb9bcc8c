"""What the checked facade takes where C takes a pointer, a text, a struct or a function, and what it refuses."""

from __future__ import annotations

import array
import ctypes
import gc
import importlib.util
import os
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

import llamacffi
from llamacffi import InvalidArgumentError, LlamaError, arguments, ffi, lib
from llamacffi.types import ggml_context_p, ggml_tensor_p, gguf_context_p, llama_model_p, llama_vocab_p
from untyped import unchecked

# Not on PyPy.
numpy: Any = importlib.import_module("numpy") if importlib.util.find_spec("numpy") else None
needs_numpy = pytest.mark.skipif(numpy is None, reason="NumPy is not installed")
HALVES = [0x3C00, 0x4000, 0xC000]  # 1, 2 and -2 in half precision
SINGLES = [1.0, 2.0, -2.0]


def refused(
    function: str, argument: str, text: str, *args: Any, kind: type[Exception] = InvalidArgumentError, **kwargs: Any
) -> None:
    """The call raises, and the message begins with the names and says this."""
    with pytest.raises(kind) as raised:
        getattr(llamacffi, function)(*args, **kwargs)
    error = raised.value
    assert isinstance(error, InvalidArgumentError)
    assert (error.function, error.argument) == (function, argument)
    assert str(error).startswith(f"{function}: {argument}")
    assert text in str(error)


@pytest.fixture
def vocab(model: llama_model_p) -> llama_vocab_p:
    return lib.llama_model_get_vocab(model)


@pytest.fixture
def gguf() -> Any:
    gguf = lib.gguf_init_empty()
    yield gguf
    lib.gguf_free(gguf)


@pytest.fixture
def context() -> Any:
    context = lib.ggml_init({"mem_size": 1 << 20})
    yield context
    lib.ggml_free(context)


@pytest.fixture
def tensor(context: ggml_context_p) -> Any:
    """Four floats in a buffer of the CPU's."""
    llamacffi.backends.load_backends()
    backend = lib.ggml_backend_init_by_type(lib.GGML_BACKEND_DEVICE_TYPE_CPU, ffi.NULL)
    context = lib.ggml_init({"mem_size": 1 << 16, "no_alloc": True})
    tensor = lib.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 4)
    buffer = lib.ggml_backend_alloc_ctx_tensors(context, backend)
    yield tensor
    lib.ggml_free(context)
    lib.ggml_backend_buffer_free(buffer)
    lib.ggml_backend_free(backend)


# --- arguments by name ---


def test_arguments_by_name(vocab: llama_vocab_p) -> None:
    tokens = ffi.new("llama_token[16]")
    by_place = llamacffi.llama_tokenize(vocab, b"Hello", 5, tokens, 16, False, False)
    by_name = llamacffi.llama_tokenize(
        parse_special=False, add_special=False, n_tokens_max=16, tokens=tokens, text_len=5, text=b"Hello", vocab=vocab
    )
    assert by_place == by_name > 0


def test_a_name_that_python_keeps_for_itself(context: ggml_context_p) -> None:
    experts = lib.ggml_new_tensor_3d(context, lib.GGML_TYPE_F32, 4, 4, 2)
    ids = lib.ggml_new_tensor_2d(context, lib.GGML_TYPE_I32, 1, 1)
    values = lib.ggml_new_tensor_3d(context, lib.GGML_TYPE_F32, 4, 1, 1)
    assert llamacffi.ggml_mul_mat_id(ctx=context, as_=experts, b=values, ids=ids)


def test_a_parameter_without_a_name_in_c() -> None:
    assert llamacffi.ggml_fp16_to_fp32(arg0=0x3C00) == 1.0


def test_wrong_number_of_arguments_is_pythons_affair() -> None:
    with pytest.raises(TypeError, match=r"llama_n_ctx\(\) missing 1 required positional argument: 'ctx'"):
        unchecked.llama_n_ctx()
    with pytest.raises(TypeError, match="llama_time_us"):
        unchecked.llama_time_us(1)
    with pytest.raises(TypeError, match="no_such_name"):
        unchecked.llama_n_ctx(no_such_name=1)


# --- buffers that C reads and writes ---


def buffers() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """What can take the place of `const ggml_fp16_t *` and of `float *`, by name."""
    found: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "cffi array": (lambda: ffi.new("ggml_fp16_t[]", HALVES), lambda: ffi.new("float[3]")),
        "array.array": (lambda: array.array("H", HALVES), lambda: array.array("f", [0, 0, 0])),
        "memoryview": (
            lambda: memoryview(array.array("H", HALVES)).toreadonly(),
            lambda: memoryview(array.array("f", [0, 0, 0])),
        ),
        "cast memoryview": (
            lambda: memoryview(array.array("H", HALVES).tobytes()).cast("H"),
            lambda: memoryview(bytearray(12)).cast("f"),
        ),
        "ctypes array": (lambda: (ctypes.c_uint16 * 3)(*HALVES), lambda: (ctypes.c_float * 3)()),
    }
    if numpy is not None:
        found["NumPy array"] = (
            lambda: numpy.array(HALVES, numpy.uint16),
            lambda: numpy.zeros(3, numpy.float32),
        )
        found["NumPy half precision"] = (
            lambda: numpy.array(SINGLES, numpy.float16),
            lambda: numpy.zeros((1, 3), numpy.float32),
        )
        found["read-only NumPy array"] = (
            lambda: numpy.frombuffer(array.array("H", HALVES).tobytes(), numpy.uint16),
            lambda: numpy.zeros(6, numpy.float32)[3:],
        )
    return found


@pytest.mark.parametrize("name", buffers())
def test_buffer_without_a_copy(name: str) -> None:
    source, target = (make() for make in buffers()[name])
    llamacffi.ggml_fp16_to_fp32_row(source, target, 3)
    found: Any = target if isinstance(target, ffi.CData) else memoryview(target).cast("B").cast("f")
    assert list(found) == SINGLES


def test_longer_buffer_is_fine() -> None:
    target = array.array("f", [7.0] * 5)
    llamacffi.ggml_fp16_to_fp32_row(array.array("H", HALVES), target, 3)
    assert list(target) == [*SINGLES, 7.0, 7.0]


@pytest.mark.parametrize("pointer", [ctypes.pointer, ctypes.byref])
def test_ctypes_pointer(pointer: Callable[[Any], Any]) -> None:
    source, target = (ctypes.c_uint16 * 3)(*HALVES), (ctypes.c_float * 3)()
    llamacffi.ggml_fp16_to_fp32_row(pointer(source), pointer(target), 3)
    assert list(target) == SINGLES
    first = ctypes.cast(target, ctypes.POINTER(ctypes.c_float))
    target[0] = 0
    llamacffi.ggml_fp16_to_fp32_row(ctypes.cast(source, ctypes.c_void_p), first, 3)
    assert list(target) == SINGLES


def test_ctypes_pointer_of_another_type() -> None:
    wrong = ctypes.pointer((ctypes.c_double * 3)())
    refused("ggml_fp16_to_fp32_row", "arg1", "C takes float *", array.array("H", HALVES), wrong, 3)
    refused("ggml_fp16_to_fp32_row", "arg1", "C takes float *", array.array("H", HALVES), ctypes.c_char_p(b"x"), 3)


def test_null_from_ctypes(vocab: llama_vocab_p) -> None:
    null = ctypes.c_void_p()
    assert llamacffi.llama_tokenize(vocab, b"Hello", 5, null, 0, False, False) < 0
    assert llamacffi.llama_tokenize(vocab, b"Hello", 5, ctypes.POINTER(ctypes.c_int32)(), 0, False, False) < 0


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy's byref does not tell what is behind it")
def test_ctypes_byref_behind_whose_offset_too_little_is_left() -> None:
    target = (ctypes.c_float * 3)()
    refused("ggml_fp16_to_fp32_row", "arg1", "room for 2", array.array("H", HALVES), ctypes.byref(target, 4), 3)


def test_ctypes_number() -> None:
    assert unchecked.ggml_fp16_to_fp32(ctypes.c_uint16(0x3C00)) == 1.0


def test_bytes_and_bytearray_for_bytes_of_any_meaning(tensor: ggml_tensor_p) -> None:
    content = array.array("f", [1, 2, 3, 4]).tobytes()
    for given in (content, bytearray(content), memoryview(content), array.array("f", [1, 2, 3, 4])):
        llamacffi.ggml_backend_tensor_set(tensor, given, 0, 16)
        back = bytearray(16)
        llamacffi.ggml_backend_tensor_get(tensor, back, 0, 16)
        assert back == content
        lib.ggml_backend_tensor_memset(tensor, 0, 0, 16)


@pytest.mark.parametrize("code", ["h", "i", "I", "f", "d", "b"])
def test_wrong_element_type(code: str) -> None:
    words = {"h": "int16", "i": "int32", "I": "uint32", "f": "float32", "d": "float64", "b": "int8"}
    wrong = array.array(code, [0] * 8)
    refused("ggml_fp16_to_fp32_row", "arg0", words[code], wrong, array.array("f", [0] * 3), 3, kind=TypeError)


@needs_numpy
def test_wrong_dtype() -> None:
    halves = numpy.array(HALVES, numpy.uint16)
    for wrong, text in [
        (numpy.zeros(3), "float64"),
        (numpy.zeros(3, ">f4"), "float32 of the other byte order"),
        (numpy.zeros(3, object), "'O'"),
        (numpy.zeros(3, complex), "'Zd'"),
        (numpy.zeros(3, "datetime64[s]"), "not ndarray"),
    ]:
        refused("ggml_fp16_to_fp32_row", "arg1", text, halves, wrong, 3)


def test_elements_that_do_not_lie_one_after_another() -> None:
    every_second = memoryview(array.array("f", [0] * 6))[::2]
    refused("ggml_fp16_to_fp32_row", "arg1", "one after another", array.array("H", HALVES), every_second, 3)


@needs_numpy
def test_numpy_array_in_another_order() -> None:
    halves = numpy.array(HALVES, numpy.uint16)
    for wrong in (numpy.zeros(6, numpy.float32)[::2], numpy.zeros((2, 2), numpy.float32, order="F")):
        refused("ggml_fp16_to_fp32_row", "arg1", "one after another", halves, wrong, 3)


def test_read_only_buffer_where_c_writes(tensor: ggml_tensor_p) -> None:
    halves = array.array("H", HALVES)
    read_only = memoryview(array.array("f", [0] * 3)).toreadonly()
    refused("ggml_fp16_to_fp32_row", "arg1", "read-only", halves, read_only, 3)
    refused("ggml_backend_tensor_get", "data", "this bytes is read-only", tensor, bytes(16), 0, 16)
    refused("llama_split_path", "split_path", "this bytes is read-only", bytes(64), 64, b"model", 0, 2)
    refused("llama_split_path", "split_path", "C writes here", "text", 4, b"model", 0, 2)


@needs_numpy
def test_read_only_numpy_array_where_c_writes() -> None:
    target = numpy.zeros(3, numpy.float32)
    target.flags.writeable = False
    refused("ggml_fp16_to_fp32_row", "arg1", "read-only", array.array("H", HALVES), target, 3)


def test_list_where_c_writes(vocab: llama_vocab_p) -> None:
    """cffi takes one, and drops what C writes."""
    refused("llama_tokenize", "tokens", "C writes here", vocab, b"Hello", 5, [0] * 16, 16, False, False, kind=TypeError)
    refused("ggml_opt_result_ndata", "ndata", "C writes here", lib.ggml_opt_result_init(), [0], kind=TypeError)


def test_list_where_c_reads(context: ggml_context_p) -> None:
    for shape in ([4, 3, 2], (4, 3, 2), array.array("q", [4, 3, 2]), ffi.new("int64_t[]", [4, 3, 2])):
        assert lib.ggml_nelements(llamacffi.ggml_new_tensor(context, lib.GGML_TYPE_F32, 3, shape)) == 24
    assert list(llamacffi.llama_batch_get_one([1, 2, 3], 3).token[0:3]) == [1, 2, 3]
    refused("ggml_new_tensor", "ne", "holds 2 int64_t, and n_dims = 3", context, lib.GGML_TYPE_F32, 3, [4, 3])
    refused("ggml_new_tensor", "ne", "an element", context, lib.GGML_TYPE_F32, 1, ["4"], kind=TypeError)
    refused("ggml_new_tensor", "ne", "an element", context, lib.GGML_TYPE_F32, 1, [2**63], kind=OverflowError)


def test_list_of_structs(vocab: llama_vocab_p) -> None:
    biases = [{"token": 1, "bias": -1.0}, {"token": 2, "bias": 1.0}]
    sampler = llamacffi.llama_sampler_init_logit_bias(100, 2, biases)
    assert sampler
    lib.llama_sampler_free(sampler)
    refused("llama_sampler_init_logit_bias", "logit_bias", "and n_logit_bias = 3", 100, 3, biases)


def test_list_of_handles() -> None:
    llamacffi.backends.load_backends()
    types = [lib.ggml_backend_cpu_buffer_type()]
    allocator = llamacffi.ggml_gallocr_new_n(types, 1)
    assert allocator
    lib.ggml_gallocr_free(allocator)
    refused("ggml_gallocr_new_n", "bufts", "and n_bufs = 2", types, 2)


# --- sizes ---


@pytest.mark.parametrize(
    "short",
    [
        lambda: ffi.new("float[2]"),
        lambda: ffi.new("float *"),
        lambda: ffi.new("float[5]")[1:3],
        lambda: ffi.from_buffer("float[]", bytearray(8)),
        lambda: array.array("f", [0, 0]),
        lambda: (ctypes.c_float * 2)(),
        lambda: memoryview(bytearray(8)).cast("f"),
    ],
)
def test_buffer_that_is_too_short(short: Callable[[], Any]) -> None:
    refused("ggml_fp16_to_fp32_row", "arg1", "arg2 = 3", ffi.new("ggml_fp16_t[]", HALVES), short(), 3)


@needs_numpy
def test_numpy_array_that_is_too_short() -> None:
    short = numpy.zeros(2, numpy.float32)
    refused("ggml_fp16_to_fp32_row", "arg1", "room for 2 float, and arg2 = 3", array.array("H", HALVES), short, 3)


def test_pointer_without_a_known_size_is_let_pass() -> None:
    source, target = ffi.new("ggml_fp16_t[]", HALVES), ffi.new("float[3]")
    llamacffi.ggml_fp16_to_fp32_row(source + 0, target + 0, 3)
    assert list(target) == SINGLES


def test_size_in_bytes(tensor: ggml_tensor_p) -> None:
    for short in (bytes(8), bytearray(8), ffi.new("char[8]"), ffi.new("float[2]"), array.array("f", [0, 0])):
        refused("ggml_backend_tensor_set", "data", "and size = 16", tensor, short, 0, 16)
    refused("ggml_backend_tensor_get", "data", "room for 8 bytes, and size = 16", tensor, bytearray(8), 0, 16)


def test_size_of_several_pieces(tensor: ggml_tensor_p) -> None:
    content = array.array("f", range(8))
    llamacffi.ggml_backend_tensor_set_2d(tensor, content, 0, 4, 4, 4, 8)
    back = array.array("f", [0] * 4)
    llamacffi.ggml_backend_tensor_get(tensor, back, 0, 16)
    assert list(back) == [0, 2, 4, 6]
    refused("ggml_backend_tensor_set_2d", "data", "holds 24 bytes, and C takes 28", tensor, content[:6], 0, 4, 4, 4, 8)


def test_size_of_quantized_rows() -> None:
    row = array.array("f", [0.5] * 64)
    for short, n in ((35, 64), (17, 32)):
        args = lib.GGML_TYPE_Q4_0, row, bytearray(short), 0, 1, n, None
        refused("ggml_quantize_chunk", "dst", f"room for {short} bytes, and C takes {short + 1}", *args)
    refused("ggml_quantize_chunk", "src", "holds 64 float", lib.GGML_TYPE_Q4_0, row, bytearray(99), 64, 1, 64, None)
    target = bytearray(36)
    assert llamacffi.ggml_quantize_chunk(lib.GGML_TYPE_Q4_0, row, target, 0, 2, 32, ffi.NULL) == 36
    assert any(target)


def test_size_by_gguf_type(gguf: gguf_context_p) -> None:
    llamacffi.gguf_set_arr_data(gguf, "numbers", lib.GGUF_TYPE_INT16, array.array("h", [1, 2, 3]), 3)
    numbers = ffi.cast("int16_t *", lib.gguf_get_arr_data(gguf, lib.gguf_find_key(gguf, b"numbers")))
    assert list(numbers[0:3]) == [1, 2, 3]
    short = array.array("h", [1, 2, 3])
    refused("gguf_set_arr_data", "data", "holds 6 bytes, and C takes 12", gguf, "n", lib.GGUF_TYPE_INT32, short, 3)


def test_size_of_a_gguf_tensor(gguf: gguf_context_p, context: ggml_context_p) -> None:
    lib.gguf_add_tensor(gguf, lib.ggml_set_name(lib.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 4), b"weight"))
    refused("gguf_set_tensor_data", "data", "holds 8 bytes, and C takes 16", gguf, "weight", array.array("f", [0, 0]))
    llamacffi.gguf_set_tensor_data(gguf, "weight", array.array("f", [1, 2, 3, 4]))


def test_size_of_one_element() -> None:
    result = lib.ggml_opt_result_init()
    for number in (ffi.new("int64_t *", 7), ffi.new("int64_t[1]", [7]), array.array("q", [7])):
        llamacffi.ggml_opt_result_ndata(result, number)
        assert number[0] == 0
    count = ctypes.c_int64(7)
    llamacffi.ggml_opt_result_ndata(result, ctypes.byref(count))
    assert count.value == 0
    refused("ggml_opt_result_ndata", "ndata", "room for 0 int64_t, and C takes 1", result, array.array("q"))
    refused("ggml_opt_result_ndata", "ndata", "room for 0 int64_t, and C takes 1", result, ffi.new("int64_t[0]"))
    lib.ggml_opt_result_free(result)


def test_absurd_size(vocab: llama_vocab_p) -> None:
    tokens = ffi.new("llama_token[4]")
    for n in (5, 2**31 - 1):
        refused("llama_tokenize", "tokens", f"n_tokens_max = {n}", vocab, b"Hello", 5, tokens, n, False, False)
    refused("llama_tokenize", "n_tokens_max", "does not fit", vocab, b"x", 1, tokens + 0, 2**31, False, False)
    for wrong in (None, "5"):
        with pytest.raises(InvalidArgumentError):
            unchecked.llama_tokenize(vocab, b"Hello", 5, tokens, wrong, False, False)


# --- texts ---


def test_text(vocab: llama_vocab_p) -> None:
    expected = ffi.new("llama_token[16]")
    n = lib.llama_tokenize(vocab, "Grüße".encode(), 7, expected, 16, False, False)
    for text in (
        "Grüße",
        "Grüße".encode(),
        bytearray("Grüße".encode()),
        memoryview("Grüße".encode()),
        ffi.new("char[]", "Grüße".encode()),
    ):
        tokens = array.array("i", [0] * 16)
        assert llamacffi.llama_tokenize(vocab, text, 7, tokens, 16, False, False) == n
        assert list(tokens) == list(expected)


def test_length_of_a_text_is_in_bytes(vocab: llama_vocab_p) -> None:
    tokens = ffi.new("llama_token[16]")
    refused("llama_tokenize", "text", "7 bytes in UTF-8", vocab, "Grüße", 5, tokens, 16, False, False)
    assert llamacffi.llama_tokenize(vocab, "Grüße", 4, tokens, 16, False, False) > 0  # "Grü", on purpose
    for text in ("Hi", b"Hi", bytearray(b"Hi"), ffi.new("char[2]", b"Hi")):
        refused("llama_tokenize", "text", "and text_len = 9", vocab, text, 9, tokens, 16, False, False)


def test_text_that_nul_ends(gguf: gguf_context_p) -> None:
    for key in ("key", b"key", bytearray(b"key"), ffi.new("char[]", b"key"), ctypes.c_char_p(b"key")):
        llamacffi.gguf_set_val_str(gguf, key, "wörter")
        assert ffi.string(lib.gguf_get_val_str(gguf, llamacffi.gguf_find_key(gguf, key))).decode() == "wörter"
        lib.gguf_remove_key(gguf, b"key")


def test_text_with_a_nul(gguf: gguf_context_p) -> None:
    for key in ("k\0y", bytearray(b"k\0y")):
        refused("gguf_find_key", "key", "NUL", gguf, key, kind=ValueError)


def test_text_with_a_nul_and_a_length(vocab: llama_vocab_p) -> None:
    assert llamacffi.llama_tokenize(vocab, "a\0b", 3, ffi.new("llama_token[16]"), 16, False, False) > 0


def test_text_that_is_none_of_utf_8(gguf: gguf_context_p) -> None:
    assert llamacffi.gguf_find_key(gguf, "\udcff") == -1  # a byte that was none, as Python's own functions give it
    refused("gguf_find_key", "key", "surrogate", gguf, "\ud800")


def test_wrong_type_for_a_text(gguf: gguf_context_p) -> None:
    for wrong in (5, 5.0, ["key"], object(), array.array("i", [1])):
        refused("gguf_find_key", "key", "C takes char *", gguf, wrong, kind=TypeError)


def test_path(tmp_path: Path, gguf: gguf_context_p) -> None:
    class Named:
        def __init__(self, name: Any) -> None:
            self.name = name

        def __fspath__(self) -> Any:
            return self.name

    path = tmp_path / "ä.gguf"
    for name in (path, str(path), os.fsencode(path), Named(str(path)), Named(os.fsencode(path))):
        assert llamacffi.gguf_write_to_file(gguf, name, False) is True
        loaded = llamacffi.gguf_init_from_file(name, {"no_alloc": True})
        assert loaded
        lib.gguf_free(loaded)
        path.unlink()
    refused("gguf_init_from_file", "fname", "NUL", Path("a\0b"), {"no_alloc": True})


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are not just bytes there")
def test_path_that_is_no_utf_8(tmp_path: Path, gguf: gguf_context_p) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.gguf"
    assert llamacffi.gguf_write_to_file(gguf, os.fsdecode(path), False)
    assert os.path.exists(path)


def test_list_of_texts(gguf: gguf_context_p) -> None:
    texts: Any
    for texts in (["a", "ß", ""], (b"a", "ß".encode(), b""), [ffi.new("char[]", b"a"), "ß", b""]):
        if isinstance(texts[0], ffi.CData):
            kept = texts[0]
            assert kept
        llamacffi.gguf_set_arr_str(gguf, "texts", texts, 3)
        index = lib.gguf_find_key(gguf, b"texts")
        found = [ffi.string(lib.gguf_get_arr_str(gguf, index, i)).decode() for i in range(3)]
        assert found == ["a", "ß", ""]
    strings = (ctypes.c_char_p * 2)(b"x", b"y")
    llamacffi.gguf_set_arr_str(gguf, "texts", strings, 2)
    assert ffi.string(lib.gguf_get_arr_str(gguf, lib.gguf_find_key(gguf, b"texts"), 1)) == b"y"
    refused("gguf_set_arr_str", "data", "holds 1 char *, and n = 2", gguf, "texts", ["a"], 2)
    refused("gguf_set_arr_str", "data", "", gguf, "texts", [1], 1, kind=TypeError)
    refused("gguf_set_arr_str", "data", "NUL", gguf, "texts", ["a\0b"], 1)
    refused("gguf_set_arr_str", "data", "C takes char * *", gguf, "texts", "ab", 2, kind=TypeError)


def test_list_of_paths(tmp_path: Path) -> None:
    params = lib.llama_model_default_params()
    assert not llamacffi.llama_model_load_from_splits([tmp_path / "no", str(tmp_path / "such")], 2, params)
    refused("llama_model_load_from_splits", "paths", "and n_paths = 2", [tmp_path], 2, params)


def test_array_of_texts_that_c_fills() -> None:
    n = llamacffi.llama_chat_builtin_templates(None, 0)
    names = ffi.new("char *[]", n)
    assert llamacffi.llama_chat_builtin_templates(names, n) == n
    assert b"chatml" in [ffi.string(name) for name in names]
    refused("llama_chat_builtin_templates", "output", "C writes here", [None] * n, n)
    refused("llama_chat_builtin_templates", "output", f"and len = {n}", ffi.new("char *[]", n - 1), n)


# --- NULL, structs, handles, numbers ---


def test_none_is_null(vocab: llama_vocab_p, log: Callable[[], object]) -> None:
    assert llamacffi.llama_tokenize(vocab, b"Hello", 5, None, 0, False, False) < 0
    assert unchecked.llama_free(None) is None
    assert unchecked.ggml_log_set(None, None) is None
    refused("llama_n_ctx", "ctx", "NULL", None)


def test_struct_and_pointer_to_it() -> None:
    value = lib.ggml_threadpool_params_default(2)
    pointer = ffi.new("struct ggml_threadpool_params *", value)
    assert llamacffi.ggml_threadpool_params_match(value, pointer) is True
    llamacffi.ggml_threadpool_params_init(value, 3)
    assert value.n_threads == 3
    params = ffi.new("struct ggml_init_params *", {"mem_size": 1 << 16})
    for given in (params, params[0], {"mem_size": 1 << 16}):
        lib.ggml_free(llamacffi.ggml_init(given))
    refused("ggml_init", "params", "no field 'mem_sise'", {"mem_sise": 1})
    refused("ggml_init", "params", "C takes struct ggml_init_params", value)
    refused("ggml_threadpool_params_init", "p", "C takes struct ggml_threadpool_params *", params[0], 3)


def test_list_for_a_text_or_a_struct(gguf: gguf_context_p) -> None:
    """cffi makes an array of it, of which C would read and write more than there is."""
    texts: list[Any] = [[], (), [b"k", b"\0"]]
    for wrong in texts:
        refused("gguf_find_key", "key", "C takes char *", gguf, wrong, kind=TypeError)
    structs: list[Any] = [[], (), [{}]]
    for wrong in structs:
        refused("llama_sampler_reset", "smpl", "C takes struct llama_sampler *", wrong, kind=TypeError)
        refused("ggml_threadpool_params_init", "p", "C takes struct ggml_threadpool_params *", wrong, 3, kind=TypeError)


def test_ctypes_pointer_for_a_handle() -> None:
    for wrong in (ctypes.pointer(ctypes.c_int(5)), ctypes.byref(ctypes.c_int(5)), ctypes.pointer(ctypes.c_void_p())):
        refused("ggml_backend_buft_name", "buft", "C takes struct ggml_backend_buffer_type *", wrong, kind=TypeError)
        refused("ggml_gallocr_new_n", "bufts", "C takes", ctypes.pointer(ctypes.c_double()), 1, kind=TypeError)


def test_handle_of_another_kind(vocab: llama_vocab_p) -> None:
    refused("llama_n_ctx", "ctx", "C takes struct llama_context *, not struct llama_vocab *", vocab, kind=TypeError)


def test_handle_from_ctypes(model: llama_model_p) -> None:
    address = int(ffi.cast("uintptr_t", model))
    assert unchecked.llama_model_n_embd(ctypes.c_void_p(address)) == lib.llama_model_n_embd(model)


def test_address_as_a_number(model: llama_model_p) -> None:
    address = int(ffi.cast("uintptr_t", model))
    refused("llama_model_n_embd", "model", 'ffi.cast("struct llama_model *", address)', address, kind=TypeError)
    assert llamacffi.llama_model_n_embd(ffi.cast("struct llama_model *", address)) > 0


def test_numbers() -> None:
    refused("llama_sampler_init_top_k", "k", "= 2147483648: does not fit int32_t", 2**31, kind=OverflowError)
    refused("llama_sampler_init_top_k", "k", "= '40': C takes int32_t, not str", "40", kind=TypeError)
    refused("llama_sampler_init_top_k", "k", "= 40.5: C takes int32_t, not float", 40.5, kind=TypeError)
    refused("llama_sampler_init_top_k", "k", "C takes int32_t, not NoneType", None, kind=TypeError)
    refused("llama_sampler_init_temp", "t", "C takes float, not str", "hot", kind=TypeError)
    refused("llama_vocab_is_eog", "token", "C takes int32_t", ffi.NULL, b"x", kind=TypeError)


@needs_numpy
def test_numpy_numbers() -> None:
    assert llamacffi.ggml_fp16_to_fp32(numpy.uint16(0x3C00)) == 1.0
    assert llamacffi.ggml_type_size(numpy.int64(lib.GGML_TYPE_F32)) == 4
    assert llamacffi.ggml_fp32_to_fp16(numpy.float32(1.0)) == 0x3C00
    lib.llama_batch_free(llamacffi.llama_batch_init(numpy.int32(4), numpy.int64(0), numpy.uint8(1)))


def test_same_numbers_by_another_c_name() -> None:
    target = ffi.new("float[3]")
    unchecked.ggml_fp16_to_fp32_row(ffi.new("unsigned short[]", HALVES), target, 3)
    assert list(target) == SINGLES
    batch = unchecked.llama_batch_get_one(ffi.new("int[]", [1, 2]), 2)
    assert batch.token[1] == 2
    refused("ggml_fp16_to_fp32_row", "arg0", "C takes uint16_t *, not short", ffi.new("short[]", [1]), target, 1)


def test_variable_arguments(context: ggml_context_p) -> None:
    tensor = lib.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 1)
    llamacffi.ggml_format_name(tensor, "%s %d %.1f %s", "schön", 7, 0.5, b"x")
    assert ffi.string(lib.ggml_get_name(tensor)).decode() == "schön 7 0.5 x"
    llamacffi.ggml_format_name(tensor, b"%lld", 2**40)
    assert ffi.string(lib.ggml_get_name(tensor)) == b"1099511627776"


def test_a_call_is_made_once(gguf: gguf_context_p) -> None:
    """What can't be adapted, and what can, must not have been called before."""
    for key in ("a", b"b"):
        llamacffi.gguf_set_val_u32(gguf, key, 1)
    with pytest.raises(InvalidArgumentError):
        llamacffi.gguf_set_val_u32(gguf, "c", -1)
    assert lib.gguf_get_n_kv(gguf) == 2


# --- functions ---


@pytest.fixture
def log(native_log: list[object]) -> Callable[[], object]:
    """A function that has native code log something."""
    return lambda: lib.llama_model_load_from_file(b"/no/such/model.gguf", lib.llama_model_default_params())


def test_python_function(log: Callable[[], object]) -> None:
    seen: list[str] = []
    llamacffi.llama_log_set(lambda level, text: seen.append(text), None)
    gc.collect()
    log()
    assert any("/no/such/model.gguf" in text for text in seen)
    refused("llama_log_set", "user_data", "must be None", print, ffi.new("int *"), kind=TypeError)
    for wrong in (5, "print", ffi.new("int *")):
        refused("llama_log_set", "log_callback", "C takes", wrong, None, kind=TypeError)


def test_callback_object(log: Callable[[], object]) -> None:
    seen: list[str] = []

    def note(level: int, text: str) -> None:
        seen.append(text)

    made = llamacffi.callback("ggml_log_callback", note)
    llamacffi.llama_log_set(made, None)
    log()
    assert seen


def test_reader(tmp_path: Path, gguf: gguf_context_p) -> None:
    lib.gguf_set_val_u32(gguf, b"answer", 42)
    assert lib.gguf_write_to_file(gguf, os.fsencode(tmp_path / "model.gguf"), True)
    content = (tmp_path / "model.gguf").read_bytes()

    def read(offset: int, buffer: Any) -> int:
        part = content[offset : offset + len(buffer)]
        buffer[0 : len(part)] = part
        return len(part)

    loaded = llamacffi.gguf_init_from_callback(read, None, 1 << 20, len(content), {"no_alloc": True})
    assert lib.gguf_get_val_u32(loaded, lib.gguf_find_key(loaded, b"answer")) == 42
    lib.gguf_free(loaded)


@pytest.mark.parametrize("tier", [lib, llamacffi])
def test_c_function_given_where_c_takes_one(tier: Any) -> None:
    """cffi and the facade show C functions as functions of Python; C gets its own."""
    call = lib.ggml_opt_fit
    index = 7
    parameter = arguments.Parameter("get_opt_pars@ggml_opt_get_optimizer_params", ffi.typeof(call).args[index])
    function = arguments.Function("ggml_opt_fit", call, [parameter])
    pointer = function._callback(parameter, tier.ggml_opt_get_default_optimizer_params, arguments.Kept())
    assert pointer == ffi.addressof(lib, "ggml_opt_get_default_optimizer_params")
    assert ffi.typeof(pointer) is parameter.type


def test_callback_from_ctypes(log: Callable[[], object]) -> None:
    seen: list[bytes] = []
    type_ = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)

    def note(level: int, text: bytes, user_data: object) -> None:
        seen.append(text)

    function = type_(note)
    llamacffi.llama_log_set(function, None)
    log()
    assert any(b"/no/such/model.gguf" in text for text in seen)


# --- how long things live ---


class Noticed(bytearray):
    """A buffer that can be watched going."""


def test_adapted_buffer_lives_through_the_call_and_no_longer() -> None:
    target = Noticed(12)
    gone = weakref.ref(target)
    llamacffi.ggml_fp16_to_fp32_row(array.array("H", HALVES), memoryview(target).cast("f"), 3)
    del target
    for _ in range(3):
        gc.collect()
    assert gone() is None


def test_tokens_live_as_long_as_their_batch() -> None:
    for tokens in ([5, 6, 7], array.array("i", [5, 6, 7]), ffi.new("llama_token[]", [5, 6, 7])):
        batch = llamacffi.llama_batch_get_one(tokens, 3)
        del tokens
        for _ in range(3):
            gc.collect()
            assert [bytes(1000) for _ in range(100)]
        assert list(batch.token[0:3]) == [5, 6, 7]
        assert id(batch) in arguments._kept
        key = id(batch)
        del batch
        for _ in range(3):
            gc.collect()
        assert key not in arguments._kept


@pytest.mark.parametrize("kind", [array.array, bytes, bytearray, memoryview])
def test_data_of_a_gguf_tensor_lives_as_long_as_the_context(
    kind: Callable[[Any], Any], tmp_path: Path, context: ggml_context_p
) -> None:
    content = array.array("f", SINGLES)
    gguf = llamacffi.gguf_init_empty()
    tensor = lib.ggml_set_name(lib.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 3), b"weight")
    llamacffi.gguf_add_tensor(gguf, tensor)
    for name in ("weight", b"weight"):
        data = array.array("f", SINGLES) if kind is array.array else kind(content.tobytes())
        llamacffi.gguf_set_tensor_data(gguf, name, data)
        del data
        for _ in range(3):
            gc.collect()
            assert [bytes(100) for _ in range(100)]
        assert llamacffi.gguf_write_to_file(gguf, tmp_path / "model.gguf", False)
        assert content.tobytes() in (tmp_path / "model.gguf").read_bytes()
    lib.gguf_free(gguf)


def test_refused_call_is_no_failure_of_an_earlier_one(gguf: gguf_context_p) -> None:
    with pytest.raises(LlamaError) as first:
        llamacffi.gguf_get_key(gguf, 5)
    assert first.value.function == "gguf_get_key"
    assert llamacffi.gguf_find_key(gguf, "key") == -1


# --- a format's arguments -----------------------------------------------------------------------------------------


@pytest.fixture
def unnamed() -> Iterator[ggml_tensor_p]:
    context = lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 1 << 16, "no_alloc": True})[0])
    yield lib.ggml_new_tensor_1d(context, lib.GGML_TYPE_F32, 1)
    lib.ggml_free(context)


def test_format_and_its_arguments(unnamed: ggml_tensor_p) -> None:
    word, number, real = ffi.new("char[]", b"w"), ffi.cast("int", 7), ffi.cast("double", 0.5)
    llamacffi.ggml_format_name(unnamed, b"%%%s%*d%-5.1f|", word, ffi.cast("int", 3), number, real)
    assert ffi.string(lib.ggml_get_name(unnamed)) == b"%w  70.5  |"


@pytest.mark.parametrize("text", [b"%s", b"%d", b"%*d", b"%n", b"%", b"%y", b"%5", b"%s%s"])
def test_format_that_its_arguments_do_not_fit(unnamed: ggml_tensor_p, text: bytes) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match=r"^ggml_format_name: fmt: "):
        llamacffi.ggml_format_name(unnamed, text, *([ffi.cast("double", 1)] if text != b"%d" else []))
