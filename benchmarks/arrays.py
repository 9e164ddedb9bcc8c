"""The last logits as a NumPy array, and a batch of 512 tokens from one, against ctypes and NumPy's own way.

All work on the same libraries and the same context of a tiny model, and take turns; the figures are medians over the
rounds. After a decode, one call is timed alone, with the clock's own time: what it needs is not in the processor's
caches then.
"""

from __future__ import annotations

import ctypes
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import llamacffi
from calls import INT, POINTER, ctypes_function
from timing import table, verdict

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("tests", "tools")]
import tiny_models  # noqa: E402

ROUNDS = 101
CALLS = 200  # in a round; of the ways that take long, fewer
N_TOKENS = 512
LOGITS_BAR, BATCH_BAR = 1.0, 3.0  # microseconds


class CBatch(ctypes.Structure):
    """`struct llama_batch`."""

    _fields_ = (
        ("n_tokens", INT),
        ("token", ctypes.POINTER(INT)),
        ("embd", ctypes.POINTER(ctypes.c_float)),
        ("pos", ctypes.POINTER(INT)),
        ("n_seq_id", ctypes.POINTER(INT)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(INT))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


def element_by_element(batch: CBatch, tokens: npt.NDArray[np.int32]) -> None:
    """What llama-cpp-python's `set_batch` does to a batch: a loop over all of its arrays."""
    n = len(tokens)
    batch.n_tokens = n
    for i in range(n):
        batch.token[i] = tokens[i]
        batch.pos[i] = i
        batch.seq_id[i][0] = 0
        batch.n_seq_id[i] = 1
        batch.logits[i] = 0
    batch.logits[n - 1] = 1


def repeated(call: Callable[[], object], n: int) -> float:
    """Microseconds a call, of many one after another."""
    start = time.perf_counter()
    for _ in range(n):
        call()
    return (time.perf_counter() - start) / n * 1e6


def alone(call: Callable[[], object], before: Callable[[], None]) -> float:
    """Microseconds of a call after something else, the median of some."""
    times: list[int] = []
    for _ in range(21):
        before()
        start = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


def medians(rounds: list[tuple[float, float]]) -> tuple[tuple[float, float], float]:
    """The median of each of the two ways, and that of their ratios."""
    ours, theirs = (statistics.median(way) for way in zip(*rounds))
    return (ours, theirs), statistics.median(one / other for one, other in rounds)


def measure(context: llamacffi.Context) -> dict[str, tuple[tuple[float, float], float]]:
    """The rows of the table, and the microseconds of ours in each."""
    get = ctypes_function("llama_get_logits_ith", ctypes.POINTER(ctypes.c_float), POINTER, INT)
    address, shape = llamacffi.address_of(context.handle), (context.model.vocab.n_tokens,)

    def theirs() -> Any:
        return np.ctypeslib.as_array(get(address, -1), shape=shape)

    def decode() -> None:
        context.memory.clear()
        context.decode([1])

    decode()
    assert theirs().tolist() == context.logits().tolist()
    tokens = np.arange(N_TOKENS, dtype=np.int32)
    c_batch = ctypes_function("llama_batch_init", CBatch, INT, INT, INT)(N_TOKENS, 0, 1)
    with llamacffi.Batch(N_TOKENS) as batch:
        kinds: dict[str, Callable[[], tuple[float, float]]] = {
            "last logits, asked again": lambda: (repeated(context.logits, CALLS), repeated(theirs, CALLS)),
            "last logits, after a decode": lambda: (alone(context.logits, decode), alone(theirs, decode)),
            "the clock itself, after a decode": lambda: (alone(int, decode), alone(int, decode)),
            f"batch of {N_TOKENS} tokens": lambda: (
                repeated(lambda: batch.set(tokens), CALLS),
                repeated(lambda: element_by_element(c_batch, tokens), 2),
            ),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, once in kinds.items():
                found[name].append(once())
        element_by_element(c_batch, tokens)
        assert batch.token.tolist() == c_batch.token[:N_TOKENS]
        assert batch.pos.tolist() == c_batch.pos[:N_TOKENS]
        assert batch.logits.tolist() == c_batch.logits[:N_TOKENS]
    ctypes_function("llama_batch_free", None, CBatch)(c_batch)
    return {name: medians(rounds) for name, rounds in found.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = tiny_models.write_llama(Path(folder) / "tiny.gguf", context_length=1024)
        with llamacffi.Model(path) as model, model.context(n_ctx=256, n_threads=1) as context:
            results = measure(context)
    rows = [[name, f"{ours:.2f}", f"{other:.2f}", f"{ratio:.3f}"] for name, ((ours, other), ratio) in results.items()]
    print(table(["µs a call", "llamacffi", "ctypes", "ratio"], rows))
    again, after, _, batch = (ours for (ours, _), _ in results.values())
    print(verdict("last logits as an array, asked again, µs", again, LOGITS_BAR, at_most=True))
    print(verdict("last logits as an array, after a decode, µs", after, LOGITS_BAR, at_most=True))
    print(verdict(f"a batch of {N_TOKENS} tokens from an array, µs", batch, BATCH_BAR, at_most=True))


if __name__ == "__main__":
    main()
