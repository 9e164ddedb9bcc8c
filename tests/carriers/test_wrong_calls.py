"""Wrong calls of functions that every llama.cpp has: they raise, and end no process."""

from __future__ import annotations

from typing import Any

import pytest

import llamacffi
from llamacffi import ffi
from untyped import unchecked


def test_null() -> None:
    for name in ("llama_decode", "llama_n_ctx", "llama_model_n_params", "llama_sampler_accept", "llama_tokenize"):
        function = getattr(llamacffi, name)
        arguments: list[Any] = [
            ffi.NULL if type_.kind == "pointer" else 0 for type_ in ffi.typeof(getattr(llamacffi.lib, name)).args
        ]
        if name == "llama_decode":
            arguments[1] = llamacffi.llama_batch_get_one([], 0)
        with pytest.raises(llamacffi.InvalidArgumentError, match="must not be NULL"):
            function(*arguments)


def test_freed_model(model_path: str) -> None:
    model = llamacffi.llama_model_load_from_file(model_path, llamacffi.llama_model_default_params())
    assert llamacffi.llama_model_n_params(model) > 0
    llamacffi.llama_model_free(model)
    with pytest.raises(llamacffi.FreedHandleError):
        llamacffi.llama_model_n_params(model)


def test_model_in_use(model_path: str) -> None:
    model = llamacffi.llama_model_load_from_file(model_path, llamacffi.llama_model_default_params())
    params = llamacffi.llama_context_default_params()
    params.n_ctx = 64
    ctx = llamacffi.llama_init_from_model(model, params)
    with pytest.raises(llamacffi.FreedHandleError):
        llamacffi.llama_model_free(model)
    llamacffi.llama_free(ctx)
    llamacffi.llama_model_free(model)


def test_no_such_file(tmp_path: object) -> None:
    assert not llamacffi.llama_model_load_from_file(f"{tmp_path}/none.gguf", llamacffi.llama_model_default_params())


def test_number_that_is_not_in_the_enum() -> None:
    with pytest.raises(llamacffi.InvalidArgumentError):
        llamacffi.ggml_type_name(12345)


def test_number_that_does_not_fit() -> None:
    with pytest.raises(llamacffi.InvalidArgumentError):
        llamacffi.llama_batch_init(2**40, 0, 1)


def test_text_where_a_handle_belongs() -> None:
    with pytest.raises(llamacffi.InvalidArgumentError):
        unchecked.llama_n_ctx("ctx")


def test_owning_class_after_its_end(model_path: str) -> None:
    model = llamacffi.Model(model_path)
    model.close()
    with pytest.raises(llamacffi.FreedHandleError):
        model.generate("x", max_tokens=1).text()
