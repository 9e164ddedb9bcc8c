"""Parameters of C from keywords, and the names of enums' values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import llamacffi
from llamacffi import InvalidArgumentError, ffi, lib, params
from llamacffi.types import llama_context_params


def context_params(**values: Any) -> llama_context_params:
    struct = llamacffi.llama_context_default_params()
    params.fill(struct, values, "Context")
    return struct


def test_fields() -> None:
    struct = context_params(n_ctx=77, rope_freq_base=0.5, embeddings=True, offload_kqv=False, n_threads=None)
    assert (struct.n_ctx, struct.rope_freq_base, struct.embeddings, struct.offload_kqv) == (77, 0.5, True, False)
    assert struct.n_threads == llamacffi.llama_context_default_params().n_threads


@pytest.mark.parametrize("value", ["mean", "MEAN", " Mean ", "LLAMA_POOLING_TYPE_MEAN", 1])
def test_enums(value: Any) -> None:
    assert context_params(pooling_type=value).pooling_type == lib.LLAMA_POOLING_TYPE_MEAN


def test_names_of_enums() -> None:
    assert context_params(type_k="q8_0").type_k == lib.GGML_TYPE_Q8_0
    assert context_params(type_v="iq4_nl").type_v == lib.GGML_TYPE_IQ4_NL
    assert params.enum_name("llama_pooling_type", lib.LLAMA_POOLING_TYPE_RANK) == "rank"
    assert params.enum_name("llama_rope_type", lib.LLAMA_ROPE_TYPE_NEOX) == "neox"
    # Not the name of the enum's end, which has the same value.
    scaling = lib.LLAMA_ROPE_SCALING_TYPE_LONGROPE
    assert params.enum_name("llama_rope_scaling_type", scaling) == "longrope"
    assert params.enum_name("llama_pooling_type", 99) == "99"
    types = params.enum_values("llama_ftype")
    assert (types["q4_k_m"], types["f32"]) == (lib.LLAMA_FTYPE_MOSTLY_Q4_K_M, lib.LLAMA_FTYPE_ALL_F32)
    assert "count" not in params.enum_values("ggml_type")


WRAPS: list[Callable[[Callable[[], bool]], Any]] = [
    lambda function: function,
    lambda function: llamacffi.callback("ggml_abort_callback", function),
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_callbacks(wrap: Callable[[Any], Any]) -> None:
    struct = context_params(abort_callback=wrap(lambda: True))
    assert struct.abort_callback(struct.abort_callback_data)
    assert context_params(abort_callback=wrap(lambda: False)).abort_callback != ffi.NULL


def test_lists() -> None:
    struct = llamacffi.llama_model_default_params()
    overrides = {"a": True, "b": -5, "c": 0.5, "d": "täxt"}
    params.fill(struct, {"kv_overrides": overrides, "tensor_buft_overrides": {"x.*": "CPU"}}, "Model")
    array = struct.kv_overrides
    assert [ffi.string(array[i].key) for i in range(5)] == [b"a", b"b", b"c", b"d", b""]
    assert (array[0].val_bool, array[1].val_i64, array[2].val_f64) == (True, -5, 0.5)
    assert ffi.string(array[3].val_str).decode() == "täxt"
    assert ffi.string(struct.tensor_buft_overrides[0].pattern) == b"x.*"
    assert struct.tensor_buft_overrides[1].pattern == ffi.NULL
    other = llamacffi.llama_model_quantize_default_params()
    params.fill(other, {"prune_layers": [1, 3], "tt_overrides": {"x": "q8_0"}}, "quantize")
    assert list(other.prune_layers[0:3]) == [1, 3, -1]
    assert other.tt_overrides[0].type == lib.GGML_TYPE_Q8_0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_ctxx": 5}, "Context: there is no parameter 'n_ctxx'; did you mean n_ctx"),
        ({"xyzzy": 5}, "Context: there is no parameter 'xyzzy'$"),
        ({"n_ctx": -1}, "n_ctx = -1: does not fit uint32_t"),
        ({"n_ctx": 2**32}, "does not fit uint32_t"),
        ({"n_ctx": "many"}, "n_ctx = 'many': C takes uint32_t"),
        ({"n_ctx": 1.5}, "n_ctx = 1.5"),
        ({"embeddings": "no"}, "embeddings = 'no'"),
        ({"embeddings": 2}, "embeddings = 2"),
        ({"pooling_type": "men"}, "pooling_type = 'men': must be one of .*none, mean, .*; did you mean mean"),
        ({"pooling_type": []}, r"pooling_type = \[\]"),
        ({"pooling_type": 1.5}, "pooling_type = 1.5: must be a name or a whole number"),
        ({"type_k": "q9_0"}, "type_k = 'q9_0': must be one of f32, .*did you mean"),
        ({"cb_eval": 5}, "cb_eval = 5"),
        ({"ctx_other": "x"}, "ctx_other = 'x'"),
    ],
)
def test_what_c_can_not_take(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as raised:
        context_params(**values)
    assert raised.value.argument in values


def test_enum_of_another_kind_of_number() -> None:
    """A C value of the enum and NumPy's integers are numbers, too; one with a fraction is none."""
    numpy = pytest.importorskip("numpy")
    for value in (ffi.cast("enum llama_pooling_type", 1), numpy.int8(1)):
        assert params.enum_value("llama_pooling_type", value, "Context", "pooling_type") == 1
    for wrong in (1.5, numpy.float32(1), None):
        with pytest.raises(InvalidArgumentError, match="must be a name or a whole number, of enum llama_pooling_type"):
            params.enum_value("llama_pooling_type", wrong, "Context", "pooling_type")


def test_processors() -> None:
    assert params.processors() >= 1
