"""Generates from the model of the first argument, and prints as JSON what came and what was loaded for it.

Run in environments that have the package and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import greedy
from llamacffi import backends, ffi, get_library_dir, lib
from llamacffi.native import encode_path

PROMPT = "The capital of France is"


def scores() -> dict[str, int]:
    """Each CPU variant's score for this machine, 0 for those that can't run on it."""
    found: dict[str, int] = {}
    for path in Path(get_library_dir()).glob("libggml-cpu-*.so"):
        module = lib.llamacffi_module_open(encode_path(str(path)))
        assert module, ffi.string(lib.llamacffi_module_error())
        found[path.stem.rpartition("-")[2]] = lib.llamacffi_module_score(module)
        lib.llamacffi_module_close(module)
    return found


def main() -> None:
    model = lib.llama_model_load_from_file(os.fsencode(sys.argv[1]), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx = 256
    params.n_threads = params.n_threads_batch = 2
    facts: dict[str, Any] = {
        "text": greedy.text_behind(lib.llama_init_from_model(model, params), PROMPT, 8),
        "scores": scores(),
        "variant": next(each.variant for each in backends.backends() if each.name == "cpu"),
        "glibc": os.confstr("CS_GNU_LIBC_VERSION"),
        "compilers": [name for name in ("cc", "gcc", "c++", "g++", "clang") if shutil.which(name)],
        "mapped": [],
    }
    if os.path.exists("/proc/self/maps"):
        lines = Path("/proc/self/maps").read_text("utf-8").splitlines()
        facts["mapped"] = sorted({line.split(maxsplit=5)[5] for line in lines if ".so" in line})
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
