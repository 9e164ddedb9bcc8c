"""The command line: `python -m llamacffi info`, `generate`, `rpc-server`, and what a compiler wants: `--cflags`, …"""

from __future__ import annotations

import argparse
import codecs
import io
import os
import sys
from typing import Any, Callable, Optional

import llamacffi

from . import devices, native, rpc, sdk
from .errors import InvalidArgumentError, LlamaError
from .native import lib


def _run_info(options: argparse.Namespace) -> None:
    import json

    from .info import info, lines

    facts = info(options.timeout, options.rpc)
    print(json.dumps(facts, indent=2) if options.json else "\n".join(lines(facts)))


def _run_generate(options: argparse.Namespace) -> None:
    from .generate import generate, load

    progress = _progress_bar("loading") if sys.stderr.isatty() else None
    if options.rpc:
        rpc.add_servers(options.rpc)
    if options.gpu_layers and not any(each.takes_layers for each in devices.devices()):
        native.report("no device takes layers: --gpu-layers has no effect")
    model = load(
        options.model,
        progress,
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
            _write(decoder.decode(piece))
        _write(decoder.decode(b"", True) + "\n")
    finally:
        lib.llama_model_free(model)


def _run_rpc_server(options: argparse.Namespace) -> None:
    rpc.serve(options.host, options.port, options.device, options.threads, options.cache)


def _print_facts(options: argparse.Namespace) -> None:
    """Arguments on one line, as a shell reads them; each folder on a line of its own."""
    import shlex
    import subprocess

    values = [fact() for fact in options.facts]
    arguments = [argument for value in values if isinstance(value, list) for argument in value]
    if arguments:
        print(subprocess.list2cmdline(arguments) if os.name == "nt" else " ".join(map(shlex.quote, arguments)))
    for value in values:
        if isinstance(value, str):
            print(value)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _progress_bar(what: str, width: int = 40) -> Callable[[float], bool]:
    """A bar on standard error, which is wiped when all is done."""
    shown = -1

    def show(part: float) -> bool:
        nonlocal shown
        done = round(part * width)
        if done != shown or part >= 1:
            shown = done
            bar = f"\r{what} [{'#' * done}{' ' * (width - done)}] {part:4.0%}"
            sys.stderr.write(bar if part < 1 else "\r" + " " * len(bar) + "\r")
            sys.stderr.flush()
        return True

    return show


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 < value < 2**16:
        raise ValueError
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise ValueError
    return value


def _usage(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """A type for argparse that keeps what `parse` says of a wrong value."""

    def parsed(text: str) -> Any:
        try:
            return parse(text)
        except InvalidArgumentError as error:
            raise argparse.ArgumentTypeError(error.args[0]) from None

    return parsed


def _add_rpc_option(group: argparse._ActionsContainer) -> None:
    group.add_argument("--rpc", metavar="HOST:PORT,…", help="RPC workers, whose devices to add")


def _add_device_options(command: argparse.ArgumentParser) -> None:
    """llama.cpp's own options, by its names."""
    group = command.add_argument_group("devices, as `info` lists them")
    _add_rpc_option(group)
    group.add_argument(
        "-dev", "--device", metavar="D,...", help="those that get layers, by name or number; none: the CPU alone (all)"
    )
    group.add_argument(
        "-ngl",
        "--gpu-layers",
        "--n-gpu-layers",
        type=_usage(devices.parse_gpu_layers),
        metavar="N",
        help="layers to move to them, a number, auto or all (all)",
    )
    group.add_argument(
        "-sm",
        "--split-mode",
        type=_usage(devices.parse_split_mode),
        metavar="MODE",
        help=f"how to split the model over them: {', '.join(devices.split_modes())} (layer)",
    )
    group.add_argument(
        "-mg", "--main-gpu", metavar="D", help="the one to use in mode none, by name or by place among them (0)"
    )
    group.add_argument(
        "-ts",
        "--tensor-split",
        type=_usage(devices.parse_tensor_split),
        metavar="N,...",
        help="each one's part of the model, as 3,1 (by free memory)",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llamacffi", description="llama.cpp through cffi")
    parser.set_defaults(run=_print_facts, verbose=False)
    parser.add_argument("--version", action="version", version=f"llamacffi {llamacffi.__version__}")
    for name, value, what in (
        ("--cflags", sdk.cflags, "print a C compiler's arguments"),
        ("--libs", sdk.libs, "print a linker's arguments"),
        ("--cmakedir", sdk.get_cmake_dir, "print the folder of the CMake package"),
        ("--pkgconfigdir", sdk.get_pkgconfig_dir, "print the folder of llamacffi.pc"),
    ):
        parser.add_argument(name, action="append_const", dest="facts", const=value, help=what)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    command = commands.add_parser("info", help="versions, devices, backends, folders")
    command.add_argument("--json", action="store_true", help="for programs")
    _add_rpc_option(command)
    command.add_argument(
        "--timeout", type=_seconds, default=30.0, metavar="S", help="for each backend to load, in seconds (%(default)g)"
    )
    command.set_defaults(run=_run_info)
    command = commands.add_parser("generate", help="continue a prompt")
    command.add_argument("-m", "--model", required=True, help="a GGUF file")
    command.add_argument("-p", "--prompt", required=True, help="the text to continue")
    command.add_argument(
        "-n", "--n-predict", type=_count, default=128, metavar="N", help="tokens at most (%(default)s)"
    )
    command.add_argument("--temp", type=float, default=0.8, metavar="T", help="temperature, 0: no chance (%(default)s)")
    command.add_argument("--seed", type=_seed, metavar="S", help="of the random choice (another one each time)")
    command.add_argument("-t", "--threads", type=_count, metavar="N", help="threads that compute")
    _add_device_options(command)
    command.set_defaults(run=_run_generate)
    command = commands.add_parser("rpc-server", help="offer this machine's devices to another: be an RPC worker")
    command.add_argument("-H", "--host", default="127.0.0.1", help="the address to listen on (%(default)s)")
    command.add_argument("-p", "--port", type=_port, default=rpc.PORT, help="the port to listen on (%(default)s)")
    command.add_argument(
        "-dev", "--device", metavar="D,…", help="those to offer, by name or number (GPUs, else the CPU)"
    )
    command.add_argument("-t", "--threads", type=_count, metavar="N", help="threads that compute on the CPU")
    command.add_argument("-c", "--cache", metavar="DIR", help="a folder to keep large tensors in, for the next time")
    command.set_defaults(run=_run_rpc_server)
    for command in commands.choices.values():
        command.add_argument("-v", "--verbose", action="store_true", help="all that llama.cpp logs, to standard error")
    return parser


def main(arguments: Optional[list[str]] = None) -> int:
    """Run one command; the exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if bool(options.facts) == bool(options.command):
        parser.error("give either a COMMAND or any of --cflags, --libs, --cmakedir, --pkgconfigdir")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the output's encoding may lack what a model writes
    if options.verbose:
        import logging

        logging.basicConfig(format="%(message)s", level=logging.DEBUG)
    try:
        options.run(options)
    except LlamaError as error:
        print(f"llamacffi: {error.args[0]}", file=sys.stderr)  # llama.cpp's own words have been logged
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Our output has nowhere to go, and the interpreter must not try to flush it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whoever reads no further wants no message either
            print(f"llamacffi: can't write the output: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
