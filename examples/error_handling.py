"""Models that can't be loaded: C says so with NULL, and nothing crashes.

Take the files as arguments, or one from the environment variable MODEL.
"""

from __future__ import annotations

import os
import sys
from typing import Optional

import llamacffi as llama


def objection(path: str) -> Optional[str]:
    """What speaks against loading this file at all; None if nothing does."""
    if not os.path.isfile(path):
        return "there is no such file"
    if os.path.getsize(path) < 1024:
        return f"{os.path.getsize(path)} bytes are too few for a model"
    if not path.lower().endswith((".gguf", ".ggml", ".bin")):
        return "its name is not a model's"
    return None


def check(path: str) -> str:
    """Try to load a model and to make a context for it; what came of it."""
    problem = objection(path)
    if problem:
        return problem
    model = llama.llama_model_load_from_file(os.fsencode(path), llama.llama_model_default_params())
    if not model:
        return "llama.cpp can't load it; its log, on standard error, has the reason"
    try:
        context = llama.llama_new_context_with_model(model, llama.llama_context_default_params())
        if not context:
            return "it loads, and there is no memory for a context"
        size = llama.llama_n_ctx(context)
        llama.llama_free(context)
        return f"ready: {size} tokens, {llama.llama_n_embd(model)} dimensions"
    finally:
        llama.llama_model_free(model)


llama.llama_backend_init()
for path in sys.argv[1:] or [os.environ["MODEL"]]:
    print(f"{os.path.basename(path)}: {check(path)}")
llama.llama_backend_free()
