"""Continue a prompt."""

from __future__ import annotations

import argparse
import codecs

from .. import devices, native, rpc
from ..native import lib
from . import options as shared
from . import terminal


def add_options(command: argparse.ArgumentParser) -> None:
    shared.add_model(command)
    command.add_argument("-p", "--prompt", required=True, help="the text to continue")
    command.add_argument(
        "-n", "--n-predict", type=shared.count, default=128, metavar="N", help="tokens at most (%(default)s)"
    )
    command.add_argument("--temp", type=float, default=0.8, metavar="T", help="temperature, 0: no chance (%(default)s)")
    command.add_argument("--seed", type=shared.seed, metavar="S", help="of the random choice (another one each time)")
    command.add_argument("-t", "--threads", type=shared.count, metavar="N", help="threads that compute")


def run(options: argparse.Namespace) -> None:
    from ..generate import generate, load

    if options.rpc:
        rpc.add_servers(options.rpc)
    if options.gpu_layers and not any(each.takes_layers for each in devices.devices()):
        native.report("no device takes layers: --gpu-layers has no effect")
    with terminal.progress("loading") as report:
        model = load(
            options.model,
            report,
            device=options.device,
            gpu_layers=options.gpu_layers,
            split_mode=options.split_mode,
            main_gpu=options.main_gpu,
            tensor_split=options.tensor_split,
        )
    try:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pieces = generate(model, options.prompt, options.n_predict, options.temp, options.seed, options.threads)
        for piece in pieces:
            terminal.write(decoder.decode(piece))
        terminal.write(decoder.decode(b"", True) + "\n")
    finally:
        lib.llama_model_free(model)
