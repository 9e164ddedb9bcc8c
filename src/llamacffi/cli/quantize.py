"""Write a model's file with quantized weights. It appears once it is whole."""

from __future__ import annotations

import argparse
import logging
import os
from contextlib import nullcontext
from typing import Any

from .. import logs, native
from ..errors import LlamaError
from ..params import enum_value, enum_values
from ..quantization import quantize
from . import shared, terminal


def add_options(command: argparse.ArgumentParser) -> None:
    types = ", ".join(name.upper() for name in enum_values("llama_ftype"))
    command.add_argument("input", metavar="IN", help="a GGUF file, as a rule of F32, F16 or BF16")
    command.add_argument("output", metavar="OUT", help="the file to write")
    command.add_argument(
        "type",
        metavar="TYPE",
        nargs="?",
        type=shared.usage(_ftype),
        default="Q4_K_M",
        help=f"of most weights (%(default)s): {types}, or COPY, as they are",
    )
    command.add_argument("threads", metavar="THREADS", nargs="?", type=shared.count, help="(as many as processors)")
    command.add_argument("--allow-requantize", action="store_true", help="take weights that are quantized already, too")
    command.add_argument("--leave-output-tensor", action="store_true", help="leave output.weight as it is")
    command.add_argument("--pure", action="store_true", help="all weights of the same type, no mixture")
    command.add_argument(
        "--output-tensor-type", type=shared.usage(_ggml_type), metavar="TYPE", help="of output.weight, as q8_0"
    )
    command.add_argument(
        "--token-embedding-type", type=shared.usage(_ggml_type), metavar="TYPE", help="of the tokens' embeddings"
    )


def run(options: argparse.Namespace) -> None:
    given: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("allow_requantize", "pure", "output_tensor_type", "token_embedding_type")
        if getattr(options, name)
    }
    given["only_copy"] = options.type == "COPY"
    given["quantize_output_tensor"] = not options.leave_output_tensor
    ftype = "F32" if options.type == "COPY" else options.type
    kept = logs.Kept()  # llama.cpp has a warning or two for each tensor that can't have the type
    try:
        with terminal.progress("quantizing") as report, nullcontext() if options.verbose else kept:
            quantize(options.input, options.output, ftype, n_threads=options.threads, progress=report, **given)
    except BaseException as error:
        if isinstance(error, LlamaError):  # which names the keyword
            error.args = (error.args[0].replace("allow_requantize=True", "--allow-requantize"),)
        kept.lines = [(level, line) for level, line in kept.lines if level >= logging.ERROR]
        kept.pass_on()
        raise
    if kept.lines:
        native.report(f"{kept.lines[-1][1]} ({len(kept.lines)} warnings in all, -v shows them)")
    before, after = (os.path.getsize(path) / 2**20 for path in (options.input, options.output))
    terminal.write(f"{options.output}: {after:.2f} MiB, of {before:.2f}\n")


def _ftype(text: str) -> str:
    if text.upper() != "COPY":
        enum_value("llama_ftype", text, "quantize", "TYPE")
    return text.upper()


def _ggml_type(text: str) -> str:
    enum_value("ggml_type", text, "quantize", "TYPE")
    return text
