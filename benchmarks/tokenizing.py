"""Tokenizing 10 MB of text in many pieces, against llama_tokenize in a loop of C, on the same libraries.

The loop is compiled here once, in build/, as a module of cffi's, and calls llama.cpp past this package. Its texts lie
in memory as C has them, and its tokens go to one array that is large enough; ours begin as Python's strings, and end as
arrays or lists. The ways take turns, a part of the text at a time; the figure is the median of the ratios of C's time.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, Optional

from cffi import FFI

import llamacffi
from timing import table, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import demo_model
import vendor
from loading import load_module
from pinned import ROOT

SIZE = 10_000_000
PIECES = (1000, 100)  # bytes in each, about
PARTS = 40  # the ways take turns at each
ROUNDS = 2
BAR = 0.9

CDEF = """
int64_t tokenize_all(void *vocab, const char *texts, const int64_t *ends, int64_t n, int32_t *tokens, int64_t room);
"""
SOURCE = """
#include <llama.h>

static int64_t tokenize_all(void *vocab, const char *texts, const int64_t *ends, int64_t n, int32_t *tokens,
    int64_t room) {
    int64_t begin = 0, total = 0;
    for (int64_t i = 0; i < n; begin = ends[i++]) {
        const int64_t left = room - total;
        const int32_t length = llama_tokenize((const struct llama_vocab *) vocab, texts + begin,
            (int32_t) (ends[i] - begin), tokens + total, left < INT32_MAX ? (int32_t) left : INT32_MAX, true, false);
        if (length < 0) return -1;
        total += length;
    }
    return total;
}
"""


def c_loop() -> Any:
    """The compiled module, `ffi` and `lib`."""
    name = f"tokenize_loop_{str(sys.implementation.cache_tag).replace('-', '_')}"
    ffi = FFI()
    ffi.cdef(CDEF)
    options: dict[str, Any] = {**llamacffi.extension_options()}
    ffi.set_source(name, SOURCE, **options)
    return load_module(name, ffi.compile(str(ROOT / "build" / "tokenize-loop")))


def text() -> str:
    """10 MB of llama.cpp's documentation and source."""
    found: list[str] = []
    size = 0
    folder = vendor.obtain(ROOT)
    for pattern in ("**/*.md", "src/**/*.cpp", "ggml/src/*.c*", "tools/**/*.cpp", "common/**/*.cpp"):
        for path in sorted(folder.glob(pattern)):
            found.append(path.read_text("utf-8", "replace"))
            size += len(found[-1])
    whole = "".join(found)
    return (whole * (SIZE // size + 1))[:SIZE]


def parts_of(whole: str, size: int) -> list[list[str]]:
    """The pieces of the text, in parts; each with what C's loop takes."""
    pieces = [whole[begin : begin + size] for begin in range(0, len(whole), size)]
    each = len(pieces) // PARTS
    return [pieces[begin : begin + each] for begin in range(0, len(pieces), each)]


def main() -> None:
    loop = c_loop()
    whole = text()
    rows: list[list[str]] = []
    verdicts: list[str] = []
    with llamacffi.Model(demo_model.obtain(), vocab_only=True) as model:
        vocab = model.vocab
        address = loop.ffi.cast("void *", llamacffi.address_of(vocab.handle))

        def in_c(texts: bytes, ends: Any, tokens: Any) -> Any:
            return loop.lib.tokenize_all(address, texts, ends, len(ends), tokens, len(tokens))

        ways: dict[str, Optional[Callable[[list[str]], int]]] = {
            "C": None,
            "tokenize_many: arrays": lambda pieces: sum(map(len, vocab.tokenize_many(pieces))),
            "tokenize_many: lists": lambda pieces: sum(len(each.tolist()) for each in vocab.tokenize_many(pieces)),
            "tokenize: lists": lambda pieces: sum(len(vocab.tokenize(piece)) for piece in pieces),
        }
        for size in PIECES:
            parts = parts_of(whole, size)
            times: dict[str, list[float]] = {way: [] for way in ways}
            for pieces in parts * ROUNDS:
                data = [piece.encode() for piece in pieces]
                texts, ends = b"".join(data), loop.ffi.new("int64_t[]", list(accumulate(map(len, data))))
                tokens = loop.ffi.new("int32_t[]", len(texts))
                counts: set[int] = set()
                for way, run in ways.items():
                    start = time.perf_counter()
                    counts.add(run(pieces) if run else in_c(texts, ends, tokens))
                    times[way].append(time.perf_counter() - start)
                assert len(counts) == 1
                assert counts != {0}
            for way, seconds in times.items():
                ratio = statistics.median(c / own for c, own in zip(times["C"], seconds))
                speed = SIZE / 1e6 / PARTS / statistics.median(seconds)
                rows.append([way, f"{sum(map(len, parts)):,}", f"{speed:.2f}", f"{ratio:.3f}"])
                if way.startswith("tokenize_many"):
                    what = f"{way}, pieces of {size} bytes, against C"
                    verdicts.append(verdict(what, ratio, BAR, at_most=False))
    print(table([f"{SIZE / 1e6:.0f} MB", "pieces", "MB/s", "of C's"], rows))
    print("\n".join(verdicts))


if __name__ == "__main__":
    main()
