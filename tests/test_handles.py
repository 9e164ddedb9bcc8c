"""Handles that cross to code that is not cffi's and back, by address."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import llamacffi
from llamacffi import extension_options, ffi, get_library_dir, lib
from llamacffi.types import gguf_context_p, llama_model_p


@pytest.fixture(scope="module")
def ggml() -> ctypes.CDLL:
    """The libraries that the package has loaded, as code sees them that knows nothing of the package."""
    (name,) = (name for name in extension_options()["libraries"] if name.endswith("ggml-base"))
    ends = {"win32": f"{name}.dll", "darwin": f"lib{name}.dylib"}
    library = ctypes.CDLL(os.path.join(get_library_dir(), ends.get(sys.platform, f"lib{name}.so")))
    library.gguf_init_empty.restype = ctypes.c_void_p
    library.gguf_get_n_kv.argtypes = library.gguf_free.argtypes = [ctypes.c_void_p]
    library.gguf_get_n_kv.restype = ctypes.c_int64
    return library


@pytest.fixture
def gguf() -> Iterator[gguf_context_p]:
    gguf = llamacffi.gguf_init_empty()
    yield gguf
    lib.gguf_free(gguf)


def test_from_here_to_ctypes(ggml: ctypes.CDLL, gguf: gguf_context_p) -> None:
    llamacffi.gguf_set_val_u32(gguf, "a", 1)
    llamacffi.gguf_set_val_u32(gguf, "b", 2)
    assert ggml.gguf_get_n_kv(llamacffi.address_of(gguf)) == 2


WRAPS: dict[str, Callable[[int], Any]] = {
    "int": int,
    "c_void_p": ctypes.c_void_p,
    "pointer": lambda address: ctypes.cast(address, ctypes.POINTER(ctypes.c_char)),
    "pointer to a struct": lambda address: ctypes.cast(address, ctypes.POINTER(type("Gguf", (ctypes.Structure,), {}))),
}


@pytest.mark.parametrize("wrap", WRAPS)
def test_from_ctypes_to_here(ggml: ctypes.CDLL, wrap: str) -> None:
    address = ggml.gguf_init_empty()
    gguf = llamacffi.from_address("struct gguf_context *", WRAPS[wrap](address))
    llamacffi.gguf_set_val_u32(gguf, "a", 1)  # which refuses a handle that it does not know
    assert ggml.gguf_get_n_kv(address) == 1
    assert llamacffi.address_of(gguf) == address
    llamacffi.gguf_free(gguf)
    with pytest.raises(llamacffi.FreedHandleError):
        llamacffi.gguf_get_n_kv(gguf)


def test_an_unknown_handle_is_refused_and_an_adopted_one_is_not(ggml: ctypes.CDLL) -> None:
    unknown = ffi.cast("struct gguf_context *", ggml.gguf_init_empty())
    lib.gguf_free(unknown)  # what was here before at this address is forgotten with it
    address = ggml.gguf_init_empty()
    with pytest.raises(llamacffi.FreedHandleError):
        llamacffi.gguf_get_n_kv(ffi.cast("struct gguf_context *", address))
    gguf = llamacffi.adopt(ffi.cast("struct gguf_context *", address))
    assert llamacffi.gguf_get_n_kv(gguf) == 0
    llamacffi.gguf_free(gguf)


def test_what_other_code_frees_and_makes_again(ggml: ctypes.CDLL) -> None:
    address = ggml.gguf_init_empty()
    gguf = llamacffi.from_address("struct gguf_context *", address)
    llamacffi.gguf_free(gguf)
    with pytest.raises(llamacffi.FreedHandleError, match="address_of: this gguf_context was freed"):
        llamacffi.address_of(gguf)
    # malloc likes to hand out the same again.
    again = ggml.gguf_init_empty()
    for _ in range(99):
        if again == address:
            break
        again = ggml.gguf_init_empty()
    assert llamacffi.gguf_get_n_kv(llamacffi.from_address("struct gguf_context *", again)) == 0
    ggml.gguf_free(again)


def test_a_handle_that_is_known_stays_what_it_is(model: llama_model_p, make_context: Any) -> None:
    ctx = make_context()
    for handle in (model, ctx, lib.llama_get_memory(ctx), lib.llama_model_get_vocab(model)):
        again = llamacffi.from_address(ffi.typeof(handle).cname, llamacffi.address_of(handle))
        assert again == handle
        assert ffi.typeof(again) is ffi.typeof(handle)
    with pytest.raises(llamacffi.FreedHandleError, match=r"belongs|still alive"):
        llamacffi.llama_model_free(llamacffi.from_address("llama_model_p", llamacffi.address_of(model)))


@pytest.mark.parametrize("c_type", ["struct llama_model *", "llama_model_p", "struct llama_model*"])
def test_types_as_c_writes_them(model: llama_model_p, c_type: str) -> None:
    assert llamacffi.from_address(c_type, llamacffi.address_of(model)) == model


@pytest.mark.parametrize(
    ("c_type", "address", "message"),
    [
        ("struct llama_model *", 0, "NULL"),
        ("struct llama_model *", ctypes.c_void_p(), "NULL"),
        ("struct llama_model *", None, "None"),
        ("struct llama_model *", 1.5, "1.5"),
        ("struct llama_model *", "0x10", "0x10"),
        ("struct llama_model", 16, "llama_model"),
        ("struct nothing *", 16, "nothing"),
        ("no type at all", 16, "no type at all"),
        ("int", 16, "not a handle"),
        ("float *", 16, "not a handle"),
        ("struct llama_context_params *", 16, "not a handle"),
        ("llama_model_p *", 16, "not a handle"),
        (7, 16, "7"),
    ],
)
def test_what_is_no_handle(c_type: Any, address: Any, message: str) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match=message) as caught:
        llamacffi.from_address(c_type, address)
    assert str(caught.value).startswith("from_address: ")


@pytest.mark.parametrize("handle", [None, 16, "model", ctypes.c_void_p(16), ffi.NULL, ffi.cast("int", 16)])
def test_what_has_no_address(handle: Any) -> None:
    with pytest.raises(llamacffi.InvalidArgumentError, match="address_of: "):
        llamacffi.address_of(handle)


def test_any_pointer_has_an_address() -> None:
    numbers = ffi.new("float[]", [1.5, 2.5])
    address = llamacffi.address_of(numbers + 1)
    assert ctypes.cast(address, ctypes.POINTER(ctypes.c_float)).contents.value == 2.5
