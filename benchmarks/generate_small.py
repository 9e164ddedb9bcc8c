"""A model of 35 µs a token, where the binding's own cost shows: `generate`, the loop in C, and in Python over `lib`.

Two layers, 64 dimensions, a vocabulary of 512; one thread. The three take turns, each in a process of its own with
several rounds, of which the quickest counts; the figures are the medians of the ratios. Where there is a PyPy with the
package (`LLAMACFFI_PYPY`, else `.venv-pypy`), its loop in Python is compared with CPython's, too.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import llamacffi
from llamacffi import ffi, lib

TOKENS, THREADS, ROUNDS, RUNS = 256, 1, 40, 15


def generate(path: str) -> None:
    sizes = {"n_ctx": TOKENS + 1, "n_threads": THREADS, "n_threads_batch": THREADS}
    with llamacffi.Model(path) as model, model.context(**sizes) as context:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            text = context.generate([model.vocab.bos], max_tokens=TOKENS, ignore_eog=True, temperature=0, reuse=False)
            for _ in text:
                pass
            print(time.perf_counter() - start)
            assert len(text.tokens) == TOKENS


def loop(path: str) -> None:
    """As programs/loop.c."""
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(os.fsencode(path), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx = TOKENS + 1
    params.n_threads = params.n_threads_batch = THREADS
    ctx = lib.llama_init_from_model(model, params)
    vocab = lib.llama_model_get_vocab(model)
    chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_greedy())
    token, piece = ffi.new("llama_token[1]"), ffi.new("char[]", 256)
    batch = lib.llama_batch_get_one(token, 1)
    memory = lib.llama_get_memory(ctx)
    for _ in range(ROUNDS):
        ended = length = 0
        lib.llama_memory_clear(memory, False)
        token[0] = lib.llama_vocab_bos(vocab)
        start = time.perf_counter()
        for _ in range(TOKENS):
            if lib.llama_decode(ctx, batch):
                raise SystemExit(1)
            token[0] = lib.llama_sampler_sample(chain, ctx, -1)
            ended += lib.llama_vocab_is_eog(vocab, token[0])
            length += lib.llama_token_to_piece(vocab, token[0], piece, 256, 0, False)
        print(time.perf_counter() - start)
    lib.llama_sampler_free(chain)
    lib.llama_free(ctx)
    lib.llama_model_free(model)


def main() -> None:
    from programs import ROOT, build, in_turn, output, tiny_models
    from timing import table, verdict

    pypy = Path(os.environ.get("LLAMACFFI_PYPY", ROOT / ".venv-pypy" / "bin" / "python"))
    program = build("loop")
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_models.write_llama(Path(folder) / "small.gguf", n_embd=64, n_ff=128, context_length=TOKENS + 1)

        def best(*command: object) -> Callable[[], float]:
            return lambda: min(map(float, output(*command).split()))

        ways = {
            "C": best(program, model, TOKENS, THREADS, ROUNDS),
            "generate": best(sys.executable, __file__, "generate", model),
            "loop over lib": best(sys.executable, __file__, "loop", model),
        }
        if pypy.exists():
            ways["loop over lib, PyPy"] = best(pypy, __file__, "loop", model)
        results = in_turn(RUNS, ways)
    rows = [[name, f"{statistics.median(times) / TOKENS * 1e6:.2f}"] for name, times in results.items()]
    print(table(["microseconds a token", "median"], rows))

    def ratio(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(results[one], results[other]))

    print(verdict("generate's speed against C's", ratio("C", "generate"), 0.97, at_most=False))
    print(verdict("generate's time against the loop's", ratio("generate", "loop over lib"), 0.99, at_most=True))
    if pypy.exists():
        both = ratio("loop over lib, PyPy", "loop over lib")
        print(verdict("PyPy's time against CPython's, loop over lib", both, 1.0, at_most=True))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        globals()[sys.argv[1]](sys.argv[2])
    else:
        main()
