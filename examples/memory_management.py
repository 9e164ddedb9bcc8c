"""A class that owns a model and its context, and what each of them takes of the memory.

The environment variable MODEL has the path of a GGUF file.
"""

from __future__ import annotations

import os
from typing import Optional

import psutil

from llamacffi import lib
from llamacffi.types import llama_context_p, llama_model_p


class Llama:
    """A model and a context for it; leaving the `with` block frees both.

    Args:
        path: a GGUF file.
    """

    def __init__(self, path: str) -> None:
        self.model: Optional[llama_model_p] = None
        self.context: Optional[llama_context_p] = None
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(os.fsencode(path), lib.llama_model_default_params())
        if not self.model:
            self.close()
            raise RuntimeError(f"{path} can't be loaded")

    def __enter__(self) -> Llama:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def make_context(self) -> None:
        """Make the context, in place of an earlier one."""
        if not self.model:
            raise RuntimeError("the model was freed")
        self.free_context()
        self.context = lib.llama_init_from_model(self.model, lib.llama_context_default_params())
        if not self.context:
            raise RuntimeError("there is no memory for a context")

    def free_context(self) -> None:
        """Free the context, if there is one."""
        if self.context:
            lib.llama_free(self.context)
        self.context = None

    def close(self) -> None:
        """Free everything; a second time does nothing."""
        self.free_context()  # first: it uses the model
        if self.model:
            lib.llama_model_free(self.model)
            lib.llama_backend_free()
        self.model = None


def report(when: str) -> None:
    """Print what the process takes."""
    print(f"{when}: {psutil.Process().memory_info().rss / 2**20:.1f} MiB")


report("at first")
with Llama(os.environ["MODEL"]) as llama:
    report("with the model")
    llama.make_context()
    report("with a context, too")
    llama.make_context()
    report("with another one in its place")
report("at the end")
