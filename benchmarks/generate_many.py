"""Eight prompts at once through `generate_many`, against llama.cpp's llama-batched-bench on the same libraries.

llama-batched-bench decodes random tokens, and samples none; `generate_many` samples each sequence's, and makes text.
The two take turns, each in a process of its own; the figure is the median of the ratios, of the tokens a second that
all sequences make together once the prompts are through.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import llamacffi
from programs import build, demo_model, in_turn, json_lines, output
from timing import table, verdict

ROUNDS = 9
PROMPTS, PROMPT, TOKENS, THREADS = 8, 64, 64, 2
N_CTX = PROMPTS * (PROMPT + TOKENS)
BAR = 0.93


def batched_bench(program: Path, model: Path) -> float:
    sizes = ["-c", N_CTX, "-npp", PROMPT, "-ntg", TOKENS, "-npl", PROMPTS, "-t", THREADS, "-tb", THREADS]
    (done,) = json_lines(output(program, "-m", model, *sizes, "--output-format", "jsonl"))
    return float(done["speed_tg"])


def generate_many(path: str) -> float:
    with llamacffi.Model(path) as model:
        prompts = [[(7 * place + number) % 1000 for place in range(PROMPT)] for number in range(PROMPTS)]
        with model.context(n_ctx=N_CTX, n_seq_max=PROMPTS, n_threads=THREADS, n_threads_batch=THREADS) as context:
            context.generate_many(prompts, max_tokens=1, temperature=0).texts()  # warm-up
            many = context.generate_many(prompts, max_tokens=TOKENS, temperature=0, ignore_eog=True, step=1)
            iterator = iter(many)
            next(iterator)
            start, before = time.perf_counter(), sum(map(len, many.tokens))
            for _ in iterator:
                pass
            return (sum(map(len, many.tokens)) - before) / (time.perf_counter() - start)


def main() -> None:
    model = demo_model.obtain()
    program = build("llama-batched-bench")
    ways = {
        "llama-batched-bench": lambda: batched_bench(program, model),
        "generate_many": lambda: float(output(sys.executable, __file__, model)),
    }
    results = in_turn(ROUNDS, ways)
    rows = [[name, f"{statistics.median(results[name]):.1f}"] for name in ways]
    print(table([f"tokens a second, {PROMPTS} sequences", "median"], rows))
    ratio = statistics.median(a / b for a, b in zip(results["generate_many"], results["llama-batched-bench"]))
    print(verdict("generate_many against llama-batched-bench", ratio, BAR, at_most=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(generate_many(sys.argv[1]))
    else:
        main()
