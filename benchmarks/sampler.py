"""What a token costs to sample when Python has a say in it, here and in llama-cpp-python.

Both sample from the same model's whole vocabulary, by the same libraries in one process, with the same functions and
samplers. A *logits processor* changes logits before llama.cpp's usual samplers; a *sampler* chooses the token itself.
The two packages take turns; the figures are medians over the rounds.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

import llama_cpp_package
import llamacffi
from llamacffi import Sampler
from llamacffi.candidates import Candidates
from timing import table, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import demo_model

ROUNDS = 201
CALLS = 5  # so few that most rounds pass without another process's turn
BAR = 0.5
PROMPT = [1, 2, 3, 4]
SETTINGS: dict[str, Any] = {"top_k": 40, "top_p": 0.95, "min_p": 0.05}
BANNED = np.array([5, 77, 1000, 30000])
FACTOR = np.float32(0.9)

Floats = npt.NDArray[np.float32]
Processor = Callable[[Any, Floats], Floats]
Choose = Callable[[Floats], int]
Sample = Callable[[], int]


def nothing(tokens: Any, logits: Floats) -> Floats:
    return logits


def ban(tokens: Any, logits: Floats) -> Floats:
    logits[BANNED] = -np.inf
    return logits


def scale(tokens: Any, logits: Floats) -> Floats:
    logits *= FACTOR
    return logits


def scale_a_copy(tokens: Any, logits: Floats) -> Floats:
    return logits * FACTOR


def choose_likeliest(logits: Floats) -> int:
    return int(logits.argmax())


def choose_by_chance(logits: Floats) -> int:
    """By Gumbel's noise, which makes it the softmax's own chance; the same noise each time."""
    return int((logits + noise).argmax())


noise = np.random.default_rng(0).gumbel(size=1 << 18).astype(np.float32)


def our_processor(
    model: llamacffi.Model, ctx: llamacffi.Context, function: Optional[Processor], temperature: float, kept: list[Any]
) -> Sample:
    sampler = Sampler(model, temperature=temperature, seed=1, processors=[function] if function else [], **SETTINGS)
    kept.append(sampler)
    return lambda: sampler.sample(ctx)


def their_processor(
    module: Any, llama: Any, function: Optional[Processor], temperature: float, kept: list[Any]
) -> Sample:
    processors = module.LogitsProcessorList([function]) if function else None
    sampler = llama._init_sampler(temp=temperature, logits_processor=processors, **SETTINGS)
    kept.append(sampler)

    def sample() -> int:
        llama._sampler = sampler  # as Llama.generate has it
        return int(llama.sample())

    return sample


def our_sampler(ctx: llamacffi.Context, function: Choose, kept: list[Any]) -> Sample:
    def choose(candidates: Candidates) -> None:
        candidates.selected = function(candidates.logit)

    sampler = Sampler.chain([Sampler.python(choose)])
    kept.append(sampler)
    return lambda: sampler.sample(ctx)


def their_sampler(module: Any, llama: Any, function: Choose, kept: list[Any]) -> Sample:
    """LlamaSampler.add_custom, with the view of the candidates that the package makes for its logits processors."""
    dtype = np.dtype([("id", np.intc), ("logit", np.single), ("p", np.single)], align=True)

    def choose(array: Any) -> None:
        candidates = array.contents
        memory = (module.llama_token_data * candidates.size).from_address(ctypes.addressof(candidates.data.contents))
        view: Any = np.recarray(shape=(candidates.size,), dtype=dtype, buf=memory)
        candidates.selected = function(view.logit)

    sampler = module._internals.LlamaSampler()
    sampler.add_custom(choose)
    kept.append(sampler)
    return lambda: int(sampler.sample(llama._ctx, -1))


def measure(sample: Sample) -> float:
    """Microseconds a token."""
    sample()
    start = time.perf_counter()
    for _ in range(CALLS):
        sample()
    return (time.perf_counter() - start) / CALLS * 1e6


def main() -> None:
    path = str(demo_model.obtain())
    with llamacffi.Model(path) as model, model.context(n_ctx=64, n_threads=2) as ctx:
        ctx.decode(PROMPT)
        module, libraries = llama_cpp_package.load()
        llama = module.Llama(path, n_ctx=64, n_threads=2, n_threads_batch=2, verbose=False)
        llama.eval(PROMPT)
        kept: list[Any] = []
        pairs: list[tuple[str, bool, Sample, Sample]] = []
        processors: list[Optional[Processor]] = [None, nothing, ban, scale, scale_a_copy]
        for temperature in (0.0, 0.8):
            for function in processors:
                name = f"processor, {function.__name__.replace('_', ' ')}" if function else "no Python"
                ours = our_processor(model, ctx, function, temperature, kept)
                theirs = their_processor(module, llama, function, temperature, kept)
                pairs.append((f"{name}, temperature {temperature}", bool(function), ours, theirs))
        global noise
        noise = noise[: model.vocab.n_tokens]
        for choose in (choose_likeliest, choose_by_chance):
            ours, theirs = our_sampler(ctx, choose, kept), their_sampler(module, llama, choose, kept)
            if ours() != theirs():
                raise SystemExit(f"{choose.__name__}: the two choose differently")
            pairs.append((f"sampler, {choose.__name__.replace('_', ' ')}", True, ours, theirs))
        rows: list[list[str]] = []
        ratios: list[float] = []
        for name, in_python, ours, theirs in pairs:
            rounds = [(measure(ours), measure(theirs)) for _ in range(ROUNDS)]
            ratio = statistics.median(one / other for one, other in rounds)
            medians = [statistics.median(each) for each in zip(*rounds)]
            rows.append([name, *(f"{median:.1f}" for median in medians), f"{ratio:.2f}"])
            if in_python:
                ratios.append(ratio)
        print(table(["µs a token", "llamacffi", "llama-cpp-python", "ratio"], rows))
        print(verdict("a Python sampler, the worst ratio", max(ratios), BAR, at_most=True))
        for sampler in kept:
            sampler.close()
        llama.close()
        libraries.cleanup()


if __name__ == "__main__":
    main()
