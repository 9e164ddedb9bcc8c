"""How long each step takes, by llama.cpp's own clock, and by how much the memory grows.

The environment variable MODEL has the path of a GGUF file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

import psutil

from llamacffi import lib


@contextlib.contextmanager
def measured(step: str) -> Generator[None]:
    """Print what the block took."""
    process = psutil.Process()
    time, memory = lib.llama_time_us(), process.memory_info().rss
    try:
        yield
    finally:
        milliseconds = (lib.llama_time_us() - time) / 1000
        mebibytes = (process.memory_info().rss - memory) / 2**20
        print(f"{step}: {milliseconds:.2f} ms, {mebibytes:+.1f} MiB")


lib.llama_backend_init()
with measured("load the model"):
    model = lib.llama_model_load_from_file(os.environb[b"MODEL"], lib.llama_model_default_params())
if not model:
    raise SystemExit("the model can't be loaded")
with measured("make a context"):
    context = lib.llama_init_from_model(model, lib.llama_context_default_params())
if not context:
    raise SystemExit("there is no memory for a context")
with measured("ask for its size"):
    size, dimensions = lib.llama_n_ctx(context), lib.llama_model_n_embd(model)
print(f"{size} tokens, {dimensions} dimensions")
lib.llama_free(context)
lib.llama_model_free(model)
lib.llama_backend_free()
