"""What is left in memory after many models and many texts: nothing should be.

A small model is loaded, used and closed 200 times, and then makes 10,000 texts in a context that stays, and 1,000 in
one each. The figure is what the process has grown by since a tenth of that was done.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

import llamacffi
from programs import tiny_models
from timing import table, verdict

MOST = 2.0  # MB; what an allocator keeps for itself varies


def grown(n: int, step: Callable[[], None]) -> float:
    """What the process has grown by from a tenth of the steps to their end, in MB."""
    process = psutil.Process()
    before = 0
    for number in range(n):
        if number == n // 10:
            gc.collect()
            before = process.memory_info().rss
        step()
    gc.collect()
    return (process.memory_info().rss - before) / 1e6


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = tiny_models.write_llama(Path(folder) / "small.gguf", context_length=1024)

        def load() -> None:
            with llamacffi.Model(path) as model, model.context(n_ctx=128) as context:
                context.generate([1], max_tokens=2, ignore_eog=True).text()

        rows = [("200 models loaded and closed", grown(200, load))]
        with llamacffi.Model(path) as model:
            with model.context(n_ctx=128, n_threads=1) as context:

                def generate() -> None:
                    context.generate([1, 2, 3], max_tokens=8, ignore_eog=True, stop=["never"]).text()

                rows.append(("10,000 texts", grown(10_000, generate)))

            def generate_alone() -> None:
                model.generate([1, 2, 3], max_tokens=8, ignore_eog=True, n_threads=1).text()

            rows.append(("1,000 texts, each in a context of its own", grown(1_000, generate_alone)))
    print(table(["megabytes more than after a tenth of them", ""], [[name, f"{more:.2f}"] for name, more in rows]))
    for name, more in rows:
        print(verdict(name, more, MOST, at_most=True))


if __name__ == "__main__":
    main()
