"""Measure a model's speed as llama-bench does: pp, a prompt processed in batches; tg, tokens generated one by one.

Neither tokenizing nor sampling is part of it: the tokens are random ones.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from typing import Any

from .. import devices, native
from ..batch import Batch
from ..context import Context
from ..model import Model
from . import shared, terminal

# Of the table, each with its width; those of numbers are written at the right.
_COLUMNS = {"model": 30, "size": 10, "params": 10, "backend": 10, "ngl": 3, "threads": 7, "test": 15, "t/s": 20}
_TEXTS = ("model", "backend")


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model(command)
    command.add_argument(
        "-p",
        "--n-prompt",
        type=_counts,
        default=[512],
        metavar="N,...",
        help="a prompt's tokens; 0: no such test (512)",
    )
    command.add_argument(
        "-n", "--n-gen", type=_counts, default=[128], metavar="N,...", help="tokens to generate; 0: no such test (128)"
    )
    command.add_argument("-r", "--repetitions", type=shared.count, default=5, metavar="N", help="(%(default)s)")
    command.add_argument("--no-warmup", action="store_true", help="count the first run, too")
    shared.add_batch(command)
    shared.add_threads(command)
    command.add_argument("-o", "--output", choices=("md", "json", "jsonl"), default="md", help="(%(default)s)")
    command.add_argument("--json", action="store_const", dest="output", const="json", help="as -o json")


def run(options: argparse.Namespace) -> None:
    tests = [(n, 0) for n in options.n_prompt if n] + [(0, n) for n in options.n_gen if n]
    results: list[dict[str, Any]] = []
    with shared.load_model(options) as model:
        facts = _facts(model, options)
        if options.output == "md":
            _print_heading(facts)
        for n_prompt, n_gen in tests:
            result = {**facts, **measure(model, n_prompt, n_gen, options)}
            results.append(result)
            if options.output == "md":
                _print_row(result)
            elif options.output == "jsonl":
                terminal.write(json.dumps(result) + "\n")
    if options.output == "json":
        terminal.write_json(results)


def measure(model: Model, n_prompt: int, n_gen: int, options: argparse.Namespace) -> dict[str, Any]:
    """One test: a context of just that size, a run that does not count, and the others, each with an empty memory.

    Returns:
        What was done and how long it took, by llama-bench's names.
    """
    samples: list[int] = []
    with model.context(n_ctx=n_prompt + n_gen, **shared.context_params(options)) as ctx, Batch(ctx.n_batch) as batch:
        for number in range(-1 + options.no_warmup, options.repetitions):
            ctx.memory.clear()
            started = time.perf_counter_ns()
            _process(ctx, batch, n_prompt)
            _generate(ctx, batch, n_gen if number >= 0 else min(n_gen, 1))
            if number >= 0:
                samples.append(time.perf_counter_ns() - started)
        n_threads = ctx.n_threads
    speeds = [(n_prompt + n_gen) * 1e9 / sample for sample in samples]
    return {
        "n_threads": n_threads,
        "n_prompt": n_prompt,
        "n_gen": n_gen,
        "test_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "avg_ns": round(statistics.mean(samples)),
        "stddev_ns": round(_deviation(samples)),
        "avg_ts": statistics.mean(speeds),
        "stddev_ts": _deviation(speeds),
        "samples_ns": samples,
        "samples_ts": speeds,
    }


def _process(ctx: Context, batch: Batch, n_prompt: int) -> None:
    tokens = _random_tokens(ctx, n_prompt)
    for start in range(0, n_prompt, ctx.n_batch):
        batch.set(tokens[start : start + ctx.n_batch], pos=start)
        ctx.decode(batch)
    ctx.synchronize()


def _generate(ctx: Context, batch: Batch, n_gen: int) -> None:
    for pos, token in enumerate(_random_tokens(ctx, n_gen)):
        batch.set([token], pos=pos)
        ctx.decode(batch)
        ctx.synchronize()


def _random_tokens(ctx: Context, n_tokens: int) -> list[int]:
    """Random ones behind the model's BOS token, if it wants one."""
    vocab = ctx.model.vocab
    tokens = random.choices(range(len(vocab)), k=n_tokens)
    if tokens and vocab.add_bos and vocab.bos is not None:
        tokens[0] = vocab.bos
    return tokens


def _deviation(values: list[Any]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _facts(model: Model, options: argparse.Namespace) -> dict[str, Any]:
    """What all tests have in common."""
    used = sorted({each.backend for each in devices.devices()} - {"CPU"})
    return {
        "build_commit": native.llama_cpp_commit(),
        "backends": ",".join(used) or "CPU",
        "model_filename": os.fspath(options.model),
        "model_type": model.description,
        "model_size": model.size,
        "model_n_params": model.n_params,
        "n_batch": options.batch_size,
        "n_ubatch": options.ubatch_size,
        "n_gpu_layers": -1 if options.gpu_layers is None else options.gpu_layers,
    }


def _print_heading(facts: dict[str, Any]) -> None:
    names = _shown(facts)
    rules = ("-" * (_COLUMNS[name] - 1) + ("-" if name in _TEXTS else ":") for name in names)
    for cells in ([_cell(name, name) for name in names], rules):
        terminal.write(f"| {' | '.join(cells)} |\n")


def _print_row(result: dict[str, Any]) -> None:
    gib, billions = result["model_size"] / 2**30, result["model_n_params"] / 1e9
    cells = {
        "model": result["model_type"],
        "size": f"{gib:.2f} GiB" if gib >= 1 else f"{gib * 2**10:.2f} MiB",
        "params": f"{billions:.2f} B" if billions >= 1 else f"{billions * 1e3:.2f} M",
        "backend": result["backends"],
        "ngl": str(result["n_gpu_layers"]),
        "threads": str(result["n_threads"]),
        "test": f"pp{result['n_prompt']}" if result["n_prompt"] else f"tg{result['n_gen']}",
        "t/s": f"{result['avg_ts']:.2f} ± {result['stddev_ts']:.2f}",
    }
    terminal.write(f"| {' | '.join(_cell(name, cells[name]) for name in _shown(result))} |\n")


def _shown(facts: dict[str, Any]) -> list[str]:
    """The columns: layers on devices only where there are devices."""
    return [name for name in _COLUMNS if name != "ngl" or facts["backends"] not in ("CPU", "BLAS")]


def _cell(name: str, text: str) -> str:
    return text.ljust(_COLUMNS[name]) if name in _TEXTS else text.rjust(_COLUMNS[name])


def _counts(text: str) -> list[int]:
    values = [int(part) for part in text.split(",")]
    if min(values) < 0:
        raise ValueError
    return values
