"""The price of a call: through `lib`, through the facade, and through ctypes on the same libraries.

A dozen functions that do next to nothing, so that the call itself is what costs. The three take turns; the figures
are medians over the rounds.
"""

from __future__ import annotations

import ctypes
import math
import os
import statistics
import sys
import time
from pathlib import Path

import llamacffi
from llamacffi import ffi, lib
from timing import table, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import demo_model

CALLS = 20_000
ROUNDS = 15
BAR = 0.50

POINTER = ctypes.c_void_p
INT = ctypes.c_int32


def ctypes_function(name, result, *arguments):
    """The function in whichever of our libraries has it."""
    folder = Path(llamacffi.get_library_dir())
    for stem in ("llama", "ggml", "ggml-base"):
        (path,) = folder.glob(f"*llamacffi-{stem}.*")
        try:
            function = getattr(ctypes.CDLL(str(path)), name)
        except AttributeError:
            continue
        function.restype, function.argtypes = result, arguments
        return function
    raise LookupError(name)


def loop(arity):
    """A function that makes many calls with `arity` arguments, and nothing else."""
    names = ", ".join(f"a{i}" for i in range(arity))
    code = f"def loop(function, {names}{', ' if names else ''}*_):\n for _ in range({CALLS}):\n  function({names})\n"
    scope = {}
    exec(code, scope)
    return scope["loop"]


def functions(model, ctx):
    """Name, ctypes result, ctypes argument types, arguments for cffi, arguments for ctypes."""
    vocab, memory = lib.llama_model_get_vocab(model), lib.llama_get_memory(ctx)
    buffer, c_buffer = ffi.new("char[32]"), ctypes.create_string_buffer(32)

    def both(*arguments):
        """The same arguments, pointers as ctypes wants them."""
        return [int(ffi.cast("uintptr_t", a)) if isinstance(a, ffi.CData) else a for a in arguments]

    plain = [
        ("llama_time_us", ctypes.c_int64, (), ()),
        ("llama_max_devices", ctypes.c_size_t, (), ()),
        ("ggml_type_size", ctypes.c_size_t, (ctypes.c_int,), (lib.GGML_TYPE_F32,)),
        ("llama_n_ctx", ctypes.c_uint32, (POINTER,), (ctx,)),
        ("llama_model_n_embd", INT, (POINTER,), (model,)),
        ("llama_vocab_n_tokens", INT, (POINTER,), (vocab,)),
        ("llama_vocab_bos", INT, (POINTER,), (vocab,)),
        ("llama_vocab_is_eog", ctypes.c_bool, (POINTER, INT), (vocab, 5)),
        ("llama_vocab_get_score", ctypes.c_float, (POINTER, INT), (vocab, 5)),
        ("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), (POINTER, INT), (ctx, -1)),
        ("llama_memory_seq_pos_max", INT, (POINTER, INT), (memory, 0)),
    ]
    rows = [(*row, both(*row[3])) for row in plain]
    types = (POINTER, INT, ctypes.c_char_p, INT, INT, ctypes.c_bool)
    piece = (vocab, 260, buffer, 32, 0, False)
    rows.append(("llama_token_to_piece", INT, types, piece, [*both(vocab, 260), c_buffer, 32, 0, False]))
    return rows


def measure(function, arguments):
    run = loop(len(arguments))
    start = time.perf_counter()
    run(function, *arguments)
    return (time.perf_counter() - start) / CALLS * 1e9


def main():
    model = lib.llama_model_load_from_file(os.fsencode(demo_model.obtain()), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 64, 2, 2
    ctx = lib.llama_init_from_model(model, params)
    lib.llama_decode(ctx, lib.llama_batch_get_one(ffi.new("llama_token[]", [1, 2, 3]), 3))
    rows, ratios, facade_ratios = [], [], []
    for name, result, types, ours, theirs in functions(model, ctx):
        ways = [
            (getattr(lib, name), ours),
            (getattr(llamacffi, name), ours),
            (ctypes_function(name, result, *types), theirs),
        ]
        rounds = [[measure(*way) for way in ways] for _ in range(ROUNDS)]
        direct, facade, other = (statistics.median(column) for column in zip(*rounds))
        ratios.append(statistics.median(round_[0] / round_[2] for round_ in rounds))
        facade_ratios.append(statistics.median(round_[1] / round_[2] for round_ in rounds))
        rows.append([name, f"{direct:.0f}", f"{facade:.0f}", f"{other:.0f}", f"{ratios[-1]:.2f}"])
    print(table(["ns a call", "lib", "facade", "ctypes", "lib/ctypes"], rows))
    print(verdict("lib against ctypes, geometric mean", _geometric_mean(ratios), BAR, at_most=True))
    print(verdict("facade against ctypes, geometric mean", _geometric_mean(facade_ratios), BAR, at_most=True))
    lib.llama_free(ctx)
    lib.llama_model_free(model)


def _geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


if __name__ == "__main__":
    main()
