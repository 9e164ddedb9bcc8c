"""LoRA adapters: small changes to a model's weights, from a file of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Union

import llamacffi

from .errors import LlamaError, reason
from .files import c_file, check_file
from .metadata import read_metadata
from .native import encode_path
from .owner import Owner
from .types import llama_adapter_lora_p

if TYPE_CHECKING:
    from .model import Model


class LoraAdapter(Owner[llama_adapter_lora_p]):
    """A LoRA adapter for a model (C: `struct llama_adapter_lora`), which `Context.set_lora` puts to work.

    Args:
        model: the model that it was made for.
        path: a GGUF file, or a binary file object as `Model` takes it.

    Raises:
        LlamaError: there is no such file, or it is no adapter for this model.
    """

    _free = "llama_adapter_lora_free"

    def __init__(self, model: Model, path: Union[str, os.PathLike[str], BinaryIO]) -> None:
        if isinstance(path, (str, os.PathLike)):
            name = check_file(path)
            handle = llamacffi.llama_adapter_lora_init(model.handle, encode_path(name))
        else:
            name = f"{getattr(path, 'name', path)}"
            with c_file(path, "LoraAdapter") as file:
                handle = llamacffi.llama_adapter_lora_init_from_file_ptr(model.handle, file)
        if not handle:
            raise LlamaError(f"{name}: llama.cpp could not load this adapter", native=reason())
        super().__init__(handle, model)

    @classmethod
    def from_handle(cls, handle: llama_adapter_lora_p) -> LoraAdapter:
        """A `struct llama_adapter_lora *` as an object, which borrows it: closing this does not free the adapter.

        Raises:
            LlamaError: it is no adapter, or was freed.
        """
        llamacffi.llama_adapter_meta_count(handle)
        return cls._borrowing(handle)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata of its file as texts, by key; lists are left out.

        C: `llama_adapter_meta_key_by_index`, `llama_adapter_meta_val_str_by_index`.
        """
        return read_metadata("llama_adapter", self.handle)

    @property
    def alora_invocation_tokens(self) -> list[int]:
        """The tokens from which on an activated LoRA is to be used; empty, if it is none.

        C: `llama_adapter_get_alora_invocation_tokens`.
        """
        n = llamacffi.llama_adapter_get_alora_n_invocation_tokens(self.handle)
        return list(llamacffi.llama_adapter_get_alora_invocation_tokens(self.handle)[0:n]) if n else []
