"""A class that owns a model and its context, and what each of them takes of the memory.

The environment variable MODEL has the path of a GGUF file.
"""

import os

import psutil

from llamacffi import lib


class Llama:
    """A model and a context for it; leaving the `with` block frees both.

    Args:
        path: a GGUF file.
    """

    def __init__(self, path):
        self.model = self.context = None
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(os.fsencode(path), lib.llama_model_default_params())
        if not self.model:
            self.close()
            raise RuntimeError(f"{path} can't be loaded")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def make_context(self):
        """Make the context, in place of an earlier one."""
        self.free_context()
        self.context = lib.llama_init_from_model(self.model, lib.llama_context_default_params())
        if not self.context:
            raise RuntimeError("there is no memory for a context")

    def free_context(self):
        if self.context:
            lib.llama_free(self.context)
        self.context = None

    def close(self):
        """Free everything; a second time does nothing."""
        self.free_context()  # first: it uses the model
        if self.model:
            lib.llama_model_free(self.model)
            lib.llama_backend_free()
        self.model = None


def report(when):
    print(f"{when}: {psutil.Process().memory_info().rss / 2**20:.1f} MiB")


report("at first")
with Llama(os.environ["MODEL"]) as llama:
    report("with the model")
    llama.make_context()
    report("with a context, too")
    llama.make_context()
    report("with another one in its place")
report("at the end")
