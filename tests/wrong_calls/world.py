"""The objects that the wrong calls are tried on; each is made when it is first asked for."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import demo_model
import greedy
from greedy import tokenize
from llamacffi import ffi, lib
from llamacffi import types as t
from llamacffi.native import encode_path
from pinned import ROOT

PROMPT = "Once upon a time, in a land far away"
MEGABYTE = 1024 * 1024


Kept = TypeVar("Kept", bound=t.CData)


class World:
    """What a caller has in hand: right objects of every kind, to be called wrongly."""

    # --- models ---------------------------------------------------------------------------------------------------

    @cached_property
    def model_path(self) -> bytes:
        return encode_path(str(demo_model.obtain()))

    def vocab_path(self, name: str) -> bytes:
        """A model that is nothing but its vocabulary, such as `bert-bge` or `llama-spm`."""
        return encode_path(str(ROOT / "vendor" / "llama.cpp" / "models" / f"ggml-vocab-{name}.gguf"))

    def load(self, path: bytes, **fields: Any) -> t.llama_model_p:
        """Another model, loaded with these parameters."""
        params = lib.llama_model_default_params()
        for name, value in fields.items():
            setattr(params, name, value)
        model = lib.llama_model_load_from_file(path, params)
        assert model
        return model

    @cached_property
    def model(self) -> t.llama_model_p:
        return self.load(self.model_path)

    @cached_property
    def vocab_model(self) -> t.llama_model_p:
        """A model without weights."""
        return self.load(self.vocab_path("llama-bpe"), vocab_only=True)

    @cached_property
    def vocab(self) -> t.llama_vocab_p:
        return lib.llama_model_get_vocab(self.model)

    @cached_property
    def tokens(self) -> list[int]:
        """A short prompt."""
        return tokenize(self.vocab, PROMPT)

    # --- contexts and what belongs to them --------------------------------------------------------------------------

    def context_params(self, **fields: Any) -> t.llama_context_params:
        params = lib.llama_context_default_params()
        params.n_ctx = 256
        params.n_batch = params.n_ubatch = 64
        params.n_seq_max = 2
        params.n_threads = params.n_threads_batch = 2
        for name, value in fields.items():
            setattr(params, name, value)
        return params

    def context(self, **fields: Any) -> t.llama_context_p:
        """A new context, with these parameters instead of the usual ones."""
        ctx = lib.llama_init_from_model(self.model, self.context_params(**fields))
        assert ctx
        return ctx

    @cached_property
    def ctx(self) -> t.llama_context_p:
        """A context that has decoded nothing yet."""
        return self.context()

    @cached_property
    def memory(self) -> t.llama_memory_i_p:
        return lib.llama_get_memory(self.ctx)

    def batch(self, tokens: list[int], first: int = 0, seq_id: int = 0) -> t.llama_batch:
        """A batch of llama_batch_init: these tokens at consecutive positions, the last one with logits."""
        batch = lib.llama_batch_init(max(len(tokens), 1), 0, 1)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = first + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = seq_id
            batch.logits[i] = i == len(tokens) - 1
        return batch

    @cached_property
    def batch_ext(self) -> t.llama_batch_ext_p:
        return lib.llama_batch_ext_init(self.ctx)

    @cached_property
    def decoded(self) -> t.llama_context_p:
        """`ctx`, after the prompt."""
        assert greedy.decode(self.ctx, self.tokens) == 0
        return self.ctx

    @cached_property
    def state(self) -> t.uint8_t_array:
        """The state of `decoded`, as bytes."""
        data = ffi.new("uint8_t[]", lib.llama_state_get_size(self.decoded))
        assert lib.llama_state_get_data(self.ctx, data, len(data)) == len(data)
        return data

    # --- samplers ---------------------------------------------------------------------------------------------------

    def new_chain(self, *samplers: t.llama_sampler_p) -> t.llama_sampler_p:
        chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        for sampler in samplers:
            lib.llama_sampler_chain_add(chain, sampler)
        return chain

    @cached_property
    def chain(self) -> t.llama_sampler_p:
        """A chain that takes the likeliest token."""
        return self.new_chain(lib.llama_sampler_init_greedy())

    def candidates(self, *ids: int) -> t.llama_token_data_array_p:
        """An array of candidates; it keeps what it points to."""
        data = ffi.new("llama_token_data[]", [{"id": each, "logit": float(-i)} for i, each in enumerate(ids)])
        array = ffi.new("llama_token_data_array *", {"data": data, "size": len(ids), "selected": -1})
        self._kept.append(data)
        return array

    @cached_property
    def _kept(self) -> list[t.CData]:
        return []

    def keep(self, value: Kept) -> Kept:
        """The same, held on to as long as the world."""
        self._kept.append(value)
        return value

    # --- ggml -------------------------------------------------------------------------------------------------------

    @cached_property
    def ggml(self) -> t.ggml_context_p:
        """A context with memory for tensors and their data."""
        return lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": 16 * MEGABYTE})[0])

    @cached_property
    def ggml_no_alloc(self) -> t.ggml_context_p:
        """A context with memory for tensors without data."""
        return lib.ggml_init(ffi.new("struct ggml_init_params *", {"mem_size": MEGABYTE, "no_alloc": True})[0])

    def tensor(self, type_: int, *ne: int) -> t.ggml_tensor_p:
        """A new tensor in `ggml`, all 0."""
        tensor = lib.ggml_new_tensor(self.ggml, type_, len(ne), ffi.new("int64_t[]", ne))
        assert tensor
        ffi.memmove(tensor.data, bytes(lib.ggml_nbytes(tensor)), lib.ggml_nbytes(tensor))
        return tensor

    def floats(self, *values: float) -> t.ggml_tensor_p:
        """A new tensor in `ggml` with these values."""
        tensor = self.tensor(lib.GGML_TYPE_F32, len(values))
        ffi.memmove(tensor.data, ffi.new("float[]", values), 4 * len(values))
        return tensor

    def graph(self, *outputs: t.ggml_tensor_p) -> t.ggml_cgraph_p:
        """A new graph in `ggml` that computes these tensors, or the sum of two."""
        graph = lib.ggml_new_graph(self.ggml)
        for output in outputs or [lib.ggml_add(self.ggml, self.floats(1, 2), self.floats(3, 4))]:
            lib.ggml_build_forward_expand(graph, output)
        return graph

    # --- gguf -------------------------------------------------------------------------------------------------------

    @cached_property
    def gguf(self) -> t.gguf_context_p:
        """One key of each type, named after it, lists of numbers and strings, and one tensor."""
        gguf = lib.gguf_init_empty()
        for name in ("u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"):
            getattr(lib, f"gguf_set_val_{name}")(gguf, name.encode(), 1)
        lib.gguf_set_val_bool(gguf, b"bool", True)
        lib.gguf_set_val_str(gguf, b"str", b"text")
        lib.gguf_set_arr_data(gguf, b"numbers", lib.GGUF_TYPE_INT32, ffi.new("int32_t[]", [1, 2, 3]), 3)
        strings = [ffi.new("char[]", b"one"), ffi.new("char[]", b"two")]
        lib.gguf_set_arr_str(gguf, b"strings", ffi.new("const char *[]", strings), 2)
        tensor = self.floats(1, 2, 3)
        lib.ggml_set_name(tensor, b"tensor")
        lib.gguf_add_tensor(gguf, tensor)
        return gguf

    # --- backends ---------------------------------------------------------------------------------------------------

    @cached_property
    def device(self) -> t.ggml_backend_device_p:
        return lib.ggml_backend_dev_by_type(lib.GGML_BACKEND_DEVICE_TYPE_CPU)

    @cached_property
    def buffer_type(self) -> t.ggml_backend_buffer_type_p:
        return lib.ggml_backend_dev_buffer_type(self.device)

    @cached_property
    def backend(self) -> t.ggml_backend_p:
        return lib.ggml_backend_dev_init(self.device, ffi.NULL)

    @cached_property
    def buffer(self) -> t.ggml_backend_buffer_p:
        return lib.ggml_backend_buft_alloc_buffer(self.buffer_type, MEGABYTE)

    @cached_property
    def sched(self) -> t.ggml_backend_sched_p:
        return lib.ggml_backend_sched_new(ffi.new("ggml_backend_t[]", [self.backend]), ffi.NULL, 1, 256, False, False)

    # --- files ------------------------------------------------------------------------------------------------------

    @cached_property
    def tmp(self) -> Path:
        """An empty folder; `close` removes it."""
        return Path(tempfile.mkdtemp(prefix="llamacffi-"))

    def path(self, name: str) -> bytes:
        return encode_path(str(self.tmp / name))

    def close(self) -> None:
        if "tmp" in self.__dict__:
            shutil.rmtree(self.tmp, ignore_errors=True)

    # --- afterwards -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """What was made still works as if nothing had happened.

        Raises:
            AssertionError: it does not.
        """
        made = self.__dict__
        if "model" in made:
            assert tokenize(self.vocab, PROMPT) == self.tokens
        if "ctx" in made:
            lib.llama_memory_clear(self.memory, True)
            fresh = self.context()
            assert greedy.continuation(self.ctx, self.tokens, 4) == greedy.continuation(fresh, self.tokens, 4)
            lib.llama_free(fresh)
        if "chain" in made and "ctx" in made:
            assert lib.llama_sampler_sample(self.chain, self.ctx, -1) == greedy.likeliest(self.ctx)
        if "ggml" in made:
            assert lib.ggml_nelements(self.tensor(lib.GGML_TYPE_F32, 3, 2)) == 6
        if "gguf" in made:
            assert lib.gguf_get_val_u32(self.gguf, lib.gguf_find_key(self.gguf, b"u32")) == 1
        if "backend" in made:
            assert lib.ggml_backend_graph_compute(self.backend, self.graph()) == lib.GGML_STATUS_SUCCESS
        if "buffer" in made:
            assert lib.ggml_backend_buffer_get_size(self.buffer) >= MEGABYTE
