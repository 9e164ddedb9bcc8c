"""Offer this machine's devices to other machines: be an RPC worker."""

from __future__ import annotations

import argparse

from .. import rpc
from . import shared


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("-H", "--host", default="127.0.0.1", help="the address to listen on (%(default)s)")
    command.add_argument("-p", "--port", type=_port, default=rpc.PORT, help="the port to listen on (%(default)s)")
    command.add_argument(
        "-dev", "--device", metavar="D,…", help="those to offer, by name or number (GPUs, else the CPU)"
    )
    command.add_argument("-t", "--threads", type=shared.count, metavar="N", help="threads that compute on the CPU")
    command.add_argument("-c", "--cache", metavar="DIR", help="a folder to keep large tensors in, for the next time")


def run(options: argparse.Namespace) -> None:
    rpc.serve(options.host, options.port, options.device, options.threads, options.cache)


def _port(text: str) -> int:
    value = int(text)
    if not 0 < value < 2**16:
        raise ValueError
    return value
