"""A real model: prompt and text through `generate`, against llama.cpp's llama-bench on the same libraries.

llama-bench decodes random tokens, and does not look at what comes of them; `generate` samples, looks for the text's end
and makes text. A loop in Python over the checked facade finds the likeliest token with NumPy. All have a context of the
same size and the same threads, take turns, each in a process of its own, and are warmed up as llama-bench is. The
figures are the medians of the ratios, round by round.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

import llamacffi
from llamacffi import ffi
from programs import build, demo_model, in_turn, output
from timing import table, verdict

ROUNDS = 11
PROMPT, TOKENS, THREADS = 512, 128, 2
# Whose speed, of which part, and at least how much of llama-bench's.
CLAIMS = (("generate", 1, "text", 0.98), ("generate", 0, "prompt", 0.98), ("loop", 1, "text", 0.97))


def llama_bench(program: Path, model: Path) -> tuple[float, float]:
    """Tokens a second: of the prompt, of the text."""
    command = [program, "-m", model, "-p", PROMPT, "-n", TOKENS, "-t", THREADS, "-r", 1, "-o", "json"]
    prompt, text = json.loads(output(*command))
    return prompt["avg_ts"], text["avg_ts"]


def generate(path: str) -> tuple[float, float]:
    """The same through `generate`."""
    with llamacffi.Model(path) as model:
        words = [(7 * place) % model.vocab.n_tokens for place in range(PROMPT)]
        with model.context(n_ctx=PROMPT, n_threads=THREADS, n_threads_batch=THREADS) as context:
            context.generate(words, max_tokens=0).text()
            prompt = context.generate(words, max_tokens=0, reuse=False)
            prompt.text()
        with model.context(n_ctx=TOKENS, n_threads=THREADS, n_threads_batch=THREADS) as context:
            start = [model.vocab.bos]
            context.generate(start, max_tokens=1, ignore_eog=True, temperature=0).text()
            began = time.perf_counter()
            text = context.generate(start, max_tokens=TOKENS, ignore_eog=True, temperature=0, reuse=False)
            text.text()
            took = time.perf_counter() - began
        assert len(text.tokens) == TOKENS
        return PROMPT / prompt.prompt_seconds, TOKENS / took


def loop(path: str) -> tuple[float, float]:
    """The text in a loop over the facade."""
    sizes = {"n_ctx": TOKENS, "n_threads": THREADS, "n_threads_batch": THREADS}
    with llamacffi.Model(path) as model, model.context(**sizes) as context:
        token = ffi.new("llama_token[1]", [model.vocab.bos])
        batch = llamacffi.llama_batch_get_one(token, 1)
        size = model.vocab.n_tokens * ffi.sizeof("float")
        ctx, decode, logits = context.handle, llamacffi.llama_decode, llamacffi.llama_get_logits_ith
        buffer: Any = ffi.buffer
        decode(ctx, batch)
        llamacffi.llama_memory_clear(llamacffi.llama_get_memory(ctx), False)
        start = time.perf_counter()
        for _ in range(TOKENS):
            decode(ctx, batch)
            token[0] = numpy.frombuffer(buffer(logits(ctx, -1), size), numpy.float32).argmax()
        return 0, TOKENS / (time.perf_counter() - start)


def main() -> None:
    model = demo_model.obtain()
    program = build("llama-bench")

    def python(way: str) -> Callable[[], tuple[float, float]]:
        return lambda: json.loads(output(sys.executable, __file__, way, model))

    ways = {"llama-bench": lambda: llama_bench(program, model), "generate": python("generate"), "loop": python("loop")}
    results = in_turn(ROUNDS, ways)
    rows = [
        [name, *(f"{statistics.median(each[part] for each in results[name]) or float('nan'):.1f}" for part in (0, 1))]
        for name in ways
    ]
    print(table(["tokens a second, median", f"pp{PROMPT}", f"tg{TOKENS}"], rows))
    for name, part, what, bar in CLAIMS:
        ratios = (ours[part] / its[part] for ours, its in zip(results[name], results["llama-bench"]))
        print(verdict(f"{name} against llama-bench, {what}", statistics.median(ratios), bar, at_most=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
    else:
        main()
