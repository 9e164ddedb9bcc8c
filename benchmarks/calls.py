"""The price of a call: through `lib`, the checked facade, cffi without a guard, and ctypes, on the same libraries.

A dozen functions that do next to nothing, so that the call itself is what costs. The four take turns; the figures
are medians over the rounds.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llamacffi
import unguarded
from llamacffi import ffi, lib
from llamacffi.types import llama_context_p, llama_model_p
from timing import table, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import demo_model

CALLS = 2_000  # so few that most rounds pass without another process's turn
ROUNDS = 151
WAYS = ("lib", "facade", "unguarded", "ctypes")
# One way, another, and at most how much of the other's time it takes.
CLAIMS = (("lib", "ctypes", 0.50), ("facade", "ctypes", 1.0), ("lib", "unguarded", 1.15))

POINTER = ctypes.c_void_p
INT = ctypes.c_int32

# Name, ctypes result, ctypes argument types, arguments for cffi, arguments for ctypes.
Row = tuple[str, Any, tuple[Any, ...], tuple[Any, ...], list[Any]]


def ctypes_function(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """The function in whichever of our libraries has it."""
    folder = Path(llamacffi.get_library_dir())
    for stem in ("llama", "ggml", "ggml-base"):
        (path,) = folder.glob(f"*llamacffi-{stem}.*")
        try:
            function: Any = getattr(ctypes.CDLL(str(path)), name)
        except AttributeError:
            continue
        function.restype, function.argtypes = result, arguments
        found: Callable[..., Any] = function
        return found
    raise LookupError(name)


def loop(arity: int) -> Callable[..., None]:
    """A function that makes many calls with `arity` arguments, and nothing else."""
    names = ", ".join(f"a{i}" for i in range(arity))
    code = f"def loop(function, {names}{', ' if names else ''}*_):\n for _ in range({CALLS}):\n  function({names})\n"
    scope: dict[str, Any] = {}
    exec(code, scope)
    made: Callable[..., None] = scope["loop"]
    return made


def functions(model: llama_model_p, ctx: llama_context_p) -> list[Row]:
    vocab, memory = lib.llama_model_get_vocab(model), lib.llama_get_memory(ctx)
    buffer, c_buffer = ffi.new("char[32]"), ctypes.create_string_buffer(32)

    def both(*arguments: Any) -> list[Any]:
        """The same arguments, pointers as ctypes wants them."""
        return [int(ffi.cast("uintptr_t", a)) if isinstance(a, ffi.CData) else a for a in arguments]

    plain: list[tuple[str, Any, tuple[Any, ...], tuple[Any, ...]]] = [
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
    rows: list[Row] = [(*row, both(*row[3])) for row in plain]
    types = (POINTER, INT, ctypes.c_char_p, INT, INT, ctypes.c_bool)
    piece = (vocab, 260, buffer, 32, 0, False)
    rows.append(("llama_token_to_piece", INT, types, piece, [*both(vocab, 260), c_buffer, 32, 0, False]))
    return rows


def measure(run: Callable[..., None], function: Callable[..., Any], arguments: Sequence[Any]) -> float:
    """Nanoseconds a call."""
    start = time.perf_counter()
    run(function, *arguments)
    return (time.perf_counter() - start) / CALLS * 1e9


def main() -> None:
    module = unguarded.load()
    model = lib.llama_model_load_from_file(os.fsencode(demo_model.obtain()), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = 64, 2, 2
    ctx = lib.llama_init_from_model(model, params)
    lib.llama_decode(ctx, lib.llama_batch_get_one(ffi.new("llama_token[]", [1, 2, 3]), 3))
    rows: list[list[str]] = []
    ratios: dict[tuple[str, str, float], list[float]] = {claim: [] for claim in CLAIMS}
    for name, result, types, ours, theirs in functions(model, ctx):
        calls: dict[str, tuple[Callable[..., Any], Sequence[Any]]] = {
            "lib": (getattr(lib, name), ours),
            "facade": (getattr(llamacffi, name), ours),
            "unguarded": (getattr(module.lib, name), [unguarded.moved(each, module) for each in ours]),
            "ctypes": (ctypes_function(name, result, *types), theirs),
        }
        loops = {way: loop(len(ours)) for way in WAYS}  # of its own for each: PyPy compiles it for what it calls
        rounds = [{way: measure(loops[way], *calls[way]) for way in WAYS} for _ in range(ROUNDS)]
        for claim in CLAIMS:
            ratios[claim].append(statistics.median(round_[claim[0]] / round_[claim[1]] for round_ in rounds))
        times = [f"{statistics.median(round_[way] for round_ in rounds):.0f}" for way in WAYS]
        rows.append([name, *times, *(f"{ratios[claim][-1]:.2f}" for claim in CLAIMS)])
    print(table(["ns a call", *WAYS, *(f"{one}/{other}" for one, other, _ in CLAIMS)], rows))
    for one, other, bar in CLAIMS:
        mean = statistics.geometric_mean(ratios[one, other, bar])
        print(verdict(f"{one} against {other}, geometric mean", mean, bar, at_most=True))
    lib.llama_free(ctx)
    lib.llama_model_free(model)


if __name__ == "__main__":
    main()
