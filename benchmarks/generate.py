"""Greedy generation in a Python loop over the checked facade, against llama.cpp's llama-bench on the same libraries.

llama-bench is compiled here once, in build/, and runs its test tg. The two take turns, each in a process of its own;
the figure is the median of the ratios, pair by pair. llama-bench decodes random tokens and does not look at the
logits; our loop takes the likeliest token, which it finds with NumPy in the logits as they lie in native memory.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy

import llamacffi
from llamacffi import ffi
from timing import table, verdict

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import demo_model
import vendor
from carrier import ROOT

HERE = Path(__file__).resolve().parent
PAIRS = 15
TOKENS = 128
THREADS = 2
BAR = 0.97


def build_llama_bench():
    """Compile llama-bench against the package's libraries, unless that is done; its path."""
    folder = ROOT / "build" / "llama-bench"
    libraries = Path(llamacffi.get_library_dir())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake = shutil.which("cmake", path=path)
    options = {"SOURCE": vendor.obtain(ROOT), "LIBRARIES": libraries}
    launcher = shutil.which("ccache")
    if launcher:
        options["CMAKE_CXX_COMPILER_LAUNCHER"] = launcher
    for command in (
        [cmake, "-S", HERE / "llama_bench", "-B", folder, *(f"-D{name}={value}" for name, value in options.items())],
        [cmake, "--build", folder, "--target", "llama-bench", "--parallel"],
    ):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    program = folder / "bin" / "llama-bench"
    # It looks for backends beside itself.
    for module in libraries.glob("*ggml-*"):
        link = program.parent / module.name
        if not module.name.startswith("libllamacffi"):
            link.unlink(missing_ok=True)
            link.symlink_to(module)
    return program


def llama_bench(program, model):
    """Tokens a second."""
    command = [program, "-m", model, "-p", "0", "-n", str(TOKENS), "-t", str(THREADS), "-r", "1", "-o", "json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)[0]["avg_ts"]


def python_loop(model):
    """Tokens a second, in another process."""
    done = subprocess.run([sys.executable, __file__, model], check=True, stdout=subprocess.PIPE)
    return float(done.stdout)


def loop(path):
    """Generate as llama-bench does, in a context of the same size and after the same warm-up; tokens a second."""
    model = llamacffi.llama_model_load_from_file(path, llamacffi.llama_model_default_params())
    params = llamacffi.llama_context_default_params()
    params.n_ctx, params.n_threads, params.n_threads_batch = TOKENS, THREADS, THREADS
    ctx = llamacffi.llama_init_from_model(model, params)
    vocab = llamacffi.llama_model_get_vocab(model)
    token = ffi.new("llama_token[1]", [llamacffi.llama_vocab_bos(vocab)])
    batch = llamacffi.llama_batch_get_one(token, 1)
    size = llamacffi.llama_vocab_n_tokens(vocab) * ffi.sizeof("float")
    decode, logits = llamacffi.llama_decode, llamacffi.llama_get_logits_ith
    decode(ctx, batch)
    llamacffi.llama_memory_clear(llamacffi.llama_get_memory(ctx), False)
    start = time.perf_counter()
    for _ in range(TOKENS):
        decode(ctx, batch)
        token[0] = numpy.frombuffer(ffi.buffer(logits(ctx, -1), size), numpy.float32).argmax()
    took = time.perf_counter() - start
    llamacffi.llama_free(ctx)
    llamacffi.llama_model_free(model)
    return TOKENS / took


def main():
    model = str(demo_model.obtain())
    program = build_llama_bench()
    pairs = []
    for number in range(PAIRS):
        pair = {}
        ways = [("llama-bench", lambda: llama_bench(program, model)), ("facade", lambda: python_loop(model))]
        for name, way in ways if number % 2 else reversed(ways):
            time.sleep(0.03)  # else the last process's spinning threads slow this one
            pair[name] = way()
        pairs.append(pair)
    rows = [[name, f"{statistics.median(pair[name] for pair in pairs):.1f}"] for name in ("llama-bench", "facade")]
    print(table(["tokens a second", "median"], rows))
    ratio = statistics.median(pair["facade"] / pair["llama-bench"] for pair in pairs)
    print(verdict("facade against llama-bench", ratio, BAR, at_most=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(loop(sys.argv[1]))
    else:
        main()
